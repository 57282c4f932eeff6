"""Opens the state as it lies there; one that is damaged or lost is kept aside, and its newest good copy put in place.

Killed at any moment, the next start finds a whole state or none, and then begins this again: a damaged file is moved
before what belongs to it, so that it is never opened without its newest rows, and what is put in place says of itself
that it was restored, until that has been told.
"""

import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from retabli.model.stamps import stamp
from retabli.store.copies import fault_of
from retabli.store.facts import Remembered, Restored, StoreDamaged
from retabli.store.faults import damage, told
from retabli.store.generations import Generation, generations
from retabli.store.owning import make
from retabli.store.reader import Reader
from retabli.store.schema import BESIDE, beside, flush, look_for_damage, open_for_writing

GONE = "the file is gone"
AN_HOUR = 4  # damaged files that are kept within an hour: more of them are the disk's fault

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    connection: sqlite3.Connection
    reader: Reader
    found: Remembered


@dataclass(frozen=True, slots=True)
class TakingUp:
    """What it takes to open a state: where it and its copies are, the wall clock, and whether what is remembered can be
    read by who wrote it (`readable` raises ValueError, TypeError or LookupError)."""

    path: Path
    folder: Path
    wall: Callable[[], float]
    readable: Callable[[Remembered], None]

    def open(self) -> Opened:
        """For whoever holds the lock.

        Raises:
            StoreError: it cannot be opened, or is damaged or lost and there is no good copy. Nothing was changed then.
        """
        try:
            self._look_whether_lost()
            return self._open()
        except StoreDamaged as error:
            self._restore(error)
        return self._open()

    def _look_whether_lost(self) -> None:
        """Where there is neither a file nor anything that one left behind, a new one may be made."""
        with told(self.path):
            if self.path.exists():
                return
            left = [each for each in beside(self.path) if each.exists()]
            if left or generations(self.folder):
                raise StoreDamaged(f"{self.path} is gone, and {left[0] if left else self.folder} is there", GONE)

    def _open(self) -> Opened:
        if self.path.exists():
            look_for_damage(self.path)
        connection = open_for_writing(self.path)
        try:
            with told(self.path):
                reader = Reader(self.path, self.wall)
                try:
                    found = self._remembered(reader)
                    self._look_for_unreadable(connection)
                    # Until the next clean end, whoever looks must find that there was none.
                    connection.execute("INSERT OR REPLACE INTO facts VALUES ('clean_stop', 0)")
                    return Opened(connection, reader, found)
                except BaseException:
                    reader.close()
                    raise
        except BaseException:
            connection.close()
            raise

    def _remembered(self, reader: Reader) -> Remembered:
        try:
            found = reader.remembered()
            self.readable(found)
        except (ValueError, TypeError, LookupError) as error:
            raise damage(self.path, f"what is remembered is unreadable: {type(error).__name__}: {error}") from error
        return found

    def _look_for_unreadable(self, connection: sqlite3.Connection) -> None:
        """Among what waits to be told."""
        found = connection.execute(
            "SELECT id FROM outbox WHERE state IN ('pending', 'grouped') AND NOT json_valid(body) LIMIT 1"
        ).fetchone()
        if found is not None:
            raise damage(self.path, f"message {found[0]} of the outbox is unreadable")

    # restoring ------------------------------------------------------------------------------------------------

    def _restore(self, damaged: StoreDamaged) -> None:
        at = self.wall()
        self._look_how_often(damaged, at)
        copy = self._newest_good(damaged)
        aside = self._name_aside(at) if self.path.exists() else None
        part = self.path.with_name(self.path.name + ".restored")
        with told(part):
            for left in (part, *beside(part)):
                left.unlink(missing_ok=True)
            os.close(make(part))
            shutil.copyfile(copy.path, part)
            self._mark(part, Restored(at, copy.at, damaged.why, copy.path.name, aside.name if aside else None))
            flush(part)
        with told(self.path):
            self._set_aside(aside or self._name_aside(at))
            part.rename(self.path)
            flush(self.path.parent)
        log.critical(
            "%s was damaged or lost (%s): the copy of %s is in its place, and nothing that came after it is known; %s",
            *(self.path, damaged.why, stamp(copy.at)),
            f"the damaged file is kept as {aside}" if aside else "of the file nothing was left that could be kept",
        )

    def _look_how_often(self, damaged: StoreDamaged, at: float) -> None:
        """On a disk that damages all that is put there, each start would keep one more file, until it is full."""
        since = f"{self.path.name}.damaged-{stamp(at - 3600.0)}"
        found = self.path.parent.glob(f"{self.path.name}.damaged-*")
        kept = [each for each in found if each.name >= since and not each.name.endswith(BESIDE)]
        if len(kept) >= AN_HOUR:
            raise StoreDamaged(
                f"{self.path} is damaged or lost ({damaged.why}), and was restored {len(kept)} times within an hour: "
                f"look at its disk; to have it tried again, move {self.path}.damaged-* away",
                damaged.why,
            ) from damaged

    def _newest_good(self, damaged: StoreDamaged) -> Generation:
        with told(self.folder):
            found = generations(self.folder)
        for each in found:
            try:
                fault = fault_of(each.path) if each.whole else "it is not what was written"
            except OSError as error:
                fault = error.strerror or str(error)
            if fault is None:
                return each
            log.error("%s is no good copy: %s", each.path, fault)
        if damaged.foreign and not found:
            raise damaged  # another program's, perhaps: nothing says that a state of ours was ever here
        none = f"none of the {len(found)} copies in {self.folder} is good" if found else f"{self.folder} has no copy"
        raise StoreDamaged(
            f"{self.path} is damaged or lost ({damaged.why}), and {none}: put one in its place (docs/backup.md), or "
            f"begin anew, with nothing known, by moving {self.path}* away together and starting again",
            damaged.why,
        ) from damaged

    def _mark(self, part: Path, restored: Restored) -> None:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'last_seen'").fetchone()
            until = found[0] if found and isinstance(found[0], float) else restored.until
            told_of = json.dumps(asdict(restored) | {"until": until})
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('restored', ?)", (told_of,))

    def _name_aside(self, at: float) -> Path:
        base = f"{self.path.name}.damaged-{stamp(at)}"
        names = (self.path.with_name(base + more) for more in ("", *(f"-{number}" for number in range(2, 1000))))
        return next(each for each in names if not any(other.exists() for other in (each, *beside(each))))

    def _set_aside(self, aside: Path) -> None:
        """The file first: alone in its place, it would pass for a whole one that lacks its newest rows."""
        for found, name in zip((self.path, *beside(self.path)), (aside, *beside(aside)), strict=True):
            if found.exists():
                found.rename(name)
        flush(self.path.parent)
