"""What this daemon's own machine lacks, by what probes met and a look each second: said once, and when it is over."""

import asyncio
import logging
import time
from collections.abc import Callable

from retabli.model import causes
from retabli.model.flow import UnitName
from retabli.model.record import Entry, FlowPicture
from retabli.model.result import Result
from retabli.model.stamps import iso
from retabli.net.descriptors import KEPT_FROM_PROBES, is_spare, lowest_free, most

LOOK = 1.0  # seconds between two looks
OVER = 15.0  # seconds without a sign of a shortage after which it is over
YOUNGER = 1_672_531_200.0  # 2023-01-01: no clock that is right is behind this program
LONG = 10.0  # seconds of a shortage after which the daemon no longer calls itself well: a burst is none

log = logging.getLogger("retabli.machine")


class Machine:
    """An outlet and a duty. `count` is told whether something lacks now. Times are the loop's clock.

    What probes cannot try for it is unknown, by the cause `local_resources`; this is where somebody is told.
    """

    def __init__(self, count: Callable[[bool], None], *, wall: Callable[[], float] = time.time) -> None:
        self._count = count
        self._wall = wall
        self._what = ""
        self._since: float | None = None  # of the shortage of now
        self._seen = 0.0

    def lacks(self, what: str) -> None:
        """A sign of a shortage: `what` could not be had."""
        now = asyncio.get_running_loop().time()
        self._what, self._seen = what, now
        if self._since is None:
            self._since = now
            self._count(True)
            log.error("our own machine lacks something: %s; what cannot be tried meanwhile is unknown", what)

    async def look(self) -> None:
        """A duty, every LOOK seconds."""
        try:
            lowest = lowest_free()
        except OSError as error:
            self.lacks(f"no open file is left ({error.strerror}; the limit is {most()})")
        else:
            if not is_spare(lowest, KEPT_FROM_PROBES):
                self.lacks(f"{lowest} of {most()} open files are used, and the last ones are kept for pages")
        if (wall := self._wall()) < YOUNGER:
            self.lacks(f"the right time (its clock says {iso(wall)}): certificates and stamps are judged by it")
        now = asyncio.get_running_loop().time()
        if self._since is not None and now - self._seen > OVER:
            log.warning("our own machine has again what it lacked, after %.0f s", self._seen - self._since)
            self._since = None
            self._count(False)

    def why_not(self) -> str | None:
        """What has been lacking for long, in a sentence; None: nothing."""
        if self._since is None or asyncio.get_running_loop().time() - self._since < LONG:
            return None
        return f"our own machine lacks something: {self._what}"

    # as an outlet ---------------------------------------------------------------------------------------------

    def show(self, _picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        if result is not None and result.cause is causes.LOCAL_RESOURCES:
            self.lacks(f"{changed}: {result.detail or result.cause.words['en']}")

    def skipped(self, picture: FlowPicture, name: UnitName) -> None: ...

    def forget(self, flow: str) -> None: ...

    def logged(self, entry: Entry) -> None: ...
