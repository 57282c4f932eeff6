"""Taking a page in hand, and silence for planned work: by the API, and by the forms on a flow's page."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from retabli.model.record import FlowPicture
from retabli.model.result import clean
from retabli.paging import NotNow
from retabli.view import View
from retabli.web.answers import answer
from retabli.web.fields import LARGEST, LONGEST, Faulty, Fields, read
from retabli.web.guard import body_of, refuse_foreign
from retabli.web.pages.flow import FlowPage
from retabli.web.pages.sheet import LABELS, NAME, sheet, tomorrow
from retabli.web.seams import OnCall
from retabli.web.words import reading, text

KEPT = 180 * 86_400  # seconds
FURTHEST = 30  # days: nobody has a page in hand for longer without saying so again

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

    def __init__(self, view: View, page: FlowPage, on_call: OnCall, hosts: Collection[str]) -> None:
        self._view = view
        self._page = page
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
            labels = {key: text(label, language) for key, label in LABELS.items()}
            return await self._again(request, given, [each.said(language, labels) for each in refusal.faults], 400)
        except NotNow as refusal:
            return await self._again(request, given, [_as_sentence(refusal.words[language])], 409)
        response = RedirectResponse(self._address(request, flow), 303)
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
        return RedirectResponse(self._address(request, request.path_params["id"]), 303)

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
            fields["until"] = tomorrow(self._view).isoformat() if chosen == "tomorrow" else chosen
        return fields

    def _offset(self, local: str) -> str:
        """What a browser gives of an instant, in the site's time; what is none is left for a fault to tell of."""
        try:
            instant = datetime.fromisoformat(local)
        except ValueError:
            return local
        return instant.replace(tzinfo=self._view.site.zone).isoformat() if instant.tzinfo is None else local

    async def _again(
        self, request: Request, given: Mapping[str, object], faults: Sequence[str], status: int
    ) -> Response:
        """The page once more, with what was filled in, and why it was not taken."""
        return await self._page.answer(request, sheet(request, self._view, given, faults), status)

    def _language(self, request: Request) -> tuple[str, str]:
        return reading(request.query_params.get("lang"), self._view.site.language)

    def _address(self, request: Request, flow: str) -> str:
        return f"/flows/{quote(flow, safe='')}{self._language(request)[1]}#page"


async def _given(request: Request) -> Mapping[str, object]:
    return read(await body_of(request, LARGEST), request.headers.get("content-type", ""))


def _as_sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
