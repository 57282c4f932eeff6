"""What a folder's files say of the flow that drops them: do they arrive, are they consumed, what is left behind.

Ages are by the files' time of last change. No name of a file ever leaves this module: names may hold a patient's.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retabli.model.ladder import Fall, Ladder
from retabli.model.profile import Profile
from retabli.model.settings import format_duration
from retabli.model.words import Words
from retabli.net.folders import folder_causes
from retabli.net.folders.listing import Entry, Listing

AHEAD = 60.0  # seconds by which another machine's clock may be ahead of ours
_KEY = "folder"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A folder's files, told apart: those that arrived whole, and those that did not (yet)."""

    whole: tuple[Entry, ...]
    partial: tuple[Entry, ...]
    changed: float | None
    cut: bool


def sort_out(seen: Listing, pattern: Sequence[str], partial: Sequence[str], *, empty_counts: bool) -> Arrivals:
    """By their names: the partial ones first; an empty file is one whose content never came, unless it counts."""
    whole: list[Entry] = []
    unfinished: list[Entry] = []
    for entry in seen.files:
        if entry.matches(partial):
            unfinished.append(entry)
        elif entry.matches(pattern):
            (whole if entry.size or empty_counts else unfinished).append(entry)
    return Arrivals(tuple(whole), tuple(unfinished), seen.changed, seen.cut)


class FolderBook:
    """What earlier runs saw, in the unit's memory; forgotten when the settings name another folder."""

    def __init__(self, memory: dict[str, Any], place: str) -> None:
        of = hashlib.sha256(place.encode()).hexdigest()[:16]
        book = memory.get(_KEY)
        if not isinstance(book, dict) or book.get("of") != of:
            book = memory[_KEY] = {"of": of}
        self._book = book

    def get(self, name: str) -> float | None:
        value = self._book.get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def set(self, name: str, value: float) -> None:
        self._book[name] = value


def judge_fresh(
    ladder: Ladder,
    book: FolderBook,
    arrivals: Arrivals,
    max_age: float,
    profile: Profile,
    max_partial: float | None = None,
) -> None:
    """The newest arrival that was ever seen, and when something was last expected, say whether the flow is alive.

    A consumer may take each file before we look. Then the folder's own time of change decides: unless something
    came or went within `max_age`, nothing arrives for certain; if something did, we cannot tell what. But where all
    that can be seen of that time are transfers that broke off (older than `max_partial`), that is what it was.

    Raises:
        Fall: `no_arrivals`; unknown: `arrivals_unseen`, `from_the_future`, `times_missing`, `folder_too_large`.
    """
    now = ladder.wall()
    times = [entry.modified for entry in arrivals.whole if entry.modified is not None]
    future = [time for time in times if time > now + AHEAD]
    newest = max(
        (min(time, now) for time in (*times, book.get("newest")) if time is not None and time <= now + AHEAD),
        default=None,
    )
    if newest is not None:
        book.set("newest", newest)
        ladder.describe("newest_age", _age(now - newest))
        if profile.expected(newest, now) <= max_age:
            if future:
                ladder.impair(folder_causes.SOME_FROM_THE_FUTURE, _ahead(future, now)[ladder.language])
            return
    if future:
        raise Fall(folder_causes.FROM_THE_FUTURE, _ahead(future, now)[ladder.language])
    if len(times) < len(arrivals.whole):
        raise Fall(folder_causes.TIMES_MISSING)
    if arrivals.cut:
        raise Fall(folder_causes.FOLDER_TOO_LARGE, _more_than(arrivals)[ladder.language])
    last = _last(None if newest is None else now - newest)[ladder.language]
    broken = _broken(arrivals.partial, now, max_partial, max_age)
    if broken:
        since = Words(f"{_files(broken).fr} rompus depuis", f"{_files(broken).en} broke off since")
        raise Fall(folder_causes.NO_ARRIVALS, f"{last}; {since[ladder.language]}")
    last += _empty(arrivals.partial)[ladder.language]
    if not arrivals.whole and not _still(arrivals.changed, now, max_age, profile):
        raise Fall(folder_causes.ARRIVALS_UNSEEN, last)
    raise Fall(folder_causes.NO_ARRIVALS, last)


