"""Web sites and filtering proxies on loopback, as tests need them: what they answer is written out byte by byte."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.net.peers import Handler, reset

Answer = bytes | Handler


@dataclass
class Site:
    """A running site: its address, and the requests that it got, whole."""

    port: int = 0
    scheme: str = "http"
    requests: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


def page(text: str | bytes, *fields: str, status: str = "200 OK") -> bytes:
    """An answer with this page, its length, and further header fields."""
    body = text.encode() if isinstance(text, str) else text
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(to: str, *fields: str, status: str = "302 Found") -> bytes:
    return page("", f"Location: {to}", *fields, status=status)


NOT_HERE = page("not here", status="404 Not Found")


@contextlib.asynccontextmanager
async def site(answers: Answer | Mapping[str, Answer], *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """A site that reads one request and gives the answer for its path; 404 for any other."""
    running = Site(scheme="https" if tls is not None else "http")

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        running.requests.append(head + (await reader.readexactly(length) if length else b""))
        path = head.split(b" ")[1].decode()
        answer = (
            answers.get(path, page("not here", status="404 Not Found")) if isinstance(answers, Mapping) else answers
        )
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
        else:
            await answer(reader, writer)

    async with listening(converse, tls) as port:
        running.port = port
        yield running


@contextlib.asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server with or without TLS on a free port, which it gives. Its conversations end with it."""
    conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await handler(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                writer.close()
                if not task.cancelling():
                    await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations[asyncio.get_running_loop().create_task(converse(reader, writer))] = writer

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls, ssl_handshake_timeout=5 if tls else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for _ in range(4):  # a connection that was just accepted becomes a conversation
            await asyncio.sleep(0)
        for task, writer in conversations.items():
            if task.cancel():
                writer.transport.abort()
        await asyncio.gather(*conversations, return_exceptions=True)
        await asyncio.sleep(0)


# A filtering proxy -------------------------------------------------------------------------------------------------

Connect = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class FilteringProxy:
    """A running proxy, and the request lines and header fields that it got."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def proxy(
    *,
    denies: Answer | None = None,
    only: str = "",
    account: bytes | None = None,
    silent_to: str | None = None,
) -> AsyncIterator[FilteringProxy]:
    """A forwarding proxy. It answers `denies` to every address that holds `only`; demands `account` (a whole
    Proxy-Authorization value); never answers an address that holds `silent_to`. Names that do not resolve and sites
    that do not answer are told as Squid tells them."""
    running = FilteringProxy()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        running.heads.append(head)
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        if silent_to is not None and silent_to in target:
            await asyncio.Event().wait()
        if account is not None and b"Proxy-Authorization: " + account not in head:
            writer.write(
                page("who are you?", 'Proxy-Authenticate: Basic realm="x"', status="407 Authentication Required")
            )
            return
        if target == "*":
            writer.write(page("what?", status="400 Bad Request"))
            return
        if denies is not None and only in target:
            if isinstance(denies, bytes):
                writer.write(denies)
            else:
                await denies(reader, writer)
            return
        await _forward(method, target, head, reader, writer)

    async with listening(converse) as port:
        running.port = port
        yield running


async def _forward(
    method: str, target: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    authority = target if method == "CONNECT" else target.split("/")[2]
    host, _, port = authority.rpartition(":")
    if host.endswith(".invalid"):
        writer.write(page("no such name", "X-Squid-Error: ERR_DNS_FAIL 0", status="503 Service Unavailable"))
        return
    try:
        site_reader, site_writer = await asyncio.open_connection(host, int(port))
    except OSError:
        writer.write(page("no way", "X-Squid-Error: ERR_CONNECT_FAIL 111", status="503 Service Unavailable"))
        return
    if method == "CONNECT":
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"proxy-")]
        kept[0] = b"%s /%s HTTP/1.1" % (method.encode(), target.split("/", 3)[3].encode())
        site_writer.write(b"\r\n".join(kept))
    try:
        await asyncio.gather(_pump(reader, site_writer), _pump(site_reader, writer))
    finally:
        site_writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        sink.close()


async def cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Denies as some filters do: by a reset."""
    reset(writer)
