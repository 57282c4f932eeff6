"""Where a command prints for people: colour on a terminal, plain text when piped."""

import sys
from collections.abc import Iterator
from typing import TextIO, TypeAlias

from rich.console import Console
from rich.text import Text

NARROW = 20  # columns: in less than that a text is left to the terminal to break

Span: TypeAlias = str | tuple[str, str]  # a text, or a text and its style


class Paper:
    """Prints whole lines, and lets each be seen at once. `live` says that lines may be rewritten."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.console = Console(file=stream or sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)

    @property
    def live(self) -> bool:
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def line(self, *spans: Span) -> None:
        """One line; on a terminal that is narrower it goes on below, between words, where it began."""
        for part in self._folded(text(*spans)) if self.console.is_terminal else (text(*spans),):
            self.console.print(part)
        self.console.file.flush()

    def _folded(self, whole: Text) -> Iterator[Text]:
        start = len(whole.plain) - len(whole.plain.lstrip(" →✓✗?"))
        room = self.console.width - start
        if whole.cell_len <= self.console.width or room < NARROW:
            yield whole
            return
        head, body = whole.divide([start])
        for place, part in enumerate(body.wrap(self.console, room)):
            part.rstrip()
            yield (Text(" " * start) if place else head).append_text(part)


def text(*spans: Span) -> Text:
    return Text.assemble(*spans)
