"""An open page is followed: reminders, those who are called next, other teams, other roads, and what holds it back."""

from typing import Any

import pytest

from retabli.alerts.message import Letterhead
from retabli.alerts.routes import Route
from retabli.alerts.teller import Teller
from retabli.model import causes
from retabli.model.record import Event
from retabli.model.states import Criticality, Intent, State
from retabli.paging import NotNow
from tests.restoration.worlds import World, flow

HOUR = 3600.0
MINUTE = 60.0


def teller(*routes: dict[str, Any], **channels: tuple[str, ...]) -> Teller:
    """`channels` are named with the flows that carry them."""
    made = [Route.model_validate(route, context={"timezone": "UTC"}) for route in routes]
    return Teller(Letterhead("CHU", language="en"), channels or {"duty": (), "sms": (), "mail": ()}, made)


async def restored(*routes: dict[str, Any], **channels: tuple[str, ...]) -> World:
    world = await World(flow(soak=0), tell=teller(*routes, **channels)).begin()
    await world.restore()
    return world


async def keep_failing(world: World, seconds: float, step: float = 30.0) -> None:
    for _ in range(int(seconds / step)):
        await world.fail(apart=step)


# Reminders --------------------------------------------------------------------------------------------------------


async def test_a_channel_is_reminded_in_the_rhythm_of_its_route_as_long_as_the_page_is_open() -> None:
    world = await restored(
        {"states": ["dropped"], "to": ["duty"], "remind": "30m"}, {"states": ["dropped"], "to": ["mail"]}
    )
    await world.fail(3)
    assert world.channels() == ["duty", "mail"]
    await keep_failing(world, 95 * MINUTE)
    assert world.channels("reminder") == ["duty"] * 3
    keys = [message.key for message in world.memory.messages if message.body["status"] == "reminder"]
    assert len(set(keys)) == 3, "each reminder is a message of its own"
    await world.ok(3)
    await world.pass_time(2 * HOUR)
    assert world.channels("reminder") == ["duty"] * 3
    assert world.channels("resolved") == ["duty", "mail"]


async def test_reminders_go_on_after_a_restart_and_what_was_missed_is_told_once() -> None:
    world = await restored({"states": ["dropped"], "to": ["duty"], "remind": "30m"})
    await world.fail(3)
    await world.pass_time(10 * MINUTE)
    world = await world.restart(gap=10 * MINUTE)
    assert world.channels("reminder") == []
    await world.pass_time(11 * MINUTE)
    assert world.channels("reminder") == ["duty"]
    world = await world.restart(gap=5 * HOUR, reboot=True)
    assert world.channels("reminder") == ["duty"] * 2


async def test_a_wall_clock_that_jumps_brings_no_reminder_and_delays_none() -> None:
    world = await restored({"states": ["dropped"], "to": ["duty"], "remind": "30m"})
    await world.fail(3)
    world.wall_time += HOUR
    await world.pass_time(10 * MINUTE)
    assert world.channels("reminder") == []
    world.wall_time -= 2 * HOUR
    await world.pass_time(21 * MINUTE)
    assert world.channels("reminder") == ["duty"]


async def test_reminders_go_on_while_nothing_can_be_judged() -> None:
    """Whatever the state does meanwhile, the page is open."""
    world = await restored({"states": ["dropped"], "to": ["duty"], "remind": "30m"})
    await world.fail(3)
    await world.pass_time(65 * MINUTE)
    assert world.state() is State.UNKNOWN
    assert world.channels("reminder") == ["duty"], "time passed in one step: what was missed is told once"
    await world.pass_time(31 * MINUTE)
    assert world.channels("reminder") == ["duty"] * 2


# Acknowledgement and escalation -----------------------------------------------------------------------------------

ESCALATES = {"states": ["dropped"], "to": ["duty"], "remind": "1h", "escalate": {"after": "15m", "to": ["sms"]}}


