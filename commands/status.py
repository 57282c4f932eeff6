"""`retabli status`: the restoration view in the terminal, from a running daemon."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from commands import _asking
from commands._asking import UNREACHABLE, Unreachable, client, instant, read, zone
from commands._on_call import lines
from retabli.model.causes import SIDE_WORDS, Side
from retabli.model.result import clean
from retabli.model.states import STATE_WORDS, State
from retabli.view.site import seen_from
from retabli.view.times import span
from retabli.web.pages.headline import counted
from retabli.web.words import INTENTS, text

HELP = "the restoration view in the terminal, from a running daemon"
WATCH = 2.0  # seconds between two looks
OK, WRONG, UNKNOWN = 0, 1, 4  # exit codes
GAP = 2  # columns between two cells

_STYLES = {
    State.BREACHED: ("✖", "bold magenta"),
    State.DROPPED: ("▼", "bold red"),
    State.UNKNOWN: ("?", "bold blue"),
    State.DEGRADED: ("◆", "yellow"),
    State.DOWN: ("□", "bright_black"),
    State.RECOVERING: ("↑", "cyan"),
    State.RESTORED: ("●", "green"),
    State.CONTAINED: ("■", "green"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _asking.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print what the API says, on one line")
    parser.add_argument("--watch", action="store_true", help="look again every two seconds, until Ctrl-C")


def main(args: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=False)
    code = UNREACHABLE
    with client() as asked:
        try:
            code = _look(asked, args, console)
            while args.watch:
                time.sleep(WATCH)
                code = _look(asked, args, console)
        except KeyboardInterrupt:
            pass  # how a watch ends; it says what was seen last
    return code


def _look(asked: httpx.Client, args: argparse.Namespace, console: Console) -> int:
    try:
        picture = read(asked, args.url)
    except Unreachable as error:
        print(f"retabli status: {error}", file=sys.stderr)  # noqa: T201
        return UNREACHABLE
    if args.json:
        print(json.dumps(picture, ensure_ascii=False), flush=True)  # noqa: T201
    else:
        if args.watch and console.is_terminal:
            console.clear()
        show(picture, console)
    return verdict(picture["flows"])


def verdict(flows: Sequence[dict[str, Any]]) -> int:
    """0; 1: a flow is dropped or breached; 4: none of those, but some unknown."""
    states = {State(each["state"]) for each in flows}
    if states & {State.DROPPED, State.BREACHED}:
        return WRONG
    return UNKNOWN if State.UNKNOWN in states else OK


def show(picture: dict[str, Any], console: Console) -> None:
    """The view, in the site's language: one line a flow, in the order of the configuration, as on the page.

    Causes stand at the end of their lines where the terminal has room for all of them, else below.
    """
    now = instant(picture.get("generated_at")) or datetime.now(UTC)
    language = "fr" if picture.get("language") == "fr" else "en"
    flows = picture["flows"]
    console.print(_summary(picture, flows, language), soft_wrap=not console.is_terminal)
    if not flows:
        return
    console.print()
    titles = {flow["id"]: clean(str(flow["title"])) or flow["id"] for flow in flows}
    place = zone(picture.get("timezone"))
    rows = [_row(flow, now, titles, language) for flow in flows]
    marks = [tuple(lines(flow, titles, now, place, language)) for flow in flows]
    widths = [max(getattr(row, name).cell_len for row in rows) for name in ("state", "title", "rung", "since")]
    room = console.width - sum(widths) - GAP * len(widths)
    beside = room >= max(row.why.cell_len for row in rows)
    if not beside:
        widths[1] = min(widths[1], widths[1] + room + GAP)
    for row, marked in zip(rows, marks, strict=True):
        line = _columns((row.state, row.title, row.rung, row.since), widths)
        if beside and row.why:
            line.append(" " * GAP).append_text(row.why)
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ellipsis")
        if row.why and not beside:
            console.print(Padding(row.why, (0, 0, 0, widths[0] + GAP), expand=False))
        for mark in marked:
            console.print(Padding(Text(mark, style="bold"), (0, 0, 0, widths[0] + GAP), expand=False))


@dataclass(frozen=True, slots=True)
class _Row:
    state: Text
    title: Text
    rung: Text
    since: Text
    why: Text


def _columns(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """The first two to the left, the others to the right; what is too long is cut."""
    line = Text()
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        cell.truncate(max(width, 1), overflow="ellipsis")
        cell.align("left" if place < 2 else "right", max(width, 1))
        line.append(" " * GAP if place else "").append_text(cell)
    return line


def _summary(picture: dict[str, Any], flows: Sequence[dict[str, Any]], language: str) -> Text:
    site, standpoint = clean(str(picture.get("site", ""))), clean(str(picture.get("standpoint") or ""))
    seen = seen_from(standpoint, language)
    said = Text(site + (f" ({seen})" if seen else ""), style="bold")
    for state in State:
        number = sum(each["state"] == state.value for each in flows)
        if number:
            said.append(" · ", style="not bold")
            said.append(counted(state, number, language).replace(" ", "\u00a0"), style=_STYLES[state][1])
    return said


def _row(flow: dict[str, Any], now: datetime, titles: Mapping[str, str], language: str) -> _Row:
    state = State(flow["state"])
    mark, style = _STYLES[state]
    verified = flow["verified"]
    shut = flow.get("intent") == "closed"
    rung = INTENTS["closed"][language] if shut else f"{verified['rung']}/{verified['of']}"
    since = instant(flow.get("since"))
    return _Row(
        Text(f"{mark} {STATE_WORDS[state][language]}", style=style),
        Text(titles[flow["id"]]),
        Text(rung, style="bright_black" if shut else ""),
        Text("" if since is None else span((now - since).total_seconds(), language), style="bright_black"),
        Text(_why(flow, titles, language)),
    )


def _why(flow: dict[str, Any], titles: Mapping[str, str], language: str) -> str:
    because, cause = flow.get("because"), flow.get("cause")
    if because:
        title = titles.get(because, clean(str(because)))
        return f"{text('because', language)}{text('colon', language)} {title}"
    if not cause or flow["state"] == State.CONTAINED.value:
        return ""
    words = cause.get("words") or {}  # an older daemon has none
    said = [clean(str(words.get(key) or cause[key])) for key in ("stage", "cause") if cause.get(key)]
    side = f" ({SIDE_WORDS[Side(cause['side'])][language]})" if cause.get("side") in tuple(Side) else ""
    return f"{text('colon', language)} ".join(said) + side
