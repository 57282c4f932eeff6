"""A whole copy of a state, taken while a daemon writes it, and never put in place before it was found to be whole."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from retabli.store.chain import Verdict
from retabli.store.facts import StoreError
from retabli.store.faults import told
from retabli.store.reader import Reader
from retabli.store.schema import open_for_reading


def take(state: Path, copy: Path) -> Verdict:
    """Copy the state as it is at one moment into a new file of one piece; what the copy's log holds.

    A reader of a write-ahead log keeps no writer waiting (https://www.sqlite.org/wal.html), so neither does this. The
    copy is made beside its place under another name, checked, and flushed to the disk before it gets its own.

    Raises:
        StoreError: there is no state, the copy cannot be written or is there already, or it is not whole.
    """
    if copy.exists():
        raise StoreError(f"{copy} is there already: a copy never replaces another one; give it a name of its own")
    part = copy.with_name(copy.name + ".part")
    with closing(open_for_reading(state)), told(part):
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with told(part), closing(open_for_reading(state)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file: nothing of it is left in a log beside it
        verdict = _checked(part)
        with told(copy):
            _flush(part)
            os.link(part, copy)  # fails where a file has come to stand meanwhile; a rename would replace it
            _flush(copy.parent)
    finally:
        part.unlink(missing_ok=True)
    return verdict


def _checked(copy: Path) -> Verdict:
    with told(copy), closing(sqlite3.connect(copy)) as connection:
        found = str(connection.execute("PRAGMA quick_check").fetchone()[0])
    if found != "ok":
        raise StoreError(f"the state is damaged, and its copy would be: none is kept ({' '.join(found.split())})")
    with Reader(copy) as reader:
        return reader.verify()


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
