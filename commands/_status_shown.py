"""Where `status` is shown: on a terminal as wide as it is, plain for a pipe."""

import argparse
import sys

from rich.console import Console, Group
from rich.text import Text

from commands._ink import in_ascii, knows_signs
from commands._paper import folded, spaced
from commands._seen import Seen
from commands._status_screen import Screen, Wanted
from commands._status_words import Wording
from retabli.model.words import Words
from retabli.view.times import span

LOST = Words("Connexion perdue, données d'il y a {age}", "Connection lost, data from {age} ago")
NEVER = Words("Pas encore de réponse", "No answer yet")


class Shown:
    def __init__(self, args: argparse.Namespace) -> None:
        self.console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        self.language: str | None = args.lang
        self._wanted = Wanted(failing=args.failing, whole=args.all, scrolls=not args.watch)
        self._signs = knows_signs(sys.stdout)

    @property
    def live(self) -> bool:
        """Whether what is shown can be written over."""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def screen(self, picture: Seen) -> Screen:
        wording = Wording(picture, self.language or picture.language, self._signs)
        return Screen(wording, self._wanted, self.console, self.console.width)

    def once(self, picture: Seen) -> None:
        """All of it; where it scrolls away, the line that says it all stands at the end too."""
        screen = self.screen(picture)
        if not self.console.is_terminal:
            for line in screen.piped():
                self.plain(line)
            return
        height = self.console.height - 1  # the prompt's
        lines = screen.lines(height)
        if len(lines) > height:
            lines += [Text(), *screen.head()]
        self.console.print(Group(*lines), no_wrap=True, overflow="ignore", crop=False)

    def plain(self, line: str) -> None:
        sys.stdout.write(f"{spaced(Text(line)).plain}\n")
        sys.stdout.flush()

    def frame(self, picture: Seen | None, lost: str, age: float) -> Group:
        """What a screen that renews itself shows; `lost` says why the daemon is not heard, `age` in seconds."""
        top = self._lost(picture, lost, age) if lost else []
        if picture is None:
            return Group(*top)
        screen, height = self.screen(picture), self.console.height - len(top)
        lines = screen.cropped(screen.lines(height), height)
        if lost:  # nothing is green any more: nobody knows
            lines = [Text(line.plain, style="dim") for line in lines]
        return Group(*top, *lines)

    def leave(self, picture: Seen | None, lost: str, age: float) -> None:
        """What stays on the terminal when a watch has ended."""
        lines = self._lost(picture, lost, age) if lost else []
        lines += self.screen(picture).head() if picture is not None else []
        self.console.print(Group(*lines))

    def _lost(self, picture: Seen | None, why: str, age: float) -> list[Text]:
        language = self.language or (picture.language if picture else "en")
        said = LOST[language].format(age=span(age, language)) if picture else NEVER[language]
        lines = Text(self._written(f" {said} "), style="bold white on red"), Text(self._written(why))
        return [each for line in lines for each in folded(self.console, line, self.console.width, 0, 1)]

    def _written(self, said: str) -> str:
        return said if self._signs else in_ascii(said)
