"""When a page opens, waits and ends: drops, breaches, long blindness, parents, restarts, changes of configuration."""

import pytest

from retabli.model.record import Event
from retabli.model.result import Outcome
from retabli.model.states import Criticality, Intent, State
from tests.restoration.worlds import Told, World, flow

CHILD, PARENT = "mail-out", "resolver"


async def family(*, every: float = 30.0) -> World:
    world = await World(flow(PARENT, soak=0), flow(CHILD, parents=(PARENT,), soak=0, every=every)).begin()
    for _ in range(3):
        await world.ok(of=PARENT)
        await world.ok(of=CHILD)
    return world


async def test_a_page_is_resolved_when_the_flow_is_restored_not_when_it_first_answers() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(3)
    await world.ok(2)
    assert world.told() == ["firing"]
    await world.ok()
    assert world.told() == ["firing", "resolved"]


async def test_a_page_and_its_resolve_are_one_incident_and_the_next_page_is_another() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(3)
    await world.ok(3)
    await world.pass_time(1)
    await world.fail(3)
    incidents = [entry.data["incident"] for entry in world.memory.entries if entry.event in (Event.PAGE, Event.RESOLVE)]
    assert incidents[0] == incidents[1] != incidents[2]


async def test_the_resolve_is_told_once_even_if_the_daemon_was_restarted_meanwhile() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(3)
    world = await world.restart(gap=5)
    world = await world.restart(gap=500)
    assert world.told() == ["firing"]
    await world.ok(3)
    world = await world.restart()
    assert world.told() == ["firing", "resolved"]


async def test_a_restart_raises_no_page() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    for gap in (1, 1000, 100_000):
        world = await world.restart(gap=gap)
        await world.ok()
        assert world.pages() == 0


async def test_a_flow_that_never_was_restored_never_pages() -> None:
    world = await World(flow()).begin()
    await world.fail(100, apart=30)
    await world.pass_time(100_000)
    assert world.told() == []


# Unknown for long ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criticality", "pages"), [(Criticality.VITAL, 1), (Criticality.HIGH, 1), (Criticality.NORMAL, 0)]
)
async def test_a_restored_flow_that_matters_pages_when_it_stays_unknown(criticality: Criticality, pages: int) -> None:
    world = await World(flow(soak=0, criticality=criticality, page_unknown_after=900)).begin()
    await world.ok(3)
    await world.pass_time(91)
    assert world.state() is State.UNKNOWN
    await world.pass_time(899)
    assert world.pages() == 0
    await world.pass_time(2)
    await world.pass_time(1000)
    assert world.pages() == pages
    await world.ok()
    assert world.told().count("resolved") == pages
    assert world.drops() == 0


async def test_a_daemon_that_was_switched_off_while_blind_looks_before_it_pages() -> None:
    world = await World(flow(soak=0, every=30.0, page_unknown_after=900)).begin()
    await world.restore()
    world = await (await world.restart(gap=200.0)).restart(gap=3600.0)
    await world.pass_time(5)
    assert world.told() == []
    await world.ok()
    assert world.told() == []
    world = await (await world.restart(gap=200.0)).restart(gap=3600.0)
    await world.pass_time(91)
    assert world.told() == ["firing"]


async def test_a_daemon_whose_lives_are_all_too_short_to_look_pages_for_blindness_nevertheless() -> None:
    world = await World(flow(soak=0, every=30.0, page_unknown_after=60)).begin()
    await world.restore()
    await world.pass_time(91)
    assert world.state() is State.UNKNOWN
    for life in range(9):
        world = await world.restart(gap=5.0, relapsed=life > 1)
        await world.pass_time(8)
    assert world.told() == ["firing"]


async def test_a_blind_flow_that_turns_out_dropped_gets_a_page_for_that() -> None:
    world = await World(flow(soak=0, page_unknown_after=900)).begin()
    await world.ok(3)
    await world.pass_time(91)
    await world.pass_time(901)
    await world.fail(3)
    assert world.told() == ["firing", "resolved", "firing"]
    incident = world.picture().standing.incident
    assert incident is not None
    assert incident.reason == "dropped"


