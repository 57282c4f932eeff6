"""The spaces of French at which no line is broken."""

import re

from retabli.model.numbers import NBSP

# Before `: ; ? ! » %`, after `«`; within `10 h 14`, before it in `à 10 h`, and between a day and its month.
_KEPT = re.compile(
    r" (?=[»%]|[:;?!](?:\s|$))|(?<=«) |(?<=\d) (?=h\b)|(?<= h) (?=\d)|(?<=\u00a0h) (?=\d)|(?<=\bà) (?=\d)"
    r"|(?<=\d) (?=(?:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)\b)"
)


def typeset(text: str, language: str) -> str:
    """The same text, whose lines are not broken where French does not break them."""
    return _KEPT.sub(NBSP, text) if language == "fr" else text
