"""The loop's watch: measures how late the loop runs, and notices when the wall clock jumps under it."""

import asyncio
import logging
import time
from collections.abc import Callable

JUMP = 1.0  # seconds between two looks at the wall clock that the monotonic clock did not see
GAP = 5.0  # … after which what was found out before them is so much older

log = logging.getLogger("retabli.clock")


class LoopWatch:
    """Wakes every `period` seconds by the loop's own clock, which no setting of the date can move.

    `stalled` is told by how many seconds each waking was late. `attend` is called at each waking with the seconds that
    the wall clock jumped since the last one (0.0: it did not); what it raises ends the watch. `boot` counts as the
    loop's clock does, and while the machine sleeps too (suspended, or a snapshot that was resumed): that is a stall.
    `unwatched` is told of seconds that have passed for everybody but the loop's clock, and whether the machine slept
    for sure: one that its hypervisor has paused shows it by the wall clock alone, which somebody may have set as well.
    """

    def __init__(
        self,
        stalled: Callable[[float], None],
        attend: Callable[[float], None],
        unwatched: Callable[[float, bool], None] = lambda _seconds, _asleep: None,
        *,
        wall: Callable[[], float] = time.time,
        boot: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        period: float = 0.1,
    ) -> None:
        self._stalled = stalled
        self._attend = attend
        self._unwatched = unwatched
        self._wall = wall
        self._boot = boot
        self._period = period

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        offset, lag = self._wall() - loop.time(), self._boot() - loop.time()
        while True:
            due = loop.time() + self._period
            await asyncio.sleep(self._period)
            now = loop.time()
            woke, lag = lag, self._boot() - now
            slept = lag - woke if lag - woke > JUMP else 0.0
            if slept:
                log.warning("the machine slept for %.1f s: nothing was watched meanwhile", slept)
            self._stalled(max(0.0, now - due) + slept)
            was, offset = offset, self._wall() - now  # followed at each look: a clock that is slewed does not jump
            jump = offset - was
            if abs(jump) <= JUMP:
                jump = 0.0
            else:
                log.warning("the wall clock jumped by %+.1f s", jump)
            if (unwatched := max(slept, jump)) >= GAP:
                self._unwatched(unwatched, slept >= GAP)
            self._attend(jump)
