"""Changes of state as an Atom feed at `/feed.atom` (RFC 4287)."""

import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retabli.model.record import Event
from retabli.view import iso
from retabli.web.pages.entries import entry_row
from retabli.web.pages.frame import Frame, Wording

SHOWN = 200  # entries


class AtomFeed:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view

    def route(self) -> Route:
        return Route("/feed.atom", self.get)

    async def get(self, request: Request) -> Response:
        view, language = self._view, self._frame.reading(request)[0]
        changes = [
            entry_row(each, view, language)
            for each in view.entries()
            if each.entry.event is Event.STATE and each.entry.flow
        ]
        site = f"{view.site.name}/{view.site.standpoint}"
        feed = self._frame.template("atom.xml").render(
            t=Wording(language),
            site=view.site,
            language=language,
            base=str(request.base_url).rstrip("/"),
            feed_id=uuid.uuid5(uuid.NAMESPACE_URL, f"retabli:{site}").urn,
            updated=changes[0].when.iso if changes else iso(view.now),
            entries=changes[:SHOWN],
        )
        return Response(feed, media_type="application/atom+xml")
