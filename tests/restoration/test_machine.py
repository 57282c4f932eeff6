"""From evidence to a standing: every pair of the table, and each sentence about open flows."""

from dataclasses import replace

import pytest

from retabli.model.flow import Policy
from retabli.model.record import Standing
from retabli.model.states import State
from retabli.restoration import TABLE, Evidence, advance, begin
from tests.restoration.worlds import HOLDING, World, flow

NOTHING = Evidence()
HOLDS = Evidence(holds=True)
PROVEN = Evidence(holds=True, proven=True)
FAILING = Evidence(failing=True)
FALLEN = Evidence(failing=True, fallen=True)
S = State

# (state, evidence) -> where it goes: every pair there is.
PAIRS = {
    S.DOWN: {NOTHING: S.DOWN, HOLDS: S.RECOVERING, PROVEN: S.RESTORED, FAILING: S.DOWN, FALLEN: S.DOWN},
    S.RECOVERING: {
        NOTHING: S.RECOVERING,
        HOLDS: S.RECOVERING,
        PROVEN: S.RESTORED,
        FAILING: S.RECOVERING,
        FALLEN: S.DOWN,
    },
    S.RESTORED: {NOTHING: S.RESTORED, HOLDS: S.RESTORED, PROVEN: S.RESTORED, FAILING: S.RESTORED, FALLEN: S.DROPPED},
    S.DEGRADED: {NOTHING: S.DEGRADED, HOLDS: S.DEGRADED, PROVEN: S.DEGRADED, FAILING: S.DEGRADED, FALLEN: S.DROPPED},
    S.DROPPED: {NOTHING: S.DROPPED, HOLDS: S.RECOVERING, PROVEN: S.RESTORED, FAILING: S.DROPPED, FALLEN: S.DROPPED},
    S.UNKNOWN: {NOTHING: S.UNKNOWN, HOLDS: S.CONTAINED, PROVEN: S.CONTAINED, FAILING: S.UNKNOWN, FALLEN: S.BREACHED},
    S.CONTAINED: {
        NOTHING: S.CONTAINED,
        HOLDS: S.CONTAINED,
        PROVEN: S.CONTAINED,
        FAILING: S.CONTAINED,
        FALLEN: S.BREACHED,
    },
    S.BREACHED: {NOTHING: S.BREACHED, HOLDS: S.BREACHED, PROVEN: S.CONTAINED, FAILING: S.BREACHED, FALLEN: S.BREACHED},
}


def test_the_table_of_pairs_names_every_state() -> None:
    assert set(PAIRS) == set(State) == set(TABLE)


@pytest.mark.parametrize(
    ("state", "evidence", "target"),
    [(state, evidence, target) for state, row in PAIRS.items() for evidence, target in row.items()],
)
def test_every_pair_of_state_and_evidence_goes_where_the_table_says(
    state: State, evidence: Evidence, target: State
) -> None:
    standing = replace(begin("open", 0.0), state=state)
    assert advance(standing, evidence, 1.0, Policy())[0].state is target


@pytest.mark.parametrize("state", list(State))
def test_without_evidence_every_flow_is_shown_unknown_and_its_standing_waits(state: State) -> None:
    standing = replace(begin("open", 0.0), state=state, shown=state, shown_since=0.0)
    after, changes = advance(standing, NOTHING, 7.0, Policy())
    assert (after.shown, after.state, changes) == (State.UNKNOWN, state, ())
    if state is not State.UNKNOWN:
        assert after.shown_since == 7.0


@pytest.mark.parametrize("state", [S.RESTORED, S.DEGRADED, S.RECOVERING])
def test_a_flow_of_which_nothing_was_known_is_not_shown_to_answer_because_of_a_failure(state: State) -> None:
    blind = Standing(state=state, since=1.0, before=S.DROPPED, shown=S.UNKNOWN, shown_since=5.0)
    failing, _ = advance(blind, FAILING, 9.0, Policy())
    assert (failing.state, failing.shown, failing.shown_since) == (state, S.UNKNOWN, 5.0)
    seen, _ = advance(failing, HOLDS, 10.0, Policy())
    assert seen.shown is state
    doubted, _ = advance(seen, FAILING, 11.0, Policy())
    assert doubted.shown is state  # one failure of a flow that was seen to work drops nothing
    fallen, _ = advance(failing, FALLEN, 12.0, Policy())
    assert fallen.shown is S.DROPPED


