"""Copies the state into one file, beside a daemon that runs or without one."""

import argparse
import sys
from pathlib import Path

HELP = "copy the state into one file, while the daemon runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("copy", type=Path, metavar="COPY", help="the file to make; one that is there is never replaced")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    place.add_argument("--state", type=Path, metavar="PATH", help="the state file itself, without a configuration")


def main(args: argparse.Namespace) -> int:
    """1: the copy is made, but the chain of its log is broken, as that of the state is."""
    from commands import Refused
    from config.files import NOTHING
    from config.loading import load
    from retabli.store import StoreError
    from retabli.store.copies import take

    state = args.state or load(args.config, NOTHING).state
    try:
        verdict = take(state, args.copy)
    except StoreError as error:
        raise Refused(str(error)) from error
    sys.stdout.write(f"{args.copy}: {verdict.rows} rows of the log, head {verdict.rows}:{verdict.head}\n")
    if verdict.fault is not None:
        raise Refused(f"{state}: the log is broken, and so is that of the copy: {verdict.fault}", code=1)
    return 0
