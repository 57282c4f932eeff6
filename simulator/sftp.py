"""A small SFTP server for the simulated world: the blood service's letter box, with a folder of its own."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncssh

CHUNK = 1 << 16


@dataclass(slots=True)
class SftpServer:
    """One account on one folder, which is all that it sees, as `/`.

    `position`: "accepts", "refuses" (the account), "readonly", "another_key" (as after a rebuild) or "silent".
    asyncssh is only imported when the first key is made or the first guest comes.
    """

    folder: Path
    user: str
    password: str
    position: str = "accepts"
    _keys: list["asyncssh.SSHKey"] = field(default_factory=list)

    @property
    def host_key(self) -> str:
        """Its public key, as a partner would send it to be pinned."""
        return self._key(0).export_public_key().decode().strip()

    def _key(self, number: int) -> "asyncssh.SSHKey":
        import asyncssh

        while len(self._keys) <= number:
            self._keys.append(asyncssh.generate_private_key("ssh-ed25519"))
        return self._keys[number]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One guest, until either side has enough."""
        if self.position == "silent":
            await asyncio.sleep(3600)
        import asyncssh

        ours, theirs = socket.socketpair()
        inner_reader, inner_writer = await asyncio.open_connection(sock=ours)
        serving = asyncio.ensure_future(
            asyncssh.run_server(
                theirs,
                config=None,
                server_factory=lambda: _door(self),
                server_host_keys=[self._key(self.position == "another_key")],
                sftp_factory=lambda channel: _files(self, channel),
            )
        )
        try:
            ways = {
                asyncio.create_task(_carry(reader, inner_writer)),
                asyncio.create_task(_carry(inner_reader, writer)),
            }
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            inner_writer.close()
            guest: Any = (await asyncio.gather(serving, return_exceptions=True))[0]
            if isinstance(guest, asyncssh.SSHServerConnection):
                guest.abort()
                await guest.wait_closed()
            with contextlib.suppress(OSError):
                await inner_writer.wait_closed()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


def _door(server: SftpServer) -> "asyncssh.SSHServer":
    import asyncssh

    class Door(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return server.position != "refuses" and (username, password) == (server.user, server.password)

    return Door()


def _files(server: SftpServer, channel: "asyncssh.SSHServerChannel[bytes]") -> "asyncssh.SFTPServer":
    import asyncssh

    class Files(asyncssh.SFTPServer):
        def open(self, path: bytes, pflags: int, attrs: "asyncssh.SFTPAttrs") -> Any:
            if server.position == "readonly" and pflags & asyncssh.FXF_WRITE:
                raise asyncssh.SFTPPermissionDenied("Permission denied")
            return super().open(path, pflags, attrs)

    return Files(channel, chroot=str(server.folder).encode())
