"""The outbox without its writer's thread: in simulated time no thread may be waited for. The tables are real."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from retabli.model.record import Entry, Message
from retabli.store.book import Book
from retabli.store.outbox import Outbox, as_line, encoded
from retabli.store.reader import Reader
from retabli.store.schema import open_for_writing
from retabli.store.transactions import Change

T = TypeVar("T")
BEGAN = 1_700_000_000.0


class Inline(Outbox):
    """`wall` follows the loop's clock; `jump` is how far somebody has set it."""

    def __init__(self, path: Path) -> None:
        self.jump = 0.0
        self._connection = open_for_writing(path)
        self._connection.execute("PRAGMA synchronous = OFF")  # no power is cut here
        self._book = Book(self._connection, self.wall)
        self._reader = Reader(path)

    def wall(self) -> float:
        return BEGAN + asyncio.get_running_loop().time() + self.jump

    def _put(self, change: Change, *, durable: bool) -> "asyncio.Future[Any]":
        self._connection.execute("BEGIN IMMEDIATE")
        result = change(self._book)
        self._book.close()
        self._connection.execute("COMMIT")
        done = asyncio.get_running_loop().create_future()
        done.set_result(result)
        return done

    async def _read(self, read: Callable[[Reader], T]) -> T:
        return read(self._reader)

    async def queue(self, *messages: Message, entries: Sequence[Entry] = ()) -> None:
        def change(book: Book) -> None:
            book.log([as_line(entry) for entry in entries])
            for message in messages:
                book.queue(*encoded(message))

        await self._put(change, durable=True)

    async def entries(self) -> list[Any]:
        return await self._read(lambda reader: list(reader.each()))

    def close(self) -> None:
        self._reader.close()
        self._connection.close()
