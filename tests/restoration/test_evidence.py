"""From units' outcomes to a flow's evidence: freshness, `require`, streaks with the units, temporary answers."""

import pytest

from retabli.model import causes
from retabli.model.flow import Require
from retabli.model.record import Event
from retabli.model.states import State
from tests.restoration.worlds import GREYLISTED, Told, World, flow


async def test_evidence_older_than_three_times_the_rhythm_is_unknown() -> None:
    world = await World(flow(every=30, soak=0)).begin()
    await world.restore()
    await world.pass_time(59)  # `restore` let 30 s pass after the last run
    assert world.state() is State.RESTORED
    await world.pass_time(2)
    assert world.state() is State.UNKNOWN
    assert world.picture().standing.state is State.RESTORED


async def test_mail_is_stale_only_after_three_times_the_rhythm_plus_within() -> None:
    class Patient(Told):
        @property
        def patience(self) -> float:
            return 100.0

    world = await World(flow(probes={"p0": Patient(every=30.0)}, soak=0)).begin()
    await world.ok(3)
    await world.pass_time(189)
    assert world.state() is State.RESTORED
    await world.pass_time(2)
    assert world.state() is State.UNKNOWN


async def test_fall_runs_in_a_row_that_could_not_judge_are_unknown_and_fewer_are_not() -> None:
    world = await World(flow(soak=0, fall=3)).begin()
    await world.restore()
    await world.unknown(2)
    assert world.state() is State.RESTORED
    await world.unknown()
    assert world.state() is State.UNKNOWN


async def test_a_defect_of_ours_never_moves_a_standing() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    before = world.picture().standing
    await world.unknown(50, apart=30, because=causes.PROBE_DEFECT)
    after = world.picture().standing
    assert (after.state, after.since, after.drops) == (before.state, before.since, before.drops)


@pytest.mark.parametrize(
    ("require", "fails", "state"),
    [
        ("all", 1, State.DROPPED),
        ("any", 3, State.RESTORED),
        ("3/4", 1, State.RESTORED),
        ("3/4", 2, State.DROPPED),
        ("75%", 1, State.RESTORED),
        ("75%", 2, State.DROPPED),
        ("any", 4, State.DROPPED),
    ],
)
async def test_a_flow_drops_when_enough_units_can_no_longer_be_ok(require: str, fails: int, state: State) -> None:
    world = await World(flow(units=4, require=require, soak=0)).begin()
    for _ in range(3):
        for unit in range(4):
            await world.ok(unit=f"p{unit}")
    for _ in range(3):
        for unit in range(fails):
            await world.fail(unit=f"p{unit}")
    standing = world.picture().standing
    assert (State.RESTORED if standing.state is State.DEGRADED else standing.state) is state


async def test_one_run_never_counts_twice_three_units_failing_once_each_are_no_streak_of_three() -> None:
    world = await World(flow(units=3, soak=0)).begin()
    for _ in range(3):
        for unit in range(3):
            await world.ok(unit=f"p{unit}")
    for unit in range(3):
        await world.fail(unit=f"p{unit}")
    assert world.state() is State.RESTORED


async def test_a_flow_of_several_units_has_risen_only_when_enough_of_them_have() -> None:
    world = await World(flow(units=2, soak=0)).begin()
    await world.ok(9, unit="p0")
    await world.ok(2, unit="p1")
    assert world.state() is State.RECOVERING
    await world.ok(unit="p1")
    assert world.state() is State.RESTORED


async def one_that_falls_beside_one_that_cannot_be_judged() -> World:
    world = await World(flow(units=2, require="any", soak=0, fall=2)).begin()
    for _ in range(3):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    await world.fail(2, unit="p0")
    await world.unknown(2, unit="p0")
    await world.fail(2, unit="p1")
    return world


async def test_a_unit_that_cannot_be_judged_any_more_is_not_counted_as_fallen_beside_one_that_falls() -> None:
    world = await one_that_falls_beside_one_that_cannot_be_judged()
    assert (world.state(), world.drops(), world.told()) == (State.UNKNOWN, 0, [])


