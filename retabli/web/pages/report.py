"""The point of situation at `/report`: as a page, or as Markdown, text or HTML to be sent on; now or at any moment."""

import asyncio
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from retabli.model.settings import parse_duration
from retabli.store import StoreError
from retabli.web.access.visitor import visitor_of
from retabli.web.instants import field_value, local_instant, unstamped
from retabli.web.pages.frame import Frame
from retabli.web.seams import ReportWriter
from retabli.web.words import text

TYPES = {"md": "text/markdown; charset=utf-8", "txt": "text/plain; charset=utf-8"}
PATIENCE = 20.0  # seconds that a page waits for the log of the past
_FAULTS = {400: "not_read", 404: "no_future", 503: "report_unread"}
_SENTENCES = {
    400: "at and since are moments such as 2023-07-03T08:00:00+02:00, or how long ago, as 24h",
    503: "the log cannot be read at present",
}


class ReportPage:
    def __init__(self, frame: Frame, write: ReportWriter) -> None:
        self._frame = frame
        self._view = frame.view
        self._write = write

    def route(self) -> Route:
        return Route("/report", self.get)

    async def get(self, request: Request) -> Response:
        """`format`: md, txt or html (a page by itself); none: one of these pages. `at`, `since`: moments of the past.

        `public`, `lang` as said.
        """
        language, query = self._frame.reading(request)
        given = request.query_params
        form, public = given.get("format"), given.get("public") not in (None, "", "0")
        if form not in (None, "html", *TYPES):
            raise HTTPException(400, "format is md, txt or html")
        status, written = await self._written(request, language, form or "body", public=public)
        if form is None:
            return self._page(request, status, written, language, query)
        if status != 200:
            raise HTTPException(status, written)
        if form == "html":  # it brings its own style, which these pages' policy forbids: it is to be kept, not shown
            return HTMLResponse(written, headers={"content-disposition": 'attachment; filename="report.html"'})
        return PlainTextResponse(written, media_type=TYPES[form])

    async def _written(self, request: Request, language: str, form: str, *, public: bool) -> tuple[int, str]:
        """200 and the report; or why there is none, and a sentence for programs."""
        try:
            at, since = (self._moment(request.query_params.get(name)) for name in ("at", "since"))
        except ValueError:
            return 400, _SENTENCES[400]
        try:
            async with asyncio.timeout(PATIENCE):
                return 200, await self._write(language=language, form=form, public=public, at=at, since=since)
        except LookupError as error:
            return 404, str(error.args[0])
        except (StoreError, TimeoutError):
            return 503, _SENTENCES[503]

    def _page(self, request: Request, status: int, written: str, language: str, query: str) -> Response:
        given = {name: (request.query_params.get(name) or "")[:40] for name in ("at", "since", "public")}
        view = self._view

        def link(**changed: str) -> str:
            asked = {**given, "lang": language if query else "", **changed}
            return urlencode({name: value for name, value in asked.items() if value})

        def ago(seconds: float) -> str:
            return field_value(view.now - seconds, view)

        page = self._frame.render(
            "report.html",
            language,
            query,
            "/report",
            visitor_of(request),
            turned=self._frame.turned(request, "/report"),
            body=Markup(written) if status == 200 else "",  # noqa: S704 - escaped where made
            fault=text(_FAULTS[status], language) if status != 200 else "",
            given=given,
            values={name: self._value(given[name]) for name in ("at", "since")},
            link=link,
            ago=ago,
            latest=field_value(view.now, view),
        )
        return HTMLResponse(page, status)

    def _value(self, written: str) -> str:
        """As the form's field takes it."""
        try:
            moment = self._moment(written)
        except ValueError:
            return ""
        return "" if moment is None else field_value(self._view.stamp(moment), self._view)

    def _moment(self, written: str | None) -> float | None:
        """The wall time of an instant in the site's zone, or of how long ago (`24h`).

        Raises:
            ValueError: it is neither.
        """
        if not written:
            return None
        try:
            ago = parse_duration(written)
        except ValueError:
            return local_instant(written, self._view)
        moment = unstamped(self._view.now - ago, self._view)
        if moment < 0:
            raise ValueError("before any log")
        return moment
