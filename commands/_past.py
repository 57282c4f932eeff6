"""The runs that the state keeps, for the pages that ask: read beside the loop, within bounds of rows and of time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from retabli.store import Past, Reader, StoreError
from retabli.web import HistoryUnreadable

SECONDS = 1.0  # that a read may take, the wait for its turn included
MOST = 4000  # runs of one flow that are read together
THREADS = 2
WAITING = 8  # reads beyond which nobody waits: the disk is slow, and more of them make it no faster

T = TypeVar("T")


class KeptRuns:
    """Over the state at a path. A read that cannot be made in time fails; nothing waits for it any longer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="history")
        self._under_way = 0

    async def past(self, flow: str, *, each: int) -> Past:
        return await self._in_time(lambda reader: reader.past(flow, each=each, most=MOST))

    async def runs(self, flow: str, *, limit: int) -> Sequence[Mapping[str, Any]]:
        return await self._in_time(lambda reader: reader.history(flow, min(limit, MOST)))

    async def _in_time(self, read: Callable[[Reader], T]) -> T:
        if self._under_way >= WAITING:
            raise HistoryUnreadable("too many reads of the state wait already")
        try:
            reading = asyncio.get_running_loop().run_in_executor(self._pool, self._read, read)
        except RuntimeError as error:  # can't start new thread
            raise HistoryUnreadable(str(error)) from error
        self._under_way += 1
        reading.add_done_callback(self._over)
        done, _ = await asyncio.wait({reading}, timeout=SECONDS)
        if not done:  # it counts as under way until its thread is free again
            raise HistoryUnreadable("the state took too long to read")
        try:
            return reading.result()
        except StoreError as error:
            raise HistoryUnreadable(str(error)) from error

    def _read(self, read: Callable[[Reader], T]) -> T:
        with Reader(self._path) as reader, reader.within(SECONDS):
            return read(reader)

    def _over(self, reading: "asyncio.Future[T]") -> None:
        self._under_way -= 1
        if not reading.cancelled():
            reading.exception()  # whoever waited has left already: nobody is to be told of it

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
