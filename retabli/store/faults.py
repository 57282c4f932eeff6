"""Faults of files and of SQLite as sentences for the operator: which file, what is wrong, what to do."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retabli.store.facts import StoreDamaged, StoreError

FULL = "the disk is full; free some space"
DENIED = "may not be written ({}); the daemon must own this file and its folder, on a file system mounted for writing"
READ_ONLY = (
    "may not be written ({}): it is mounted for reading only, as all but /var/lib/retabli is to a service; "
    "leave `state:` out, or name a place that may be written"
)
DAMAGED = "is damaged ({}); leave it where it is: a start of the daemon puts its newest good copy in its place"
NOT_OURS = "is no state of Retabli ({}); name another file under `state:`, or move this one away"
DISK = "cannot be read or written ({}); look at the disk and the mount"
SLOW = "took too long to read ({}); look at the disk and at what else uses it"
BUSY = "is held by another program (a backup, an SQLite shell?); end that one and start again"

BY_ERRNO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: READ_ONLY,
}
BY_SQLITE = {  # primary result codes, https://www.sqlite.org/rescode.html
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: DENIED,
    sqlite3.SQLITE_PERM: DENIED,
    sqlite3.SQLITE_AUTH: DENIED,
    sqlite3.SQLITE_CANTOPEN: DISK,
    sqlite3.SQLITE_IOERR: DISK,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: NOT_OURS,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_INTERRUPT: SLOW,
}


def sentence(path: Path, error: BaseException) -> str:
    """One line for the operator."""
    if isinstance(error, OSError):
        pattern = BY_ERRNO.get(error.errno or 0, DISK)
        said = error.strerror or str(error)
        return f"{error.filename or path} {pattern.format(said)}" if pattern is not FULL else f"{path}: {FULL}"
    pattern = _pattern(error) if isinstance(error, sqlite3.Error) else DISK
    return f"{path}: {FULL}" if pattern is FULL else f"{path} {pattern.format(error)}"


def damage(path: Path, why: str) -> StoreDamaged:
    """The file holds what Retabli never wrote so, or less of it."""
    why = " ".join(why.split())
    return StoreDamaged(f"{path} {DAMAGED.format(why)}", why)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Whatever the file or SQLite raises leaves this as a StoreError; what shows damage, as a StoreDamaged."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        said = sentence(path, error)
        pattern = _pattern(error) if isinstance(error, sqlite3.Error) else DISK
        if pattern in (DAMAGED, NOT_OURS):
            raise StoreDamaged(said, " ".join(str(error).split()), foreign=pattern is NOT_OURS) from error
        raise StoreError(said) from error
    except UnicodeDecodeError as error:  # what SQLite says of a damaged schema quotes it, and Python reads it as text
        damage = sqlite3.DatabaseError("malformed database schema: what it quotes is no text")
        raise StoreDamaged(sentence(path, damage), str(damage), foreign=False) from error


def _pattern(error: sqlite3.Error) -> str:
    """Its primary code is the low byte."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return BY_SQLITE.get(code, DAMAGED if isinstance(error, sqlite3.DatabaseError) else DISK)
