"""Whose the files of a state are: they belong to whoever has its folder, also when root was here."""

import os
from contextlib import suppress
from pathlib import Path


def make(path: Path) -> int:
    """Open a file for reading and writing that was not there before, as its folder's owner would have made it.

    SQLite does the same for what it has beside a state (https://www.sqlite.org/src/file/src/os_unix.c, robustFchown).
    Only what was made here is given away: a link that somebody has put in its place would lead to another file.

    Raises:
        FileExistsError: something is there.
        OSError: it cannot be made.
    """
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _give(number, path.parent)
    except BaseException:
        os.close(number)
        raise
    return number


def make_or_open(path: Path) -> int:
    """The same, or the file that is there.

    Raises:
        OSError: it can neither be made nor opened.
    """
    try:
        return make(path)
    except FileExistsError:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # should it have gone meanwhile


def make_folder(path: Path) -> None:
    """For its owner alone, with those above it that are missing.

    Raises:
        OSError: it cannot be made.
    """
    _make_folder(path, 0o700)


def _make_folder(path: Path, mode: int) -> None:
    if path.is_dir():
        return
    _make_folder(path.parent, 0o777)
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _give(number, path.parent)
    finally:
        os.close(number)


def _give(number: int, folder: Path) -> None:
    """To the owner of the folder, if that is somebody else than root, who may give things away."""
    if os.geteuid() == 0:
        owner = folder.stat()
        if owner.st_uid != 0:
            with suppress(OSError):  # a file system that knows no owners, or a root who may not
                os.fchown(number, owner.st_uid, owner.st_gid)
