"""The heartbeat: tells a receiver at a steady rhythm that this daemon works, so that its silence is an alarm.

It never goes through the outbox: a beat that waited would say of now what was true earlier.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from retabli.alerts.channels.channel import Channel, is_refusal
from retabli.alerts.message import Letterhead
from retabli.alerts.own_page import placed
from retabli.model.record import Message
from retabli.model.result import clean
from retabli.model.settings import Duration, Settings
from retabli.model.stamps import iso
from retabli.model.states import STATE_WORDS, State

LONGEST_SEND = 30.0  # seconds that a beat is given to be accepted, or the rhythm if that is shorter
LOOK_AGAIN = 5.0  # seconds between two looks at whether a daemon that does not work does so again

log = logging.getLogger(__name__)


def _list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than 0s")
    return value


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class Heartbeat(Settings):
    """`to` is told every `every` that this daemon works: one channel, or a list. It raises the alarm at silence."""

    every: Annotated[Duration, AfterValidator(_positive)] = 60.0
    to: Names = Field(min_length=1, strict=False, description="a channel, or a list of them")


class Figures(Protocol):
    """Where beats are counted."""

    def beat(self, channel: str, at: float) -> None:
        """One was accepted, at that wall time."""

    def beat_failed(self, channel: str) -> None: ...


class Pulse:
    """A long-lived part. `why_not` is asked before each beat; what it says keeps the beat back, on purpose."""

    def __init__(
        self,
        why_not: Callable[[], str | None],
        states: Callable[[], Mapping[State, int]],
        figures: Figures,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._why_not = why_not
        self._states = states
        self._figures = figures
        self._wall = wall
        self._settings: Heartbeat | None = None
        self._letterhead = Letterhead("")
        self._channels: dict[str, Channel] = {}
        self._retired: list[Channel] = []
        self._changed = asyncio.Event()
        self._silent: str | None = None  # why, while it is
        self._failing: set[str] = set()

    def use(self, settings: Heartbeat | None, channels: Mapping[str, Channel], letterhead: Letterhead) -> None:
        """Beat like this from now on, by these channels, which nobody else uses; None: not at all."""
        self._retired += self._channels.values()
        self._settings, self._letterhead = settings, letterhead
        self._channels = dict(channels)
        self._failing &= self._channels.keys()
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._changed.clear()
            await self._close(self._retired)
            if self._settings is None:
                await self._changed.wait()
                due = loop.time()
                continue
            every = self._settings.every
            if self._works():
                await self._beat(min(every, LONGEST_SEND))
                due = max(due + every, loop.time())  # beats that were missed are not made up for
            else:
                due = loop.time() + min(every, LOOK_AGAIN)
            try:
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
                due = loop.time()
            except TimeoutError:
                pass

    async def close(self) -> None:
        """Close every channel; after `run` has ended."""
        await self._close([*self._retired, *self._channels.values()])
        self._retired.clear()
        self._channels.clear()

    def _works(self) -> bool:
        """Whether there is a beat now. Silence is said once, with its reason."""
        why = self._why_not()
        if why is not None and self._silent is None:
            log.error("no heartbeat is sent, on purpose: %s", why)
        elif why is None and self._silent is not None:
            log.warning("heartbeats are sent again")
        self._silent = why
        return why is None

    async def _beat(self, within: float) -> None:
        now = self._wall()
        body = self._body(now)
        await asyncio.gather(
            *(self._send(name, channel, body, now, within) for name, channel in self._channels.items())
        )

    async def _send(self, name: str, channel: Channel, body: Mapping[str, Any], now: float, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                await channel.send(Message(str(body["key"]), name, "*heartbeat", body))
        except Exception as error:  # noqa: BLE001 - said by its name, below
            self._figures.beat_failed(name)
            if name not in self._failing:
                self._say(name, error, within)
            self._failing.add(name)
        else:
            self._figures.beat(name, now)
            if name in self._failing:
                log.warning("channel %s takes heartbeats again", name)
            self._failing.discard(name)

    def _say(self, name: str, error: Exception, within: float) -> None:
        """A defect of one channel, too, is said and no more: the others are to hear of us in time."""
        if isinstance(error, TimeoutError):
            log.error("channel %s did not take a heartbeat: no answer within %g s", name, within)
        elif is_refusal(error):
            log.error("channel %s did not take a heartbeat: %s", name, clean(str(error)) or type(error).__name__)
        else:
            log.error("channel %s has a defect", name, exc_info=error)

    def _body(self, now: float) -> dict[str, Any]:
        letterhead, settings = self._letterhead, self._settings
        assert settings is not None  # noqa: S101 - it beats only with settings
        states = {state.value: number for state, number in self._states().items()}
        said = _said(letterhead, states)
        return {
            "key": f"heartbeat-{letterhead.standpoint}-{int(now)}",
            "status": "heartbeat",
            "site": letterhead.site,
            "standpoint": letterhead.standpoint,
            "flow": None,
            "ok": True,
            "every": settings.every,
            "states": states,
            "url": f"{letterhead.url.rstrip('/')}/" if letterhead.url else "",
            "summary": said,
            "text": said,
            "sent_at": iso(now),
        }

    async def _close(self, channels: list[Channel]) -> None:
        while channels:
            await channels.pop().close()


def _said(letterhead: Letterhead, states: Mapping[str, int]) -> str:
    language = letterhead.language
    place = placed(letterhead)
    counts = ", ".join(f"{number} {STATE_WORDS[State(state)][language]}" for state, number in states.items() if number)
    if language == "fr":
        return f"Retabli veille\u00a0: {place}. Flux\u00a0: {counts or 'aucun'}."
    return f"Retabli is watching: {place}. Flows: {counts or 'none'}."


def beating_channels(settings: Heartbeat | None, known: Sequence[str]) -> tuple[str, ...]:
    """The channels that beats go to, each once."""
    return tuple(dict.fromkeys(name for name in settings.to if name in known)) if settings else ()
