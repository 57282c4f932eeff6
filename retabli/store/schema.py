"""The state file: its tables, how it is made, looked through, opened and brought up to date."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from retabli.store.chain import GENESIS, GENESIS_HASH
from retabli.store.facts import StoreDamaged, StoreError
from retabli.store.faults import NOT_OURS, damage, told
from retabli.store.owning import make, make_folder

APPLICATION = 0x52544253  # "RTBS", in the header of the file (PRAGMA application_id)
UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
BUSY_SECONDS = 10.0  # how long another program may hold the file before we give up

FIRST = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE standings (flow TEXT PRIMARY KEY, standing TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE units (
    id INTEGER PRIMARY KEY, flow TEXT NOT NULL, probe TEXT NOT NULL, target TEXT NOT NULL,
    record TEXT, memory TEXT NOT NULL DEFAULT '{{}}', UNIQUE (flow, probe, target)
);

CREATE TABLE results (
    id INTEGER PRIMARY KEY, unit INTEGER NOT NULL, at REAL NOT NULL, outcome TEXT NOT NULL, whole INTEGER NOT NULL,
    stage TEXT, cause TEXT, side TEXT, detail TEXT, seconds REAL NOT NULL, rungs TEXT NOT NULL
);
CREATE INDEX results_of_unit ON results (unit, at);

CREATE TABLE log (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, flow TEXT, data TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE INDEX log_at ON log (at);
CREATE INDEX log_flow ON log (flow, number);
CREATE TABLE log_head (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, hash BLOB NOT NULL);
INSERT INTO log VALUES ({GENESIS[0]}, {GENESIS[1]}, '{GENESIS[2]}', NULL, '{GENESIS[4]}', x'{GENESIS_HASH.hex()}');
INSERT INTO log_head VALUES (1, 0, x'{GENESIS_HASH.hex()}');
CREATE TRIGGER log_is_never_altered BEFORE UPDATE ON log
    BEGIN SELECT RAISE(ABORT, 'a row of the log is never altered'); END;
CREATE TRIGGER log_is_never_shortened BEFORE DELETE ON log
    BEGIN SELECT RAISE(ABORT, 'a row of the log is never deleted'); END;
CREATE TRIGGER log_grows_at_its_end BEFORE INSERT ON log WHEN NEW.number <= (SELECT MAX(number) FROM log)
    BEGIN SELECT RAISE(ABORT, 'the log grows at its end only'); END;
CREATE TRIGGER head_never_goes_back BEFORE UPDATE ON log_head WHEN NEW.number <= OLD.number
    BEGIN SELECT RAISE(ABORT, 'the head of the log never goes back'); END;
CREATE TRIGGER head_is_never_deleted BEFORE DELETE ON log_head
    BEGIN SELECT RAISE(ABORT, 'the head of the log is never deleted'); END;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, channel TEXT NOT NULL, flow TEXT NOT NULL,
    body TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'told', 'aside')),
    turn INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, error TEXT, queued_at REAL NOT NULL, settled_at REAL
);
CREATE INDEX outbox_lanes ON outbox (channel, flow, turn) WHERE state = 'pending';
CREATE INDEX outbox_keys ON outbox (key, channel);
"""  # noqa: S608 - our own constants

# What waits may be grouped (`gathered_by` is the row of the group, `gathers` how many a group holds), an attempt may
# have begun (whoever got it knows it by its key: it is never put under another one), and channels may fail for long.
SECOND = """
CREATE TABLE outbox_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, channel TEXT NOT NULL, flow TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'grouped', 'told', 'aside')),
    turn INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, error TEXT, queued_at REAL NOT NULL, settled_at REAL,
    begun INTEGER NOT NULL DEFAULT 0, gathers INTEGER NOT NULL DEFAULT 0, gathered_by INTEGER
);
INSERT INTO outbox_anew SELECT *, 1, 0, NULL FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_anew RENAME TO outbox;
CREATE INDEX outbox_lanes ON outbox (channel, flow, turn) WHERE state IN ('pending', 'grouped');
CREATE INDEX outbox_keys ON outbox (key, channel);
CREATE INDEX outbox_groups ON outbox (gathered_by) WHERE gathered_by IS NOT NULL;

CREATE TABLE channels (
    name TEXT PRIMARY KEY, failing_since REAL NOT NULL, reason TEXT NOT NULL, incident TEXT, told TEXT
) WITHOUT ROWID;
"""
MIGRATIONS = (FIRST, SECOND)  # each takes the file from the version of its place to the next
SMALL_TABLES = ("facts", "standings", "units", "log", "log_head", "outbox", "channels")
LOOKED_THROUGH = 256 * 2**20  # bytes of a state that is looked through at every opening: a third of a second
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite may leave beside a file: its newest rows may be in there


def beside(path: Path) -> list[Path]:
    """Where SQLite has what belongs to this file."""
    return [path.with_name(path.name + suffix) for suffix in BESIDE]


def create(path: Path) -> None:
    """A new state, made under another name, flushed, and renamed when it is whole: no file is ever half of one.

    For whoever holds the lock: a file that is there would be replaced.

    Raises:
        StoreError: it cannot be made.
    """
    part = path.with_name(path.name + ".new")
    with told(path):
        for left in (part, *beside(part)):
            left.unlink(missing_ok=True)
        os.close(make(part))
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            _bring_up_to_date(connection)
        flush(part)
        part.rename(path)
        flush(path.parent)


