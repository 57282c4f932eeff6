"""What a report is made from: each flow as it stood at one moment. Facts; nothing here is worded."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from retabli.model.causes import Side
from retabli.model.flow import Flow
from retabli.model.record import FlowPicture
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.own_link import ID as OWN_LINK
from retabli.view import Site, View


@dataclass(frozen=True, slots=True)
class Line:
    """One flow. Times are wall seconds, as they are shown. `was` is what was last measured of one that is unknown.

    `drops` and `breaches` are how often it fell, or answered though it had to stay shut, up to then. `stage`, `cause`
    and `side` say why it does not work, where anything does. `watched`: it was taken up by then, and not taken out.
    """

    flow: Flow
    state: State
    since: float | None
    restored_at: float | None = None
    drops: int = 0
    was: State | None = None
    breaches: int = 0
    stage: Words | None = None
    cause: Words | None = None
    side: Side | None = None
    watched: bool = True

    @property
    def closed(self) -> bool:
        return self.flow.intent is Intent.CLOSED


@dataclass(frozen=True, slots=True)
class Gone:
    """A flow that was taken out of the configuration, when, and what was last measured of it (None: nothing was).

    Its title, and whether anybody may know of it, are gone with it: the log has its id alone.
    """

    id: str
    at: float
    state: State | None
    closed: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """A site's flows at the moment `at`. `unwatched_since`: nobody was looking any more; each state is then unknown.

    `gone`: those that were watched before and are not any more.
    """

    site: Site
    at: float
    lines: tuple[Line, ...]
    unwatched_since: float | None = None
    gone: tuple[Gone, ...] = ()


def from_view(view: View) -> Situation:
    """As it is now, from what the daemon shows; of what is gone only the log knows."""
    shown = [picture for picture in view.pictures.values() if picture.flow.id != OWN_LINK]
    return Situation(view.site, view.now, tuple(_line(picture, view) for picture in shown))


def _line(picture: FlowPicture, view: View) -> Line:
    standing, result = picture.standing, picture.deciding.result if picture.deciding else None
    known = standing.state if standing.state not in (State.UNKNOWN, State.DOWN) else None
    return Line(
        flow=picture.flow,
        state=picture.state,
        since=view.stamp(picture.since),
        restored_at=None if standing.restored_at is None else view.stamp(standing.restored_at),
        drops=standing.drops,
        was=known if picture.state is State.UNKNOWN else None,
        breaches=standing.breaches,
        stage=result.stage.words if result and result.stage and result.cause else None,
        cause=result.cause.words if result and result.cause else None,
        side=result.cause.side if result and result.cause else None,
    )


def shown(situation: Situation, stamp: Callable[[float], float]) -> Situation:
    """The same in the times that are shown, where they are mapped (the demo's are of 2023)."""

    def at(instant: float | None) -> float | None:
        return None if instant is None else stamp(instant)

    lines = tuple(replace(line, since=at(line.since), restored_at=at(line.restored_at)) for line in situation.lines)
    gone = tuple(replace(each, at=stamp(each.at)) for each in situation.gone)
    return Situation(situation.site, stamp(situation.at), lines, at(situation.unwatched_since), gone)
