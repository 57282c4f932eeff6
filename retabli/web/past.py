"""The runs of a flow as pages show them: those that are kept, those that are noted, and the latest, put together."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from retabli.model.flow import UnitName
from retabli.model.record import UnitPicture
from retabli.model.result import Outcome
from retabli.model.run import Run, run_of
from retabli.store import Past
from retabli.view.noted import UnitNotes
from retabli.web.seams import History, HistoryUnreadable

RUNS = 100  # of each unit, that are drawn
FRESH = 5.0  # seconds for which what was read is shown without reading it again
PATIENCE = 1.5  # seconds that a page waits for it
FLOWS = 64  # whose runs are at hand at once

log = logging.getLogger("retabli")


@dataclass(frozen=True, slots=True)
class UnitPast:
    """`runs` are the newest, the oldest of them first; `failed` and `ok` are the last of their kind, however old."""

    runs: tuple[Run, ...] = ()
    failed: Run | None = None
    ok: Run | None = None


def unit_past(unit: UnitPicture, notes: UnitNotes | None, kept: Past | None) -> UnitPast:
    """`kept` is None where it cannot be read: what is in memory is shown all the same."""
    runs = list(reversed(kept.runs.get(unit.name, ()))) if kept is not None else []
    if unit.result is not None and (not runs or runs[-1].at < unit.result.at):
        runs.append(run_of(unit.result))  # it is not written yet
    return UnitPast(
        runs=tuple(runs[-RUNS:]),
        failed=_last(Outcome.FAILED, unit.name, notes, kept),
        ok=_last(Outcome.OK, unit.name, notes, kept),
    )


def _last(outcome: Outcome, name: UnitName, notes: UnitNotes | None, kept: Past | None) -> Run | None:
    if notes is not None and outcome in notes.last:
        return run_of(notes.last[outcome])
    return kept.last.get(name, {}).get(outcome) if kept is not None else None


class Recent:
    """Reads a flow's runs at most every FRESH seconds, however many pages ask, and never two times at once."""

    def __init__(self, history: History | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._history = history
        self._clock = clock
        self._at_hand: OrderedDict[str, tuple[float, Past | None]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Past | None]] = {}

    @property
    def kept(self) -> bool:
        """Whether runs are kept at all."""
        return self._history is not None

    async def of(self, flow: str) -> Past | None:
        """None where they cannot be read now. Waits PATIENCE seconds at most."""
        if self._history is None:
            return None
        at, past = self._at_hand.get(flow, (float("-inf"), None))
        if self._clock() - at < FRESH:
            return past
        if flow not in self._reading:
            self._reading[flow] = asyncio.create_task(self._read(self._history, flow), name=f"history of {flow}")
        task = self._reading[flow]
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        return task.result() if done and not task.cancelled() else None

    async def _read(self, history: History, flow: str) -> Past | None:
        past: Past | None = None
        try:
            past = await history.past(flow, each=RUNS)
        except HistoryUnreadable as error:
            log.warning("the runs of %s cannot be shown: %s", flow, error)
        finally:
            del self._reading[flow]
        self._at_hand[flow] = (self._clock(), past)
        self._at_hand.move_to_end(flow)
        while len(self._at_hand) > FLOWS:
            self._at_hand.popitem(last=False)
        return past
