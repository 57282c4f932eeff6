"""The log: every change, page and gap, as text, CSV or JSON; `verify` walks its hash chain."""

import argparse
import itertools
import json
import re
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from commands import Refused
from commands._moments import parse_moment
from retabli.model.record import Event
from retabli.model.stamps import row_stamp

if TYPE_CHECKING:
    from retabli.store import LogRow, Reader, Which

HELP = "print the log of states, pages, starts and gaps; `log verify` checks its hash chain"
WIDTH = 80
INDENT = " " * 20
NOTABLE = ("page", "gap", "copy", "aside", "deferred", "silence")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=["verify"], help="check the hash chain, name the first broken row")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    place.add_argument("--state", type=Path, metavar="PATH", help="the state file itself, without a configuration")
    parser.add_argument("--since", metavar="T", help="2023-07-03, 2023-07-03T08:00, or 2h, 7d ago")
    parser.add_argument("--until", metavar="T", help="only what was before")
    parser.add_argument("--flow", metavar="F", help="only what concerns this flow")
    parser.add_argument("--event", action="append", metavar="E", help=f"only events of this kind: {', '.join(Event)}")
    parser.add_argument("--lang", choices=("fr", "en"), help="the language (default: the site's)")
    parser.add_argument("--format", choices=["text", "csv", "json"], default="text", help="default: text")
    parser.add_argument("--limit", type=_count, metavar="N", help="only the newest N rows")
    parser.add_argument(
        "--noted", type=_noted, metavar="N:HASH", help="verify: a head that was noted elsewhere earlier"
    )


def main(args: argparse.Namespace) -> int:
    from retabli.store import Reader, StoreError

    if args.action == "verify" and (args.since or args.until or args.flow or args.event or args.limit):
        raise Refused("log verify checks the whole chain: it takes no --since, --until, --flow, --event or --limit")
    if args.action != "verify" and args.noted:
        raise Refused("--noted belongs to log verify")
    place = _place(args)
    try:
        reader = Reader(place.state)
    except StoreError as error:
        raise Refused(str(error)) from error
    with reader:
        try:
            return _verify(reader, args) if args.action == "verify" else _print(reader, args, place)
        except StoreError as error:
            raise Refused(str(error), code=1) from error


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log is, and in which language and timezone it is read."""

    state: Path
    language: str
    zone: tzinfo | None


def _place(args: argparse.Namespace) -> Place:
    if args.state is not None:
        return Place(args.state, args.lang or "en", None)
    from config.files import NOTHING
    from config.loading import load

    configuration = load(args.config, NOTHING)
    return Place(configuration.state, args.lang or configuration.site.language, configuration.site.zone)


# verify ------------------------------------------------------------------------------------------------------------


def _verify(reader: "Reader", args: argparse.Namespace) -> int:
    verdict = reader.verify(args.noted)
    if args.format == "json":
        found = {"intact": verdict.fault is None, "rows": verdict.rows, "head": verdict.head, "fault": verdict.fault}
        _out(json.dumps(found))
    elif verdict.fault is None:
        _out(f"the log is intact: {verdict.rows} rows, head {verdict.rows}:{verdict.head}")
    else:
        _out(f"the log is broken: {verdict.fault}")
        _out(f"what stands before it holds ({verdict.rows} rows)")
    return 0 if verdict.fault is None else 1


def _noted(text: str) -> tuple[int, bytes]:
    match = re.fullmatch(r"(\d+):([0-9a-f]{64})", text)
    if match is None:
        raise argparse.ArgumentTypeError("write the head as `log verify` printed it, N:HASH")
    return int(match[1]), bytes.fromhex(match[2])


# printing ----------------------------------------------------------------------------------------------------------


def _print(reader: "Reader", args: argparse.Namespace, place: Place) -> int:
    which = _which(args, place)
    rows: Iterator[LogRow]
    if args.limit is None:
        rows = reader.each(which)
    else:
        rows = iter(reader.entries(which, limit=args.limit)[::-1])
    first = list(itertools.islice(rows, 1))
    if not first:
        _say_why_nothing(reader, args.flow)
    printers = {"csv": _print_csv, "json": _print_json, "text": _print_text}
    printers[args.format](itertools.chain(first, rows), place)
    return 0


def _which(args: argparse.Namespace, place: Place) -> "Which":
    from retabli.model.settings import did_you_mean
    from retabli.store import Which

    def moment(option: str, written: str | None) -> float | None:
        return None if written is None else parse_moment(option, written, time.time(), place.zone)

    events = tuple(args.event or ())
    for each in events:
        if each not in tuple(Event):
            raise Refused(f"--event {each}: there is no such kind of event{did_you_mean(each, tuple(Event))}")
    return Which(moment("--since", args.since), moment("--until", args.until), args.flow, events)


def _print_csv(rows: Iterable["LogRow"], place: Place) -> None:
    from retabli.store.exports import Export

    export = Export(place.language, place.zone)
    sys.stdout.write(export.heading())
    for row in rows:
        sys.stdout.write(export.csv((row,)))


def _print_json(rows: Iterable["LogRow"], place: Place) -> None:
    """One object a line."""
    from retabli.store.exports import Export

    export = Export(place.language, place.zone)
    for row in rows:
        _out(export.json(row))


def _print_text(rows: Iterable["LogRow"], place: Place) -> None:
    from commands._paper import Paper
    from retabli.model.result import clean
    from retabli.model.states import State
    from retabli.store.spoken import event_word, sentence

    paper = Paper()
    colours = {State.RESTORED: "green", State.CONTAINED: "green", State.DROPPED: "bold red", State.BREACHED: "bold red"}
    for row in rows:
        stamp = row_stamp(row.at, place.zone)
        said = sentence(row.event, row.data, place.language, place.zone)
        subject = f"{clean(row.flow)}: " if row.flow and said else clean(row.flow or "")
        head = f"{stamp} {row.number:>5} {event_word(row.event, place.language):<14} "
        lines = textwrap.wrap(f"{head}{subject}{said}", WIDTH, subsequent_indent=INDENT)
        style = colours.get(row.data.get("now", ""), "yellow" if row.event in NOTABLE else "")
        day = len(stamp) + 1
        paper.line((lines[0][:day], "dim"), (lines[0][day:], style))
        for line in lines[1:]:
            paper.line((line, style))


def _say_why_nothing(reader: "Reader", flow: str | None) -> None:
    from retabli.model.settings import did_you_mean

    if flow is not None and flow not in (known := reader.flows()):
        sys.stderr.write(f'no row speaks of a flow "{flow}"{did_you_mean(flow, known)}\n')


def _out(line: str) -> None:
    sys.stdout.write(f"{line}\n")


# reading the command line ------------------------------------------------------------------------------------------


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"{text} is no number of rows")
    return int(text)
