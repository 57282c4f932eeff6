"""WebSocket servers on loopback, written frame by frame (RFC 6455), so that they can also do what none may."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.net.peers import Handler

TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(
    opcode: int, data: bytes | str = b"", *, fin: bool = True, masked: bool = False, length: int | None = None
) -> bytes:
    """A server's frame; `length` is what it says its length is."""
    payload = data.encode() if isinstance(data, str) else data
    size = len(payload) if length is None else length
    mask = 0x80 if masked else 0
    head = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        head += bytes([mask | size])
    elif size < 65_536:
        head += struct.pack("!BH", mask | 126, size)
    else:
        head += struct.pack("!BQ", mask | 127, size)
    return head + (bytes(4) if masked else b"") + payload


def goodbye(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """A client's frame: its opcode and what it holds."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8))
    assert second & 0x80, "a client's frames are masked"
    mask = await reader.readexactly(4)
    data = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data)) if size < 4096 else data


def granted(head: bytes) -> bytes:
    """The answer that grants an upgrade (RFC 6455, 4.2.2)."""
    key = next(line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


@dataclass
class Heard:
    """What a client said: its request's head, and its messages."""

    head: bytes = b""
    messages: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def audio(self) -> int:
        """Bytes of it."""
        return sum(len(data) for opcode, data in self.messages if opcode == BINARY)


Then = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def upgrading(then: Handler | bytes, heard: Heard | None = None, *, until: bytes | None = None) -> Handler:
    """Grants the upgrade, listens `until` a message that holds this (not at all when None), and goes on as told.

    A plain request is answered by 426.
    """
    heard = Heard() if heard is None else heard

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.head = await reader.readuntil(b"\r\n\r\n")
        if b"Upgrade: websocket" not in heard.head:
            writer.write(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(granted(heard.head))
        while until is not None:
            opcode, data = await read_frame(reader)
            heard.messages.append((opcode, data))
            if opcode == TEXT and until in data:
                break
        if isinstance(then, bytes):
            writer.write(then)
            await writer.drain()
            await reader.read(1 << 20)
            return
        await then(reader, writer)

    return converse
