"""One Alertmanager of a cluster: what it is given, what it says that it holds, within bounds of time and size."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx

from retabli.alerts.channels.alertmanager_alerts import Alert, Identity, Labels, matchers, recognised
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.channels.http import Clients, finish, refusal, refusals
from retabli.model.settings import Secret
from retabli.model.stamps import iso
from retabli.model.words import Words

ALERTS = "/api/v2/alerts"
LARGEST = 2 * 1024 * 1024  # bytes of its alerts that are read at once; 1200 alerts of ours take as much
NESTED = 50_000  # lists and objects in them; an alert has about ten
SLICES = (*"0123456789abcdef", "[^0-9a-f]")  # how incidents begin: too many alerts are asked for in so many parts


class Access(Protocol):
    """What the settings say of how a member is reached."""

    @property
    def user(self) -> str | None: ...

    @property
    def password(self) -> Secret | None: ...

    @property
    def headers(self) -> Mapping[str, str | Secret]: ...

    @property
    def timeout(self) -> float: ...


class TooMuch(NotAccepted):
    """A member holds more than is read at once."""

    def __init__(self) -> None:
        super().__init__(Words("porte plus d'alertes qu'on n'en peut lire", "holds more alerts than can be read"))


class Member:
    """`turn` is held by whoever re-sends or resolves: an older word never arrives after a newer one.

    `well`: it took what it was last given.
    """

    def __init__(self, url: str, access: Access, clients: Clients, wall: Callable[[], float] = time.time) -> None:
        self.url = url.rstrip("/")
        self.turn = asyncio.Lock()
        self.well = True
        self._access = access
        self._clients = clients
        self._wall = wall
        self._behind = 0  # seconds that its clock is behind ours, as it last said

    def past(self) -> str:
        """The latest instant that is past for us and for it.

        An alert whose end still lies in its future is not resolved there: Alertmanager then keeps the later end of
        the two that it knows, which is the page's, and the resolve is lost.
        """
        return iso(self._wall() - self._behind)

    async def post(self, alerts: Sequence[Alert]) -> None:
        """
        Raises:
            NotAccepted: it did not take them.
        """
        content = json.dumps(alerts).encode()
        with refusals(self._access.timeout):
            async with asyncio.timeout(self._access.timeout) as deadline:
                response = await self._ask("POST", content)
                try:
                    deadline.reschedule(None)  # it is accepted, whatever becomes of the rest of the answer
                    await finish(response)
                finally:
                    await response.aclose()

    async def holds(self, labels: Labels) -> list[Identity]:
        """The pages with these labels that it holds and has not resolved, as they are known there.

        Raises:
            NotAccepted: it did not say, or no more than can be read.
        """
        try:
            return await self._read(labels)
        except TooMuch:
            return [alert for first in SLICES for alert in await self._read(labels, first)]

    async def _read(self, labels: Labels, first: str = "") -> list[Identity]:
        with refusals(self._access.timeout):
            async with asyncio.timeout(self._access.timeout):
                response = await self._ask("GET", params=httpx.QueryParams({"filter": matchers(labels, first)}))
                try:
                    said = await _bounded(response)
                finally:
                    await response.aclose()
        return await asyncio.to_thread(_alerts, said, labels)

    async def _ask(
        self, method: str, content: bytes | None = None, params: httpx.QueryParams | None = None
    ) -> httpx.Response:
        """An answer that accepts, whose rest is not read yet; one that refuses is read and closed."""
        headers = await asyncio.to_thread(self._headers)  # secrets are read from files
        response = await self._clients.send(method, self.url + ALERTS, headers=headers, content=content, params=params)
        self._look_at_its_clock(response)
        if not response.is_success:
            try:
                raise NotAccepted(await refusal(response, await asyncio.to_thread(self._secrets)))
            finally:
                await response.aclose()
        return response

    def _secrets(self) -> list[str]:
        """What of a request it must not be quoted with."""
        headers = self._headers()
        found = [headers[name] for name, value in self._access.headers.items() if isinstance(value, Secret)]
        if self._access.user is not None and self._access.password is not None:
            found += [headers.get("Authorization", ""), self._access.password.read().decode("utf-8", "replace")]
        return found

    def _headers(self) -> dict[str, str]:
        headers = {
            "User-Agent": "retabli",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        access = self._access
        if access.user is not None and access.password is not None:
            pair = access.user.encode() + b":" + access.password.read()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        for name, value in access.headers.items():
            headers[name] = value if isinstance(value, str) else value.text()
        return headers

    def _look_at_its_clock(self, response: httpx.Response) -> None:
        try:
            its = parsedate_to_datetime(response.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return
        self._behind = max(0, int(self._wall()) - int(its))


async def _bounded(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NotAccepted(
            Words("répond dans un codage qui n'était pas demandé", "answers in an encoding that was not asked for")
        )
    said = bytearray()
    async for part in response.aiter_raw():
        said += part
        if len(said) > LARGEST:
            raise TooMuch
    return bytes(said)


def _alerts(said: bytes, labels: Labels) -> list[Identity]:
    if said.count(b"{") + said.count(b"[") > NESTED:  # a small text can be large in memory
        raise TooMuch
    try:
        return recognised(json.loads(said), labels)
    except (ValueError, RecursionError):
        raise NotAccepted(
            Words(
                "répond autre chose que des alertes\u00a0; cette adresse est-elle celle d'un Alertmanager\u00a0?",
                "answers something else than alerts; is that address an Alertmanager's?",
            )
        ) from None
