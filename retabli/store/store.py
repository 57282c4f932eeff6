"""The store as the daemon has it: one writer in a thread of its own, reads beside it, nothing on the loop."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from retabli.model.flow import UnitName
from retabli.model.record import Entry, Message
from retabli.model.result import Result
from retabli.store.book import Book
from retabli.store.encoding import Row, UnitRow, as_row, text
from retabli.store.facts import ALL, LogRow, Remembered, StoreDamaged, StoreFailed, Which
from retabli.store.generations import folder_of
from retabli.store.lock import Lock
from retabli.store.outbox import Outbox, as_line, encoded
from retabli.store.place import Place
from retabli.store.reader import Reader
from retabli.store.restoring import TakingUp
from retabli.store.transactions import Change, Transactions
from retabli.store.writer import Writer

BATCH = 0.5  # seconds that a kept result waits for others, unless a commit comes first
BOUND = 20_000  # results that may wait for a slow disk; what comes beyond them is not kept (its record is)
DAY = 86400.0

log = logging.getLogger(__name__)
T = TypeVar("T")


class Store(Outbox):
    """Opened by `Store.open`, which takes the lock; ended by `close`.

    `commit` returns when all of it would survive a power cut, or is in memory while there is a `trouble`; `keep` and
    `note` never wait, and are written within half a second or with the next commit, whichever comes first, in the
    order in which they came.
    """

    def __init__(
        self, taking_up: TakingUp, lock: Lock, writer: Writer, reader: Reader, found: Remembered, within: Reader
    ) -> None:
        self.path = taking_up.path
        self.folder = taking_up.folder  # of its copies
        self._wall = taking_up.wall
        self._place = Place.of(self.path)
        self._lock = lock
        self._writer = writer
        self._reader = reader
        self._found = found
        self._within = within  # reads by the writer's connection, in its thread
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._failed = asyncio.Event()
        self._closed = False
        self._units: dict[UnitName, UnitRow] = {}
        self._standings: dict[str, str] = {}
        self._results: list[tuple[UnitName, Row]] = []
        self._waiting = 0  # results handed over and not yet written
        self._unkept = 0
        self._timer: asyncio.TimerHandle | None = None

    # opening and closing --------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        copies: Path | None = None,
        readable: Callable[[Remembered], None] = lambda _: None,
        wall: Callable[[], float] = time.time,
    ) -> "Store":
        """Make the state, or take up what is there, or the newest good copy of what is damaged or lost.

        `copies`: their folder, if it is not beside the state; `readable` raises ValueError, TypeError or LookupError
        for what cannot be taken up.

        Raises:
            StoreError: it cannot be written or is not ours, another daemon holds it, or there is no good copy.
        """
        taking_up = TakingUp(path, copies or folder_of(path), wall, readable)
        lock = Lock(path)
        try:
            opened = taking_up.open()
        except BaseException:
            lock.release()
            raise
        writer = Writer(Transactions(opened.connection, wall, path), path)
        within = Reader(path, wall, opened.connection)
        return cls(taking_up, lock, writer, opened.reader, opened.found, within)

    @classmethod
    def read(cls, path: Path) -> Reader:
        """Read beside a daemon that runs, or after it.

        Raises:
            StoreError: there is no state here that can be read.
        """
        return Reader(path)

    def load(self) -> Remembered:
        """What was found at the opening."""
        return self._found

    async def close(self) -> None:
        """Write what waits, note that this was a clean end, let go of the lock. Never raises; a second time is free."""
        if self._closed:
            return
        self._closed = True
        self._flush()
        self._put(lambda book: book.fact("clean_stop", 1), durable=True)
        await self._beside(Reader.close)  # before the writer: the last connection to close empties the write-ahead log
        self._writer.end()
        await asyncio.to_thread(self._writer.join)
        self._pool.shutdown()
        self._lock.release()

    @property
    def failure(self) -> StoreFailed | None:
        """Why nothing can be written any more, or None."""
        return self._writer.failure

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written for now, so that what happens is only in memory; None: it is on the disk."""
        return self._writer.trouble

    async def wait_failed(self) -> None:
        """Waits for the store to fail, and raises that.

        Raises:
            StoreFailed: the state can no longer be written.
        """
        await self._failed.wait()
        raise self._writer.failure or StoreFailed(f"{self.path}: the state can no longer be written")

    # the pipeline's side --------------------------------------------------------------------------------------

    async def commit(
        self,
        *,
        standings: Mapping[str, Mapping[str, Any] | None],
        units: Mapping[UnitName, Mapping[str, Any] | None],
        entries: Sequence[Entry],
        messages: Sequence[Message],
    ) -> None:
        """One durable transaction, all of it or nothing; None forgets the flow or the unit.

        Raises:
            StoreFailed: it could not be written.
        """
        new_standings = {flow: None if values is None else text(values) for flow, values in standings.items()}
        new_units = {name: None if values is None else text(values) for name, values in units.items()}
        lines = [as_line(entry) for entry in entries]
        queued = [encoded(message) for message in messages]

        def change(book: Book) -> None:
            for flow, standing in new_standings.items():
                book.standing(flow, standing)
            for name, record in new_units.items():
                book.unit(name, record)
            book.log(lines)
            for message in queued:
                if not book.has(message[0], message[1]):  # it may have been given it in the place of another
                    book.queue(*message)

        if self.trouble is None:
            self._flush()
        else:
            self._bring_up_to_date(new_standings, new_units)
        await self._put(change, durable=True)

    def _bring_up_to_date(self, standings: Mapping[str, str | None], units: Mapping[UnitName, str | None]) -> None:
        """In a trouble batches wait for its end, lest they pile up in memory: of what is committed meanwhile they must
        then hold nothing older."""
        for flow in standings:
            self._standings.pop(flow, None)
        for name, record in units.items():
            if name in self._units and record is not None:
                self._units[name] = replace(self._units[name], record=record)
            else:
                self._units.pop(name, None)

    def keep(self, name: UnitName, record: Mapping[str, Any], memory: Mapping[str, Any], result: Result | None) -> None:
        """A unit's record and memory, and the result that changed them, if it was one."""
        self._units[name] = UnitRow(name, text(record), text(memory))
        if result is not None:
            if self.trouble is not None:
                pass  # said elsewhere: the history has a hole as long as the disk takes nothing
            elif len(self._results) + self._waiting < BOUND:
                self._results.append((name, as_row(result)))
            else:
                self._unkept += 1
                if self._unkept == 1:
                    log.warning("the disk is too slow for the results: some are judged and shown, but not kept")
        self._soon()

    def note(self, flow: str, standing: Mapping[str, Any]) -> None:
        """A standing that moved within its state."""
        self._standings[flow] = text(standing)
        self._soon()

    def _soon(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(BATCH, self._flush_unless_busy)

    def _flush_unless_busy(self) -> None:
        """A batch that is still being written is waited for: a slow disk makes larger batches, not a longer queue."""
        self._timer = None
        if self._waiting or self.trouble is not None:
            self._soon()
        else:
            self._flush()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not (self._units or self._standings):
            return
        units, standings, results = list(self._units.values()), self._standings, self._results

        def change(book: Book) -> None:
            book.units(units)
            for flow, standing in standings.items():
                book.standing(flow, standing)
            book.results(results)

        def written(_: "asyncio.Future[Any]") -> None:
            self._waiting -= max(1, len(results))

        # Only then: a batch that could not be put (for want of memory) waits for the next one, and is not waited for.
        self._put(change, durable=False).add_done_callback(written)
        self._units, self._standings, self._results = {}, {}, []
        self._waiting += max(1, len(results))

    def _put(self, change: Change, *, durable: bool) -> "asyncio.Future[Any]":
        future = self._writer.put(change, durable=durable)
        future.add_done_callback(self._look_for_failure)
        return future

    def _look_for_failure(self, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is not None:
            self._failed.set()

    async def touch(self) -> None:
        """Write that the daemon is there. Returns when that would survive a power cut.

        Raises:
            StoreFailed: it could not be written, or the file has left its place: what is written is found by nobody.
        """
        await self._put(lambda _: None, durable=True)
        gone = await self._read(lambda _: self._place.why_gone())
        if gone is not None:
            kept = await self._read(lambda reader: self._place.save(reader, self.folder, self._wall()))
            await self.give_up(f"{self.path} {gone}; {kept}")

    async def give_up(self, said: str) -> NoReturn:
        """Nothing is written from now on.

        Raises:
            StoreFailed: always.
        """
        failure = StoreFailed(said)

        def refuse(_: Book) -> None:
            raise failure

        await self._put(refuse, durable=False)
        raise failure

    async def tell_restored(self, entry: Entry, messages: Sequence[Message]) -> None:
        """That this state was restored is in the log, and waits to be told: it is not told of at the next start.

        Raises:
            StoreFailed: it could not be written.
        """
        row, queued = as_line(entry), [encoded(message) for message in messages]

        def change(book: Book) -> None:
            book.log([row])
            for message in queued:
                book.queue(*message)
            book.forget("restored")

        await self._put(change, durable=True)

    # reading --------------------------------------------------------------------------------------------------

    async def _read(self, read: Callable[[Reader], T]) -> T:
        """
        Raises:
            StoreFailed: what is there is damaged. What waits to be told could not be found any more: it must end.
        """
        try:
            if self.trouble is None:
                return await self._beside(read)
            found: T = await self._writer.put(lambda _: read(self._within), durable=False, reads=True)
        except StoreDamaged as error:
            await self.give_up(f"{self.path} was damaged while it was in use ({error.why})")
        return found

    async def _beside(self, read: Callable[[Reader], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, read, self._reader)

    async def entries(self, which: Which = ALL, *, limit: int = 200, before: int | None = None) -> list[LogRow]:
        """Rows of the log, the newest first. `before`: only those with a lower number."""
        return await self._read(lambda reader: reader.entries(which, limit=limit, before=before))

    async def following(self, number: int, which: Which = ALL) -> list[LogRow]:
        """A page of the rows that come after this one, the oldest first; none: that was the last."""
        return await self._read(lambda reader: reader.following(number, which))

    async def head(self) -> tuple[int, str]:
        """The number and the hash of the log's last row."""
        return await self._read(Reader.head)

    async def history(self, name: UnitName | str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest kept results of a unit, or of all units of a flow, newest first."""
        return await self._read(lambda reader: reader.history(name, limit))

    # letting go -----------------------------------------------------------------------------------------------

    async def prune(self, now: float, *, age: float = 30 * DAY, number: int = 2000) -> int:
        """Drop kept results older than `age` seconds or beyond the newest `number` of their unit, and what was told
        longer ago than `age` unless its page is still open; how many rows went. The log is never pruned. In small
        steps: no commit waits behind it.

        Raises:
            StoreFailed: it could not be written.
        """
        if self.trouble is not None:
            return 0  # it makes no room on a disk that takes nothing
        units = await self._read(Reader.units)
        before = now - age
        gone = 0
        for start in range(0, len(units), 20):
            gone += await self._repeat(
                partial(Book.prune_results, units=units[start : start + 20], before=before, number=number)
            )
        return gone + await self._repeat(partial(Book.prune_outbox, before=before))

    async def _repeat(self, step: Callable[[Book], int]) -> int:
        """Until there is nothing more to do."""
        total = 0
        while done := int(await self._put(step, durable=False)):
            total += done
        return total
