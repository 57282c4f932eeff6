"""Rows of the restoration view, kept until what they show changes; the times in them are written each time anew."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Template

from retabli.model.record import FlowPicture
from retabli.view import View, iso
from retabli.view.times import span
from retabli.web.pages.frame import Wording
from retabli.web.pages.rows import latest, row
from retabli.web.pages.strip import LABEL, LENGTH, Held, held, length, strip, unit

_NEVER = float("-inf")  # monotonic: what is shown ends by the wall clock
_SLOT = re.compile(rf'data-ago( data-seen)? datetime="([^"]*)">(<b>)?[^<]*|{LENGTH}(\d+){LENGTH}|{LABEL}')


@dataclass(frozen=True, slots=True)
class Moment:
    """When and for whom rows are placed. `now` is shown."""

    now: float
    length: float
    language: str
    seen: float | None  # when the flow was last tried


Slot = Callable[[Moment], str]


@dataclass(frozen=True, slots=True)
class Stencil:
    pieces: tuple[tuple[str, Slot], ...]
    rest: str

    def fill(self, moment: Moment) -> str:
        return "".join([part for piece, slot in self.pieces for part in (piece, slot(moment))]) + self.rest


def cut(html: str, label: Held) -> Stencil:
    """A rendered row as its unchanging pieces, and what is written between them."""
    pieces: list[tuple[str, Slot]] = []
    place = 0
    for found in _SLOT.finditer(html):
        pieces.append((html[place : found.start()], _slot(found, label)))
        place = found.end()
    return Stencil(tuple(pieces), html[place:])


def _slot(found: re.Match[str], label: Held) -> Slot:
    if found[4]:
        step = int(found[4])
        return lambda moment: f"{moment.length / step:.0f}"
    if found[0] == LABEL:
        return lambda moment: label.said(moment.now, moment.length, moment.language)
    bold, given = found[3] or "", found[2]
    if found[1]:
        return lambda moment: _seen(moment, bold)
    at = datetime.fromisoformat(given).timestamp()
    return lambda moment: f'data-ago datetime="{given}">{bold}{span(moment.now - at, moment.language)}'


def _seen(moment: Moment, bold: str) -> str:
    at = moment.now if moment.seen is None else moment.seen
    return f'data-ago data-seen datetime="{iso(at)}">{bold}{span(moment.now - at, moment.language)}'


def look(picture: FlowPicture, view: View) -> object:
    """All that a row shows, but for when the flow was last tried: rows of equal looks are equal."""
    deciding, standing = picture.deciding, picture.standing
    incident, wall = standing.incident, view.unstamped_now
    parent = view.pictures.get(standing.because) if standing.because else None
    declared = picture.flow.declared_since
    return (
        picture.flow,
        picture.state,
        picture.since,
        standing.state,
        standing.drops,
        standing.breaches,
        standing.because,
        parent and parent.flow.title,
        incident,
        # What ends by itself: who has taken it, a silence, what is declared for later.
        incident and incident.acknowledged and incident.acknowledged.holds(_NEVER, wall),
        standing.silence,
        standing.silence and standing.silence.holds(_NEVER, wall),
        standing.deferred,
        declared is None or declared <= view.now,
        picture.verified,
        picture.counts(),
        picture.closure,
        deciding and (deciding.name, deciding.result.stage, deciding.result.cause),
        len(view.course(picture.flow.id)),
    )


class Stencils:
    """The rows of one page in one language; `query` is what its links carry."""

    def __init__(self, view: View, template: Template, language: str, query: str) -> None:
        self._view = view
        self._template = template
        self._language = language
        self._query = query
        self._kept: dict[str, tuple[object, Stencil]] = {}
        self._circumstances: object = None

    def row(self, picture: FlowPicture, *, terse: bool) -> str:
        """One row as it is now. `terse`: among so many that each says the least."""
        view = self._view
        seen = latest(picture)
        shown = None if seen is None else view.stamp(seen)
        moment = Moment(view.now, length(view), self._language, shown)
        return self._stencil(picture, terse=terse).fill(moment)

    def _stencil(self, picture: FlowPicture, *, terse: bool) -> Stencil:
        view = self._view
        # Other years are written out, and a strip is drawn but so far ahead.
        today = datetime.fromtimestamp(view.now, view.site.zone).date()
        circumstances = (terse, view.replaying, today, view.stamp, view.origin, unit(view))
        if circumstances != self._circumstances:
            self._kept.clear()
            self._circumstances = circumstances
        kept, looks = self._kept.get(picture.flow.id), look(picture, view)
        if kept is not None and kept[0] == looks:
            return kept[1]
        stencil = self._cut(picture, terse=terse)
        self._kept[picture.flow.id] = looks, stencil
        return stencil

    def _cut(self, picture: FlowPicture, *, terse: bool) -> Stencil:
        view, language = self._view, self._language
        html = self._template.render(
            row=row(picture, view, language),
            course=strip(picture, view),
            terse=terse,
            t=Wording(language),
            query=self._query,
        )
        return cut(html, held(picture, view, language))

    def prune(self) -> None:
        """Let go of flows that are no more."""
        for gone in self._kept.keys() - self._view.pictures.keys():
            del self._kept[gone]
