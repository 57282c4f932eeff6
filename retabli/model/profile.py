"""When silence is normal: the hours and weekdays in which nothing is expected to arrive, and the time outside them.

    profile: ["mon-fri 20:00-07:00", "sat 13:00-24:00", "sun"]

Each entry names weekdays and, if not the whole day is meant, hours of the site's time zone. It speaks of those days
alone: `mon-fri 20:00-07:00` is before seven and after eight in the evening on each of them, Monday's early morning too,
and nothing of Saturday.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, ValidationInfo, WithJsonSchema

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ENTRY = re.compile(
    r"(?P<from>[a-z]{3})(?:-(?P<to>[a-z]{3}))?(?:\s+(?P<begin>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2}))?", re.IGNORECASE
)
DAY = timedelta(days=1)
MIDNIGHT = 24 * 60  # the minute at which a day ends
LONGEST = 400  # days that are looked back on: whoever was silent for longer is late by any profile


@dataclass(frozen=True, slots=True)
class Quiet:
    """On these weekdays (0 is Monday), from minute `begin` to minute `end` after midnight."""

    weekdays: frozenset[int]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Profile:
    """In which times silence is normal. Empty: never."""

    entries: tuple[str, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    zone: tzinfo = UTC

    def expected(self, since: float, until: float) -> float:
        """Seconds between two Unix times in which something was expected: an age less the times of normal silence."""
        if until <= since:
            return 0.0
        since = max(since, until - LONGEST * DAY.total_seconds())
        silent = 0.0
        reached = since
        for begin, end in sorted(self._times(since, until)):
            begin, end = max(begin, reached), min(end, until)
            if end > begin:
                silent += end - begin
                reached = end
        return until - since - silent

    def _times(self, since: float, until: float) -> Iterator[tuple[float, float]]:
        """The quiet times that may touch this span, as Unix seconds; a change of the clocks moves their ends."""
        day = datetime.fromtimestamp(since, self.zone).date()
        last = datetime.fromtimestamp(until, self.zone).date()
        while day <= last:
            for quiet in self.quiet:
                if day.weekday() in quiet.weekdays:
                    yield self._instant(day, quiet.begin), self._instant(day, quiet.end)
            day += DAY

    def _instant(self, day: date, minutes: int) -> float:
        whole, rest = divmod(minutes, MIDNIGHT)
        local = datetime.combine(day + whole * DAY, time(rest // 60, rest % 60), self.zone)
        return local.timestamp()


def parse(entry: str) -> tuple[Quiet, ...]:
    """One time of silence, or two where the hours go round midnight.

    Raises:
        ValueError: with a sentence for the operator.
    """
    match = _ENTRY.fullmatch(entry.strip())
    if match is None:
        raise ValueError(f'"{entry}" is no time of the week: write "sun", "sat-sun" or "mon-fri 20:00-07:00"')
    first = _weekday(match["from"])
    last = first if match["to"] is None else _weekday(match["to"])
    weekdays = frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
    begin = 0 if match["begin"] is None else _minutes(match["begin"])
    end = MIDNIGHT if match["end"] is None else _minutes(match["end"])
    if begin == end:
        raise ValueError(f'"{entry}" begins and ends at the same minute')
    if begin < end:
        return (Quiet(weekdays, begin, end),)
    return Quiet(weekdays, 0, end), Quiet(weekdays, begin, MIDNIGHT)


def _weekday(word: str) -> int:
    if word.lower() not in DAYS:
        raise ValueError(f'"{word}" is no weekday: {", ".join(DAYS)}')
    return DAYS.index(word.lower())


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if hours > 24 or minutes > 59 or (hours == 24 and minutes):
        raise ValueError(f'"{text}" is no time of day')
    return hours * 60 + minutes


def _profile(value: object, info: ValidationInfo) -> object:
    if isinstance(value, Profile):
        return value
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError('a list of times in which silence is normal is wanted, such as ["mon-fri 20:00-07:00", "sun"]')
    zone: Any = (info.context or {}).get("timezone") or UTC
    quiet = tuple(each for entry in value for each in parse(entry))
    if _covers_the_week(quiet):
        raise ValueError("in this profile silence is always normal: nothing could ever be late")
    return Profile(tuple(value), quiet, ZoneInfo(zone) if isinstance(zone, str) else zone)


def _covers_the_week(quiet: tuple[Quiet, ...]) -> bool:
    silent = {(day, minute) for each in quiet for day in each.weekdays for minute in range(each.begin, each.end)}
    return len(silent) == 7 * MIDNIGHT


ProfileRef = Annotated[
    InstanceOf[Profile],
    BeforeValidator(_profile),
    PlainSerializer(lambda profile: list(profile.entries), when_used="json"),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "examples": [["mon-fri 20:00-07:00", "sun"]]}),
]
