"""Text that came from elsewhere, made harmless for a page or a feed, its no-break spaces kept."""

_KEPT = "\u00a0\u202f"  # French typography; not printable to str.isprintable


def inert(text: str, length: int = 300) -> str:
    """One line, cut, without control or direction-changing characters. Markup is the template's to escape."""
    kept = "".join(char if char.isprintable() or char in _KEPT else " " for char in text[: length * 4]).strip(" ")
    return kept if len(kept) <= length else kept[: length - 1] + "…"
