"""Reloads keep what has not changed; the end is quick and loses no result; what breaks is told apart."""

import asyncio
import logging

import pytest

from retabli.model.flow import Policy, UnitName
from retabli.model.ladder import Ladder
from retabli.scheduler import Scheduler
from retabli.scheduler.unit import UsualTimes

from .fakes import (
    UNIT,
    HealthyProbe,
    PlayedProbe,
    RememberingJudge,
    RememberingMeter,
    SilentProbe,
    StoreBroken,
    answer,
    now,
    one,
    refuse,
    ticking,
)

pytestmark = pytest.mark.looptime


async def test_an_unchanged_unit_keeps_its_beats_and_its_run_under_way() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(HealthyProbe(every=30.0, takes=5.0)))
    async with ticking(scheduler):
        await asyncio.sleep(100.0)
        beats = [result.beat for result in judge.of(UNIT)]
        await asyncio.sleep(beats[-1] + 30.0 - now() + 2.0)
        assert scheduler.under_way == 1
        await scheduler.adopt(one(HealthyProbe(every=30.0, takes=5.0), Policy(fall=7)))
        assert scheduler.under_way == 1
        await asyncio.sleep(60.0)
        beats = [result.beat for result in judge.of(UNIT) if not result.confirming][1:]
        assert beats == pytest.approx([beats[0] + 30.0 * index for index in range(len(beats))])


async def test_an_unchanged_unit_follows_a_changed_policy() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse(ladder))

    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    units = one(PlayedProbe(every=30.0, play=play), Policy(confirm=2.0))
    await scheduler.adopt(units)
    async with ticking(scheduler):
        await asyncio.sleep(3.0)
        await scheduler.adopt({UNIT: (units[UNIT][0], Policy(confirm=7.0))})
        await asyncio.sleep(160.0)
        first, second = judge.confirmations
        assert second.started - first.started == pytest.approx(7.0)


async def test_a_removed_unit_gives_no_result_and_no_beat_any_more() -> None:
    judge = RememberingJudge(restored=False)
    scheduler = Scheduler(judge, RememberingMeter())
    other = UnitName("mail-in", "beacon")
    both = one(SilentProbe(every=30.0)) | {other: (HealthyProbe(every=30.0), Policy())}
    await scheduler.adopt(both)
    async with ticking(scheduler):
        await asyncio.sleep(3.0)
        assert scheduler.under_way == 1
        await scheduler.adopt({other: both[other]})
        assert scheduler.under_way == 0
        await asyncio.sleep(100.0)
        assert not judge.of(UNIT)
        assert len(judge.of(other)) >= 3


async def test_a_changed_unit_starts_anew_at_once_with_its_memory() -> None:
    judge = RememberingJudge()
    judge.memories[UNIT] = {"token": 41}
    seen: list[object] = []

    async def play(ladder: Ladder, _number: int) -> None:
        seen.append(ladder.memory["token"])
        await answer(ladder)

    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(SilentProbe(every=600.0)))
    async with ticking(scheduler):
        await asyncio.sleep(3.0)
        await scheduler.adopt(one(PlayedProbe(every=600.0, play=play)))
        await asyncio.sleep(3.0)
        assert seen == [41]
        assert [result.outcome.value for result in judge.of(UNIT)] == ["ok"]


async def test_the_end_cuts_silent_runs_and_waits_for_what_is_being_remembered() -> None:
    judge = RememberingJudge(takes=2.0)
    scheduler = Scheduler(judge, RememberingMeter())
    healthy = UnitName("mail-in", "beacon")
    await scheduler.adopt(one(SilentProbe(every=30.0)) | {healthy: (HealthyProbe(every=30.0), Policy())})
    await asyncio.sleep(0.5)
    began = now()
    await scheduler.stop(grace=5.0)
    assert now() - began == pytest.approx(1.7, abs=0.2)
    assert [name for name, _ in judge.results] == [healthy]
    assert scheduler.under_way == 0
    await asyncio.sleep(300.0)
    assert len(judge.results) == 1


async def test_the_end_does_not_wait_for_a_probe_that_will_not_end(caplog: pytest.LogCaptureFixture) -> None:
    async def play(_ladder: Ladder, _number: int) -> None:
        for _ in range(10):
            try:
                await asyncio.sleep(10.0)
            except asyncio.CancelledError:
                continue

    scheduler = Scheduler(RememberingJudge(), RememberingMeter())
    await scheduler.adopt(one(PlayedProbe(play=play)))
    await asyncio.sleep(0.5)
    began = now()
    await scheduler.stop(grace=5.0)
    assert now() - began < 7.0
    assert "left behind" in caplog.text
    await asyncio.sleep(200.0)


async def test_a_run_that_is_ended_before_its_first_step_gives_its_place_back() -> None:
    scheduler = Scheduler(RememberingJudge(), RememberingMeter())
    await scheduler.adopt(one(HealthyProbe()))
    (unit,) = scheduler._units.values()
    scheduler._beat(unit, now())
    assert scheduler.under_way == 1
    await scheduler.stop()
    assert scheduler.under_way == 0


async def test_a_judge_that_fails_is_logged_and_the_next_beat_comes(caplog: pytest.LogCaptureFixture) -> None:
    judge = RememberingJudge(raises=ValueError("a defect of the pipeline"))
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(HealthyProbe(every=10.0)))
    async with ticking(scheduler):
        await asyncio.sleep(8.0)
        assert any("its result was lost" in record.message for record in caplog.records)
        assert all(record.levelno == logging.ERROR for record in caplog.records)
        judge.raises = None
        await asyncio.sleep(30.0)
        assert len(judge.results) >= 2


async def test_a_store_that_cannot_be_written_ends_the_scheduler() -> None:
    judge = RememberingJudge(raises=StoreBroken("disk full"))
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(HealthyProbe(every=10.0)))
    with pytest.raises(StoreBroken):
        async with asyncio.timeout(5.0):
            await scheduler.run()
    await scheduler.stop()


def test_the_usual_time_is_the_99th_percentile_of_the_last_hundred_and_a_quarter_second_at_least() -> None:
    times = UsualTimes()
    times.learn(0.01)
    assert times.usual == pytest.approx(0.25, abs=0.01)
    for _ in range(98):
        times.learn(0.5)
    times.learn(9.0)
    assert times.usual == pytest.approx(0.5, abs=0.01), "one of a hundred is an outlier"
    times.learn(8.0)
    assert times.usual == pytest.approx(8.0, abs=0.01), "two are not"
    for _ in range(100):
        times.learn(0.3)
    assert times.usual == pytest.approx(0.3, abs=0.01), "what is older is forgotten"
