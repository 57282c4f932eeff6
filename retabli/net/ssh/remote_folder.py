"""A folder on an SFTP server: listed, within bounds."""

import stat
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import asyncssh
from asyncssh.packet import PacketDecodeError

from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.folders import folder_causes
from retabli.net.folders.listing import Entry, Listing, listing
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.session import SftpSession

# What asyncssh raises where an answer is none (it says SFTPBadMessage of some).
NONSENSE = (PacketDecodeError, UnicodeDecodeError, IndexError, OverflowError)

# What became of the connection and not of the file.
LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)


def lister(session: SftpSession, most: int) -> Callable[[str], Awaitable[Listing]]:
    """What lists a folder of that session; the file service is started when it is first asked for."""
    started: list[asyncssh.SFTPClient] = []

    async def list_one(directory: str) -> Listing:
        if not started:
            started.append(await session.start_sftp())
        return await list_folder(session, started[0], directory, most)

    return list_one


async def list_folder(session: SftpSession, sftp: asyncssh.SFTPClient, directory: str, most: int) -> Listing:
    """The files of that folder, at most so many of its entries.

    Raises:
        Fall: `directory_missing`, `not_a_directory`, `list_denied`, `sftp_failure`, `sftp_garbage`.
    """
    found: list[Entry] = []
    seen = 0
    try:
        attributes = await sftp.stat(directory)
        if attributes.type not in (asyncssh.FILEXFER_TYPE_DIRECTORY, asyncssh.FILEXFER_TYPE_UNKNOWN):
            raise Fall(folder_causes.NOT_A_DIRECTORY, directory)
        async with aclosing(sftp.scandir(directory)) as names:  # type: ignore[type-var]
            async for name in names:
                if name.filename in (".", ".."):
                    continue
                seen += 1
                if seen > most:
                    break
                if _is_file(name.attrs):
                    found.append(Entry(str(name.filename), name.attrs.size or 0, name.attrs.mtime))
    except asyncssh.SFTPError as error:
        raise fall(session, error, directory) from error
    except asyncssh.DisconnectError as error:
        raise session.lost() from error
    except NONSENSE as error:
        raise Fall(ssh_causes.SFTP_GARBAGE, "an answer that makes no sense") from error
    return listing(found, attributes.mtime, cut=seen > most)


def fall(
    session: SftpSession,
    error: asyncssh.SFTPError,
    detail: str = "",
    *,
    denied: Cause = folder_causes.LIST_DENIED,
    missing: Cause = folder_causes.DIRECTORY_MISSING,
    otherwise: Cause = ssh_causes.SFTP_FAILURE,
) -> Exception:
    """What a server's status says (draft-ietf-secsh-filexfer-02, section 7), for what was being done."""
    if isinstance(error, LOST):
        return session.lost()
    if isinstance(error, asyncssh.SFTPPermissionDenied | asyncssh.SFTPWriteProtect):
        return Fall(denied, error.reason)
    if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        return Fall(missing, detail)
    if isinstance(error, asyncssh.SFTPBadMessage):
        return Fall(ssh_causes.SFTP_GARBAGE, error.reason)
    return Fall(otherwise, error.reason)


def _is_file(attributes: asyncssh.SFTPAttrs) -> bool:
    if attributes.permissions is not None:
        return stat.S_ISREG(attributes.permissions) or not stat.S_IFMT(attributes.permissions)
    return attributes.type in (asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_UNKNOWN)
