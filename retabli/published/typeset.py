"""Text as it is printed: harmless, and in French not broken before its punctuation nor within a time of day."""

import re

from retabli.model.numbers import NARROW, NBSP
from retabli.view.typography import typeset as unbroken

_KEPT = (NBSP, NARROW)


def typeset(text: str, language: str, length: int = 1000) -> str:
    """One line, cut, without control or direction-changing characters. Markup is whoever places it to escape."""
    kept = "".join(char if char.isprintable() or char in _KEPT else " " for char in text[: length * 4])
    kept = re.sub(" +", " ", kept).strip(" ")
    kept = kept if len(kept) <= length else kept[: length - 1] + "…"
    return unbroken(kept, language)
