"""Servers at which TLS itself goes wrong: garbage for records, handshakes that stall, certificates of a megabyte."""

import asyncio
import contextlib
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import TypeAlias

import trustme

from retabli.model.result import Result
from tests.hostile.cells import Cell, Meet, run
from tests.hostile.grounds import HERE, Grounds
from tests.hostile.meeting import alone, cell
from tests.hostile.ways import Way, every
from tests.mail_servers import identity, server_context
from tests.net.peers import Handler, endless, silent
from tests.net.web_servers import listening

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
FATAL, WARNING = 2, 1


def record(kind: int, body: bytes, *, length: int | None = None, version: int = 0x0303) -> bytes:
    """A TLS record (RFC 8446, section 5.1), which may lie about its length."""
    return struct.pack("!BHH", kind, version, len(body) if length is None else length) + body


def heard_then(*pieces: bytes, then: Handler = silent) -> Handler:
    """Hears the ClientHello, says this, and goes on as told."""

    async def answer(reader: Reader, writer: Writer) -> None:
        await reader.read(65_536)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        await then(reader, writer)

    return answer


async def hang_up(reader: Reader, writer: Writer) -> None:
    pass


def hello(*, retry: bool = False) -> bytes:
    """A ServerHello of TLS 1.3, or the HelloRetryRequest that it becomes by its random (RFC 8446, 4.1.3)."""
    retried = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    extensions = struct.pack("!HHH", 43, 2, 0x0304) + struct.pack("!HHH", 51, 2, 0x0017)
    body = b"\x03\x03" + (retried if retry else bytes(32)) + b"\0" + b"\x13\x01" + b"\0"
    body += struct.pack("!H", len(extensions)) + extensions
    return record(22, b"\x02" + len(body).to_bytes(3) + body)


SERVERS: dict[str, Handler] = {
    "plain text": heard_then(b"220 mail.test ESMTP\r\n"),
    "HTTP in clear": heard_then(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", then=hang_up),
    "a record of no kind": heard_then(record(99, bytes(40))),
    "a record of 64 kB": heard_then(record(22, bytes(100), length=65_535)),
    "a record longer than it says": heard_then(record(22, bytes(2000), length=5)),
    "a record without end": heard_then(record(22, b"\x02\0\0\x30", length=16_000)),
    "an empty record": heard_then(record(22, b"")),
    "application data first": heard_then(record(23, bytes(60))),
    "half a ServerHello": heard_then(hello()[:20]),
    "a hello of nothing": heard_then(hello()),
    "a second retry": heard_then(hello(retry=True) * 2),
    "an alert": heard_then(record(21, bytes((FATAL, 40)))),
    "an alert of nobody": heard_then(record(21, bytes((FATAL, 255)))),
    "a warning, and silence": heard_then(record(21, bytes((WARNING, 112)))),
    "an alert that is too long": heard_then(record(21, bytes(500))),
    "a change of cipher": heard_then(record(20, b"\1") * 60),
    "SSLv2": heard_then(b"\x80\x2e\x01\x00\x02" + bytes(41)),
    "SSLv3": heard_then(record(22, bytes(60), version=0x0300)),
    "a byte each 100 ms": heard_then(then=lambda reader, writer: _slowly(writer, hello())),
}
FLOODS: dict[str, Handler] = {
    "warnings without end": heard_then(then=endless(record(21, bytes((WARNING, 90))) * 5000)),
    "empty records without end": heard_then(then=endless(record(22, b"") * 8000)),
    "hello requests without end": heard_then(then=endless(record(22, bytes(16_000)))),
    "retries without end": heard_then(then=endless(hello(retry=True) * 500)),
    "a handshake message without end": heard_then(
        record(22, b"\x0b\xff\xff\xff"), then=endless(record(22, bytes(16_000)))
    ),
}


async def _slowly(writer: Writer, text: bytes) -> None:
    for place in range(len(text)):
        writer.write(text[place : place + 1])
        await writer.drain()
        await asyncio.sleep(0.1)
    await asyncio.Event().wait()


# With a handshake that comes to its end, or nearly ------------------------------------------------------------------


@cache
def long_chain() -> ssl.SSLContext:
    """A good certificate, followed by so many others that the message is 200 kB."""
    chain, key = identity()
    others = b"".join(trustme.CA().cert_pem.bytes() for _ in range(6)) * 60
    return _context(key + chain + others)


@cache
def broad_certificate() -> ssl.SSLContext:
    """A certificate of a strange authority for 4,000 names: over 16 kB."""
    leaf = trustme.CA().issue_cert(*(f"name{number}.broad.test" for number in range(4000)), HERE)
    return _context(leaf.private_key_and_cert_chain_pem.bytes())


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


Serve = Callable[[], contextlib.AbstractAsyncContextManager[int]]


@contextlib.asynccontextmanager
async def _inside(context: ssl.SSLContext, handler: Handler) -> AsyncIterator[int]:
    async with listening(handler, context) as port:
        yield port


async def closes_tls(reader: Reader, writer: Writer) -> None:
    """Says goodbye in TLS at once (close_notify)."""
    writer.close()


INSIDE: dict[str, Serve] = {
    "silent within TLS": lambda: _inside(server_context(), silent),
    "goodbye within TLS": lambda: _inside(server_context(), closes_tls),
    "zeros within TLS": lambda: _inside(server_context(), endless(bytes(16_000))),
    "a line without end within TLS": lambda: _inside(server_context(), endless(b"2" * 16_000)),
    "a chain of 200 kB": lambda: _inside(long_chain(), silent),
    "a certificate of 4,000 names": lambda: _inside(broad_certificate(), silent),
    "another's name": lambda: _inside(server_context("name_mismatch"), silent),
    "a strange authority": lambda: _inside(server_context("unknown_ca"), silent),
    "expired": lambda: _inside(server_context("expired"), silent),
}


def _met(way: Way, serve: Serve) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        ready = await way.ready(grounds)
        return await run(way, ready, await grounds.stack.enter_async_context(serve()))

    return meeting


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.tls):
        for name, handler in (SERVERS | FLOODS).items():
            met = alone(way, lambda handler=handler: handler)  # type: ignore[misc]
            yield cell("tls_talk", name, way, met, heavy=name in FLOODS)
        for name, serve in INSIDE.items():
            yield cell("tls_talk", name, way, _met(way, serve), heavy="without end" in name or "zeros" in name)