def test_since_goes_on_from_where_it_was_when_evidence_returns() -> None:
    standing = Standing(State.RESTORED, since=3.0, shown=State.UNKNOWN, shown_since=9.0)
    after, _ = advance(standing, HOLDS, 12.0, Policy())
    assert (after.shown, after.shown_since) == (State.RESTORED, 3.0)


# Each sentence about open flows -------------------------------------------------------------------------------------


async def test_a_new_flow_is_unknown_until_its_first_evidence_and_then_down() -> None:
    world = await World(flow()).begin()
    assert world.state() is State.UNKNOWN
    await world.fail()
    assert world.state() is State.DOWN


async def test_the_first_success_takes_it_from_down_to_recovering() -> None:
    world = await World(flow()).begin()
    await world.fail()
    await world.ok()
    assert world.state() is State.RECOVERING


async def test_rise_successes_at_least_soak_apart_restore_it() -> None:
    world = await World(flow(rise=3, soak=120)).begin()
    await world.ok(4, apart=30)
    assert world.state() is State.RECOVERING  # four successes, but only 90 s from first to last
    await world.ok()
    assert world.state() is State.RESTORED
    assert world.picture().standing.restored_at == world.wall_time


async def test_soak_alone_does_not_restore_before_rise_successes() -> None:
    world = await World(flow(rise=3, soak=60, every=60)).begin()
    await world.ok(2, apart=60)
    assert world.state() is State.RECOVERING
    await world.ok()
    assert world.state() is State.RESTORED


async def test_a_failure_empties_the_streak_but_the_flow_goes_on_recovering() -> None:
    world = await World(flow(rise=3, soak=0)).begin()
    await world.ok(2)
    await world.fail()
    assert world.state() is State.RECOVERING
    await world.ok(2)
    assert world.state() is State.RECOVERING
    await world.ok()
    assert world.state() is State.RESTORED


async def test_fall_failures_take_a_recovering_flow_back_to_down() -> None:
    world = await World(flow(rise=9, fall=3)).begin()
    await world.ok()
    await world.fail(2)
    assert world.state() is State.RECOVERING
    await world.fail()
    assert world.state() is State.DOWN
    assert world.pages() == 0


async def test_fall_failures_take_a_flow_that_recovers_from_a_drop_back_to_dropped_and_count_no_second_drop() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(3)
    await world.ok()
    assert world.state() is State.RECOVERING
    await world.fail(3)
    assert world.state() is State.DROPPED
    assert world.drops() == 1


async def test_blindness_longer_than_staleness_empties_the_success_streak() -> None:
    world = await World(flow(rise=3, soak=0, every=30)).begin()
    await world.ok(2)
    await world.pass_time(91)
    await world.ok(2)
    assert world.state() is State.RECOVERING
    await world.ok()
    assert world.state() is State.RESTORED


async def test_a_restart_longer_than_staleness_empties_the_success_streak() -> None:
    world = await World(flow(rise=3, soak=0, every=30)).begin()
    await world.ok(2)
    world = await world.restart(gap=100)
    await world.ok()
    assert world.state() is State.RECOVERING


async def test_a_short_restart_keeps_the_success_streak() -> None:
    world = await World(flow(rise=3, soak=0, every=30)).begin()
    await world.ok(2)
    world = await world.restart(gap=20)
    await world.ok()
    assert world.state() is State.RESTORED


async def test_fall_failures_in_a_row_drop_a_restored_flow_and_page() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(2)
    assert (world.state(), world.pages()) == (State.RESTORED, 0)
    await world.fail()
    assert (world.state(), world.pages(), world.drops()) == (State.DROPPED, 1, 1)


async def test_unknown_outcomes_neither_count_nor_break_the_failure_streak() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(2)
    await world.unknown(2)
    assert world.drops() == 0
    await world.fail()
    assert world.drops() == 1


async def test_a_success_breaks_the_failure_streak() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(2)
    await world.ok()
    await world.fail(2)
    assert world.state() is State.RESTORED


async def test_a_pending_failure_streak_survives_a_restart() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(2)
    world = await world.restart()
    await world.fail()
    assert (world.state(), world.pages()) == (State.DROPPED, 1)


async def test_drops_count_entries_from_restored_and_degraded_and_nothing_else() -> None:
    world = await World(flow(soak=0)).begin()
    await world.fail(10)
    await world.ok()
    await world.fail(3)
    assert world.drops() == 0
    await world.restore()
    await world.ok(3, whole=False)
    assert world.state() is State.DEGRADED
    await world.fail(5)
    assert world.drops() == 1


