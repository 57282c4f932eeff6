"""Flows that come, stay or go when the daemon starts or its configuration changes: what is written of each."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from retabli.model.flow import Flow, UnitName
from retabli.model.record import Entry, Event, Standing, UnitRecord
from retabli.model.states import Intent
from retabli.model.words import Words
from retabli.paging import Notice, Status
from retabli.pipeline.announcing import Announcer
from retabli.pipeline.live import LiveFlow
from retabli.pipeline.remembering import Clocks, dump_standing
from retabli.pipeline.writing import Writing
from retabli.restoration import begin, staleness


class TakingUp:
    """`clock` is monotonic, `wall` the wall clock, both in seconds."""

    def __init__(self, announcer: Announcer, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._announcer = announcer
        self._clock = clock
        self._wall = wall

    def remove(self, id_: str, standing: Standing, live: LiveFlow | None, writing: Writing) -> None:
        """`live` is None if it was removed while the daemon was stopped: nothing is known of it but its standing."""
        at = self._wall()
        live = live or LiveFlow.of(Flow(id_, Words.same(id_), Intent(standing.intent), {}), standing)
        if standing.incident is not None:
            notice = Notice(Status.RESOLVED, "removed", standing.incident)
            self._announcer.ended(live, notice, self._clock(), at, writing)
        writing.standings[id_] = None
        writing.entries.append(Entry(at, Event.CONFIG, id_, {"change": "removed", "state": standing.state.value}))
        writing.gone.append(id_)

    def take_up(
        self,
        flow: Flow,
        standing: Standing | None,
        records: Mapping[UnitName, tuple[UnitRecord, dict[str, Any]]],
        fingerprint: str,
        writing: Writing,
    ) -> LiveFlow:
        at = self._wall()
        if standing is None:
            standing = replace(begin(flow.intent.value, at), fingerprint=fingerprint)
            writing.entries.append(Entry(at, Event.CONFIG, flow.id, {"change": "added", "intent": flow.intent.value}))
        elif standing.intent != flow.intent.value:
            standing = self._change_intent(flow, standing, writing)
        unchanged = standing.fingerprint == fingerprint
        if not unchanged:
            writing.entries.append(Entry(at, Event.CONFIG, flow.id, {"change": "probes"}))
        live = LiveFlow.of(flow, replace(standing, fingerprint=fingerprint))
        for name, unit in live.units.items():
            if name in records:
                record, unit.memory = records[name]
                unit.record = record if unchanged else UnitRecord()
        writing.standings[flow.id] = dump_standing(live.standing, Clocks(self._clock(), self._wall()))
        return live

    def _change_intent(self, flow: Flow, standing: Standing, writing: Writing) -> Standing:
        """People decided otherwise: the page that was open ends, never worded as a recovery, and all starts anew."""
        at = self._wall()
        if standing.incident is not None:
            live = LiveFlow.of(flow, standing)
            notice = Notice(Status.RESOLVED, "intent_changed", standing.incident)
            self._announcer.ended(live, notice, self._clock(), at, writing)
        data = {"was": standing.intent, "now": flow.intent.value, "state": standing.state.value}
        writing.entries.append(Entry(at, Event.INTENT, flow.id, data))
        return replace(
            begin(flow.intent.value, at),
            first_restored_at=standing.first_restored_at,
            drops=standing.drops,
            breaches=standing.breaches,
            silence=standing.silence,
        )


def given_time(flow: Flow | None, standing: Standing, now: float) -> Standing:
    """A page for blindness waits until a start has had the time to look: an hour switched off is none of looking."""
    if flow is None or standing.unknown_from is None:
        return standing
    return replace(standing, unknown_from=max(standing.unknown_from, _looked_by(flow, now)))


def given_time_awake(flow: Flow, standing: Standing, now: float) -> Standing:
    """The same after a sleep, and of a flow that is about to be unknown for it: its next run may be a rhythm away."""
    since = now if standing.unknown_from is None else standing.unknown_from
    return replace(standing, unknown_from=max(since, _looked_by(flow, now)))


def _looked_by(flow: Flow, now: float) -> float:
    """Since when it is to count as unknown so that no page for that comes before every unit had the time to run."""
    look = max((staleness(probe) for _, probe in flow.units()), default=0.0)
    return now + look - flow.policy.page_unknown_after
