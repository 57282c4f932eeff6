"""Where this daemon stands and how it speaks: the site's name, language, time zone; and instants as text."""

from dataclasses import dataclass
from datetime import UTC, tzinfo

from retabli.model.stamps import iso_milliseconds
from retabli.model.words import Words

STANDPOINTS = {
    "inside": Words("vu de l'intérieur", "seen from inside"),
    "outside": Words("vu de l'extérieur", "seen from outside"),
}


@dataclass(frozen=True, slots=True)
class Site:
    """`zone` is the site's time zone, for people; programs are given UTC. `cut_at` is a wall time, if it is known."""

    name: str
    language: str = "fr"
    zone: tzinfo = UTC
    standpoint: str = ""
    cut_at: float | None = None


def iso(instant: float | None) -> str | None:
    """A wall time as RFC 3339 in UTC, to the millisecond: `2023-07-03T08:00:00.000Z`."""
    return None if instant is None else iso_milliseconds(instant)


def seen_from(standpoint: str, language: str) -> str:
    """The standpoint in the reader's words; a name that the site chose stays as it is."""
    return STANDPOINTS.get(standpoint, Words.same(standpoint))[language]
