"""Markdown as the reference pages are written in: tables, anchors, and the spaces of French."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from retabli.model.words import Words
from retabli.view.typography import typeset

ORIGIN = Words(
    "*Page écrite par le programme lui-même (`python -m docs.build`). {other}*",
    "*Written by the program itself (`python -m docs.build`). {other}*",
)
NAMED = {"fr": "En français", "en": "In English"}
# What is no prose: fenced blocks, and spans of code.
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Its lines, and an empty one."""
    lines = [row(heads), row(["---"] * len(heads)), *map(row, rows)]
    return [*lines, ""]


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def code(text: object) -> str:
    return f"`{text}`"


def value(text: str) -> str:
    """A default as it is written, or nothing."""
    return code(text) if text else ""


def codes(words: Iterable[str]) -> str:
    return ", ".join(map(code, words))


def said(words: Any, language: str) -> str:
    """A sentence of the program's as one of a page: it begins with a capital and ends with a full stop."""
    text = str(words[language]) if isinstance(words, Words) else str(words)
    return text if not text else text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def page(title: str, about: str, lines: Iterable[str], language: str, other: str) -> str:
    """The whole text; `other` is the same page's path in the other language."""
    elsewhere = f"[{NAMED['en' if language == 'fr' else 'fr']}]({other})"
    head = [f"# {title}", "", ORIGIN[language].format(other=elsewhere), "", about, ""]
    return prose("\n".join([*head, *lines]).rstrip() + "\n", language)


def prose(text: str, language: str) -> str:
    """The same with the spaces of French where people read, and none within code."""
    parts, end = [], 0
    for found in CODE.finditer(text):
        parts += [typeset(text[end : found.start()], language), found[0]]
        end = found.end()
    return "".join([*parts, typeset(text[end:], language)])
