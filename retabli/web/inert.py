"""Text that came from elsewhere, made harmless for a page or a feed, its no-break spaces kept."""

import re

_KEPT = "\u00a0\u202f"  # French typography; not printable to str.isprintable
_LEFTWARDS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
# Where words that are read leftwards end: without a mark, what follows them would turn round, too (UAX 9, rule N1).
_END = re.compile(f"([{_LEFTWARDS}])(?![ '\"-]*[{_LEFTWARDS}])")
_MARK = "\u200e"  # LEFT-TO-RIGHT MARK


def inert(text: str, length: int = 300) -> str:
    """One line, cut, without control or direction-changing characters. Markup is the template's to escape.

    Words that are read leftwards, as Hebrew and Arabic are, end with a mark: their neighbours stay where they are.
    """
    kept = "".join(char if char.isprintable() or char in _KEPT else " " for char in text[: length * 4]).strip(" ")
    kept = kept if len(kept) <= length else kept[: length - 1] + "…"
    return kept if kept.isascii() else _END.sub(rf"\1{_MARK}", kept)
