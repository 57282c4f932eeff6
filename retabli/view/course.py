"""Each flow's course: the states it has been shown in, one after the other, folded from the rows of the log.

A false green is the worst defect: while nobody watched there is no state, after a start it is unknown until it is shown
again, and where many spans are drawn as one the worst of them decides.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import ceil
from typing import Any, Protocol

from retabli.model.record import Event
from retabli.model.states import State

SPANS = 512  # that are kept of one flow; of a longer course the oldest are merged, two by two

ALARMS = (State.BREACHED, State.DROPPED)
_STATES: tuple[State | None, ...] = (
    *(State.BREACHED, State.DROPPED, State.UNKNOWN, None),
    *(State.DEGRADED, State.DOWN, State.RECOVERING, State.RESTORED, State.CONTAINED),
)
_CODES = {state: code for code, state in enumerate(_STATES)}  # the worst has the lowest
_UNKNOWN, _UNWATCHED = _CODES[State.UNKNOWN], _CODES[None]
_RESUMED = len(_STATES)  # a daemon has started, and no row says yet what it shows: unknown
_KEPT = frozenset(_CODES[state] for state in ALARMS)  # however short it was


Stamp = Callable[[float], float]


class Row(Protocol):
    """A row of the log, as the store gives it or as it is about to be written."""

    @property
    def at(self) -> float: ...

    @property
    def event(self) -> str: ...

    @property
    def flow(self) -> str | None: ...

    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Span:
    """Wall seconds. `state` None: nobody was watching. `until` None: it lasts."""

    state: State | None
    since: float
    until: float | None


class Course:
    """One flow's. Nine bytes a span, and never more than `SPANS` of them."""

    __slots__ = ("_codes", "_merged", "_since")

    def __init__(self) -> None:
        self._since = array("d")
        self._codes = bytearray()
        # Seconds that merging has moved from the states that really were to the ones that are drawn: what to give back.
        self._merged = array("d", bytes(8 * len(_STATES)))

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def state(self) -> State | None:
        """As it stands now; None too before anything is known."""
        return _state(self._codes[-1]) if self._codes else None

    def spans(self) -> Iterator[Span]:
        """The oldest first, each to where the next begins; spans of no length are those of a drop or a breach."""
        starts = [*self._since, None]
        for code, (since, until) in zip(self._codes, pairwise(starts), strict=True):
            assert since is not None  # noqa: S101 - only the last is
            yield Span(_state(code), since, until)

    def seconds(self, state: State | None, since: float, until: float, stamp: Stamp = float) -> float:
        """How long it was in that state between two shown instants, as it really was: merging takes nothing away."""
        whole = self._merged[_CODES[state]]
        for span in self.spans():
            if span.state is state:
                end = until if span.until is None else min(stamp(span.until), until)
                whole += max(0.0, end - max(stamp(span.since), since))
        return max(0.0, whole)

    # what moves it --------------------------------------------------------------------------------------------

    def move(self, state: State | None, at: float) -> None:
        """From `at` it is shown in this state."""
        self._add(_CODES[state], at)

    def resume(self, at: float) -> None:
        """A daemon has started: unknown, until `settle` or the next row says what it showed from then on."""
        self._add(_RESUMED, at)

    def settle(self, state: State | None) -> None:
        """What was shown since the starts of which no row said anything: no row, no change.

        `state` None: nothing is known of it.
        """
        if _RESUMED in self._codes:
            code = _UNKNOWN if state is None else _CODES[state]
            self._codes = self._codes.replace(bytes([_RESUMED]), bytes([code]))

    @property
    def resumed(self) -> bool:
        return bool(self._codes) and self._codes[-1] == _RESUMED

    def _add(self, code: int, at: float) -> None:
        since, codes = self._since, self._codes
        if codes:
            at = max(at, since[-1])  # a clock that was set back
            if at == since[-1] and codes[-1] not in _KEPT:  # it had no length
                since.pop()
                codes.pop()
            if codes and codes[-1] == code:
                return
        since.append(at)
        codes.append(code)
        if len(codes) > SPANS:
            self._merge()

    def _merge(self) -> None:
        """Halve the older half: each two become one, in the worse state of both."""
        since, codes = array("d"), bytearray()
        old = SPANS // 2
        for place in range(0, old, 2):
            pair = [_UNKNOWN if code == _RESUMED else code for code in self._codes[place : place + 2]]
            starts = self._since[place : place + 3]
            worst = min(pair)
            for code, (begin, end) in zip(pair, pairwise(starts), strict=True):
                if code != worst:
                    self._merged[code] += end - begin
                    self._merged[worst] -= end - begin
            if not codes or codes[-1] != worst:
                since.append(starts[0])
                codes.append(worst)
        self._since, self._codes = since + self._since[old:], codes + self._codes[old:]


