"""The application: every address that the daemon answers at."""

from collections.abc import Collection, Sequence
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from retabli.view import View
from retabli.web.access.access import Access
from retabli.web.access.gate import Barred, Gate
from retabli.web.access.policy import Role
from retabli.web.access.rules import Rules
from retabli.web.access.visitor import visitor_of
from retabli.web.answers import answer, streamed
from retabli.web.api import Api
from retabli.web.desk import Desk
from retabli.web.guard import Headed, body_of
from retabli.web.live import Live
from retabli.web.logbook import AtHand, LogBook
from retabli.web.pages.badge import Badges
from retabli.web.pages.feed import AtomFeed
from retabli.web.pages.flow import FlowPage
from retabli.web.pages.flows import FlowsPage
from retabli.web.pages.frame import Frame
from retabli.web.pages.log import LogPage
from retabli.web.pages.login import LoginPage
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
    access: Access | None = None,
    extra_routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """The application over a view and the metrics. `hosts`: the names it is reached by, for what changes something.

    Raises:
        LookupError: an address has no rule that says who may use it.
    """
    access = access or Access()
    book = log or AtHand(view)
    frame = Frame(view, switches, reports=report is not None)
    flows, flow = FlowsPage(frame), FlowPage(frame, Recent(history), desk=on_call is not None)
    others = (LogPage(frame, book), AtomFeed(frame), Live(view, flows), frame)
    service, login = _Service(exposition, reload, ready, healthy, switches), LoginPage(frame, access)
    routes: list[BaseRoute] = [each.route() for each in (flows, flow, *others)]
    routes += [*PublicPage(frame).routes(), *Badges(frame).routes(), *login.routes()]
    routes += [*service.routes(), *Api(view, book, history).routes(), *extra_routes]
    if on_call is not None:
        routes.extend(Desk(view, flow, on_call).routes())
    if report is not None:
        routes.append(ReportPage(frame, report).route())

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        said = error.detail if isinstance(error, HTTPException) else "the daemon failed to answer; its log says why"
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if request.url.path.startswith("/api/"):
            response = answer({"error": said}, status)
        elif "text/html" in request.headers.get("accept", ""):
            if isinstance(error, Barred):
                said = error.words[frame.reading(request)[0]]
                if status == 401:
                    return login.asked(request, error, said)
            response = frame.error(request, status, said)
        else:
            response = PlainTextResponse(f"{said}\n", status)
        response.headers.update(headers)
        return response

    # Headed stands outermost: what answers when everything else failed carries its headers too.
    gate = Middleware(Gate, access, Rules(routes), hosts, failed)
    return Headed(Starlette(routes=routes, middleware=[gate], exception_handlers={HTTPException: failed, 500: failed}))


class _Service:
    """For other programs and for those who run the daemon."""

    def __init__(
        self,
        exposition: Exposition,
        reload: Reload | None,
        ready: Ready,
        healthy: Ready,
        switches: Switches | None,
    ) -> None:
        self._exposition = exposition
        self._reload = reload
        self._ready = ready
        self._healthy = healthy
        self._switches = switches

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
        return _standing(request, self._healthy(), "healthy")

    async def ready(self, request: Request) -> Response:
        return _standing(request, self._ready(), "ready")

    async def reload(self, request: Request) -> Response:
        if self._reload is None:
            raise HTTPException(503, "this daemon's configuration cannot be read again")
        found = await self._reload(visitor_of(request).name)
        status = 200 if not found.faults else 503 if found.ours else 400
        return answer({"reloaded": not found.faults, "faults": list(found.faults)}, status)

    async def switch(self, request: Request) -> Response:
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


def _standing(request: Request, why_not: str | None, word: str) -> Response:
    """Why not is told to those who may see; that it is so, to everybody."""
    if why_not is not None and not visitor_of(request).may(Role.VIEW):
        why_not = f"not {word}"
    return PlainTextResponse(f"{why_not or word}\n", 503 if why_not else 200)
