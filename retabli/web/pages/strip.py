"""A flow's course as a strip of the page, drawn in seconds since the attack.

Time passes without a new strip: only its viewBox grows. What no path covers is unknown, whose pattern lies beneath.
"""

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
HEIGHT = 20  # of a strip, whose base is at 14: what must not be overlooked hangs below it
SHORTEST = 60.0  # seconds that a strip shows at least
MINUTES = 86_400.0  # seconds from which on a strip is drawn in minutes
AHEAD = 2 * 86_400.0  # seconds for which the last span is drawn beyond now, at least: the page may stay open
SLIGHT = 0.02  # of the strip: a drop that is shorter gets a line of a fixed width
EDGE = 0.992  # … which is no nearer to the end of it than this: one that began just now is seen too
LENGTH, LABEL = "\u0001", "\u0002"  # filled in each time that the strip is placed; LENGTH stands around its step

# The middle of each state's line, as thick as the style says: what works best is highest, what fell hangs below the
# base. Unknown is not drawn; where nobody was watching (None) there is but a thin line.
LINES: dict[State | None, float] = {
    State.RESTORED: 7,
    State.CONTAINED: 7,
    State.DEGRADED: 9.5,
    State.RECOVERING: 11.25,
    State.DOWN: 12.75,
    State.DROPPED: 15.75,
    State.BREACHED: 10,
    None: 13.5,
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


def unit(view: View) -> int:
    """Seconds that are one step across a strip that is drawn now; one that is drawn keeps its own."""
    return 60 if length(view) >= MINUTES else 1


def strip(picture: FlowPicture, view: View) -> Markup:
    """The drawing, with LENGTH and LABEL where these belong: numbers and names of ours, nothing that anybody said."""
    origin, long, step = view.origin, length(view), unit(view)
    shown = (
        Span(each.state, view.stamp(each.since), None if each.until is None else view.stamp(each.until))
        for each in view.course(picture.flow.id).spans()
    )
    ahead = max(AHEAD, long)
    spans = drawn(shown, origin, max(view.now, origin + 1), CELLS)
    lines: dict[str, list[str]] = {"clear": []}
    cleared = None  # from where on something is known
    for place, each in enumerate(spans):
        assert each.until is not None  # noqa: S101 - `drawn` has bounded them
        begin = (each.since - origin) / step
        end = (each.until - origin + (ahead if place == len(spans) - 1 and each.state else 0)) / step
        if each.state is not State.UNKNOWN:
            cleared = begin if cleared is None else cleared
            lines.setdefault(each.state or "none", []).append(_line(begin, end, LINES[each.state]))
        if cleared is not None and (each.state is State.UNKNOWN or place == len(spans) - 1):
            lines["clear"].append(_line(cleared, begin if each.state is State.UNKNOWN else end, HEIGHT / 2))
            cleared = None
        if each.state in ALARMS and each.until - each.since < SLIGHT * long:
            middle = (each.since + each.until) / 2 - origin
            tick = f"M{min(middle, EDGE * long) / step:.0f} 0V{HEIGHT}"
            lines.setdefault("tick cut", []).append(tick)
            lines.setdefault(f"tick {each.state}", []).append(tick)
    paths = "".join(f'<path class="{name}" d="{"".join(d)}"/>' for name, d in sorted(lines.items(), key=_last) if d)
    return Markup(  # noqa: S704 - see above
        f'<svg class="course" role="img" aria-label="{LABEL}" data-unit="{step}" '
        f'viewBox="0 0 {LENGTH}{step}{LENGTH} {HEIGHT}" preserveAspectRatio="none">{paths}</svg>'
    )


def _last(each: tuple[str, list[str]]) -> tuple[bool, bool, bool]:
    """What is drawn over what: the ground, the states, the cuts, the ticks in them."""
    name = each[0]
    return name.startswith("tick"), name.startswith("tick") and name != "tick cut", name != "clear"


def _line(begin: float, end: float, middle: float) -> str:
    left = round(begin)
    return f"M{left} {middle:g}H{max(left + 1, round(end))}"
