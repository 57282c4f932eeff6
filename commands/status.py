"""`retabli status`: the restoration view in the terminal, from a running daemon."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable

from commands import _asking
from commands._answers import Unreachable
from commands._asking import UNREACHABLE
from commands._door import door
from commands._seen import SeenFlow
from commands._status_shown import Shown
from commands._status_watch import watch
from commands._status_words import URGENT, WELL
from retabli.model.states import State

HELP = "the restoration view in the terminal, from a running daemon"
OK, WRONG, UNKNOWN = 0, 1, 4  # exit codes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _asking.add_arguments(parser)
    parser.add_argument("--lang", choices=("fr", "en"), help="the language (default: the site's)")
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--failing", action="store_true", help="only the flows that are not well")
    much.add_argument("--all", action="store_true", help="all flows in full, even if the screen holds fewer")
    parser.add_argument("--json", action="store_true", help="print what the API says, on one line")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="keep it as it is, until Ctrl-C; with --json a line for each flow, and for each change of one",
    )


def main(args: argparse.Namespace) -> int:
    if args.watch:
        last = asyncio.run(watch(args))
        return UNREACHABLE if last is None else verdict(last.flows)
    try:
        picture, said = asyncio.run(_asking.look(door(args), args.lang))
    except Unreachable as error:
        sys.stderr.write(f"retabli status: {error}\n")
        return UNREACHABLE
    if args.json:
        if args.failing:
            said["flows"] = [each.form for each in picture.flows if each.state not in WELL]
        sys.stdout.write(f"{json.dumps(said, ensure_ascii=False)}\n")
    else:
        Shown(args).once(picture)
    return verdict(picture.flows)


def verdict(flows: Iterable[SeenFlow]) -> int:
    """0; 1: a flow is dropped or breached; 4: none of those, but some unknown."""
    states = {each.state for each in flows}
    if states & set(URGENT):
        return WRONG
    return UNKNOWN if State.UNKNOWN in states else OK
