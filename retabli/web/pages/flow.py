"""A flow's own page at `/flows/{id}`: its ladders, why it fails, what to do first, who owns it, what happened to it."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from retabli.model.flow import Flow
from retabli.model.record import FlowPicture
from retabli.model.states import Intent
from retabli.view import View
from retabli.view.times import span, took
from retabli.web.inert import inert
from retabli.web.instants import when
from retabli.web.pages.entries import entry_row
from retabli.web.pages.frame import Frame
from retabli.web.pages.rows import controls, row
from retabli.web.pages.sheet import Sheet, sheet
from retabli.web.pages.units import unit_rows
from retabli.web.words import CRITICALITIES, INTENTS, required, text

HISTORY = 30  # rows of the log


class FlowPage:
    """`desk`: with the forms of those on call, where there is somebody to hear them."""

    def __init__(self, frame: Frame, *, desk: bool = False) -> None:
        self._frame = frame
        self._view = frame.view
        self._desk = desk

    def route(self) -> Route:
        return Route("/flows/{id}", self.get)

    async def get(self, request: Request) -> Response:
        filled = sheet(request, self._view) if self._desk else None
        return self.answer(request, filled)

    def answer(self, request: Request, filled: Sheet | None, status: int = 200) -> Response:
        """The page, with the forms as they were filled in.

        Raises:
            HTTPException: 404, there is no such flow.
        """
        picture = self._view.pictures.get(request.path_params["id"])
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        language, query = self._frame.reading(request)
        return HTMLResponse(self._page(picture, language, query, filled), status)

    def _page(self, picture: FlowPicture, language: str, query: str, filled: Sheet | None) -> str:
        flow, view = picture.flow, self._view
        return self._frame.render(
            "flow.html",
            language,
            query,
            f"/flows/{quote(flow.id)}",
            row=row(picture, view, language),
            units=unit_rows(picture, view, language),
            policy=list(_policy(picture, view, language)),
            runbook=flow.runbook if urlsplit(flow.runbook).scheme in ("http", "https") else "",
            entries=[entry_row(each, view, language) for each in view.entries(flow=flow.id, limit=HISTORY)],
            single=True,
            switches=self._frame.switches(flow.id),
            sheet=filled,
        )


def _policy(picture: FlowPicture, view: View, language: str) -> Iterator[tuple[str, str]]:
    flow, standing = picture.flow, picture.standing
    yield text("intent", language), INTENTS[flow.intent.value][language]
    yield text("criticality", language), CRITICALITIES[flow.criticality][language]
    if flow.owner:
        yield text("owner", language), inert(flow.owner)
    if flow.intent is Intent.OPEN:
        for key, instant in (("first_restored", standing.first_restored_at), ("restored_at", standing.restored_at)):
            said = when(instant, view, language).full if instant is not None else text("never", language)
            yield text(key, language), said
    for key, said in controls(picture):
        yield text(key, language), text(said, language)
    if picture.whole_ratio is not None:
        yield text("whole_ratio", language), f"{round(100 * picture.whole_ratio)}\u00a0%"
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
    return span(seconds, language) if seconds.is_integer() else took(seconds, language)
