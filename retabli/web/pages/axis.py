"""The days above the strips: as many as fit, at the site's midnights."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from retabli.view import View
from retabli.view.times import clock, moment, short_day
from retabli.web.pages.strip import length

MOST = 4  # labels
APART = 0.27  # of the strip, that a label takes at most
LAST = 0.8  # where the last one may begin
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)
_DAYS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 56, 91, 182, 364, 728, 1820, 3640)


@dataclass(frozen=True, slots=True)
class Mark:
    """`at`: seconds after the beginning; `place`: per cent from the left."""

    at: int
    place: str
    said: str


@dataclass(frozen=True, slots=True)
class Axis:
    """`length`: seconds from the beginning until now; `began` and `first` say that beginning, in full and in short."""

    length: int
    origin: int  # milliseconds since 1970
    began: str
    first: str
    attacked: bool  # it is the attack; else the log begins there
    marks: tuple[Mark, ...]


def axis(view: View, language: str) -> Axis:
    origin, long, zone = view.origin, length(view), view.site.zone
    days = long >= 2 * 86_400
    said = short_day if days else clock
    marks = [
        Mark(round(at - origin), f"{100 * (at - origin) / long:.2f}", said(at, zone, language))
        for at in _moments(view, long, days=days)
        if APART <= (at - origin) / long <= LAST
    ]
    return Axis(
        length=round(long),
        origin=round(origin * 1000),
        began=moment(origin, view.now, zone, language),
        first=said(origin, zone, language),
        attacked=view.site.cut_at == origin,
        marks=tuple(marks),
    )


def _moments(view: View, long: float, *, days: bool) -> Iterator[float]:
    """Shown instants at even hours or days of the site, after the beginning."""
    zone = view.site.zone
    local = datetime.fromtimestamp(view.origin, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if days:
        step = next((each for each in _DAYS if each * 86_400 >= APART * long), _DAYS[-1])
        for number in range(1, MOST + 1):
            yield (midnight + timedelta(days=number * step)).timestamp()
        return
    step = next((each for each in _MINUTES if each * 60 >= APART * long), _MINUTES[-1])
    first = midnight.timestamp() + ((view.origin - midnight.timestamp()) // (step * 60) + 1) * step * 60
    for number in range(MOST):
        yield first + number * step * 60
