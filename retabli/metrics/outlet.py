"""The outlet itself: takes pictures in as they change, and gives a scrape one consistent page without stalling."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from prometheus_client import Histogram

from retabli.metrics import blackbox, flows, probes
from retabli.metrics.daemon import Figures
from retabli.metrics.exposition import OPENMETRICS, TEXT, Family, wants_openmetrics
from retabli.metrics.flows import FlowLines
from retabli.metrics.probes import UnitLines
from retabli.model.flow import Flow, UnitName
from retabli.model.record import Entry, FlowPicture, UnitPicture
from retabli.model.result import Result
from retabli.model.states import Intent

WRITTEN = 50  # flows whose lines are written between two breaths of the loop: about a millisecond
SLICE = 4000  # blocks joined between two breaths of the loop: about a millisecond


@dataclass(slots=True)
class _Shown:
    """A flow as it is exported. `units` stand in the order of the picture's."""

    flow: Flow
    lines: FlowLines
    units: list[UnitLines]
    picture: FlowPicture


class Metrics:
    """`language` is the site's: that of titles. The daemon's own figures are in `figures`."""

    def __init__(self, figures: Figures, *, language: str = "en") -> None:
        self.figures = figures
        self._language = language
        self._shown: dict[str, _Shown] = {}
        self._unwritten: dict[str, _Shown] = {}  # what has changed since it was last read
        self._runs: dict[str, Histogram] = {}

    # the outlet -----------------------------------------------------------------------------------------------

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        shown = self._shown.get(picture.flow.id)
        if shown is None or shown.flow is not picture.flow:
            shown = self._take_up(picture, shown)
        shown.picture = picture
        self._unwritten[picture.flow.id] = shown
        if changed is None:
            return
        unit, lines = _of(changed, shown)
        if result is None:
            lines.stood()
        else:
            lines.ran(unit, result)
            self._runs[lines.kind].observe(result.seconds)

    def skipped(self, picture: FlowPicture, name: UnitName) -> None:
        shown = self._shown.get(picture.flow.id)
        if shown is None or shown.flow is not picture.flow:
            return
        shown.picture = picture
        self._unwritten[picture.flow.id] = shown
        _of(name, shown)[1].skipped()

    def forget(self, flow: str) -> None:
        self._shown.pop(flow, None)
        self._unwritten.pop(flow, None)

    def logged(self, entry: Entry, number: int | None = None) -> None:
        self.figures.log_row()

    def _take_up(self, picture: FlowPicture, before: _Shown | None) -> _Shown:
        """A flow that is new, or whose configuration changed: units that are the same go on counting."""
        kept: dict[tuple[UnitName, str], UnitLines] = {}
        if before is not None:
            names = [unit.name for unit in before.picture.units]
            kept = {(name, lines.kind): lines for name, lines in zip(names, before.units, strict=True)}
        units = []
        for unit in picture.units:
            lines = kept.get((unit.name, unit.probe.kind))
            if lines is None:
                lines = UnitLines(unit.name, unit.probe)
            else:
                lines.describe(unit.name, unit.probe)
            units.append(lines)
            self._runs.setdefault(lines.kind, self.figures.run_of(lines.kind))
        shown = _Shown(picture.flow, FlowLines(picture.flow, self._language), units, picture)
        self._shown[picture.flow.id] = shown
        return shown

    # what is read ---------------------------------------------------------------------------------------------

    def content_type(self, accept: str) -> str:
        return OPENMETRICS if wants_openmetrics(accept) else TEXT

    async def page(self, accept: str = "") -> AsyncIterator[bytes]:
        """The exposition, in pieces; the loop breathes between them.

        Every piece is of the same instant: blocks are replaced, never changed, so holding them holds the picture.
        Lines are written when they are read: what is probed more often than it is scraped costs no more for that.
        """
        as_openmetrics = wants_openmetrics(accept)
        while self._unwritten:
            self._write(WRITTEN)
            if self._unwritten:
                await asyncio.sleep(0)
        of_flows = [shown.lines.blocks for shown in self._shown.values()]
        of_units = [lines.blocks for shown in self._shown.values() for lines in shown.units]
        for families, blocks in ((flows.FAMILIES, of_flows), (probes.FAMILIES, of_units)):
            for place, family in enumerate(families):
                async for piece in _family(family, place, blocks, as_openmetrics):
                    yield piece
        yield await asyncio.to_thread(self.figures.page, as_openmetrics=as_openmetrics)

    def _write(self, most: int) -> None:
        """Bring the lines of so many flows up to date, at most."""
        for _ in range(min(most, len(self._unwritten))):
            shown = next(reversed(self._unwritten.values()))
            shown.lines.update(shown.picture)
            for unit, lines in zip(shown.picture.units, shown.units, strict=True):
                lines.render(unit, shown.flow.intent)
            self._unwritten.popitem()  # that one, and last: what could not be written waits for the next reading

    def blackbox(self, target: str) -> str | None:
        """blackbox_exporter's form of `FLOW/PROBE` (or `FLOW/PROBE[TARGET]`), from the last result.

        None: there is no such unit, or its flow must stay closed and has no success in blackbox's sense.
        """
        shown = self._shown.get(target.partition("/")[0])
        if shown is None or shown.flow.intent is not Intent.OPEN:
            return None
        units = [
            unit for unit in shown.picture.units if target in (str(unit.name), f"{unit.name.flow}/{unit.name.probe}")
        ]
        return blackbox.page(units[0]) if len(units) == 1 else None


def _of(name: UnitName, shown: _Shown) -> tuple[UnitPicture, UnitLines]:
    for unit, lines in zip(shown.picture.units, shown.units, strict=True):
        if unit.name is name or unit.name == name:
            return unit, lines
    raise LookupError(str(name))


async def _family(
    family: Family, place: int, blocks: Sequence[tuple[str, ...]], as_openmetrics: bool
) -> AsyncIterator[bytes]:
    head = family.head(openmetrics=as_openmetrics)
    for start in range(0, len(blocks), SLICE):
        text = "".join([each[place] for each in blocks[start : start + SLICE]])
        if text:
            yield (head + text).encode()
            head = ""
        await asyncio.sleep(0)
