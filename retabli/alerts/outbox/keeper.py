"""Keeps the receivers told that remember nothing: what is open again and again, and what is over until they know it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from retabli.alerts.channels.alertmanager import AlertmanagerChannel, Given
from retabli.alerts.channels.channel import Channel
from retabli.model.record import FlowPicture, Message
from retabli.model.words import Words
from retabli.view import Site

ENDS = "stopped-"  # how the incident of a daemon's last words begins

log = logging.getLogger(__name__)


class Memory(Protocol):
    """What the keeper asks of the store."""

    async def given(self, channel: str, incidents: Collection[str]) -> Mapping[str, Sequence[Message]]:
        """What that channel was given of each incident, oldest first, but for its resolve."""

    async def over(self, incidents: Collection[str]) -> Mapping[str, Message]:
        """Those of them whose resolve this state knows of, and that."""


class Shown(Protocol):
    """The view, as far as it is asked here."""

    @property
    def site(self) -> Site: ...

    @property
    def pictures(self) -> Mapping[str, FlowPicture]: ...


class Failures(Protocol):
    def failed(self, channel: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What one round goes by: what was given so far, and what is open whenever that is asked."""

    place: Site
    given: Mapping[str, Given]
    open: Callable[[], Collection[str]]
    memory: Memory

    @property
    def site(self) -> str:
        return self.place.name

    @property
    def standpoint(self) -> str:
        return self.place.standpoint

    async def over(self, incidents: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        """An alert is never taken for over because nothing is known of it: its daemon may be another one.

        Only what a daemon says that ends is over as soon as one runs here.
        """
        found = await self.memory.over(incidents) if incidents else {}
        again = {incident: self._again() for incident in incidents if incident.startswith(ENDS)}
        return again | {incident: message.body for incident, message in found.items()}

    def _again(self) -> Mapping[str, Any]:
        language = self.place.language
        return {"text": Words("Retabli est de nouveau en marche.", "Retabli runs again.")[language]}


class Keeper:
    """A long-lived part, over the channels that have to be kept told: each goes its rounds for itself.

    The first round begins at once, so that what a daemon left behind when it was killed is put right by the next.
    """

    def __init__(
        self,
        memory: Memory,
        view: Shown,
        failures: Failures,
        channels: Mapping[str, Channel],
    ) -> None:
        """`channels` are all there are: the same objects that the drain gives messages to."""
        self._memory = memory
        self._view = view
        self._failures = failures
        self._channels = _kept(channels)
        self._changed = asyncio.Event()
        self._failing: dict[tuple[str, str], float] = {}  # since when, by channel and member

    def use(self, channels: Mapping[str, Channel]) -> None:
        """Go on with the channels of another configuration."""
        self._channels = _kept(channels)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            StoreError: what was told cannot be read.
        """
        while True:
            self._changed.clear()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._keep(name, channel), name=f"keep {name} told")
                    for name, channel in self._channels.items()
                ]
                await self._changed.wait()
                for task in tasks:
                    task.cancel()

    async def _keep(self, name: str, channel: AlertmanagerChannel) -> None:
        while True:
            given = await self._memory.given(name, self._open())
            pages = {incident: _given(messages) for incident, messages in given.items()}
            looked = Looked(self._view.site, pages, self._open, self._memory)
            self._note(name, await channel.keep(looked))
            await asyncio.sleep(channel.resend)

    def _open(self) -> set[str]:
        standings = (picture.standing for picture in self._view.pictures.values())
        return {standing.incident.id for standing in standings if standing.incident is not None}

    def _note(self, name: str, said: Mapping[str, str | None]) -> None:
        """Count each failure, and log the first one and the end of a row of them."""
        now = asyncio.get_running_loop().time()
        for member, reason in said.items():
            if reason is None:
                since = self._failing.pop((name, member), None)
                if since is not None:
                    log.info("channel %s: %s is kept told again, after %d s", name, member, now - since)
                continue
            self._failures.failed(name)
            if (name, member) not in self._failing:
                self._failing[name, member] = now
                log.warning("channel %s: %s cannot be kept told what is open (%s)", name, member, reason)


def _kept(channels: Mapping[str, Channel]) -> dict[str, AlertmanagerChannel]:
    return {name: channel for name, channel in channels.items() if isinstance(channel, AlertmanagerChannel)}


def _given(messages: Sequence[Message]) -> Given:
    return Given(messages[0].body, messages[-1].body)
