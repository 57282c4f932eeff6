"""The point of situation at `/report`: as a page, or as Markdown, text or HTML to be sent on."""

from collections.abc import Callable
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from retabli.web.pages import Pages
from retabli.web.seams import ReportWriter

TYPES = {"md": "text/markdown; charset=utf-8", "txt": "text/plain; charset=utf-8"}

# The reader's language, and what links carry so that it stays.
Language = Callable[[Request], tuple[str, str]]


class Reports:
    def __init__(self, pages: Pages, write: ReportWriter, language: Language) -> None:
        self._pages = pages
        self._write = write
        self._language = language

    def route(self) -> Route:
        return Route("/report", self.report)

    async def report(self, request: Request) -> Response:
        """`format`: md, txt or html (a page by itself); none: one of these pages. `at`, `public`, `lang` as said."""
        language, query = self._language(request)
        given = request.query_params
        form, public = given.get("format"), given.get("public") not in (None, "", "0")
        if form not in (None, "html", *TYPES):
            raise HTTPException(400, "format is md, txt or html")
        at = self._moment(given.get("at"))
        try:
            text = await self._write(language=language, form=form or "body", public=public, at=at)
        except LookupError as error:
            raise HTTPException(404, str(error.args[0])) from None
        if form is None:
            return HTMLResponse(self._pages.report(text, language, query))
        if form == "html":  # it brings its own style, which these pages' policy forbids: it is to be kept, not shown
            return HTMLResponse(text, headers={"content-disposition": 'attachment; filename="report.html"'})
        return PlainTextResponse(text, media_type=TYPES[form])

    def _moment(self, written: str | None) -> float | None:
        if not written:
            return None
        if self._pages.view.replaying:
            raise HTTPException(400, "the times of a replay cannot be gone back to")
        try:
            moment = datetime.fromisoformat(written)
            return (moment if moment.tzinfo else moment.replace(tzinfo=self._pages.view.site.zone)).timestamp()
        except (ValueError, OverflowError):
            raise HTTPException(400, "at is a moment such as 2023-07-03T08:00:00+02:00") from None
