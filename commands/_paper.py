"""Where a command prints for people: colour on a terminal, plain text when piped."""

import sys
from collections.abc import Iterator
from typing import TextIO, TypeAlias

from rich.console import Console
from rich.text import Text

from commands._ink import in_ascii, knows_signs, plain
from retabli.view.typography import typeset

UNBROKEN = "\ue000"  # stands for a space without break while lines are folded
NARROW = 20  # columns: in less than that a text is left to the terminal to break

Span: TypeAlias = str | tuple[str, str]  # a text, or a text and its style


class Paper:
    """Prints whole lines, and lets each be seen at once. `live` says that lines may be rewritten."""

    def __init__(self, stream: TextIO | None = None, *, language: str = "") -> None:
        stream = stream or sys.stdout
        self._language = language
        self.console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._signs = knows_signs(stream)

    @property
    def live(self) -> bool:
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def line(self, *spans: Span) -> None:
        """One line; on a terminal that is narrower it goes on below, between words, where it began."""
        whole = text(*(self._written(each) for each in spans))
        for part in self._folded(whole) if self.console.is_terminal else (spaced(whole),):
            self.console.print(part)
        self.console.file.flush()

    def written(self, said: str) -> str:
        """What this stream can show of it, with the spaces at which its language breaks no line."""
        kept = typeset(said, self._language)
        return kept if self._signs else in_ascii(kept)

    def _written(self, span: Span) -> Span:
        return self.written(span) if isinstance(span, str) else (self.written(span[0]), span[1])

    def _folded(self, whole: Text) -> Iterator[Text]:
        start = len(whole.plain) - len(whole.plain.lstrip(" →✓✗?"))
        yield from folded(self.console, whole, self.console.width, start, start)


def text(*spans: Span) -> Text:
    return Text.assemble(*spans)


def folded(console: Console, whole: Text, width: int, start: int, later: int) -> Iterator[Text]:
    """In lines of that width, broken between words; `later` columns before all but the first.

    The first `start` characters are what the first line begins with. No line is broken at a space without break.
    """
    room = width - max(start, later)
    if whole.cell_len <= width or room < NARROW:
        yield spaced(whole)
        return
    head, body = whole.divide([start])
    body.plain = body.plain.replace("\u00a0", UNBROKEN).replace("\u202f", UNBROKEN)  # rich breaks at any space
    for place, part in enumerate(body.wrap(console, room)):
        part.rstrip()
        yield spaced((Text(" " * later) if place else head).append_text(part))


def spaced(line: Text) -> Text:
    """With ordinary spaces, now that it is a line."""
    line.plain = plain(line.plain.replace(UNBROKEN, " "))
    return line