async def blind_on_its_way_back() -> World:
    """Dropped in a silence, one answer, and then nothing: on-call was told of the blindness alone."""
    world = await World(flow(soak=0, page_unknown_after=900)).begin()
    await world.restore()
    await world.pipeline.silence("mail-out", until=world.wall_time + 600, by="Ada", why="new switch")
    await world.fail(3)
    await world.ok()
    await world.pass_time(91)
    await world.pass_time(901)
    assert [(each.body["status"], each.body["reason"]) for each in world.memory.messages] == [("firing", "unknown")]
    return world


async def test_a_page_for_blindness_is_not_ended_by_a_failure_and_the_flow_is_not_shown_recovering_for_it() -> None:
    world = await blind_on_its_way_back()
    await world.fail()
    assert (world.state(), world.told()) == (State.UNKNOWN, ["firing"])
    await world.fail(2)
    assert (world.state(), world.told()) == (State.DROPPED, ["firing", "resolved", "firing"])


async def test_a_page_for_blindness_is_ended_by_an_answer() -> None:
    world = await blind_on_its_way_back()
    await world.fail()
    await world.ok()
    assert (world.state(), world.told()) == (State.RECOVERING, ["firing", "resolved"])


async def test_unknown_while_a_drop_is_paged_opens_no_second_page_and_resolves_nothing() -> None:
    world = await World(flow(soak=0, page_unknown_after=900)).begin()
    await world.restore()
    await world.fail(3)
    await world.pass_time(91)
    await world.pass_time(5000)
    assert (world.state(), world.told()) == (State.UNKNOWN, ["firing"])


# Closed flows --------------------------------------------------------------------------------------------------------


def internet(rise: int = 3) -> World:
    return World(flow("internet", intent=Intent.CLOSED, rise=rise))


async def test_a_closed_flow_is_unknown_until_proven_and_contained_at_the_first_proven_round() -> None:
    world = await internet().begin()
    assert world.state("internet") is State.UNKNOWN
    await world.unknown(of="internet")
    assert world.state("internet") is State.UNKNOWN
    await world.ok(of="internet")
    assert world.state("internet") is State.CONTAINED


async def test_one_answer_is_not_contained_any_more_and_a_second_is_the_breach_and_the_page() -> None:
    world = await internet().begin()
    await world.ok(of="internet")
    await world.fail(of="internet")
    assert (world.state("internet"), world.pages("internet")) == (State.UNKNOWN, 0)
    await world.fail(of="internet", confirming=True)
    assert (world.state("internet"), world.pages("internet")) == (State.BREACHED, 1)


async def test_an_answer_that_the_second_try_does_not_repeat_is_unknown_until_the_next_proven_round() -> None:
    world = await internet().begin()
    await world.ok(of="internet")
    await world.fail(of="internet")
    await world.ok(of="internet", confirming=True)
    assert world.state("internet") is State.UNKNOWN
    await world.ok(of="internet")
    assert (world.state("internet"), world.pages("internet")) == (State.CONTAINED, 0)


async def test_a_breach_ends_after_rise_proven_rounds_in_a_row_over_at_least_soak() -> None:
    world = await internet(rise=3).begin()
    await world.fail(2, of="internet")
    await world.ok(4, of="internet", apart=30)
    assert world.state("internet") is State.BREACHED  # four proven rounds, but only 90 s from first to last
    await world.ok(of="internet")
    assert world.state("internet") is State.CONTAINED
    assert world.told("internet") == ["firing", "resolved"]
    assert world.picture("internet").standing.breaches == 1


async def test_soak_alone_ends_no_breach_before_rise_proven_rounds() -> None:
    world = await World(flow("internet", intent=Intent.CLOSED, rise=3, soak=60, every=60)).begin()
    await world.fail(2, of="internet")
    await world.ok(2, of="internet", apart=60)
    assert world.state("internet") is State.BREACHED
    await world.ok(of="internet")
    assert world.state("internet") is State.CONTAINED


