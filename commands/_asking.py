"""A running daemon, asked over its API: what `status`, `silence` and `acknowledge` share."""

import argparse
import os
import pwd
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx

from commands import Refused
from retabli.model.result import clean
from retabli.model.settings import did_you_mean
from retabli.model.states import State
from retabli.view.times import moment

URL = "http://127.0.0.1:9877"
TIMEOUT = 10.0  # seconds
WIDTH = 80
REFUSED, UNREACHABLE = 1, 3  # exit codes
PEOPLE = range(1000, 65534)  # user ids; what is below are services, what is above is nobody


class Unreachable(Exception):
    """The daemon cannot be asked; the message says why, in one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=URL, help=f"where the daemon listens (default: {URL})")


def client() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False)


def instant(written: object) -> datetime | None:
    """What the API gives as an instant; None for anything else."""
    try:
        found = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def send(client: httpx.Client, method: str, url: str, path: str, fields: Mapping[str, str] | None = None) -> Any:
    """The answer, whatever its status.

    Raises:
        Unreachable: nobody answers there.
    """
    try:
        return client.request(method, f"{url.rstrip('/')}{path}", json=None if fields is None else dict(fields))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = re.sub(r"^\[Errno -?\d+\] ", "", clean(str(error))) or type(error).__name__
        hint = "; is the daemon running there?" if isinstance(error, httpx.ConnectError) else ""
        raise Unreachable(f"{url} cannot be reached: {said}{hint}") from error


def read(client: httpx.Client, url: str) -> dict[str, Any]:
    """What `/api/v1/flows` says.

    Raises:
        Unreachable: nobody answers there, or somebody who is not Retabli.
    """
    answer = send(client, "GET", url, "/api/v1/flows")
    if answer.status_code != 200:
        raise Unreachable(f"{url} answers {answer.status_code} {answer.reason_phrase}: is it Retabli?")
    try:
        picture: dict[str, Any] = answer.json()
        for each in picture["flows"]:
            State(each["state"]), each["id"], each["title"], each["verified"]["of"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"{url} answers something else than Retabli's API") from error
    return picture


@dataclass(frozen=True, slots=True)
class Asked:
    """A daemon that answers, and the flow that something is said of."""

    client: httpx.Client
    url: str
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
        answer = send(self.client, "POST", self.url, f"/api/v1/flows/{quote(self.flow, safe='')}/{doing}", fields)
        try:
            value = answer.json()
            if answer.status_code == 200:
                value["id"]
            else:
                faults = [clean(str(each), 300) for each in value.get("faults") or [value["error"]]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreachable(f"{self.url} answers {answer.status_code}, and not as Retabli's API does") from error
        if answer.status_code == 200:
            return dict(value)
        raise Refused(*faults, code=2 if answer.status_code in (400, 404) else REFUSED)


@contextmanager
def asking(url: str, flow: str) -> Iterator[Asked]:
    """Asks the daemon at `url` whether it knows this flow, and gives the way to tell it something.

    Raises:
        Refused: there is no such flow (2), or the daemon cannot be reached (3).
    """
    with client() as open_client:
        try:
            picture = read(open_client, url)
            titles = {each["id"]: clean(str(each["title"])) or each["id"] for each in picture["flows"]}
            if flow not in titles:
                raise Refused(f'there is no flow "{clean(flow)}"{did_you_mean(flow, titles)}')
            yield Asked(
                client=open_client,
                url=url,
                flow=flow,
                title=titles[flow],
                language="fr" if picture.get("language") == "fr" else "en",
                now=instant(picture.get("generated_at")) or datetime.now(UTC),
                zone=zone(picture.get("timezone")),
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
    for line in lines:
        for part in textwrap.wrap(line, WIDTH, subsequent_indent="  "):
            sys.stdout.write(f"{part}\n")


def zone(name: object) -> tzinfo | None:
    """The site's, by the name that the API gives; None where it gives none that this machine knows."""
    try:
        return ZoneInfo(str(name)) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def person(given: str | None) -> str:
    """Who says so: `--by`, else whoever is behind sudo, else the login; root and services are no persons.

    Raises:
        Refused: nobody is named.
    """
    if given is not None:
        if not given.strip():
            raise Refused("--by: write a name, which stands in the log")
        return given
    behind = os.environ.get("SUDO_USER")
    try:
        login = pwd.getpwnam(behind) if behind else pwd.getpwuid(os.getuid())
    except KeyError:
        login = None
    if login is None or login.pw_uid not in PEOPLE:
        raise Refused("--by is needed: the log says who, and this login is nobody's own")
    return login.pw_name
