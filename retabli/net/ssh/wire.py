"""asyncssh's transport over a connection of ours: it reads the banner itself, and bounds all that the server sends."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.connection import Connection
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.offer import LONGEST, Offer, read_offer

CHUNK = 8192  # bytes handed on at once: asyncssh copies all that waits for each packet in it
MOST_BANNER = 8192  # bytes before and with the server's identification
LONGEST_IDENTIFICATION = 255  # RFC 4253, section 4.2
BEFORE_LOGIN = 1 << 20  # bytes that a server may send until we are logged in
AFTER_LOGIN = 64 << 20  # and in all: a listing of the longest folder that is judged
COURTESY = 1.0  # seconds for which the server may speak first, as all SSH servers do
SETTLE = 0.05  # seconds that asyncssh, which works in tasks of its own, has for what came before the end
FAREWELL = 0.2  # seconds that our last words may take

Factory = Callable[[], Any]


class Wire(asyncio.Transport):
    """Given to asyncssh as its `tunnel`: it asks for a connection, and gets this one.

    `greeted` is set once the server has named itself; `banner` is how. `error` is what ended the connection.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.banner = ""
        self.greeted = asyncio.Event()
        self.said = b""  # all of it, up to the end of the banner
        self.offer: Offer | None = None
        self.error: Exception | None = None
        self.limit = BEFORE_LOGIN
        self._connection = connection
        self._start = b""  # of what follows the banner, until the offer is whole
        self._received = 0
        self._closing = False
        self._heard = asyncio.Event()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    # what asyncssh asks of a tunnel and of a transport ----------------------------------------------------------------

    async def create_connection(self, factory: Factory, _host: str, _port: int) -> tuple["Wire", Any]:
        """Say who we are, read the banner, and begin to hand on.

        Raises:
            Fall: what answers is no SSH server, or one that has no time for us.
        """
        protocol = factory()
        self._tasks.append(asyncio.create_task(self._send()))
        protocol.connection_made(self)  # it writes its own identification
        rest = await self._read_banner()
        protocol.data_received(self.banner.encode() + b"\r\n")
        self._tasks.append(asyncio.create_task(self._receive(protocol, rest)))
        self.greeted.set()
        return self, protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self._outgoing.put_nowait(bytes(data))

    def is_closing(self) -> bool:
        return self._closing

    def abort(self) -> None:
        self.close()

    def close(self) -> None:
        self._closing = True

    # ours -------------------------------------------------------------------------------------------------------------

    async def end(self) -> None:
        """Let our last words go, and stop. The connection itself is closed by whoever opened it."""
        self._closing = True
        if self.error is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL):
                    await self._outgoing.join()
        self.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop(self) -> None:
        """Say and hear nothing more."""
        self._closing = True
        for task in self._tasks:
            task.cancel()

    async def _send(self) -> None:
        """Hand on what asyncssh writes.

        A server that hangs up at once would reset the connection, and its last words be lost, if it left ours unread;
        so it is let speak first. One that waits for us (a web server) is told who we are, and then shows what it is.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COURTESY):
                await self._heard.wait()
        while True:
            data = await self._outgoing.get()
            try:
                if self.error is None:
                    await self._connection.send(data)
            except (OSError, Fall) as error:  # why it is gone, the reader will see
                self.error = self.error or error
            finally:
                self._outgoing.task_done()

    async def _receive(self, protocol: Any, rest: bytes) -> None:
        try:
            while data := rest or await self._connection.receive(CHUNK):
                rest = b""
                self._take(data)
                if self._closing:
                    return
                protocol.data_received(data)
                await asyncio.sleep(0)
        except (OSError, Fall) as error:
            self.error = error
        await asyncio.sleep(SETTLE)
        if not self._closing:
            protocol.connection_lost(None)

    def _take(self, data: bytes) -> None:
        """Count it, and keep what may still be the offer.

        Raises:
            Fall: `too_long`.
        """
        self._received += len(data)
        if self._received > self.limit:
            raise Fall(causes.TOO_LONG, f"more than {self.limit} bytes")
        if self.offer is None and len(self._start) <= LONGEST:
            self._start += data
            self.offer = read_offer(self._start)

    async def _read_banner(self) -> bytes:
        """Read up to the line that names the server; other lines may come before it (RFC 4253, section 4.2)."""
        place = 0
        while True:
            end = self.said.find(b"\n", place)
            if end >= 0:
                line, place = self.said[place:end].rstrip(b"\r"), end + 1
                if line.startswith(b"SSH-"):
                    self.banner = _identification(line)
                    return self.said[place:]
                if _surely_not_ssh(line):
                    raise Fall(ssh_causes.NOT_SSH, line[:80])
                continue
            if _surely_not_ssh(self.said[place:]):
                raise Fall(ssh_causes.NOT_SSH, self.said[place : place + 80])
            if len(self.said) >= MOST_BANNER:
                raise Fall(ssh_causes.NOT_SSH, f"{MOST_BANNER} bytes and no identification")
            try:
                data = await self._connection.receive(1024)
            except ConnectionError:
                if not self.said:
                    raise
                data = b""  # its last words were heard
            if not data:
                raise self._hung_up()
            self._heard.set()
            self.said += data

    def _hung_up(self) -> Fall:
        """The end came before the banner's."""
        text = self.said.lower()
        if not text:
            return Fall(ssh_causes.SSH_HUNG_UP_AT_ONCE)
        if b"maxstartups" in text or b"too many" in text:
            return Fall(ssh_causes.SSH_TOO_MANY_SESSIONS, self.said)
        if b"not allowed at this time" in text:  # OpenSSH's PerSourcePenalties
            return Fall(causes.RATE_LIMITED, self.said)
        if text.startswith(b"ssh-"):
            return Fall(causes.CLOSED_EARLY, "in the middle of the banner")
        return Fall(ssh_causes.NOT_SSH, self.said[:80])

    def unfinished(self, found: Cause, detail: str) -> tuple[Cause, str]:
        """What a deadline on the banner is called, once something was said."""
        if found is not causes.TIMEOUT or not self.said or self.banner:
            return found, detail
        begun = self.said.rpartition(b"\n")[2]
        kept = begun.startswith(b"SSH-") or b"SSH-".startswith(begun)
        named = ssh_causes.SSH_BANNER_UNFINISHED if begun and kept else ssh_causes.NOT_SSH
        return named, self.said[:80].decode("utf-8", "replace")


def _identification(line: bytes) -> str:
    if len(line) + 2 > LONGEST_IDENTIFICATION:
        raise Fall(ssh_causes.NOT_SSH, f"an identification of {len(line)} bytes")
    text = line.decode("ascii", "replace")
    if not line.isascii() or not text.isprintable():
        raise Fall(ssh_causes.NOT_SSH, line)
    if not text.startswith(("SSH-2.0-", "SSH-1.99-")):
        raise Fall(ssh_causes.SSH_VERSION, text)
    return text


def _surely_not_ssh(line: bytes) -> bool:
    """A web server's answer, or TLS: nobody's words before a banner."""
    return line.startswith((b"HTTP/", b"<", b"\x15\x03", b"\x16\x03"))