def flush(path: Path) -> None:
    """What was written of this file or folder survives a power cut from now on."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes; the file is made if there is none, or brought up to date.

    Raises:
        StoreError: it cannot be opened.
    """
    with told(path):
        make_folder(path.parent)
        if not path.exists():
            create(path)
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with told(path):
            _recognise(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("PRAGMA foreign_keys = OFF")
            _bring_up_to_date(connection)
    except StoreError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, *, older: bool = False) -> sqlite3.Connection:
    """A connection that only reads, beside a daemon that writes or over a file that nobody writes.

    `older`: one of an older version will do, too.

    Raises:
        StoreError: there is no such file, it is not ours, or it cannot be read.
    """
    if not path.is_file():
        raise StoreError(f"{path}: there is no state here; has the daemon ever run with this configuration?")
    with told(path):
        connection = _connect_for_reading(path)
    try:
        with told(path):
            _recognise(connection, path)
            version = _version(connection)
    except StoreError:
        connection.close()
        raise
    if version < len(MIGRATIONS) and not older:
        connection.close()
        raise StoreError(f"{path} is of an older version; start the daemon once, which brings it up to date")
    return connection


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    """Read-only; a file in a folder that we may not write, and that no daemon has open, is read as it lies."""
    address = path.resolve().as_uri()
    connection = sqlite3.connect(
        f"{address}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        newest = path.with_name(path.name + "-wal")  # without its rows an older state would pass for the present one
        if error.sqlite_errorcode & 0xFF not in UNWRITABLE or (newest.exists() and newest.stat().st_size):
            raise
        connection = sqlite3.connect(
            f"{address}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
    except UnicodeDecodeError:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    """
    Raises:
        StoreDamaged: nothing is in it, or what says whose it is was lost.
        StoreError: it is a newer version's.
    """
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    version = _version(connection)
    if not tables:
        raise damage(path, "it is empty")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        what = "an SQLite database of another program"
        raise StoreDamaged(f"{path} {NOT_OURS.format(what)}", what, foreign=True)
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer Retabli (format {version}, and this one knows up to {len(MIGRATIONS)}); "
            "install that version again, or put the copy from before the upgrade in its place, which lacks what came "
            "after it (docs/backup.md, Restore by hand)"
        )


def _bring_up_to_date(connection: sqlite3.Connection, to: int = len(MIGRATIONS)) -> None:
    for version in range(_version(connection), to):
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[version]} PRAGMA application_id = {APPLICATION};"
            f"PRAGMA user_version = {version + 1}; COMMIT;"
        )


def look_for_damage(path: Path) -> None:
    """Look through all pages after an end that nobody wanted; of a large state that was closed, through those that the
    daemon lives by. Nothing is written: whoever opens a damaged file to write it would mix it with its log.

    Raises:
        StoreDamaged: it is not whole.
        StoreError: it cannot be looked at.
    """
    with told(path):
        number = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            size, head = os.fstat(number).st_size, os.pread(number, 100, 0)
        finally:
            os.close(number)
        if size == 0:
            raise damage(path, "it is empty")  # SQLite would let go of the log beside it
        if head.startswith(b"SQLite format 3\0") and not any(_holds(each) for each in beside(path)):
            _look_whether_cut(path, size, head)
    if beside(path)[-1].exists():
        return  # a journal, from a copy's first moments in its place: only who writes can take it up
    with closing(open_for_reading(path, older=True)) as connection, told(path):
        _look_through(connection, path)


def _holds(file: Path) -> bool:
    return not file.name.endswith("-shm") and file.exists() and file.stat().st_size > 0


def _look_whether_cut(path: Path, size: int, head: bytes) -> None:
    """SQLite takes what is missing of the last page for zeros (https://www.sqlite.org/fileformat2.html, 1.3)."""
    page, pages = int.from_bytes(head[16:18]), int.from_bytes(head[28:32])
    wanted = (65_536 if page == 1 else page) * pages
    if size < wanted:
        raise damage(path, f"{wanted - size} of its {wanted} bytes are missing")


def _look_through(connection: sqlite3.Connection, path: Path) -> None:
    look_for_lacks(connection, path)
    closed = connection.execute("SELECT value FROM facts WHERE name = 'clean_stop'").fetchone()
    thoroughly = closed is None or not closed[0] or path.stat().st_size <= LOOKED_THROUGH
    for check in ("quick_check",) if thoroughly else [f"quick_check({table})" for table in SMALL_TABLES]:
        found = connection.execute(f"PRAGMA {check}").fetchone()[0]
        if found != "ok":
            raise damage(path, str(found))


def look_for_lacks(connection: sqlite3.Connection, path: Path) -> None:
    """Whether all that a state of its version is made of is there.

    Raises:
        StoreDamaged: a table or an index is missing, or the log has not even its beginning.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        _bring_up_to_date(fresh, _version(connection))
        made_of = "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'index')"
        lacks = {*fresh.execute(made_of)} - {*connection.execute(made_of)}
    for kind, name in sorted(lacks):
        raise damage(path, f"the {kind} {name} is missing")
    if connection.execute("SELECT 1 FROM log LIMIT 1").fetchone() is None:
        raise damage(path, "the log is empty")
