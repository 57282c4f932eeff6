"""When probes run: spread out, at their rhythm, exactly when due, and never bunched."""

import asyncio
from collections import Counter

import pytest

from retabli.scheduler import Scheduler
from retabli.scheduler.beats import TOGETHER, place, slot_for

from .fakes import (
    UNIT,
    HealthyProbe,
    PlayedProbe,
    RememberingJudge,
    RememberingMeter,
    SilentProbe,
    SlowArrivalProbe,
    answer,
    keep_silent,
    many,
    now,
    one,
    ticking,
)

pytestmark = pytest.mark.looptime


async def test_the_first_beat_comes_at_once_and_the_first_of_all_within_seconds() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(12, lambda _: HealthyProbe(every=60.0)))
    async with ticking(scheduler):
        await asyncio.sleep(4.0)
        assert len(judge.results) == 12
        assert judge.starts[0] == pytest.approx(0.0)


async def test_first_beats_of_many_units_start_at_a_bounded_rate() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(1000, lambda _: HealthyProbe(every=30.0)))
    async with ticking(scheduler):
        await asyncio.sleep(6.0)
        assert len({name for name, _ in judge.results}) == 1000
        seconds = Counter(int(start) for start in judge.starts)
        assert max(seconds.values()) <= 210


async def test_later_beats_are_spread_over_the_interval_by_the_units_names() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(300, lambda _: HealthyProbe(every=30.0)))
    async with ticking(scheduler):
        await asyncio.sleep(120.0)
        for name in (name for name, _ in judge.results):
            later = [result.beat for result in judge.of(name)][1:]
            assert later == pytest.approx([later[0] + 30.0 * index for index in range(len(later))])
            assert later[0] % 30.0 == pytest.approx(place(name, 30.0, slot_for(10.0)))
            break
        tenths = Counter(int(result.beat % 30.0 / 3) for _, result in judge.results if result.beat > 60.0)
        assert len(tenths) == 10
        assert max(tenths.values()) < 3 * min(tenths.values())


async def test_the_beats_of_many_units_share_slots_a_handful_to_each() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(1000, lambda _: HealthyProbe(every=5.0)))
    async with ticking(scheduler):
        await asyncio.sleep(30.0)
        slot = slot_for(200.0)
        assert slot * 200.0 <= TOGETHER
        beats = Counter(result.beat for _, result in judge.results if result.beat > 20.0)
        assert all(beat / slot == pytest.approx(round(beat / slot)) for beat in beats)
        assert 5 < sum(beats.values()) / len(beats) <= TOGETHER
        assert max(beats.values()) < 3 * TOGETHER


async def test_what_computes_for_long_has_an_instant_of_its_own() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(1000, lambda _: PlayedProbe(every=5.0, play=lambda ladder, _: answer(ladder))))
    async with ticking(scheduler):
        await asyncio.sleep(30.0)
        beats = Counter(result.beat for _, result in judge.results if result.beat > 20.0)
        assert len(beats) > 1900
        assert max(beats.values()) == 1


async def test_a_unit_starts_exactly_when_it_is_due_between_two_plans() -> None:
    judge, meter = RememberingJudge(), RememberingMeter()
    scheduler = Scheduler(judge, meter)
    await scheduler.adopt(many(50, lambda _: HealthyProbe(every=7.3)))
    async with ticking(scheduler):
        await asyncio.sleep(60.0)
        assert len(meter.late) > 350
        assert max(meter.late) < 0.001


async def test_an_interval_shorter_than_the_plan_is_kept() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(HealthyProbe(every=0.4)))
    async with ticking(scheduler):
        await asyncio.sleep(20.0)
        gaps = [later - earlier for earlier, later in zip(judge.starts[1:], judge.starts[2:], strict=False)]
        assert gaps == pytest.approx([0.4] * len(gaps))
        assert len(gaps) > 40


async def test_a_run_that_overruns_skips_beats_and_keeps_its_phase() -> None:
    async def play(ladder, number):  # type: ignore[no-untyped-def]
        await answer(ladder, after=25.0 if number == 2 else 0.1)

    judge = RememberingJudge(restored=False)
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(PlayedProbe(every=10.0, timeout=40.0, play=play)))
    async with ticking(scheduler):
        await asyncio.sleep(80.0)
        beats = [result.beat for result in judge.of(UNIT)]
        steps = [round(later - beats[2], 6) for later in beats[2:]]
        assert steps[:4] == [0.0, 30.0, 40.0, 50.0]
        assert len(judge.skips) == 2


