"""What becomes of an attempt: the message is told, tried again later, taken apart, or left to another channel."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from retabli.alerts.outbox.failing import Remembered, Troubles
from retabli.alerts.outbox.gathering import Gathering
from retabli.model.record import Entry, Event, Message
from retabli.model.result import clean
from retabli.store import OutboxRow

FIRST_WAIT = 1.0  # seconds after the first attempt that failed; twice as long after each one more …
LONGEST_WAIT = 300.0  # … up to this, for ever
REFUSALS = 3  # of a group, after which it falls apart if the channel took something else meanwhile …
IN_DOUBT = 6  # … and after so many its worst page goes alone to find that out: half a minute, as a restart lasts
BACK = 30.0  # seconds of failing after which a channel that accepts is given at once all that waits for its turn

log = logging.getLogger(__name__)


class Outbox(Remembered, Protocol):
    """What the drain asks of the store."""

    async def heads(self) -> Sequence[OutboxRow]:
        """The message whose turn it is of every flow and channel."""

    async def members(self, group: OutboxRow) -> Sequence[OutboxRow]: ...

    async def pending(self) -> Mapping[str, int]: ...

    async def begin(self, rows: Sequence[OutboxRow]) -> None: ...

    async def gather(self, groups: Sequence[tuple[Message, Sequence[OutboxRow]]]) -> None: ...

    async def told(self, row: OutboxRow, *entries: Entry, ends: Sequence[Message] = ()) -> bool: ...

    async def retry(self, row: OutboxRow, error: str, *, last: bool = False) -> None: ...

    async def set_aside(
        self, row: OutboxRow, error: str, entries: Sequence[Entry], instead: Sequence[Message]
    ) -> None: ...

    async def fall_apart(
        self,
        group: OutboxRow,
        error: str,
        groups: Sequence[tuple[Message, Sequence[OutboxRow]]],
        alone: Sequence[OutboxRow],
    ) -> None: ...


class Settling:
    """`channels` are the names of those that there are now, `gathering` how groups are written now: a reload changes
    both. `due` says when a row that failed is tried again, on the loop's clock."""

    def __init__(
        self,
        outbox: Outbox,
        gathering: Gathering,
        troubles: Troubles,
        *,
        wall: Callable[[], float],
        logged: Callable[[Entry], None],
    ) -> None:
        self.channels: Sequence[str] = ()
        self.gathering = gathering
        self.due: dict[int, float] = {}
        self._outbox = outbox
        self._troubles = troubles
        self._wall = wall
        self._logged = logged
        self._channel_of: dict[int, str] = {}
        self._first_tried: dict[int, float] = {}  # each group
        self._refused: dict[int, float] = {}  # when each row was first refused
        self._accepted: dict[str, float] = {}  # when each channel last took a message
        self._single: set[str] = set()  # the channels that have a message to try which is no group

    def look(self, heads: Sequence[OutboxRow], single: set[str]) -> None:
        """What waits now; the rest is forgotten."""
        known = {row.id for row in heads}
        self._channel_of = {row.id: row.message.channel for row in heads}
        self.due = {id_: due for id_, due in self.due.items() if id_ in known}
        self._first_tried = {id_: at for id_, at in self._first_tried.items() if id_ in known}
        self._refused = {id_: at for id_, at in self._refused.items() if id_ in known}
        self._single = single

    def begins(self, row: OutboxRow) -> None:
        if row.gathers:
            self._first_tried.setdefault(row.id, _now())

    def gather(self, rows: Sequence[OutboxRow]) -> Message:
        """One message in the place of these."""
        return self.gathering([row.message for row in rows], self._wall())

    # it was taken ---------------------------------------------------------------------------------------------

    async def accepted(self, row: OutboxRow) -> bool:
        """Whether there is more to be sent at once."""
        channel = row.message.channel
        self.due.pop(row.id, None)
        self._accepted[channel] = _now()
        told = await self._told_of(row)
        entries = [self._entry(Event.TOLD, each, {"attempts": row.attempts + 1, **more}) for each, more in told]
        more = await self._outbox.told(row, *entries, ends=self._ends(each.message for each, _ in told))
        for entry in entries:
            self._logged(entry)
        back = self._troubles.lasted(channel) >= BACK
        news = await self._troubles.accepted(channel, self.gathering.letterhead, self.channels)
        if back:
            self.due = {id_: due for id_, due in self.due.items() if self._channel_of.get(id_) != channel}
        return news or back or more

    def _ends(self, told: Iterable[Message]) -> list[Message]:
        """The resolves among these, for every other channel."""
        return [
            Message(each.key, name, each.flow, each.body)
            for each in told
            if each.body.get("status") == "resolved"
            for name in self._names_for(each)
            if name != each.channel
        ]

    async def _told_of(self, row: OutboxRow) -> list[tuple[OutboxRow, dict[str, object]]]:
        """The messages of which this one told: each flow's part of the log shows that it was."""
        if not row.gathers:
            return [(row, {})]
        members = await self._outbox.members(row)
        return [(each, {"group": row.message.key, "together": len(members)}) for each in members]

    # it was not -----------------------------------------------------------------------------------------------

    async def refused(self, row: OutboxRow, reason: str) -> None:
        if row.gathers and row.attempts + 1 >= REFUSALS:
            channel = row.message.channel
            if self._accepted.get(channel, float("-inf")) >= self._first_tried.get(row.id, float("inf")):
                await self._fall_apart(row, reason, len(row.message.body["pages"]) // 2)
                return
            if row.attempts + 1 >= IN_DOUBT and channel not in self._single:
                await self._fall_apart(row, reason, 1)
                return
        await self._again(row, reason)

    async def choked(self, row: OutboxRow, reason: str) -> bool:
        """A message that its channel chokes on must not hold up what waits behind it: another channel tells it.

        A group falls apart first, down to the one page that it is. Whether there is more to be sent at once.
        """
        if row.gathers:
            await self._fall_apart(row, reason, len(row.message.body["pages"]) // 2)
            return True
        tried = {row.message.channel, *row.message.body.get("instead_of", ())}
        other = next((name for name in self._names_for(row.message) if name not in tried), None)
        if other is None:
            await self._again(row, f"{reason}; no other channel is left", last=True)
            return False
        entry = self._entry(Event.ASIDE, row, {"error": reason, "left_to": [other]})
        await self._outbox.set_aside(row, reason, [entry], [by(other, row.message, reason)])
        self._logged(entry)
        return True

    async def leave(self, row: OutboxRow) -> bool:
        """Its channel is gone: all that are left tell it, but those that were given the same message anyway.

        Whether there is something to be sent.
        """
        if not self.channels:
            return False  # it waits for a configuration that has one
        reason = "the channel is no longer in the configuration"
        rows = await self._outbox.members(row) if row.gathers else [row]
        roads = self._names_for(row.message)
        instead = [
            Message(each.message.key, name, each.message.flow, each.message.body) for each in rows for name in roads
        ]
        entries = [self._entry(Event.ASIDE, each, {"error": reason, "left_to": list(roads)}) for each in rows]
        await self._outbox.set_aside(row, reason, entries, instead)
        for entry in entries:
            self._logged(entry)
        return True

    async def _again(self, row: OutboxRow, reason: str, *, last: bool = False) -> None:
        wait = backoff(row.attempts)
        log.warning("channel %s did not take a message (%s); again in %g s", row.message.channel, reason, wait)
        self.due[row.id] = _now() + wait
        await self._outbox.retry(row, reason, last=last)
        await self._fails(row, reason)

    async def _fall_apart(self, row: OutboxRow, reason: str, first: int) -> None:
        """Into its first so many pages, and the others. A page that is alone stays so."""
        log.warning("channel %s does not take a group of %d (%s)", row.message.channel, row.gathers, reason)
        places = {page["key"]: place for place, page in enumerate(row.message.body["pages"])}
        members = sorted(await self._outbox.members(row), key=lambda each: places.get(each.message.key, 0))
        parts = [part for part in (members[:first], members[first:]) if part]
        groups = [(self.gather(part), part) for part in parts if part[1:]]
        await self._outbox.fall_apart(row, reason, groups, [part[0] for part in parts if not part[1:]])
        await self._fails(row, reason)

    async def _fails(self, row: OutboxRow, reason: str) -> None:
        channel = row.message.channel
        first = self._refused.setdefault(row.id, _now())
        await self._troubles.failed(channel, reason, again=self._accepted.get(channel, float("-inf")) > first)

    # bits -----------------------------------------------------------------------------------------------------

    def _names_for(self, message: Message) -> list[str]:
        """The channels that may tell it: never one by itself that it fails."""
        return [name for name in self.channels if message.flow != f"*channel-{name}"]

    def _entry(self, event: Event, row: OutboxRow, data: Mapping[str, object]) -> Entry:
        body = row.message.body
        about = {"channel": row.message.channel, "key": row.message.key}
        about |= {name: body[name] for name in ("incident", "status", "reason") if name in body}
        flow = None if row.message.flow.startswith("*") else row.message.flow
        return Entry(self._wall(), event, flow, {**about, **data})


def backoff(attempts: int) -> float:
    """Seconds to wait after an attempt failed, when so many had failed before it."""
    return min(FIRST_WAIT * 2.0 ** min(attempts, 30), LONGEST_WAIT)


def by(channel: str, message: Message, reason: str) -> Message:
    """The same message by another channel, which says so. Its key is another: that channel may have had the first."""
    body = {
        **message.body,
        "key": f"{message.key}-for-{message.channel}",
        "instead_of": [*message.body.get("instead_of", ()), message.channel],
        "text": f"[{message.channel}: {clean(reason)}]\n{message.body.get('text', '')}",
    }
    return Message(body["key"], channel, message.flow, body)


def _now() -> float:
    return asyncio.get_running_loop().time()
