"""A heartbeat is sent at its rhythm while the daemon really works, and stays out on purpose when it does not."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from retabli.alerts.channels.channel import Channel, NotAccepted
from retabli.alerts.health import Health
from retabli.alerts.heartbeat import Heartbeat, Pulse, beating_channels
from retabli.alerts.message import Letterhead
from retabli.model.record import Message
from retabli.model.states import State

pytestmark = pytest.mark.looptime
CHU = Letterhead("CHU", "inside", "en", url="https://retabli.chu.example")


@dataclass
class Watchman:
    """Takes heartbeats; `down` and `hangs` are what may be the matter with it."""

    beats: list[tuple[float, Message]] = field(default_factory=list)
    down: bool = False
    hangs: bool = False
    closed: bool = False

    async def send(self, message: Message) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise NotAccepted("answers 500")
        self.beats.append((asyncio.get_running_loop().time(), message))

    async def close(self) -> None:
        self.closed = True

    @property
    def times(self) -> list[int]:
        return [round(at) for at, _ in self.beats]


@dataclass
class Counts:
    beats: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def beat(self, channel: str, at: float) -> None:
        self.beats[channel] += 1

    def beat_failed(self, channel: str) -> None:
        self.failures[channel] += 1


def states() -> Mapping[State, int]:
    return {state: {State.RESTORED: 10, State.DROPPED: 2}.get(state, 0) for state in State}


@asynccontextmanager
async def beating(
    why: list[str], channels: Mapping[str, Channel], *, every: float = 60.0
) -> AsyncIterator[tuple[Pulse, Counts]]:
    counts = Counts()
    pulse = Pulse(lambda: why[0] if why else None, states, counts, wall=lambda: 1688371200.0)
    pulse.use(Heartbeat(every=every, to=tuple(channels)), channels, CHU)
    running = asyncio.create_task(pulse.run())
    try:
        yield pulse, counts
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await pulse.close()


async def test_it_beats_at_once_and_then_at_its_rhythm_and_says_how_the_flows_are() -> None:
    watchman = Watchman()
    async with beating([], {"watchman": watchman}) as (_, counts):
        await asyncio.sleep(301)
    assert watchman.times == [0, 60, 120, 180, 240, 300]
    assert counts.beats == {"watchman": 6}
    assert watchman.closed
    body = watchman.beats[0][1].body
    assert {name: body[name] for name in ("status", "site", "standpoint", "every", "ok", "sent_at")} == {
        "status": "heartbeat",
        "site": "CHU",
        "standpoint": "inside",
        "every": 60.0,
        "ok": True,
        "sent_at": "2023-07-03T08:00:00Z",
    }
    assert body["states"]["dropped"] == 2
    assert body["text"] == "Retabli is watching: CHU (seen from inside). Flows: 2 dropped, 10 restored."


async def test_each_beat_has_a_key_of_its_own_or_receivers_that_drop_repeats_would_drop_it() -> None:
    watchman = Watchman()
    at = iter(range(1000))
    pulse = Pulse(lambda: None, states, Counts(), wall=lambda: float(next(at)))
    pulse.use(Heartbeat(every=1.0, to=("watchman",)), {"watchman": watchman}, CHU)
    running = asyncio.create_task(pulse.run())
    await asyncio.sleep(9.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len({message.key for _, message in watchman.beats}) == len(watchman.beats) == 10


async def test_a_daemon_that_does_not_work_is_silent_says_so_once_and_beats_again_soon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    why, watchman = list[str](), Watchman()
    async with beating(why, {"watchman": watchman}):
        await asyncio.sleep(30)
        why.append("the scheduler has stood still for 20 s: nothing is watched")
        await asyncio.sleep(300)
        assert watchman.times == [0]
        why.clear()
        await asyncio.sleep(6)
        assert len(watchman.beats) == 2
    said = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert said == [
        "no heartbeat is sent, on purpose: the scheduler has stood still for 20 s: nothing is watched",
        "heartbeats are sent again",
    ]


async def test_a_receiver_that_hangs_or_fails_delays_no_other_is_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hanging, failing, fine = Watchman(hangs=True), Watchman(down=True), Watchman()
    async with beating([], {"hanging": hanging, "failing": failing, "fine": fine}, every=10.0) as (_, counts):
        await asyncio.sleep(95)
        failing.down = False
        await asyncio.sleep(20)
    assert fine.times == [10 * each for each in range(12)]
    assert counts.failures == {"hanging": 11, "failing": 10}
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == [
        "channel failing did not take a heartbeat: answers 500",
        "channel hanging did not take a heartbeat: no answer within 10 s",
        "channel failing takes heartbeats again",
    ]


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError(), KeyError("phone")])
async def test_one_channel_s_lack_or_defect_delays_no_other_and_is_told_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Watchman):
        async def send(self, message: Message) -> None:
            raise error

    good = Watchman()
    async with beating([], {"broken": Broken(), "good": good}) as (_, counts):
        await asyncio.sleep(301.0)
    assert good.times == [0, 60, 120, 180, 240, 300]
    assert counts.failures["broken"] == 6
    assert len([row for row in caplog.records if "broken" in row.getMessage()]) == 1


async def test_a_reload_changes_rhythm_and_receiver_at_once_and_may_end_it() -> None:
    old, new = Watchman(), Watchman()
    async with beating([], {"old": old}) as (pulse, _):
        await asyncio.sleep(90)
        pulse.use(Heartbeat(every=10.0, to=("new",)), {"new": new}, CHU)
        await asyncio.sleep(25)
        pulse.use(None, {}, CHU)
        await asyncio.sleep(100)
    assert (old.times, old.closed) == ([0, 60], True)
    assert (new.times, new.closed) == ([90, 100, 110], True)


def test_one_channel_or_a_list_may_be_named() -> None:
    settings = Heartbeat.model_validate({"to": "duty"})
    assert (settings.every, settings.to) == (60.0, ("duty",))
    assert beating_channels(Heartbeat.model_validate({"to": ["a", "b", "a"]}), ("b", "a")) == ("a", "b")
    assert beating_channels(None, ("a",)) == ()


# whether it works --------------------------------------------------------------------------------------------------


@dataclass
class Parts:
    """A store, a scheduler and a drain as the judgement sees them."""

    failure: Exception | None = None
    trouble: str | None = None
    stuck: bool = False
    woke: float | None = None
    looked: float | None = None
    hopeless: bool = False

    async def touch(self) -> None:
        if self.stuck:
            await asyncio.Event().wait()

    async def live(self, seconds: int, health: Health, *still: str) -> str | None:
        """So many seconds in which everything gives its sign, but for what stands still."""
        for each in range(seconds):
            now = asyncio.get_running_loop().time()
            if "scheduler" not in still:
                self.woke = now
            if "drain" not in still:
                self.looked = now
            if each % 15 == 0 and "store" not in still:
                await health.check()
            await asyncio.sleep(1)
        return health.why_not()


async def test_a_daemon_whose_parts_all_give_their_signs_works() -> None:
    parts = Parts()
    health = Health(parts, lambda: parts.woke, parts)
    assert health.why_not() == "the state is being taken up"
    health.begin()
    assert health.why_not() is None
    assert await parts.live(300, health) is None


@pytest.mark.parametrize(
    ("still", "seconds", "said"),
    [
        ("scheduler", 20, "the scheduler has stood still for 20 s: nothing is watched"),
        ("store", 80, "the state has not been written for 80 s"),
        ("drain", 100, "the outbox has not been looked into for 100 s: nobody is told anything"),
    ],
)
async def test_a_part_that_stands_still_is_found_out_and_named(still: str, seconds: int, said: str) -> None:
    parts = Parts()
    health = Health(parts, lambda: parts.woke, parts)
    health.begin()
    assert await parts.live(seconds, health, still) == said
    assert await parts.live(16, health) is None


async def test_a_disk_that_hangs_and_channels_that_all_fail_and_a_state_that_failed_are_told() -> None:
    parts = Parts()
    health = Health(parts, lambda: parts.woke, parts)
    health.begin()
    parts.stuck = True
    hanging = asyncio.create_task(health.check())
    assert await parts.live(70, health, "store") == "the state has not been written for 70 s"
    hanging.cancel()
    parts.stuck, parts.hopeless = False, True
    assert await parts.live(16, health) == "no channel accepts anything: nobody is told anything"
    parts.failure = OSError("disk full")
    assert health.why_not() == "disk full"
