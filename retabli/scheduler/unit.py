"""A unit as it runs: its runs under way, its place in time, and what its earlier runs have taught."""

import asyncio
import math
from array import array
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from retabli.model.flow import Policy, UnitName
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.stages import Stage
from retabli.scheduler.credentials import Refusals

KEPT = 100  # runs that were ok, of which the usual time is the 99th percentile
LEAST = 0.25  # seconds: a run is not suspected sooner
EQUAL = 0.001  # seconds: a run that takes just as long as the others did does not outlive them
PRESUMED = 1.0  # seconds: the usual time of a unit that has not been ok yet


class UsualTimes:
    """How long this unit usually takes: seconds of its last ok runs, and their p99 (nearest rank)."""

    __slots__ = ("_next", "_ordered", "_seconds", "usual")

    def __init__(self) -> None:
        self._seconds = array("d")
        self._ordered = array("d")
        self._next = 0
        self.usual = PRESUMED + EQUAL

    def learn(self, seconds: float) -> None:
        if len(self._seconds) < KEPT:
            self._seconds.append(seconds)
        else:
            del self._ordered[bisect_left(self._ordered, self._seconds[self._next])]
            self._seconds[self._next] = seconds
            self._next = (self._next + 1) % KEPT
        insort(self._ordered, seconds)
        rank = math.ceil(0.99 * len(self._ordered))
        self.usual = max(LEAST, self._ordered[rank - 1]) + EQUAL


class Place(Enum):
    """Where a run is with regard to the bounds on how many may be under way."""

    NONE = auto()
    QUEUE = auto()
    BUSY = auto()
    PATIENT = auto()


@dataclass(slots=True, eq=False)
class Run:
    """One run of a unit, from its beat until it is judged. Times are monotonic seconds."""

    unit: "Unit"
    beat: float
    asked: float  # when it was to begin, and began to wait for a place if there was none
    confirming: bool = False
    place: Place = Place.NONE
    ladder: Ladder | None = None
    task: asyncio.Task[None] | None = None
    outlives: asyncio.TimerHandle | None = None  # when it will have outlived the unit's usual time
    judging: bool = False  # its climb is over; its result is being remembered, and must not be lost


@dataclass(slots=True, eq=False)
class Doubt:
    """A failure, or a run that takes unusually long, is being confirmed."""

    since: float  # when the first doubtful run was asked for
    last: float | None = None  # when the latest confirmation was
    timer: asyncio.TimerHandle | None = None  # the next confirmation
    unjudged: int = 0  # runs that ended unknown since the latest failure


@dataclass(slots=True, eq=False)
class Unit:
    """`phase` is where in its interval a unit beats: seconds in [0, every) after the monotonic clock's zero."""

    name: UnitName
    probe: Probe
    policy: Policy
    memory: dict[str, Any]
    stages: tuple[Stage, ...]
    refusals: Refusals
    every: float
    phase: float
    label: str
    due: float = math.inf
    armed: asyncio.TimerHandle | None = None
    runs: set[Run] = field(default_factory=set)
    times: UsualTimes = field(default_factory=UsualTimes)
    doubt: Doubt | None = None
    looking: bool = False  # at whether a refused credential has changed
    gone: bool = False

    @property
    def beating(self) -> int:
        """How many ordinary runs are under way or wait for a place."""
        return sum(not run.confirming for run in self.runs)
