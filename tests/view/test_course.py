"""The course of each flow: what the log's rows fold into, and what is drawn of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retabli.model.record import Entry, Event
from retabli.model.states import State
from retabli.view import Course, Courses, Site, Span, View, course, drawn
from tests.view.pictures import NOW, flow, picture

FLOW = "mail-out"
HOUR = 3600.0
ALARMS = {State.DROPPED, State.BREACHED}


def row(at: float, event: Event, flow: str | None = None, **data: Any) -> Entry:
    return Entry(at, event, flow, data)


def gap(at: float, data: Mapping[str, Any]) -> Entry:
    return Entry(at, Event.GAP, None, data)


def state(at: float, was: str, now: str, flow: str = FLOW) -> Entry:
    return row(at, Event.STATE, flow, was=was, now=now)


def folded(*rows: Entry) -> Courses:
    courses = Courses()
    for each in rows:
        courses.follow(each)
    return courses


def shown(*rows: Entry, flow: str = FLOW) -> list[tuple[str | None, float]]:
    """Each span's state and where it begins."""
    return [(each.state and each.state.value, each.since) for each in folded(*rows)[flow].spans()]


BEGUN = (row(0, Event.START), row(1, Event.CONFIG, FLOW, change="added", intent="open"))
RESTORED = (*BEGUN, state(10, "unknown", "recovering"), state(20, "recovering", "restored"))


def test_a_flow_is_unknown_from_when_it_was_added_and_then_what_each_row_says() -> None:
    assert shown(*RESTORED) == [("unknown", 1), ("recovering", 10), ("restored", 20)]
    assert folded(*RESTORED).began == 0


def test_while_nobody_watches_there_is_no_state_and_after_a_start_it_is_unknown() -> None:
    stopped = (*RESTORED, row(50, Event.STOP))
    assert shown(*stopped)[-2:] == [("restored", 20), (None, 50)]
    again = (*stopped, gap(80, {"from": iso(50), "seconds": 30}), row(80, Event.START))
    assert shown(*again)[-2:] == [(None, 50), ("unknown", 80)]


def test_a_daemon_that_was_killed_watched_no_longer_than_it_last_wrote() -> None:
    blind = gap(80, {"from": iso(60), "seconds": 20, "clean_stop": False})
    killed = (*RESTORED, blind, row(80, Event.START))
    assert shown(*killed)[-3:] == [("restored", 20), (None, 60), ("unknown", 80)]
    broken: Mapping[str, Any]
    for broken in ({"from": "yesterday", "seconds": 20}, {"seconds": 20}):
        assert shown(*RESTORED, gap(80, broken), row(80, Event.START))[-2:] == [
            (None, 60),
            ("unknown", 80),
        ]
    assert shown(*RESTORED, gap(80, {}), row(80, Event.START))[-1] == ("unknown", 80)


def test_what_a_start_left_open_is_settled_by_the_next_row_which_says_what_was_shown_before_it() -> None:
    resumed = (*RESTORED, row(50, Event.STOP), row(80, Event.START))
    assert shown(*resumed, state(200, "restored", "dropped"))[-3:] == [(None, 50), ("restored", 80), ("dropped", 200)]
    assert shown(*resumed, state(80, "restored", "unknown"))[-2:] == [(None, 50), ("unknown", 80)]
    twice = (*resumed, row(90, Event.STOP), row(95, Event.START), state(200, "restored", "dropped"))
    assert shown(*twice)[-5:] == [(None, 50), ("restored", 80), (None, 90), ("restored", 95), ("dropped", 200)]
    unsaid = (*resumed, row(200, Event.INTENT, FLOW, was="open", now="closed"))
    assert shown(*unsaid)[-1] == ("unknown", 80), "nothing says that it was restored between"


def test_a_flow_that_was_removed_begins_anew() -> None:
    gone = (*RESTORED, row(50, Event.CONFIG, FLOW, change="removed", state="restored"))
    assert shown(*gone) == []
    assert shown(*gone, row(90, Event.CONFIG, FLOW, change="added", intent="open")) == [("unknown", 90)]


def test_rows_that_say_nothing_of_a_state_or_something_unheard_of_change_nothing() -> None:
    others = [
        row(30, Event.PAGE, FLOW, reason="dropped"),
        row(31, Event.CONFIG, FLOW, change="probes"),
        row(32, Event.CONFIG, None, change="reloaded"),
        row(33, Event.STATE, FLOW, was="restored", now="flying"),
        row(34, Event.STATE, FLOW, now=["restored"]),
        Entry(35, "later-version", FLOW, {"now": "dropped"}),
    ]
    assert shown(*RESTORED, *others) == shown(*RESTORED)


