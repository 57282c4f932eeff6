"""The machine slept, or was paused: the monotonic clock stood still, and what was found out is older than it says."""

from pathlib import Path

import pytest

from retabli.model import causes
from retabli.model.record import Event
from retabli.model.states import State
from retabli.pipeline import pipeline as pipeline_module
from retabli.report import replay
from retabli.store import store as store_module
from retabli.view import Site
from retabli.view.course import Courses, Span
from tests.restoration.test_step_undone import daemon, falls_once, logged
from tests.restoration.worlds import World, flow

HOUR = 3600.0


async def sleep(world: World, seconds: float = HOUR, *, asleep: bool = True) -> None:
    """Time passes for the wall clock alone, and the loop's watch tells it on waking."""
    world.wall_time += seconds
    world.pipeline.unwatched(seconds, asleep=asleep)
    await world.pass_time(1.0)


@pytest.mark.parametrize("asleep", [True, False])
async def test_what_was_proven_before_a_sleep_is_unknown_after_it_until_the_next_run(asleep: bool) -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await sleep(world, asleep=asleep)
    assert world.state() is State.UNKNOWN
    assert not world.picture().units[0].fresh
    await world.ok()
    assert world.state() is State.RESTORED
    assert world.told() == []


async def test_a_sleep_that_is_shorter_than_what_was_proven_is_good_for_leaves_it_and_makes_it_older() -> None:
    world = await World(flow(soak=0)).begin()
    await world.ok(3)
    await sleep(world, 60.0)
    assert world.state() is State.RESTORED
    await world.pass_time(28)
    assert world.state() is State.RESTORED
    await world.pass_time(2)
    assert world.state() is State.UNKNOWN


async def test_the_log_says_from_when_to_when_nobody_looked_before_it_says_what_became_unknown() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    fell_asleep = world.wall_time
    await sleep(world)
    gap, state = world.memory.entries[-2:]
    assert (gap.event, gap.flow, gap.at) == (Event.GAP, None, fell_asleep + HOUR)
    assert gap.data == {"from": "1970-01-12T13:49:40Z", "seconds": 3600.0, "why": "asleep"}
    assert (state.event, state.data["was"], state.data["now"]) == (Event.STATE, "restored", "unknown")


async def test_a_result_that_comes_before_the_sweep_has_the_gap_written_before_it() -> None:
    world = await World(flow(soak=0), flow("other", soak=0)).begin()
    await world.restore()
    world.wall_time += HOUR
    world.pipeline.unwatched(HOUR, asleep=True)
    await world.fail()
    assert world.state() is State.UNKNOWN  # it takes a success to be seen restored again
    await world.pass_time(1.0)
    assert [entry.event for entry in world.memory.entries].count(Event.GAP) == 1
    assert [entry.event for entry in world.memory.entries[-2:]] == [Event.GAP, Event.STATE]


async def test_a_report_of_a_moment_in_a_sleep_says_that_nobody_was_looking_and_one_of_later_does_not() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    fell_asleep = world.wall_time
    await sleep(world)
    await world.ok()
    within = replay(world.memory.entries, world.flows, Site("CHU"), fell_asleep + 1800)
    assert (within.lines[0].state, within.unwatched_since) == (State.UNKNOWN, fell_asleep)
    after = replay(world.memory.entries, world.flows, Site("CHU"), world.wall_time)
    assert (after.lines[0].state, after.unwatched_since) == (State.RESTORED, None)


@pytest.mark.parametrize("slept", [60.0, HOUR])
async def test_the_course_of_a_flow_has_the_gap_and_then_what_it_was_shown_in(slept: float) -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.ok()
    fell_asleep = world.wall_time
    await sleep(world, slept)
    await world.ok()
    folded = Courses()
    for entry in world.memory.entries:
        folded.follow(entry)
    folded.show("mail-out", world.state(), world.picture().since)
    gap, *after = list(folded["mail-out"].spans())[2:]
    assert gap == Span(None, fell_asleep, fell_asleep + slept)
    assert after[-1].state is State.RESTORED


async def test_blindness_in_a_sleep_pages_nobody_before_every_unit_had_the_time_to_run_and_then_it_does() -> None:
    world = await World(flow(soak=0, every=600.0, page_unknown_after=900)).begin()
    await world.ok(3)
    await sleep(world, 2 * HOUR)
    assert world.state() is State.UNKNOWN
    await world.pass_time(1790)
    assert world.told() == []
    await world.pass_time(20)
    assert world.told() == ["firing"]


async def test_blindness_of_before_a_sleep_pages_nobody_on_waking() -> None:
    world = await World(flow(soak=0, page_unknown_after=900)).begin()
    await world.ok(3)
    await world.pass_time(91)
    await world.pass_time(890)
    await sleep(world)
    await world.pass_time(20)
    assert world.told() == []
    await world.ok()
    assert world.told() == []


async def test_failures_in_a_row_go_on_over_a_sleep_and_successes_do_not() -> None:
    world = await World(flow(soak=0), flow("other", soak=0)).begin()
    await world.restore()
    await world.fail(2)
    await world.ok(2, of="other")
    await sleep(world)
    await world.fail()
    await world.ok(of="other")
    assert (world.state(), world.told()) == (State.DROPPED, ["firing"])
    assert world.state("other") is State.RECOVERING


async def test_a_sleep_is_no_time_of_soak() -> None:
    world = await World(flow(soak=100, every=60.0)).begin()
    await world.ok(3)
    await sleep(world, 120.0)
    await world.ok()
    assert world.state() is State.RECOVERING


async def test_what_nobody_looked_at_stays_old_though_a_step_of_before_is_undone() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    live = world.pipeline._flows["mail-out"]
    before = live.before()
    await sleep(world)
    live.put_back(before)
    await world.pipeline.sweep()
    assert not live.picture(world.now).units[0].fresh


@pytest.mark.parametrize("place", [(pipeline_module, "dump_standing"), (store_module, "as_line")])
async def test_a_gap_that_could_not_be_written_is_written_once_by_the_next_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str]
) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow(soak=0)) as world:
        await world.restore()
        falls_once(monkeypatch, *place)
        await sleep(world)
        await world.pass_time(6.0)
        assert world.state() is State.UNKNOWN
        await world.ok()
    assert len(logged(path, Event.GAP, None)) == 1
    assert [row["now"] for row in logged(path, Event.STATE)][-2:] == ["unknown", "restored"]


async def test_no_cause_is_told_of_a_flow_that_nobody_looked_at() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(because=causes.REFUSED)
    await sleep(world)
    assert world.picture().deciding is None
