"""A marked file of ours, written into a folder, read back and removed. Nobody else's file is ever touched."""

import asyncio
import re
import secrets
from dataclasses import dataclass

import asyncssh

from retabli.model.ladder import Fall, Ladder
from retabli.net.folders import folder_causes
from retabli.net.folders.listing import OURS
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.remote_folder import LOST, NONSENSE, fall
from retabli.net.ssh.session import SftpSession

MARK = b"RETABLI-CANARY a test file of the hospital's flow monitoring, not a document; it may be deleted.\n"
LARGEST = 1024  # bytes of a file that may be ours
PATIENCE = 3  # looks at a canary that another run of ours holds
PAUSE = 0.3  # seconds between them
_STAMP = re.compile(rb"^written (\d{1,12}) ", re.MULTILINE)

# What servers say of a file that is there already.
TAKEN = (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists)

# What servers say besides SSH_FX_FAILURE when there is no room.
_NO_ROOM = ("space", "quota", "full")


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file of ours that is there already; `age` in seconds, None when it was never written to its end."""

    age: float | None


class Canary:
    """One run's. `busy` is for how many seconds a file of ours may belong to a run that is still under way."""

    def __init__(self, session: SftpSession, sftp: asyncssh.SFTPClient, path: str, ladder: Ladder, busy: float) -> None:
        self._session = session
        self._sftp = sftp
        self._path = path
        self._ladder = ladder
        self._busy = busy
        self._found = b""  # what lay there before
        self._content = MARK + f"written {ladder.wall():.0f} {secrets.token_hex(16)}\n".encode()

    async def fly(self) -> None:
        """Write, read back, compare, remove.

        Raises:
            Fall: the folder does not take it, gives back another, or the name is not ours to use.
        """
        try:
            await self._write(await self._place())
            await self._compare()
            await self._remove()
        except asyncssh.DisconnectError as error:
            raise self._session.lost() from error
        except NONSENSE as error:
            raise Fall(ssh_causes.SFTP_GARBAGE, "an answer that makes no sense") from error

    async def _place(self) -> bool:
        """Whether a leftover of ours lies there, to be written over; one that is being written now is waited for."""
        for _ in range(PATIENCE):
            leftover = await self._leftover()
            if leftover is None:
                return False
            if leftover.age is not None and abs(leftover.age) >= self._busy:
                break
            await asyncio.sleep(PAUSE)
        else:
            if leftover is not None and leftover.age is not None:
                raise Fall(folder_causes.CANARY_BUSY)
        self._ladder.describe("leftover", "a canary of an interrupted run was found and written over")
        return True

    async def _leftover(self) -> Leftover | None:
        """What bears our name already.

        Raises:
            Fall: `canary_foreign`.
        """
        try:
            content = await self._read()
        except asyncssh.SFTPNoSuchFile:
            return None
        except asyncssh.SFTPPermissionDenied:
            return None  # a folder that may be written to and not read: writing will tell
        except asyncssh.SFTPError as error:
            raise fall(self._session, error, otherwise=folder_causes.CANARY_FOREIGN) from error
        self._found = content
        if not content.startswith(MARK):
            if MARK.startswith(content):  # cut off in the middle of writing; empty, too: the name is ours alone
                return Leftover(None)
            raise Fall(folder_causes.CANARY_FOREIGN)
        stamp = _STAMP.search(content)
        return Leftover(None if stamp is None else self._ladder.wall() - int(stamp[1]))

    async def _read(self) -> bytes:
        async with self._sftp.open(self._path, asyncssh.FXF_READ, encoding=None) as file:
            content: bytes = await file.read(LARGEST)
        return content

    async def _write(self, over: bool) -> None:
        """By exclusive creation, unless it is our own that lies there."""
        flags = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | (asyncssh.FXF_TRUNC if over else asyncssh.FXF_EXCL)
        try:
            file = await self._create(flags)
        except asyncssh.SFTPError as error:
            raise await self._unwritten(error) from error
        try:
            async with file:
                await file.write(self._content)
        except asyncssh.SFTPError as error:
            why = await self._unwritten(error)
            await self._try_to_remove(error)
            raise why from error

    async def _create(self, flags: int) -> asyncssh.SFTPClientFile:
        try:
            return await self._sftp.open(self._path, flags, encoding=None)
        except TAKEN:
            if not flags & asyncssh.FXF_EXCL:
                raise
            await self._look_who_was_faster()
        return await self._sftp.open(self._path, flags, encoding=None)  # they are gone already, or it was no one

    async def _look_who_was_faster(self) -> None:
        """After a creation that failed where there had been nothing.

        Raises:
            Fall: there is something now: `canary_busy`, or `canary_foreign` when we may not see what.
        """
        if await self._leftover() is not None:
            raise Fall(folder_causes.CANARY_BUSY)
        try:
            await self._sftp.lstat(self._path)
        except asyncssh.SFTPError:
            return
        raise Fall(folder_causes.CANARY_FOREIGN, "it may not be read")

    async def _unwritten(self, error: asyncssh.SFTPError) -> Exception:
        if isinstance(error, asyncssh.SFTPNoSpaceOnFilesystem | asyncssh.SFTPQuotaExceeded):
            return Fall(folder_causes.DISK_FULL, error.reason)
        if any(word in error.reason.lower() for word in _NO_ROOM) or await self._is_full(error):
            return Fall(folder_causes.DISK_FULL, error.reason)
        return fall(
            self._session,
            error,
            error.reason,
            denied=folder_causes.WRITE_DENIED,
            missing=folder_causes.DIRECTORY_MISSING,
            otherwise=folder_causes.WRITE_FAILED,
        )

    async def _is_full(self, error: asyncssh.SFTPError) -> bool:
        """OpenSSH says "Failure", and tells the room that is left when it is asked (statvfs@openssh.com)."""
        if not isinstance(error, asyncssh.SFTPFailure):
            return False
        try:
            room = await self._sftp.statvfs(self._path.rpartition("/")[0] or "/")
        except asyncssh.SFTPError:
            return False
        return room.bavail == 0 or (room.files > 0 and room.favail == 0)

    async def _compare(self) -> None:
        try:
            content = await self._read()
        except asyncssh.SFTPPermissionDenied as error:  # a letter box: it takes, and does not show
            self._ladder.impair(folder_causes.READ_DENIED, error.reason)
            return
        except asyncssh.SFTPError as error:
            if not isinstance(error, asyncssh.SFTPNoSuchFile):
                await self._try_to_remove(error)
            raise fall(self._session, error, missing=folder_causes.CANARY_TAKEN) from error
        if content == self._content:
            return
        ours = content.startswith(self._content)  # and something else behind it
        if content.startswith(MARK) and content != self._found and _STAMP.search(content) and not ours:
            raise Fall(folder_causes.CANARY_BUSY)  # another run of ours took this one for a leftover
        await self._try_to_remove(None)  # the file that this very run made, and nobody else's
        raise Fall(folder_causes.CANARY_DIFFERS, f"{len(content)} bytes instead of {len(self._content)}")

    async def _remove(self) -> None:
        try:
            await self._sftp.remove(self._path)
        except asyncssh.SFTPNoSuchFile:
            pass  # somebody was faster: it was written and read back, which is all that was asked
        except asyncssh.SFTPError as error:
            if isinstance(error, LOST):
                raise self._session.lost() from error
            self._ladder.impair(folder_causes.CANARY_STAYS, error.reason)

    async def _try_to_remove(self, error: asyncssh.SFTPError | None) -> None:
        """After a fault; the next run finds what stays."""
        if isinstance(error, LOST):
            return
        try:
            await self._sftp.remove(self._path)
        except asyncssh.SFTPError:
            pass


def canary_name(given: str) -> str:
    """The name as it is used: one that has `retabli` in it, so that it is unmistakably ours."""
    return given if OURS in given.lower() else f"{OURS}-{given}"
