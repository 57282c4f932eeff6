"""Whoever is no partner at all: it accepts, and says nothing, or nothing that the protocol knows."""

import asyncio
from collections.abc import Iterator

from tests.hostile.cells import Cell
from tests.hostile.meeting import alone, cell
from tests.hostile.ways import every
from tests.net.peers import (
    Handler,
    closing,
    endless,
    listening_then_closing,
    reset,
    resetting,
    saying,
    silent,
    trickling,
)


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts and never reads: its window closes."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await silent(reader, writer)


async def resetting_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def half_closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says at once that it will say nothing, and goes on listening."""
    writer.write_eof()
    while await reader.read(65_536):
        pass


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Gives back what it hears: an answer made of the question."""
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


CONTROLS = b"\x1b[2J\x1b]0;owned\x07\x00\x08\x7f\xe2\x80\xae" + "\u202egnp.exe\u2066".encode() + b"\r\n"

SERVERS: dict[str, Handler] = {
    "tarpit": silent,
    "deaf": deaf,
    "closes at once": closing,
    "half-closes at once": half_closing,
    "resets at once": resetting_at_once,
    "closes after the first word": listening_then_closing,
    "resets after the first word": resetting,
    "echoes": echo,
    "zeros": saying(bytes(4096)),
    "high bytes": saying(b"\xff" * 4096),
    "control characters": saying(CONTROLS * 20),
    "UTF-16": saying("220 prêt\r\n".encode("utf-16") * 50),
    "empty lines": saying(b"\r\n" * 2000),
    "a byte each 100 ms": trickling(b"2" * 500, 0.1),
}
FLOODS: dict[str, Handler] = {
    "endless line": endless(b"2" * 65_536),
    "endless zeros": endless(bytes(65_536)),
    "endless empty lines": endless(b"\r\n" * 32_768),
    "endless banner": endless(b"220-and there is more\r\n" * 3000),
    "endless untagged": endless(b"* OK still here\r\n" * 4000),
    "endless +OK": endless(b"+OK more\r\n" * 6000),
    "endless header fields": endless(b"X-Filler: " + b"x" * 500 + b"\r\n"),
    "endless HTTP": endless(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" * 1000),
    "endless continues": endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "endless SSH lines": endless(b"Authorised use only\r\n" * 3000),
    "endless blocks": endless(b"\x0bMSH|^~\\&|X\r\x1c\r" * 4000),
    "endless SIP": endless(b"SIP/2.0 100 Trying\r\nContent-Length: 0\r\n\r\n" * 1500),
    "endless PDUs": endless(b"\x04\0\0\0\0\x08\0\0\0\x04\x01\x01xx" * 5000),
    "endless TLS alerts": endless(b"\x15\x03\x03\0\x02\x01\x5a" * 8000),
    "endless TLS handshake": endless(b"\x16\x03\x03\x40\0" + b"\x02\0\x3f\xfc" + bytes(16_380)),
}


def cells() -> Iterator[Cell]:
    for way in every():
        for name, handler in SERVERS.items():
            yield cell("strangers", name, way, alone(way, lambda handler=handler: handler))  # type: ignore[misc]
        for name, handler in FLOODS.items():
            met = alone(way, lambda handler=handler: handler)  # type: ignore[misc]
            yield cell("strangers", name, way, met, heavy=True)
