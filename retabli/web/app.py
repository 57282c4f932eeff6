"""The application: every address that the daemon answers at."""

from collections.abc import AsyncIterator, Collection, Sequence
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from retabli.view import View
from retabli.web.api import Api, answer, streamed
from retabli.web.desk import HISTORY, Desk
from retabli.web.guard import Headed, body_of, refuse_foreign
from retabli.web.live import page_streams
from retabli.web.pages import SHOWN, Pages
from retabli.web.reports import Reports
from retabli.web.seams import Exposition, LogReader, OnCall, Ready, Reload, ReportWriter, Switches, always_ready
from retabli.web.words import LANGUAGES, reading, text

FOR_EVER = "public, max-age=31536000, immutable"
LARGEST_FORM = 4096


def build(
    view: View,
    exposition: Exposition,
    *,
    reload: Reload | None = None,
    ready: Ready = always_ready,
    healthy: Ready = always_ready,
    log: LogReader | None = None,
    report: ReportWriter | None = None,
    switches: Switches | None = None,
    on_call: OnCall | None = None,
    hosts: Collection[str] = (),
    extra_routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """The application over a view and the metrics. `hosts`: the names it is reached by, for what changes something."""
    drawn = Pages(view, switches, reports=report is not None)
    desk = Desk(view, drawn, on_call, hosts) if on_call is not None else None
    pages = _Pages(view, drawn, desk)
    service = _Service(exposition, reload, ready, healthy, switches, hosts)
    routes: list[BaseRoute] = [*pages.routes(), *service.routes(), *Api(view, log).routes(), *extra_routes]
    if desk is not None:
        routes.extend(desk.routes())
    if report is not None:
        routes.append(Reports(drawn, report, pages.language).route())

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        said = error.detail if isinstance(error, HTTPException) else "the daemon failed to answer; its log says why"
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if request.url.path.startswith("/api/"):
            response = answer({"error": said}, status)
        elif "text/html" in request.headers.get("accept", ""):
            response = pages.error(request, status, said)
        else:
            response = PlainTextResponse(f"{said}\n", status)
        response.headers.update(headers)
        return response

    # Headed stands outermost: what answers when everything else failed carries its headers too.
    return Headed(Starlette(routes=routes, exception_handlers={HTTPException: failed, 500: failed}))


class _Pages:
    """The pages for people."""

    def __init__(self, view: View, pages: Pages, desk: Desk | None) -> None:
        self._view = view
        self._pages = pages
        self._desk = desk
        self._streams = page_streams(view, pages)

    def routes(self) -> Sequence[Route]:
        return (
            Route("/", self.flows),
            Route("/flows/{id}", self.flow),
            Route("/log", self.log),
            Route("/public", self.public),
            Route("/feed.atom", self.atom),
            Route("/live", self.live),
            Route("/static/{name}", self.static),
        )

    async def flows(self, request: Request) -> Response:
        language, query = self.language(request)
        pieces = self._pages.flows(language, query)

        async def encoded() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece.encode()

        return streamed(request, encoded(), "text/html; charset=utf-8")

    async def flow(self, request: Request) -> Response:
        picture = self._view.pictures.get(request.path_params["id"])
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        language, query = self.language(request)
        history = self._view.entries(flow=picture.flow.id, limit=HISTORY)
        sheet = self._desk.sheet(request) if self._desk is not None else None
        return HTMLResponse(self._pages.flow(picture, history, language, query, sheet))

    async def log(self, request: Request) -> Response:
        language, query = self.language(request)
        chosen = request.query_params.get("flow") or ""
        entries = self._view.entries(flow=chosen or None, limit=SHOWN)
        return HTMLResponse(self._pages.log(entries, chosen, language, query))

    async def public(self, request: Request) -> Response:
        return HTMLResponse(self._pages.public(*self.language(request)))

    async def atom(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return Response(self._pages.atom(base, self.language(request)[0]), media_type="application/atom+xml")

    async def live(self, request: Request) -> Response:
        """What open pages are told."""
        stream = self._streams[self.language(request)[0]]
        if stream.feed.full:
            raise HTTPException(503, "too many are listening")
        text_ = request.query_params.get("since", "")
        since = int(text_[:18]) if text_.isascii() and text_.isdigit() else 0

        async def told() -> AsyncIterator[bytes]:
            with stream.subscribe(since) as reader:
                yield b"retry: 3000\n\n" + stream.beat()
                async for chunk in reader.chunks():
                    # A browser's script does not hear comments: silence is broken by an event.
                    yield stream.beat() if chunk.startswith(b":") else chunk

        return StreamingResponse(told(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def static(self, request: Request) -> Response:
        asset = self._pages.assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404, "there is no such file")
        kept = FOR_EVER if request.query_params.get("v") == asset.version else "no-cache"
        return Response(asset.body, media_type=asset.type, headers={"cache-control": kept})

    def error(self, request: Request, status: int, said: str) -> Response:
        language, query = self.language(request)
        message = text("not_found", language) if status == 404 else said
        return HTMLResponse(self._pages.error(status, message, language, query), status)

    def language(self, request: Request) -> tuple[str, str]:
        """The reader's language, and what links carry so that it stays."""
        return reading(request.query_params.get("lang"), self._view.site.language)


class _Service:
    """For other programs and for those who run the daemon."""

    def __init__(
        self,
        exposition: Exposition,
        reload: Reload | None,
        ready: Ready,
        healthy: Ready,
        switches: Switches | None,
        hosts: Collection[str],
    ) -> None:
        self._exposition = exposition
        self._reload = reload
        self._ready = ready
        self._healthy = healthy
        self._switches = switches
        self._hosts = hosts

    def routes(self) -> Sequence[Route]:
        routes = [
            Route("/metrics", self.metrics),
            Route("/probe", self.probe),
            Route("/-/healthy", self.healthy),
            Route("/-/ready", self.ready),
            Route("/-/reload", self.reload, methods=["POST"]),
        ]
        if self._switches is not None:
            routes.append(Route("/demo/switch", self.switch, methods=["POST"]))
        return routes

    async def metrics(self, request: Request) -> Response:
        accept = request.headers.get("accept", "")
        return streamed(request, self._exposition.page(accept), self._exposition.content_type(accept))

    async def probe(self, request: Request) -> Response:
        target = request.query_params.get("target")
        if not target:
            raise HTTPException(400, "target=FLOW/PROBE is missing")
        page = self._exposition.blackbox(target)
        if page is None:
            raise HTTPException(404, "there is no such probe of an open flow")
        return PlainTextResponse(page, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def healthy(self, request: Request) -> Response:
        why_not = self._healthy()
        return PlainTextResponse(f"{why_not or 'healthy'}\n", 503 if why_not else 200)

    async def ready(self, request: Request) -> Response:
        why_not = self._ready()
        return PlainTextResponse(f"{why_not or 'ready'}\n", 503 if why_not else 200)

    async def reload(self, request: Request) -> Response:
        refuse_foreign(request, self._hosts)
        if self._reload is None:
            raise HTTPException(503, "this daemon's configuration cannot be read again")
        faults = await self._reload()
        return answer({"reloaded": not faults, "faults": list(faults)}, 400 if faults else 200)

    async def switch(self, request: Request) -> Response:
        refuse_foreign(request, self._hosts)
        form = parse_qs((await body_of(request, LARGEST_FORM)).decode("utf-8", "replace"))
        flow, position = form.get("flow", [""])[0], form.get("position", [""])[0]
        if self._switches is None or not (flow and position):
            raise HTTPException(400, "flow and position are wanted")
        try:
            await self._switches.set(flow, position)
        except KeyError:
            raise HTTPException(404, "there is no such switch, or it has no such position") from None
        language = request.query_params.get("lang")
        path = f"/flows/{quote(flow)}" if "stay" in form else "/"
        return RedirectResponse(f"{path}?lang={language}" if language in LANGUAGES else path, 303)