def judge_consumed(ladder: Ladder, arrivals: Arrivals, max_waiting: float) -> None:
    """Whether files are taken in time.

    Raises:
        Fall: `not_consumed`; unknown: `times_missing`, `folder_too_large`.
    """
    now = ladder.wall()
    waits = [now - entry.modified for entry in arrivals.whole if entry.modified is not None]
    overdue = [wait for wait in waits if wait > max_waiting]
    ladder.describe("waiting", str(len(arrivals.whole)))
    if overdue:
        files, oldest = _files(len(arrivals.whole)), _oldest(max(overdue))
        said = Words(f"{len(overdue)} sur {files.fr}, {oldest.fr}", f"{len(overdue)} of {files.en}, {oldest.en}")
        raise Fall(folder_causes.NOT_CONSUMED, said[ladder.language])
    if arrivals.cut:
        raise Fall(folder_causes.FOLDER_TOO_LARGE, _more_than(arrivals)[ladder.language])
    if len(waits) < len(arrivals.whole):
        raise Fall(folder_causes.TIMES_MISSING)


def judge_errors(ladder: Ladder, book: FolderBook, seen: Listing, most: int | None, window: float) -> None:
    """What was put aside: too much of it fails; any that came within `window` seconds is an impairment.

    A file that is moved keeps its time: so more files than at the last look are new ones, whatever their age.

    Raises:
        Fall: `too_many_errors`.
    """
    now, count = ladder.wall(), len(seen.files)
    ladder.describe("errors", f"{count}{'+' if seen.cut else ''}")
    before = book.get("errors")
    if before is not None and count > before:
        book.set("errors_grew", now)
    book.set("errors", count)
    if most is not None and count > most:
        said = Words(f"{_files(count).fr}, {most} admis", f"{_files(count).en}, {most} allowed")
        raise Fall(folder_causes.TOO_MANY_ERRORS, said[ladder.language])
    times = [entry.modified for entry in seen.files if entry.modified is not None and entry.modified <= now + AHEAD]
    grew = book.get("errors_grew")
    last = max((time for time in (*times, grew) if time is not None), default=None)
    if count and last is not None and now - last <= window:
        files, age = _files(count), _age(now - last)
        said = Words(f"{files.fr}, le dernier il y a {age}", f"{files.en}, the last one {age} ago")
        ladder.impair(folder_causes.ERRORS_ARRIVE, said[ladder.language])


def judge_partial(ladder: Ladder, arrivals: Arrivals, longest: float) -> None:
    """Transfers that have not ended for so many seconds will not end any more."""
    now = ladder.wall()
    ages = [now - entry.modified for entry in arrivals.partial if entry.modified is not None]
    lingering = [age for age in ages if age > longest]
    ladder.describe("partial", str(len(arrivals.partial)))
    if lingering:
        files, oldest = _files(len(lingering)), _oldest(max(lingering))
        said = Words(f"{files.fr}, {oldest.fr}", f"{files.en}, {oldest.en}")
        ladder.impair(folder_causes.PARTIAL_LINGERS, said[ladder.language])


def _empty(partial: Sequence[Entry]) -> Words:
    empty = sum(not entry.size for entry in partial)
    if not empty:
        return Words.same("")
    files = _files(empty)
    return Words(
        f" ; {files.fr} sans contenu, non comptés (`empty_counts`)",
        f"; {files.en} without content not counted (`empty_counts`)",
    )


def _broken(partial: Sequence[Entry], now: float, max_partial: float | None, max_age: float) -> int:
    if max_partial is None:
        return 0
    ages = [now - entry.modified for entry in partial if entry.modified is not None]
    return sum(max_partial < age <= max_age for age in ages)


def _still(changed: float | None, now: float, max_age: float, profile: Profile) -> bool:
    """Whether it is certain that nothing came into the folder, nor left it, for longer than `max_age`."""
    return changed is not None and changed <= now + AHEAD and profile.expected(changed, now) > max_age


def _age(seconds: float) -> str:
    return format_duration(float(max(0, round(seconds))))


def _files(number: int) -> Words:
    return Words(f"{number} fichier{'s' if number > 1 else ''}", f"{number} file{'' if number == 1 else 's'}")


def _last(age: float | None) -> Words:
    if age is None:
        return Words("aucun n'a jamais été vu ici", "none was ever seen here")
    return Words(f"le plus récent est arrivé il y a {_age(age)}", f"the newest arrived {_age(age)} ago")


def _oldest(age: float) -> Words:
    return Words(f"le plus ancien depuis {_age(age)}", f"the oldest for {_age(age)}")


def _more_than(arrivals: Arrivals) -> Words:
    files = _files(len(arrivals.whole))
    return Words(f"plus de {files.fr}", f"more than {files.en}")


def _ahead(future: Sequence[float], now: float) -> Words:
    files, ahead = _files(len(future)), _age(max(future) - now)
    return Words(
        f"{files.fr}, jusqu'à {ahead} en avance sur notre horloge", f"{files.en}, up to {ahead} ahead of our clock"
    )
