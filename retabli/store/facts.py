"""The facts that the store gives back, and its two exceptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retabli.model.flow import UnitName
from retabli.model.record import Message
from retabli.model.result import Outcome
from retabli.model.run import Run
from retabli.supervisor import Fatal


class StoreError(Exception):
    """The state cannot be opened or read: a sentence for the operator, that names the file and what to do."""


class StoreDamaged(StoreError):
    """What is there is not whole, or cannot be read as what was written; `why` says what was found, in a few words.

    `foreign`: it may never have been a state of ours.
    """

    def __init__(self, said: str, why: str, *, foreign: bool = False) -> None:
        super().__init__(said)
        self.why = why
        self.foreign = foreign


class StoreFailed(StoreError, Fatal):
    """The state can no longer be written. Nothing that happens from now on would be remembered: the daemon must end."""


@dataclass(frozen=True, slots=True)
class Restored:
    """That this state is a copy, put in the place of one that was damaged or lost, and not yet told of.

    `at` is when it was put there and `until` the last moment that it knows, both in wall seconds; `why` what was found,
    `copy` and `aside` the names of the copy's file and of the damaged one, which is kept (None: it was gone).
    """

    at: float
    until: float
    why: str
    copy: str
    aside: str | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last daemon left. `last_seen` is the wall time at which it last wrote, None in a new state.

    `clean_stop`: it ended by itself, and was not killed.
    """

    standings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    units: Mapping[UnitName, tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=dict)
    last_seen: float | None = None
    clean_stop: bool = False
    restored: Restored | None = None


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the log as it is stored. `hash` is hexadecimal, over the hash of the row before and this row."""

    number: int
    at: float
    event: str
    flow: str | None
    data: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Which:
    """Which rows of the log: from `since` on and before `until` (wall seconds), of a flow, of these kinds of events."""

    since: float | None = None
    until: float | None = None
    flow: str | None = None
    events: tuple[str, ...] = ()  # none: all


ALL = Which()


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that waits for its channel. `attempts` have failed so far, the last one for the reason `error`.

    `begun`: an attempt may have got through, so that its receiver knows it by its key. `gathers`: how many messages
    it tells, 0 for one that is no group.
    """

    id: int
    message: Message
    attempts: int = 0
    error: str | None = None
    begun: bool = False
    gathers: int = 0


@dataclass(frozen=True, slots=True)
class Failing:
    """A channel that has accepted nothing since a wall time. `incident` is the page that says so, `told` who got it."""

    since: float
    reason: str
    incident: str | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """What a row of the log says of who watched and how a flow stood; `data` holds no more of it than that takes."""

    at: float
    event: str
    flow: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Past:
    """What is kept of a flow's runs, by unit: the newest, newest first, and the last of each outcome."""

    runs: Mapping[UnitName, Sequence[Run]]
    last: Mapping[UnitName, Mapping[Outcome, Run]]
