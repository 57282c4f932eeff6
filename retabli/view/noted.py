"""What is noted of each unit since this start, beside its latest run: its last failure and success, and its mail."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from retabli.model.flow import UnitName
from retabli.model.record import FlowPicture
from retabli.model.result import Mail, Outcome, Result

IN_FLIGHT = "in_flight"  # the fact in which a unit says how many of its tokens are on their way


@dataclass(slots=True)
class UnitNotes:
    """`mail` counts from `since` (wall); None for a unit that has never counted any. `in_flight` as last told."""

    since: float
    last: dict[Outcome, Result] = field(default_factory=dict)
    mail: dict[Mail, int] | None = None
    in_flight: int | None = None

    def ran(self, result: Result) -> None:
        self.last[result.outcome] = result
        told = result.properties.get(IN_FLIGHT, "")
        if told.isascii() and told.isdigit():
            self.in_flight = int(told)
        if result.mail or result.roundtrips or self.in_flight is not None:
            self.mail = self.mail or dict.fromkeys(Mail, 0)
            for event, number in result.mail.items():
                self.mail[event] += number


class Noted:
    """By unit. It grows with the units of the configuration, and never with their runs."""

    def __init__(self) -> None:
        self._flows: dict[str, dict[UnitName, UnitNotes]] = {}

    def ran(self, name: UnitName, result: Result, at: float) -> None:
        """A run has ended; `at` is the wall time of now."""
        units = self._flows.setdefault(name.flow, {})
        if name not in units:
            units[name] = UnitNotes(at)
        units[name].ran(result)

    def keep_only(self, picture: FlowPicture) -> None:
        """The flow's configuration has changed: what is noted of units that are no more goes."""
        names = {unit.name for unit in picture.units}
        noted = self._flows.get(picture.flow.id, {})
        self._flows[picture.flow.id] = {name: notes for name, notes in noted.items() if name in names}

    def forget(self, flow: str) -> None:
        self._flows.pop(flow, None)

    def of(self, flow: str) -> Mapping[UnitName, UnitNotes]:
        return self._flows.get(flow, {})
