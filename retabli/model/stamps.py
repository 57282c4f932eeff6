"""Instants as programs read them: ISO 8601, UTC."""

from datetime import UTC, datetime


def iso(at: float) -> str:
    """`2023-07-03T08:00:00Z`: to the second, as messages and rows of the log have it."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_milliseconds(at: float) -> str:
    """`2023-07-03T08:00:00.000Z`: as the API and the daemon's own log have it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
