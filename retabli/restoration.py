"""The restoration machine: from units' outcomes to evidence, from evidence to a flow's standing. Pure.

    observe(record, result)            what one more run changes in a unit's record
    weigh(units, needed, now, policy)  what the units together say of an open flow; `weigh_closed` of a closed one
    advance(standing, evidence, at)    where that takes the flow: ONE table for every (state, evidence) pair

Rhythm, soak and staleness run on the monotonic clock; wall time only stamps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retabli.model.causes import Verdict
from retabli.model.flow import Policy
from retabli.model.probe import Probe
from retabli.model.record import Standing, UnitRecord
from retabli.model.result import Outcome, Result
from retabli.model.states import State

ROUNDS = 20  # how many rounds are looked back on
FLAPPING = 6  # this many of them not whole: a flapping flow is not green
CALM = 3  # fewer than this many: it is calm again
ANSWERING = (State.RESTORED, State.DEGRADED, State.RECOVERING)  # what a failure never proves
ANSWERS = 2  # answers in a row, the second tried at once, that make a breach


def staleness(probe: Probe) -> float:
    """Seconds after which an outcome is no evidence any more: three times the unit's rhythm, plus mail's `within`."""
    return 3 * probe.every + probe.patience


# A unit ------------------------------------------------------------------------------------------------------------


def observe(record: UnitRecord, result: Result, probe: Probe, *, closed: bool = False) -> UnitRecord:
    """One more run of this unit. `closed`: the flow's intent, for which an answer is the failure."""
    outcome, temporary_since = _within_budget(record, result, probe)
    if closed:
        outcome = _as_closure(record, outcome, probe)
    if outcome is Outcome.OK:
        learnt = _succeeded(record, result, probe)
    elif outcome is Outcome.FAILED:
        learnt = _failed(record, result)
    else:
        learnt = _not_judged(record, closed=closed)
    seen: dict[str, Any] = {
        "outcome": outcome,
        "at": result.ended,
        "temporary_since": temporary_since,
        "in_round": True,
        "flawed": record.flawed or outcome is Outcome.FAILED or (outcome is Outcome.OK and not result.whole),
        "unjudged": record.unjudged or outcome is Outcome.UNKNOWN,
    }
    return replace(record, **(seen | learnt))


def _within_budget(record: UnitRecord, result: Result, probe: Probe) -> tuple[Outcome, float | None]:
    """A temporary answer is unknown for `temporary` seconds since the first of its row, and only then a failure."""
    if result.outcome is not Outcome.UNKNOWN or result.cause is None or result.cause.verdict is not Verdict.TEMPORARY:
        judged = result.outcome is not Outcome.UNKNOWN
        return result.outcome, None if judged else record.temporary_since
    since = result.started if record.temporary_since is None else record.temporary_since
    return (Outcome.FAILED if result.ended - since >= probe.temporary else Outcome.UNKNOWN), since


def _as_closure(record: UnitRecord, outcome: Outcome, probe: Probe) -> Outcome:
    """What a run says of a flow that must stay shut: FAILED is an answer, OK is closure proven.

    Only a kind with controls of its own proves closure; a silence or a refusal seen by any other proves nothing.
    An answer that the next try does not repeat leaves the flow unknown, not proven.
    """
    if not probe.PROVES_CLOSURE:
        return Outcome.FAILED if outcome is Outcome.OK else Outcome.UNKNOWN
    if outcome is Outcome.OK and record.fails == 1:
        return Outcome.UNKNOWN
    return outcome


def _succeeded(record: UnitRecord, result: Result, probe: Probe) -> dict[str, Any]:
    """What a success changes in the record."""
    if record.fails and result.started < record.fail_started:
        # A mail that was sent before others were refused arrives: that keeps nothing green, and ends no streak.
        return {"outcome": record.judged}
    proves = result.cause is None or result.cause.proves
    blind = record.oks > 0 and result.ended - record.judged_at > staleness(probe)
    oks = 0 if blind else record.oks
    return {
        "judged": Outcome.OK,
        "judged_at": result.ended,
        "whole": result.whole,
        "oks": oks + 1 if proves else 0,
        "oks_first": record.oks_first if oks else result.beat,
        "oks_last": max(record.oks_last, result.beat) if oks else result.beat,
        "ok_started": max(record.ok_started, result.started),
        "fails": 0,
        "unknowns": 0,
    }


def _failed(record: UnitRecord, result: Result) -> dict[str, Any]:
    """What a failure changes in the record."""
    if result.started < record.ok_started:
        # A run that began before one that has since succeeded: its failure is older than that success. It spoils
        # the round, but says nothing of now.
        return {"outcome": record.judged}
    return {
        "judged": Outcome.FAILED,
        "judged_at": result.ended,
        "whole": False,
        "oks": 0,
        "fails": record.fails + 1,
        "fail_started": max(record.fail_started, result.started),
        "unknowns": 0,
    }


