"""The entrance: reads the command line and hands over to one of commands/. Nothing imports it."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import commands

DESCRIPTION = "Watches the flows a hospital re-opens after a cyberattack: how far each really gets, and since when."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. 2 for what the operator can mend, 130 when interrupted."""
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ✓ shows a question mark
    try:
        args = parser_for(given).parse_args(given)
        code = run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if error.name is None or (Path(__file__).parent / error.name.partition(".")[0]).exists():
            raise  # one of our own: a defect
        sys.stderr.write(f"{_lacking(error.name)}\n")
        return 2
    except BrokenPipeError:
        # Whoever read us has gone; the interpreter must not find that out once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def run(args: argparse.Namespace) -> int:
    from commands import _logging

    _logging.set_up(args.log_format, args.log_level)
    try:
        return commands.command(args.command).main(args)
    except commands.Refused as refusal:
        for line in refusal.lines:
            sys.stderr.write(f"{line}\n")
        return refusal.code
    except _configuration_fault() as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2


def _lacking(package: str) -> str:
    """Said to who starts this with a Python that has not our packages: the most common mishap in a checkout."""
    home = Path(__file__).parent
    own = home / ".venv" / "bin" / "python"
    mend = f"start it by {own}" if own.exists() else '"make setup" makes .venv with all of them'
    if home.name == "_app":  # inside an installed package
        mend = "install Retabli anew"
    return f"{sys.executable} lacks the package {package}: {mend}"


def _configuration_fault() -> type[Exception]:
    """Asked for only when something was raised: most commands end without ever reading a configuration."""
    from config.faults import ConfigurationFault

    return ConfigurationFault


def parser_for(given: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows the command that is asked for, or, when there is none, what each is for."""
    known = commands.names()
    wanted = next((word for word in given if not word.startswith("-")), None)
    name = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(
        prog=name if name == "daemon.py" else "retabli", description=DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=version())
    places = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for each in known:
        about = commands.help_of(each) if wanted not in known else None
        place = places.add_parser(each, help=about, allow_abbrev=False)
        if each == wanted:
            module = commands.command(each)
            place.description = module.HELP
            module.add_arguments(place)
            add_logging(place)
    return parser


def add_logging(parser: argparse.ArgumentParser) -> None:
    from commands._logging import FORMATS, LEVELS

    group = parser.add_argument_group("what the program says of itself")
    group.add_argument("--log-format", choices=FORMATS, default="text", help="lines for people, or JSON")
    group.add_argument("--log-level", choices=LEVELS, default="info", help="nothing below this (default: info)")


def version() -> str:
    from retabli import __version__

    return f"retabli {__version__}"


if __name__ == "__main__":
    sys.exit(main())
