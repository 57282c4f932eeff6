"""The situation at any moment of the past, from the log's rows alone."""

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from retabli.model.record import Event
from retabli.model.states import Intent, State
from retabli.report import Line, Situation, replay
from retabli.report.facts import Gone
from retabli.view import Site, iso
from tests.view.pictures import NOW, Smtp, flow

SITE = Site("CHU", "fr", ZoneInfo("Europe/Paris"), "inside")
FLOWS = {
    "mail": flow("mail", probes={"p": Smtp()}),
    "internet": flow("internet", intent=Intent.CLOSED, probes={"p": Smtp()}),
}


@dataclass(frozen=True)
class Row:
    at: float
    event: str
    flow: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


def moved(at: float, was: str, now: str, flow: str = "mail", **more: Any) -> Row:
    return Row(NOW + at, Event.STATE, flow, {"was": was, "now": now, **more})


REFUSED = {"probe": "p", "stage": "connect", "cause": "refused", "side": "partner_down"}
ROWS = [
    Row(NOW, Event.START),
    Row(NOW, Event.CONFIG, "mail", {"change": "added", "intent": "open"}),
    Row(NOW, Event.CONFIG, "internet", {"change": "added", "intent": "closed"}),
    moved(1, "unknown", "down", **REFUSED),
    moved(2, "unknown", "contained", "internet"),
    moved(10, "down", "recovering"),
    moved(20, "recovering", "restored"),
    moved(30, "restored", "unknown", cause="dns_timeout", stage="resolve", side="ours"),
    moved(40, "unknown", "restored"),
    moved(50, "restored", "dropped", **REFUSED),
    Row(NOW + 60, Event.STOP),
    Row(NOW + 90, Event.START),
    moved(91, "dropped", "recovering"),
    moved(95, "recovering", "restored"),
    # killed after 100
    Row(NOW + 130, Event.GAP, None, {"from": iso(NOW + 100), "seconds": 30.0, "clean_stop": False}),
    Row(NOW + 130, Event.START),
    Row(NOW + 140, Event.INTENT, "internet", {"was": "closed", "now": "open", "state": "contained"}),
    Row(NOW + 150, Event.CONFIG, "mail", {"change": "removed", "state": "restored"}),
]


def at(seconds: float, last_seen: float | None = None) -> Situation:
    seen = None if last_seen is None else NOW + last_seen
    return replay(iter(ROWS), FLOWS, SITE, NOW + seconds, last_seen=seen)


def line(seconds: float, flow: str = "mail") -> Line:
    return next(each for each in at(seconds).lines if each.flow.id == flow)


def test_each_moment_shows_the_state_of_then_since_when_and_why() -> None:
    assert line(0.5).state is State.UNKNOWN
    down = line(5)
    assert (down.state, down.since) == (State.DOWN, NOW + 1)
    assert down.cause is not None
    assert (down.cause.en, down.stage and down.stage.en) == ("connection refused", "connection")
    assert line(15).state is State.RECOVERING
    assert (line(25).state, line(25).restored_at) == (State.RESTORED, NOW + 20)
    assert line(25, "internet").state is State.CONTAINED


def test_what_was_unknown_for_a_while_is_restored_since_it_was_and_did_not_drop() -> None:
    blind, again = line(35), line(45)
    assert (blind.state, blind.was) == (State.UNKNOWN, State.RESTORED)
    assert (again.state, again.restored_at, again.drops) == (State.RESTORED, NOW + 20, 0)
    assert (line(55).state, line(55).drops) == (State.DROPPED, 1)
    assert (line(99).state, line(99).restored_at) == (State.RESTORED, NOW + 95)


def test_a_breach_counts_once_however_often_it_could_not_be_measured_meanwhile() -> None:
    def counted(*states: str) -> int:
        moves = [moved(3 + place, "?", state, "internet") for place, state in enumerate(states)]
        return replay([*ROWS[:5], *moves], FLOWS, SITE, NOW + 20).lines[1].breaches

    assert counted() == 0
    assert counted("breached", "contained") == 1
    assert counted("unknown", "breached", "unknown", "breached") == 1
    assert counted("breached", "contained", "unknown", "breached") == 2
    decided = Row(NOW + 9, Event.INTENT, "internet", {"was": "closed", "now": "open"})
    assert replay([*ROWS[:5], moved(3, "?", "breached", "internet"), decided], FLOWS, SITE, NOW + 20).lines[1].breaches


