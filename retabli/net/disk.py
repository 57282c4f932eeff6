"""Calls to file systems that may hang (a share whose server is gone): each in a daemon thread of its own, and few.

A hung call cannot be ended. It must neither use up the loop's small pool of threads, in which pages wait too, nor hold
up the end of the process.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import TypeVar

from retabli.model import causes
from retabli.model.ladder import Fall

MOST = 32

T = TypeVar("T")


class Disk:
    """At most `most` calls at a time, the hung ones included."""

    def __init__(self, most: int = MOST) -> None:
        self._free = threading.BoundedSemaphore(most)

    async def call(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises. A cancellation leaves it behind. Raises besides what `begin` does."""
        return await asyncio.wrap_future(self.begin(work))

    def begin(self, work: Callable[[], T]) -> Future[T]:
        """What `work` will give or raise; nobody can take it back.

        Raises:
            Fall: `local_resources` when too many calls hang already.
        """
        if not self._free.acquire(blocking=False):
            raise Fall(causes.LOCAL_RESOURCES, "too many calls to file systems hang")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            threading.Thread(target=self._work, args=(future, work), name="disk", daemon=True).start()
        except RuntimeError as error:  # can't start new thread
            self._free.release()
            raise Fall(causes.LOCAL_RESOURCES, str(error)) from error
        return future

    async def within(self, seconds: float, work: Callable[[], T]) -> T:
        """`call`, for what is read before anybody else is waited for: a deadline that fell there would be a partner's.

        Raises:
            Fall: `file_unreadable` when it has not come back by then; `local_resources`.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self.call(work)
        except TimeoutError:
            raise Fall(causes.FILE_UNREADABLE, f"no answer within {seconds:g} s: its disk hangs") from None

    def _work(self, future: Future[T], work: Callable[[], T]) -> None:
        try:
            try:
                result = work()
            finally:
                self._free.release()
        except BaseException as error:  # noqa: BLE001 - carried to whoever awaits it, never swallowed
            future.set_exception(error)
        else:
            future.set_result(result)


@cache
def disk() -> Disk:
    """A process has one set of file systems, and so one bound on what hangs in them."""
    return Disk()
