"""Changes of state as an Atom feed at `/feed.atom` (RFC 4287)."""

import uuid
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retabli.model.record import Event
from retabli.model.states import STATE_WORDS, State
from retabli.published import Feed, FeedEntry, feed, templates
from retabli.view import iso
from retabli.web.conditional import conditional
from retabli.web.inert import inert
from retabli.web.pages.entries import EntryRow, entry_row
from retabli.web.pages.frame import Frame
from retabli.web.words import text

SHOWN = 200  # entries


class AtomFeed:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view
        self._templates = templates()

    def route(self) -> Route:
        return Route("/feed.atom", self.get)

    async def get(self, request: Request) -> Response:
        """In the reader's language, as all that it leads to; whoever has it already is told so (304)."""
        language, query = self._frame.reading(request)
        view, base = self._view, str(request.base_url).rstrip("/")
        changes = [
            entry_row(each, view, language)
            for each in view.entries()
            if each.entry.event is Event.STATE and each.entry.flow
        ][:SHOWN]
        name, stands = inert(view.site.name), inert(view.site.standpoint)
        of = Feed(
            id=uuid.uuid5(uuid.NAMESPACE_URL, f"retabli:{view.site.name}/{view.site.standpoint}").urn,
            language=language,
            title=f"{name} — {text('restoration', language)}",
            author=f"Retabli ({stands})" if stands else "Retabli",
            # Nothing has happened yet: since the flows were cut, where that is known.
            updated=changes[0].when.iso if changes else iso(view.site.cut_at or 0.0) or "",
            own=f"{base}/feed.atom{query}",
            page=f"{base}/{query}",
            entries=[_entry(each, base, query, language) for each in changes],
        )
        return conditional(request, feed(of, self._templates).encode(), "application/atom+xml")


def _entry(change: EntryRow, base: str, query: str, language: str) -> FeedEntry:
    state = STATE_WORDS[State(change.state)][language] if change.state else change.said
    return FeedEntry(
        id=change.id,
        title=f"{change.title} — {state}",
        summary=change.said,
        at=change.when.iso,
        link=f"{base}/flows/{quote(change.flow)}{query}",
        state=change.state,
    )
