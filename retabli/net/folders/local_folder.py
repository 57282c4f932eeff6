"""A folder of this machine, looked at in threads: a mount whose server is gone holds a call for ever, and only one."""

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

from retabli.model.ladder import Fall, detail_of
from retabli.net.disk import Disk
from retabli.net.folders import folder_causes
from retabli.net.folders.listing import Entry, Listing, listing

MOST_PLACES = 64  # that are looked at, or hang, at a time
HANGING = (errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH)  # a mount that gives up (NFS `soft`)

T = TypeVar("T")
Stop = Callable[[], bool]


@dataclass(slots=True)
class _Look:
    """One call under way. `given_up`: its last run ended before it did."""

    began: float
    done: Future[Any]
    stop: threading.Event
    waiting: int = 0

    @property
    def given_up(self) -> bool:
        return self.stop.is_set()


class Looks:
    """One look of a kind at a time for each place: one that hangs holds one thread, however often it is asked."""

    def __init__(self, most: int = MOST_PLACES, clock: Callable[[], float] = time.monotonic) -> None:
        self._disk = Disk(most)
        self._clock = clock
        self._under_way: dict[Hashable, _Look] = {}
        self._turn = threading.Lock()

    async def look(self, name: Hashable, job: Callable[[Stop], T]) -> T:
        """Have a thread do it, or join whoever has just asked for the same; a cancelled job is told to stop.

        `name` says what is done, and where: the same name, the same result.

        Raises:
            Fall: `folder_hangs`, at once, while an earlier look has not come back; `local_resources`.
        """
        look = self._begin(name, job)
        look.waiting += 1
        try:
            return cast(T, await asyncio.wrap_future(look.done))
        finally:
            look.waiting -= 1
            if not look.waiting:
                look.stop.set()

    def _begin(self, name: Hashable, job: Callable[[Stop], T]) -> _Look:
        with self._turn:
            look = self._under_way.get(name)
            if look is not None and look.given_up:
                waited = self._clock() - look.began
                raise Fall(folder_causes.FOLDER_HANGS, f"a look {waited:.0f} s ago has not come back yet")
            if look is None:
                stop = threading.Event()
                done = self._disk.begin(lambda: self._work(name, stop, job))
                look = self._under_way[name] = _Look(self._clock(), done, stop)
            return look

    def _work(self, name: Hashable, stop: threading.Event, job: Callable[[Stop], T]) -> T:
        try:
            return job(stop.is_set)
        finally:
            with self._turn:
                del self._under_way[name]


@cache
def looks() -> Looks:
    """A process sees one set of file systems, and so looks at each place once."""
    return Looks()


async def reach(directory: str, patience: float) -> None:
    """Whether the folder opens, within `patience` seconds.

    Raises:
        Fall: `directory_missing`, `not_a_directory`, `folder_forbidden`, `folder_hangs`, `folder_broken`; `cause_of`
            knows those that came of what our own machine lacks.
    """
    await _look(directory, ("reach", directory), lambda _: os.scandir(directory).close(), patience)


async def list_folder(directory: str, patience: float, most: int) -> Listing:
    """The files of that folder, at most so many of its entries. Raises as `reach` does."""
    return await _look(directory, ("list", directory, most), lambda stop: scan(directory, most, stop), patience)


async def _look(directory: str, name: Hashable, job: Callable[[Stop], T], patience: float) -> T:
    try:
        async with asyncio.timeout(patience):
            return await looks().look(name, job)
    except TimeoutError:
        raise Fall(folder_causes.FOLDER_HANGS, f"no answer within {patience:.1f} s") from None
    except FileNotFoundError as error:
        raise Fall(folder_causes.DIRECTORY_MISSING, directory) from error
    except NotADirectoryError as error:
        raise Fall(folder_causes.NOT_A_DIRECTORY, directory) from error
    except PermissionError as error:
        raise Fall(folder_causes.FOLDER_FORBIDDEN, directory) from error
    except OSError as error:
        hangs = error.errno in HANGING
        raise Fall(folder_causes.FOLDER_HANGS if hangs else folder_causes.FOLDER_BROKEN, detail_of(error)) from error


def scan(directory: str, most: int, stop: Stop = lambda: False) -> Listing:
    """What `list_folder` has done in a thread: it may hang. `stop` is asked between two entries."""
    changed = os.stat(directory).st_mtime
    found: list[Entry] = []
    with os.scandir(directory) as entries:
        for seen, entry in enumerate(entries):
            if seen >= most or stop():
                return listing(found, changed, cut=True)
            try:
                if entry.is_file(follow_symlinks=False):
                    state = entry.stat(follow_symlinks=False)
                    found.append(Entry(entry.name, state.st_size, state.st_mtime))
            except FileNotFoundError:
                continue  # it has just been consumed
    return listing(found, changed)
