"""A flow's own page at `/flows/{id}`: its ladders, why it fails, what to do first, who owns it, what happened to it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import quote, urlencode, urlsplit

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retabli.model.flow import Flow
from retabli.model.numbers import percent
from retabli.model.record import FlowPicture
from retabli.model.states import Intent, State
from retabli.store import Past
from retabli.view import View
from retabli.view.times import exactly
from retabli.web.access.gate import why_barred
from retabli.web.access.policy import Role
from retabli.web.access.visitor import Visitor, visitor_of
from retabli.web.answers import streamed
from retabli.web.inert import inert
from retabli.web.instants import when
from retabli.web.pages.drawn import Asked, Drawn
from retabli.web.pages.entries import entry_row
from retabli.web.pages.frame import Frame
from retabli.web.pages.rows import controls, row
from retabli.web.pages.runs import checks
from retabli.web.pages.sheet import Sheet, sheet
from retabli.web.past import Recent
from retabli.web.words import CRITICALITIES, INTENTS, required, text

HISTORY = 30  # rows of the log


class FlowPage:
    """`recent` reads the runs that are kept; `desk`: with the forms of those on call, where somebody hears them."""

    def __init__(self, frame: Frame, recent: Recent, *, desk: bool = False) -> None:
        self._frame = frame
        self._view = frame.view
        self._recent = recent
        self._drawn = Drawn(frame)
        self._desk = desk

    def route(self) -> Route:
        return Route("/flows/{id}", self.get)

    async def get(self, request: Request) -> Response:
        filled = sheet(request, self._view) if self._desk and visitor_of(request).may_act else None
        return await self.answer(request, filled)

    async def answer(self, request: Request, filled: Sheet | None, status: int = 200) -> Response:
        """The page, with the forms as they were filled in.

        Raises:
            HTTPException: 404, there is no such flow.
        """
        id_ = request.path_params["id"]
        if id_ not in self._view.pictures:
            raise HTTPException(404, "there is no such flow")
        past = await self._recent.of(id_)
        picture = self._view.pictures.get(id_)  # as it is now, and not before the read
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        page = self._page(picture, past, filled, request)

        async def pieces() -> AsyncIterator[bytes]:
            yield page.encode()

        response = streamed(request, pieces(), "text/html; charset=utf-8")
        response.status_code = status
        return response

    def _page(self, picture: FlowPicture, past: Past | None, filled: Sheet | None, request: Request) -> str:
        flow, view = picture.flow, self._view
        language, query = self._frame.reading(request)
        wanted = request.query_params.get("unit", "")
        wanted = wanted if wanted in {f"u{place}" for place in range(len(picture.units))} else ""
        here, separator = f"/flows/{quote(flow.id, safe='')}{query}", "&" if query else "?"
        asked = Asked(language, wanted, f"{here}{separator}unit=", unreadable=self._recent.kept and past is None)
        drawing = self._drawn.of(picture, past, asked)
        visitor = visitor_of(request)
        return self._frame.render(
            "flow.html",
            language,
            query,
            f"/flows/{quote(flow.id)}",
            visitor,
            turned=self._frame.turned(request, f"/flows/{quote(flow.id)}"),
            row=row(picture, view, language),
            units=drawing.units,
            drawn=drawing.section,
            checks=_checks(picture, language),
            address=here + (f"{separator}unit={wanted}" if wanted else ""),
            owner=inert(flow.owner),
            policy=list(_policy(picture, view, language)),
            runbook=flow.runbook if _is_link(flow.runbook) else "",
            entries=[entry_row(each, view, language) for each in view.entries(flow=flow.id, limit=HISTORY)],
            single=True,
            switches=self._frame.switches(flow.id) if visitor.may(Role.ADMIN) else [],
            sheet=filled,
            barred="" if visitor.may_act or not self._desk else why_barred(visitor, Role.ACT)[language],
            login=_login(visitor, here),
        )


def _login(visitor: Visitor, here: str) -> tuple[str, str]:
    """Where somebody who may not act logs in as somebody who may, and the key of its words; empty where nowhere."""
    if not visitor.form:
        return "", ""
    return f"/login?{urlencode({'next': here})}", "log_in_again" if visitor.lapsed else "other_account"


def _is_link(address: str) -> bool:
    try:
        return urlsplit(address).scheme in ("http", "https")
    except ValueError:  # brackets that hold no address
        return False


def _checks(picture: FlowPicture, language: str) -> list[Markup | str]:
    if picture.deciding is not None and (cause := picture.deciding.result.cause) is not None:
        return list(checks(cause.side, cause.advice(language), language))
    return [text("breach_look", language)] if picture.state is State.BREACHED else []


def _policy(picture: FlowPicture, view: View, language: str) -> Iterator[tuple[str, str]]:
    flow, standing = picture.flow, picture.standing
    yield text("intent", language), INTENTS[flow.intent.value][language]
    yield text("criticality", language), CRITICALITIES[flow.criticality][language]
    if flow.intent is Intent.OPEN:
        for key, instant in (("first_restored", standing.first_restored_at), ("restored_at", standing.restored_at)):
            said = when(instant, view, language).full if instant is not None else text("never", language)
            yield text(key, language), said
    for key, said in controls(picture):
        yield text(key, language), text(said, language)
    if picture.whole_ratio is not None:
        yield text("whole_ratio", language), percent(picture.whole_ratio, language)
    yield from _rules(flow, view, language)


def _rules(flow: Flow, view: View, language: str) -> Iterator[tuple[str, str]]:
    policy = flow.policy
    if len(flow.units()) > 1:
        yield text("require", language), required(flow.require.text, language)
    rise, fall = ("rise_closed", "fall_closed") if flow.intent is Intent.CLOSED else ("rise", "fall")
    yield text(rise, language), f"{policy.rise}, {text('soak', language)} {_lasting(policy.soak, language)}"
    yield text(fall, language), f"{policy.fall}, {text('confirm', language)} {_lasting(policy.confirm, language)}"
    if flow.parents:
        yield text("depends_on", language), ", ".join(map(inert, _titles(flow.parents, view, language)))


def _titles(flows: Sequence[str], view: View, language: str) -> Iterator[str]:
    return (view.pictures[each].flow.title[language] if each in view.pictures else each for each in flows)


def _lasting(seconds: float, language: str) -> str:
    return exactly(seconds, language)
