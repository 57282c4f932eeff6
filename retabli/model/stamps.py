"""Instants as programs read them: ISO 8601, UTC."""

from datetime import UTC, datetime

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
