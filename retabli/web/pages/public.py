"""What anybody may read at `/public`: only flows that are public; no host, no detail, no cause. Its feed and badge."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from retabli.published import (
    Bulletin,
    Links,
    badge,
    bulletin,
    feed,
    page,
    public_badge,
    public_entries,
    public_feed,
    templates,
)
from retabli.web.conditional import EMBEDDED, conditional
from retabli.web.pages.frame import Frame


class PublicPage:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view
        self._templates = templates()

    def routes(self) -> Sequence[Route]:
        return (
            Route("/public", self.get),
            Route("/public/feed.atom", self.feed),
            Route("/public/badge.svg", self.badge),
        )

    async def get(self, request: Request) -> Response:
        language, query = self._frame.reading(request)
        other = "en" if language == "fr" else "fr"
        remark = self._frame.remark(language)
        links = Links(self._frame.asset, f"/public/feed.atom{query}", f"/public?lang={other}", remark)
        return HTMLResponse(page(self._bulletin(language), links, self._templates))

    async def feed(self, request: Request) -> Response:
        language, query = self._frame.reading(request)
        base, view = str(request.base_url).rstrip("/"), self._view
        flows = {id_: picture.flow for id_, picture in view.pictures.items()}
        rows = (each.entry for each in view.entries())
        address = f"{base}/public{query}"
        news = public_entries(rows, flows, view.site, language, stamp=view.stamp, link=address)
        of = public_feed(self._bulletin(language), news, f"{base}/public/feed.atom{query}", address)
        return conditional(request, feed(of, self._templates).encode(), "application/atom+xml")

    async def badge(self, request: Request) -> Response:
        language = self._frame.reading(request)[0]
        drawn = badge(public_badge(self._bulletin(language)), language)
        return conditional(request, drawn.encode(), "image/svg+xml", EMBEDDED)

    def _bulletin(self, language: str) -> Bulletin:
        view = self._view
        flows = []
        for picture in view.pictures.values():
            restored = picture.standing.restored_at
            since = picture.since if picture.state.value == "dropped" or restored is None else restored
            told = bulletin(picture.flow, picture.state, language, since=view.stamp(since))
            if told is not None:
                flows.append(told)
        return Bulletin(view.site, language, view.now, view.unstamped_now, tuple(flows))
