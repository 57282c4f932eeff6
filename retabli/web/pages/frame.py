"""What all pages share: templates, assets, the reader's language, and what stands around each of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from retabli import __version__
from retabli.published import ASSETS, asset
from retabli.view import View
from retabli.view.site import seen_from
from retabli.view.times import heading
from retabli.web.access.policy import Role
from retabli.web.access.visitor import UNKNOWN, Visitor, Way, visitor_of
from retabli.web.inert import inert
from retabli.web.instants import when
from retabli.web.seams import Switch, Switches
from retabli.web.words import reading, text

HERE = Path(__file__).parents[1]
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of ours, held in memory. `version` is of its content, so that browsers may keep it for ever."""

    body: bytes
    type: str
    version: str


def load_assets() -> dict[str, Asset]:
    types = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
    assets = {}
    files = {file.name: file.read_bytes() for file in sorted((HERE / "static").iterdir())}
    for name, body in {**files, **{name: asset(name) for name in ASSETS}}.items():
        assets[name] = Asset(body, types[Path(name).suffix], hashlib.sha256(body).hexdigest()[:12])
    return assets


def _build(assets: Mapping[str, Asset]) -> str:
    digest = hashlib.sha256(__version__.encode())
    for each in assets.values():
        digest.update(each.version.encode())
    for file in sorted((HERE / "templates").iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def other(language: str) -> str:
    """The one that a page offers beside its own."""
    return "en" if language == "fr" else "fr"


@dataclass(frozen=True, slots=True)
class Wording:
    """The templates' `t`: the pages' own words, in the reader's language."""

    language: str

    def __call__(self, key: str) -> str:
        return text(key, self.language)


class Frame:
    """Over one view; with the demo's switches, if this is one."""

    def __init__(self, view: View, switches: Switches | None = None, *, reports: bool = False) -> None:
        self.view = view
        self.assets = load_assets()
        self.build = _build(self.assets)  # an open page of another build takes itself anew
        self._switches = switches
        self._reports = reports  # whether there is a /report to lead to
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    def route(self) -> Route:
        return Route("/static/{name}", self.static)

    async def static(self, request: Request) -> Response:
        asset = self.assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404, "there is no such file")
        kept = FOR_EVER if request.query_params.get("v") == asset.version else "no-cache"
        return Response(asset.body, media_type=asset.type, headers={"cache-control": kept})

    def reading(self, request: Request) -> tuple[str, str]:
        """The reader's language, and what links carry so that it stays."""
        return reading(request.query_params.get("lang"), self.view.site.language)

    def turned(self, request: Request, here: str) -> str:
        """The address of the page at `here`, with all that was asked of it, in the other language."""
        asked = [each for each in request.query_params.multi_items() if each[0] != "lang"]
        return f"{here}?{urlencode([*asked, ('lang', other(self.reading(request)[0]))])}"

    def template(self, name: str) -> Template:
        return self._templates.get_template(name)

    def render(
        self, name: str, language: str, query: str, here: str, visitor: Visitor = UNKNOWN, /, **more: Any
    ) -> str:
        """A whole page; `here` is its own address, `more` what its template places beside what every page has."""
        return self.template(name).render(self._around(language, query, here, visitor) | more)

    def error(self, request: Request, status: int, said: str) -> Response:
        language, query = self.reading(request)
        message = text("not_found", language) if status == 404 else said
        visitor = visitor_of(request)
        public = not visitor.may(Role.VIEW)  # who may not see is not told from where we look, either
        page = self.render("error.html", language, query, "", visitor, status=status, message=message, public=public)
        return HTMLResponse(page, status)

    def remark(self, language: str) -> str:
        """What every page says on top of a world that is not the real one."""
        return self._switches.remark[language] if self._switches is not None else ""

    def switches(self, flow: str | None = None) -> list[Switch]:
        """The demo's: all of them, or a flow's."""
        shown = self._switches.all() if self._switches is not None else ()
        return [each for each in shown if flow in (None, each.flow)]

    def _around(self, language: str, query: str, here: str, visitor: Visitor) -> dict[str, Any]:
        view = self.view
        return {
            "t": Wording(language),
            "site_name": inert(view.site.name),
            "language": language,
            "other": other(language),
            "query": query,
            "here": here,
            "turned": f"{here}?lang={other(language)}",
            "public": False,
            "account": inert(visitor.name, 64),
            "leaves": visitor.way is Way.SESSION,
            "reports": self._reports,
            "now": when(view.unstamped_now, view, language),
            "now_ms": round(view.now * 1000),
            "revision": view.revision,
            "pace": f"{view.pace:g}",
            "build": self.build,
            "heading": heading(view.now, view.site.zone, language),
            "asset": self.asset,
            "standpoint": inert(seen_from(view.site.standpoint, language)),
            "remark": self.remark(language),
        }

    def asset(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].version}"
