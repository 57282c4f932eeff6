"""Runs that are kept, made by hand, and a shelf that they are read from."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from retabli.model import causes
from retabli.model.flow import UnitName
from retabli.model.probe import Probe
from retabli.model.result import Outcome
from retabli.model.run import Run, run_of
from retabli.store import Past
from retabli.web import HistoryUnreadable
from tests.view.pictures import NOW, result


def runs_of(probe: Probe, outcomes: str, *, every: float = 30.0, seconds: float = 0.2) -> list[Run]:
    """The oldest first: `.` ok, `~` not wholly, `x` failed, `?` unknown; the last one ended at NOW."""
    made = []
    for place, each in enumerate(outcomes):
        at = NOW - every * (len(outcomes) - 1 - place)
        if each in ".~":
            run = result(probe, seconds=seconds, at=at, whole=each == ".")
        else:
            outcome = Outcome.FAILED if each == "x" else Outcome.UNKNOWN
            run = result(probe, outcome, cause=causes.REFUSED, fell=1, seconds=seconds, at=at, detail=f"no {place}")
        made.append(run_of(run))
    return made


@dataclass
class Shelf:
    """What is kept, by unit, the oldest first."""

    runs_by_unit: dict[UnitName, list[Run]] = field(default_factory=dict)
    reads: int = 0
    refuses: bool = False
    hangs: asyncio.Event | None = None

    async def past(self, flow: str, *, each: int) -> Past:
        self.reads += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.refuses:
            raise HistoryUnreadable("the disk is gone")
        last: dict[UnitName, dict[Outcome, Run]] = {}
        for unit, runs in self.runs_by_unit.items():
            last[unit] = {run.outcome: run for run in runs}
        return Past({unit: list(reversed(runs))[:each] for unit, runs in self.runs_by_unit.items()}, last)

    async def runs(self, flow: str, *, limit: int) -> Sequence[dict[str, Any]]:
        if self.refuses:
            raise HistoryUnreadable("the disk is gone")
        kept: list[dict[str, Any]] = [
            {"id": unit.probe, "target": unit.target, "outcome": run.outcome.value, "at": run.at, "detail": run.detail}
            for unit, runs in self.runs_by_unit.items()
            for run in runs
        ]
        return sorted(kept, key=lambda each: float(each["at"]), reverse=True)[:limit]
