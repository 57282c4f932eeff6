"""The copies that the daemon keeps of its own state: how they are called, which of them stay, which is taken. Pure,
but for looking into their folder."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from retabli.model.stamps import STAMP, stamp

HOUR, DAY = 3600.0, 86_400.0  # seconds
NAME = re.compile(r"(?P<number>\d{6,})-(?P<stamp>\d{8}T\d{6}Z)-(?P<digest>[0-9a-f]{16})(?P<broken>-broken-log)?\.db")


@dataclass(frozen=True, slots=True)
class Generation:
    """One copy. `number` grows by one from each to the next, whatever the clock does; `at` is its moment, in wall
    seconds; `digest` the beginning of the SHA-256 of its file, `broken` that its log's chain did not hold."""

    path: Path
    number: int
    at: float
    digest: str
    broken: bool = False

    @property
    def whole(self) -> bool:
        """Whether the file is, to the last bit, the one that was checked when it was made.

        Raises:
            OSError: it cannot be read.
        """
        return digest_of(self.path) == self.digest


def folder_of(state: Path) -> Path:
    """Where the copies of a state are, if the configuration names no other place."""
    return state.with_name(state.name + ".copies")


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def name(number: int, at: float, digest: str, *, broken: bool) -> str:
    return f"{number:06}-{stamp(at)}-{digest}{'-broken-log' if broken else ''}.db"


def generations(folder: Path) -> list[Generation]:
    """Those that lie there, the newest first; none where there is no such folder.

    Raises:
        OSError: it cannot be looked into.
    """
    if not folder.exists():
        return []
    named = ((path, NAME.fullmatch(path.name)) for path in folder.iterdir())
    found = [_generation(path, match) for path, match in named if match is not None]
    return sorted(found, key=lambda each: each.number, reverse=True)


def _generation(path: Path, match: "re.Match[str]") -> Generation:
    at = datetime.strptime(match["stamp"], STAMP).replace(tzinfo=UTC).timestamp()
    return Generation(path, int(match["number"]), at, match["digest"], match["broken"] is not None)


def let_go(found: Sequence[Generation], *, hourly: int, daily: int) -> list[Generation]:
    """Those that go, the oldest first.

    What stays: the newest two, should one be damaged; the newest of each of the latest so many hours, and of so many
    days, that have one; and the newest whose log holds, whatever came after it.
    """
    kept = {each.number for each in [*found[:2], *[each for each in found if not each.broken][:1]]}
    kept |= _newest_of_each(found, lambda each: each.at // HOUR, hourly)
    kept |= _newest_of_each(found, lambda each: each.at // DAY, daily)
    return [each for each in reversed(found) if each.number not in kept]


def _newest_of_each(found: Iterable[Generation], span: Callable[[Generation], float], most: int) -> set[int]:
    newest: dict[float, int] = {}
    for each in found:
        newest.setdefault(span(each), each.number)
    return set(list(newest.values())[:most])