async def test_a_breach_of_a_second_is_seen_by_whoever_looks_once_a_minute() -> None:
    world = await World(flow("internet", intent=Intent.CLOSED, every=10.0)).begin()
    await world.fail(2, of="internet")
    lasted = 0
    while world.state("internet") is State.BREACHED:
        await world.pass_time(10)
        await world.ok(of="internet")
        lasted += 10
    assert lasted >= 2 * 60
    assert world.told("internet") == ["firing", "resolved"]


async def test_a_breach_that_cannot_be_judged_any_more_keeps_its_page_open_for_whoever_looks() -> None:
    world = await World(flow("internet", intent=Intent.CLOSED, every=10.0)).begin()
    await world.fail(2, of="internet")
    await world.unknown(60, of="internet", apart=10)
    assert world.state("internet") is State.UNKNOWN
    incident = world.picture("internet").standing.incident
    assert incident is not None
    assert incident.reason == "breached"
    await world.ok(13, of="internet", apart=10)
    assert world.told("internet") == ["firing", "resolved"]


async def test_an_unproven_round_begins_the_way_out_of_a_breach_anew() -> None:
    world = await internet(rise=3).begin()
    await world.fail(2, of="internet")
    await world.ok(4, of="internet", apart=30)
    await world.fail(of="internet")
    await world.ok(4, of="internet", apart=30)
    assert world.state("internet") is State.BREACHED
    await world.ok(2, of="internet", apart=30)
    assert world.state("internet") is State.CONTAINED


async def test_unknown_is_never_counted_as_contained() -> None:
    world = await internet().begin()
    await world.unknown(50, of="internet")
    assert world.state("internet") is State.UNKNOWN
    assert world.picture("internet").closure is not None
    assert not world.picture("internet").closure.proven  # type: ignore[union-attr]


async def test_any_closed_flow_that_was_contained_pages_when_it_stays_unknown() -> None:
    world = await World(flow("internet", intent=Intent.CLOSED, criticality=Criticality.NORMAL)).begin()
    await world.ok(of="internet")
    await world.pass_time(91)
    await world.pass_time(901)
    assert world.pages("internet") == 1


async def test_under_a_closed_flow_a_probe_without_controls_can_show_a_breach_but_never_closure() -> None:
    world = await World(flow("internet", intent=Intent.CLOSED, probes={"p0": Told()})).begin()
    await world.fail(9, of="internet")
    assert world.state("internet") is State.UNKNOWN
    await world.ok(2, of="internet")
    assert world.state("internet") is State.BREACHED


# Parents -------------------------------------------------------------------------------------------------------------


async def test_a_childs_page_waits_while_its_parents_page_is_open_and_its_state_stays_true() -> None:
    world = await family()
    await world.fail(3, of=PARENT)
    await world.fail(3, of=CHILD)
    assert (world.pages(PARENT), world.pages(CHILD)) == (1, 0)
    assert world.state(CHILD) is State.DROPPED
    assert world.picture(CHILD).standing.because == PARENT


async def test_a_child_that_is_still_down_pages_when_its_parent_is_resolved() -> None:
    world = await family()
    await world.fail(3, of=PARENT)
    await world.fail(3, of=CHILD)
    await world.ok(3, of=PARENT)
    assert world.pages(CHILD) == 1
    assert world.picture(CHILD).standing.because is None


async def test_a_child_that_recovered_with_its_parent_never_pages() -> None:
    world = await family()
    await world.fail(3, of=PARENT)
    await world.fail(3, of=CHILD)
    await world.ok(3, of=CHILD)
    await world.ok(3, of=PARENT)
    assert world.told(CHILD) == []


async def test_a_child_waits_for_the_confirmation_of_its_parents_first_failure() -> None:
    world = await family()
    await world.fail(of=PARENT)
    await world.fail(3, of=CHILD)
    assert world.pages(CHILD) == 0
    await world.fail(2, of=PARENT)
    assert (world.pages(PARENT), world.pages(CHILD)) == (1, 0)


