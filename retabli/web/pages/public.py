"""What anybody may read at `/public`: only flows that are public; no host, no detail, no cause."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from retabli.model.record import FlowPicture
from retabli.model.states import STATE_WORDS, Intent, State
from retabli.view import View
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.pages.frame import Frame
from retabli.web.words import text


@dataclass(frozen=True, slots=True)
class PublicRow:
    title: str
    state: str
    word: str
    notice: str
    since: When | None


class PublicPage:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view

    def route(self) -> Route:
        return Route("/public", self.get)

    async def get(self, request: Request) -> Response:
        language, query = self._frame.reading(request)
        pictures = [each for each in self._view.pictures.values() if each.flow.public]
        rows = [public_row(each, self._view, language) for each in pictures]
        return HTMLResponse(self._frame.render("public.html", language, query, "/public", flows=rows, public=True))


def public_row(picture: FlowPicture, view: View, language: str) -> PublicRow:
    flow, state = picture.flow, picture.state
    closed = flow.intent is Intent.CLOSED
    good = state is State.RESTORED
    return PublicRow(
        title=inert(flow.title[language]),
        # Of a flow that is shut, the public is told what was decided; a breach is nobody's business but ours.
        state="suspended" if closed else state.value,
        word=text("suspended", language) if closed else STATE_WORDS[state][language],
        notice=inert(flow.notice[language], 600) if flow.notice and not good else "",
        since=None if closed else when(picture.since, view, language),
    )
