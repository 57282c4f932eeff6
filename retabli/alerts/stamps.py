"""Instants as programs read them (ISO 8601, UTC, to the second)."""

from datetime import UTC, datetime


def iso(at: float) -> str:
    """`2023-07-03T08:00:00Z`: to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
