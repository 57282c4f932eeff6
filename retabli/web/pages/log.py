"""The log (main courante) as a page at `/log`: filtered, back to its first row, exported, with its chain's head."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from retabli.model.record import Event
from retabli.store import StoreError
from retabli.store.spoken import event_word
from retabli.view import Logged
from retabli.web.export import export
from retabli.web.inert import inert
from retabli.web.instants import local_instant
from retabli.web.pages.entries import entry_row
from retabli.web.pages.frame import Frame
from retabli.web.seams import Asked, LogReader

SHOWN = 100  # rows on one page
PATIENCE = 5.0  # seconds that a page waits for the store
EXPORTS = 8  # that run together; more would only make each other slow
PEOPLE = "people"  # what people decided, were told, and took in hand
GROUPS: Mapping[str, tuple[str, ...]] = {
    PEOPLE: (Event.INTENT, Event.PAGE, Event.RESOLVE, Event.ACKNOWLEDGE, Event.SILENCE, Event.DEFERRED)
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What was filled in, as it was; and what that asks of the log."""

    given: Mapping[str, str]
    asked: Asked
    faults: tuple[str, ...] = ()

    def query(self, **more: object) -> str:
        """As the query of a link to the same rows."""
        return urlencode({name: value for name, value in {**self.given, **more}.items() if value})


class LogPage:
    """`log` reads the whole of it; without it, what is at hand in memory is all there is."""

    def __init__(self, frame: Frame, log: LogReader | None) -> None:
        self._frame = frame
        self._view = frame.view
        self._log = log
        self._exports = 0

    def route(self) -> Route:
        return Route("/log", self.get)

    async def get(self, request: Request) -> Response:
        language, query = self._frame.reading(request)
        chosen = self._filter(request)
        form = request.query_params.get("format")
        if form in ("csv", "json"):
            return self._export(request, chosen, form, language)
        if form is not None:
            raise HTTPException(400, "format is csv or json")
        before = _number(request.query_params.get("before"))
        found, head, unread = await self._read(chosen.asked, before)
        page = self._frame.render(
            "log.html",
            language,
            query,
            "/log",
            **self._shown(found, chosen, before, language, query),
            head=head,
            unread=unread,
        )
        return HTMLResponse(page, 400 if chosen.faults else 200)

    def _shown(
        self, found: Sequence[Logged], chosen: Filter, before: int | None, language: str, query: str
    ) -> dict[str, Any]:
        view = self._view
        more = len(found) > SHOWN and found[SHOWN - 1].number
        lang = {"lang": language} if query else {}
        return {
            "entries": [entry_row(each, view, language) for each in found[:SHOWN]],
            "titles": [(each.flow.id, inert(each.flow.title[language])) for each in view.pictures.values()],
            "kinds": [(event.value, event_word(event, language).capitalize()) for event in Event],
            "given": chosen.given,
            "faults": [inert(each, 60) for each in chosen.faults],
            "single": False,
            "newest": before is None,
            "filtered": bool(chosen.query()),
            "older": chosen.query(before=more, **lang) if more else "",
            "back": chosen.query(**lang),
            "csv": chosen.query(format="csv", lang=language),
            "json": chosen.query(format="json", lang=language),
            "exports": self._log is not None,
        }

    def _filter(self, request: Request) -> Filter:
        query = request.query_params
        given = {name: (query.get(name) or "").strip()[:200] for name in ("flow", "event", "from", "until")}
        faults: list[str] = []

        def instant(name: str) -> float | None:
            if not given[name]:
                return None
            try:
                return local_instant(given[name], self._view)
            except ValueError:
                faults.append(given[name])
                return None

        events = GROUPS.get(given["event"]) or ((given["event"],) if given["event"] else ())
        asked = Asked(instant("from"), instant("until"), given["flow"] or None, tuple(map(str, events)))
        return Filter(given, asked, tuple(faults))

    async def _read(self, asked: Asked, before: int | None) -> tuple[Sequence[Logged], tuple[int, str] | None, bool]:
        """The rows, one more than are shown; the head; and whether the whole log could not be read."""
        if self._log is not None:
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._log.rows(asked, limit=SHOWN + 1, before=before), await self._log.head(), False
            except (StoreError, TimeoutError):
                pass
        found = self._at_hand(asked) if before is None else []
        return found, None, self._log is not None

    def _at_hand(self, asked: Asked) -> list[Logged]:
        rows = self._view.entries(flow=asked.flow)
        fits = [
            each
            for each in rows
            if (asked.since is None or each.entry.at >= asked.since)
            and (asked.until is None or each.entry.at < asked.until)
            and (not asked.events or each.entry.event in asked.events)
        ]
        return fits[:SHOWN]

    def _export(self, request: Request, chosen: Filter, form: str, language: str) -> Response:
        if chosen.faults:
            raise HTTPException(400, f"{chosen.faults[0]} is no date such as 2023-07-03T08:00")
        if self._log is None:
            raise HTTPException(503, "this daemon keeps no log")
        if self._exports >= EXPORTS:
            raise HTTPException(503, "several exports are running; try again in a minute", {"retry-after": "60"})

        def running(change: int) -> None:
            self._exports += change

        return export(request, self._log, chosen.asked, self._view, form=form, language=language, running=running)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
