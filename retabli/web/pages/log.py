"""The log (main courante) as a page at `/log`, the newest first; the same rows as CSV and JSON."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from retabli.model.record import Event
from retabli.store import StoreError, Which
from retabli.store.exports import MARK, Export
from retabli.view import Logged, View
from retabli.view.times import day
from retabli.web.access.visitor import visitor_of
from retabli.web.answers import streamed
from retabli.web.inert import inert
from retabli.web.instants import local_instant
from retabli.web.logbook import LogBook, following, logged
from retabli.web.pages.entries import EntryRow, entry_row
from retabli.web.pages.frame import Frame
from retabli.web.words import text

SHOWN = 200  # rows on one page
PATIENCE = 5.0  # seconds that the page waits for the store
EXPORTS = 8  # that run together: more would only make each other slow

KINDS = {
    "states": (Event.STATE, Event.INTENT),
    "on_call": (
        *(Event.PAGE, Event.RESOLVE, Event.ACKNOWLEDGE, Event.SILENCE),
        *(Event.DEFERRED, Event.TOLD, Event.ASIDE),
    ),
    # What people decided, were called for and took in hand, without what machines did meanwhile.
    "people": (Event.INTENT, Event.PAGE, Event.RESOLVE, Event.ACKNOWLEDGE, Event.SILENCE, Event.DEFERRED),
    "watch": (Event.START, Event.STOP, Event.GAP, Event.COPY, Event.CONFIG, Event.LOGIN),
}
FORMS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page is asked for, as it stands in its address: instants as a browser writes local ones."""

    flow: str = ""
    kind: str = ""
    since: str = ""
    until: str = ""

    def which(self, view: View) -> Which:
        """
        Raises:
            HTTPException: an instant is none, or there is no such kind.
        """
        if self.kind and self.kind not in KINDS:
            raise HTTPException(400, f"kind is one of {', '.join(KINDS)}")
        return Which(
            since=_instant("since", self.since, view),
            until=_instant("until", self.until, view, last=True),
            flow=self.flow or None,
            events=tuple(str(event) for event in KINDS[self.kind]) if self.kind else (),
        )

    def address(self, language: str | None, **more: object) -> str:
        """Where the same rows are found again; `language` where it is not the site's own."""
        said = {"flow": self.flow, "kind": self.kind, "since": self.since, "until": self.until, "lang": language}
        found = {name: value for name, value in {**said, **more}.items() if value}
        return f"/log?{urlencode(found)}" if found else "/log"


@dataclass(frozen=True, slots=True)
class Day:
    title: str
    entries: tuple[EntryRow, ...]


