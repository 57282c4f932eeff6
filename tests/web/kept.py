"""A log as it is kept, in memory: for the tests of what reads it."""

from collections.abc import AsyncIterator, Callable, Sequence

from retabli.model.record import Entry, Event
from retabli.store import LogRow
from retabli.view import Logged
from retabli.web import Asked


class Kept:
    """`rows` from the oldest on; notes what it was asked."""

    def __init__(self, rows: Sequence[LogRow], *, fault: Exception | None = None) -> None:
        self._rows = rows
        self._fault = fault
        self.asked: list[tuple[Asked, int, int | None]] = []

    async def rows(self, asked: Asked, *, limit: int, before: int | None = None) -> Sequence[Logged]:
        self.asked.append((asked, limit, before))
        if self._fault is not None:
            raise self._fault
        found = [row for row in reversed(self._rows) if before is None or row.number < before]
        found = [row for row in found if _fits(row, asked)][:limit]
        events = {event.value: event for event in Event}
        return [Logged(Entry(row.at, events[row.event], row.flow, row.data), row.number) for row in found]

    async def head(self) -> tuple[int, str]:
        return self._rows[-1].number, self._rows[-1].hash

    async def pieces(self, asked: Asked, encode: Callable[[Sequence[LogRow]], bytes]) -> AsyncIterator[bytes]:
        found = [row for row in self._rows if _fits(row, asked)]
        for start in range(0, len(found), 2):
            yield encode(found[start : start + 2])


def _fits(row: LogRow, asked: Asked) -> bool:
    return (
        (asked.since is None or row.at >= asked.since)
        and (asked.until is None or row.at < asked.until)
        and (not asked.events or row.event in asked.events)
        and asked.flow in (None, row.flow)
    )
