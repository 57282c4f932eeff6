"""The API: flows, one flow, the log, the stream. JSON only, errors included."""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from retabli.store import Which
from retabli.view import View, iso
from retabli.view.feed import RESYNC
from retabli.web.answers import answer, streamed
from retabli.web.instants import local
from retabli.web.live import ApiStream
from retabli.web.logbook import LogBook, logged, wall
from retabli.web.openapi import DESCRIPTION
from retabli.web.pages.headline import headline
from retabli.web.seams import History, HistoryUnreadable
from retabli.web.words import reading

LIMIT, MOST = 200, 10_000
RUNS = 1000  # of a flow, at most


class Api:
    """Over one view, the whole log, and the runs that are kept, where they are."""

    def __init__(self, view: View, log: LogBook, history: History | None = None) -> None:
        self._view = view
        self._log = log
        self._history = history
        self._stream = ApiStream(view)

    def routes(self) -> Sequence[Route]:
        return (
            Route("/api/v1/flows", self.flows),
            Route("/api/v1/flows/{id}", self.flow),
            Route("/api/v1/flows/{id}/history", self.history),
            Route("/api/v1/log", self.log),
            Route("/api/v1/stream", self.stream),
            Route("/api/v1/openapi.json", self.openapi),
        )

    async def flows(self, request: Request) -> Response:
        """`lang`: that of the words. What heads the flows is the line on top of the page, part by part."""
        view, language = self._view, self._language(request)
        said = headline(view.pictures.values(), view, language)
        parts = [
            {"state": part.state, "text": part.text, "proven_at": part.proven.iso if part.proven else None}
            for part in said.parts
        ]
        pieces = view.forms(language, pace=view.pace, headline=parts)
        return streamed(request, pieces, "application/json")

    async def flow(self, request: Request) -> Response:
        form = self._view.form(request.path_params["id"], self._language(request))
        if form is None:
            raise HTTPException(404, "there is no such flow")
        return Response(form + b"\n", media_type="application/json")

    async def history(self, request: Request) -> Response:
        """The runs that are kept of a flow; of one whose runs are not kept, the latest of each unit."""
        view, picture = self._view, self._view.pictures.get(request.path_params["id"])
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        limit = _whole("limit", request.query_params.get("limit"), LIMIT, RUNS) or LIMIT
        if self._history is None:
            runs: Sequence[Mapping[str, Any]] = [
                unit.result.as_json({"id": unit.name.probe, "target": unit.name.target})
                for unit in picture.units
                if unit.result is not None
            ]
        else:
            try:
                runs = await self._history.runs(picture.flow.id, limit=limit)
            except HistoryUnreadable:
                raise HTTPException(503, "the history cannot be read now") from None
        newest = sorted(runs, key=lambda run: float(run["at"]), reverse=True)[:limit]
        said = [{**run, "at": iso(view.stamp(run["at"]))} for run in newest]
        return answer({**view.heading(), "flow": picture.flow.id, "runs": said})

    def _language(self, request: Request) -> str:
        return reading(request.query_params.get("lang"), self._view.site.language)[0]

    async def log(self, request: Request) -> Response:
        given = request.query_params
        which = Which(
            since=wall(_instant("since", given.get("since")), self._view),
            until=wall(_instant("until", given.get("until")), self._view),
            flow=given.get("flow") or None,
            events=tuple(given.getlist("event")),
        )
        before = _whole("before", given.get("before"), None, 10**15)
        limit = _whole("limit", given.get("limit"), LIMIT, MOST) or LIMIT
        found = map(logged, await self._log.entries(which, limit=limit, before=before))
        entries = [self._view.entry_form(each.entry, each.number) for each in found]
        return answer({**self._view.heading(), "entries": entries})

    async def stream(self, request: Request) -> Response:
        if self._stream.feed.full:
            raise HTTPException(503, "too many are listening")
        last = request.headers.get("last-event-id")

        async def told() -> AsyncIterator[bytes]:
            with self._stream.feed.subscribe() as reader:
                yield b"retry: 3000\n\n"
                if last is not None:  # while nobody listens nothing is numbered: what it missed cannot be known
                    yield RESYNC
                async for chunk in reader.chunks():
                    yield chunk

        return StreamingResponse(told(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def openapi(self, request: Request) -> Response:
        return answer(DESCRIPTION)


def _instant(name: str, text: str | None) -> float | None:
    if not text:
        return None
    try:
        instant = float(text)
    except ValueError:
        pass
    else:
        if math.isfinite(instant):  # no row is before or after what is no number: that is no empty log
            return instant
    try:
        return local(text, UTC).timestamp()
    except (ValueError, OverflowError):
        raise HTTPException(400, f"{name} is neither a date (2023-07-03T08:00:00Z) nor a Unix time") from None


def _whole(name: str, text: str | None, default: int | None, most: int) -> int | None:
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:18]) <= most:
        raise HTTPException(400, f"{name} is a whole number from 1 to {most}")
    return int(text)
