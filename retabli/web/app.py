"""The application: every address that the daemon answers at."""

from collections.abc import Collection, Sequence
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from retabli.view import View
from retabli.web.answers import answer, streamed
from retabli.web.api import Api
from retabli.web.desk import Desk
from retabli.web.guard import Headed, body_of, refuse_foreign
from retabli.web.live import Live
from retabli.web.logbook import AtHand, LogBook
from retabli.web.pages.badge import Badges
from retabli.web.pages.feed import AtomFeed
from retabli.web.pages.flow import FlowPage
from retabli.web.pages.flows import FlowsPage
from retabli.web.pages.frame import Frame
from retabli.web.pages.log import LogPage
from retabli.web.pages.public import PublicPage
from retabli.web.pages.report import ReportPage
from retabli.web.past import Recent
from retabli.web.seams import Exposition, History, OnCall, Ready, Reload, ReportWriter, Switches, always_ready
from retabli.web.words import LANGUAGES

LARGEST_FORM = 4096


def build(
    view: View,
    exposition: Exposition,
    *,
    reload: Reload | None = None,
    ready: Ready = always_ready,
    healthy: Ready = always_ready,
    log: LogBook | None = None,
    history: History | None = None,
    report: ReportWriter | None = None,
    switches: Switches | None = None,
    on_call: OnCall | None = None,
    hosts: Collection[str] = (),
    extra_routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """The application over a view and the metrics. `hosts`: the names it is reached by, for what changes something."""
    book = log or AtHand(view)
    frame = Frame(view, switches, reports=report is not None)
    flows, flow = FlowsPage(frame), FlowPage(frame, Recent(history), desk=on_call is not None)
    others = (LogPage(frame, book), AtomFeed(frame), Live(view, flows), frame)
    service = _Service(exposition, reload, ready, healthy, switches, hosts)
    routes: list[BaseRoute] = [each.route() for each in (flows, flow, *others)]
    routes += [*PublicPage(frame).routes(), *Badges(frame).routes()]
    routes += [*service.routes(), *Api(view, book, history).routes(), *extra_routes]
    if on_call is not None:
        routes.extend(Desk(view, flow, on_call, hosts).routes())
    if report is not None:
        routes.append(ReportPage(frame, report).route())

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        said = error.detail if isinstance(error, HTTPException) else "the daemon failed to answer; its log says why"
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if request.url.path.startswith("/api/"):
            response = answer({"error": said}, status)
        elif "text/html" in request.headers.get("accept", ""):
            response = frame.error(request, status, said)
        else:
            response = PlainTextResponse(f"{said}\n", status)
        response.headers.update(headers)
        return response

    # Headed stands outermost: what answers when everything else failed carries its headers too.
    return Headed(Starlette(routes=routes, exception_handlers={HTTPException: failed, 500: failed}))


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