def test_nobody_watched_after_a_stop_a_kill_or_the_last_word_and_no_green_stays() -> None:
    for seconds, since in ((70, 60), (110, 100)):
        blind = at(seconds)
        assert blind.unwatched_since == NOW + since
        assert {each.state for each in blind.lines} == {State.UNKNOWN}
    assert line(110).was is State.RESTORED
    assert at(99).unwatched_since is None
    assert at(145).unwatched_since is None
    dead = at(1000, last_seen=160)
    assert dead.unwatched_since == NOW + 160
    assert {each.state for each in dead.lines} == {State.UNKNOWN}


def test_the_decision_of_then_counts_not_todays() -> None:
    flows = {**FLOWS, "internet": flow("internet", intent=Intent.OPEN, probes={"p": Smtp()})}
    then = replay(iter(ROWS), flows, SITE, NOW + 25)
    assert next(each for each in then.lines if each.flow.id == "internet").closed
    assert not line(145, "internet").closed
    assert line(145, "internet").state is State.UNKNOWN


def test_a_flow_that_was_removed_is_not_what_it_was() -> None:
    assert line(160).state is State.UNKNOWN


def test_what_was_removed_is_kept_with_what_was_last_measured_until_it_is_watched_again() -> None:
    assert line(100).watched
    assert at(100).gone == ()
    assert not line(160).watched
    assert at(160).gone == (Gone("mail", NOW + 150, State.RESTORED, False),)
    others = {"internet": FLOWS["internet"]}
    assert replay(ROWS, others, SITE, NOW + 160).gone == at(160).gone, "and whether or not it is watched today"
    assert not at(-1).lines[0].watched
    again = [*ROWS, Row(NOW + 170, Event.CONFIG, "mail", {"change": "added", "intent": "open"})]
    back = replay(again, FLOWS, SITE, NOW + 180)
    assert (back.gone, back.lines[0].watched) == ((), True)
    never = [*ROWS[:2], Row(NOW + 5, Event.CONFIG, "mail", {"change": "removed", "state": "down"})]
    assert replay(never, FLOWS, SITE, NOW + 9).gone == (Gone("mail", NOW + 5, None, False),), "it was never measured"
    shut = [*ROWS[:3], Row(NOW + 5, Event.CONFIG, "internet", {"change": "removed", "state": "unknown"})]
    assert replay(shut, FLOWS, SITE, NOW + 9).gone == (Gone("internet", NOW + 5, None, True),)
    own = [*ROWS, Row(NOW + 170, Event.CONFIG, "own_link", {"change": "removed", "state": "restored"})]
    assert replay(own, FLOWS, SITE, NOW + 180).gone == at(160).gone, "our own link is none of the hospital's flows"


def test_what_a_clock_that_was_ahead_dated_later_has_happened_all_the_same() -> None:
    """An hour ahead at the drop, then set right: neither then nor now is it told as what it was before."""
    ahead = [*ROWS[:7], moved(3600 + 30, "restored", "dropped", **REFUSED)]
    now = replay(ahead, FLOWS, SITE, NOW + 60, latest=True)
    assert [line.state for line in now.lines if line.flow.id == "mail"] == [State.DROPPED]
    assert all((line.since or 0.0) <= NOW + 60 for line in now.lines)
    behind = [*ahead, moved(40, "contained", "breached", "internet")]
    then = replay(behind, FLOWS, SITE, NOW + 60)
    assert [line.state for line in then.lines] == [State.DROPPED, State.BREACHED]
    assert replay(behind, FLOWS, SITE, NOW + 35).lines[0].state is State.RESTORED


def test_a_daemon_that_died_before_its_clock_was_set_back_leaves_nothing_green() -> None:
    dead = replay(ROWS[:7], FLOWS, SITE, NOW + 60, last_seen=NOW + 3600, latest=True)
    assert {line.state for line in dead.lines} == {State.UNKNOWN}
    assert dead.unwatched_since == NOW + 60
