"""Whatever channels do and whenever the daemon dies: each message is told, in order, and never under a second name."""

import asyncio
import itertools
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import looptime
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.message import Letterhead
from retabli.alerts.outbox.drain import Drain
from retabli.alerts.outbox.gathering import Gathering
from retabli.model.record import Message
from tests.alerts.outboxes import Inline
from tests.alerts.test_drain import Counted

GATHERING = Gathering(Letterhead("CHU", "inside", "en"))
CHANNELS = ("duty", "mail")
FLOWS = 12

Step = tuple[Any, ...]
STEPS = st.one_of(
    st.tuples(st.just("page"), st.integers(0, FLOWS - 1)),
    st.tuples(st.just("storm"), st.integers(2, FLOWS)),
    st.tuples(st.just("mode"), st.sampled_from(CHANNELS), st.sampled_from(("takes", "refuses", "hangs", "resets"))),
    st.tuples(st.just("choke"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from((0.0, 0.01, 0.5, 2.1, 11.0, 45.0, 400.0))),
    st.tuples(st.just("die")),
    st.tuples(st.just("jump"), st.sampled_from((-3600.0, 3600.0))),
)


@dataclass
class Fickle:
    """A channel with a mood. `got` is all that reached its receiver, `took` all that it acknowledged, and in which
    life of the daemon."""

    mode: str = "takes"
    chokes: int = 0
    life: int = 0
    got: list[Message] = field(default_factory=list)
    took: dict[str, int] = field(default_factory=dict)  # by the key of a message, or of a page within it
    carrier: dict[str, str] = field(default_factory=dict)  # under which key each page was taken

    async def send(self, message: Message) -> None:
        keys = [page["key"] for page in message.body.get("pages", (message.body,))]
        for key in keys:
            if key in self.took:
                assert self.took[key] < self.life, f"{key} is told again, though it was taken in this very life"
                assert self.carrier[key] == message.key, f"{key} is told again under another key"
        if self.chokes:
            self.chokes -= 1
            raise KeyError("phone")
        if self.mode == "refuses":
            raise NotAccepted("answers 500")
        if self.mode == "hangs":
            await asyncio.sleep(10)
            raise NotAccepted("no answer within 10 s")
        await asyncio.sleep(0.05)
        self.got.append(message)
        if self.mode == "resets":
            raise NotAccepted("reset")
        for key in keys:
            self.took[key] = self.life
            self.carrier[key] = message.key

    async def close(self) -> None: ...


class Daemon:
    """A drain over one file, that can die."""

    def __init__(self, outbox: Inline) -> None:
        self.outbox = outbox
        self.channels = {name: Fickle() for name in CHANNELS}
        self.queued: defaultdict[str, list[str]] = defaultdict(list)
        self._numbers = itertools.count()
        self._begin()

    def _begin(self) -> None:
        self.drain = Drain(self.outbox, self.channels, Counted(), GATHERING, wall=self.outbox.wall)
        self._running = asyncio.create_task(self.drain.run())

    async def end(self) -> None:
        assert not self._running.done(), self._running.exception()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def die(self) -> None:
        await self.end()
        for channel in self.channels.values():
            channel.life += 1
        self._begin()

    async def page(self, flow: int) -> None:
        """The next message of this flow: its page, or the resolve of the one before."""
        name = f"flow{flow}"
        told = self.queued[name]
        status, incident = ("resolved", told[-1].partition("-")[0]) if len(told) % 2 else ("firing", self._incident())
        key = f"{incident}-{status}"
        told.append(key)
        body = {"key": key, "incident": incident, "status": status, "reason": "dropped", "flow": name, "title": name}
        await self.outbox.queue(*(Message(key, channel, name, body) for channel in CHANNELS))
        self.drain.wake()

    def _incident(self) -> str:
        return f"incident{next(self._numbers)}"

    async def do(self, step: Step) -> None:
        match step:
            case ("page", flow):
                await self.page(flow)
            case ("storm", flows):
                for flow in range(flows):
                    await self.page(flow)
            case ("mode", channel, mode):
                self.channels[channel].mode = mode
            case ("choke", times):
                self.channels["duty"].chokes = times
            case ("wait", seconds):
                await asyncio.sleep(seconds)
            case ("jump", seconds):
                self.outbox.jump += seconds
            case ("die",):
                await self.die()


def judge(daemon: Daemon) -> None:
    elsewhere = set(daemon.channels["mail"].took)
    for name, channel in daemon.channels.items():
        order = list(channel.took)
        for flow, keys in daemon.queued.items():
            told = [key for key in order if key in keys]
            assert told == [key for key in keys if key in told], f"{name} was told of {flow} out of order: {told}"
            lost = [key for key in keys if key not in told and f"{key}-for-{name}" not in elsewhere]
            assert not lost, f"{name} was never told {lost}"
        groups: dict[str, set[str]] = {}
        for message in channel.got:
            members = {page["key"] for page in message.body.get("pages", ())}
            assert groups.setdefault(message.key, members) == members, "a group that is another one under its key"


async def live(steps: list[Step], path: Path) -> None:
    outbox = Inline(path)
    daemon = Daemon(outbox)
    try:
        for step in steps:
            await daemon.do(step)
        for channel in daemon.channels.values():
            channel.mode, channel.chokes = "takes", 0
        await asyncio.sleep(2 * 3600)
        assert await outbox.pending() == {}
        judge(daemon)
    finally:
        await daemon.end()
        outbox.close()


@pytest.mark.timeout(120)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([("storm", 2), ("wait", 0.5), ("page", 0), ("page", 0), ("choke", 1), ("wait", 0.01)])
@example(
    [
        ("page", 11),
        ("wait", 0.01),
        ("mode", "mail", "refuses"),
        ("page", 2),
        ("wait", 0.5),
        ("choke", 0),
        ("storm", 11),
        ("choke", 2),
        ("storm", 10),
        ("storm", 12),
        ("page", 9),
        ("storm", 9),
        ("page", 10),
        ("mode", "mail", "hangs"),
        ("storm", 3),
        ("choke", 1),
        ("mode", "mail", "resets"),
    ]
)  # a timer that rings a hair early
@given(st.lists(STEPS, max_size=25))
def test_each_message_is_told_in_order_under_one_name_whatever_happens(steps: list[Step]) -> None:
    loop = looptime.new_event_loop()
    try:
        with tempfile.TemporaryDirectory() as folder:
            loop.run_until_complete(live(steps, Path(folder) / "state.db"))
    finally:
        loop.close()