async def test_its_failures_of_before_count_again_with_the_next_one_so_that_no_page_is_lost() -> None:
    world = await one_that_falls_beside_one_that_cannot_be_judged()
    await world.fail(unit="p0")
    assert (world.state(), world.told()) == (State.DROPPED, ["firing"])


async def test_one_hiccup_of_ours_keeps_no_outage_from_being_paged() -> None:
    world = await World(flow(units=2, require="any", soak=0, fall=2)).begin()
    for _ in range(3):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    await world.fail(2, unit="p0")
    await world.unknown(unit="p0")
    await world.fail(2, unit="p1")
    assert (world.state(), world.told()) == (State.DROPPED, ["firing"])


async def test_a_vital_flow_of_which_too_much_cannot_be_judged_is_paged_as_unknown_if_that_lasts() -> None:
    world = await World(flow(units=2, require="any", soak=0, fall=2, page_unknown_after=300)).begin()
    for _ in range(3):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    await world.fail(2, unit="p0")
    for _ in range(12):
        await world.unknown(2, unit="p0")
        await world.fail(unit="p1")
        await world.pass_time(30)
    assert [message.body["reason"] for message in world.memory.messages] == ["unknown"]


async def test_with_all_one_failed_unit_is_failing_even_beside_an_unknown_one() -> None:
    world = await World(flow(units=2)).begin()
    await world.fail(unit="p0")
    assert world.state() is State.DOWN


async def test_a_flow_of_which_half_is_unknown_does_not_hold_and_is_unknown() -> None:
    world = await World(flow(units=2)).begin()
    await world.ok(unit="p0")
    assert world.state() is State.UNKNOWN


async def test_units_that_do_not_count_are_shown_and_not_judged() -> None:
    world = await World(flow(probes={"p0": Told(), "extra": Told(counts=False)}, soak=0)).begin()
    await world.ok(3)
    await world.fail(9, unit="extra")
    assert world.state() is State.RESTORED
    assert world.picture().counts() == {"ok": 1, "failed": 0, "unknown": 0, "of": 1}


async def test_a_temporary_answer_is_unknown_within_its_budget_and_then_a_failure() -> None:
    world = await World(flow(probes={"p0": Told(every=60.0, temporary=900.0)}, soak=0)).begin()
    await world.ok(3)
    for _ in range(15):
        await world.unknown(because=GREYLISTED)
        await world.pass_time(60)
    assert world.drops() == 0
    await world.unknown(3, because=GREYLISTED)
    assert world.state() is State.DROPPED


async def test_the_budget_of_temporary_answers_starts_anew_after_a_success() -> None:
    world = await World(flow(probes={"p0": Told(every=60.0, temporary=120.0)}, soak=0)).begin()
    await world.ok(3)
    for _ in range(9):
        await world.unknown(because=GREYLISTED)
        await world.pass_time(60)
        await world.ok()
    assert world.drops() == 0


async def test_a_failure_of_a_run_that_began_before_a_success_is_old_news_but_spoils_the_round() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.pass_time(1)
    await world.ok()
    for _ in range(5):
        await world.fail(lasted=10.0)
    assert world.drops() == 0
    assert world.picture().units[0].record.fails == 0
    assert world.picture().standing.rounds.count(False) > 0


async def test_a_success_of_a_run_that_began_before_a_failure_neither_keeps_it_green_nor_ends_its_streak() -> None:
    world = await World(flow(soak=0, every=60.0)).begin()
    await world.restore()
    await world.fail(2)
    await world.ok(lasted=50.0)
    assert world.picture().units[0].record.fails == 2
    other = await world.restart()
    await other.ok(lasted=55.0)
    await other.fail()
    assert other.state() is State.DROPPED


async def test_a_success_of_a_run_that_began_before_a_failure_is_no_sign_of_life_of_a_flow_that_is_down() -> None:
    world = await World(flow(soak=0, every=60.0)).begin()
    await world.fail()
    await world.ok(lasted=50.0)
    assert world.state() is State.DOWN
    await world.ok()
    assert world.state() is State.RECOVERING


