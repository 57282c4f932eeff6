"""Hours of the week in which something holds, such as when a team is at work.

    hours: ["mon-fri 08:00-18:00", "sat 09:00-12:00"]

They are those of the site's time zone, written as in a profile of silence.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, ValidationInfo, WithJsonSchema

from retabli.model.profile import Quiet, parse


@dataclass(frozen=True, slots=True)
class Hours:
    """`entries` are what was written, `times` what that means."""

    entries: tuple[str, ...]
    times: tuple[Quiet, ...]
    zone: tzinfo = UTC

    def cover(self, instant: float) -> bool:
        """Whether this Unix time lies within them."""
        local = datetime.fromtimestamp(instant, self.zone)
        minute = local.hour * 60 + local.minute
        return any(local.weekday() in each.weekdays and each.begin <= minute < each.end for each in self.times)


def _hours(value: object, info: ValidationInfo) -> object:
    if isinstance(value, Hours):
        return value
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
        raise ValueError('a list of hours is wanted, such as ["mon-fri 08:00-18:00", "sat"]')
    zone: Any = (info.context or {}).get("timezone") or UTC
    times = tuple(each for entry in value for each in parse(entry))
    return Hours(tuple(value), times, ZoneInfo(zone) if isinstance(zone, str) else zone)


HoursRef = Annotated[
    InstanceOf[Hours],
    BeforeValidator(_hours),
    PlainSerializer(lambda hours: list(hours.entries), when_used="json"),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "examples": [["mon-fri 08:00-18:00"]]}),
]
