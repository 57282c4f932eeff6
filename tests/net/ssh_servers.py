"""SSH and SFTP servers on loopback, whole or wrong in one thing; a server's words are said by asyncssh, or by hand."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import asyncssh

from tests.net.peers import Handler, saying

BANNER = b"SSH-2.0-Wrong_1.0\r\n"
PASSWORD = "synthetic-password"


@cache
def host_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def line_of(key: asyncssh.SSHKey) -> str:
    """The public key as `host_key` in the settings wants it."""
    return key.export_public_key().decode().strip()


class Door(asyncssh.SSHServer):
    """Lets in `probe` with PASSWORD, or with the key that it is told; counts what it was asked.

    `serves`: whether a folder may be behind it, where the door itself is not asked about sessions.
    """

    serves = True

    def __init__(self, key: asyncssh.SSHKey | None = None) -> None:
        self.key = key
        self.connection: asyncssh.SSHServerConnection | None = None
        self.begun = 0
        self.passwords: list[str] = []
        self.keys = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    def begin_auth(self, username: str) -> bool:
        self.begun += 1
        return True

    def password_auth_supported(self) -> bool:
        return self.key is None

    def validate_password(self, username: str, password: str) -> Any:
        self.passwords.append(password)
        return (username, password) == ("probe", PASSWORD)

    def kbdint_auth_supported(self) -> bool:
        return False

    def public_key_auth_supported(self) -> bool:
        return self.key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.keys += 1
        return self.key is not None and key.public_data == self.key.public_data


class Asking(Door):
    """Asks for the password by keyboard-interactive, and for what else it is told."""

    def __init__(self, *questions: str) -> None:
        super().__init__()
        self.questions = ["Password: ", *questions]
        self.answers: list[str] = []

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", [(self.questions[0], False)]

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        self.answers += responses
        if len(self.answers) < len(self.questions):
            return "", "", "", [(self.questions[len(self.answers)], False)]
        return self.answers[0] == PASSWORD


def folder_server(folder: Path, fault: type[asyncssh.SFTPServer] = asyncssh.SFTPServer) -> Any:
    return lambda channel: fault(channel, chroot=str(folder).encode())


@contextlib.asynccontextmanager
async def ssh_server(
    door: Door | None = None, *, sftp: Any = None, keys: list[Any] | None = None, **options: Any
) -> AsyncIterator[tuple[int, Door]]:
    """Gives its port, and the door through which all its guests come."""
    door = door or Door()
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: door,
        server_host_keys=keys or [host_key()],
        sftp_factory=sftp,
        **options,
    )
    try:
        yield acceptor.get_port(), door
    finally:
        acceptor.close()
        await acceptor.wait_closed()
        if door.connection is not None:
            door.connection.abort()
            await door.connection.wait_closed()


def packet(payload: bytes) -> bytes:
    """A binary packet before encryption (RFC 4253, section 6)."""
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack("!IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def disconnecting(code: int, reason: bytes) -> Handler:
    text = struct.pack("!BI", 1, code) + struct.pack("!I", len(reason)) + reason + struct.pack("!I", 0)
    return saying(BANNER, packet(text))


async def for_ever(*_: Any) -> Any:
    await asyncio.Event().wait()
