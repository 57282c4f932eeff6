"""The outbox as the daemon has it: what waits for which channel, in groups or alone, and which channels fail."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from retabli.model.record import Entry, Event, Message
from retabli.store.book import Book, Line, line
from retabli.store.encoding import text
from retabli.store.facts import Failing, OutboxRow
from retabli.store.reader import Reader
from retabli.store.transactions import Change

T = TypeVar("T")


class Outbox(ABC):
    """The store's part for the drain. Every writing raises StoreFailed when it could not be written."""

    @abstractmethod
    def _put(self, change: Change, *, durable: bool) -> "asyncio.Future[Any]":
        """Have this written, after all that was put before."""

    @abstractmethod
    async def _read(self, read: Callable[[Reader], T]) -> T:
        """Read beside the writer, and beside the loop."""

    # what waits -----------------------------------------------------------------------------------------------

    async def heads(self) -> list[OutboxRow]:
        """The message whose turn it is of every flow and channel."""
        return await self._read(Reader.heads)

    async def members(self, group: OutboxRow) -> list[OutboxRow]:
        """The messages that this group tells."""
        return await self._read(lambda reader: reader.members(group.id))

    async def pending(self) -> dict[str, int]:
        """How many messages wait, by channel."""
        return await self._read(Reader.pending)

    async def given(self, channel: str, incidents: Collection[str]) -> dict[str, list[Message]]:
        """What a channel was given of each of these incidents, in that order, but for their resolves."""
        return await self._read(lambda reader: reader.given(channel, incidents))

    async def over(self, incidents: Collection[str]) -> dict[str, Message]:
        """Those of these incidents whose resolve was ever put into the outbox, for whatever channel, and that."""
        return await self._read(lambda reader: reader.over(incidents))

    # attempts -------------------------------------------------------------------------------------------------

    async def begin(self, rows: Sequence[OutboxRow]) -> None:
        """Note, before they are tried, that these may be known by their keys from now on: they are never grouped.

        Durable: a power cut must not make a message that was given away look like one that can still be grouped.
        """
        numbers = [row.id for row in rows]
        await self._put(lambda book: book.begin(numbers), durable=True)

    async def told(self, row: OutboxRow, *entries: Entry, ends: Sequence[Message] = ()) -> bool:
        """The channel has accepted it: durable, with an entry in the log for each message that it told.

        `ends` are the resolves among these, for other channels: one that was given such a page in the place of a
        channel that could not take it gets its resolve too. Whether any did.
        """
        lines = [as_line(entry) for entry in entries]
        others = [(str(message.body.get("incident")), encoded(message)) for message in ends]

        def change(book: Book) -> bool:
            if not book.settle(row.id, "told", row.attempts + 1, None):
                return False
            book.settle_members(row.id, "told")
            book.log(lines)
            owed = [end for incident, end in others if book.owes_end(incident, end[1])]
            for end in owed:
                book.queue(*end)
            return bool(owed)

        return bool(await self._put(change, durable=True))

    async def retry(self, row: OutboxRow, error: str, *, last: bool = False) -> None:
        """An attempt failed. `last`: what waits behind it in its lane goes first from now on."""

        def change(book: Book) -> None:
            book.failed(row.id, row.attempts + 1, error)
            if last:
                book.put_back(row.id)

        await self._put(change, durable=False)

    async def set_aside(self, row: OutboxRow, error: str, entries: Sequence[Entry], instead: Sequence[Message]) -> None:
        """Its channel cannot take it, nor what it gathers; `instead` is told, but not twice to a channel that was
        given the same message."""
        lines = [as_line(entry) for entry in entries]
        queued = [encoded(message) for message in instead]

        def change(book: Book) -> None:
            if not book.settle(row.id, "aside", row.attempts, error):
                return
            book.settle_members(row.id, "aside")
            book.log(lines)
            for key, channel, flow, body in queued:
                if not book.has(key, channel):
                    book.queue(key, channel, flow, body)

        await self._put(change, durable=True)

    # groups ---------------------------------------------------------------------------------------------------

    async def gather(self, groups: Sequence[tuple[Message, Sequence[OutboxRow]]]) -> None:
        """Put each of these messages in the place of the rows that it tells, all in one transaction."""
        encoded_groups = [(encoded(message), [row.id for row in rows]) for message, rows in groups]

        def change(book: Book) -> None:
            for message, rows in encoded_groups:
                book.gather(*message, rows)

        await self._put(change, durable=True)

    async def fall_apart(
        self,
        group: OutboxRow,
        error: str,
        groups: Sequence[tuple[Message, Sequence[OutboxRow]]],
        alone: Sequence[OutboxRow],
    ) -> None:
        """Put smaller groups, and messages that are told alone, in the place of a group that its channel refuses."""
        smaller = [(encoded(message), [row.id for row in rows]) for message, rows in groups]
        single = [row.id for row in alone]

        def change(book: Book) -> None:
            if not book.settle(group.id, "aside", group.attempts, error):
                return
            book.release(single)
            for message, rows in smaller:
                book.gather(*message, rows)

        await self._put(change, durable=True)

    # channels -------------------------------------------------------------------------------------------------

    async def failing(self) -> Mapping[str, Failing]:
        """The channels that have accepted nothing for a while, as far as that is remembered."""
        return await self._read(Reader.failing)

    async def note_failing(self, channel: str, since: float, reason: str) -> None:
        """It fails, since that wall time if nothing earlier is known, for that reason."""
        await self._put(lambda book: book.failing(channel, since, reason), durable=False)

    async def report_failing(self, channel: str, incident: str, entry: Entry, messages: Sequence[Message]) -> None:
        """That it fails is told to others: durable, with its entry in the log."""
        row, queued = as_line(entry), [encoded(message) for message in messages]

        def change(book: Book) -> None:
            book.reported(channel, incident, [message.channel for message in messages])
            book.log([row])
            for message in queued:
                book.queue(*message)

        await self._put(change, durable=True)

    async def note_accepting(self, channel: str, entry: Entry | None = None, messages: Sequence[Message] = ()) -> None:
        """It accepts again, or is no more; whoever was told that it fails is told that too: durable if so."""
        rows = [as_line(entry)] if entry is not None else []
        queued = [encoded(message) for message in messages]

        def change(book: Book) -> None:
            book.accepts(channel)
            book.log(rows)
            for message in queued:
                book.queue(*message)

        await self._put(change, durable=bool(rows))


def as_line(entry: Entry) -> Line:
    return line(entry.at, Event(entry.event).value, entry.flow, dict(entry.data))


def encoded(message: Message) -> tuple[str, str, str, str]:
    return message.key, message.channel, message.flow, text(message.body)
