"""A running daemon, asked over its API: what `status`, `silence` and `acknowledge` share."""

import argparse
import asyncio
import os
import pwd
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote

from commands import Refused, _door
from commands._answers import TIMEOUT, Answer, Unreachable, address, ask, exchange, not_let_in, shown
from commands._door import Door
from commands._ink import in_ascii, knows_signs, plain
from commands._seen import Seen, instant, seen
from retabli.model.result import clean
from retabli.model.settings import did_you_mean
from retabli.view.times import moment

URL = "http://127.0.0.1:9877"
WIDTH = 80
REFUSED, UNREACHABLE = 1, 3  # exit codes
FAULTS = 20  # that are told
PEOPLE = range(1000, 65534)  # user ids; what is below are services, what is above is nobody


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", type=address, default=URL, help=f"where the daemon listens (default: {URL})")
    _door.add_arguments(parser)


async def look(door: Door, language: str | None = None, *, timeout: float = TIMEOUT) -> tuple[Seen, dict[str, Any]]:
    """What `/api/v1/flows` says: as facts, and as it was said. `language`: of its words; None: the site's.

    Raises:
        Unreachable: nobody answers there, somebody who is not Retabli, or one who does not let this account see.
    """
    url = door.url
    answer = await exchange("GET", door, f"/api/v1/flows{f'?lang={language}' if language else ''}", timeout=timeout)
    if (why_not := not_let_in(answer, door)) is not None:
        raise Unreachable(why_not)
    if answer.status != 200:
        raise Unreachable(f"{shown(url)} answers {answer.status}: is it Retabli?")
    try:
        form = answer.json()
        return seen(form), form
    except ValueError as error:
        raise Unreachable(f"{shown(url)} answers something else than Retabli's API") from error


@dataclass(frozen=True, slots=True)
class Asked:
    """A daemon that answers, and the flow that something is said of."""

    door: Door
    flow: str
    title: str
    language: str
    now: datetime
    zone: tzinfo | None  # the site's; None where the daemon does not say: the machine's own

    def tell(self, doing: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """The flow as it is now.

        Raises:
            Refused: it cannot be done as things stand (1), or what is asked for is wrong (2).
            Unreachable: nobody answers, or somebody else.
        """
        answer = ask("POST", self.door, f"/api/v1/flows/{quote(self.flow, safe='')}/{doing}", fields)
        if (why_not := not_let_in(answer, self.door)) is not None:
            raise Refused(why_not, code=REFUSED)
        try:
            value = _object(answer)
            if answer.status == 200:
                return value
            faults = value.get("faults") or [value["error"]]
            said = [clean(each) for each in faults[:FAULTS]]
        except (ValueError, KeyError, TypeError) as error:
            where = shown(self.door.url)
            raise Unreachable(f"{where} answers {answer.status}, and not as Retabli's API does") from error
        raise Refused(*said, code=2 if answer.status in (400, 404) else REFUSED)


def _object(answer: Answer) -> dict[str, Any]:
    value = answer.json()
    if not isinstance(value, dict) or (answer.status == 200 and "id" not in value):
        raise ValueError("not what Retabli answers")
    return value


@contextmanager
def asking(door: Door, flow: str) -> Iterator[Asked]:
    """Asks the daemon whether it knows this flow, and gives the way to tell it something.

    Raises:
        Refused: there is no such flow (2), or the daemon cannot be reached (3).
    """
    try:
        picture, _ = asyncio.run(look(door))
        titles = picture.titles
        if flow not in titles:
            raise Refused(f'there is no flow "{clean(flow)}"{did_you_mean(flow, titles)}')
        yield Asked(
            door=door, flow=flow, title=titles[flow], language=picture.language, now=picture.now, zone=picture.zone
        )
    except Unreachable as error:
        raise Refused(str(error), code=UNREACHABLE) from error


def said(asked: Asked, until: object) -> str:
    """An instant of the API in the site's words and time; empty for none."""
    found = instant(until)
    if found is None:
        return ""
    return moment(found.timestamp(), asked.now.timestamp(), asked.zone or local(asked.now), asked.language)


def local(now: datetime) -> tzinfo:
    """The machine's own zone, where the daemon does not say the site's."""
    return now.astimezone().tzinfo or UTC


def print_folded(*lines: str) -> None:
    """For people: no line is longer than eighty columns."""
    signs = knows_signs(sys.stdout)
    for line in lines:
        for part in textwrap.wrap(line if signs else in_ascii(line), WIDTH, subsequent_indent="  "):
            sys.stdout.write(f"{plain(part)}\n")


def person(given: str | None, account: str | None = None) -> str:
    """Who says so: `--by`, else the account that the daemon is asked as (empty: it knows), else whoever is behind sudo,
    else the login; root and services are no persons.

    Raises:
        Refused: nobody is named.
    """
    if given is not None:
        if not given.strip():
            raise Refused("--by: write a name, which stands in the log")
        return given
    if account is not None:
        return ""
    behind = os.environ.get("SUDO_USER")
    try:
        login = pwd.getpwnam(behind) if behind else pwd.getpwuid(os.getuid())
    except KeyError:
        login = None
    if login is None or login.pw_uid not in PEOPLE:
        raise Refused("--by is needed: the log says who, and this login is nobody's own")
    return login.pw_name
