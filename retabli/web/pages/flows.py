"""The restoration view at `/`: a line that says it all, what to look at, and every flow by its group."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retabli.model.record import FlowPicture
from retabli.model.states import STATE_WORDS, Intent, State
from retabli.own_link import ID as OWN_LINK
from retabli.web.access.policy import Role
from retabli.web.access.visitor import UNKNOWN, Visitor, visitor_of
from retabli.web.answers import streamed
from retabli.web.inert import inert
from retabli.web.pages.attention import Attention, attention
from retabli.web.pages.axis import axis
from retabli.web.pages.frame import Frame, Wording
from retabli.web.pages.headline import Headline, headline
from retabli.web.pages.stencils import Stencils
from retabli.web.pages.strip import LINES
from retabli.web.words import LANGUAGES, text

BREATH = 20  # rows rendered between two breaths of the loop
PACKED = 6  # zlib's level: rows are much alike, and telephones have slow links
MARK = "\u0000ROWS\u0000"
FEW, SOME = 16, 48  # flows: up to so many rows are roomy, up to so many fit on a wall, and each of more says the least


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    why: str
    pictures: Sequence[FlowPicture]
    continued: bool = False  # it began in the column before


@dataclass(frozen=True, slots=True)
class Top:
    """The part of the page that sums up the rest."""

    headline: Headline
    attention: Attention

    @property
    def key(self) -> object:
        return self.headline.key, self.attention.key


class FlowsPage:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._view = frame.view
        self._top = frame.template("headline.html")
        self._axis = frame.template("axis.html")
        own, template = self._view.site.language, frame.template("row.html")
        self._rows = {
            each: Stencils(self._view, template, each, "" if each == own else f"?lang={each}") for each in LANGUAGES
        }

    def route(self) -> Route:
        return Route("/", self.get)

    @property
    def build(self) -> str:
        return self._frame.build

    async def get(self, request: Request) -> Response:
        pieces = self.pieces(*self._frame.reading(request), visitor_of(request))

        async def encoded() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece.encode()

        return streamed(request, encoded(), "text/html; charset=utf-8", level=PACKED)

    async def pieces(self, language: str, query: str, visitor: Visitor = UNKNOWN) -> AsyncIterator[str]:
        """The page, in pieces; the loop breathes between them."""
        top = self.top(language)
        more = {
            "headline": top.headline,
            "attention": top.attention,
            "switches": self._frame.switches() if visitor.may(Role.ADMIN) else [],
            "ROWS": MARK,
            "size": self.size,
            "key": list(_key(language)),
        }
        head, _, tail = self._frame.render("flows.html", language, query, "/", visitor, **more).partition(MARK)
        days = self._axis.render(axis=axis(self._view, language), t=Wording(language))
        yield head
        self._rows[language].prune()
        for column in columns(self._groups(language)):
            yield f'<div class="column">{days}\n'
            for group in column:
                async for piece in self._group(group, language):
                    yield piece
            yield "</div>\n"
        yield tail

    async def _group(self, group: Group, language: str) -> AsyncIterator[str]:
        why = Markup(" <small>{}</small>").format(group.why) if group.why else ""
        name = "group continued" if group.continued else "group"
        yield str(Markup('<section class="{}"><h2>{}{}</h2><ul class="flows">\n').format(name, group.title, why))
        for start in range(0, len(group.pictures), BREATH):
            yield "".join(self.row(each, language) for each in group.pictures[start : start + BREATH])
            await asyncio.sleep(0)
        yield "</ul></section>\n"

    def row(self, picture: FlowPicture, language: str) -> str:
        """One row: the same on the page, and when it changes."""
        return self._rows[language].row(picture, terse=self.size == "many")

    def top(self, language: str) -> Top:
        pictures = self._view.pictures.values()
        return Top(headline(pictures, self._view, language), attention(pictures, self._view, language))

    def top_html(self, top: Top, language: str) -> str:
        return self._top.render(headline=top.headline, attention=top.attention, t=Wording(language))

    def title(self, top: Top, language: str) -> str:
        return f"{top.headline.tab or text('restoration', language)} — {inert(self._view.site.name)}"

    @property
    def size(self) -> str:
        number = len(self._view.pictures)
        return "few" if number <= FEW else "some" if number <= SOME else "many"

    @property
    def plan(self) -> object:
        """What stands where: a page whose plan is another one is to be taken anew."""
        pictures = self._view.pictures.values()
        return self.size, tuple((each.flow.id, each.flow.group, each.flow.intent) for each in pictures)

    def _groups(self, language: str) -> Iterator[Group]:
        groups: dict[str, list[FlowPicture]] = {}
        shut, own = [], []
        for picture in list(self._view.pictures.values()):
            if picture.flow.id == OWN_LINK:
                own.append(picture)
            elif picture.flow.intent is Intent.CLOSED:
                shut.append(picture)
            else:
                groups.setdefault(picture.flow.group, []).append(picture)
        ungrouped = groups.pop("", [])
        for name, pictures in groups.items():
            yield Group(inert(name[:1].upper() + name[1:]), "", pictures)
        if ungrouped:
            yield Group(text("others" if groups else "restoration", language), "", ungrouped)
        if shut:
            yield Group(text("closed", language), text("closed_why", language), shut)
        if own:
            yield Group(text("own", language), "", own)


def columns(groups: Iterator[Group]) -> tuple[list[Group], list[Group]]:
    """Two columns of about one height, for a wall; elsewhere they stand below one another.

    A group is cut only where columns of whole groups would be far from equal.
    """
    all_ = list(groups)
    half = sum(_height(each) for each in all_) / 2
    left: list[Group] = []
    high = 0.0
    for place, group in enumerate(all_):
        more = _height(group)
        if high + more / 2 >= half:  # the cut before it is nearer to the middle than the one after it
            kept = round((half - high) * len(group.pictures) / more)
            if half - high > half / 3 and 0 < kept < len(group.pictures):
                rest = Group(group.title, group.why, group.pictures[kept:], continued=True)
                left.append(Group(group.title, group.why, group.pictures[:kept]))
                return left, [rest, *all_[place + 1 :]]
            return left, all_[place:]
        left.append(group)
        high += more
    return left, []


def _height(group: Group) -> float:
    """About how high it is, in rows of flows that are as they should be: the others say more."""
    return 1.0 + sum(
        1.0 if each.state in (State.RESTORED, State.CONTAINED) else 3.0 if each.flow.notice else 2.0
        for each in group.pictures
    )


def _key(language: str) -> Iterator[tuple[str, float | None, str]]:
    """The strip's legend: each state's name, where its line is drawn, its word."""
    for state in (*reversed(State), None):
        word = STATE_WORDS[state][language] if state else text("course_none", language)
        yield state.value if state else "none", LINES.get(state), word
