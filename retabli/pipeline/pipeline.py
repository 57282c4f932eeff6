"""The pipeline: takes each result in, moves the flow's standing, has it remembered, and only then shows it.

It knows neither SQLite nor Prometheus nor any channel: what it needs of them is said by the protocols of `seams.py`.
"""

import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from retabli.model.flow import Flow, UnitName
from retabli.model.probe import Probe
from retabli.model.record import Entry, Event, Incident, Silence, Standing, UnitRecord
from retabli.model.result import Outcome, Result
from retabli.model.stamps import iso
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.own_link import ID as OWN_LINK
from retabli.paging import Notice, NotNow, Status, page
from retabli.pipeline.announcing import Announcer, Teller
from retabli.pipeline.live import LiveFlow, LiveUnit
from retabli.pipeline.live_flows import LiveFlows
from retabli.pipeline.remembering import Clocks, dump_record, dump_standing, load_record, load_standing
from retabli.pipeline.seams import Outlet, Store
from retabli.pipeline.showing import Showing
from retabli.pipeline.taking_up import TakingUp, given_time, given_time_awake
from retabli.pipeline.way_out import WayOut
from retabli.pipeline.writing import Writing
from retabli.restoration import ANSWERS, Change, advance, close_round, next_round, observe, stands
from retabli.supervisor import Fatal

AGAIN = 5.0  # seconds until a judgement that was undone is made again, and between two tries of what was not shown

log = logging.getLogger(__name__)
T = TypeVar("T")


