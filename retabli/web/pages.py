"""The pages: rendered here, whole, so that they are right without any script."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from retabli.model.flow import Flow
from retabli.model.record import Event, FlowPicture
from retabli.model.states import STATE_WORDS, Intent, State
from retabli.own_link import ID as OWN_LINK
from retabli.view import Logged, View, iso
from retabli.view.site import seen_from
from retabli.view.times import span, took
from retabli.web.headline import headline
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.marks import Sheet
from retabli.web.rows import controls, row, unit_rows
from retabli.web.seams import Switch, Switches
from retabli.web.sentences import sentence
from retabli.web.words import CRITICALITIES, INTENTS, required, text

HERE = Path(__file__).parent
BREATH = 20  # rows rendered between two breaths of the loop
SHOWN = 200  # rows of the log on one page
MARK = "\u0000ROWS\u0000"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of ours, held in memory. `version` is of its content, so that browsers may keep it for ever."""

    body: bytes
    type: str
    version: str


@dataclass(frozen=True, slots=True)
class EntryRow:
    when: When
    event: str
    flow: str
    title: str
    said: str
    state: str
    id: str


@dataclass(frozen=True, slots=True)
class PublicRow:
    title: str
    state: str
    word: str
    notice: str
    since: When | None


def load_assets() -> dict[str, Asset]:
    types = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
    assets = {}
    for file in sorted((HERE / "static").iterdir()):
        body = file.read_bytes()
        assets[file.name] = Asset(body, types[file.suffix], hashlib.sha256(body).hexdigest()[:12])
    return assets


