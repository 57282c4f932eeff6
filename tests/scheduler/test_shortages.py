"""What our own machine lacks for a moment costs the beat in hand: no unit stops, and no health is shown that is not."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from retabli.model.flow import Policy, UnitName
from retabli.model.ladder import Ladder
from retabli.scheduler import Scheduler
from retabli.scheduler.beats import Beats
from retabli.scheduler.unit import Unit

from .fakes import (
    UNIT,
    HealthyProbe,
    PlayedProbe,
    RememberingJudge,
    RememberingMeter,
    many,
    now,
    one,
    refuse_login,
)

pytestmark = pytest.mark.looptime


@contextmanager
def lacking(method: str, called: str, times: float = 1) -> Iterator[Callable[[], int]]:
    """The loop has no memory for so many calls of this method by which a function, or a task, of that name is called.

    Gives how often it had none.
    """
    loop = asyncio.get_running_loop()
    true = getattr(loop, method)
    lacked = 0

    def lack(*arguments: Any, **named: Any) -> Any:
        nonlocal lacked
        names = {named.get("name"), *(getattr(each, "__name__", "") for each in arguments)}
        if called in names and lacked < times:
            lacked += 1
            raise MemoryError
        return true(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, method, lack)
        yield lambda: lacked


@asynccontextmanager
async def ticking(scheduler: Scheduler) -> AsyncIterator[None]:
    """Has a plan each second, as the timetable does: one that breaks is not the last."""

    async def tick() -> None:
        while True:
            scheduler._spawn(scheduler._plan(), "plan")
            await asyncio.sleep(1.0)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await scheduler.stop()


async def whole(units: int = 1, every: float = 5.0) -> tuple[Scheduler, RememberingJudge]:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    probe = HealthyProbe(every=every)
    await scheduler.adopt(one(probe) if units == 1 else many(units, lambda _: probe))
    return scheduler, judge


@pytest.mark.parametrize("every", [1.0, 5.0], ids=["that arms itself", "that the plan arms"])
@pytest.mark.parametrize(
    ("method", "called"),
    [("create_task", str(UNIT)), ("call_later", "_outlived"), ("call_soon", "_next"), ("call_at", "_fire")],
)
async def test_a_shortage_costs_a_unit_a_beat_or_two_and_no_later_one(method: str, called: str, every: float) -> None:
    scheduler, judge = await whole(every=every)
    async with ticking(scheduler):
        await asyncio.sleep(20.1)
        before = len(judge.results)
        with lacking(method, called) as lacked:
            await asyncio.sleep(2 * every)
            assert lacked() == 1
        await asyncio.sleep(8 * every)
        assert len(judge.results) - before >= 8
        assert not judge.skips
        assert scheduler.under_way == 0


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("every", [1.0, 5.0], ids=["that arm themselves", "that the plan arms"])
@pytest.mark.parametrize(("method", "called"), [("call_soon", "_next"), ("call_at", "_fire")])
async def test_a_shortage_stops_none_of_many_units(method: str, called: str, every: float, times: int) -> None:
    scheduler, judge = await whole(units=100, every=every)
    async with ticking(scheduler):
        await asyncio.sleep(20.1)
        with lacking(method, called, times) as lacked:
            await asyncio.sleep(5.0)
            assert lacked() == times
        before = {name: len(judge.of(name)) for name, _ in judge.results}
        await asyncio.sleep(10 * every)
        assert {len(judge.of(name)) - count for name, count in before.items()} == {10}
        assert len(before) == 100
        assert not judge.skips


async def test_a_beat_that_could_not_even_be_called_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    true, lacked = Beats._fire, 0

    def fire(self: Beats, unit: Unit) -> None:
        nonlocal lacked
        if now() > 12.0 and not lacked:
            lacked += 1
            raise MemoryError
        true(self, unit)

    monkeypatch.setattr(Beats, "_fire", fire)
    scheduler, judge = await whole()
    async with ticking(scheduler):
        await asyncio.sleep(22.0)
        assert lacked == 1
        before = len(judge.results)
        await asyncio.sleep(30.0)
        assert len(judge.results) - before == 6


async def test_a_place_that_a_run_could_not_take_is_given_to_the_next_one() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter(), places=1, patient=0)
    await scheduler.adopt(many(4, lambda _: HealthyProbe(every=20.0, takes=1.0)))
    async with ticking(scheduler):
        await asyncio.sleep(0.5)
        assert scheduler.waiting == 3
        with lacking("create_task", "flow-1/probe", times=9) as lacked:
            first = len(judge.results)
            await asyncio.sleep(4.5)
            assert lacked() == 1
            assert first == 0
            assert {str(name) for name, _ in judge.results} == {f"flow-{index}/probe" for index in (0, 2, 3)}
        await asyncio.sleep(40.0)
        assert {len(judge.of(UnitName(f"flow-{index}", "probe"))) for index in (0, 2, 3)} <= {2, 3}
        assert len(judge.of(UnitName("flow-1", "probe"))) >= 1
        assert not judge.skips
        assert scheduler.under_way == 0


async def test_those_that_wait_are_served_though_nobody_leaves_a_place() -> None:
    """Every unit waits, and who was to begin could not: no run is left by whose end another would begin."""
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter(), places=1, patient=0)
    await scheduler.adopt(many(4, lambda _: HealthyProbe(every=600.0, timeout=500.0, takes=1.0)))
    async with ticking(scheduler):
        await asyncio.sleep(0.5)
        first, second, _ = (run.unit.label for run in scheduler._places._ordinary)
        with lacking("create_task", first), lacking("create_task", second):
            await asyncio.sleep(9.0)
        assert len(judge.results) == 2
        assert scheduler.waiting == 0


async def test_a_look_at_a_refused_secret_that_cannot_begin_is_had_at_the_next_beat() -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        await refuse_login(ladder)

    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(PlayedProbe(every=10.0, play=play)))
    async with ticking(scheduler):
        while not judge.standing:
            await asyncio.sleep(10.0)
        before = len(judge.standing)
        with lacking("create_task", str(UNIT)) as lacked:
            await asyncio.sleep(10.0)
            assert lacked() == 1
        await asyncio.sleep(30.0)
        assert len(judge.standing) - before == 3


async def test_a_missed_beat_that_cannot_be_counted_stops_none_of_those_to_come(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judge = RememberingJudge()
    told: list[UnitName] = []

    def lack(name: UnitName) -> None:
        told.append(name)
        raise MemoryError

    monkeypatch.setattr(judge, "skipped", lack)
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(20, lambda _: HealthyProbe(every=5.0)))
    await scheduler._plan()
    await asyncio.sleep(100.0)  # the loop's time goes on, and nobody plans
    before = len(judge.results)
    async with ticking(scheduler):
        await asyncio.sleep(20.0)
    assert len(set(told)) == 20
    assert "not all counted" in caplog.text
    assert len(judge.results) - before >= 80


async def test_no_sign_of_life_is_shown_while_beats_that_are_due_lie_unserved() -> None:
    scheduler, judge = await whole(units=8)
    running = asyncio.create_task(scheduler.run())
    try:
        await asyncio.sleep(10.0)
        assert now() - (scheduler.last_woke or 0.0) < 3.0
        with lacking("call_soon", "_next", times=1e6):
            await asyncio.sleep(1.0)  # for those under way
            before = len(judge.results)
            await asyncio.sleep(30.0)
            assert len(judge.results) == before
            assert now() - (scheduler.last_woke or 0.0) > 25.0
        await asyncio.sleep(5.0)
        assert now() - (scheduler.last_woke or 0.0) < 3.0
        assert len(judge.results) - before >= 8
    finally:
        running.cancel()
        await asyncio.wait({running})
        await scheduler.stop()


async def test_beats_that_are_served_late_are_a_sign_of_life() -> None:
    """A watchdog that ended a machine with too much to do for it would leave it more to do at each start."""
    scheduler, _ = await whole(units=3)
    beats = Beats(lambda *_: None, lambda _: None)
    beats._due.extend((unit, 0.0, now()) for unit in scheduler._units.values())
    began = now()
    await asyncio.sleep(60.0)
    assert beats.waits_since == began
    beats._next()
    assert beats.waits_since == now() == began + 60.0
    await scheduler.stop()


async def test_units_whose_beats_could_not_begin_begin_with_the_next_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    units = one(HealthyProbe(every=5.0)) | {UnitName("mail-in", "beacon"): (HealthyProbe(every=5.0), Policy())}
    with monkeypatch.context() as patch:

        def lack(*_: object) -> None:
            raise MemoryError

        patch.setattr(Beats, "begin", lack)
        with pytest.raises(MemoryError):
            await scheduler.adopt(units)
    await scheduler.adopt(units)
    async with ticking(scheduler):
        await asyncio.sleep(20.0)
        assert {name for name, _ in judge.results} == set(units)
        assert all(3 <= len(judge.of(name)) <= 5 for name in units)


async def test_a_unit_that_a_reload_cut_short_had_taken_away_beats_again_at_the_next_one() -> None:
    judge = RememberingJudge(takes=2.0)
    scheduler = Scheduler(judge, RememberingMeter())
    units = one(HealthyProbe(every=5.0))
    await scheduler.adopt(units)
    async with ticking(scheduler):
        await asyncio.sleep(0.5)
        reload = asyncio.create_task(scheduler.adopt({}))
        await asyncio.sleep(0.5)  # it waits for the result that is being remembered
        reload.cancel()
        await asyncio.wait({reload})
        await scheduler.adopt(units)
        await asyncio.sleep(20.0)
        assert len(judge.results) >= 4


async def test_a_run_that_could_not_begin_whole_does_not_run_outside_the_bounds() -> None:
    scheduler, judge = await whole(every=600.0)
    async with ticking(scheduler):
        await asyncio.sleep(5.0)
        before = len(judge.results)
        (unit,) = scheduler._units.values()
        with lacking("call_later", "_outlived"), pytest.raises(MemoryError):
            scheduler._beat(unit, now())
        await asyncio.sleep(5.0)
        assert len(judge.results) == before
