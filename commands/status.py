"""`retabli status`: the restoration view in the terminal, from a running daemon."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from retabli.model.result import clean
from retabli.model.states import STATE_WORDS, State

HELP = "the restoration view in the terminal, from a running daemon"
URL = "http://127.0.0.1:9877"
TIMEOUT = 10.0  # seconds
WATCH = 2.0  # seconds between two looks
OK, WRONG, UNREACHABLE, UNKNOWN = 0, 1, 3, 4  # exit codes
_WIDTHS = (12, 6, 9)  # of the state, the rung and the age; the title and the cause share the rest

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


class Unreachable(Exception):
    """The daemon cannot be asked; the message says why, in one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=URL, help=f"where the daemon listens (default: {URL})")
    parser.add_argument("--json", action="store_true", help="print what the API says, on one line")
    parser.add_argument("--watch", action="store_true", help="look again every two seconds, until Ctrl-C")


def main(args: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=False)
    code = UNREACHABLE
    with httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
        try:
            code = _look(client, args, console)
            while args.watch:
                time.sleep(WATCH)
                code = _look(client, args, console)
        except KeyboardInterrupt:
            pass  # how a watch ends; it says what was seen last
    return code


def _look(client: httpx.Client, args: argparse.Namespace, console: Console) -> int:
    try:
        picture = read(client, args.url)
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


def read(client: httpx.Client, url: str) -> dict[str, Any]:
    """What `/api/v1/flows` says.

    Raises:
        Unreachable: nobody answers there, or somebody who is not Retabli.
    """
    try:
        answer = client.get(f"{url.rstrip('/')}/api/v1/flows")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{url} cannot be reached: {clean(str(error)) or type(error).__name__}") from error
    if answer.status_code != 200:
        raise Unreachable(f"{url} answers {answer.status_code} {answer.reason_phrase}: is it Retabli?")
    try:
        picture: dict[str, Any] = answer.json()
        for each in picture["flows"]:
            State(each["state"]), each["id"], each["title"], each["verified"]["of"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"{url} answers something else than Retabli's API") from error
    return picture


def verdict(flows: Sequence[dict[str, Any]]) -> int:
    """0; 1: a flow is dropped or breached; 4: none of those, but some unknown."""
    states = {State(each["state"]) for each in flows}
    if states & {State.DROPPED, State.BREACHED}:
        return WRONG
    return UNKNOWN if State.UNKNOWN in states else OK


def show(picture: dict[str, Any], console: Console) -> None:
    """The view: one line a flow, in the order of the configuration, as on the page."""
    now = _instant(picture.get("generated_at")) or datetime.now(UTC)
    flows = picture["flows"]
    console.print(_summary(picture, flows))
    if not flows:
        return
    console.print()
    rows = [_row(flow, now) for flow in flows]
    room = max(console.width - sum(_WIDTHS) - 2 * 4, 20)
    titles = min(max(row[1].cell_len for row in rows), room * 11 // 20)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    state, rung, since = _WIDTHS
    for width in (state, titles):
        table.add_column(width=width, no_wrap=True, overflow="ellipsis")
    for width in (rung, since):
        table.add_column(width=width, no_wrap=True, overflow="ellipsis", justify="right")
    table.add_column(width=room - titles, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _summary(picture: dict[str, Any], flows: Sequence[dict[str, Any]]) -> Text:
    site = clean(str(picture.get("site", "")))
    said = Text(site + (f" ({clean(str(picture['standpoint']))})" if picture.get("standpoint") else ""), style="bold")
    for state in State:
        number = sum(each["state"] == state.value for each in flows)
        if number:
            said.append(" · ", style="not bold")
            said.append(f"{number}\u00a0{STATE_WORDS[state]['en']}", style=_STYLES[state][1])
    return said


def _row(flow: dict[str, Any], now: datetime) -> tuple[Text, Text, Text, Text, Text]:
    state = State(flow["state"])
    mark, style = _STYLES[state]
    verified = flow["verified"]
    shut = flow.get("intent") == "closed"
    return (
        Text(f"{mark} {STATE_WORDS[state]['en']}", style=style),
        Text(clean(str(flow["title"])) or flow["id"]),
        Text("closed" if shut else f"{verified['rung']}/{verified['of']}", style="bright_black" if shut else ""),
        Text(_ago(flow.get("since"), now), style="bright_black"),
        Text(_why(flow)),
    )


def _why(flow: dict[str, Any]) -> str:
    because, cause = flow.get("because"), flow.get("cause")
    if because:
        return f"because of {clean(str(because))}"
    if not cause or flow["state"] == State.CONTAINED.value:
        return ""
    said = [clean(str(cause[key])) for key in ("stage", "cause") if cause.get(key)]
    side = f" ({clean(str(cause['side']))})" if cause.get("side") else ""
    return ": ".join(said) + side


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _ago(text: object, now: datetime) -> str:
    then = _instant(text)
    if then is None or then.tzinfo is None:
        return ""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit, below, lower in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 0, "")):
        if seconds >= size:
            rest = seconds % size // below if below and seconds < 10 * size else 0
            return f"{seconds // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{seconds} s"