class Pages:
    """Every page, over one view; with the demo's switches, if this is one."""

    def __init__(self, view: View, switches: Switches | None = None, *, reports: bool = False) -> None:
        self.view = view
        self._reports = reports  # whether there is a /report to lead to
        self._switches = switches
        self.assets = load_assets()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._row = self._templates.get_template("row.html")
        self._headline = self._templates.get_template("headline.html")

    # the restoration view -------------------------------------------------------------------------------------

    async def flows(self, language: str, query: str) -> AsyncIterator[str]:
        """The restoration view, in pieces; the loop breathes between them."""
        context = self._context(language, query, "/")
        switches = self._switches.all() if self._switches is not None else ()
        context |= {"headline": self._said(language), "switches": switches, "ROWS": MARK}
        head, _, tail = self._templates.get_template("flows.html").render(context).partition(MARK)
        yield head
        for title, why, pictures in self._groups(language):
            yield str(Markup('<section class="group"><h2>{}{}</h2><ul class="flows">\n').format(title, why))
            for start in range(0, len(pictures), BREATH):
                yield "".join(self.row(each, language, query) for each in pictures[start : start + BREATH])
                await asyncio.sleep(0)
            yield "</ul></section>\n"
        yield tail

    def row(self, picture: FlowPicture, language: str, query: str = "") -> str:
        """One row: the same on the page, and when it changes."""
        words = _Words(language)
        return self._row.render(row=row(picture, self.view, language), t=words, query=query)

    def headline(self, language: str) -> str:
        return self._headline.render(headline=self._said(language), t=_Words(language))

    def _said(self, language: str) -> Any:
        return headline(self.view.pictures.values(), self.view, language)

    def _groups(self, language: str) -> Iterator[tuple[str, Markup, list[FlowPicture]]]:
        groups: dict[str, list[FlowPicture]] = {}
        shut, own = [], []
        for picture in list(self.view.pictures.values()):
            if picture.flow.id == OWN_LINK:
                own.append(picture)
            elif picture.flow.intent is Intent.CLOSED:
                shut.append(picture)
            else:
                groups.setdefault(picture.flow.group, []).append(picture)
        ungrouped = groups.pop("", [])
        for name, pictures in groups.items():
            yield inert(name[:1].upper() + name[1:]), Markup(), pictures
        if ungrouped:
            yield text("others" if groups else "restoration", language), Markup(), ungrouped
        if shut:
            yield text("closed", language), Markup(" <small>{}</small>").format(text("closed_why", language)), shut
        if own:
            yield text("own", language), Markup(), own

    # the other pages ------------------------------------------------------------------------------------------

    def flow(
        self,
        picture: FlowPicture,
        history: Iterable[Logged],
        language: str,
        query: str,
        sheet: Sheet | None = None,
    ) -> str:
        """One flow; with the forms of those on call, where there is somebody to hear them."""
        flow = picture.flow
        context = self._context(language, query, f"/flows/{quote(flow.id)}")
        context |= {
            "row": row(picture, self.view, language),
            "units": unit_rows(picture, self.view, language),
            "policy": list(self._policy(picture, language)),
            "runbook": flow.runbook if urlsplit(flow.runbook).scheme in ("http", "https") else "",
            "entries": [self.entry(each, language) for each in history],
            "single": True,
            "switches": self._switches_of(flow.id),
            "sheet": sheet,
        }
        return self._templates.get_template("flow.html").render(context)

    def log(self, entries: Iterable[Logged], chosen: str, language: str, query: str) -> str:
        context = self._context(language, query, "/log")
        titles = [(each.flow.id, inert(each.flow.title[language])) for each in self.view.pictures.values()]
        context |= {
            "entries": [self.entry(each, language) for each in entries],
            "titles": titles,
            "chosen": chosen,
            "single": False,
        }
        return self._templates.get_template("log.html").render(context)

    def public(self, language: str, query: str) -> str:
        """Only flows that are public; no host, no detail, no cause."""
        pictures = [each for each in self.view.pictures.values() if each.flow.public]
        context = self._context(language, query, "/public")
        context |= {"flows": [self._public(each, language) for each in pictures], "public": True}
        return self._templates.get_template("public.html").render(context)

    def report(self, body: str, language: str, query: str) -> str:
        """The point of situation; `body` is HTML."""
        context = self._context(language, query, "/report") | {"body": Markup(body)}  # noqa: S704 - escaped where made
        return self._templates.get_template("report.html").render(context)

    def error(self, status: int, message: str, language: str, query: str) -> str:
        context = self._context(language, query, "/")
        context |= {"status": status, "message": message, "here": ""}
        return self._templates.get_template("error.html").render(context)

    def atom(self, base: str, language: str) -> str:
        """Changes of state, RFC 4287."""
        changes = [
            self.entry(each, language)
            for each in self.view.entries()
            if each.entry.event is Event.STATE and each.entry.flow
        ]
        site = f"{self.view.site.name}/{self.view.site.standpoint}"
        return self._templates.get_template("atom.xml").render(
            t=_Words(language),
            site=self.view.site,
            language=language,
            base=base,
            feed_id=uuid.uuid5(uuid.NAMESPACE_URL, f"retabli:{site}").urn,
            updated=changes[0].when.iso if changes else iso(self.view.now),
            entries=changes[:SHOWN],
        )

    # bits -----------------------------------------------------------------------------------------------------

    def _switches_of(self, flow: str) -> list[Switch]:
        return [each for each in self._switches.all() if each.flow == flow] if self._switches is not None else []

    def entry(self, logged: Logged, language: str) -> EntryRow:
        entry = logged.entry
        picture = self.view.pictures.get(entry.flow) if entry.flow else None
        title = inert(picture.flow.title[language]) if picture else entry.flow or ""
        state = str(entry.data.get("now", "")) if entry.event is Event.STATE else ""
        unique = f"retabli:{self.view.site.name}/{entry.at!r}/{entry.flow}/{entry.event}/{state}"
        return EntryRow(
            when=when(entry.at, self.view, language),
            event=str(entry.event),
            flow=entry.flow or "",
            title=title,
            said=inert(sentence(entry, self.view, language), 600),
            state=state if state in tuple(State) else "",
            id=uuid.uuid5(uuid.NAMESPACE_URL, unique).urn,
        )

    def _public(self, picture: FlowPicture, language: str) -> PublicRow:
        flow, state = picture.flow, picture.state
        closed = flow.intent is Intent.CLOSED
        good = state is State.RESTORED
        return PublicRow(
            title=inert(flow.title[language]),
            # Of a flow that is shut, the public is told what was decided; a breach is nobody's business but ours.
            state="suspended" if closed else state.value,
            word=text("suspended", language) if closed else STATE_WORDS[state][language],
            notice=inert(flow.notice[language], 600) if flow.notice and not good else "",
            since=None if closed else when(picture.since, self.view, language),
        )

    def _policy(self, picture: FlowPicture, language: str) -> Iterator[tuple[str, str]]:
        flow, standing, view = picture.flow, picture.standing, self.view
        yield text("intent", language), INTENTS[flow.intent.value][language]
        yield text("criticality", language), CRITICALITIES[flow.criticality][language]
        if flow.owner:
            yield text("owner", language), inert(flow.owner)
        if flow.intent is Intent.OPEN:
            for key, instant in (
                ("first_restored", standing.first_restored_at),
                ("restored_at", standing.restored_at),
            ):
                said = when(instant, view, language).full if instant is not None else text("never", language)
                yield text(key, language), said
        for key, said in controls(picture):
            yield text(key, language), text(said, language)
        if picture.whole_ratio is not None:
            yield text("whole_ratio", language), f"{round(100 * picture.whole_ratio)}\u00a0%"
        yield from _rules(flow, view, language)

    def _context(self, language: str, query: str, here: str) -> dict[str, Any]:
        view = self.view
        return {
            "t": _Words(language),
            "site": view.site,
            "language": language,
            "other": "en" if language == "fr" else "fr",
            "query": query,
            "here": here,
            "public": False,
            "reports": self._reports,
            "now": when(view.unstamped_now, view, language),
            "now_ms": round(view.now * 1000),
            "revision": view.revision,
            "pace": f"{view.pace:g}",
            "asset": self._asset,
            "standpoint": seen_from(view.site.standpoint, language),
            "remark": self._switches.remark[language] if self._switches is not None else "",
        }

    def _asset(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].version}"


@dataclass(frozen=True, slots=True)
class _Words:
    """The templates' `t`."""

    language: str

    def __call__(self, key: str) -> str:
        return text(key, self.language)


def _lasting(seconds: float, language: str) -> str:
    return span(seconds, language) if seconds.is_integer() else took(seconds, language)


def _rules(flow: Flow, view: View, language: str) -> Iterator[tuple[str, str]]:
    policy = flow.policy
    units = len(flow.units())
    if units > 1:
        yield text("require", language), required(flow.require.text, language)
    rise, fall = ("rise_closed", "fall_closed") if flow.intent is Intent.CLOSED else ("rise", "fall")
    yield text(rise, language), f"{policy.rise}, {text('soak', language)} {_lasting(policy.soak, language)}"
    yield text(fall, language), f"{policy.fall}, {text('confirm', language)} {_lasting(policy.confirm, language)}"
    if flow.parents:
        titles = (view.pictures[each].flow.title[language] if each in view.pictures else each for each in flow.parents)
        yield text("depends_on", language), ", ".join(map(inert, titles))
