"""The one writer: a thread that takes what waits, writes it in one transaction, and says so when it is durable."""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from retabli.store.facts import StoreError, StoreFailed
from retabli.store.faults import sentence
from retabli.store.transactions import Change, Transactions, Work, passes

AGAIN = 1.0  # seconds between two tries to have on the disk what is only in memory; a long try is followed by a longer
RATHER = 10.0  # … so many times as long as the try itself
UNTAKEN = 10.0  # seconds that work may wait when not even memory takes it; then the store has failed

log = logging.getLogger(__name__)


class Writer:
    """Several works that wait are one transaction and one flush to the disk; each is still whole or absent.

    While the disk takes nothing, works are done in memory (`trouble` says why) and acknowledged all the same: the
    daemon goes on watching and telling, and whoever asks for its health is told what that is worth.
    """

    def __init__(self, transactions: Transactions, path: Path) -> None:
        self._transactions = transactions
        self._path = path
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._in_hand: list[Work] = []
        self._untaken_since: float | None = None
        self._try_at = 0.0
        self._ended = False
        self.failure: StoreFailed | None = None
        self._thread = threading.Thread(target=self._live, name="store", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why what is acknowledged is only in memory, or None: it is on the disk."""
        return self._transactions.trouble

    def put(self, change: Change, *, durable: bool, reads: bool = False) -> "asyncio.Future[Any]":
        """Have this written, after all that was put before; the future's result is what `change` gives.

        The future raises StoreFailed if it could not be written. `reads`: it changes nothing.

        Raises:
            StoreFailed: the store was closed.
        """
        if self._ended:
            raise StoreFailed(f"{self._path}: the state was closed")
        done = asyncio.get_running_loop().create_future()
        self._queue.put(Work(change, durable, done, reads))
        if self.failure is not None:  # looked at after putting: a thread that ends meanwhile empties the queue itself
            self._refuse(self.failure)
        return done

    def end(self) -> None:
        """Take nothing more; write what waits, close the connection and end the thread."""
        self._ended = True
        self._queue.put(None)

    def join(self) -> None:
        """Blocks until the thread has ended."""
        self._thread.join()

    # in the thread --------------------------------------------------------------------------------------------

    def _live(self) -> None:
        failure: StoreFailed | None = StoreFailed(f"{self._path}: the writer of the state ended by a defect of its own")
        try:
            while self._turn():
                pass
            failure = None
        except StoreFailed as refused:
            failure = refused
        except (OSError, MemoryError, sqlite3.Error) as error:
            failure = StoreFailed(f"the state can no longer be written: {sentence(self._path, error)}")
        finally:
            self.failure = failure
            if failure is not None:
                _settle(self._in_hand, [], failure)
                self._refuse(failure)
            if self._transactions.held:
                log.critical("the state ends without the %d changes that were only in memory", self._transactions.held)
            with suppress(sqlite3.Error):
                self._transactions.connection.close()  # an open transaction is undone by this

    def _turn(self) -> bool:
        """One transaction. False when it was the last one."""
        works, last = self._take()
        self._in_hand += works
        if self._in_hand:
            self._write(last=last)
        if self.trouble is not None and (last or time.monotonic() >= self._try_at):
            began = time.monotonic()
            self._transactions.end()
            now = time.monotonic()
            self._try_at = now + max(AGAIN, RATHER * (now - began))
        return not last

    def _take(self) -> tuple[list[Work], bool]:
        """All that waits; at least one, or none once it is time to try again."""
        works: list[Work] = []
        again = AGAIN if self._in_hand or self.trouble is not None else None
        try:
            item = self._queue.get(timeout=again)
            while item is not None:
                works.append(item)
                item = self._queue.get_nowait()
        except queue.Empty:
            return works, False
        return works, True

    def _write(self, *, last: bool) -> None:
        """Do what is in hand, and say so; or keep it in hand for a while.

        Raises:
            sqlite3.Error, MemoryError: it cannot be done, or could not for UNTAKEN seconds.
        """
        works = self._in_hand
        try:
            results = self._transactions.write(works)
        except (MemoryError, sqlite3.Error) as error:
            since = self._untaken_since = self._untaken_since or time.monotonic()
            if last or not passes(error) or time.monotonic() - since >= UNTAKEN:
                raise
            return
        self._in_hand, self._untaken_since = [], None
        _settle(works, results, None)

    def _refuse(self, failure: StoreFailed) -> None:
        left: list[Work] = []
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is not None:
                left.append(item)
        _settle(left, [], failure)


def _settle(works: Sequence[Work], results: Sequence[Any], failure: StoreFailed | None) -> None:
    """Tell the loop. A loop that is closed has nobody left who waits."""
    if not works:
        return

    def tell() -> None:
        for place, work in enumerate(works):
            if work.done.done():
                continue  # whoever waited was cancelled; it is written all the same
            found = results[place] if failure is None else failure
            if isinstance(found, StoreError):
                work.done.set_exception(found)
            else:
                work.done.set_result(found)

    with suppress(RuntimeError):
        works[0].done.get_loop().call_soon_threadsafe(tell)
