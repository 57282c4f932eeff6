"""What pages ask for that is not on view: the point of situation at any moment of the log."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from config.configuration import Configuration
from retabli.report import Situation, body, compose, from_view, replay, shown, written
from retabli.store import Reader, StoreError
from retabli.view import Courses, View

ROWS = 500_000  # of the log, that the courses of flows are taken from: seconds of a start, not minutes
LONGEST = 20.0  # seconds that one of them takes at most: nobody waits any longer
AT_ONCE = 2  # long reads of the whole log that run together: they share the machine with the probes

log = logging.getLogger("retabli")


@dataclass(frozen=True, slots=True)
class Records:
    """`_state` is where the log is, from the start to the end: another place needs a restart.

    `_configuration` is that of now: a reload gives another one.
    """

    _view: View
    _state: Path
    _configuration: Callable[[], Configuration]
    # Threads of their own: whoever asks leaves before a long read ends, and what is shared serves the probes, too.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "report"))

    def courses(self) -> Courses:
        """The course of each flow, from the whole log; for a thread. Without it they begin with this start."""
        courses = Courses()
        try:
            with Reader(self._state) as reader:
                for move in reader.moves(ROWS):
                    courses.follow(move)
        except StoreError as error:
            log.warning("time lines begin now: the log cannot be read as a whole: %s", error)
            return Courses()
        return courses

    async def report(
        self, *, language: str, form: str, public: bool, at: float | None, since: float | None = None
    ) -> str:
        """As it is now, from what is shown; as it was, from the whole log, read beside the loop."""
        now = time.time()
        if (at is not None and at > now) or (since is not None and since >= (now if at is None else at)):
            raise LookupError("that moment is in the future, of which nothing is known")
        before = None if since is None else await self._then(since)
        situation = from_view(self._view) if at is None else await self._then(at)
        report = compose(situation, language, public=public, before=before)
        return str(body(report)) if form == "body" else written(report, form)

    async def _then(self, at: float) -> Situation:
        reading = asyncio.get_running_loop().run_in_executor(self._threads, self._situation, at)
        return shown(await reading, self._view.stamp)

    def _situation(self, at: float) -> Situation:
        with Reader(self._state) as reader, reader.within(LONGEST):
            return replay(reader.each(), self._configuration().flows, self._view.site, at)