async def test_when_nobody_has_acknowledged_in_time_the_next_in_line_is_called_once() -> None:
    world = await restored(ESCALATES)
    await world.fail(3)
    await keep_failing(world, 14 * MINUTE)
    assert world.channels() == ["duty"]
    await keep_failing(world, 10 * MINUTE)
    assert world.channels() == ["duty", "sms"]
    called = [message for message in world.memory.messages if message.channel == "sms"]
    assert called[0].body["escalated"] is True
    assert called[0].body["text"].startswith("Nobody has answered – Dropped: mail-out")
    assert world.events(Event.PAGE)[-1]["escalated"] is True
    await world.ok(3)
    assert world.channels("resolved") == ["duty", "sms"]


async def test_a_page_that_is_acknowledged_reminds_nobody_and_calls_nobody_and_is_still_resolved() -> None:
    world = await restored(ESCALATES)
    await world.fail(3)
    await world.pass_time(5 * MINUTE)
    await world.pipeline.acknowledge("mail-out", by="Dr House", note="on my way")
    await keep_failing(world, 5 * HOUR, step=60.0)
    assert world.channels() == ["duty"]
    assert world.channels("reminder") == []
    assert world.events(Event.ACKNOWLEDGE)[0]["by"] == "Dr House"
    await world.ok(3)
    assert world.channels("resolved") == ["duty"]
    resolved = world.memory.messages[-1].body["text"]
    assert "Taken in hand by Dr House" in resolved


async def test_an_acknowledgement_survives_a_restart_and_ends_when_it_was_said_to() -> None:
    world = await restored(ESCALATES)
    await world.fail(3)
    await world.pipeline.acknowledge("mail-out", by="me", until=world.wall_time + 2 * HOUR)
    world = await world.restart(gap=HOUR)
    await world.pass_time(30 * MINUTE)
    assert world.channels("reminder") == []
    await world.pass_time(31 * MINUTE)
    assert world.channels() == ["duty", "sms"], "and then it is as if nobody had"
    assert world.channels("reminder") == ["duty"]


async def test_the_next_page_is_not_acknowledged_by_the_word_given_for_the_last() -> None:
    world = await restored(ESCALATES)
    await world.fail(3)
    await world.pipeline.acknowledge("mail-out", by="me")
    await world.ok(3)
    await world.pass_time(1)
    await world.fail(3)
    await keep_failing(world, 16 * MINUTE)
    assert world.channels() == ["duty", "duty", "sms"]


async def test_only_an_open_page_can_be_acknowledged_and_only_a_flow_that_there_is() -> None:
    world = await restored(ESCALATES)
    with pytest.raises(NotNow, match="no page of this flow is open"):
        await world.pipeline.acknowledge("mail-out", by="me")
    with pytest.raises(LookupError):
        await world.pipeline.acknowledge("nothing", by="me")
    await world.fail(3)
    with pytest.raises(NotNow, match="is past"):
        await world.pipeline.acknowledge("mail-out", by="me", until=world.wall_time)
    assert world.events(Event.ACKNOWLEDGE) == []


async def test_the_next_in_line_is_called_though_nothing_is_probed_and_the_daemon_was_restarted_meanwhile() -> None:
    world = await restored({"states": ["dropped"], "to": ["duty"], "escalate": {"after": "15m", "to": ["sms"]}})
    await world.fail(3)
    await world.pass_time(10 * MINUTE)
    world = await world.restart(gap=MINUTE, reboot=True)
    await world.pass_time(3 * MINUTE)
    assert world.channels() == ["duty"]
    await world.pass_time(2 * MINUTE)
    assert world.channels() == ["duty", "sms"]


# Silences ---------------------------------------------------------------------------------------------------------


async def test_a_silenced_flow_is_probed_and_shown_and_pages_when_the_silence_ends_if_it_is_still_down() -> None:
    world = await restored()
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="Réseau", why="new switch")
    await world.fail(3)
    assert (world.state(), world.pages()) == (State.DROPPED, 0)
    assert world.picture().standing.deferred == "dropped"
    assert world.events(Event.DEFERRED)[0]["silenced_by"] == "Réseau"
    await keep_failing(world, 59 * MINUTE)
    assert world.pages() == 0
    await keep_failing(world, 2 * MINUTE)
    assert world.channels() == ["duty", "sms", "mail"]
    assert world.events(Event.SILENCE)[-1] == {"ended": True}


