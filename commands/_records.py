"""What pages ask for that is not on view: rows of the log, and the point of situation at any moment of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from config.configuration import Configuration
from retabli.model.record import Entry, Event
from retabli.report import Situation, body, compose, from_view, replay, shown, written
from retabli.store import LogRow, Reader, Store
from retabli.view import Logged, View
from retabli.web import Asked

PIECE = 200  # rows of an export that are read and written in one go
AT_ONCE = 2  # long reads of the whole log that run together: they share the machine with the probes
_EVENTS = {event.value: event for event in Event}


@dataclass(frozen=True, slots=True)
class Records:
    """`_configuration` is that of now: a reload gives another one."""

    _store: Store
    _view: View
    _configuration: Callable[[], Configuration]
    _long: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def rows(self, asked: Asked, *, limit: int, before: int | None = None) -> Sequence[Logged]:
        found = await self._store.entries(
            since=asked.since, until=asked.until, flow=asked.flow, events=asked.events, limit=limit, before=before
        )
        return [logged(row) for row in found]

    async def head(self) -> tuple[int, str]:
        return await self._store.head()

    async def pieces(self, asked: Asked, encode: Callable[[Sequence[LogRow]], bytes]) -> AsyncIterator[bytes]:
        """By a connection of its own, in other threads: the pages' own reads never wait for it."""

        def next_piece(rows: Iterator[LogRow]) -> bytes:
            taken = list(islice(rows, PIECE))
            return encode(taken) if taken else b""

        reader = await asyncio.to_thread(Reader, self._store.path)
        step: asyncio.Task[bytes] | None = None
        try:
            rows = reader.each(since=asked.since, until=asked.until, flow=asked.flow, events=asked.events)
            while True:
                async with self._long:
                    step = asyncio.create_task(asyncio.to_thread(next_piece, rows), name="log-export")
                    piece = await asyncio.shield(step)
                if not piece:
                    return
                yield piece
        finally:
            if step is not None and not step.done():  # whoever asked has left: its thread still reads
                await asyncio.wait({step})
            reader.close()

    async def report(
        self, *, language: str, form: str, public: bool, at: float | None, since: float | None = None
    ) -> str:
        """As it is now, from what is shown; as it was, from the whole log, read beside the loop."""
        now = time.time()
        if (at is not None and at > now) or (since is not None and since >= (now if at is None else at)):
            raise LookupError("that moment is in the future, of which nothing is known")
        before = None if since is None else await self._then(since)
        situation = from_view(self._view) if at is None else await self._then(at)
        report = compose(situation, language, public=public, before=before)
        return str(body(report)) if form == "body" else written(report, form)

    async def _then(self, at: float) -> Situation:
        async with self._long:
            return shown(await asyncio.to_thread(self._situation, at), self._view.stamp)

    def _situation(self, at: float) -> Situation:
        with Reader(self._store.path) as reader:
            return replay(reader.each(), self._configuration().flows, self._view.site, at)


def logged(row: Any) -> Logged:
    """A row that a later version wrote, of a kind that this one does not know, is shown by its name."""
    return Logged(Entry(row.at, _EVENTS.get(row.event, row.event), row.flow, row.data), row.number)
