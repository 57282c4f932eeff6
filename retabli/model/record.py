"""What is remembered: standings, units' streaks, the log's entries, the messages of the outbox. Facts only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from retabli.model.flow import Flow, UnitName
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.model.states import State


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What one unit's runs have shown so far. Times are monotonic seconds; `oks_first`/`oks_last` are beats.

    `outcome` is the latest run's, the `temporary` budget applied; `judged` the latest that was ok or failed.
    """

    outcome: Outcome | None = None
    at: float = 0.0
    judged: Outcome | None = None
    judged_at: float = 0.0
    whole: bool = False  # of the latest judged
    oks: int = 0
    oks_first: float = 0.0
    oks_last: float = 0.0
    ok_started: float = -1.0  # when the latest ok run began: a failure of an older run is old news
    fails: int = 0
    fail_started: float = -1.0  # … and the latest failed one: a success of an older run is no proof of the present
    unknowns: int = 0
    temporary_since: float | None = None
    in_round: bool = False  # it has given an outcome since the last round ended
    flawed: bool = False  # … and one of them failed, or was not whole
    unjudged: bool = False  # … and one of them could not be judged


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has taken a page in hand: nobody is reminded of it or called further, until this ends.

    `at` and `until` are wall times, `ends` is `until` on the monotonic clock. None: as long as the page is open.
    """

    by: str
    at: float
    note: str = ""
    until: float | None = None
    ends: float | None = None

    def holds(self, now: float, at: float) -> bool:
        """Whichever clock comes first: one that was set back prolongs nothing. `now` monotonic, `at` wall."""
        return self.until is None or (at < self.until and (self.ends is None or now < self.ends))


@dataclass(frozen=True, slots=True)
class Silence:
    """Planned work: pages of this flow wait until it ends. A breach never waits. Times as in Acknowledgement."""

    by: str
    why: str
    at: float
    until: float
    ends: float

    def holds(self, now: float, at: float) -> bool:
        return at < self.until and now < self.ends


@dataclass(frozen=True, slots=True)
class Incident:
    """A page that is open: from firing to resolve, whatever the state does meanwhile.

    `told` says when each channel was last given a message of it (monotonic seconds): those get its resolve too.
    """

    id: str
    reason: str  # dropped | breached | unknown | degraded (a warning, which is no page)
    opened_at: float  # wall
    opened: float = 0.0  # monotonic
    reminders: int = 0
    told: Mapping[str, float] = field(default_factory=dict)
    acknowledged: Acknowledgement | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(self.told)


@dataclass(frozen=True, slots=True)
class Standing:
    """What evidence has proved so far about a flow. Times are wall seconds, but `unknown_from` (monotonic).

    `state` is `unknown` only for a closed flow that was never proven. `before` is what `recovering` falls back to.
    `rounds` holds the last 20, newest last, True for a whole one.
    """

    state: State
    since: float
    intent: str = "open"
    before: State = State.DOWN
    first_restored_at: float | None = None
    restored_at: float | None = None
    drops: int = 0
    breaches: int = 0
    rounds: tuple[bool, ...] = ()
    shown: State = State.UNKNOWN  # what everybody sees: the state, or unknown
    shown_since: float = 0.0
    unknown_from: float | None = None
    incident: Incident | None = None
    deferred: str | None = None  # the reason of a page that waits for a parent's or a silence's end
    because: str | None = None  # the parent that explains this one's fall
    silence: Silence | None = None
    fingerprint: str = ""  # of the flow's probes; another one empties the streaks


class Event(StrEnum):
    """The kinds of entries in the log."""

    START = "start"
    STOP = "stop"
    GAP = "gap"
    COPY = "copy"  # the state was damaged or lost, and a copy of it is in its place
    CONFIG = "config"
    STATE = "state"
    INTENT = "intent"
    PAGE = "page"
    RESOLVE = "resolve"
    TOLD = "told"  # a channel has accepted a message
    ASIDE = "aside"  # a channel cannot take a message: it goes by another one
    DEFERRED = "deferred"  # a page that is due waits, for a parent or for the end of a silence
    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    LOGIN = "login"  # somebody who may act came in, or so many failed to


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the log, before it is numbered and chained. `data` holds JSON values only.

    `event` is an Event; a row that a later version wrote may be of a kind that this one does not know.
    """

    at: float
    event: str
    flow: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A page, a resolve or a reminder to one channel. `key` is the same for every attempt at the same message."""

    key: str
    channel: str
    flow: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnitPicture:
    """One unit as outlets show it. `fresh`: its latest ok or failed is young enough to be evidence."""

    name: UnitName
    probe: Probe
    record: UnitRecord
    result: Result | None
    fresh: bool

    @property
    def outcome(self) -> Outcome | None:
        """What its latest run gave, the `temporary` budget applied; None before the first run of this process."""
        if self.result is None:
            return None
        spent = self.result.outcome is Outcome.UNKNOWN and self.record.outcome is Outcome.FAILED
        return Outcome.FAILED if spent else self.result.outcome


@dataclass(frozen=True, slots=True)
class Deciding:
    """The unit that decides a flow's cause, and what it fell from."""

    name: UnitName
    result: Result


@dataclass(frozen=True, slots=True)
class Closure:
    """What the latest round of a closed flow proved, and its controls (None: not evaluated).

    `declared`: that the target is alive is the operator's word, and was not measured.
    """

    proven: bool
    path: bool | None = None
    alive: bool | None = None
    declared: bool = False


@dataclass(frozen=True, slots=True)
class FlowPicture:
    """One flow as outlets show it: complete, so that no outlet asks anybody else."""

    flow: Flow
    standing: Standing
    units: tuple[UnitPicture, ...]
    verified: tuple[str | None, int, int]  # the stage's id, the rung, of how many
    deciding: Deciding | None
    closure: Closure | None = None

    @property
    def state(self) -> State:
        return self.standing.shown

    @property
    def since(self) -> float:
        return self.standing.shown_since

    def counts(self) -> dict[str, int]:
        """Units by outcome (stale and never run are unknown), and how many there are."""
        counted = [unit for unit in self.units if unit.probe.counts]
        ok = sum(unit.fresh and unit.record.outcome is Outcome.OK for unit in counted)
        failed = sum(unit.fresh and unit.record.outcome is Outcome.FAILED for unit in counted)
        return {"ok": ok, "failed": failed, "unknown": len(counted) - ok - failed, "of": len(counted)}

    @property
    def whole_ratio(self) -> float | None:
        rounds = self.standing.rounds
        return sum(rounds) / len(rounds) if rounds else None
