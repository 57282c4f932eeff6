"""The supervisor of the daemon's long-lived parts: one that dies is logged, counted and started again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

FIRST = 1.0  # seconds before a part's first restart; doubled at each death
LONGEST = 60.0  # seconds at most; a part that lived longer than this begins anew
GRACE = 5.0  # seconds that a part is given to end, once asked to

log = logging.getLogger("retabli.parts")

Part = Callable[[], Awaitable[None]]


class Fatal(Exception):
    """What no restart can mend, such as a store that cannot be written. It ends the process."""


class Supervisor:
    """Keeps parts alive. `count` is told the name of each part that is started again; where it raises, that is logged,
    and the part is started again all the same."""

    def __init__(
        self,
        count: Callable[[str], None] = lambda _: None,
        *,
        first: float = FIRST,
        longest: float = LONGEST,
        grace: float = GRACE,
    ) -> None:
        self._count = count
        self._first = first
        self._longest = longest
        self._grace = grace
        self._parts: dict[str, Part] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._restarts: dict[str, int] = {}
        self._fatal: asyncio.Future[Fatal] | None = None  # while parts are kept

    @property
    def restarts(self) -> Mapping[str, int]:
        """How often each part was started again."""
        return MappingProxyType(self._restarts)

    def keep(self, name: str, part: Part) -> None:
        """Keep `part()` running from now, or from the start of `run_until_stopped`. It should never return.

        Raises:
            ValueError: a part of that name is kept already.
        """
        if name in self._parts:
            raise ValueError(f"there is a part called {name} already")
        self._parts[name] = part
        self._restarts[name] = 0
        if self._fatal is not None:
            self._begin(name)

    async def run_until_stopped(self, stop: asyncio.Event) -> None:
        """Keep every part until `stop` is set; then end them, the last kept first, each within `grace` seconds.

        Raises:
            Fatal: as a part raised it, while it was kept or while it was ended; the others are ended first.
        """
        self._fatal = asyncio.get_running_loop().create_future()
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            for name in self._parts:
                self._begin(name)
            either: list[asyncio.Future[Any]] = [stopping, self._fatal]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            fatal, self._fatal = self._fatal, None
            stopping.cancel()
            last = await self._end()
            found = fatal.result() if fatal.done() else last
            fatal.cancel()
        if found is not None:
            raise found

    def _begin(self, name: str) -> None:
        task = asyncio.create_task(self._keep(name, self._parts[name]), name=name)
        task.add_done_callback(self._ended)
        self._tasks[name] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._fatal is None or self._fatal.done():
            return  # all parts are being ended
        if isinstance(error, Fatal):
            self._fatal.set_result(error)
            return
        name = task.get_name()
        asyncio.get_running_loop().call_later(self._first, self._begin_again, name)
        log.critical("%s: who keeps it died", name, exc_info=error)
        self._note(name, self._first)

    def _begin_again(self, name: str) -> None:
        """After whoever kept it died."""
        if self._fatal is None:
            return
        try:
            self._begin(name)
        except Exception:
            asyncio.get_running_loop().call_later(self._first, self._begin_again, name)
            raise

    async def _keep(self, name: str, part: Part) -> None:
        loop = asyncio.get_running_loop()
        pause = self._first
        while True:
            began = loop.time()
            await self._live(name, part)
            if self._fatal is None:
                return  # it was asked to end, and took its time
            if loop.time() - began > self._longest:
                pause = self._first
            self._note(name, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._longest)

    def _note(self, name: str, pause: float) -> None:
        try:
            self._restarts[name] += 1
            self._count(name)
            log.error("%s is started again in %g s (restart %d)", name, pause, self._restarts[name])
        except Exception:  # a shortage, say: it may be why the part died
            log.critical("%s is started again in %g s, which could not be counted", name, pause, exc_info=True)

    async def _live(self, name: str, part: Part) -> None:
        """One life of a part, whatever ends it; only a Fatal and our own cancellation leave here."""
        try:
            await part()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.error("%s died: something it awaited was cancelled", name, exc_info=True)
        except Exception as error:
            fatal = _fatal(error)
            if fatal is not None:
                log.critical("%s cannot go on, and so the daemon cannot", name)  # what it says is told at the end
                raise fatal from error
            log.exception("%s died", name)
        else:
            log.error("%s ended, though it never should", name)

    async def _end(self) -> Fatal | None:
        found = None
        for name, task in reversed(self._tasks.items()):
            task.cancel()
            _, going = await asyncio.wait({task}, timeout=self._grace)
            if going:
                log.error("%s did not end within %g s and is left behind", name, self._grace)
            elif not task.cancelled() and isinstance(error := task.exception(), Fatal):
                found = error
        self._tasks.clear()
        return found


def _fatal(error: Exception) -> Fatal | None:
    """The Fatal that this is, or that a task group wrapped."""
    if isinstance(error, Fatal):
        return error
    if isinstance(error, ExceptionGroup):
        return next((found for each in error.exceptions if (found := _fatal(each)) is not None), None)
    return None