async def test_a_page_that_waits_is_one_row_of_the_log_and_is_told_in_the_end_though_nothing_is_probed() -> None:
    world = await restored()
    await world.pipeline.silence("mail-out", until=world.wall_time + 20 * MINUTE, by="me", why="x")
    await world.fail(10)
    assert len(world.events(Event.DEFERRED)) == 1
    await world.pass_time(18 * MINUTE)
    assert (world.state(), world.pages()) == (State.UNKNOWN, 0)
    await world.pass_time(3 * MINUTE)
    assert world.pages() == 3


async def test_a_silence_outlives_a_changed_intent() -> None:
    world = await restored()
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.adopt(flow(intent=Intent.CLOSED))
    assert world.picture().standing.silence is not None


async def test_a_flow_that_is_restored_before_its_silence_ends_pages_nobody() -> None:
    world = await restored()
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(3)
    await world.ok(3)
    await world.pass_time(2 * HOUR)
    await world.ok(3)
    assert world.told() == []


async def test_a_silence_that_is_ended_by_hand_pages_at_once_for_what_is_down() -> None:
    world = await restored()
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(3)
    await world.pipeline.unsilence("mail-out", by="somebody else")
    assert world.pages() == 3
    assert world.events(Event.SILENCE)[-1] == {"by": "somebody else", "ended": True}
    with pytest.raises(NotNow, match="not silenced"):
        await world.pipeline.unsilence("mail-out", by="me")


