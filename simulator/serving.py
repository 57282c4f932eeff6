"""Servers on loopback: one over TCP that can be closed at once, with all its conversations, and keeps its port; and one
over UDP besides."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

LIMIT = 1 << 16
ATTEMPTS = 20  # at finding a port that is free for UDP and TCP

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Serving:
    """`async with Serving(talk) as serving` listens on 127.0.0.1; `port` is the kernel's choice, and is kept."""

    def __init__(self, talk: Talk, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._talk = talk
        self._tls = tls
        self.port = port
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None  # while it is closed: bound, not listening, so that nobody else gets it
        self._turn = asyncio.Lock()
        self._errands: set[asyncio.Future[None]] = set()
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        async with self._turn:
            if self._server is not None:
                return
            bound, self._held = self._held or _bound(self.port), None
            self._server = await asyncio.start_server(self._meet, sock=bound, ssl=self._tls, limit=LIMIT, backlog=512)
            self.port = bound.getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, to `open` again later: the next connection is refused. Conversations under way are cut."""
        async with self._turn:
            server, self._server = self._server, None
            if server is not None:
                server.close()
                self._held = _bound(self.port)
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def wish(self, listening: bool) -> None:
        """Have it opened or stopped soon; `close` waits for that."""
        if listening == self.listening and not self._errands:
            return
        errand = asyncio.ensure_future(self.open() if listening else self.stop())
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def close(self) -> None:
        """`stop`, and the port is anybody's."""
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self.stop()
        held, self._held = self._held, None
        if held is not None:
            held.close()

    async def __aenter__(self) -> "Serving":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._talks.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, EOFError, ssl.SSLError, asyncio.LimitOverrunError, ValueError, TimeoutError):
            pass  # the guest left, or spoke beyond bounds
        except asyncio.CancelledError:
            pass  # the server closes; nobody waits for this task but `close`
        finally:
            self._talks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError, asyncio.CancelledError):
                await asyncio.wait_for(writer.wait_closed(), 1)


class TwoWays(asyncio.DatagramProtocol):
    """Over TCP as in `Serving`; over UDP each datagram is answered by what `answer` makes of it, None: not at all."""

    def __init__(self, talk: Talk, answer: Callable[[bytes], bytes | None]) -> None:
        self.port = 0
        self._answer = answer
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp = Serving(talk)

    async def open(self) -> None:
        """Both at one number: the kernel's choice for UDP, until it is free for TCP too.

        Raises:
            OSError: none was in so many attempts.
        """
        loop = asyncio.get_running_loop()
        for left in reversed(range(ATTEMPTS)):
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
            self._tcp.port = self.port = self._udp.get_extra_info("sockname")[1]
            try:
                await self._tcp.open()
            except OSError:
                self._udp.close()
                if not left:
                    raise
            else:
                return

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        await self._tcp.close()

    async def __aenter__(self) -> "TwoWays":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data)
        if answer is not None and self._udp is not None:
            self._udp.sendto(answer, addr)


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound
