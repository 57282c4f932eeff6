"""A flow as it runs: its units' records and latest results, its standing, and the picture that outlets are shown."""

from dataclasses import dataclass, field, replace
from typing import Any

from retabli.model.flow import Flow, UnitName
from retabli.model.probe import Probe
from retabli.model.record import Closure, Deciding, FlowPicture, Standing, UnitPicture, UnitRecord
from retabli.model.result import Outcome, Result
from retabli.model.states import Intent, State
from retabli.paging import DEGRADED
from retabli.restoration import Evidence, Weighed, aged, fresh, recent, staleness, weigh, weigh_closed

NEVER = float("inf")


@dataclass(slots=True)
class LiveUnit:
    name: UnitName
    probe: Probe
    staleness: float
    record: UnitRecord = field(default_factory=UnitRecord)
    memory: dict[str, Any] = field(default_factory=dict)
    result: Result | None = None

    @property
    def weighed(self) -> Weighed:
        return Weighed(self.record, self.staleness)


@dataclass(frozen=True, slots=True)
class Before:
    """All that a judgement changes of a flow, as it was before it."""

    standing: Standing
    doubted: bool
    looked_at: float
    follow_up: float
    overdue: float
    records: tuple[UnitRecord, ...]  # of the counted units: a judgement ends their round


@dataclass(slots=True)
class LiveFlow:
    """The one mutable thing in the pipeline; everything that decides is given facts and gives facts back."""

    flow: Flow
    standing: Standing
    units: dict[UnitName, LiveUnit]
    doubted: bool = False  # failing, restored until now, and under confirmation: a child's page waits for the verdict
    looked_at: float = float("-inf")  # monotonic: when it was last judged
    queued_for: float = float("inf")  # monotonic: when the sweep will come back
    follow_up: float = float("inf")  # monotonic: when an open page is to be looked at again
    overdue: float = float("inf")  # monotonic: when to look again, after a judgement of it was undone
    being_remembered: int = 0  # steps whose transaction is under way: until then nobody is shown what they made of it
    counted: tuple[LiveUnit, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.counted = tuple(unit for unit in self.units.values() if unit.probe.counts)

    @classmethod
    def of(cls, flow: Flow, standing: Standing) -> "LiveFlow":
        units = {name: LiveUnit(name, probe, staleness(probe)) for name, probe in flow.units()}
        return cls(flow, standing, units)

    def before(self) -> Before:
        records = tuple(unit.record for unit in self.counted)
        return Before(self.standing, self.doubted, self.looked_at, self.follow_up, self.overdue, records)

    def put_back(self, before: Before) -> None:
        """`queued_for` stays: it is sooner than need be at most, and the sweep finds that out."""
        self.standing, self.doubted = before.standing, before.doubted
        self.looked_at, self.follow_up, self.overdue = before.looked_at, before.follow_up, before.overdue
        for unit, record in zip(self.counted, before.records, strict=True):  # what was found out meanwhile stays
            unit.record = replace(
                unit.record,
                in_round=record.in_round or unit.record.in_round,
                flawed=record.flawed or unit.record.flawed,
                unjudged=record.unjudged or unit.record.unjudged,
            )

    def age(self, seconds: float) -> None:
        for unit in self.units.values():
            unit.record = aged(unit.record, seconds)

    def weigh(self, now: float, ended: bool | None = None) -> Evidence:
        weighed = [unit.weighed for unit in self.counted]
        if self.flow.intent is Intent.CLOSED:
            return weigh_closed(weighed, now, self.flow.policy)
        return weigh(weighed, self.flow.needed, now, self.flow.policy, ended=ended)

    def doubt(self, evidence: Evidence) -> None:
        self.doubted = evidence.failing and self.standing.state in (State.RESTORED, State.DEGRADED)

    def next_look(self) -> float:
        """The next instant at which time alone can change something: evidence that grows stale, a page that falls due;
        or the instant at which a judgement that was undone is made again.

        Infinity when there is none.
        """
        if self.overdue < NEVER:
            return self.overdue  # whatever else is due, and none of it sooner: it would fall again at once, without end
        standing, looked_at, soonest = self.standing, self.looked_at, NEVER
        for unit in self.counted:
            record = unit.record
            if record.judged is not None:
                soonest = _sooner(record.judged_at + unit.staleness, soonest, looked_at)
            if record.outcome is Outcome.UNKNOWN:  # what it lacked then is no reason of now for ever
                soonest = _sooner(record.at + unit.staleness, soonest, looked_at)
        paged = standing.incident is not None and standing.incident.reason != DEGRADED
        if standing.unknown_from is not None and not paged:
            soonest = _sooner(standing.unknown_from + self.flow.policy.page_unknown_after, soonest, looked_at)
        if standing.silence is not None:
            soonest = _sooner(standing.silence.ends, soonest, looked_at)
        return _sooner(self.follow_up, soonest, looked_at)

    def picture(self, now: float, standing: Standing | None = None) -> FlowPicture:
        """As it is, or with a `standing` that it had."""
        standing = standing or self.standing
        units = tuple(
            UnitPicture(unit.name, unit.probe, unit.record, unit.result, fresh(unit.weighed, now))
            for unit in self.units.values()
        )
        return FlowPicture(
            flow=self.flow,
            standing=standing,
            units=units,
            verified=_verified(units),
            deciding=self._deciding(units, standing, now),
            closure=_closure(units, standing) if self.flow.intent is Intent.CLOSED else None,
        )

    def _deciding(self, units: tuple[UnitPicture, ...], standing: Standing, now: float) -> Deciding | None:
        """The unit whose cause is the flow's: the one that fell lowest, else one that cannot judge, else one impaired.

        A flow that is unknown is so for what could not be judged, or for failures that are enough to fail it and wait
        to be confirmed: a partner's failure that it could bear is no reason for that. What a unit gave too long ago is
        none at all.
        """
        counted = [
            (unit, unit.result)
            for unit in units
            if unit.probe.counts and unit.result is not None and recent(self.units[unit.name].weighed, now)
        ]
        failed = [pair for pair in counted if pair[0].fresh and pair[0].record.outcome is Outcome.FAILED]
        unknown = [pair for pair in counted if pair[0].record.outcome is Outcome.UNKNOWN]
        impaired = [pair for pair in counted if pair[1].outcome is Outcome.OK and not pair[1].whole]
        if standing.shown is State.UNKNOWN:
            groups = [unknown, failed if self._fails(len(failed)) else []]
        elif standing.shown is State.CONTAINED:
            groups = [failed, unknown]
        else:
            groups = [failed, unknown, impaired]
        for group in groups:
            with_cause = [pair for pair in group if pair[1].cause is not None]
            if with_cause:
                unit, result = min(with_cause, key=lambda pair: _rank(pair[1]))
                return Deciding(unit.name, result)
        return None

    def _fails(self, failed: int) -> bool:
        """Whether so many failed units are enough to fail it."""
        return failed > (0 if self.flow.intent is Intent.CLOSED else len(self.counted) - self.flow.needed)


def _sooner(ends: float, soonest: float, looked_at: float) -> float:
    return ends if looked_at < ends < soonest else soonest


def _rank(result: Result) -> tuple[float, int]:
    return result.rung / max(result.of, 1), result.rung


def _failing(units: tuple[UnitPicture, ...]) -> list[Result]:
    return [
        unit.result
        for unit in units
        if unit.probe.counts and unit.result is not None and unit.fresh and unit.record.judged is Outcome.FAILED
    ]


def _verified(units: tuple[UnitPicture, ...]) -> tuple[str | None, int, int]:
    """Among failing units the lowest rung reached over its ladder; if none fails, the longest ladder climbed."""
    failing = _failing(units)
    if failing:
        result = min(failing, key=_rank)
    else:
        climbed = [unit.result for unit in units if unit.probe.counts and unit.result is not None and unit.fresh]
        if not climbed:
            return None, 0, max((len(unit.probe.climbs()) for unit in units), default=0)
        result = max(climbed, key=lambda each: each.rung)
    held = [rung.stage.id for rung in result.rungs if rung.cause is None]
    return (held[-1] if held else None), result.rung, result.of


def _closure(units: tuple[UnitPicture, ...], standing: Standing) -> Closure:
    def control(name: str) -> bool | None:
        said = [unit.result.properties.get(f"control_{name}") for unit in units if unit.result is not None]
        known = [value == "passes" for value in said if value in ("passes", "fails")]
        return all(known) if known else None

    declared = any(unit.result is not None and "alive_declared" in unit.result.properties for unit in units)
    return Closure(standing.shown is State.CONTAINED, control("path"), control("alive"), declared)
