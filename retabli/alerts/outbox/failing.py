"""A channel that accepts nothing for long: whoever is still reached by another one is told, once, and told the end."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from retabli.alerts.message import Letterhead
from retabli.alerts.own_page import compose
from retabli.model.record import Entry, Event, Message
from retabli.model.stamps import iso, stamp
from retabli.model.words import Words
from retabli.store import Failing
from retabli.view.times import spoken

FAILING_AFTER = 300.0  # seconds without any acceptance: a receiver's restart or an update is over within five minutes
REFUSED_AFTER = 3600.0  # … if all that fails is what it refused before, while it took other messages
IN_DOUBT = 60.0  # seconds after which a channel that fails too is no road for the news of another

REASON = "channel_failing"

log = logging.getLogger(__name__)


class Remembered(Protocol):
    """What is asked of the store."""

    async def failing(self) -> Mapping[str, Failing]: ...

    async def note_failing(self, channel: str, since: float, reason: str) -> None: ...

    async def report_failing(self, channel: str, incident: str, entry: Entry, messages: Sequence[Message]) -> None: ...

    async def note_accepting(
        self, channel: str, entry: Entry | None = None, messages: Sequence[Message] = ()
    ) -> None: ...


@dataclass(slots=True)
class Trouble:
    """`since` on the loop's clock and `since_at` on the wall clock; `failures` in a row since then.

    `patience`: how many seconds of it are long.
    """

    since: float
    since_at: float
    reason: str
    failures: int = 1
    patience: float = FAILING_AFTER
    incident: str | None = None
    told: tuple[str, ...] = ()
    alone: bool = False  # it was said that nobody can be told


class Troubles:
    """Which channels accept nothing, and what is told of them. It is remembered across restarts."""

    def __init__(
        self,
        memory: Remembered,
        count: Callable[[str, bool], None],
        wall: Callable[[], float],
        logged: Callable[[Entry], None],
    ) -> None:
        self._memory = memory
        self._count = count
        self._wall = wall
        self._logged = logged
        self._troubles: dict[str, Trouble] = {}

    async def load(self) -> None:
        """Take up what is remembered. The time in between counts, as far as the wall clock went forward."""
        now, at = _now(), self._wall()
        for channel, each in (await self._memory.failing()).items():
            since = now - max(0.0, at - each.since)
            self._troubles[channel] = Trouble(since, each.since, each.reason, 2, incident=each.incident, told=each.told)

    async def failed(self, channel: str, reason: str, *, again: bool) -> None:
        """An attempt failed. `again`: the channel refused this message before, and took another one since."""
        patience = REFUSED_AFTER if again else FAILING_AFTER
        trouble = self._troubles.get(channel)
        if trouble is None:
            trouble = self._troubles[channel] = Trouble(_now(), self._wall(), reason, patience=patience)
        else:
            trouble.reason = reason
            trouble.failures += 1
            trouble.patience = min(trouble.patience, patience)
        await self._memory.note_failing(channel, trouble.since_at, reason)

    async def accepted(self, channel: str, letterhead: Letterhead, channels: Iterable[str]) -> bool:
        """It has accepted something. Whether that is told to somebody."""
        return await self._over(channel, letterhead, channels, REASON)

    async def report(self, letterhead: Letterhead, channels: Sequence[str], pending: Mapping[str, int]) -> bool:
        """Tell what has lasted for long enough. Whether there is something new to be sent."""
        told = False
        for channel, trouble in list(self._troubles.items()):
            if channel not in channels:
                told |= await self._over(channel, letterhead, channels, "removed")
            elif not pending.get(channel) and trouble.incident is None:
                await self._over(channel, letterhead, channels, REASON)  # what it refused goes by another one
            elif trouble.incident is None and self._long(trouble):
                told |= await self._tell(channel, trouble, letterhead, channels, pending.get(channel, 0))
        for channel in channels:
            self._count(channel, channel in self._troubles and self._long(self._troubles[channel]))
        return told

    def next_report(self) -> float:
        """When a trouble will have lasted for long enough, on the loop's clock."""
        now = _now()
        ends = (trouble.since + trouble.patience for trouble in self._troubles.values())
        return min((end for end in ends if end > now), default=float("inf"))

    def lasted(self, channel: str) -> float:
        """For how many seconds it has accepted nothing of what it was given."""
        trouble = self._troubles.get(channel)
        return 0.0 if trouble is None else _now() - trouble.since

    def hopeless(self, channels: Iterable[str]) -> bool:
        """Whether every channel has failed for long."""
        states = [channel in self._troubles and self._long(self._troubles[channel]) for channel in channels]
        return bool(states) and all(states)

    def _long(self, trouble: Trouble) -> bool:
        return trouble.failures > 1 and _now() - trouble.since >= trouble.patience

    async def _tell(
        self, channel: str, trouble: Trouble, letterhead: Letterhead, channels: Sequence[str], waiting: int
    ) -> bool:
        others = tuple(name for name in channels if name != channel and not self._doubted(name))
        if not others:
            if not trouble.alone:
                log.critical("channel %s fails (%s), and no other channel is left to tell it", channel, trouble.reason)
            trouble.alone = True
            return False
        log.error("channel %s fails for long (%s): %s is told", channel, trouble.reason, ", ".join(others))
        trouble.incident, trouble.told = f"channel-{channel}-{stamp(trouble.since_at)}", others
        body = words(channel, trouble, "firing", REASON, letterhead, self._wall(), waiting)
        entry = self._entry(Event.PAGE, channel, trouble, REASON, others)
        await self._memory.report_failing(channel, trouble.incident, entry, _messages(channel, body, others))
        self._logged(entry)
        return True

    def _doubted(self, channel: str) -> bool:
        return self.lasted(channel) >= IN_DOUBT

    async def _over(self, channel: str, letterhead: Letterhead, channels: Iterable[str], reason: str) -> bool:
        trouble = self._troubles.pop(channel, None)
        if trouble is None:
            return False
        if trouble.incident is None:
            await self._memory.note_accepting(channel)
            return False
        known = [name for name in channels if name != channel]
        others = [name for name in known if name in trouble.told] or known
        body = words(channel, trouble, "resolved", reason, letterhead, self._wall(), 0)
        entry = self._entry(Event.RESOLVE, channel, trouble, reason, others)
        await self._memory.note_accepting(channel, entry, _messages(channel, body, others))
        self._logged(entry)
        return bool(others)

    def _entry(self, event: Event, channel: str, trouble: Trouble, reason: str, others: Sequence[str]) -> Entry:
        data = {"incident": trouble.incident, "reason": reason, "channel": channel, "channels": list(others)}
        if event is Event.PAGE:
            data |= {"since": iso(trouble.since_at), "error": trouble.reason}
        return Entry(self._wall(), event, None, data)


