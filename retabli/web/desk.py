"""Taking a page in hand, and silence for planned work: by the API, and by the forms on a flow's page."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from retabli.model.record import FlowPicture
from retabli.model.result import clean
from retabli.own_link import ID as OWN_LINK
from retabli.paging import NotNow
from retabli.view import View
from retabli.view.times import moment
from retabli.web.api import answer
from retabli.web.fields import LARGEST, LONGEST, Faulty, Fields, read
from retabli.web.guard import body_of, refuse_foreign
from retabli.web.marks import Sheet
from retabli.web.pages import Pages
from retabli.web.seams import OnCall
from retabli.web.words import reading, text

NAME = "retabli_by"  # the cookie: who filled in a form last in this browser
KEPT = 180 * 86_400  # seconds
MORNING = 8  # o'clock, at which a silence "until tomorrow" ends
FURTHEST = 30  # days: nobody has a page in hand for longer without saying so again
HISTORY = 30  # rows of the log

Act = Callable[[OnCall, str, Fields], Awaitable[object]]


async def _acknowledge(on_call: OnCall, flow: str, fields: Fields) -> object:
    by, note = fields.text("by"), fields.text("note", wanted=False)
    until = fields.instant("until", wanted=False, furthest=FURTHEST)
    fields.check()
    return await on_call.acknowledge(flow, by=by, note=note, until=until)


async def _silence(on_call: OnCall, flow: str, fields: Fields) -> object:
    by, why, until = fields.text("by"), fields.text("why"), fields.instant("until")
    fields.check()
    assert until is not None  # noqa: S101 - it was wanted, and nothing was at fault
    return await on_call.silence(flow, until=until, by=by, why=why)


async def _unsilence(on_call: OnCall, flow: str, fields: Fields) -> None:
    by = fields.text("by")
    fields.check()
    await on_call.unsilence(flow, by=by)


@dataclass(frozen=True, slots=True)
class Doing:
    """Something that is asked for: what it is called in an address, and the fields that it knows."""

    word: str
    known: tuple[str, ...]
    act: Act


DOINGS = (
    Doing("acknowledge", ("by", "note", "until"), _acknowledge),
    Doing("silence", ("by", "why", "until"), _silence),
    Doing("unsilence", ("by",), _unsilence),
)


class Desk:
    """Over one view; `hosts` are the names that this daemon is reached by."""

    def __init__(self, view: View, pages: Pages, on_call: OnCall, hosts: Collection[str]) -> None:
        self._view = view
        self._pages = pages
        self._on_call = on_call
        self._hosts = hosts

    def routes(self) -> Sequence[Route]:
        routes = []
        for doing in DOINGS:
            api, page = f"/api/v1/flows/{{id}}/{doing.word}", f"/flows/{{id}}/{doing.word}"
            routes.append(Route(api, partial(self.by_api, doing), methods=["POST"]))
            routes.append(Route(page, partial(self.by_page, doing), methods=["POST"]))
            routes.append(Route(page, self.back, methods=["GET"]))
        return routes

    async def by_api(self, doing: Doing, request: Request) -> Response:
        flow = self._asked(request).flow.id
        try:
            await self._do(doing, flow, await _given(request))
        except Faulty as refusal:
            return answer({"error": str(refusal), "faults": [each.said("en") for each in refusal.faults]}, 400)
        except NotNow as refusal:
            raise HTTPException(409, str(refusal)) from None
        form = self._view.form(flow)
        if form is None:
            raise HTTPException(404, "there is no such flow")
        return Response(form + b"\n", media_type="application/json")

    async def by_page(self, doing: Doing, request: Request) -> Response:
        picture = self._asked(request)
        flow, language, given = picture.flow.id, self._language(request)[0], dict[str, object]()
        try:
            given = dict(await _given(request))
            await self._do(doing, flow, self._chosen(given))
        except Faulty as refusal:
            labels = {key: text(label, language) for key, label in _LABELS.items()}
            return self._again(request, flow, given, [each.said(language, labels) for each in refusal.faults], 400)
        except NotNow as refusal:
            return self._again(request, flow, given, [_as_sentence(refusal.words[language])], 409)
        response = RedirectResponse(self._page(request, flow), 303)
        response.set_cookie(
            NAME,
            quote(clean(str(given["by"]), LONGEST["by"])),
            max_age=KEPT,
            path="/flows",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def back(self, request: Request) -> Response:
        """A GET changes nothing: it leads to the flow's page."""
        return RedirectResponse(self._page(request, request.path_params["id"]), 303)

    def sheet(self, request: Request, given: Mapping[str, object] | None = None, faults: Sequence[str] = ()) -> Sheet:
        """The forms of a flow's page, with what was filled in already."""
        language, view = self._language(request)[0], self._view
        filled = {name: clean(str(value), LARGEST) for name, value in (given or {}).items() if name in _LABELS}
        filled.setdefault("by", clean(unquote(request.cookies.get(NAME, "")), LONGEST["by"]))
        zone = view.site.zone
        return Sheet(
            filled={name: filled.get(name, "") for name in _LABELS},
            longest=LONGEST,
            faults=tuple(faults),
            earliest=datetime.fromtimestamp(view.now, zone).strftime("%Y-%m-%dT%H:%M"),
            tomorrow=moment(self._tomorrow().timestamp(), view.now, zone, language),
            silences=request.path_params["id"] != OWN_LINK,
            zone=str(zone),
        )

    # bits -----------------------------------------------------------------------------------------------------

    async def _do(self, doing: Doing, flow: str, given: Mapping[str, object]) -> None:
        try:
            await doing.act(self._on_call, flow, Fields(given, doing.known, self._view))
        except LookupError:
            if flow in self._view.pictures:
                raise
            raise HTTPException(404, "there is no such flow") from None  # it was taken away meanwhile

    def _asked(self, request: Request) -> FlowPicture:
        refuse_foreign(request, self._hosts)
        picture = self._view.pictures.get(request.path_params["id"])
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        return picture

    def _chosen(self, given: Mapping[str, object]) -> dict[str, object]:
        """The fields as the API knows them: which button was pressed says until when a silence lasts."""
        fields = {name: value for name, value in given.items() if name != "for"}
        chosen = given.get("for")
        if chosen is None:
            return fields
        if chosen == "until":
            fields["until"] = self._offset(str(fields.get("until", "")))
        else:
            fields["until"] = self._tomorrow().isoformat() if chosen == "tomorrow" else chosen
        return fields

    def _offset(self, local: str) -> str:
        """What a browser gives of an instant, in the site's time; what is none is left for a fault to tell of."""
        try:
            instant = datetime.fromisoformat(local)
        except ValueError:
            return local
        return instant.replace(tzinfo=self._view.site.zone).isoformat() if instant.tzinfo is None else local

    def _tomorrow(self) -> datetime:
        today = datetime.fromtimestamp(self._view.now, self._view.site.zone)
        return (today + timedelta(days=1)).replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)

    def _again(
        self, request: Request, flow: str, given: Mapping[str, object], faults: Sequence[str], status: int
    ) -> Response:
        """The page once more, with what was filled in, and why it was not taken."""
        picture = self._view.pictures.get(flow)
        if picture is None:
            raise HTTPException(404, "there is no such flow")
        history = self._view.entries(flow=flow, limit=HISTORY)
        sheet = self.sheet(request, given, faults)
        return HTMLResponse(self._pages.flow(picture, history, *self._language(request), sheet), status)

    def _language(self, request: Request) -> tuple[str, str]:
        return reading(request.query_params.get("lang"), self._view.site.language)

    def _page(self, request: Request, flow: str) -> str:
        return f"/flows/{quote(flow, safe='')}{self._language(request)[1]}#page"


_LABELS: dict[str, Any] = {"by": "who", "note": "note_label", "why": "why", "until": "until_label"}


async def _given(request: Request) -> Mapping[str, object]:
    return read(await body_of(request, LARGEST), request.headers.get("content-type", ""))


def _as_sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
