"""The point of situation at `/report`: as a page, or as Markdown, text or HTML to be sent on."""

from datetime import datetime

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from retabli.web.pages.frame import Frame
from retabli.web.seams import ReportWriter

TYPES = {"md": "text/markdown; charset=utf-8", "txt": "text/plain; charset=utf-8"}


class ReportPage:
    def __init__(self, frame: Frame, write: ReportWriter) -> None:
        self._frame = frame
        self._write = write

    def route(self) -> Route:
        return Route("/report", self.get)

    async def get(self, request: Request) -> Response:
        """`format`: md, txt or html (a page by itself); none: one of these pages. `at`, `public`, `lang` as said."""
        language, query = self._frame.reading(request)
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
            body = Markup(text)  # noqa: S704 - escaped where made
            return HTMLResponse(self._frame.render("report.html", language, query, "/report", body=body))
        if form == "html":  # it brings its own style, which these pages' policy forbids: it is to be kept, not shown
            return HTMLResponse(text, headers={"content-disposition": 'attachment; filename="report.html"'})
        return PlainTextResponse(text, media_type=TYPES[form])

    def _moment(self, written: str | None) -> float | None:
        if not written:
            return None
        if self._frame.view.replaying:
            raise HTTPException(400, "the times of a replay cannot be gone back to")
        try:
            moment = datetime.fromisoformat(written)
            return (moment if moment.tzinfo else moment.replace(tzinfo=self._frame.view.site.zone)).timestamp()
        except (ValueError, OverflowError):
            raise HTTPException(400, "at is a moment such as 2023-07-03T08:00:00+02:00") from None
