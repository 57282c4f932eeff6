"""The API: flows, one flow, the log, the stream. JSON only, errors included."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from retabli.view import Logged, View
from retabli.view.feed import RESYNC
from retabli.web.answers import answer, streamed
from retabli.web.live import ApiStream
from retabli.web.openapi import DESCRIPTION
from retabli.web.seams import Asked, LogReader

LIMIT, MOST = 200, 10_000


class Api:
    """Over one view; `log`, where it is given, reads further back than what the view has at hand."""

    def __init__(self, view: View, log: LogReader | None) -> None:
        self._view = view
        self._log = log
        self._stream = ApiStream(view)

    def routes(self) -> Sequence[Route]:
        return (
            Route("/api/v1/flows", self.flows),
            Route("/api/v1/flows/{id}", self.flow),
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

    async def log(self, request: Request) -> Response:
        since, flow, limit = _since(request), request.query_params.get("flow") or None, _limit(request)
        if self._log is None:
            found: Sequence[Logged] = list(self._view.entries(flow=flow, since=since, limit=limit))
        else:
            found = await self._log.rows(Asked(since=since, flow=flow), limit=limit)
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


def _limit(request: Request) -> int:
    text = request.query_params.get("limit") or str(LIMIT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise HTTPException(400, f"limit is a whole number from 1 to {MOST}")
    return int(text)
