"""The log as pages and API read it: from the store, or from what is at hand where there is none."""

from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import Protocol

from retabli.model.record import Entry, Event
from retabli.model.stamps import in_calendar
from retabli.store import LogRow, Which
from retabli.store.facts import ALL
from retabli.view import Logged, View
from retabli.web.instants import unstamped

_EVENTS = {event.value: event for event in Event}


class LogBook(Protocol):
    """The whole log; what it is asked may take a moment, and waits for nobody's writing.

    Raises, each: retabli.store.StoreError, whose message is a sentence.
    """

    async def entries(self, which: Which = ..., *, limit: int = ..., before: int | None = ...) -> Sequence[LogRow]:
        """The newest rows first."""
        ...

    async def following(self, number: int, which: Which = ...) -> Sequence[LogRow]:
        """A page of the rows that come after this one, the oldest first; none: that was the last."""
        ...

    async def head(self) -> tuple[int, str]:
        """The number and the hash of the last row."""
        ...


class AtHand:
    """The rows that the view keeps; they have no hashes."""

    def __init__(self, view: View) -> None:
        self._view = view

    async def entries(self, which: Which = ALL, *, limit: int = 200, before: int | None = None) -> Sequence[LogRow]:
        rows = (row for row in self._rows(which) if before is None or row.number < before)
        return list(islice(rows, limit))

    async def following(self, number: int, which: Which = ALL) -> Sequence[LogRow]:
        return [row for row in self._rows(which) if row.number > number][::-1]

    async def head(self) -> tuple[int, str]:
        return next((row.number for row in self._rows(Which())), 0), ""

    def _rows(self, which: Which) -> "list[LogRow]":
        at_hand = list(self._view.entries(flow=which.flow))
        rows = (_row(each, len(at_hand) - place) for place, each in enumerate(at_hand))
        return [row for row in rows if _meant(row, which)]


def _row(logged_: Logged, number: int) -> LogRow:
    entry = logged_.entry
    return LogRow(logged_.number or number, entry.at, str(entry.event), entry.flow, entry.data, "")


def _meant(row: LogRow, which: Which) -> bool:
    early = which.until is None or row.at < which.until
    return early and (which.since is None or row.at >= which.since) and (not which.events or row.event in which.events)


def logged(row: LogRow) -> Logged:
    """A row that a later version wrote, of a kind that this one does not know, is shown by its name."""
    return Logged(Entry(in_calendar(row.at), _EVENTS.get(row.event, row.event), row.flow, row.data), row.number)


def wall(shown: float | None, view: View) -> float | None:
    """The wall time of an instant that somebody asked for, who knows only what is shown."""
    return None if shown is None else unstamped(shown, view)


async def following(book: LogBook, which: Which) -> AsyncIterator[Sequence[LogRow]]:
    """All rows, the oldest first, page by page; the loop breathes between them."""
    last = 0
    while rows := await book.following(last, which):
        yield rows
        last = rows[-1].number
