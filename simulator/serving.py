"""A TCP server on loopback that can be closed at once, with every conversation it has."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

LIMIT = 1 << 16

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Serving:
    """`async with Serving(talk) as serving` listens on 127.0.0.1; `port` is the kernel's choice, and is kept."""

    def __init__(self, talk: Talk, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._talk = talk
        self._tls = tls
        self.port = port
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._meet, "127.0.0.1", self.port, ssl=self._tls, limit=LIMIT, backlog=512
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening: the next connection is refused. Conversations under way are cut."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

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
