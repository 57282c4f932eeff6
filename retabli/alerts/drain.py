"""The outbox's drain: gives each waiting message to its channel, in order, again and again until it is accepted."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from retabli.alerts.channel import Channel, NotAccepted
from retabli.model.record import Entry, Event, Message
from retabli.model.result import clean
from retabli.store import OutboxRow

FIRST_WAIT = 1.0  # seconds after the first attempt that failed; twice as long after each one more …
LONGEST_WAIT = 300.0  # … up to this, for ever
AT_ONCE = 8  # messages that one channel is given together; a channel that hangs holds up no other
DEADLINE = 120.0  # seconds after which an attempt has failed, should a channel have no deadline of its own
LOOK_AROUND = 30.0  # seconds after which it looks into the outbox even if nobody woke it

log = logging.getLogger(__name__)


class Outbox(Protocol):
    """What the drain asks of the store."""

    async def heads(self) -> Sequence[OutboxRow]:
        """The message whose turn it is of every flow and channel."""

    async def pending(self) -> Mapping[str, int]: ...

    async def told(self, row: OutboxRow, entry: Entry) -> None: ...

    async def retry(self, row: OutboxRow, error: str, *, last: bool = False) -> None: ...

    async def set_aside(self, row: OutboxRow, error: str, entry: Entry, instead: Sequence[Message]) -> None: ...


class Figures(Protocol):
    """Where the drain counts."""

    def sent(self, channel: str) -> None: ...

    def failed(self, channel: str) -> None: ...

    def pending(self, channel: str, messages: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    row: OutboxRow
    channel: Channel
    task: "asyncio.Task[None]"


class Drain:
    """A long-lived part. A row is marked told *after* its channel has accepted it: at least once, never lost.

    The next message of a flow waits for the one before on the same channel; flows do not wait for each other.
    Waits run on the loop's clock and are not remembered: a daemon that starts tries everything at once.
    """

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        figures: Figures,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._channels = dict(channels)
        self._figures = figures
        self._wall = wall
        self._retired: list[Channel] = []
        self._woken = asyncio.Event()
        self._attempts: dict[tuple[str, str], Attempt] = {}  # by channel and flow
        self._due: dict[int, float] = {}  # when a row that failed is tried again, on the loop's clock

    def wake(self) -> None:
        """Something was put into the outbox. Never waits; calling it for nothing does no harm."""
        self._woken.set()

    def use(self, channels: Mapping[str, Channel]) -> None:
        """Go on with the channels of another configuration. What is under way ends on the old ones."""
        self._retired += self._channels.values()
        self._channels = dict(channels)
        self._due.clear()
        self.wake()

    async def run(self) -> None:
        """Until cancelled. What is under way then is tried again by the next run.

        Raises:
            StoreFailed: what was accepted cannot be marked.
        """
        try:
            while True:
                self._woken.clear()
                await self._settle_ended()
                await self._close_retired()
                next_look = await self._start_due()
                await self._wait(next_look)
        finally:
            tasks = [attempt.task for attempt in self._attempts.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._attempts.clear()

    async def close(self) -> None:
        """Close every channel; after `run` has ended."""
        for channel in (*self._retired, *self._channels.values()):
            await channel.close()
        self._retired.clear()

    # starting attempts ----------------------------------------------------------------------------------------

    async def _start_due(self) -> float:
        """Start what may start; when to look again, on the loop's clock."""
        await self._count()
        now = asyncio.get_running_loop().time()
        waits = [now + LOOK_AROUND]
        heads = await self._outbox.heads()
        known = {row.id for row in heads}
        self._due = {id_: due for id_, due in self._due.items() if id_ in known}
        for row in heads:
            lane = (row.message.channel, row.message.flow)
            if lane in self._attempts:
                continue
            if row.message.channel not in self._channels:
                await self._leave(row)
            elif (due := self._due.get(row.id, now)) > now:
                waits.append(due)
            elif self._under_way(row.message.channel) < AT_ONCE:
                self._start(row)
        return min(waits)

    def _start(self, row: OutboxRow) -> None:
        channel = self._channels[row.message.channel]
        task = asyncio.create_task(_send(channel, row.message), name=f"tell {row.message.channel}")
        task.add_done_callback(lambda _: self._woken.set())
        self._attempts[row.message.channel, row.message.flow] = Attempt(row, channel, task)

    def _under_way(self, channel: str) -> int:
        return sum(attempt.row.message.channel == channel for attempt in self._attempts.values())

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _count(self) -> None:
        pending = await self._outbox.pending()
        for channel in {*pending, *self._channels}:
            self._figures.pending(channel, pending.get(channel, 0))

    # ending them ----------------------------------------------------------------------------------------------

    async def _settle_ended(self) -> None:
        ended = {lane: attempt for lane, attempt in self._attempts.items() if attempt.task.done()}
        await asyncio.gather(*(self._settle(attempt.row, attempt.task) for attempt in ended.values()))
        for lane in ended:
            del self._attempts[lane]

    async def _settle(self, row: OutboxRow, task: "asyncio.Task[None]") -> None:
        channel = row.message.channel
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or isinstance(error, NotAccepted | OSError):
            self._figures.failed(channel)
            await self._again(row, _reason(error))
        elif error is not None:
            log.error("channel %s has a defect", channel, exc_info=error)
            self._figures.failed(channel)
            await self._set_aside(row, clean(f"defect: {type(error).__name__}: {error}"))
        else:
            self._figures.sent(channel)
            self._due.pop(row.id, None)
            await self._outbox.told(row, self._entry(Event.TOLD, row, {"attempts": row.attempts + 1}))

    async def _again(self, row: OutboxRow, reason: str, *, last: bool = False) -> None:
        wait = backoff(row.attempts)
        log.warning("channel %s did not take a message (%s); again in %g s", row.message.channel, reason, wait)
        self._due[row.id] = asyncio.get_running_loop().time() + wait
        await self._outbox.retry(row, reason, last=last)

    async def _set_aside(self, row: OutboxRow, reason: str) -> None:
        """A message that its channel chokes on must not hold up what waits behind it: another channel tells it."""
        tried = {row.message.channel, *row.message.body.get("instead_of", ())}
        other = next((name for name in self._channels if name not in tried), None)
        if other is None:
            await self._again(row, f"{reason}; no other channel is left", last=True)
            return
        instead = _by(other, row.message, reason)
        entry = self._entry(Event.ASIDE, row, {"error": reason, "left_to": [other]})
        await self._outbox.set_aside(row, reason, entry, [instead])
        self.wake()

    async def _close_retired(self) -> None:
        busy = [attempt.channel for attempt in self._attempts.values()]
        for channel in [each for each in self._retired if each not in busy]:
            self._retired.remove(channel)
            await channel.close()

    async def _leave(self, row: OutboxRow) -> None:
        """Its channel is gone: all that are left tell it, but those that were given the same message anyway."""
        if not self._channels:
            return  # it waits for a configuration that has one
        reason = "the channel is no longer in the configuration"
        instead = [Message(row.message.key, name, row.message.flow, row.message.body) for name in self._channels]
        entry = self._entry(Event.ASIDE, row, {"error": reason, "left_to": list(self._channels)})
        await self._outbox.set_aside(row, reason, entry, instead)
        self.wake()

    def _entry(self, event: Event, row: OutboxRow, data: Mapping[str, object]) -> Entry:
        body = row.message.body
        about = {"channel": row.message.channel, "key": row.message.key}
        about |= {name: body[name] for name in ("incident", "status", "reason") if name in body}
        return Entry(self._wall(), event, row.message.flow, {**about, **data})


def backoff(attempts: int) -> float:
    """Seconds to wait after an attempt failed, when so many had failed before it."""
    return min(FIRST_WAIT * 2.0 ** min(attempts, 30), LONGEST_WAIT)


async def _send(channel: Channel, message: Message) -> None:
    async with asyncio.timeout(DEADLINE):
        await channel.send(message)


def _reason(error: BaseException | None) -> str:
    if isinstance(error, NotAccepted):
        return error.reason
    if isinstance(error, TimeoutError):
        return f"no answer within {DEADLINE:g} s"
    return clean(str(error)) if error is not None else "cancelled"


def _by(channel: str, message: Message, reason: str) -> Message:
    """The same message by another channel, which says so. Its key is another: that channel may have had the first."""
    body = {
        **message.body,
        "key": f"{message.key}-for-{message.channel}",
        "instead_of": [*message.body.get("instead_of", ()), message.channel],
        "text": f"[{message.channel}: {reason}]\n{message.body.get('text', '')}",
    }
    return Message(body["key"], channel, message.flow, body)
