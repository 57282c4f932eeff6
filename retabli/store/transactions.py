"""The writer's transactions: one a turn; and one that stays open in memory while the disk takes nothing."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retabli.store.book import Book
from retabli.store.facts import StoreError
from retabli.store.faults import sentence

Change = Callable[[Book], Any]

log = logging.getLogger(__name__)

# What may end by itself, or by somebody who makes room: https://www.sqlite.org/rescode.html, primary codes.
PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
}


def passes(error: Exception) -> bool:
    return isinstance(error, MemoryError) or getattr(error, "sqlite_errorcode", -1) & 0xFF in PASSING


@dataclass(frozen=True, slots=True)
class Work:
    """A change, whether it must survive a power cut before it is acknowledged, and who waits for it.

    `reads`: it changes nothing, and is there to see what is only in memory.
    """

    change: Change
    durable: bool
    done: "asyncio.Future[Any]"
    reads: bool = False


class Transactions:
    """On the writer's connection, in its thread.

    Once a transaction could not be written for a reason that may pass, what follows is done in a transaction that is
    kept open: SQLite has its pages in memory, and every read on this connection sees them. It is tried again to end
    it, and since a failed end undoes it, all its changes are made anew, in their order: they depend on nothing but
    the state. At last all of it is on the disk, or, if the process ends before, none.
    """

    def __init__(self, connection: sqlite3.Connection, wall: Callable[[], float], path: Path) -> None:
        self.connection = connection
        self.trouble: str | None = None
        self._wall = wall
        self._path = path
        self._book = Book(connection, wall)
        self._held: list[Change] = []
        self._since = 0.0
        connection.execute("PRAGMA temp_store = MEMORY")  # nothing of a statement goes to a disk that may be full

    @property
    def held(self) -> int:
        """How many changes are only in memory."""
        return len(self._held)

    def write(self, works: Sequence[Work]) -> list[Any]:
        """What each of them gives; a StoreError in the place of a read that failed.

        Raises:
            sqlite3.Error, MemoryError: none of it is done. One that `passes`: not even in memory, for now.
        """
        if self.trouble is None:
            try:
                return self._write(works)
            except (MemoryError, sqlite3.Error) as error:
                if not passes(error):
                    raise
                self._begin_to_hold(error)
        return self._hold(works)

    def end(self) -> bool:
        """Try to have on the disk what is held; whether it is.

        Raises:
            sqlite3.Error: for a reason that does not pass.
        """
        try:
            self._take_up()
            self._book.close()
            self.connection.execute("COMMIT")
        except (MemoryError, sqlite3.Error) as error:
            self._undo()
            if not passes(error):
                raise
            return False
        log.warning(
            "the state is written again, after %.0f s: %d changes that were only in memory are on the disk",
            time.monotonic() - self._since,
            len(self._held),
        )
        self._held.clear()
        self.trouble = None
        self.connection.execute("PRAGMA cache_spill = ON")
        return True

    # bits -----------------------------------------------------------------------------------------------------

    def _write(self, works: Sequence[Work]) -> list[Any]:
        self._begin(durable=any(work.durable for work in works))
        results = [self._do(work) for work in works]
        self._book.close()
        self.connection.execute("COMMIT")
        return results

    def _do(self, work: Work) -> Any:
        """What the change gives; a read that fails is a matter of whoever reads, and gives what it raised."""
        try:
            return work.change(self._book)
        except StoreError as error:
            if not work.reads:
                raise
            return error

    def _begin(self, *, durable: bool) -> None:
        # In WAL mode FULL flushes at each commit; NORMAL only at checkpoints, and loses the newest in a power cut.
        self.connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self.connection.execute("BEGIN IMMEDIATE")

    def _begin_to_hold(self, error: Exception) -> None:
        self._undo()
        self._since = time.monotonic()
        self.trouble = sentence(self._path, error)
        log.error("the state cannot be written, and goes on in memory until it can be: %s", self.trouble)
        self.connection.execute("PRAGMA cache_spill = OFF")

    def _hold(self, works: Sequence[Work]) -> list[Any]:
        try:
            self._take_up()
            results = [self._do(work) for work in works]
        except BaseException:
            self._undo()
            raise
        self._held += [work.change for work in works if not work.reads]
        return results

    def _take_up(self) -> None:
        """The open transaction, with all that is held in it."""
        if not self.connection.in_transaction:
            self._begin(durable=True)
            self._book = Book(self.connection, self._wall)  # the one before may have counted what was undone
            for change in self._held:
                change(self._book)

    def _undo(self) -> None:
        with suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