async def test_first_restored_stays_while_restored_at_moves() -> None:
    world = await World(flow(soak=0)).begin()
    await world.ok(3)
    first = world.picture().standing.restored_at
    await world.pass_time(10)
    await world.fail(3)
    await world.ok(3)
    standing = world.picture().standing
    assert standing.first_restored_at == first
    assert standing.restored_at == world.wall_time != first


# Degraded -----------------------------------------------------------------------------------------------------------


async def test_fall_rounds_in_a_row_that_are_not_whole_degrade_a_restored_flow() -> None:
    world = await World(flow(soak=0, fall=3)).begin()
    await world.restore()
    await world.ok(2, whole=False)
    assert world.state() is State.RESTORED
    await world.ok(whole=False)
    assert world.state() is State.DEGRADED


async def test_six_of_the_last_twenty_rounds_not_whole_degrade_it_a_flapping_flow_is_not_green() -> None:
    world = await World(flow(soak=0, fall=3)).begin()
    await world.restore()
    for _ in range(5):
        await world.fail()
        await world.ok(2)
    assert world.state() is State.RESTORED
    await world.fail()
    assert world.state() is State.DEGRADED


async def test_it_is_restored_again_after_rise_whole_rounds_and_fewer_than_three_of_twenty() -> None:
    world = await World(flow(soak=0, fall=3, rise=3)).begin()
    await world.restore()
    await world.ok(3, whole=False)
    restored_at = world.picture().standing.restored_at
    await world.ok(17)
    assert world.state() is State.DEGRADED  # 17 whole rounds, but 3 of the last 20 were not
    await world.ok()
    assert world.state() is State.RESTORED
    assert world.picture().standing.restored_at == restored_at


async def test_one_unit_of_two_that_fails_degrades_a_flow_that_needs_any() -> None:
    world = await World(flow(units=2, require="any", soak=0)).begin()
    for _ in range(4):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    assert world.state() is State.RESTORED
    for _ in range(3):
        await world.ok(unit="p0")
        await world.fail(unit="p1")
    assert (world.state(), world.drops()) == (State.DEGRADED, 0)


async def test_rounds_in_which_we_could_not_judge_degrade_nothing() -> None:
    world = await World(flow(units=2, require="any", soak=0)).begin()
    for _ in range(4):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    for _ in range(20):
        await world.ok(unit="p0")
        await world.unknown(unit="p1")
    assert world.state() is State.RESTORED


# The relay that holds ------------------------------------------------------------------------------------------------


async def test_a_holding_relay_makes_a_down_flow_recover_but_never_counts_as_a_success() -> None:
    world = await World(flow(rise=3, soak=0)).begin()
    await world.fail()
    await world.ok(10, because=HOLDING)
    assert world.state() is State.RECOVERING
    deciding = world.picture().deciding
    assert deciding is not None
    assert deciding.result.cause is HOLDING
    await world.ok(3)
    assert world.state() is State.RESTORED


async def test_a_holding_relay_makes_a_restored_flow_not_whole() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.ok(3, because=HOLDING)
    assert world.state() is State.DEGRADED


async def test_the_successes_after_a_holding_relay_are_counted_from_none() -> None:
    world = await World(flow(rise=3, soak=0)).begin()
    await world.ok(because=HOLDING)
    await world.ok(2)
    assert world.state() is State.RECOVERING


async def test_the_first_rounds_after_the_restoration_can_degrade_it_at_once() -> None:
    world = await World(flow(rise=3, soak=0, fall=3)).begin()
    await world.fail(9)
    await world.ok(3)
    await world.ok(2, whole=False)
    assert world.state() is State.RESTORED
    await world.ok(whole=False)
    assert world.state() is State.DEGRADED


async def test_rounds_in_which_we_could_not_judge_mend_nothing() -> None:
    world = await World(flow(units=2, require="any", soak=0)).begin()
    for _ in range(3):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    for _ in range(3):
        await world.ok(unit="p0")
        await world.fail(unit="p1")
    assert world.state() is State.DEGRADED
    rounds = world.picture().standing.rounds
    for _ in range(30):
        await world.ok(unit="p0")
        await world.unknown(unit="p1")
    assert world.picture().standing.rounds == rounds
