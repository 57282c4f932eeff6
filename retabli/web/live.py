"""What open pages are told: the rows that look different now, when the others were last tried, and the line on top."""

import json
from collections.abc import AsyncIterator, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from retabli.model.record import Entry
from retabli.view import Feed, Subscription, View, iso
from retabli.view.feed import RESYNC
from retabli.view.times import heading
from retabli.web.instants import when
from retabli.web.pages.flows import FlowsPage
from retabli.web.pages.rows import latest
from retabli.web.pages.stencils import look
from retabli.web.words import LANGUAGES, reading

ANEW = 10**15  # what a page asks for that is taken anew after this: nothing of before it
BEAT = 5.0  # seconds of silence: pages take themselves for lost after a bit more than twice as long


def event(kind: str, data: object, id_: int | None = None) -> bytes:
    """One server-sent event; JSON has no newline in it, so it is one `data` line."""
    head = f"id: {id_}\n" if id_ is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="backslashreplace")


class ApiStream:
    """`/api/v1/stream`: each flow that changed, as the API shows it, and each row of the log."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.last = 0
        self.feed: Feed = view.feed(self._encode)

    def _encode(self, changed: Sequence[str], logged: Sequence[tuple[Entry, int | None]]) -> bytes:
        said = []
        for id_ in changed:
            form = self._view.form(id_)
            self.last += 1
            if form is None:
                said.append(event("gone", {"id": id_}, self.last))
            else:
                said.append(b"id: %d\nevent: flow\ndata: %s\n\n" % (self.last, form))
        for entry, number in logged:
            self.last += 1
            said.append(event("log", self._view.entry_form(entry, number), self.last))
        return b"".join(said)


class PageStream:
    """The stream of open pages, in one language."""

    def __init__(self, view: View, page: FlowsPage, language: str) -> None:
        self._view = view
        self._page = page
        self._language = language
        self._looks: dict[str, object] = {}
        self._top: object = None
        self._plan: object = page.plan
        self.feed: Feed = view.feed(self._encode)

    def _encode(self, changed: Sequence[str], logged: Sequence[tuple[Entry, int | None]]) -> bytes:
        said, seen, looked = [self.beat()], {}, dict[str, object]()
        plan = self._page.plan
        if plan != self._plan:
            said.append(RESYNC)
        for id_ in changed:
            picture = self._view.pictures.get(id_)
            if picture is None:
                self._looks.pop(id_, None)
                said.append(event("gone", {"id": id_}))
                continue
            looks = look(picture, self._view)
            if self._looks.get(id_) != looks:
                looked[id_] = looks
                said.append(event("row", {"id": id_, "html": self._page.row(picture, self._language)}))
            elif (at := latest(picture)) is not None:
                seen[id_] = iso(self._view.stamp(at))
        if seen:
            said.append(event("seen", seen))
        top = self._page.top(self._language)
        if top.key != self._top:
            html, title = self._page.top_html(top, self._language), self._page.title(top, self._language)
            said.append(event("top", {"html": html, "title": title}))
        said.extend(event("log", {}) for _ in logged[:1])
        told = b"".join(said)
        # Only now: what could not be said, for want of memory or by a defect, is said the next time.
        self._looks |= looked
        self._top, self._plan = top.key, plan
        return told

    def subscribe(self, since: int) -> Subscription:
        """A reader whose page was rendered at that revision of the view; it is told what changed since."""
        if not len(self.feed):
            self._plan = self._page.plan  # nobody has a page of another one
        reader = self.feed.subscribe()
        try:
            self._catch_up(reader, since)
        except BaseException:
            self.feed.leave(reader)  # it hears nothing, and would take its place for ever
            raise
        return reader

    def _catch_up(self, reader: Subscription, since: int) -> None:
        # What other readers were last shown says nothing of what this one has: everything may be said again.
        self._looks.clear()
        self._top = None
        if self._view.revision < since < ANEW:  # of a daemon whose clock was ahead: nothing of that page is known
            since = 0
        if since < self._view.arranged:  # a flow that is gone since changes no more: nobody would say so
            reader.give(RESYNC)
        for id_ in self._view.changed_since(since):
            self.feed.touch(id_, urgent=True)

    def beat(self) -> bytes:
        """That we are there, what time it is, and of which build: all that is said in silence."""
        view, language = self._view, self._language
        now = when(view.unstamped_now, view, language)
        said = {"now": round(view.now * 1000), "pace": view.pace, "iso": now.iso, "said": now.full}
        said |= {"heading": heading(view.now, view.site.zone, language), "build": self._page.build}
        return event("beat", said)


class Live:
    """`/live`: what open pages are told, in the reader's language."""

    def __init__(self, view: View, page: FlowsPage) -> None:
        own = view.site.language
        self._own = own
        self._streams = {each: PageStream(view, page, each) for each in LANGUAGES}

    def route(self) -> Route:
        return Route("/live", self.get)

    async def get(self, request: Request) -> Response:
        stream = self._streams[reading(request.query_params.get("lang"), self._own)[0]]
        if stream.feed.full:
            raise HTTPException(503, "too many are listening")
        text = request.query_params.get("since", "")
        since = int(text[:18]) if text.isascii() and text.isdigit() else 0

        async def told() -> AsyncIterator[bytes]:
            with stream.subscribe(since) as reader:
                yield b"retry: 3000\n\n" + stream.beat()
                async for chunk in reader.chunks(BEAT):
                    # A browser's script does not hear comments: silence is broken by an event.
                    yield stream.beat() if chunk.startswith(b":") else chunk

        return StreamingResponse(told(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
