"""What open pages are told: the rows that look different now, when the others were last tried, and the line on top."""

import json
from collections.abc import AsyncIterator, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from retabli.model.record import Entry, FlowPicture
from retabli.view import Feed, Subscription, View, iso
from retabli.web.instants import when
from retabli.web.pages.flows import FlowsPage
from retabli.web.pages.rows import latest
from retabli.web.words import LANGUAGES, reading


def event(kind: str, data: object, id_: int | None = None) -> bytes:
    """One server-sent event; JSON has no newline in it, so it is one `data` line."""
    head = f"id: {id_}\n" if id_ is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


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

    def __init__(self, view: View, page: FlowsPage, language: str, query: str) -> None:
        self._view = view
        self._page = page
        self._language = language
        self._query = query
        self._looks: dict[str, object] = {}
        self._headline = ""
        self.feed: Feed = view.feed(self._encode)

    def _encode(self, changed: Sequence[str], logged: Sequence[tuple[Entry, int | None]]) -> bytes:
        said, seen = [], {}
        for id_ in changed:
            picture = self._view.pictures.get(id_)
            if picture is None:
                self._looks.pop(id_, None)
                said.append(event("gone", {"id": id_}))
                continue
            look = _look(picture)
            if self._looks.get(id_) != look:
                self._looks[id_] = look
                said.append(event("row", {"id": id_, "html": self._page.row(picture, self._language, self._query)}))
            elif (at := latest(picture)) is not None:
                seen[id_] = iso(self._view.stamp(at))
        if seen:
            said.append(event("seen", seen))
        line = self._page.headline(self._language)
        if line != self._headline:
            self._headline = line
            said.append(event("headline", {"html": line}))
        said.extend(event("log", {}) for _ in logged[:1])
        return b"".join([self.beat(), *said])

    def subscribe(self, since: int) -> Subscription:
        """A reader whose page was rendered at that revision of the view; it is told what changed since."""
        reader = self.feed.subscribe()
        # What other readers were last shown says nothing of what this one has: everything may be said again.
        self._looks.clear()
        self._headline = ""
        for id_ in self._view.changed_since(since):
            self.feed.touch(id_, urgent=True)
        return reader

    def beat(self) -> bytes:
        """That we are there, and what time it is; all that is said in silence."""
        now = when(self._view.unstamped_now, self._view, self._language)
        said = {"now": round(self._view.now * 1000), "pace": self._view.pace, "iso": now.iso, "said": now.full}
        return event("beat", said)


def _look(picture: FlowPicture) -> object:
    """All that a row shows, but for when the flow was last tried."""
    deciding = picture.deciding
    return (
        picture.flow,
        picture.state,
        picture.since,
        picture.standing.state,
        picture.standing.drops,
        picture.standing.breaches,
        picture.standing.because,
        picture.standing.incident,
        picture.standing.silence,
        picture.standing.deferred,
        picture.verified,
        picture.counts(),
        deciding and (deciding.name, deciding.result.stage, deciding.result.cause),
    )


class Live:
    """`/live`: what open pages are told, in the reader's language."""

    def __init__(self, view: View, page: FlowsPage) -> None:
        own = view.site.language
        self._own = own
        self._streams = {
            each: PageStream(view, page, each, "" if each == own else f"?lang={each}") for each in LANGUAGES
        }

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
                async for chunk in reader.chunks():
                    # A browser's script does not hear comments: silence is broken by an event.
                    yield stream.beat() if chunk.startswith(b":") else chunk

        return StreamingResponse(told(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
