"""Instants as programs read them: ISO 8601, UTC; and as rows of a log have them, in the site's time."""

from datetime import UTC, datetime, timedelta, tzinfo

STAMP = "%Y%m%dT%H%M%SZ"
LATEST = datetime.max.replace(tzinfo=UTC).timestamp() - 2 * 86_400  # that a calendar has in every zone


def in_calendar(at: float) -> float:
    """The nearest instant since 1970 that a calendar has: a damaged row is shown, too."""
    return min(max(at, 0.0), LATEST)


def iso(at: float) -> str:
    """`2023-07-03T08:00:00Z`: to the second, as messages and rows of the log have it."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_milliseconds(at: float) -> str:
    """`2023-07-03T08:00:00.000Z`: as the API and the daemon's own log have it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row_stamp(at: float, zone: tzinfo | None, *, seconds: bool = True) -> str:
    """`2023-07-03 10:00:00` in that zone (None: the machine's own); in an hour that comes twice `02:30:00 (UTC+2)`."""
    then = local(at, zone)
    if then is None:
        return "?"
    said = f"{then:%Y-%m-%d %H:%M:%S}" if seconds else f"{then:%Y-%m-%d %H:%M}"
    return f"{said} (UTC{offset(then)})" if twice(then) else said


def local(at: float, zone: tzinfo | None) -> datetime | None:
    """The instant in that zone (None: the machine's own, without an offset); None for what no calendar has."""
    try:
        return datetime.fromtimestamp(at, zone)
    except (OverflowError, ValueError, OSError):
        return None


def twice(then: datetime) -> bool:
    """Whether this hour comes twice on its day, as when summer time ends."""
    return _ahead(then.replace(fold=1 - then.fold)) != _ahead(then)


def offset(then: datetime) -> str:
    """`+2`, `-3:30`."""
    ahead = _ahead(then)
    minutes = int(abs(ahead).total_seconds()) // 60
    rest = f":{minutes % 60:02d}" if minutes % 60 else ""
    return f"{'-' if ahead < timedelta(0) else '+'}{minutes // 60}{rest}"


def _ahead(then: datetime) -> timedelta:
    try:
        return (then if then.tzinfo is not None else then.astimezone()).utcoffset() or timedelta(0)
    except (OverflowError, ValueError, OSError):
        return timedelta(0)  # at the ends of the calendar the machine has no offset to give


def stamp(at: float) -> str:
    """An instant, in wall seconds, as a part of a name: of a file, of an incident."""
    return datetime.fromtimestamp(at, UTC).strftime(STAMP)
