"""The log (main courante) as a page at `/log`."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from retabli.web.inert import inert
from retabli.web.pages.entries import entry_row
from retabli.web.pages.frame import Frame

SHOWN = 200  # rows on one page


class LogPage:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view

    def route(self) -> Route:
        return Route("/log", self.get)

    async def get(self, request: Request) -> Response:
        language, query = self._frame.reading(request)
        chosen = request.query_params.get("flow") or ""
        entries = self._view.entries(flow=chosen or None, limit=SHOWN)
        titles = [(each.flow.id, inert(each.flow.title[language])) for each in self._view.pictures.values()]
        page = self._frame.render(
            "log.html",
            language,
            query,
            "/log",
            entries=[entry_row(each, self._view, language) for each in entries],
            titles=titles,
            chosen=chosen,
            single=False,
        )
        return HTMLResponse(page)
