"""The page of commands: each with its options and exit codes, from the parsers themselves."""

import argparse
from collections.abc import Iterator

import commands
from commands._logging import FORMATS, LEVELS
from docs.writing.command_words import EVERY, EXITS, FRENCH
from docs.writing.markdown import code, said, table
from retabli.model.words import Words

TITLE = Words("Les commandes", "Commands")
ABOUT = Words(
    "`retabli COMMANDE` est le programme installé ; dans une copie du dépôt, `python daemon.py COMMANDE`. "
    "`--help` après une commande l'explique (en anglais). Ce que l'opérateur peut corriger est une ligne sur la sortie "
    "d'erreur, et le code 2.",
    "`retabli COMMAND` is the program as it is installed; from a checkout, `python daemon.py COMMAND`. `--help` after "
    "a command explains it. What the operator can mend is one line on standard error, and exit code 2.",
)
OPTIONS = Words("option|sens", "option|means")
CODES = Words("code|sens", "exit code|means")
EVERYWHERE = Words("Partout", "Everywhere")
EXIT_HEAD = Words("Codes de sortie communs", "Exit codes common to all")
COMMON = {
    f"--log-format {'|'.join(FORMATS)}": Words(
        "comment il parle de lui-même, sur la sortie d'erreur : des lignes, ou du JSON",
        "how it speaks of itself, on standard error: lines for people, or JSON",
    ),
    f"--log-level {'|'.join(LEVELS)}": Words(
        "rien en dessous (par défaut, info)", "nothing below this (default: info)"
    ),
    "--version": Words("la version, seule : `retabli --version`", "the version, by itself: `retabli --version`"),
    "--help": Words("ce qu'est la commande", "what the command is"),
}


def parser(name: str) -> argparse.ArgumentParser:
    """The command's own, without what every command has."""
    made = argparse.ArgumentParser(prog=f"retabli {name}", add_help=False)
    commands.command(name).add_arguments(made)
    return made


def lines(language: str) -> Iterator[str]:
    for name in commands.names():
        yield from _command(name, language)
    yield from (f"## {EVERYWHERE[language]}", "")
    yield from table(OPTIONS[language].split("|"), ((code(each), words[language]) for each, words in COMMON.items()))
    yield from (f"### {EXIT_HEAD[language]}", "")
    yield from table(CODES[language].split("|"), ((code(each), words[language]) for each, words in EVERY.items()))


def in_language(text: str, language: str) -> str:
    """The program's own words; in French where French ones are kept for the whole of it, or for its beginning."""
    if language == "en":
        return text
    for english in (text, text.partition(" (default: http")[0], text.partition(":")[0]):
        if english in FRENCH:
            return FRENCH[english] + text.removeprefix(english).replace(" (default: ", " (par défaut, ").replace(
                ": ", " : "
            )
    return text


def _command(name: str, language: str) -> Iterator[str]:
    yield from (f"## {name}", "", said(in_language(commands.help_of(name), language), language), "")
    yield from ("```", usage(parser(name)), "```", "")
    if options := list(_options(parser(name), language)):
        yield from table(OPTIONS[language].split("|"), options)
    if name in EXITS:
        codes = ((code(each), words[language]) for each, words in EXITS[name].items())
        yield from table(CODES[language].split("|"), codes)


def usage(made: argparse.ArgumentParser) -> str:
    """On one line, as a person would write it."""
    return " ".join(made.format_usage().removeprefix("usage: ").split())


def _options(made: argparse.ArgumentParser, language: str) -> Iterator[tuple[str, str]]:
    for action in made._actions:  # noqa: SLF001 - argparse tells of its options nowhere else
        shown = ", ".join(action.option_strings) or ""
        choices = "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
        value = str(action.metavar or choices)
        named = f"{shown} {value}".strip() if action.nargs != 0 else shown
        yield code(named), in_language(action.help or "", language)
