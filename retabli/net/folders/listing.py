"""What a look at a folder saw: sizes and times, and names that never leave this program."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

MOST = 100_000  # entries of one folder; beyond, nobody can judge it in time
OURS = "retabli"  # what every file of ours has in its name, so that nobody takes a canary for an arrival


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `modified` is Unix time, by the clock of whoever keeps the folder; None where it is not told."""

    name: str
    size: int
    modified: float | None

    def matches(self, patterns: Sequence[str]) -> bool:
        """By shell patterns; a name with a dot in front only by a pattern that has one, too."""
        return any(
            fnmatchcase(self.name, pattern) and (pattern.startswith(".") or not self.name.startswith("."))
            for pattern in patterns
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder, ours left out; `changed` is when a file last came into it or left it (Unix time)."""

    files: tuple[Entry, ...]
    changed: float | None
    cut: bool = False  # there are more than were looked at


def is_ours(name: str) -> bool:
    return OURS in name.lower()


def listing(entries: Iterable[Entry], changed: float | None, *, cut: bool = False) -> Listing:
    return Listing(tuple(entry for entry in entries if not is_ours(entry.name)), changed, cut)
