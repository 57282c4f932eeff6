"""When each unit beats: a heap of what is to come, armed on the loop's own clock shortly before it is due."""

import asyncio
import hashlib
import heapq
import itertools
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

from retabli.model.flow import UnitName
from retabli.net.hearing import quiet
from retabli.scheduler.unit import Unit

HORIZON = 2.5  # seconds armed ahead: the plan, each second, may be late by more than one before a start is
RATE = 200.0  # starts a second at most, where many are due at once: at the start, and after a stall
LATE = 1.0  # seconds: a beat overdue by more was stalled, and is paced
GENTLE = 0.1  # seconds between two first beats where there are few
TOLD = 10  # missed beats of one unit at most: a process that was frozen for a night is not to count for minutes
OPENING = 3.0  # seconds in which all have had their first, where the rate allows
TOGETHER = 16.0  # beats in one slot, on average, at most: the last of them is as late as all others take to begin
LONGEST_SLOT = 1 / 8  # seconds
PATIENCE = 3  # turns of the loop that a beat waits at most while the network speaks

log = logging.getLogger("retabli.scheduler")


def slot_for(rate: float) -> float:
    """How far apart beats are laid when there are `rate` a second: a power of two of seconds, which intervals keep.

    A process that wakes for each run pays most of its time for waking: its caches are cold. A handful of runs that
    begin in the same instant cost half as much each.
    """
    slot = LONGEST_SLOT
    while slot * rate > TOGETHER:
        slot /= 2
    return slot


def place(name: UnitName, every: float, slot: float) -> float:
    """Where in its interval a unit beats, in seconds: by its name, and on a slot; where that is 0, anywhere."""
    if not slot:
        return fraction(name) * every
    return math.floor(fraction(name) * every / slot) * slot


def fraction(name: UnitName) -> float:
    """Where in its interval a unit beats, in [0, 1): by its name, so the same after every start."""
    digest = hashlib.blake2b(str(name).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


class Beats:
    """Calls `beat(unit, due)` at each unit's due times, and `missed(name)` for each that a stall swallowed.

    Due times are seconds of the loop's clock, so a jump of the wall clock is not felt. The first beats come soon and
    spread out; every later one lies on the unit's own grid, which neither overruns nor stalls displace.

    A shortage (of memory, say) can be met at any line here. It costs the beat in hand: each unit stays in the heap,
    armed or not, so that the next plan finds those that are not, and the plan sends for what is due and unserved.
    """

    def __init__(self, beat: Callable[[Unit, float], None], missed: Callable[[UnitName], None]) -> None:
        self._beat = beat
        self._missed = missed
        self._heap: list[tuple[float, int, Unit]] = []  # each unit once, by when the plan is to look at it
        self._due: deque[tuple[Unit, float, float]] = deque()  # the unit, its due time, and since when it waits here
        self._coming: asyncio.Handle | None = None  # who comes for the first of these
        self._served = -math.inf  # when the last of them was
        self._tickets = itertools.count()
        self._until = -math.inf
        self._patience = PATIENCE
        self._pace = -math.inf

    @property
    def waits_since(self) -> float | None:
        """Since when none of the beats that are due and wait was served; None: none waits.

        A machine that serves them late serves them: whoever ended the daemon for that would only make it later.
        """
        return max(self._due[0][2], self._served) if self._due else None

    def begin(self, units: Iterable[Unit]) -> None:
        """Give these their first beats: from now, at a bounded rate, in an order that their names decide."""
        now = asyncio.get_running_loop().time()
        order = sorted(units, key=lambda unit: unit.phase / unit.every)
        step = max(1 / RATE, min(GENTLE, OPENING / max(len(order), 1)))
        for number, unit in enumerate(order):
            unit.due = now + number * step
            heapq.heappush(self._heap, (unit.due, next(self._tickets), unit))

    def plan(self) -> None:
        """Arm what falls due within the horizon. To be called each second; late calls only bring late starts."""
        now = asyncio.get_running_loop().time()
        self._until = now + HORIZON
        try:
            while self._heap and self._heap[0][0] < self._until:
                self._look_at(self._heap[0][2], now)
        finally:
            if self._due:  # whoever was on the way may have been lost
                self._send_for_next()

    def remove(self, unit: Unit) -> None:
        """It beats no more."""
        unit.gone = True  # what lies in the heap is dropped when it comes up
        if unit.armed is not None:
            unit.armed.cancel()
            unit.armed = None

    def _look_at(self, unit: Unit, now: float) -> None:
        """Arm the first of the heap if nobody has, and lay it where it is to be looked at again."""
        if unit.gone:
            heapq.heappop(self._heap)
            return
        if unit.armed is not None and unit.armed.when() < now - HORIZON:  # it was called, and could not come
            unit.armed.cancel()
            unit.armed = None
        if unit.armed is None:
            self._arm(unit, now)
        again = max(self._until, following(unit))  # until then it arms itself
        heapq.heapreplace(self._heap, (again, next(self._tickets), unit))

    def _arm(self, unit: Unit, now: float) -> None:
        when = unit.due
        if when < now - LATE:
            self._catch_up(unit, now)
            when = self._pace = max(now, self._pace + 1 / RATE)
        unit.armed = asyncio.get_running_loop().call_at(when, self._fire, unit)

    def _catch_up(self, unit: Unit, now: float) -> None:
        """Of the beats that a stall swallowed only the last, which is then the unit's due one, is made up for."""
        lost = math.floor((now - following(unit)) / unit.every) + 1
        if lost <= 0:
            return
        unit.due = following(unit) + (lost - 1) * unit.every
        try:
            for _ in range(min(lost, TOLD)):
                self._missed(unit.name)
        except Exception:  # that they are not counted stops none of those to come
            log.exception("%s: %d beats that it missed are not all counted", unit.label, lost)

    def _fire(self, unit: Unit) -> None:
        due, unit.armed = unit.due, None
        now = asyncio.get_running_loop().time()
        self._catch_up(unit, now)  # this run makes up for them
        unit.due = following(unit)
        if unit.due < self._until:
            self._arm(unit, now)
        self._due.append((unit, due, now))
        if self._coming is None:
            self._send_for_next()

    def _send_for_next(self) -> None:
        before, self._coming = self._coming, None
        if before is not None:
            before.cancel()  # two on the way would take two beats at a turn
        self._coming = asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """One beat at a turn of the loop, and what the network says meanwhile is dealt with before the next one: no run
        is to measure how long the others of its slot take."""
        self._coming = None
        loop = asyncio.get_running_loop()
        if self._patience and not quiet(loop):
            self._patience -= 1
            self._coming = loop.call_soon(self._next)
            return
        self._patience = PATIENCE
        unit, due, _ = self._due.popleft()
        self._served = loop.time()
        if self._due:
            self._coming = loop.call_soon(self._next)
        if not unit.gone:
            self._beat(unit, due)


def following(unit: Unit) -> float:
    """The first time on the unit's grid that lies at least half an interval after its due one."""
    return unit.phase + math.ceil((unit.due + unit.every / 2 - unit.phase) / unit.every) * unit.every