async def test_a_refused_credential_stands_without_being_tried_again() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(3, because=causes.AUTH_REFUSED)
    for _ in range(30):
        await world.pass_time(30)
        await world.pipeline.stands(world.picture().units[0].name)
    assert world.state() is State.DROPPED


def test_require_is_counted_as_written() -> None:
    assert [Require(text).of(40) for text in ("all", "any", "36/40", "90%", "1%")] == [40, 1, 36, 36, 1]


@pytest.mark.parametrize("text", ["36/41", "0/40", "41/40", "0%", "101%", "most", ""])
def test_a_require_that_cannot_be_met_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="require"):
        Require(text).of(40)


# Verified and the cause ----------------------------------------------------------------------------------------------


async def test_verified_is_the_longest_ladder_climbed_when_none_fails() -> None:
    world = await World(flow()).begin()
    await world.ok()
    assert world.picture().verified == ("greeting", 3, 3)


async def test_verified_is_the_lowest_rung_reached_among_failing_probes() -> None:
    world = await World(flow(units=2)).begin()
    await world.fail(unit="p0", rung=2)
    await world.fail(unit="p1", rung=1)
    picture = world.picture()
    assert picture.verified == ("resolve", 1, 3)
    assert picture.deciding is not None
    assert picture.deciding.name.probe == "p1"


LACK = causes.LOCAL_RESOURCES


async def nine_of_ten_that_we_cannot_try(world: World) -> None:
    """One of ten, which nine suffice for, is down at the partner's; then our own machine lacks for all the others."""
    for _ in range(4):
        await world.fail(unit="p0")
        for unit in range(1, 10):
            await world.ok(unit=f"p{unit}")
        await world.pass_time(30)
    for _ in range(3):
        await world.fail(unit="p0")
        for unit in range(1, 10):
            await world.unknown(unit=f"p{unit}", because=LACK)
        await world.pass_time(30)


async def test_what_our_own_machine_lacks_is_not_told_as_the_failure_of_a_partner_that_the_flow_could_bear() -> None:
    world = await World(flow(units=10, require="90%", soak=0, page_unknown_after=60)).begin()
    await nine_of_ten_that_we_cannot_try(world)
    assert world.state() is State.UNKNOWN
    assert world.events(Event.STATE)[-1]["side"] == "probe"
    await world.pass_time(31)
    assert [message.body["side"] for message in world.memory.messages] == ["probe"]
    await world.pass_time(40)  # what it lacked then is none of now either
    assert world.picture().deciding is None


async def test_what_could_not_be_judged_long_ago_is_no_cause_of_now_and_that_is_shown_without_a_run() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.unknown(3, because=LACK)
    await world.pass_time(89)
    assert world.picture().deciding is not None
    await world.pass_time(2)
    assert (world.state(), world.picture().deciding) == (State.UNKNOWN, None)


async def test_a_failure_that_is_no_evidence_any_more_is_no_cause() -> None:
    world = await World(flow(soak=0, page_unknown_after=900)).begin()
    await world.restore()
    await world.fail()
    await world.pass_time(100)
    assert (world.state(), world.picture().deciding) == (State.UNKNOWN, None)
    assert "cause" not in world.events(Event.STATE)[-1]
    await world.pass_time(1000)
    (page,) = world.memory.messages
    assert (page.body["cause"], page.body["side"], page.body["probe"]) == (None, None, None)
    assert "No measurement since 12 January 1970 at 13:49." in page.body["text"]
    assert "partner" not in page.body["text"]


async def test_a_fresh_failure_that_is_enough_to_fail_a_flow_is_why_it_is_not_shown_restored_again() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.pass_time(100)
    await world.fail()
    deciding = world.picture().deciding
    assert world.state() is State.UNKNOWN
    assert deciding is not None
    assert deciding.result.cause is causes.REFUSED


