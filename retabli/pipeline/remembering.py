"""Standings and records as JSON values, and back. Monotonic times become wall times and are found again by their age.

Across a restart a gap is max(0, difference): a wall clock that was set back cannot make evidence younger than now.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from retabli.model.record import Incident, Standing, UnitRecord
from retabli.model.result import Outcome
from retabli.model.states import State

MONOTONIC_RECORD = ("at", "judged_at", "oks_first", "oks_last", "ok_started", "fail_started", "temporary_since")
RECORD = tuple(field.name for field in fields(UnitRecord))
STANDING = tuple(field.name for field in fields(Standing))


@dataclass(frozen=True, slots=True)
class Clocks:
    """One instant on both clocks: what turns the one into the other."""

    monotonic: float
    wall: float

    def to_wall(self, instant: float) -> float:
        return self.wall - (self.monotonic - instant)

    def to_monotonic(self, instant: float) -> float:
        return self.monotonic - max(0.0, self.wall - instant)


def dump_record(record: UnitRecord, clocks: Clocks) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in RECORD}
    for name in MONOTONIC_RECORD:
        if values[name] is not None:
            values[name] = clocks.to_wall(values[name])
    return values


def load_record(values: Mapping[str, Any], clocks: Clocks) -> UnitRecord:
    """The record; keys that this version does not know are left out, and those it misses have their default."""
    found = {name: value for name, value in values.items() if name in RECORD}
    for name in ("outcome", "judged"):
        if found.get(name) is not None:
            found[name] = Outcome(found[name])
    for name in MONOTONIC_RECORD:
        if found.get(name) is not None:
            found[name] = clocks.to_monotonic(found[name])
    return UnitRecord(**found)


def dump_standing(standing: Standing, clocks: Clocks) -> dict[str, Any]:
    values = {name: getattr(standing, name) for name in STANDING}
    if standing.incident is not None:
        values["incident"] = asdict(standing.incident)
    values["rounds"] = "".join("+" if whole else "-" for whole in standing.rounds)
    if standing.unknown_from is not None:
        values["unknown_from"] = clocks.to_wall(standing.unknown_from)
    return values


def load_standing(values: Mapping[str, Any], clocks: Clocks) -> Standing:
    found = {name: value for name, value in values.items() if name in STANDING}
    for name in ("state", "before", "shown"):
        if name in found:
            found[name] = State(found[name])
    found["rounds"] = tuple(char == "+" for char in found.get("rounds", ""))
    if found.get("unknown_from") is not None:
        found["unknown_from"] = clocks.to_monotonic(found["unknown_from"])
    if found.get("incident") is not None:
        incident = dict(found["incident"])
        incident["channels"] = tuple(incident.get("channels", ()))
        found["incident"] = Incident(**incident)
    return Standing(**found)
