"""A whole copy of a state, taken while a daemon writes it, and never put in place before it was found to be whole."""

import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from retabli.store.chain import Verdict
from retabli.store.facts import StoreDamaged, StoreError
from retabli.store.faults import damage, told
from retabli.store.owning import make_or_open
from retabli.store.reader import Reader
from retabli.store.schema import beside, flush, look_for_lacks, open_for_reading

STEP = 256  # pages that are copied at a time: a megabyte
LONGEST_REST = 0.05  # seconds; after each step it rests for as long as that took, so that others have the disk too
AT_ONCE = 8 * 2**20  # bytes after which they are flushed: a heap of them would hold up the daemon's own small flushes


def take(state: Path, copy: Path) -> Verdict:
    """Copy the state as it is at one moment into a new file of one piece; what the copy's log holds.

    A reader of a write-ahead log keeps no writer waiting (https://www.sqlite.org/wal.html), so neither does this. The
    copy is made beside its place under another name, checked, and flushed to the disk before it gets its own.

    Raises:
        StoreDamaged: the state is not whole.
        StoreError: there is no state, the copy cannot be written or is there already.
    """
    if copy.exists():
        raise taken(copy)
    with part_of(copy) as part:
        verdict = fill(state, part)
        publish(part, copy)
    return verdict


def taken(copy: Path) -> StoreError:
    return StoreError(f"{copy} is there already: a copy never replaces another one; give it a name of its own")


@contextmanager
def part_of(copy: Path, *, of_folder: bool = False) -> Iterator[Path]:
    """The file beside it in which it is made: ours alone, empty, gone at the end. What a kill left there is let go of.

    `of_folder`: it belongs to whoever has its folder, and not to root who was here.

    Raises:
        StoreError: it cannot be written, or another copy of that name is being made.
    """
    part = copy.with_name(copy.name + ".part")
    with told(part):
        number = make_or_open(part) if of_folder else os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with told(part):
            if not _locked(number) or not _is(part, number):
                raise StoreError(f"{part} is being written by another copying; wait until that one has ended")
            os.ftruncate(number, 0)
            for left in beside(part):
                left.unlink(missing_ok=True)  # SQLite would take it for a part of the new one
        try:
            yield part
        finally:
            for left in (part, *beside(part)):
                left.unlink(missing_ok=True)
    finally:
        os.close(number)


def _locked(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):  # a file system that has no locks
            raise
    return True


def _is(part: Path, number: int) -> bool:
    """Whether the name is still that of the open file: whoever had it may just have given it another one."""
    with suppress(FileNotFoundError):
        return os.path.samestat(part.stat(), os.fstat(number))
    return False


def fill(state: Path, part: Path) -> Verdict:
    """All of the state, of one moment, in small steps; what the log of the copy holds.

    Raises:
        StoreDamaged: the state is not whole.
        StoreError: it cannot be read, or the part cannot be written.
    """
    with Reader(state) as source:
        try:
            pour(source, part)
        except StoreDamaged as error:  # what was written just now is read by nobody yet
            raise damage(state, error.why) from error
    try:
        return verdict_of(part)
    except StoreDamaged as error:
        raise _whose(state, part, error) from error


def pour(source: Reader, part: Path) -> None:
    """As `fill`, and unchecked."""
    with told(part), closing(sqlite3.connect(part, isolation_level=None)) as target, _pace(part) as pace:
        # Nobody wants half of it, so it needs no journal; it is flushed as a whole.
        target.execute("PRAGMA journal_mode = MEMORY")
        target.execute("PRAGMA synchronous = OFF")
        source.pour(target, STEP, pace)
        target.execute("PRAGMA journal_mode = DELETE")  # one file: nothing of it is left in a log beside it


@contextmanager
def _pace(part: Path) -> Iterator[Callable[[int, int, int], None]]:
    """What is called after each step: it lets others have the disk."""
    number = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    began, flushed = time.monotonic(), 0

    def rest(_: int, remaining: int, total: int) -> None:
        nonlocal began, flushed
        if os.fstat(number).st_size - flushed >= AT_ONCE:
            os.fdatasync(number)
            flushed = os.fstat(number).st_size
        time.sleep(min(time.monotonic() - began, LONGEST_REST))
        began = time.monotonic()

    try:
        yield rest
    finally:
        os.close(number)


def publish(part: Path, copy: Path) -> None:
    """Give the part its name, which must be free.

    Raises:
        StoreError: it is not, or the file cannot be flushed.
    """
    try:
        with told(copy):
            flush(part)
            try:
                os.link(part, copy)  # fails where a file has come to stand meanwhile; a rename would replace it
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links, as FAT is: it is looked at just before
                if copy.exists():
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(copy)) from None
                part.rename(copy)
            flush(copy.parent)
    except StoreError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise taken(copy) from error
        raise


def verdict_of(copy: Path) -> Verdict:
    """What the log of a whole copy holds.

    Raises:
        StoreDamaged: it is not whole.
        StoreError: it cannot be read.
    """
    if (fault := fault_of(copy)) is not None:
        raise damage(copy, fault)
    with Reader(copy) as reader:
        return reader.verify()


def _whose(state: Path, part: Path, fault: StoreDamaged) -> StoreError:
    """Whose fault it is that a copy is not whole: the state's, or that of the disk it was written to."""
    with closing(open_for_reading(state)) as source, told(state):
        found = str(source.execute("PRAGMA quick_check").fetchone()[0])
    if found != "ok":
        return damage(state, found)
    return StoreError(f"{part} is not what was written there ({fault.why}); look at the disk that it lies on")


def fault_of(copy: Path) -> str | None:
    """What is wrong with a file that nobody writes: its pages, its indexes, what it lacks; None: it is whole.

    Raises:
        StoreError: it cannot be read, or is a newer version's.
    """
    try:
        with closing(open_for_reading(copy, older=True)) as connection, told(copy):
            found = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
            look_for_lacks(connection, copy)
    except StoreDamaged as error:
        return error.why
    return None if found == "ok" else " ".join(found.split())
