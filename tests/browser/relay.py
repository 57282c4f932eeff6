"""What stands between a page and its daemon, and fails: it cuts a page in the middle, ends streams, holds them back."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from retabli.metrics import Figures, Metrics
from retabli.view import View
from retabli.web import Web, build

HEAD_ENDS = b"\r\n\r\n"


@dataclass
class Relay:
    """`stops_at`: a page stops before these bytes, once, until `rest` is set: it goes on, or is torn off there.

    Streams and pages pass while `streams` and `pages` are set; those that are refused are answered 503. `gives_at` is
    the clock of whoever gives the pages.
    """

    port: int
    gives_at: Callable[[], float]
    stops_at: bytes = b""
    torn: bool = False
    streams: asyncio.Event = field(default_factory=asyncio.Event)
    refuses_streams: bool = False
    refuses_pages: bool = False
    pages: asyncio.Event = field(default_factory=asyncio.Event)
    rest: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    _told: list[asyncio.StreamWriter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.streams.set()
        self.pages.set()

    def cut(self) -> None:
        """Every stream that is open ends."""
        for each in self._told:
            each.transport.abort()
        self._told.clear()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(HEAD_ENDS)
            await self._pass(head, writer)
        writer.close()

    async def _pass(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        method, path = head.decode("ascii").split()[:2]
        self.asked.append(f"{method} {path}")
        stream, page = path.startswith("/live"), not path.startswith(("/live", "/static"))
        if (stream and self.refuses_streams) or (page and self.refuses_pages):
            writer.write(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        if stream:
            await self.streams.wait()
            self._told.append(writer)
        elif page:
            await self.pages.wait()
        # Each connection is for one request, and what is said can be read here.
        lines = [each for each in head.split(b"\r\n") if not each.lower().startswith((b"accept-enc", b"connection"))]
        behind, onward = await asyncio.open_connection("127.0.0.1", self.port)
        onward.write(b"\r\n".join([lines[0], b"connection: close", *lines[1:]]))
        try:
            await self._copy(behind, writer, page=page)
        finally:
            onward.close()

    async def _copy(self, behind: asyncio.StreamReader, writer: asyncio.StreamWriter, *, page: bool) -> None:
        said = b""
        while piece := await behind.read(65536):
            if page and not said:
                date = formatdate(self.gives_at(), usegmt=True).encode()
                piece = re.sub(rb"(?<=\r\ndate: )[^\r]*", date, piece, count=1)
            said = said + piece
            if page and self.stops_at and self.stops_at in said:
                kept = max(0, len(piece) - (len(said) - said.index(self.stops_at)))
                self.stops_at = b""
                writer.write(piece[:kept])
                await writer.drain()
                await self.rest.wait()
                if self.torn:
                    writer.transport.abort()
                    return
                writer.write(piece[kept:])
                continue
            writer.write(piece)
            await writer.drain()

    def let_go(self) -> None:
        self.cut()
        for each in (self.rest, self.streams, self.pages):
            each.set()


@asynccontextmanager
async def relayed(view: View) -> AsyncIterator[tuple[Relay, str]]:
    """The application over that view, behind a relay: it, and the address of what it relays."""
    figures = Figures(CollectorRegistry(), version="0", standpoint="inside")
    web = Web(build(view, Metrics(figures, language=view.site.language)), "127.0.0.1", 0, leaving=view.close)
    url = web.bind()
    serving = asyncio.create_task(web.run())
    await web.up.wait()
    relay = Relay(urlsplit(url).port or 0, lambda: view.unstamped_now)
    server = await asyncio.start_server(relay.answer, "127.0.0.1", 0)
    try:
        yield relay, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        relay.let_go()
        server.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
