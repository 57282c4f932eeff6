"""Standings and records as JSON values, and back. Monotonic times become wall times and are found again by their age.

Across a restart a gap is max(0, difference): a wall clock that was set back cannot make anything younger than now. What
was evidence then is none any more: nobody knows how old it is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from operator import attrgetter
from typing import Any

from retabli.model.record import Acknowledgement, Incident, Silence, Standing, UnitRecord
from retabli.model.result import Outcome
from retabli.model.states import State

MONOTONIC_RECORD = ("at", "judged_at", "oks_first", "oks_last", "ok_started", "fail_started", "temporary_since")
AGES = 1e9  # seconds: longer than any probe's evidence is good for
RECORD = tuple(field.name for field in fields(UnitRecord))
VALUES = attrgetter(*RECORD)
STANDING = tuple(field.name for field in fields(Standing))
INCIDENT = tuple(field.name for field in fields(Incident))


@dataclass(frozen=True, slots=True)
class Clocks:
    """One instant on both clocks: what turns the one into the other.

    `lost`: the wall clock is behind what was last written by it, so that it tells nothing of the time in between.
    """

    monotonic: float
    wall: float
    lost: bool = False

    def to_wall(self, instant: float) -> float:
        return self.wall - (self.monotonic - instant)

    def to_monotonic(self, instant: float) -> float:
        return self.monotonic - max(0.0, self.wall - instant)

    def to_evidence(self, instant: float) -> float:
        """When something was found out. By a clock that was set back: too long ago to say anything of now."""
        return self.monotonic - AGES if self.lost else self.to_monotonic(instant)

    def ahead(self, instant: float, most: float) -> float:
        """The monotonic time of something that is yet to come, or has come while nobody ran.

        `most`: for how many seconds it was to last in all. A clock that was set back by a year adds no year to that.
        """
        return self.monotonic + min(instant - self.wall, most)


def dump_record(record: UnitRecord, clocks: Clocks) -> dict[str, Any]:
    values = dict(zip(RECORD, VALUES(record), strict=True))
    ahead = clocks.wall - clocks.monotonic
    for name in MONOTONIC_RECORD:
        if values[name] is not None:
            values[name] += ahead
    return values


def load_record(values: Mapping[str, Any], clocks: Clocks) -> UnitRecord:
    """The record; keys that this version does not know are left out, and those it misses have their default."""
    found = {name: value for name, value in values.items() if name in RECORD}
    for name in ("outcome", "judged"):
        if found.get(name) is not None:
            found[name] = Outcome(found[name])
    for name in MONOTONIC_RECORD:
        if found.get(name) is not None:
            found[name] = clocks.to_evidence(found[name])
    return UnitRecord(**found)


def dump_standing(standing: Standing, clocks: Clocks) -> dict[str, Any]:
    values = {name: getattr(standing, name) for name in STANDING}
    if standing.incident is not None:
        values["incident"] = _dump_incident(standing.incident, clocks)
    if standing.silence is not None:
        values["silence"] = {**asdict(standing.silence), "ends": clocks.to_wall(standing.silence.ends)}
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
        found["incident"] = _load_incident(found["incident"], clocks)
    if found.get("silence") is not None:
        silence = Silence(**found["silence"])
        found["silence"] = replace(silence, ends=clocks.ahead(silence.ends, silence.until - silence.at))
    return Standing(**found)


def _dump_incident(incident: Incident, clocks: Clocks) -> dict[str, Any]:
    values = asdict(incident)
    values["opened"] = clocks.to_wall(incident.opened)
    values["told"] = {channel: clocks.to_wall(instant) for channel, instant in incident.told.items()}
    if incident.acknowledged is not None and incident.acknowledged.ends is not None:
        values["acknowledged"]["ends"] = clocks.to_wall(incident.acknowledged.ends)
    return values


def _load_incident(values: Mapping[str, Any], clocks: Clocks) -> Incident:
    found = {name: value for name, value in values.items() if name in INCIDENT}
    # A state of before had the channels alone: they were told when the page was opened.
    told = found.get("told") or dict.fromkeys(values.get("channels", ()), found["opened_at"])
    found["told"] = {channel: clocks.to_monotonic(instant) for channel, instant in told.items()}
    found["opened"] = clocks.to_monotonic(found.get("opened", found["opened_at"]))
    if found.get("acknowledged") is not None:
        acknowledged = Acknowledgement(**found["acknowledged"])
        ends = acknowledged.ends
        if ends is not None and acknowledged.until is not None:
            ends = clocks.ahead(ends, acknowledged.until - acknowledged.at)
        found["acknowledged"] = replace(acknowledged, ends=ends)
    return Incident(**found)
