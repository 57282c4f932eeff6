"""The facts that the store gives back, and its two exceptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retabli.model.flow import UnitName
from retabli.model.record import Message
from retabli.supervisor import Fatal


class StoreError(Exception):
    """The state cannot be opened or read: a sentence for the operator, that names the file and what to do."""


class StoreFailed(StoreError, Fatal):
    """The state can no longer be written. Nothing that happens from now on would be remembered: the daemon must end."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last daemon left. `last_seen` is the wall time at which it last wrote, None in a new state.

    `clean_stop`: it ended by itself, and was not killed.
    """

    standings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    units: Mapping[UnitName, tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=dict)
    last_seen: float | None = None
    clean_stop: bool = False


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
