"""The restoration view at `/`: every flow by its group, and one line on top that says it all."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retabli.model.record import FlowPicture
from retabli.model.states import Intent
from retabli.own_link import ID as OWN_LINK
from retabli.web.answers import streamed
from retabli.web.inert import inert
from retabli.web.pages.frame import Frame, Wording
from retabli.web.pages.headline import Headline, headline
from retabli.web.pages.rows import row
from retabli.web.words import text

BREATH = 20  # rows rendered between two breaths of the loop
MARK = "\u0000ROWS\u0000"


class FlowsPage:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view
        self._row = frame.template("row.html")
        self._headline = frame.template("headline.html")

    def route(self) -> Route:
        return Route("/", self.get)

    async def get(self, request: Request) -> Response:
        pieces = self.pieces(*self._frame.reading(request))

        async def encoded() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece.encode()

        return streamed(request, encoded(), "text/html; charset=utf-8")

    async def pieces(self, language: str, query: str) -> AsyncIterator[str]:
        """The page, in pieces; the loop breathes between them."""
        more = {"headline": self._said(language), "switches": self._frame.switches(), "ROWS": MARK}
        head, _, tail = self._frame.render("flows.html", language, query, "/", **more).partition(MARK)
        yield head
        for title, why, pictures in self._groups(language):
            yield str(Markup('<section class="group"><h2>{}{}</h2><ul class="flows">\n').format(title, why))
            for start in range(0, len(pictures), BREATH):
                yield "".join(self.row(each, language, query) for each in pictures[start : start + BREATH])
                await asyncio.sleep(0)
            yield "</ul></section>\n"
        yield tail

    def row(self, picture: FlowPicture, language: str, query: str = "") -> str:
        """One row: the same on the page, and when it changes."""
        return self._row.render(row=row(picture, self._view, language), t=Wording(language), query=query)

    def headline(self, language: str) -> str:
        return self._headline.render(headline=self._said(language), t=Wording(language))

    def _said(self, language: str) -> Headline:
        return headline(self._view.pictures.values(), self._view, language)

    def _groups(self, language: str) -> Iterator[tuple[str, Markup, list[FlowPicture]]]:
        groups: dict[str, list[FlowPicture]] = {}
        shut, own = [], []
        for picture in list(self._view.pictures.values()):
            if picture.flow.id == OWN_LINK:
                own.append(picture)
            elif picture.flow.intent is Intent.CLOSED:
                shut.append(picture)
            else:
                groups.setdefault(picture.flow.group, []).append(picture)
        ungrouped = groups.pop("", [])
        for name, pictures in groups.items():
            yield inert(name[:1].upper() + name[1:]), Markup(), pictures
        if ungrouped:
            yield text("others" if groups else "restoration", language), Markup(), ungrouped
        if shut:
            yield text("closed", language), Markup(" <small>{}</small>").format(text("closed_why", language)), shut
        if own:
            yield text("own", language), Markup(), own