class Courses:
    """All flows': a fold over the rows of the log, the oldest first. `began` is the first row's instant."""

    def __init__(self) -> None:
        self._courses: dict[str, Course] = {}
        self.began: float | None = None

    def __getitem__(self, flow: str) -> Course:
        """An empty one for a flow of which nothing is known."""
        return self._courses.get(flow) or Course()

    def follow(self, row: Row) -> None:
        """One more row."""
        if self.began is None:
            self.began = row.at
        if row.flow is not None:
            self._follow_flow(row, row.flow)
        elif row.event == Event.START:
            for course in self._courses.values():
                course.resume(row.at)
        elif row.event in (Event.STOP, Event.GAP):
            at = row.at if row.event == Event.STOP else _gap_began(row)
            for course in self._courses.values():
                course.move(None, at)
                if row.event == Event.GAP and row.data.get("why") is not None:
                    course.resume(row.at)  # nobody has started: the daemon slept through it, and is awake again

    def show(self, flow: str, state: State, at: float) -> None:
        """What everybody is shown now, since `at`: it settles what a start left open."""
        course = self._courses.setdefault(flow, Course())
        if course.resumed:
            course.settle(state)
        if course.state is not state:
            course.move(state, at)

    def forget(self, flow: str) -> None:
        self._courses.pop(flow, None)

    def _follow_flow(self, row: Row, flow: str) -> None:
        now = _WRITTEN.get(str(row.data.get("now")))
        if row.event == Event.STATE and now is not None:
            course = self._courses.setdefault(flow, Course())
            course.settle(_WRITTEN.get(str(row.data.get("was"))))
            course.move(now, row.at)
        elif row.event == Event.INTENT or (row.event == Event.CONFIG and row.data.get("change") == "added"):
            course = self._courses.setdefault(flow, Course())
            course.settle(None)
            course.move(State.UNKNOWN, row.at)
        elif row.event == Event.CONFIG and row.data.get("change") == "removed":
            self.forget(flow)


_WRITTEN = {state.value: state for state in State}


def _state(code: int) -> State | None:
    return State.UNKNOWN if code == _RESUMED else _STATES[code]


def _gap_began(row: Row) -> float:
    """Since when nobody looked; where the row does not say, since it was written."""
    try:
        return min(datetime.fromisoformat(str(row.data["from"])).timestamp(), row.at)
    except (KeyError, ValueError, OverflowError):
        seconds = row.data.get("seconds")
        return row.at - seconds if isinstance(seconds, int | float) and 0 < seconds <= row.at else row.at


def drawn(course: Iterable[Span], since: float, until: float, most: int) -> list[Span]:
    """A course between two instants in at most `most` spans: too many are drawn as equal cells, each its worst.

    Before the first row nobody was watching. A drop or a breach is in it however short it was.
    """
    spans = list(_within(course, since, until))
    if not spans or spans[0].since > since:
        spans.insert(0, Span(None, since, spans[0].since if spans else until))
    if len(spans) <= most:
        return spans
    return _cells(spans, since, until, most)


def _within(course: Iterable[Span], since: float, until: float) -> Iterator[Span]:
    """What a clock that was set back has left in the future is of now: how a flow stands is never what it left."""
    for each in course:
        begin = min(max(each.since, since), until)
        end = until if each.until is None else min(max(each.until, begin), until)
        later = each.since >= until and each.until is not None and each.state not in ALARMS
        if not later and (each.until is None or each.until > since):
            yield Span(each.state, begin, end)


def _cells(spans: list[Span], since: float, until: float, most: int) -> list[Span]:
    worst = [len(_STATES)] * most
    width = (until - since) / most
    for span in spans:
        assert span.until is not None  # noqa: S101 - `drawn` has bounded them
        first = min(most - 1, int((span.since - since) / width))
        # A span that ends where a cell begins is none of that cell's; one without length is of the cell it is in.
        last = max(first, min(most - 1, ceil((span.until - since) / width) - 1))
        code = _CODES[span.state]
        for place in range(first, last + 1):
            worst[place] = min(worst[place], code)
    cells: list[Span] = []
    for place, code in enumerate(worst):
        state, end = _STATES[code], since + (place + 1) * width
        if cells and cells[-1].state is state:
            cells[-1] = Span(state, cells[-1].since, end)
        else:
            cells.append(Span(state, since + place * width, end))
    return cells
