"""Badges for other pages of the house: `/badge.svg` for all flows, `/badge/{flow}.svg` for one."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retabli.model.record import FlowPicture
from retabli.published import Badge, badge, bulletin
from retabli.published.badge import WIDEST
from retabli.published.words import state_word as public_word
from retabli.web.access.gate import barred
from retabli.web.access.policy import Role
from retabli.web.access.visitor import Visitor, visitor_of
from retabli.web.conditional import EMBEDDED, conditional
from retabli.web.inert import inert
from retabli.web.pages.frame import Frame
from retabli.web.pages.headline import Part, headline, state_word
from retabli.web.words import text


class Badges:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view

    def routes(self) -> Sequence[Route]:
        return (Route("/badge.svg", self.all), Route("/badge/{flow}.svg", self.one))

    async def all(self, request: Request) -> Response:
        """The headline's first words and its worst state: green only if there is nothing else to tell."""
        language = self._frame.reading(request)[0]
        said = headline(self._view.pictures.values(), self._view, language)
        first = said.parts[0] if said.parts else Part("unknown", text("no_flow", language))
        worse = next((part for part in said.parts[1:] if part.first or part.state == said.worst), None)
        word = _both(first.text, worse.word or worse.text) if worse and worse.proven is None else first.text
        return self._drawn(request, Badge(inert(self._view.site.name, 60), word, said.worst), language)

    async def one(self, request: Request) -> Response:
        language = self._frame.reading(request)[0]
        picture = self._view.pictures.get(request.path_params["flow"])
        visitor = visitor_of(request)
        if not visitor.may(Role.VIEW):
            return self._public(request, picture, visitor, language)
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        state = picture.state
        title = inert(picture.flow.title[language], 60)
        return self._drawn(request, Badge(title, state_word(picture, language), state.value), language)

    def _public(self, request: Request, picture: FlowPicture | None, visitor: Visitor, language: str) -> Response:
        """As the public page has it, for those who may see no more; a flow that is not there is as one that is not
        public."""
        told = bulletin(picture.flow, picture.state, language, since=None) if picture is not None else None
        if told is None:
            raise barred(visitor, Role.VIEW, "image/svg+xml")
        return self._drawn(request, Badge(told.title, public_word(told.state, language), told.state), language)

    def _drawn(self, request: Request, of: Badge, language: str) -> Response:
        return conditional(request, badge(of, language).encode(), "image/svg+xml", EMBEDDED)


def _both(first: str, worse: str) -> str:
    """Both; where they do not fit, what is worse: it is never what is cut off."""
    both = f"{first} · {worse}"
    return both if len(both) <= WIDEST else worse
