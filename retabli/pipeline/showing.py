"""What outlets are shown once it is remembered; what one of them could not take, it alone is shown again.

Rows of the log and runs are told to it again too: pages of a flow, feeds and counters are made of them.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from retabli.model.flow import UnitName
from retabli.model.record import Entry, FlowPicture
from retabli.model.result import Result
from retabli.pipeline.seams import Outlet

ROWS = 1000  # that an outlet may miss before it never gets the oldest of them: they stay in the log
RUNS = 100  # of a flow that it may miss before it never gets the oldest of them: they stay uncounted
TRIES = 12  # of a row or of a run: what falls so often falls for ever
FELL = "%s: %s could not be shown"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Row:
    entry: Entry
    tries: int = 0


@dataclass(slots=True)
class _Show:
    picture: FlowPicture
    changed: UnitName | None
    result: Result | None
    tries: int = 0


class _Reached:
    """One outlet, and what it has missed. Whatever it raises keeps nothing from any other."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._rows: deque[_Row] = deque(maxlen=ROWS)
        self._gone: set[str] = set()
        self._shows: dict[str, list[_Show]] = {}  # by flow; the last one is its latest picture

    @property
    def misses(self) -> bool:
        return bool(self._rows or self._gone or self._shows)

    def log(self, entry: Entry) -> None:
        self._rows.append(_Row(entry))
        self._tell_rows()

    def forget(self, flow: str) -> None:
        self._shows.pop(flow, None)
        self._gone.add(flow)
        self._tell_gone()

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        if not (self._shows or self._gone):  # after each run: what goes well costs a call
            try:
                self._outlet.show(picture, changed, result)
            except Exception:
                log.exception(FELL, type(self._outlet).__name__, picture.flow.id)
                self._shows[picture.flow.id] = [_Show(picture, changed, result, tries=1)]
            return
        self._show_after(_Show(picture, changed, result))

    def _show_after(self, show: _Show) -> None:
        """Where something was missed."""
        self._gone.discard(show.picture.flow.id)  # it is there again
        missed = self._shows.pop(show.picture.flow.id, ())
        # Of a flow that is configured otherwise by now no earlier run is told: its units are others.
        runs = [each for each in missed if each.changed is not None and each.picture.flow is show.picture.flow]
        self._tell_shows(runs[-RUNS:], show)

    def skipped(self, picture: FlowPicture, name: UnitName) -> None:
        """Told once: the next run of the unit is shown, whatever became of this."""
        self._tells(lambda: self._outlet.skipped(picture, name), name)

    def again(self) -> None:
        """Tell what it has missed."""
        self._tell_rows()
        self._tell_gone()
        missed, self._shows = self._shows, {}
        for *runs, latest in missed.values():
            self._tell_shows(runs, latest)

    # bits -----------------------------------------------------------------------------------------------------

    def _tell_rows(self) -> None:
        """In their order. One that cannot be told does not hold up the next ones: they wake whoever sends pages."""
        left = [row for row in self._rows if not self._tells_row(row) and _may_yet(row)]
        self._rows.clear()
        self._rows.extend(left)

    def _tell_gone(self) -> None:
        self._gone = {flow for flow in self._gone if not self._tells_gone(flow)}

    def _tell_shows(self, runs: Sequence[_Show], latest: _Show) -> None:
        """The runs that it has missed, each with its picture of then, and last how the flow stands."""
        left = [run for run in runs if not self._tells_show(run) and _may_yet(run)]
        if not self._tells_show(latest):
            left.append(latest)
        elif left:
            left.append(replace(latest, changed=None, result=None))
        if left:
            self._shows[latest.picture.flow.id] = left

    def _tells_row(self, row: _Row) -> bool:
        row.tries += 1
        return self._tells(lambda: self._outlet.logged(row.entry), f"a row of the log ({row.entry.event})")

    def _tells_gone(self, flow: str) -> bool:
        return self._tells(lambda: self._outlet.forget(flow), flow)

    def _tells_show(self, show: _Show) -> bool:
        show.tries += 1
        return self._tells(lambda: self._outlet.show(show.picture, show.changed, show.result), show.picture.flow.id)

    def _tells(self, tell: Callable[[], None], what: object) -> bool:
        try:
            tell()
        except Exception:  # whatever it was: what is shown there is old, and says so by nothing
            log.exception(FELL, type(self._outlet).__name__, what)
            return False
        return True


def _may_yet(missed: _Row | _Show) -> bool:
    return missed.tries < TRIES


class Showing:
    """All outlets, each for itself."""

    def __init__(self, outlets: Sequence[Outlet]) -> None:
        self._reached = tuple(_Reached(outlet) for outlet in outlets)

    @property
    def misses(self) -> bool:
        """Whether there is an outlet that is to be told something again."""
        return any(reached.misses for reached in self._reached)

    def log(self, entry: Entry) -> None:
        for reached in self._reached:
            reached.log(entry)

    def forget(self, flow: str) -> None:
        for reached in self._reached:
            reached.forget(flow)

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        for reached in self._reached:
            reached.show(picture, changed, result)

    def skipped(self, picture: FlowPicture, name: UnitName) -> None:
        for reached in self._reached:
            reached.skipped(picture, name)

    def again(self) -> None:
        for reached in self._reached:
            reached.again()