def _not_judged(record: UnitRecord, *, closed: bool) -> dict[str, Any]:
    """What a run that could not judge changes in the record."""
    unconfirmed_answer = closed and record.fails == 1
    if unconfirmed_answer:
        return {"judged": None, "fails": 0, "oks": 0, "unknowns": record.unknowns + 1}
    return {"unknowns": record.unknowns + 1}


def stands(record: UnitRecord, now: float) -> UnitRecord:
    """A verdict that stands without a new run, because trying again would lock an account."""
    return replace(record, at=now, judged_at=now, in_round=True, flawed=True)


def aged(record: UnitRecord, seconds: float) -> UnitRecord:
    """What was found out is so much older than the monotonic clock says, which stood still. Streaks, soak and budgets
    go on by the time in which somebody looked."""
    return replace(record, at=record.at - seconds, judged_at=record.judged_at - seconds)


# A flow's evidence -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weighed:
    """A counted unit on the scales: its record, and the seconds after which it is stale."""

    record: UnitRecord
    staleness: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the counted units say together. `holds` and `failing` exclude each other; neither: nothing is known.

    `proven`: `rise` successes in a row, over at least `soak`. `fallen`: `fall` failures in a row (of a closed flow:
    an answer, and a second one). `round`: the one that ended with this outcome was whole, or not; None: none ended.
    """

    holds: bool = False
    failing: bool = False
    proven: bool = False
    fallen: bool = False
    round: bool | None = None

    @property
    def known(self) -> bool:
        return self.holds or self.failing


def fresh(unit: Weighed, now: float) -> bool:
    """Whether the unit's latest judged outcome is young enough to be evidence."""
    return unit.record.judged is not None and now - unit.record.judged_at <= unit.staleness


def recent(unit: Weighed, now: float) -> bool:
    """Whether the unit's latest run, whatever it gave, is young enough to say why the flow is as it is."""
    return unit.record.outcome is not None and now - unit.record.at <= unit.staleness


def _says(unit: Weighed, now: float, policy: Policy) -> Outcome:
    """The unit's latest fresh outcome; unknown after `fall` runs in a row that could not judge."""
    if not fresh(unit, now) or unit.record.unknowns >= policy.fall or unit.record.judged is None:
        return Outcome.UNKNOWN
    return unit.record.judged


def weigh(units: Sequence[Weighed], needed: int, now: float, policy: Policy, *, ended: bool | None = None) -> Evidence:
    """The evidence of an open flow that needs `needed` of its units; `ended` is the round that just ended, if any."""
    ok = failed = risen = fallen = 0
    for unit in units:
        said = _says(unit, now, policy)
        ok += said is Outcome.OK
        failed += said is Outcome.FAILED
        risen += said is Outcome.OK and _risen(unit.record, policy)
        # Nor is a unit fallen that cannot be judged any more: the others' failures do not make up for that. Its own
        # failures are remembered, and count again with the next one.
        fallen += said is Outcome.FAILED and unit.record.fails >= policy.fall
    enough_to_fall = len(units) - needed + 1
    return Evidence(
        holds=bool(units) and ok >= needed,
        failing=bool(units) and failed >= enough_to_fall,
        proven=bool(units) and risen >= needed,
        fallen=bool(units) and fallen >= enough_to_fall,
        round=ended,
    )


def weigh_closed(units: Sequence[Weighed], now: float, policy: Policy) -> Evidence:
    """The evidence of a closed flow: every unit must prove closure, and one that answers twice is a breach.

    `proven` is what ends a breach: as of an open flow, `rise` in a row over at least `soak`. So a breach that lasted
    a second still shows for as long, and whoever looks once a minute sees it.
    """
    says = [_says(unit, now, policy) for unit in units]
    return Evidence(
        holds=bool(units) and all(said is Outcome.OK for said in says),
        failing=Outcome.FAILED in says,
        proven=bool(units)
        and all(said is Outcome.OK and _risen(unit.record, policy) for unit, said in zip(units, says, strict=True)),
        fallen=any(fresh(unit, now) and unit.record.fails >= ANSWERS for unit in units),
    )


def _risen(record: UnitRecord, policy: Policy) -> bool:
    """`rise` successes in a row, the first and the last at least `soak` apart."""
    return record.oks >= policy.rise and record.oks_last - record.oks_first >= policy.soak - 0.001


def close_round(records: Sequence[UnitRecord]) -> tuple[bool | None, bool]:
    """(whether the round that ended was whole, whether one ended).

    A round ends when every unit has given an outcome. One in which something could not be judged and nothing failed
    says nothing: a defect of ours moves no standing.
    """
    if not records or not all(record.in_round for record in records):
        return None, False
    if any(record.flawed for record in records):
        return False, True
    if any(record.unjudged for record in records):
        return None, True
    return True, True