async def test_units_that_nobody_looked_at_leave_a_failure_that_the_flow_could_bear_no_cause() -> None:
    world = await World(flow(units=10, require="90%", soak=0)).begin()
    for _ in range(4):
        for unit in range(10):
            await world.ok(unit=f"p{unit}")
        await world.pass_time(30)
    await world.pass_time(100)
    await world.fail(unit="p0")
    assert (world.state(), world.picture().deciding) == (State.UNKNOWN, None)


async def test_where_a_flow_is_known_to_have_fallen_a_failure_decides_and_not_what_we_could_not_judge() -> None:
    world = await World(flow(units=2, soak=0)).begin()
    await world.unknown(unit="p0", because=LACK)
    await world.fail(unit="p1")
    deciding = world.picture().deciding
    assert deciding is not None
    assert (world.state(), deciding.name.probe) == (State.DOWN, "p1")


# Time ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, -86400.0 * 400])
async def test_a_jump_of_the_wall_clock_moves_no_state_and_breaks_no_streak(jump: float) -> None:
    world = await World(flow(soak=60, rise=3, every=30)).begin()
    await world.ok(2, apart=30)
    world.wall_time += jump
    await world.ok()
    assert world.state() is State.RESTORED
    await world.pass_time(30)
    assert world.state() is State.RESTORED


async def test_a_clock_set_back_during_a_restart_makes_a_gap_of_zero_never_a_negative_one() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    world = await world.restart(gap=10, wall_gap=-7200)
    assert world.state() is State.RESTORED
    await world.pass_time(95)
    assert world.state() is State.UNKNOWN


async def test_after_a_reboot_ages_are_found_again_although_the_monotonic_clock_starts_anew() -> None:
    world = await World(flow(soak=0)).begin()
    await world.ok(3)
    world = await world.restart(gap=60, reboot=True)
    assert world.state() is State.RESTORED
    await world.pass_time(31)
    assert world.state() is State.UNKNOWN


async def test_a_greylisting_that_ends_in_a_success_each_time_never_fails() -> None:
    world = await World(flow(probes={"p0": Told(every=60.0, temporary=120.0)}, soak=0)).begin()
    await world.ok(3)
    for _ in range(9):
        await world.unknown(because=GREYLISTED)
        assert world.picture().counts()["failed"] == 0
        await world.pass_time(60)
        await world.ok()


async def test_another_reason_not_to_judge_does_not_refill_the_budget_of_temporary_answers() -> None:
    world = await World(flow(probes={"p0": Told(every=60.0, temporary=120.0)}, soak=0)).begin()
    await world.ok(3)
    for _ in range(4):
        await world.unknown(because=GREYLISTED)
        await world.pass_time(30)
        await world.unknown()
        await world.pass_time(30)
    await world.unknown(because=GREYLISTED)
    assert world.picture().counts()["failed"] == 1


async def test_the_row_of_runs_that_could_not_judge_starts_anew_after_a_failure() -> None:
    world = await World(flow(fall=3)).begin()
    await world.unknown(2)
    await world.fail()
    await world.unknown(2)
    assert world.state() is State.DOWN
    await world.unknown()
    assert world.state() is State.UNKNOWN


async def test_only_a_failure_stands_a_success_that_is_not_renewed_grows_stale() -> None:
    world = await World(flow(soak=0, every=30.0)).begin()
    await world.ok(3)
    for _ in range(4):
        await world.pass_time(30.0)
        await world.pipeline.stands(world.picture().units[0].name)
    assert world.state() is State.UNKNOWN


async def test_a_verdict_that_stands_ends_rounds_that_are_not_whole() -> None:
    world = await World(flow(units=2, require="any", soak=0)).begin()
    for _ in range(3):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    await world.fail(unit="p1", because=causes.AUTH_REFUSED)
    for _ in range(3):
        await world.ok(unit="p0")
        await world.pipeline.stands(world.picture().units[1].name)
    assert world.state() is State.DEGRADED