async def test_runs_of_one_unit_overlap_as_far_as_its_kind_says() -> None:
    judge = RememberingJudge(restored=False)
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(SlowArrivalProbe(every=30.0)))
    async with ticking(scheduler):
        await asyncio.sleep(300.0)
        assert scheduler.under_way in (2, 3)
        assert not judge.skips
        assert len(judge.results) in (7, 8)


async def test_after_a_stall_each_unit_runs_once_at_a_bounded_rate_and_in_its_own_phase() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(300, lambda _: HealthyProbe(every=30.0)))
    await scheduler._plan()
    await asyncio.sleep(2.0)
    before = len(judge.results)
    await asyncio.sleep(100.0)  # the loop's time goes on, and nobody plans
    resumed = now()
    async with ticking(scheduler):
        await asyncio.sleep(10.0)
        made_up = [each for each in judge.results[before:] if each[1].started >= resumed]
        assert max(Counter(int(result.started - resumed) for _, result in made_up).values()) <= 230
        assert judge.skips
        await asyncio.sleep(60.0)
        for name in {name for name, _ in judge.results}:
            last = judge.of(name)[-1].beat
            assert last % 30.0 == pytest.approx(place(name, 30.0, slot_for(10.0)))


async def test_after_a_night_frozen_no_unit_counts_its_beats_one_by_one() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(HealthyProbe(every=1.0)))
    await scheduler._plan()
    await asyncio.sleep(12 * 3600.0)
    before = len(judge.results)
    async with ticking(scheduler):
        await asyncio.sleep(3.5)
        assert 3 <= len(judge.results) - before <= 5
        assert len(judge.skips) <= 10


async def test_a_deadline_is_recorded_on_the_rung_it_fell_on() -> None:
    judge = RememberingJudge(restored=False)
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(SilentProbe(every=30.0, timeout=4.0)))
    async with ticking(scheduler):
        await asyncio.sleep(5.0)
        result = judge.of(UNIT)[0]
        assert (str(result.stage), str(result.cause), result.outcome.value) == ("connect", "timeout", "failed")
        assert result.seconds == pytest.approx(4.0)


async def test_silent_targets_do_not_keep_the_others_from_starting() -> None:
    judge, meter = RememberingJudge(restored=False), RememberingMeter()
    scheduler = Scheduler(judge, meter, places=120)
    units = many(400, lambda index: SilentProbe(every=30.0) if index < 300 else HealthyProbe(every=30.0))
    await scheduler.adopt(units)
    async with ticking(scheduler):
        await asyncio.sleep(120.0)
        healthy = {name for name, (probe, _) in units.items() if isinstance(probe, HealthyProbe)}
        runs = Counter(name for name, _ in judge.results)
        assert all(runs[name] >= 4 for name in healthy)
        assert not judge.skips
        assert sorted(meter.late)[int(len(meter.late) * 0.99)] < 0.1


async def test_a_run_waits_for_its_place_outside_its_deadline_and_the_wait_is_told() -> None:
    judge, meter = RememberingJudge(restored=False), RememberingMeter()
    scheduler = Scheduler(judge, meter, places=1, patient=0)
    await scheduler.adopt(many(4, lambda _: HealthyProbe(every=60.0, timeout=10.0, takes=8.0)))
    async with ticking(scheduler):
        await asyncio.sleep(33.0)
        assert [result.outcome.value for _, result in judge.results] == ["ok"] * 4
        assert len(meter.waits) == 3
        assert max(meter.waits) == pytest.approx(24.0, abs=0.5)
        assert max(meter.late) == pytest.approx(24.0, abs=0.5)


async def test_where_there_is_no_place_for_a_whole_interval_beats_are_skipped_not_heaped_up() -> None:
    async def play(ladder, _number):  # type: ignore[no-untyped-def]
        await keep_silent(ladder)

    judge = RememberingJudge(restored=False)
    scheduler = Scheduler(judge, RememberingMeter(), places=1, patient=0)
    await scheduler.adopt(many(10, lambda _: PlayedProbe(every=10.0, timeout=10.0, play=play)))
    async with ticking(scheduler):
        await asyncio.sleep(100.0)
        assert scheduler.waiting <= 9
        assert scheduler.under_way == 1
        assert len(judge.skips) > 50
        assert len(judge.results) >= 9
