"""What pages ask for that is not on view: the point of situation at any moment of the log."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from config.configuration import Configuration
from retabli.report import Situation, body, compose, from_view, replay, shown, written
from retabli.store import LogRow, Reader, Store, StoreError
from retabli.view import Courses, View

ROWS = 500_000  # of the log, that the courses of flows are taken from: seconds of a start, not minutes
LONGEST = 20.0  # seconds that one of them takes at most: nobody waits any longer
AT_ONCE = 2  # long reads of the whole log that run together: they share the machine with the probes

log = logging.getLogger("retabli")


@dataclass(frozen=True, slots=True)
class Records:
    """`_configuration` is that of now: a reload gives another one."""

    _view: View
    _store: Store
    _configuration: Callable[[], Configuration]
    # Threads of their own: whoever asks leaves before a long read ends, and what is shared serves the probes, too.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "report"))

    def courses(self) -> Courses:
        """The course of each flow, from the whole log; for a thread. Without it they begin with this start."""
        courses = Courses()
        try:
            with Reader(self._store.path) as reader:
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
        situation = await self._now(None if public else since) if at is None else await self._then(at)
        report = compose(situation, language, public=public, before=before)
        return str(body(report)) if form == "body" else written(report, form)

    async def _now(self, since: float | None) -> Situation:
        """What is shown; and what was taken out of the configuration since then, of which only the log knows."""
        situation = from_view(self._view)
        if since is None:
            return situation
        return replace(situation, gone=(await self._then(time.time(), latest=True)).gone)

    async def _then(self, at: float, *, latest: bool = False) -> Situation:
        loop = asyncio.get_running_loop()

        def replayed(rows: Iterator[LogRow]) -> Situation:
            return replay(rows, self._configuration().flows, self._view.site, at, latest=latest)

        situation = None
        if self._store.trouble is None:
            situation = await loop.run_in_executor(self._threads, self._on_disk, replayed)
        if situation is None or self._store.trouble is not None:  # it may have begun while the file was read
            # The newest rows are then seen by the writer's connection alone.
            situation = await loop.run_in_executor(self._threads, lambda: replayed(self._held(loop)))
        return shown(situation, self._view.stamp)

    def _on_disk(self, replayed: Callable[[Iterator[LogRow]], Situation]) -> Situation:
        with Reader(self._store.path) as reader, reader.within(LONGEST):
            return replayed(reader.each())

    def _held(self, loop: asyncio.AbstractEventLoop) -> Iterator[LogRow]:
        """All rows, those included that are only in memory; page by page, for the writer has others to serve.

        Raises:
            StoreError: they cannot be read, or not in time.
        """
        ends, last = time.monotonic() + LONGEST, 0
        while rows := self._page_after(last, loop, ends - time.monotonic()):
            yield from rows
            last = rows[-1].number

    def _page_after(self, number: int, loop: asyncio.AbstractEventLoop, seconds: float) -> list[LogRow]:
        page = asyncio.run_coroutine_threadsafe(self._store.following(number), loop)
        try:
            return page.result(max(0.0, seconds))
        except (TimeoutError, futures.CancelledError) as error:  # or the daemon ends meanwhile
            page.cancel()
            raise StoreError(f"{self._store.path} took too long to read, while the disk takes nothing") from error
