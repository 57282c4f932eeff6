"""The spaces of French at which no line is broken."""

import re

# Before `: ; ? ! » %`, after `«`, and within `10 h 14`.
_KEPT = re.compile(r"(?<=\S) (?=[»%]|[:;?!](?:\s|$))|(?<=«) |(?<=\d) (?=h \d\d)|(?<=\d h) (?=\d\d)")


def typeset(text: str, language: str) -> str:
    """The same text, whose lines are not broken where French does not break them."""
    return _KEPT.sub("\u00a0", text) if language == "fr" else text
