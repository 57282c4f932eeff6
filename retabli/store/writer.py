"""The one writer: a thread that takes what waits, writes it in one transaction, and says so when it is durable."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retabli.store.book import Book
from retabli.store.facts import StoreFailed
from retabli.store.faults import sentence

Change = Callable[[Book], Any]


@dataclass(frozen=True, slots=True)
class Work:
    """A change, whether it must survive a power cut before it is acknowledged, and who waits for it."""

    change: Change
    durable: bool
    done: "asyncio.Future[Any]"


class Writer:
    """Several works that wait are one transaction and one flush to the disk; each is still whole or absent.

    `failed` is called on the loop, once, when nothing can be written any more.
    """

    def __init__(self, connection: sqlite3.Connection, book: Book, path: Path) -> None:
        self._connection = connection
        self._book = book
        self._path = path
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._in_hand: list[Work] = []
        self._ended = False
        self.failure: StoreFailed | None = None
        self._thread = threading.Thread(target=self._live, name="store", daemon=True)
        self._thread.start()

    def put(self, change: Change, *, durable: bool) -> "asyncio.Future[Any]":
        """Have this written, after all that was put before; the future's result is what `change` gives.

        The future raises StoreFailed if it could not be written.

        Raises:
            StoreFailed: the store was closed.
        """
        if self._ended:
            raise StoreFailed(f"{self._path}: the state was closed")
        done = asyncio.get_running_loop().create_future()
        self._queue.put(Work(change, durable, done))
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
            with suppress(sqlite3.Error):
                self._connection.close()  # an open transaction is undone by this

    def _turn(self) -> bool:
        """One transaction. False when it was the last one."""
        works, last = self._take()
        self._in_hand = works
        if works:
            results = self._write(works)
            self._in_hand = []
            _settle(works, results, None)
        return not last

    def _take(self) -> tuple[list[Work], bool]:
        """All that waits; at least one."""
        works: list[Work] = []
        item = self._queue.get()
        while item is not None:
            works.append(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return works, False
        return works, True

    def _write(self, works: Sequence[Work]) -> list[Any]:
        # In WAL mode FULL flushes at each commit; NORMAL only at checkpoints, and loses the newest in a power cut.
        durable = any(work.durable for work in works)
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._connection.execute("BEGIN IMMEDIATE")
        results = [work.change(self._book) for work in works]
        self._book.close()
        self._connection.execute("COMMIT")
        return results

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
            if failure is None:
                work.done.set_result(results[place])
            else:
                work.done.set_exception(failure)

    with suppress(RuntimeError):
        works[0].done.get_loop().call_soon_threadsafe(tell)
