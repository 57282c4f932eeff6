"""Times in which this process stood still: what a run gave that went through one says nothing of its target."""

import asyncio
from collections import deque
from dataclasses import replace
from itertools import takewhile

from retabli.model import causes
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result, Rung

SHORT = 0.1  # seconds: a shorter one is the bustle of a busy loop, and is not counted
SPOILING = 0.25  # seconds of them together, below which no run is spoilt, however short its deadline
NOTED = 4096  # stalls that are remembered: at their most frequent, those of the last ten minutes and more


class Stalls:
    """A machine that is frozen (a snapshot, a migration) wakes with the deadlines of all its runs past.

    Those of one mail flow alone would be failures enough to drop it. `woke` is to be called several times a second.
    """

    def __init__(self) -> None:
        self._woke: float | None = None
        self._stalls: deque[tuple[float, float]] = deque(maxlen=NOTED)  # (when it was noticed, seconds)
        self._unwatched = float("-inf")  # when the last gap was noticed in which nobody looked

    def woke(self, late: float) -> None:
        """The loop runs, and came `late` seconds later than it was to."""
        self._woke = asyncio.get_running_loop().time()
        if late >= SHORT:
            self._stalls.append((self._woke, late))

    def unwatched(self, seconds: float) -> None:
        """So much time has passed for everybody else: an answer that is taken in now may be as old as that."""
        self.woke(seconds)
        self._unwatched = asyncio.get_running_loop().time()

    @property
    def last_woke(self) -> float | None:
        """When the loop last gave a sign, on its own clock; None while nobody calls `woke`."""
        return self._woke

    def rest(self) -> None:
        """Nobody calls `woke` for a while."""
        self._woke = None

    def judge(self, probe: Probe, result: Result) -> Result:
        """The result, or one that could not be judged if too much of the run was spent standing still.

        Many short ones spoil a run as one long one does: they are counted together.

        A refused credential stays one, whatever else happened: accounts lock. So does an answer, which is a success
        of most kinds and the failure of those that prove closure; what may have been a silence is not believed. After
        a gap in which nobody looked no success is either: nobody knows from when it is.
        """
        refused = result.cause is not None and result.cause.credential
        silence = Outcome.OK if probe.PROVES_CLOSURE else Outcome.FAILED
        old = result.outcome is Outcome.OK and result.started < self._unwatched
        if refused or not (old or result.outcome is silence):
            return result
        still = self._since(result.started)
        if still < max(SPOILING, probe.deadline / 2):
            return result
        rungs = tuple(Rung(each.stage, each.seconds, each.cause and causes.LOCAL_STALL) for each in result.rungs)
        return replace(
            result,
            outcome=Outcome.UNKNOWN,
            rungs=rungs,
            cause=causes.LOCAL_STALL,
            detail=f"for {still:.1f} s",
            whole=False,
        )

    def _since(self, started: float) -> float:
        """Seconds that it stood still since then; the stall that just ended may not have been noticed by `woke` yet."""
        now = asyncio.get_running_loop().time()
        just_now = 0.0 if self._woke is None else now - self._woke
        during = takewhile(lambda stall: stall[0] >= started, reversed(self._stalls))
        noticed = sum(seconds for _, seconds in during)
        return noticed + (just_now if just_now >= SPOILING else 0.0)