async def test_a_child_that_waits_for_its_parents_confirmation_waits_over_a_reload_too() -> None:
    child, parent = flow(parents=("resolver",), soak=0, fall=1), flow("resolver", soak=0)
    world = await World(child, parent).begin()
    for _ in range(3):
        await world.ok(of="resolver")
        await world.ok()
    await world.fail(of="resolver")
    await world.fail()
    await world.adopt(child, parent)
    assert world.told() == []
    await world.ok(of="resolver")
    assert world.told() == ["firing"]


async def test_a_child_pages_as_soon_as_its_parent_turns_out_well() -> None:
    world = await family()
    await world.fail(of=PARENT)
    await world.fail(3, of=CHILD)
    await world.ok(of=PARENT)
    assert world.pages(CHILD) == 1


async def test_a_parent_that_goes_blind_under_confirmation_holds_no_page_back() -> None:
    world = await family(every=300)
    await world.fail(of=PARENT)
    await world.fail(3, of=CHILD)
    await world.pass_time(91)
    assert world.pages(CHILD) == 1


async def test_a_parent_that_is_down_or_unknown_defers_nothing() -> None:
    world = await World(flow(PARENT), flow(CHILD, parents=(PARENT,), soak=0)).begin()
    await world.fail(9, of=PARENT)
    await world.ok(3, of=CHILD)
    await world.fail(3, of=CHILD)
    assert world.pages(CHILD) == 1


async def test_a_grandchild_waits_too_and_pages_when_all_above_it_are_well() -> None:
    world = await World(
        flow("link", soak=0), flow(PARENT, parents=("link",), soak=0), flow(CHILD, parents=(PARENT,), soak=0)
    ).begin()
    for _ in range(3):
        for each in ("link", PARENT, CHILD):
            await world.ok(of=each)
    for each in ("link", PARENT, CHILD):
        await world.fail(3, of=each)
    assert [world.pages(each) for each in ("link", PARENT, CHILD)] == [1, 0, 0]
    await world.ok(3, of="link")
    assert [world.pages(each) for each in ("link", PARENT, CHILD)] == [1, 1, 0]
    await world.ok(3, of=PARENT)
    assert [world.pages(each) for each in ("link", PARENT, CHILD)] == [1, 1, 1]


async def test_a_breach_is_never_deferred() -> None:
    world = await World(flow(PARENT, soak=0), flow("internet", intent=Intent.CLOSED, parents=(PARENT,))).begin()
    await world.ok(3, of=PARENT)
    await world.fail(3, of=PARENT)
    await world.fail(2, of="internet")
    assert world.pages("internet") == 1


async def test_what_was_deferred_is_not_lost_by_a_restart() -> None:
    world = await family()
    await world.fail(3, of=PARENT)
    await world.fail(3, of=CHILD)
    world = await world.restart()
    assert world.pages(CHILD) == 0
    await world.ok(3, of=PARENT)
    assert world.pages(CHILD) == 1


# The built-in parent -------------------------------------------------------------------------------------------------


async def linked() -> World:
    world = await World(flow("own_link", soak=0), flow("a", soak=0), flow("b", soak=0)).begin()
    for _ in range(3):
        for each in ("own_link", "a", "b"):
            await world.ok(of=each)
    return world


async def test_a_pulled_cable_gives_one_page_and_not_one_for_each_flow() -> None:
    world = await linked()
    await world.pass_time(1)
    await world.fail(of="own_link")
    await world.fail(3, of="a")
    await world.fail(2, of="own_link")
    await world.fail(3, of="b")
    assert [world.pages(each) for each in ("own_link", "a", "b")] == [1, 0, 0]


async def test_a_silent_gateway_is_no_failure_of_our_link_while_anything_at_all_succeeds() -> None:
    world = await linked()
    for _ in range(10):
        await world.pass_time(1)
        await world.fail(of="own_link")
        await world.ok(of="a")
    assert world.state("own_link") is State.RESTORED
    await world.fail(3, of="b")
    assert world.pages("b") == 1