async def test_a_breach_is_told_at_once_whatever_is_silenced() -> None:
    world = await World(flow("internet", intent=Intent.CLOSED, soak=0), tell=teller()).begin()
    await world.ok(3, of="internet")
    await world.pipeline.silence("internet", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(2, of="internet")
    assert world.channels(of="internet") == ["duty", "sms", "mail"]


async def test_a_silence_begun_while_a_page_is_open_mutes_its_reminders_and_never_its_resolve() -> None:
    world = await restored(ESCALATES)
    await world.fail(3)
    await world.pipeline.silence("mail-out", until=world.wall_time + 3 * HOUR, by="me", why="x")
    await keep_failing(world, 2 * HOUR)
    assert world.told() == ["firing"]
    await world.ok(3)
    assert world.told() == ["firing", "resolved"]


async def test_a_silence_outlives_a_restart_and_ends_on_time_in_one_that_came_too_late() -> None:
    world = await restored()
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(3)
    world = await world.restart(gap=30 * MINUTE)
    await world.fail()
    assert world.pages() == 0
    world = await world.restart(gap=HOUR, reboot=True)
    assert world.pages() == 3


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_a_clock_that_jumps_ends_a_silence_sooner_at_most(jump: float) -> None:
    world = await restored()
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(3)
    world.wall_time += jump
    await world.fail()
    assert (world.pages() > 0) is (jump > 0)
    await world.pass_time(61 * MINUTE)
    assert world.pages() == 3


async def test_a_clock_that_is_set_back_while_nobody_runs_makes_no_silence_and_no_acknowledgement_longer() -> None:
    world = await restored({"states": ["dropped"], "to": ["duty"], "remind": "30m"})
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(3)
    world = await world.restart(wall_gap=-24 * HOUR)
    await world.pass_time(61 * MINUTE)
    assert world.pages() == 1
    await world.pipeline.acknowledge("mail-out", by="me", until=world.wall_time + HOUR)
    world = await world.restart(wall_gap=-24 * HOUR)
    await world.pass_time(91 * MINUTE)
    assert world.channels("reminder")


async def test_nobody_silences_into_the_past_or_for_ever() -> None:
    world = await restored()
    for seconds, said in ((-1.0, "is past"), (31 * 24 * HOUR, "more than 30 days away")):
        with pytest.raises(NotNow, match=said):
            await world.pipeline.silence("mail-out", until=world.wall_time + seconds, by="me", why="x")
    assert world.picture().standing.silence is None


async def silenced_parent(criticality: Criticality) -> World:
    child = flow(parents=("proxy",), soak=0, criticality=criticality)
    world = await World(flow("proxy", soak=0), child, tell=teller()).begin()
    for _ in range(3):
        await world.ok(of="proxy")
        await world.ok()
    await world.pipeline.silence("proxy", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(3, of="proxy")
    await world.fail(3)
    return world


async def test_children_of_a_silenced_parent_that_is_down_wait_with_it_and_page_after_it() -> None:
    world = await silenced_parent(Criticality.HIGH)
    assert world.memory.messages == []
    await world.ok(3, of="proxy")
    assert world.pages() == 3


async def test_a_vital_child_does_not_wait_for_a_parent_of_which_nobody_was_told() -> None:
    world = await silenced_parent(Criticality.VITAL)
    assert (world.pages(), world.pages("proxy")) == (3, 0)


# Who, and by which road -------------------------------------------------------------------------------------------


async def test_a_page_reaches_another_team_when_the_cause_turns_out_to_be_on_its_side() -> None:
    network = {"states": ["dropped"], "to": ["duty"], "side": ["network", "partner_down"]}
    partners = {"states": ["dropped"], "to": ["mail"], "side": ["partner_refuses"]}
    world = await restored(network, partners)
    await world.fail(3, because=causes.REFUSED)
    assert world.channels() == ["duty"]
    await world.fail(because=causes.AUTH_REFUSED)  # ours: no route of its own, and yet somebody knows already
    await world.fail(because=causes.CERT_EXPIRED)
    assert world.channels()[0] == "duty"
    await world.ok(3)
    assert sorted(world.channels("resolved")) == sorted(set(world.channels()))


async def test_whose_hours_begin_while_a_page_is_open_is_told_then() -> None:
    night = {"states": ["dropped"], "to": ["sms"]}
    day = {"states": ["dropped"], "to": ["mail"], "hours": ["mon-sun 08:00-18:00"]}
    world = await World(flow(soak=0), wall=1_700_000_000.0 // 86400 * 86400 + 5 * HOUR, tell=teller(night, day)).begin()
    await world.restore()
    await world.fail(3)
    assert world.channels() == ["sms"]
    await world.pass_time(2 * HOUR)
    assert world.channels() == ["sms"]
    await world.pass_time(HOUR)
    await world.pass_time(MINUTE)
    assert world.channels() == ["sms", "mail"]


async def test_a_page_by_roads_that_have_fallen_goes_by_those_that_stand_too() -> None:
    tell = teller({"states": ["dropped"], "to": ["mail"]}, duty=(), mail=("mail-out",))
    world = await World(flow(soak=0), flow("web", soak=0), tell=tell).begin()
    for id_ in ("mail-out", "web"):
        await world.restore(of=id_)
    await world.ok()
    await world.fail(3, of="web")
    assert world.channels(of="web") == ["mail"], "the road that was chosen stands"
    await world.fail(3)
    assert world.channels() == ["duty", "mail"], "the mail's own fall goes by another road"
    await world.fail(of="web")
    assert world.channels(of="web") == ["mail", "duty"], "and so does, from now on, what was told by mail alone"


async def test_a_road_stands_only_if_all_above_it_does_and_not_while_it_is_in_doubt() -> None:
    tell = teller({"states": ["dropped"], "to": ["mail"]}, duty=(), mail=("mail-out",))
    flows = (flow("resolver", soak=0), flow(parents=("resolver",), soak=0), flow("web", soak=0), flow("hl7", soak=0))
    world = await World(*flows, tell=tell).begin()
    for id_ in ("resolver", "mail-out", "web", "hl7"):
        await world.ok(3, of=id_)
    await world.fail(of="resolver")
    await world.fail(3, of="web")
    assert world.channels(of="web") == ["duty", "mail"], "the resolver may be about to fall"
    await world.ok(of="resolver")
    await world.fail(3, of="hl7")
    assert world.channels(of="hl7") == ["mail"]


async def test_where_no_road_stands_every_road_is_tried() -> None:
    tell = teller({"states": ["dropped"], "to": ["mail"]}, duty=("web",), mail=("mail-out",))
    world = await World(flow(soak=0), flow("web", soak=0), tell=tell).begin()
    await world.restore()
    await world.fail(3)
    assert world.channels() == ["duty", "mail"]


# Warnings ---------------------------------------------------------------------------------------------------------


async def degraded(*routes: dict[str, Any]) -> World:
    world = await restored(*routes)
    for _ in range(3):
        await world.ok(whole=False)
    assert world.state() is State.DEGRADED
    return world


async def test_a_warning_is_told_by_those_who_asked_for_it_and_by_no_other_road() -> None:
    tell = teller({"states": ["degraded"], "to": ["mail"]}, duty=(), mail=("web",))
    world = await World(flow(soak=0), flow("web", soak=0), tell=tell).begin()
    await world.restore()
    await world.ok(3, whole=False)
    assert world.channels() == ["mail"]


async def test_a_page_that_nobody_can_be_told_is_a_row_of_the_log_all_the_same() -> None:
    world = await World(flow(soak=0), tell=Teller(Letterhead("CHU"), {})).begin()
    await world.restore()
    await world.fail(5)
    assert [each["channels"] for each in world.events(Event.PAGE)] == [[]]


async def test_a_message_and_the_note_that_it_was_told_are_one_transaction() -> None:
    world = await restored(ESCALATES)
    commit = world.memory.commit

    async def watched(**what: Any) -> None:
        assert not (what["messages"] or what["entries"]) or "mail-out" in what["standings"]
        await commit(**what)

    world.memory.commit = watched  # type: ignore[method-assign]
    await world.fail(3)
    await keep_failing(world, 2 * HOUR)
    await world.pipeline.acknowledge("mail-out", by="me")
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.pass_time(2 * HOUR)
    await world.ok(3)
    assert world.channels("reminder"), "and all of that happened"


WARNS = {"states": ["degraded"], "to": ["mail"]}


async def test_a_degraded_flow_warns_those_who_asked_for_it_and_nobody_else() -> None:
    world = await degraded({"states": ["dropped"], "to": ["duty"]})
    assert world.told() == []
    assert world.events(Event.PAGE) == [], "and no incident is kept of what nobody wants to know"
    world = await degraded(WARNS)
    assert world.channels() == ["mail"]
    await world.ok(25)
    assert world.told() == ["firing", "resolved"]


async def test_a_warning_gives_way_to_the_page_and_is_not_called_a_recovery() -> None:
    world = await degraded(WARNS, {"states": ["dropped"], "to": ["duty"]})
    await world.fail(3)
    assert [(each.channel, each.body["status"], each.body["reason"]) for each in world.memory.messages] == [
        ("mail", "firing", "degraded"),
        ("mail", "resolved", "superseded"),
        ("duty", "firing", "dropped"),
    ]
    assert "Worse now" in world.memory.messages[1].body["text"]


async def test_a_warning_never_stands_in_the_way_of_the_page_for_blindness() -> None:
    world = await degraded(WARNS)
    await world.pass_time(2 * HOUR)
    await world.pass_time(2 * HOUR)
    reasons = [each.body["reason"] for each in world.memory.messages]
    assert reasons[:2] == ["degraded", "superseded"]
    assert set(reasons[2:]) == {"unknown"}


async def test_our_own_way_out_is_never_silenced_for_every_page_would_wait_with_its_own() -> None:
    world = await World(flow("own_link", soak=0), flow("a", soak=0)).begin()
    with pytest.raises(NotNow, match="never silenced"):
        await world.pipeline.silence("own_link", until=world.wall_time + HOUR, by="me", why="works on the gateway")
    assert world.picture("own_link").standing.silence is None


async def test_a_flow_that_dropped_in_silence_answered_once_and_went_blind_pages_after_it() -> None:
    world = await World(flow(soak=0, criticality=Criticality.VITAL), tell=teller()).begin()
    await world.restore()
    await world.pipeline.silence("mail-out", until=world.wall_time + HOUR, by="me", why="x")
    await world.fail(3)
    await world.ok()
    assert world.state() is State.RECOVERING
    await world.pass_time(59 * MINUTE)
    assert world.pages() == 0
    await world.pass_time(2 * HOUR)
    assert [message.body["reason"] for message in world.memory.messages] == ["unknown"] * 3