class Pipeline:
    """Holds the live flows. `clock` is monotonic, `wall` the wall clock, both in seconds.

    A step is handed to the store whole, or leaves the live flows as they were: a page that is noted as told and is not
    in the outbox would be told to nobody, ever. Evidence stays, so that the next look tells what this one could not.
    """

    def __init__(
        self,
        store: Store,
        outlets: Sequence[Outlet],
        tell: Teller,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._showing = Showing(outlets)
        self._show_again = 0.0  # monotonic: not before
        self._gaps: list[Entry] = []  # rows that go before any other
        self._unlooked = False  # since nobody looked, all flows are to be looked at
        self._announcer = Announcer(tell)
        self._clock = clock
        self._wall = wall
        self._flows = LiveFlows({})
        self._taking_up = TakingUp(self._announcer, clock, wall)
        self._way_out = WayOut()

    # starting and reloading -----------------------------------------------------------------------------------

    async def begin(
        self,
        flows: Mapping[str, Flow],
        standings: Mapping[str, Mapping[str, Any]],
        units: Mapping[UnitName, tuple[Mapping[str, Any], Mapping[str, Any]]],
        fingerprints: Mapping[str, str],
        entries: Sequence[Entry] = (),
        *,
        clock_lost: bool = False,
        relapsed: bool = False,
    ) -> None:
        """Start from what is remembered; `entries` (a start, a gap) are logged in the same transaction.

        `clock_lost`: the wall clock is behind what was last written by it. `relapsed`: the daemon has ended again and
        again of late; a page for blindness that waited for each of its lives to look would never be due.
        """
        clocks = Clocks(self._clock(), self._wall(), lost=clock_lost)
        known = {id_: load_standing(values, clocks) for id_, values in standings.items()}
        if not relapsed:
            known = {id_: given_time(flows.get(id_), standing, clocks.monotonic) for id_, standing in known.items()}
        records = {name: (load_record(record, clocks), dict(memory)) for name, (record, memory) in units.items()}
        await self._settle(flows, known, records, fingerprints, list(entries))

    async def adopt(
        self, flows: Mapping[str, Flow], fingerprints: Mapping[str, str], entries: Sequence[Entry] = ()
    ) -> None:
        """Go on with another configuration: what is unchanged keeps everything.

        Whatever it raises, but for a Fatal, leaves the one that there is in place.
        """
        known = {live.flow.id: live.standing for live in self._flows}
        units = {name: unit for live in self._flows for name, unit in live.units.items()}
        records = {name: (unit.record, unit.memory) for name, unit in units.items()}
        results = {name: (unit.probe, unit.result) for name, unit in units.items()}
        await self._settle(flows, known, records, fingerprints, list(entries), results)

    async def _settle(
        self,
        flows: Mapping[str, Flow],
        known: Mapping[str, Standing],
        records: Mapping[UnitName, tuple[UnitRecord, dict[str, Any]]],
        fingerprints: Mapping[str, str],
        entries: list[Entry],
        results: Mapping[UnitName, tuple[Probe, Result | None]] | None = None,
    ) -> None:
        writing = Writing(entries=entries)
        for gone in known.keys() - flows.keys():
            self._taking_up.remove(gone, known[gone], self._flows.get(gone), writing)
        for name in records.keys() - {name for flow in flows.values() for name, _ in flow.units()}:
            writing.units[name] = None
        fresh: dict[str, LiveFlow] = {}
        for id_, flow in flows.items():
            fresh[id_] = self._taking_up.take_up(flow, known.get(id_), records, fingerprints.get(id_, ""), writing)
            for name, unit in fresh[id_].units.items():
                probe, result = (results or {}).get(name, (unit.probe, None))
                unit.result = result if probe == unit.probe else None  # another probe has not run yet
        before = self._flows
        try:
            self._flows = LiveFlows(fresh)
            now = self._clock()
            for live in fresh.values():
                live.doubt(live.weigh(now))  # before any is judged: a child may stand before its parent
            for id_ in flows:
                self._judge(id_, writing)
            writing.looked = [(live, live.standing) for live in fresh.values()]  # shown in the configuration's order
            await self._hand_over(writing)
        except Fatal:
            raise
        except Exception:
            self._flows = before
            raise
        self._show(writing)

    # the scheduler's side -------------------------------------------------------------------------------------

    async def accept(self, name: UnitName, probe: Probe, result: Result) -> None:
        """A run has ended."""
        if self._unlooked:  # first: what this run shows is news of a flow of which nothing was known
            await self._look_at_all()
        live = self._flows.get(name.flow)
        unit = live.units.get(name) if live else None
        if live is None or unit is None or (unit.probe is not probe and unit.probe != probe):
            return  # the configuration changed while it ran: it speaks of a probe that is no more
        result = self._way_out.judge(name, probe, result)
        unit.record = observe(unit.record, result, probe, closed=live.flow.intent is Intent.CLOSED)
        unit.result = result
        await self._step(live, unit, result)

    async def stands(self, name: UnitName) -> None:
        """A refused credential is not tried again now: its verdict stands meanwhile."""
        live = self._flows.get(name.flow)
        unit = live.units.get(name) if live else None
        if live is not None and unit is not None and unit.record.judged is Outcome.FAILED:
            unit.record = stands(unit.record, self._clock())
            await self._step(live, unit, None)

    def skipped(self, name: UnitName) -> None:
        live = self._flows.get(name.flow)
        if live is not None and name in live.units:
            self._showing.skipped(live.picture(self._clock()), name)

    def unwatched(self, seconds: float, *, asleep: bool) -> None:
        """Nobody looked for so long, and the monotonic clock stood still: what was found out is so much older.

        `asleep`: the machine slept; else it was paused, or its wall clock was set forward, and nothing was found out in
        the time that was left out. Told by the next sweep; pages wait until every unit had the time to run.
        """
        now, at = self._clock(), self._wall()
        for live in self._flows:
            live.age(seconds)
            live.standing = given_time_awake(live.flow, live.standing, now)
        data = {"from": iso(at - seconds), "seconds": round(seconds, 1), "why": "asleep" if asleep else "clock"}
        self._gaps.append(Entry(at, Event.GAP, None, data))
        self._unlooked = True

    def wanted(self, name: UnitName) -> int:
        """How many more failures in a row of this unit would move the standing: what confirmations may be run."""
        live = self._flows.get(name.flow)
        unit = live.units.get(name) if live else None
        if live is None or unit is None or not unit.probe.counts:
            return 0
        if live.flow.intent is Intent.CLOSED:
            return ANSWERS - unit.record.fails if 0 < unit.record.fails < ANSWERS else 0
        if live.standing.state not in (State.RESTORED, State.DEGRADED):
            return 0
        return max(0, live.flow.policy.fall - unit.record.fails)

    def memory(self, name: UnitName) -> dict[str, Any]:
        """The unit's own memory: the object itself, for the runs that share it."""
        return self._flows[name.flow].units[name].memory

    async def sweep(self) -> None:
        """Look at the flows that time alone may have changed: stale evidence, a page for long blindness.

        And show again what could not be shown.
        """
        now = self._clock()
        if self._showing.misses and now >= self._show_again:
            self._show_again = now + AGAIN
            self._showing.again()
        if self._unlooked:
            await self._look_at_all()
        while (live := self._flows.due(now)) is not None:
            await self._step(live)

    # the step -------------------------------------------------------------------------------------------------

    async def _step(self, live: LiveFlow, unit: LiveUnit | None = None, result: Result | None = None) -> None:
        """Look at this flow, for what this unit has shown or for the time that has passed; again, if it must be undone.

        Raises:
            Fatal: as the store raised it.
        """
        writing, kept = Writing(), False
        try:
            self._judge(live.flow.id, writing)
            if unit is not None:
                self._store.keep(unit.name, dump_record(unit.record, self._clocks()), unit.memory, result)
                kept = True
            await self._hand_over(writing)
        except Fatal:
            raise
        except Exception:
            writing.undo()
            self._look_again(live)
            log.exception("%s could not be judged or remembered, and is looked at again", live.flow.id)
            if unit is not None:  # its run is a fact all the same, and its round has not ended after all
                record = dump_record(unit.record, self._clocks())
                self._store.keep(unit.name, record, unit.memory, None if kept else result)
            return
        self._show(writing, unit.name if unit is not None else None, result)

    async def _look_at_all(self) -> None:
        """Nobody looked for a while: one step for all, or none, and then the next sweep makes it."""
        writing, self._unlooked = Writing(), False
        try:
            for live in self._flows:
                self._judge_apart(live.flow.id, writing)
            await self._hand_over(writing)
        except Fatal:
            raise
        except Exception:
            writing.undo()
            self._unlooked = True
            log.exception("the flows could not be looked at after a gap, and are looked at again")
            return
        self._show(writing)

    def _look_again(self, live: LiveFlow) -> None:
        if self._flows.get(live.flow.id) is not live:
            return  # there is another configuration by now, and it was looked at for that
        live.overdue = self._clock() + AGAIN
        self._flows.queue(live)

    def _judge(self, id_: str, writing: Writing) -> None:
        """Weigh and advance this flow, and its children if what they wait for has moved."""
        live, children = self._flows[id_], self._flows.children(id_)
        writing.touch(live)
        before, was_excuse = live.standing, bool(children) and self._flows.as_parent(id_).excuses
        now, at = self._clock(), self._wall()
        evidence = live.weigh(now, self._close_round(live))
        standing, changes = advance(live.standing, evidence, at, live.flow.policy)
        live.standing, live.looked_at, live.overdue = standing, now, float("inf")
        live.doubt(evidence)
        parents = self._flows.parents(live.flow)
        warn = self._announcer.warned(live, now, at)
        live.standing, notices = page(live.flow, standing, parents, now=now, at=at, warn=warn)
        self._record(live, before, changes, at, writing)
        told = self._announce(live, before, notices, now, at, writing)
        self._remember(live, before, writing, moved=bool(changes or notices or told))
        self._flows.queue(live)
        writing.looked.append((live, live.standing))
        if children and self._flows.as_parent(id_).excuses != was_excuse:
            for child in children:
                self._judge_apart(child, writing)

    def _judge_apart(self, id_: str, writing: Writing) -> None:
        """A child that cannot be judged stays as it was, and keeps neither its parent nor its siblings from moving."""
        part = Writing()
        try:
            self._judge(id_, part)
            writing.touched += part.touched  # before it is taken: half of it is undone with the whole
        except Exception:
            part.undo()
            self._look_again(self._flows[id_])
            log.exception("%s could not be judged, and is looked at again", id_)
        else:
            writing.take(part)

    def _close_round(self, live: LiveFlow) -> bool | None:
        counted = live.counted
        whole, ended = close_round([unit.record for unit in counted])
        if ended:
            for unit in counted:
                unit.record = next_round(unit.record)
        return whole

    def _remember(self, live: LiveFlow, before: Standing, writing: Writing, *, moved: bool) -> None:
        if live.standing is before or live.standing == before:
            return
        values = dump_standing(live.standing, self._clocks())
        moved = moved or live.standing.shown is not before.shown or live.standing.deferred != before.deferred
        if moved or live.flow.id in writing.standings:  # a note would be written before what stands there
            writing.standings[live.flow.id] = values
            clocks = self._clocks()
            for name, unit in live.units.items():
                writing.units[name] = dump_record(unit.record, clocks)
        else:
            writing.notes[live.flow.id] = values

    def _record(
        self, live: LiveFlow, before: Standing, changes: tuple[Change, ...], at: float, writing: Writing
    ) -> None:
        """One entry for each state that everybody sees in turn."""
        if live.standing.shown is before.shown and not changes:
            return
        path = [before.shown, *(change.now for change in changes), live.standing.shown]
        deciding = live.picture(self._clock()).deciding
        for was, now in itertools.pairwise(path):
            if was is now:
                continue
            data: dict[str, Any] = {"was": was.value, "now": now.value}
            if live.standing.because:
                data["because"] = live.standing.because
            if deciding is not None and now not in (State.RESTORED, State.CONTAINED):
                data |= _cause(deciding.name, deciding.result)
            writing.entries.append(Entry(at, Event.STATE, live.flow.id, data))

    def _announce(
        self,
        live: LiveFlow,
        before: Standing,
        notices: Sequence[Notice],
        now: float,
        at: float,
        writing: Writing,
    ) -> bool:
        """What is to be told of what `page` decided; whether the standing must be remembered for it."""
        announcer = self._announcer
        announcer.silence_ran_out(live, before, at, writing)
        for notice in notices:
            if notice.status is Status.RESOLVED:
                announcer.ended(live, notice, now, at, writing)
        announcer.deferred(live, before, at, writing)
        opened = any(notice.status is Status.FIRING for notice in notices)
        told = announcer.follow(live, now, at, self._flows.stands, writing, opened=opened)
        return told or before.silence != live.standing.silence

    # what people say ------------------------------------------------------------------------------------------

    async def acknowledge(self, flow: str, *, by: str, note: str = "", until: float | None = None) -> Incident:
        """Somebody has taken the open page in hand. `until` in wall seconds; None: as long as it is open.

        Raises:
            LookupError: there is no such flow.
            NotNow: no page of it is open, or `until` is past.
        """
        now, at = self._clock(), self._wall()
        return await self._said(
            flow,
            lambda live, writing: self._announcer.acknowledge(live, now, at, writing, by=by, note=note, until=until),
        )

    async def silence(self, flow: str, *, until: float, by: str, why: str) -> Silence:
        """Planned work: no page of this flow until then (wall seconds), but for a breach. Probing goes on.

        Raises:
            LookupError: there is no such flow.
            NotNow: `until` is past, or more than 30 days away; or it is our own way out, below which every flow is:
                its page is the one that is told when no other is.
        """
        if flow == OWN_LINK and flow in self._flows:
            french = f"{OWN_LINK} n'est jamais mis en silence : tous les autres flux le seraient avec lui"
            raise NotNow(Words(french, f"{OWN_LINK} is never silenced: every other flow would be with it"))
        now, at = self._clock(), self._wall()
        return await self._said(
            flow, lambda live, writing: self._announcer.silence(live, now, at, writing, until=until, by=by, why=why)
        )

    async def unsilence(self, flow: str, *, by: str) -> None:
        """End the silence of this flow: what is due pages now.

        Raises:
            LookupError: there is no such flow.
            NotNow: it is not silenced.
        """
        at = self._wall()
        await self._said(flow, lambda live, writing: self._announcer.unsilence(live, at, writing, by=by))

    async def _said(self, flow: str, say: Callable[[LiveFlow, Writing], T]) -> T:
        """What `say` gives. Whoever is told of an exception has changed nothing, and may say it again."""
        live, writing = self._flows[flow], Writing()
        writing.touch(live)
        try:
            said = say(live, writing)
            writing.standings[flow] = dump_standing(live.standing, self._clocks())
            self._judge(flow, writing)
            await self._hand_over(writing)
        except Fatal:
            raise
        except Exception:
            writing.undo()
            raise
        self._show(writing)
        return said

    # to the store, and then to whoever looks -------------------------------------------------------------------

    async def _hand_over(self, writing: Writing) -> None:
        """Returns once it is durable. What it raises is the store's: of a Fatal, it was taken; else nothing of it was.

        Notes go with the transaction, if there is one: they are part of the same step.
        """
        for live, standing in writing.looked:
            if live.being_remembered:  # by another step: this one waits for it, and shows nothing sooner
                writing.standings[live.flow.id] = dump_standing(standing, self._clocks())
        gaps, self._gaps = self._gaps, []
        writing.entries[:0] = gaps
        if not writing:
            for flow, values in writing.notes.items():
                self._store.note(flow, values)
            return
        standings = {**writing.notes, **writing.standings}
        for live, _ in writing.looked:
            live.being_remembered += 1
        try:
            await self._store.commit(
                standings=standings, units=writing.units, entries=writing.entries, messages=writing.messages
            )
        except Exception:
            self._gaps[:0] = gaps
            raise
        finally:
            for live, _ in writing.looked:
                live.being_remembered -= 1

    def _show(self, writing: Writing, changed: UnitName | None = None, result: Result | None = None) -> None:
        """Each flow as this step left it: what a later one made of it may not be remembered yet.

        It is remembered, and raises nothing: whoever made the step goes on.
        """
        for entry in writing.entries:
            self._showing.log(entry)
        for id_ in writing.gone:
            self._showing.forget(id_)
        for live, standing in writing.looked:
            ours = changed is not None and changed.flow == live.flow.id
            try:
                picture = live.picture(self._clock(), standing)
            except Exception:
                self._look_again(live)
                log.exception("%s could not be shown, and is looked at again", live.flow.id)
            else:
                self._showing.show(picture, changed if ours else None, result if ours else None)

    def _clocks(self) -> Clocks:
        return Clocks(self._clock(), self._wall())


def _cause(name: UnitName, result: Result) -> dict[str, Any]:
    assert result.cause is not None  # noqa: S101 - a deciding unit has its cause
    return {
        "probe": name.probe,
        "target": name.target,
        "stage": result.stage.id if result.stage else None,
        "cause": result.cause.code,
        "side": result.cause.side.value,
        "detail": result.detail,
    }
