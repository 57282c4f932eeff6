"""The units of a flow as they stand on its page, drawn once for all who look at the same moment."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from retabli.model.record import FlowPicture
from retabli.store import Past
from retabli.web.pages.frame import Frame, Wording
from retabli.web.pages.units import Units, units_of

LASTS = 1.0  # seconds: how long ago something was is said to the second
KEPT = 64  # drawings


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be drawn, for whom: `wanted` is the key of a unit that is to be whole, `to_unit` leads to one."""

    language: str
    wanted: str
    to_unit: str
    unreadable: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    picture: FlowPicture
    past: Past | None
    at: float
    units: Units
    section: Markup


class Drawn:
    def __init__(self, frame: Frame, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = frame.view
        self._template = frame.template("units.html")
        self._clock = clock
        self._kept: OrderedDict[tuple[str, Asked], Drawing] = OrderedDict()

    def of(self, picture: FlowPicture, past: Past | None, asked: Asked) -> Drawing:
        key, now = (picture.flow.id, asked), self._clock()
        found = self._kept.get(key)
        if found is None or found.picture is not picture or found.past is not past or now - found.at >= LASTS:
            units = units_of(picture, past, self._view, asked.language, asked.wanted)
            section = self._template.render(
                units=units, unreadable=asked.unreadable, to_unit=asked.to_unit, t=Wording(asked.language)
            )
            found = Drawing(picture, past, now, units, Markup(section))  # noqa: S704 - the template has escaped it
            self._kept[key] = found
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found