def test_a_clock_that_is_set_back_hides_no_drop() -> None:
    back = (*RESTORED, state(15, "restored", "dropped"), state(16, "dropped", "recovering"))
    assert ("dropped", 20) in shown(*back)


def test_states_passed_in_one_instant_leave_no_trace_but_a_drop_does() -> None:
    passed = (
        *RESTORED,
        state(50, "restored", "dropped"),
        state(50, "dropped", "recovering"),
        state(50, "x", "restored"),
    )
    assert shown(*passed)[-3:] == [("restored", 20), ("dropped", 50), ("restored", 50)]


def test_the_view_shows_what_the_pipeline_shows_even_where_the_log_says_nothing() -> None:
    view = View(Site("CHU"), wall=lambda: NOW)
    before = folded(*RESTORED, row(50, Event.STOP))
    view.fill([], before)
    view.logged(row(80, Event.START))
    assert [each.state for each in view.course(FLOW).spans()][-1] is State.UNKNOWN
    view.show(picture(flow(FLOW), State.RESTORED, since=20), None, None)
    assert [(each.state, each.since) for each in view.course(FLOW).spans()][-2:] == [(None, 50), (State.RESTORED, 80)]
    view.show(picture(flow(FLOW), State.DROPPED, since=90), None, None)
    assert view.course(FLOW).state is State.DROPPED
    view.forget(FLOW)
    assert len(view.course(FLOW)) == 0


def test_courses_are_drawn_from_the_attack_else_from_the_first_row_and_in_shown_time() -> None:
    for cut, origin in ((NOW - 9.0, NOW - 9.0), (None, NOW - 4.0), (NOW + 9.0, NOW - 4.0)):
        view = View(Site("CHU", cut_at=cut), wall=lambda: NOW)
        view.logged(row(NOW - 4.0, Event.START))
        assert view.origin == origin
    mapped = View(Site("CHU"), wall=lambda: NOW, stamp=lambda wall: wall - 1000.0)
    mapped.logged(row(NOW - 4.0, Event.START))
    assert mapped.origin == NOW - 1004.0
    assert View(Site("CHU"), wall=lambda: NOW).origin == NOW, "of nothing there is nothing"


def test_before_the_first_row_nobody_watched() -> None:
    spans = drawn(folded(*RESTORED)[FLOW].spans(), -100.0, 100.0, 240)
    assert [(each.state, each.since, each.until) for each in spans][:2] == [(None, -100, 1), (State.UNKNOWN, 1, 10)]
    assert spans[-1].until == 100.0
    assert drawn([], 0.0, 100.0, 240) == [Span(None, 0.0, 100.0)]
    late = drawn(folded(*RESTORED)[FLOW].spans(), 15.0, 100.0, 240)
    assert [(each.state, each.since) for each in late] == [(State.RECOVERING, 15), (State.RESTORED, 20)]


def test_a_clock_that_was_set_back_leaves_no_flow_in_the_state_that_it_left() -> None:
    fell = (*RESTORED, state(500, "restored", "dropped"), state(510, "dropped", "recovering"))
    spans = drawn(folded(*fell)[FLOW].spans(), 0.0, 100.0, 240)
    assert [each.state for each in spans][-3:] == [State.RESTORED, State.DROPPED, State.RECOVERING]
    assert {each.until for each in spans[-3:]} == {100.0}


def test_a_flow_that_flaps_for_months_takes_no_more_room_and_loses_no_second_and_no_drop() -> None:
    flapping, at = Course(), 0.0
    for _ in range(20_000):
        flapping.move(State.RESTORED, at)
        flapping.move(State.DEGRADED, at + 100)
        at += 110
    flapping.move(State.DROPPED, at)
    flapping.move(State.DROPPED, at + 5)
    assert len(flapping) <= course.SPANS
    assert flapping.seconds(State.RESTORED, 0.0, at) == 20_000 * 100
    assert flapping.seconds(State.DEGRADED, 0.0, at) == 20_000 * 10
    first = Course()
    first.move(State.RESTORED, 0.0)
    first.move(State.DROPPED, 10.0)
    for number in range(20_000):
        first.move(State.RESTORED if number % 2 else State.DEGRADED, 12.0 + number)
    assert next(iter(first.spans())).state is State.DROPPED


# at random ------------------------------------------------------------------------------------------------------------