def next_round(record: UnitRecord) -> UnitRecord:
    return replace(record, in_round=False, flawed=False, unjudged=False)


# The machine -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """The standing went from one state to another."""

    was: State
    now: State


def begin(intent: str, at: float) -> Standing:
    """The standing of a flow that nothing is known of yet."""
    state = State.DOWN if intent == "open" else State.UNKNOWN
    return Standing(state=state, since=at, intent=intent, shown=State.UNKNOWN, shown_since=at)


def _spoiled(standing: Standing, policy: Policy) -> bool:
    rounds = standing.rounds
    row = len(rounds) >= policy.fall and not any(rounds[-policy.fall :])
    return row or rounds.count(False) >= FLAPPING


def _mended(standing: Standing, policy: Policy) -> bool:
    rounds = standing.rounds
    return len(rounds) >= policy.rise and all(rounds[-policy.rise :]) and rounds.count(False) < CALM


Guard = Callable[[Standing, Evidence, Policy], bool]

# For each state, in order: when this holds, go there. A state or evidence without a row stays where it is.
TABLE: dict[State, tuple[tuple[Guard, State | None], ...]] = {
    State.DOWN: ((lambda _s, e, _p: e.holds, State.RECOVERING),),
    State.RECOVERING: (
        (lambda _s, e, _p: e.fallen, None),  # None: back to what it was before
        (lambda _s, e, _p: e.proven, State.RESTORED),
    ),
    State.RESTORED: (
        (lambda _s, e, _p: e.fallen, State.DROPPED),
        (lambda s, _e, p: _spoiled(s, p), State.DEGRADED),
    ),
    State.DEGRADED: (
        (lambda _s, e, _p: e.fallen, State.DROPPED),
        (lambda s, _e, p: _mended(s, p), State.RESTORED),
    ),
    State.DROPPED: ((lambda _s, e, _p: e.holds, State.RECOVERING),),
    State.UNKNOWN: (
        (lambda _s, e, _p: e.fallen, State.BREACHED),
        (lambda _s, e, _p: e.holds, State.CONTAINED),
    ),
    State.CONTAINED: ((lambda _s, e, _p: e.fallen, State.BREACHED),),
    State.BREACHED: ((lambda _s, e, _p: e.proven, State.CONTAINED),),
}


def advance(standing: Standing, evidence: Evidence, at: float, policy: Policy) -> tuple[Standing, tuple[Change, ...]]:
    """Where this evidence takes the standing, and the changes on the way (`at` in wall seconds).

    A standing that stays as it is comes back as the same object: most runs change nothing.
    """
    if evidence.round is not None:
        rounds = (*standing.rounds, evidence.round)[-ROUNDS:]
        if rounds != standing.rounds:
            standing = replace(standing, rounds=rounds)
    changes: list[Change] = []
    while (target := _next(standing, evidence, policy)) is not None:
        changes.append(Change(standing.state, target))
        standing = _enter(standing, target, at)
    return _show(standing, evidence, at), tuple(changes)


def _next(standing: Standing, evidence: Evidence, policy: Policy) -> State | None:
    for guard, target in TABLE[standing.state]:
        if guard(standing, evidence, policy):
            return standing.before if target is None else target
    return None


def _enter(standing: Standing, state: State, at: float) -> Standing:
    was = standing.state
    moved = replace(standing, state=state, since=at)
    if state is State.RECOVERING:
        return replace(moved, before=was)
    if state is State.RESTORED and was is State.RECOVERING:
        first = standing.first_restored_at
        # The rounds of the time when it was down say nothing about how whole it is now.
        return replace(moved, restored_at=at, first_restored_at=at if first is None else first, rounds=())
    if state is State.DROPPED and was in (State.RESTORED, State.DEGRADED):
        return replace(moved, drops=standing.drops + 1)
    if state is State.BREACHED:
        return replace(moved, breaches=standing.breaches + 1)
    return moved


def _show(standing: Standing, evidence: Evidence, at: float) -> Standing:
    """What everybody sees: the standing, or unknown while nothing is known.

    A contained flow that has answered once is not contained until the second try has spoken. And a flow of which
    nothing was known is not called restored, or recovering, because of a failure: it takes a success to be seen so
    again, and ends a page for blindness.
    """
    contained = standing.state is State.CONTAINED
    blind = standing.shown is State.UNKNOWN and standing.state in ANSWERING
    doubted = (contained or blind) and not evidence.holds
    if not evidence.known or doubted:
        if standing.shown is State.UNKNOWN:
            return standing
        return replace(standing, shown=State.UNKNOWN, shown_since=at)
    if standing.shown is standing.state and standing.shown_since == standing.since:
        return standing
    return replace(standing, shown=standing.state, shown_since=standing.since)
