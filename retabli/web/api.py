"""The API: flows, one flow, the log, the stream. JSON only, errors included."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from retabli.view import Logged, View, iso
from retabli.view.feed import RESYNC
from retabli.web.answers import answer, streamed
from retabli.web.live import ApiStream
from retabli.web.openapi import DESCRIPTION
from retabli.web.seams import History, HistoryUnreadable, LogReader

LIMIT, MOST = 200, 10_000
RUNS = 1000  # of a flow, at most


class Api:
    """Over one view; `log` and `history`, where they are given, read further back than what the view has at hand."""

    def __init__(self, view: View, log: LogReader | None, history: History | None = None) -> None:
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
        return streamed(request, self._view.forms(), "application/json")

    async def flow(self, request: Request) -> Response:
        form = self._view.form(request.path_params["id"])
        if form is None:
            raise HTTPException(404, "there is no such flow")
        return Response(form + b"\n", media_type="application/json")

    async def history(self, request: Request) -> Response:
        """The runs that are kept of a flow; of one whose runs are not kept, the latest of each unit."""
        view, picture = self._view, self._view.pictures.get(request.path_params["id"])
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        limit = _limit(request, RUNS)
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

    async def log(self, request: Request) -> Response:
        since, flow, limit = _since(request), request.query_params.get("flow") or None, _limit(request)
        if self._log is None:
            found: Sequence[Logged] = list(self._view.entries(flow=flow, since=since, limit=limit))
        else:
            found = await self._log(since=since, flow=flow, limit=limit)
        entries = [self._view.entry_form(each.entry, each.number) for each in found]
        return answer({**self._view.heading(), "entries": entries})

    async def stream(self, request: Request) -> Response:
        if self._stream.feed.full:
            raise HTTPException(503, "too many are listening")
        last = request.headers.get("last-event-id")

        async def told() -> AsyncIterator[bytes]:
            with self._stream.feed.subscribe() as reader:
                yield b"retry: 3000\n\n"
                if last is not None and last != str(self._stream.last):
                    yield RESYNC  # something happened while this reader was away
                async for chunk in reader.chunks():
                    yield chunk

        return StreamingResponse(told(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def openapi(self, request: Request) -> Response:
        return answer(DESCRIPTION)


def _since(request: Request) -> float | None:
    text = request.query_params.get("since")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        # A `+` that was not escaped in the URL arrives as a space.
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise HTTPException(400, "since is neither a date (2023-07-03T08:00:00Z) nor a Unix time") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()


def _limit(request: Request, most: int = MOST) -> int:
    text = request.query_params.get("limit") or str(LIMIT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise HTTPException(400, f"limit is a whole number from 1 to {most}")
    return int(text)