class LogPage:
    def __init__(self, frame: Frame, book: LogBook) -> None:
        self._frame = frame
        self._view = frame.view
        self._book = book
        self._exports = asyncio.Semaphore(EXPORTS)

    def route(self) -> Route:
        return Route("/log", self.get)

    async def get(self, request: Request) -> Response:
        """`flow`, `kind`, `since`, `until` choose the rows; `before` (a number) pages on; `format` is csv or json."""
        given = request.query_params
        asked = Asked(*(given.get(name) or "" for name in ("flow", "kind", "since", "until")))
        which = asked.which(self._view)
        form, before = given.get("format"), _number(given.get("before"))
        if form is None:
            return await self._page(request, asked, which, before)
        if form not in FORMS:
            raise HTTPException(400, "format is csv or json")
        language = self._frame.reading(request)[0]
        pieces = self._csv(which, language) if form == "csv" else self._json(which, language)
        if self._exports.locked():
            raise HTTPException(503, "several exports are running; try again in a minute", {"retry-after": "60"})
        response = streamed(request, self._counted(pieces), FORMS[form])
        response.headers["content-disposition"] = f'attachment; filename="retabli-log.{form}"'
        return response

    async def _page(self, request: Request, asked: Asked, which: Which, before: int | None) -> Response:
        language, query = self._frame.reading(request)
        view, other = self._view, language if query else None
        fault, head = "", (0, "")
        try:
            async with asyncio.timeout(PATIENCE):
                rows = await self._book.entries(which, limit=SHOWN + 1, before=before)
                head = await self._book.head()
        except StoreError as error:  # the page stands, with what is at hand
            fault, rows = inert(str(error)), ()
        except TimeoutError:
            fault, rows = text("log_slow", language), ()
        entries = [logged(row) for row in rows[:SHOWN]]
        titles = [(each.flow.id, inert(each.flow.title[language])) for each in view.pictures.values()]
        page = self._frame.render(
            "log.html",
            language,
            query,
            "/log",
            visitor_of(request),
            turned=self._frame.turned(request, "/log"),
            days=list(_days(entries, view, language)),
            titles=titles,
            kinds=tuple(KINDS),
            asked=asked,
            zone=str(view.site.zone),
            newest=asked.address(other) if before is not None else "",
            older=asked.address(other, before=rows[SHOWN - 1].number) if len(rows) > SHOWN else "",
            exports={form: asked.address(other, format=form) for form in FORMS},
            head=head,
            fault=fault,
            single=False,
        )
        return HTMLResponse(page)

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async with self._exports:  # those that were asked for together are looked at before any of them runs
            async for piece in pieces:
                yield piece

    # A page of rows is worded in a thread: the loop is not held for it.

    async def _csv(self, which: Which, language: str) -> AsyncIterator[bytes]:
        """As a spreadsheet of the reader's language opens it: a French one takes a comma for a decimal sign."""
        export, separator = self._export(language), ";" if language == "fr" else ","
        yield (MARK + export.heading(separator)).encode()
        async for rows in following(self._book, which):
            yield (await asyncio.to_thread(export.csv, rows, separator)).encode()

    async def _json(self, which: Which, language: str) -> AsyncIterator[bytes]:
        export, lead = self._export(language), "[\n"
        async for rows in following(self._book, which):
            lines = await asyncio.to_thread(export.json_lines, rows)
            yield (lead + lines).encode(errors="backslashreplace")  # half a character, as JSON writes it
            lead = ",\n"
        yield b"[]\n" if lead == "[\n" else b"\n]\n"

    def _export(self, language: str) -> Export:
        return Export(language, self._view.site.zone, self._view.stamp)


def _days(entries: Sequence[Logged], view: View, language: str) -> Iterator[Day]:
    zone = view.site.zone

    def date(each: Logged) -> str:
        return day(view.stamp(each.entry.at), zone, language)

    for title, of_day in groupby(entries, date):
        yield Day(title, tuple(_rows(of_day, view, language)))


def _rows(entries: Iterable[Logged], view: View, language: str) -> Iterator[EntryRow]:
    """The flows that one start or reload added are one row: they say nothing each by itself."""
    for added, run in groupby(entries, _is_added):
        rows = [entry_row(each, view, language) for each in run]
        if not added or len(rows) == 1:
            yield from rows
            continue
        titles = ", ".join(row.title for row in reversed(rows))
        said = f"{text('added', language, n=len(rows))}{text('colon', language)} {titles}"
        first = rows[0]
        yield EntryRow(first.when, first.clock, first.event, "", "", inert(said, 4000), "", first.id)


def _is_added(each: Logged) -> bool:
    return each.entry.event is Event.CONFIG and each.entry.data.get("change") == "added"


def _instant(name: str, written: str, view: View, *, last: bool = False) -> float | None:
    if not written:
        return None
    try:
        return local_instant(written, view, last=last)
    except ValueError:
        raise HTTPException(400, f"{name} is a moment such as 2023-07-03T08:00") from None


def _number(written: str | None) -> int | None:
    if not written:
        return None
    if not written.isascii() or not written.isdigit():
        raise HTTPException(400, "before is the number of a row")
    return int(written[:18])
