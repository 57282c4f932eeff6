"""A flow's course as a strip of the page, drawn in seconds since the attack.

Time passes without a new strip: only its viewBox grows. What no path covers is unknown, whose pattern lies beneath.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from retabli.model.record import FlowPicture
from retabli.model.states import STATE_WORDS, Intent, State
from retabli.view import Span, View, drawn
from retabli.view.course import ALARMS
from retabli.view.times import span
from retabli.web.pages.rows import fallen
from retabli.web.words import text

CELLS = 240  # spans of one strip at most
HEIGHT = 20  # of a strip; what must not be overlooked hangs below its base
BASE = 14
SHORTEST = 60.0  # seconds that a strip shows at least
AHEAD = 2 * 86_400  # seconds for which the last span is drawn beyond now: the page may stay open
SLIGHT = 0.02  # of the strip: a drop that is shorter gets a line of a fixed width
LENGTH, LABEL = "\u0001", "\u0002"  # filled in each time that the strip is placed

# From where to where each state is drawn: what works best is highest, what fell hangs below the base. Unknown is not
# drawn; where nobody was watching (None) there is but a thin line.
BANDS: dict[State | None, tuple[float, float]] = {
    State.RESTORED: (0, BASE),
    State.CONTAINED: (0, BASE),
    State.DEGRADED: (5, BASE),
    State.RECOVERING: (8.5, BASE),
    State.DOWN: (11.5, BASE),
    State.DROPPED: (11.5, HEIGHT),
    State.BREACHED: (0, HEIGHT),
    None: (13, BASE),
}


@dataclass(frozen=True, slots=True)
class Held:
    """How long a flow has been as it should be: `seconds`, and those since `growing` (shown) if it is so now."""

    word: str
    seconds: float
    growing: float | None
    falls: str  # how often it fell, in words

    def said(self, now: float, length: float, language: str) -> str:
        """`rétabli 3 j 4 h sur 12 j, retombé 2 fois`."""
        held = self.seconds + (now - self.growing if self.growing is not None else 0.0)
        of = text("course_of", language)
        said = f"{self.word} {span(held, language)} {of} {span(length, language)}"
        return f"{said}, {self.falls}" if self.falls else said


def length(view: View) -> float:
    """Seconds from the attack until now, as all strips show them."""
    return max(SHORTEST, view.now - view.origin)


def held(picture: FlowPicture, view: View, language: str) -> Held:
    good = State.CONTAINED if picture.flow.intent is Intent.CLOSED else State.RESTORED
    now = view.now
    return Held(
        word=STATE_WORDS[good][language],
        seconds=view.course(picture.flow.id).seconds(good, view.origin, now, view.stamp),
        growing=now if picture.state is good else None,
        falls=", ".join(fallen(picture, language)),
    )


def strip(picture: FlowPicture, view: View) -> Markup:
    """The drawing, with LENGTH and LABEL where these belong: numbers and names of ours, nothing that anybody said."""
    origin, now, long = view.origin, view.now, length(view)
    shown = (
        Span(each.state, view.stamp(each.since), None if each.until is None else view.stamp(each.until))
        for each in view.course(picture.flow.id).spans()
    )
    spans = drawn(shown, origin, max(now, origin + 1), CELLS)
    paths: dict[str, list[str]] = {}
    known: list[str] = []
    for place, each in enumerate(spans):
        assert each.until is not None  # noqa: S101 - `drawn` has bounded them
        begin = each.since - origin
        end = each.until - origin + (AHEAD if place == len(spans) - 1 else 0)
        if each.state is State.UNKNOWN:
            continue
        known.append(_box(begin, end, 0, HEIGHT))
        paths.setdefault(each.state or "none", []).append(_box(begin, end, *BANDS[each.state]))
        if each.state in ALARMS and end - begin < SLIGHT * long:
            line = f"M{begin + (end - begin) / 2:.0f} 0V{HEIGHT}"
            paths.setdefault("tick cut", []).append(line)
            paths.setdefault(f"tick {each.state}", []).append(line)
    drawing = _path("clear", known) + "".join(_path(*each) for each in sorted(paths.items(), key=_lines_last))
    return Markup(  # noqa: S704 - see above
        f'<svg class="course" role="img" aria-label="{LABEL}" viewBox="0 0 {LENGTH} {HEIGHT}" '
        f'preserveAspectRatio="none">{drawing}</svg>'
    )


def _lines_last(each: tuple[str, list[str]]) -> tuple[bool, bool]:
    return each[0].startswith("tick"), not each[0].endswith("cut")


def _box(begin: float, end: float, top: float, bottom: float) -> str:
    left, right = round(begin), max(round(begin) + 1, round(end))
    return f"M{left} {top:g}H{right}V{bottom:g}H{left}z"


def _path(name: str, drawn_: Iterable[str]) -> str:
    d = "".join(drawn_)
    return f'<path class="{name}" d="{d}"/>' if d else ""
