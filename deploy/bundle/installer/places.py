"""Where it is installed: one folder a release, and two links that say which one runs and which one ran before.

    PREFIX/releases/0.1.0-1/    a virtual environment, and share/: examples, guides, the unit, rules, dashboards
    PREFIX/current              the release that runs; it is switched by one rename
    PREFIX/former               the one before
    PREFIX/bin/retabli, share   through `current`
    PREFIX/.unit                which units we put in place: service.py
    PREFIX/kinds/*.whl          kinds of probe of somebody else's: they are installed into every new release

A release is complete once it holds the file COMPLETE, which is written last. What an interrupted run left has none, and
the next run clears it away.
"""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .refusals import Refused

COMPLETE = "complete"
PROC = Path("/proc")


class Places:
    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.releases = prefix / "releases"
        self.kinds = prefix / "kinds"
        self.command = prefix / "bin" / "retabli"
        self.unit = prefix / ".unit"

    def linked(self, name: str) -> Path | None:
        """The complete release that `current` or `former` leads to."""
        link = self.prefix / name
        if not link.is_symlink():
            return None
        release = self.releases / Path(os.readlink(link)).name
        return release if (release / COMPLETE).is_file() else None

    @property
    def current(self) -> Path | None:
        return self.linked("current")

    @property
    def former(self) -> Path | None:
        """What `--rollback` goes back to."""
        former = self.linked("former")
        return None if former == self.current else former

    def fresh(self, version: str) -> Path:
        """A folder that no release had yet: one that still runs is never written into."""
        numbers = [
            int(found[1])
            for path in self.there()
            if (found := re.fullmatch(rf"{re.escape(version)}-([0-9]+)", path.name))
        ]
        return self.releases / f"{version}-{max(numbers, default=0) + 1}"

    def there(self) -> list[Path]:
        """The folders of releases, whole or not."""
        return sorted(self.releases.iterdir()) if self.releases.is_dir() else []

    def refuse_unsafe(self) -> None:
        """Raises Refused where another user could change what is installed."""
        for path in (self.prefix, self.releases, self.prefix / "bin", self.kinds):
            if not path.exists():
                continue
            if not path.is_dir():
                raise Refused(f"{path} is there and is no folder: name another by --prefix")
            about = path.stat()
            if about.st_uid not in (0, os.geteuid()) or about.st_mode & 0o002:
                raise Refused(f"{path} may be written by another user: who installs must own it (chown, chmod o-w)")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else installs meanwhile; a run that was killed holds nothing.

        Raises:
            Refused: somebody does.
        """
        self.prefix.mkdir(parents=True, exist_ok=True)
        with (self.prefix / ".installing").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(f"another installation into {self.prefix} is under way") from None
            yield

    def clear_away(self) -> None:
        """What interrupted runs left: releases that are not complete, links that were not yet in place."""
        for path in self.there():
            if not (path / COMPLETE).is_file():
                shutil.rmtree(path)
        for path in [*self.prefix.glob(".*.new"), *self.command.parent.glob(".*.new")]:
            path.unlink()

    def switch(self, release: Path) -> None:
        """Make this release the current one, and the one that was the former. Each link is whole at every instant.

        Interrupted between the two, both lead to the release that runs, and there is nothing to go back to.
        """
        was = self.current
        if was is not None:
            self._link(self.prefix / "former", Path("releases", was.name))
        self._link(self.prefix / "current", Path("releases", release.name))
        self.command.parent.mkdir(exist_ok=True)
        self._link(self.command, Path("..", "current", "bin", "retabli"))
        self._link(self.prefix / "share", Path("current", "share"))

    def roll_back(self, to: Path) -> None:
        was = self.current
        self._link(self.prefix / "current", Path("releases", to.name))
        if was is not None:
            self._link(self.prefix / "former", Path("releases", was.name))

    def users(self, but: Callable[[int], bool] = lambda _: False) -> list[tuple[Path, int]]:
        """The releases that processes run from, each with one of them: a daemon still imports from its own, late.

        Args:
            but: which processes do not count.
        """
        found = {}
        for line in PROC.glob("[0-9]*/cmdline"):
            pid = int(line.parent.name)
            try:
                words = line.read_bytes().split(b"\0")
            except OSError:  # it has ended
                continue
            for path in self.there():
                if any(word.startswith(f"{path}/bin/".encode()) for word in words) and not but(pid):
                    found[path] = pid
        return sorted(found.items())

    def keep_two(self) -> list[tuple[Path, int]]:
        """Take away the releases that are neither current nor former; what stays because a process runs from it."""
        users = self.users()
        kept = {self.current, self.former, *(path for path, _ in users)}
        for path in self.there():
            if path not in kept:
                (path / COMPLETE).unlink(missing_ok=True)  # no half of a release counts as one
                shutil.rmtree(path)
        return [(path, pid) for path, pid in users if path not in (self.current, self.former)]

    @property
    def anything(self) -> bool:
        """Whether there is something to remove, be it what an interrupted removal left."""
        return any(path.is_symlink() for path in self._links()) or self.releases.is_dir() or self.unit.exists()

    def _links(self) -> tuple[Path, ...]:
        return (self.command, *(self.prefix / name for name in ("former", "share", "current")))

    def remove(self) -> list[str]:
        """Everything that was installed; what could not be removed, and why. Wheels in `kinds` are the operator's own.

        The links go last, and just before them the installer that lies in the current release: interrupted, it can be
        started again.
        """
        link = self.prefix / "current"
        current = Path(os.readlink(link)).name if link.is_symlink() else None
        left: list[str] = []
        for path in sorted(self.there(), key=lambda each: each.name == current):
            left += _gone(path / COMPLETE)  # no half of a release counts as one
            for part in sorted(path.glob("*"), key=lambda each: each.name == "share"):
                left += _gone(part)
            left += _gone(path)
        left += _gone(self.releases)
        for path in (self.prefix / ".installing", *(each for each in self._links() if each.is_symlink())):
            left += _gone(path)
        for path in (self.command.parent, self.kinds, self.prefix):
            if path.is_dir() and not any(path.iterdir()):
                left += _gone(path)
        return left

    @staticmethod
    def _link(link: Path, to: Path) -> None:
        if link.exists() and not link.is_symlink():
            raise Refused(f"{link} is there and is not ours: move it away")
        new = link.with_name(f".{link.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(to)
        new.replace(link)
        folder = os.open(link.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _gone(path: Path) -> list[str]:
    """Remove it and all that is in it; what could not be, each with why."""
    left: list[str] = []

    def note(error: OSError) -> None:
        left.append(f"{error.filename}: {error.strerror}")

    def remove(each: Path) -> None:
        try:
            if each.is_dir() and not each.is_symlink():
                each.rmdir()
            else:
                each.unlink(missing_ok=True)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not left:  # of what is in it, it was said
                note(error)

    if path.is_dir() and not path.is_symlink():
        for folder, folders, files in os.walk(path, topdown=False, onerror=note):
            for name in (*files, *folders):
                remove(Path(folder, name))
    remove(path)
    return left
