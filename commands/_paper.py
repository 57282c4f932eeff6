"""Where a command prints for people: colour on a terminal, plain text when piped."""

import sys
from typing import TextIO, TypeAlias

from rich.console import Console
from rich.text import Text

Span: TypeAlias = str | tuple[str, str]  # a text, or a text and its style


class Paper:
    """Prints whole lines, and lets each be seen at once. `live` says that lines may be rewritten."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.console = Console(file=stream or sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)

    @property
    def live(self) -> bool:
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def line(self, *spans: Span) -> None:
        self.console.print(text(*spans))
        self.console.file.flush()


def text(*spans: Span) -> Text:
    return Text.assemble(*spans)