def words(
    channel: str, trouble: Trouble, status: str, reason: str, letterhead: Letterhead, now: float, waiting: int
) -> dict[str, Any]:
    """The message as a webhook receives it; `waiting` is how many messages wait for the channel."""
    language, firing = letterhead.language, status == "firing"
    since = spoken(trouble.since_at, letterhead.zone, language)
    body = compose(
        letterhead,
        incident=str(trouble.incident),
        status=status,
        reason=reason,
        title=f"{Words('Canal', 'Channel')[language]} {channel}",
        since=trouble.since_at,
        now=now,
        criticality="high",
        detail=trouble.reason if firing else "",
        heading=_heading(status, reason)[language] + ("\u00a0:" if language == "fr" else ":") + f" {channel}",
        lines=(_facts(trouble, since, waiting) if firing else _end(since))[language],
    )
    return {**body, "waiting": waiting}


def _heading(status: str, reason: str) -> Words:
    if status == "firing":
        return Words("Canal d'alerte en panne", "An alert channel fails")
    if reason == "removed":
        return Words("Canal d'alerte retiré, il était en panne", "An alert channel that failed was removed")
    return Words("Canal d'alerte de nouveau en marche", "An alert channel works again")


@dataclass(frozen=True, slots=True)
class _Lines:
    fr: tuple[str, ...]
    en: tuple[str, ...]

    def __getitem__(self, language: str) -> tuple[str, ...]:
        return self.fr if language == "fr" else self.en


def _facts(trouble: Trouble, since: str, waiting: int) -> _Lines:
    wait = "1 message attend" if waiting == 1 else f"{waiting} messages attendent"
    waits = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
    return _Lines(
        fr=(
            f"N'accepte rien depuis {since}\u00a0; {wait}.",
            f"Dernière raison\u00a0: {trouble.reason}",
            "Rien n'est perdu\u00a0: chaque message est présenté de nouveau jusqu'à ce qu'il soit accepté.",
            "À faire d'abord\u00a0: vérifier ce qui reçoit ces messages, puis son adresse dans la configuration.",
        ),
        en=(
            f"Has accepted nothing since {since}; {waits}.",
            f"Last reason: {trouble.reason}",
            "Nothing is lost: each message is offered again until it is accepted.",
            "Do first: check what receives these messages, then its address in the configuration.",
        ),
    )


def _end(since: str) -> _Lines:
    return _Lines(fr=(f"En panne depuis {since}.",), en=(f"It had failed since {since}.",))


def _messages(channel: str, body: Mapping[str, Any], others: Sequence[str]) -> list[Message]:
    """In a lane of their own, so that the end is never told before the beginning; no flow has such a name."""
    return [Message(str(body["key"]), other, f"*channel-{channel}", body) for other in others]


def _now() -> float:
    return asyncio.get_running_loop().time()
