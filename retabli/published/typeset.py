"""Text as it is printed: harmless, and in French not broken before its punctuation nor within a time of day."""

import re

_NBSP = "\u00a0"
_KEPT = (_NBSP, "\u202f")
_UNBROKEN = re.compile(
    r" (?=[;:!?»])|(?<=«) |(?<=\d) (?=h\b)|(?<= h) (?=\d)|(?<=\u00a0h) (?=\d)|(?<=\d) (?=%)"
    r"|(?<=\bà) (?=\d)|(?<=\d) (?=(?:janvier|février|mars|avril|mai|juin)\b)"
    r"|(?<=\d) (?=(?:juillet|août|septembre|octobre|novembre|décembre)\b)"
)


def typeset(text: str, language: str, length: int = 1000) -> str:
    """One line, cut, without control or direction-changing characters. Markup is whoever places it to escape."""
    kept = "".join(char if char.isprintable() or char in _KEPT else " " for char in text[: length * 4])
    kept = re.sub(" +", " ", kept).strip(" ")
    kept = kept if len(kept) <= length else kept[: length - 1] + "…"
    return _UNBROKEN.sub(_NBSP, kept) if language == "fr" else kept
