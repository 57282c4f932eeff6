"""APScheduler drives the plan; neither a jump of the wall clock nor a duty that breaks stops or bunches anything."""

import asyncio
import time
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

import apscheduler.schedulers.base
import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from blockbuster import blockbuster_ctx

from retabli.scheduler import Scheduler
from retabli.scheduler.timetable import Timetable

from .fakes import UNIT, HealthyProbe, RememberingJudge, RememberingMeter, StoreBroken, many, now, one

START = datetime.fromisoformat("2023-07-03T08:00:00+00:00")


class Wall:
    """A wall clock that goes with the loop's, and can be set."""

    def __init__(self) -> None:
        self.shift = timedelta()
        self.stands_at: float | None = None

    def read(self) -> datetime:
        return START + timedelta(seconds=now() if self.stands_at is None else self.stands_at) + self.shift

    def seconds(self) -> float:
        return self.read().timestamp()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """APScheduler itself reads this wall clock."""
    wall = Wall()

    class SetDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return wall.read().astimezone(tz)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", SetDatetime)
    return wall


class Running:
    """The scheduler as the daemon runs it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    async def __aenter__(self) -> Scheduler:
        self.task = asyncio.create_task(self.scheduler.run())
        return self.scheduler

    async def __aexit__(self, *_: object) -> None:
        await self.scheduler.stop()
        self.task.cancel()
        await asyncio.wait({self.task})


@pytest.mark.looptime
@pytest.mark.parametrize(
    "jump",
    [
        timedelta(hours=-1),
        timedelta(days=-365),
        timedelta(hours=1),
        timedelta(days=365),
        timedelta(seconds=-3),
        timedelta(seconds=3),
    ],
    ids=str,
)
async def test_a_jump_of_the_wall_clock_neither_stops_nor_bunches_the_beats(wall: Wall, jump: timedelta) -> None:
    judge, meter = RememberingJudge(), RememberingMeter()
    scheduler = Scheduler(judge, meter, wall=wall.seconds)
    await scheduler.adopt(many(10, lambda _: HealthyProbe(every=5.0)))
    ticks: list[float] = []

    async def tick() -> None:
        ticks.append(now())

    scheduler.every(10.0, tick, "tick")
    async with Running(scheduler):
        await asyncio.sleep(63.7)
        spent = time.monotonic()
        for _ in range(20):  # at every moment between two plans
            wall.shift += jump
            await asyncio.sleep(5.05)
        assert time.monotonic() - spent < 10.0
    assert max(meter.late) < 0.001
    assert not judge.skips
    for name in {name for name, _ in judge.results}:
        beats = [result.beat for result in judge.of(name)][1:]
        assert beats == pytest.approx([beats[0] + 5.0 * index for index in range(len(beats))])
    gaps = [later - earlier for earlier, later in pairwise(ticks)]
    assert len(ticks) == 16
    assert gaps == pytest.approx([10.0] * 15, abs=0.3)


@pytest.mark.looptime
async def test_a_wall_clock_that_stands_still_stops_nothing(wall: Wall) -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter(), wall=wall.seconds)
    await scheduler.adopt(one(HealthyProbe(every=5.0)))
    async with Running(scheduler):
        await asyncio.sleep(10.0)
        wall.stands_at = now()
        await asyncio.sleep(90.0)
    assert len(judge.results) >= 19
    assert not judge.skips


@pytest.mark.looptime
@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(days=365)], ids=str)
async def test_a_wall_clock_set_forward_calls_no_duty_too_early(wall: Wall, jump: timedelta) -> None:
    scheduler = Scheduler(RememberingJudge(), RememberingMeter(), wall=wall.seconds)
    beats: list[float] = []
    calls: list[float] = []

    async def beat() -> None:
        beats.append(now())

    async def retain() -> None:
        calls.append(now())

    async with Running(scheduler):
        await asyncio.sleep(0.05)
        scheduler.every(60.0, retain, "retention")
        scheduler.every(1.0, beat, "heartbeat")
        await asyncio.sleep(5.9999)
        wall.shift += jump  # APScheduler wakes before the loop's watch looks at the wall clock
        spent = time.monotonic()
        await asyncio.sleep(120.0)
        assert time.monotonic() - spent < 5.0
    assert calls == pytest.approx([60.05, 120.05], abs=0.5)
    assert len(beats) == pytest.approx(125, abs=2)


@pytest.mark.looptime
async def test_a_wall_clock_set_back_again_and_again_stops_nothing(wall: Wall) -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter(), wall=wall.seconds)
    await scheduler.adopt(one(HealthyProbe(every=5.0)))
    async with Running(scheduler):
        for hours in range(1, 6):
            wall.shift = timedelta(hours=-hours)
            await asyncio.sleep(20.0)
    assert len(judge.results) >= 19
    assert not judge.skips


@pytest.mark.looptime
async def test_a_duty_that_breaks_is_logged_and_called_again(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler(RememberingJudge(), RememberingMeter(), wall=wall.seconds)
    calls: list[float] = []

    async def breaking() -> None:
        calls.append(now())
        raise ValueError("no such shelf")

    scheduler.every(2.0, breaking, "retention")
    async with Running(scheduler):
        await asyncio.sleep(9.0)
    assert len(calls) == 4
    assert "retention" in caplog.text


@pytest.mark.looptime
async def test_a_duty_that_is_still_at_work_skips_its_turn(wall: Wall) -> None:
    scheduler = Scheduler(RememberingJudge(), RememberingMeter(), wall=wall.seconds)
    calls: list[float] = []

    async def slow() -> None:
        calls.append(now())
        await asyncio.sleep(5.0)

    scheduler.every(2.0, slow, "heartbeat")
    async with Running(scheduler):
        await asyncio.sleep(15.0)
    assert calls == pytest.approx([2.0, 8.0, 14.0], abs=0.2)


@pytest.mark.looptime
async def test_a_duty_that_says_the_store_is_broken_ends_the_scheduler(wall: Wall) -> None:
    scheduler = Scheduler(RememberingJudge(), RememberingMeter(), wall=wall.seconds)

    async def fatal() -> None:
        raise StoreBroken("disk full")

    scheduler.every(2.0, fatal, "retention")
    with pytest.raises(StoreBroken):
        await scheduler.run()
    await scheduler.stop()


@pytest.mark.looptime
async def test_a_scheduler_that_is_started_again_goes_on_with_its_beats(wall: Wall) -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter(), wall=wall.seconds)
    await scheduler.adopt(one(HealthyProbe(every=5.0)))
    for _ in range(2):
        task = asyncio.create_task(scheduler.run())
        await asyncio.sleep(30.0)
        task.cancel()
        await asyncio.wait({task})
    await scheduler.stop()
    beats = [result.beat for result in judge.of(UNIT)][1:]
    assert beats == pytest.approx([beats[0] + 5.0 * index for index in range(len(beats))])
    assert len(beats) >= 10


async def test_in_real_time_every_unit_runs_again_and_nothing_blocks_the_loop() -> None:
    judge, meter = RememberingJudge(), RememberingMeter()
    scheduler = Scheduler(judge, meter)
    ticks: list[float] = []

    async def tick() -> None:
        ticks.append(now())

    scheduler.every(0.5, tick, "tick")
    with blockbuster_ctx():
        await scheduler.adopt(many(30, lambda _: HealthyProbe(every=1.0, timeout=0.5, takes=0.01)))
        async with Running(scheduler), asyncio.timeout(25):
            while sum(len(judge.of(name)) >= 2 for name in {name for name, _ in judge.results}) < 30:
                await asyncio.sleep(0.1)
    assert len(ticks) >= 2
    assert meter.stalls


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[AsyncIOScheduler]:
    """Every scheduler of APScheduler's that was started."""
    started: list[AsyncIOScheduler] = []
    true = AsyncIOScheduler.start

    def start(self: AsyncIOScheduler) -> None:
        started.append(self)
        true(self)

    monkeypatch.setattr(AsyncIOScheduler, "start", start)
    return started


def lack(*_: object, **__: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("what", ["culprits.Culprits.begin", "timetable.Timetable._add"])
async def test_whatever_ends_the_scheduler_its_timetable_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, started: list[AsyncIOScheduler], what: str
) -> None:
    scheduler = Scheduler(RememberingJudge(), RememberingMeter())
    monkeypatch.setattr(f"retabli.scheduler.{what}", lack)
    for _ in range(3):
        with pytest.raises(MemoryError):
            await scheduler.run()
    assert [each.running for each in started] == [False, False, False]


async def test_a_timetable_that_could_not_be_stopped_is_stopped_before_another_begins(
    monkeypatch: pytest.MonkeyPatch, started: list[AsyncIOScheduler]
) -> None:
    timetable = Timetable(lambda work, name: asyncio.create_task(work, name=name))
    timetable.start()
    with monkeypatch.context() as patch:
        patch.setattr(AsyncIOScheduler, "shutdown", lack)
        with pytest.raises(MemoryError):
            await timetable.stop()
    timetable.start()
    await asyncio.sleep(0.05)
    assert [each.running for each in started] == [False, True]
    await timetable.stop()
    assert [each.running for each in started] == [False, False]
