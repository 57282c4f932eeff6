"""Writes the reference pages from the program itself, in French and in English: `python -m docs.build`.

A test compares: what is checked in is what this writes.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docs.writing import addresses, alerts, causes, commands, kinds, metrics, settings, states
from docs.writing.markdown import page
from retabli.model.words import Words

FOLDER = Path(__file__).parent / "reference"
LANGUAGES = ("fr", "en")


@dataclass(frozen=True, slots=True)
class Page:
    """`name` is its file's, without the suffix; `lines` what stands on it, in a language."""

    name: Words
    title: Words
    about: Words
    lines: Callable[[str], Iterable[str]]

    def path(self, language: str) -> Path:
        return Path(language, f"{self.name[language]}.md")

    def text(self, language: str) -> str:
        other = "en" if language == "fr" else "fr"
        title, about, elsewhere = self.title[language], self.about[language], f"../{self.path(other).as_posix()}"
        return page(title, about, self.lines(language), language, elsewhere)


PAGES = (
    Page(Words("etats", "states"), states.TITLE, states.ABOUT, states.lines),
    Page(Words.same("causes"), causes.TITLE, causes.ABOUT, causes.lines),
    Page(Words("sondes", "kinds"), kinds.TITLE, kinds.ABOUT, kinds.lines),
    Page(Words("reglages", "settings"), settings.TITLE, settings.ABOUT, settings.lines),
    Page(Words("commandes", "commands"), commands.TITLE, commands.ABOUT, commands.lines),
    Page(Words("adresses", "addresses"), addresses.TITLE, addresses.ABOUT, addresses.lines),
    Page(Words("metriques", "metrics"), metrics.TITLE, metrics.ABOUT, metrics.lines),
    Page(Words("alertes", "alerts"), alerts.TITLE, alerts.ABOUT, alerts.lines),
)


def files() -> Mapping[Path, str]:
    """What is to be written, by its path in the folder it is written to."""
    return {each.path(language): each.text(language) for each in PAGES for language in LANGUAGES}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.build", description="write the reference pages")
    parser.add_argument("--into", default=FOLDER, type=Path, help="a folder; by default that of the pages here")
    args = parser.parse_args(arguments)
    for path, text in files().items():
        written: Path = args.into / path
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
