"""Reports that are handed over as files: one of ours written and taken, and how long those of others have waited.

Directories may be shares that hang: nothing here waits for them longer than the run does.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.disk import disk
from retabli.net.folders.local_folder import scan
from retabli.net.reports.report_causes import DIRECTORY_UNUSABLE, FILE_NOT_TAKEN, HAND_OVER_REJECTED, UNSENT_TOO_OLD

T = TypeVar("T")
Identity = tuple[int, int]  # of a directory: its device and inode

MOST = 50_000  # entries of a directory that are looked at
LOOKS = (0.05, 0.1, 0.2)  # seconds between the first looks; then
LOOK = 0.5
TIDYING = 1.5  # seconds, at most, for taking a file back


def hung(found: Cause, detail: str) -> tuple[Cause, str]:
    """For `Ladder.told_as`: a share that does not answer is no network of the flow's."""
    return (DIRECTORY_UNUSABLE, "it does not answer") if found is causes.TIMEOUT and not detail else (found, detail)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Files that wait in a directory. `oldest` in seconds by this machine's clock, 0 when there is none.

    `cut`: the directory holds more than was looked at.
    """

    files: int
    oldest: float
    cut: bool


async def judge_unsent(directory: Path, pattern: str, max_age: float, now: float) -> Waiting:
    """That no file of that pattern, but ours, has waited longer than `max_age` seconds. `now` is Unix time.

    Raises:
        Fall: `unsent_too_old`; `file_unreadable` when the directory cannot be looked at.
    """
    try:
        waiting = await disk().call(lambda: _waiting(directory, pattern, now))
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{directory}: {error.strerror}") from error
    if waiting.oldest > max_age or (waiting.cut and waiting.files):
        more = " or more" if waiting.cut else ""
        raise Fall(UNSENT_TOO_OLD, f"{waiting.files}{more} files, the oldest for {waiting.oldest:.0f} s")
    if waiting.cut:
        raise Fall(causes.FILE_UNREADABLE, f"{directory}: more than {MOST} entries")
    return waiting


def _waiting(directory: Path, pattern: str, now: float) -> Waiting:
    seen = scan(str(directory), MOST)
    times = [entry.modified for entry in seen.files if entry.modified is not None and entry.matches((pattern,))]
    return Waiting(len(times), max(0.0, now - min(times, default=now)), seen.cut)


@dataclass(frozen=True, slots=True)
class Deposit:
    """A file of ours in the directory that an engine reads; `errors` is where it puts what it cannot use."""

    path: Path
    errors: Path | None

    async def write(self, content: bytes) -> Identity:
        """Write under a hidden name and rename, so that the engine never sees half of it; which directory it is in.

        Raises:
            Fall: `directory_unusable`; `local_permission` when it is only we who may not.
        """
        return await self._on_disk(lambda: self._write(content))

    def _write(self, content: bytes) -> Identity:
        part = self.path.with_name(f".{self.path.name}.part")
        where = self._identity()
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self.path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return where

    async def consumed(self, where: Identity, within: float) -> None:
        """Wait until the engine has taken the file from that directory, for that many seconds at most.

        Raises:
            Fall: `not_consumed`, `hand_over_rejected`; `directory_unusable` when the whole directory went away.
        """
        pauses = iter(LOOKS)
        try:
            async with asyncio.timeout(within):
                while await self._on_disk(self._there):  # noqa: ASYNC110 - another program takes the file
                    await asyncio.sleep(next(pauses, LOOK))
        except TimeoutError:
            raise Fall(FILE_NOT_TAKEN, f"not gone after {within:g} s") from None
        if await self._on_disk(self._identity) != where:  # a share that is unmounted has consumed nothing
            raise Fall(DIRECTORY_UNUSABLE, f"{self.path.parent}: another directory than before")
        await self.check_errors()

    async def check_errors(self) -> None:
        """Raises: Fall: `hand_over_rejected` when the engine has put our file among its errors."""
        if self.errors is not None and await self._on_disk((self.errors / self.path.name).exists):
            raise Fall(HAND_OVER_REJECTED)

    def _there(self) -> bool:
        try:
            self.path.lstat()
        except FileNotFoundError:
            return False
        return True

    def _identity(self) -> Identity:
        stat = self.path.parent.stat()
        return stat.st_dev, stat.st_ino

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await disk().call(work)
        except OSError as error:
            ours = error.errno in (errno.EACCES, errno.EPERM)
            detail = f"{self.path.parent}: {error.strerror}"
            raise Fall(causes.LOCAL_PERMISSION if ours else DIRECTORY_UNUSABLE, detail) from error

    async def withdraw(self) -> None:
        """Take our file back, that it is not sent days later; one that is gone was taken after all."""
        try:
            async with asyncio.timeout(TIDYING):
                await disk().call(self._withdraw)
        except (Fall, TimeoutError):
            pass  # the run's own fault is already told

    def _withdraw(self) -> None:
        for left in (self.path, self.path.with_name(f".{self.path.name}.part")):
            try:
                left.unlink(missing_ok=True)
            except OSError:
                pass  # likewise
