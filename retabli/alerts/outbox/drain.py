"""The outbox's drain: gives each waiting message to its channel, in order, again and again until it is accepted."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from retabli.alerts.channels.channel import Channel, NotAccepted, is_refusal
from retabli.alerts.outbox.failing import Troubles
from retabli.alerts.outbox.gathering import Gathering
from retabli.alerts.outbox.settling import Outbox, Settling
from retabli.alerts.outbox.storm import Storm, is_breach, may_wait
from retabli.model.record import Entry, Message
from retabli.model.result import clean
from retabli.store import OutboxRow

AT_ONCE = 8  # messages that one channel is given together; a channel that hangs holds up no other
DEADLINE = 120.0  # seconds after which an attempt has failed, should a channel have no deadline of its own
LAST = 4.0  # seconds that what is being told is given when the daemon stops: less than a part has to end
HAIR = 1e-6  # seconds by which a timer may ring early: what is due then is due
LOOK_AROUND = 30.0  # seconds after which it looks into the outbox even if nobody woke it

log = logging.getLogger(__name__)


class Figures(Protocol):
    """Where the drain counts."""

    def sent(self, channel: str) -> None: ...

    def failed(self, channel: str) -> None: ...

    def pending(self, channel: str, messages: int) -> None: ...

    def failing(self, channel: str, failing: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    row: OutboxRow
    channel: Channel
    task: "asyncio.Task[None]"


class Drain:
    """A long-lived part. A row is marked told *after* its channel has accepted it: at least once, never lost.

    The next message of a flow waits for the one before on the same channel; flows do not wait for each other, but in
    a storm, which is grouped. Waits run on the loop's clock and are not remembered: a daemon that starts tries
    everything at once. `logged` is told of each entry that it wrote to the log.
    """

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        figures: Figures,
        gathering: Gathering,
        *,
        wall: Callable[[], float] = time.time,
        logged: Callable[[Entry], None] = lambda _: None,
    ) -> None:
        self._outbox = outbox
        self._channels = dict(channels)
        self._figures = figures
        self._troubles = Troubles(outbox, figures.failing, wall, logged)
        self._settling = Settling(outbox, gathering, self._troubles, wall=wall, logged=logged)
        self._settling.channels = tuple(self._channels)
        self._storms: defaultdict[str, Storm] = defaultdict(Storm)
        self._counted: set[str] = set()  # the channels of which it was last told how much waits
        self._retired: list[Channel] = []
        self._woken = asyncio.Event()
        self._attempts: dict[tuple[str, str], Attempt] = {}  # by channel and lane
        self.looked: float | None = None  # when it last looked around, on the loop's clock

    def wake(self) -> None:
        """Something was put into the outbox. Never waits; calling it for nothing does no harm."""
        self._woken.set()

    def use(self, channels: Mapping[str, Channel], gathering: Gathering) -> None:
        """Go on with the channels of another configuration. What is under way ends on the old ones."""
        self._retired += self._channels.values()
        self._channels = dict(channels)
        self._settling.channels = tuple(self._channels)
        self._settling.gathering = gathering
        self._settling.due.clear()
        self.wake()

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Those that there are now."""
        return self._channels

    @property
    def hopeless(self) -> bool:
        """Whether every channel has failed for long: what waits reaches nobody."""
        return self._troubles.hopeless(self._channels)

    async def run(self) -> None:
        """Until cancelled. What is under way then is given `LAST` seconds, and else tried again by the next run.

        Raises:
            StoreFailed: what was accepted cannot be marked.
        """
        try:
            await self._troubles.load()
            while True:
                self._woken.clear()
                await self._settle_ended()
                await self._close_retired()
                next_look = await self._start_due()
                self.looked = asyncio.get_running_loop().time()
                await self._wait(next_look)
        except asyncio.CancelledError:
            await self._end_what_was_begun()
            raise
        finally:
            tasks = [attempt.task for attempt in self._attempts.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._attempts.clear()

    async def _end_what_was_begun(self) -> None:
        """What is being told is told to its end, if that is near; the rest is told again at the next start."""
        if self._attempts:
            await asyncio.wait({attempt.task for attempt in self._attempts.values()}, timeout=LAST)
            await self._settle_ended()

    async def close(self) -> None:
        """Close every channel; after `run` has ended."""
        for channel in (*self._retired, *self._channels.values()):
            await channel.close()
        self._retired.clear()

    # starting attempts ----------------------------------------------------------------------------------------

    async def _start_due(self) -> float:
        """Start what may start; when to look again, on the loop's clock."""
        await self._take_stock()
        now = asyncio.get_running_loop().time() + HAIR
        waits = [now + LOOK_AROUND, self._troubles.next_report()]
        heads = await self._outbox.heads()
        self._settling.look(heads, {row.message.channel for row in heads if not (row.gathers or may_wait(row))})
        ready: list[OutboxRow] = []
        fresh: defaultdict[str, list[OutboxRow]] = defaultdict(list)
        for row in heads:
            if (row.message.channel, row.message.flow) in self._attempts:
                continue
            if row.message.channel not in self._channels:
                await self._leave(row)
            elif (due := self._settling.due.get(row.id, now)) > now:
                waits.append(due)
            elif may_wait(row):
                fresh[row.message.channel].append(row)
            else:
                ready.append(row)
        alone, again = await self._let_in(fresh, now)
        for row in sorted(ready, key=lambda row: not is_breach(row)):
            if self._under_way(row.message.channel) < AT_ONCE:
                self._start(row)
        for row in alone:
            self._start(row)
        return min(*waits, again)

    async def _let_in(self, fresh: Mapping[str, Sequence[OutboxRow]], now: float) -> tuple[list[OutboxRow], float]:
        """Those that have never been tried: which go alone now, and when to ask again. The others are grouped."""
        alone: list[OutboxRow] = []
        groups: list[tuple[Message, Sequence[OutboxRow]]] = []
        again = float("inf")
        for channel, rows in fresh.items():
            admitted = self._storms[channel].admit(rows, now, AT_ONCE - self._under_way(channel))
            alone += admitted.alone
            groups += [(self._settling.gather(together), together) for together in admitted.groups]
            again = min(again, admitted.again)
        if groups:
            await self._outbox.gather(groups)
            self.wake()
        if alone:
            await self._outbox.begin(alone)
        return alone, again

    def _start(self, row: OutboxRow) -> None:
        channel = self._channels.get(row.message.channel)
        if channel is None:
            return  # a reload took it away just now; the next look leaves the row to others
        self._settling.begins(row)
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

    async def _take_stock(self) -> None:
        """Count what waits, and have it told if a channel has failed for long."""
        pending = await self._outbox.pending()
        counted = {*pending, *self._channels}
        for channel in counted | self._counted:  # for one that is gone at last nothing waits
            self._figures.pending(channel, pending.get(channel, 0))
        self._counted = counted
        if await self._troubles.report(self._settling.gathering.letterhead, tuple(self._channels), pending):
            self.wake()

    async def _leave(self, row: OutboxRow) -> None:
        if await self._settling.leave(row):
            self.wake()

    # ending them ----------------------------------------------------------------------------------------------

    async def _settle_ended(self) -> None:
        ended = {lane: attempt for lane, attempt in self._attempts.items() if attempt.task.done()}
        for lane in ended:
            del self._attempts[lane]  # first: what a stop interrupts may be settled already
        await asyncio.gather(*(self._settle(attempt.row, attempt.task) for attempt in ended.values()))

    async def _settle(self, row: OutboxRow, task: "asyncio.Task[None]") -> None:
        channel = row.message.channel
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or is_refusal(error):
            self._figures.failed(channel)
            await self._settling.refused(row, _reason(error))
            more = bool(row.gathers)  # it may have fallen apart
        elif error is not None:
            log.error("channel %s has a defect", channel, exc_info=error)
            self._figures.failed(channel)
            more = await self._settling.choked(row, clean(f"defect: {type(error).__name__}: {error}"))
        else:
            self._figures.sent(channel)
            more = await self._settling.accepted(row)
        if more:
            self.wake()

    async def _close_retired(self) -> None:
        busy = [attempt.channel for attempt in self._attempts.values()]
        for channel in [each for each in self._retired if each not in busy]:
            self._retired.remove(channel)
            await channel.close()


async def _send(channel: Channel, message: Message) -> None:
    async with asyncio.timeout(DEADLINE):
        await channel.send(message)


def _reason(error: BaseException | None) -> str:
    if isinstance(error, NotAccepted):
        return error.reason
    if isinstance(error, TimeoutError):
        return f"no answer within {DEADLINE:g} s"
    if isinstance(error, MemoryError):
        return "no memory is left"  # it has no words of its own
    return clean(str(error)) if error is not None else "cancelled"