STATES = st.sampled_from([each.value for each in State])
ROWS = st.one_of(
    st.tuples(st.just(Event.STATE), st.just("a"), st.fixed_dictionaries({"was": STATES, "now": STATES})),
    st.tuples(st.just(Event.STATE), st.just("b"), st.fixed_dictionaries({"was": STATES, "now": STATES})),
    st.tuples(st.just(Event.CONFIG), st.just("a"), st.sampled_from([{"change": "added"}, {"change": "removed"}])),
    st.tuples(st.just(Event.INTENT), st.just("a"), st.just({"now": "closed"})),
    st.tuples(st.sampled_from([Event.START, Event.STOP]), st.none(), st.just({})),
    st.tuples(st.just(Event.GAP), st.none(), st.fixed_dictionaries({"seconds": st.integers(0, 50)})),
)
LOGS = st.lists(st.tuples(st.integers(-5, 60), ROWS), max_size=120)


def log_of(steps: Sequence[tuple[int, tuple[Event, str | None, Mapping[str, Any]]]]) -> list[Entry]:
    at, rows = 1000.0, []
    for pause, (event, of, data) in steps:
        at += pause
        rows.append(Entry(at, event, of, data))
    return rows


@given(LOGS, st.integers(0, 120))
def test_rows_that_come_one_by_one_fold_into_what_the_whole_log_does(steps: Any, cut: int) -> None:
    rows = log_of(steps)
    whole, live = folded(*rows), folded(*rows[:cut])
    list(live["a"].spans())  # looking changes nothing
    for each in rows[cut:]:
        live.follow(each)
    for of in ("a", "b"):
        assert list(whole[of].spans()) == list(live[of].spans())
        spans = list(whole[of].spans())
        assert [each.since for each in spans] == sorted(each.since for each in spans)
        assert all(before.until == after.since for before, after in pairwise(spans))


@given(LOGS)
def test_the_last_span_is_never_a_state_that_no_row_gives_now(steps: Any) -> None:
    rows = log_of(steps)
    last = folded(*rows)["b"].state
    if any(each.flow == "b" for each in rows) and rows[-1].event in (Event.STOP, Event.GAP):
        assert last is None
    if any(each.flow == "b" for each in rows) and rows[-1].event == Event.START:
        assert last is State.UNKNOWN


MOVES = st.lists(st.tuples(st.floats(0, 500), st.sampled_from([*State, None])), min_size=1, max_size=2000)


@given(MOVES, st.integers(1, 60))
def test_cells_hide_no_drop_and_no_breach_and_show_none_that_was_not(moves: Any, most: int) -> None:
    moved, at, alarms = Course(), 100.0, set()
    for pause, each in moves:
        at += pause
        moved.move(each, at)
        alarms |= {each} & ALARMS
    spans = drawn(moved.spans(), 0.0, at + 1.0, most)
    cells = {each.state for each in spans}
    assert len(spans) <= most
    assert len(moved) <= course.SPANS
    assert cells & ALARMS <= alarms
    if alarms:
        assert cells & ALARMS, "the worst of all is in it at least"
    assert (State.BREACHED in alarms) is (State.BREACHED in cells)
    assert spans[0].since == 0.0
    assert abs((spans[-1].until or 0.0) - at - 1.0) < 1e-6


@given(MOVES)
def test_every_cell_in_which_a_flow_was_not_well_is_no_green_one(moves: Any) -> None:
    moved, at = Course(), 0.0
    for pause, each in moves[:400]:
        at += pause
        moved.move(each, at)
    until = at + 1.0
    bad = [each for each in moved.spans() if each.state not in (State.RESTORED, State.CONTAINED)]
    green = [each for each in drawn(moved.spans(), 0.0, until, 24) if each.state in (State.RESTORED, State.CONTAINED)]
    for cell in green:
        assert cell.until is not None
        for each in bad:
            end = until if each.until is None else each.until
            assert min(end, cell.until) - max(each.since, cell.since) <= 1e-6


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def test_a_gap_that_no_calendar_has_keeps_no_daemon_from_starting() -> None:
    strange: Mapping[str, Any]
    for strange in ({"from": "0001-01-01T00:00:00"}, {"seconds": float("inf")}, {"seconds": float("nan")}):
        assert shown(*RESTORED, gap(80, strange))[-1] == (None, 80)


def test_pages_of_two_daemons_are_never_taken_for_one_another_s() -> None:
    earlier, later = View(Site("CHU"), wall=lambda: NOW), View(Site("CHU"), wall=lambda: NOW + 1)
    for _ in range(500):
        earlier.show(picture(flow()), None, None)
    later.show(picture(flow()), None, None)
    assert later.changed_since(earlier.revision) == ["mail-out"]