async def test_closure_that_is_proven_by_silences_is_no_sign_that_our_link_holds_but_an_answer_is() -> None:
    for outcome, state in ((Outcome.OK, State.DROPPED), (Outcome.FAILED, State.RESTORED)):
        world = await World(flow("own_link", soak=0), flow("internet", intent=Intent.CLOSED)).begin()
        await world.ok(3, of="own_link")
        for _ in range(10):
            await world.pass_time(1)
            await world.fail(of="own_link")
            await world.run(outcome, of="internet")
        assert world.state("own_link") is state


async def test_when_the_link_is_back_what_is_still_down_pages() -> None:
    world = await linked()
    await world.pass_time(1)
    await world.fail(3, of="own_link")
    await world.fail(3, of="a")
    await world.fail(3, of="b")
    await world.ok(of="a")
    await world.ok(2, of="a")
    await world.ok(3, of="own_link")
    assert [world.pages(each) for each in ("own_link", "a", "b")] == [1, 0, 1]


# Configuration -------------------------------------------------------------------------------------------------------


async def test_an_open_page_of_a_removed_flow_is_resolved_with_that_reason() -> None:
    world = await World(flow(soak=0), flow("other")).begin()
    await world.restore()
    await world.fail(3)
    await world.adopt(flow("other"))
    assert world.told() == ["firing", "resolved"]
    assert [e.data["reason"] for e in world.memory.entries if e.event is Event.RESOLVE] == ["removed"]
    assert "mail-out" not in world.shown.pictures
    assert "mail-out" not in world.memory.standings


async def test_a_page_of_a_flow_removed_while_the_daemon_was_stopped_is_resolved_at_the_start() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(3)
    world.flows = {}
    world = await world.restart()
    assert [e.data["reason"] for e in world.memory.entries if e.event is Event.RESOLVE] == ["removed"]
    assert world.told() == ["firing", "resolved"]


async def test_a_changed_intent_resolves_as_that_and_starts_anew_but_keeps_first_restored_and_drops() -> None:
    world = await World(flow(soak=0)).begin()
    await world.ok(3)
    first = world.picture().standing.first_restored_at
    await world.fail(3)
    await world.adopt(flow(intent=Intent.CLOSED))
    standing = world.picture().standing
    assert (standing.shown, standing.first_restored_at, standing.drops) == (State.UNKNOWN, first, 1)
    assert [e.data["reason"] for e in world.memory.entries if e.event is Event.RESOLVE] == ["intent_changed"]
    assert any(e.event is Event.INTENT for e in world.memory.entries)


async def test_a_flow_whose_probes_changed_keeps_standing_and_page_and_is_unknown_until_its_first_evidence() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(3)
    await world.adopt(flow(soak=0), changed=("mail-out",))
    standing = world.picture().standing
    assert (standing.shown, standing.state) == (State.UNKNOWN, State.DROPPED)
    assert world.told() == ["firing"]
    await world.fail()
    assert world.state() is State.DROPPED


async def test_an_unchanged_flow_keeps_everything_over_a_reload() -> None:
    world = await World(flow(soak=0)).begin()
    await world.restore()
    await world.fail(2)
    before = world.picture()
    await world.adopt(flow(soak=0), flow("new"))
    assert world.picture() == before
    await world.fail()
    assert world.drops() == 1


async def test_two_answers_with_a_run_between_them_that_could_not_judge_are_no_breach() -> None:
    world = await internet().begin()
    await world.ok(of="internet")
    for _ in range(3):
        await world.fail(of="internet")
        await world.unknown(of="internet", confirming=True)
    assert (world.state("internet"), world.pages("internet")) == (State.UNKNOWN, 0)
    await world.fail(2, of="internet")
    assert world.picture("internet").standing.breaches == 1


async def test_a_contained_flow_stays_so_over_a_run_that_could_not_judge() -> None:
    world = await internet().begin()
    await world.ok(of="internet")
    await world.unknown(2, of="internet")
    assert world.state("internet") is State.CONTAINED
    await world.unknown(of="internet")
    assert world.state("internet") is State.UNKNOWN
