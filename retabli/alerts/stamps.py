"""Instants as programs read them (ISO 8601, UTC) and as people do, in their language and timezone."""

from datetime import UTC, datetime, tzinfo

MONTHS_FR = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def iso(at: float) -> str:
    """`2023-07-03T08:00:00Z`: to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spoken(at: float, zone: tzinfo, language: str) -> str:
    """`le 3 juillet 2023 à 10 h 00`, `3 July 2023 at 10:00`."""
    local = datetime.fromtimestamp(at, zone)
    if language == "fr":
        day = "1er" if local.day == 1 else str(local.day)
        return f"le {day} {MONTHS_FR[local.month - 1]} {local.year} à {local.hour} h {local.minute:02}"
    return f"{local.day} {MONTHS_EN[local.month - 1]} {local.year} at {local.hour:02}:{local.minute:02}"
