"""HTTP/1.1 as far as the simulated servers need it: a request is read within bounds, an answer is written."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Request:
    """What stands before the body. `fields` by their names in lower case; `head` is all of it, as it came."""

    method: str
    target: str
    fields: Mapping[str, str]
    head: bytes

    @property
    def size(self) -> int:
        """Of the body, in bytes. Raises: ValueError: it is not told in a number."""
        return int(self.fields.get("content-length", "0"))


async def read_request(reader: asyncio.StreamReader) -> Request:
    """The next request of a connection; its body is left to be read.

    Raises:
        ValueError: it is none.
        EOFError, asyncio.LimitOverrunError: it has no end.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ", 2)
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, target, fields, head)


async def read_body(reader: asyncio.StreamReader, request: Request, most: int) -> bytes:
    """The request's body. Raises: ValueError: it has more than `most` bytes."""
    if not 0 <= request.size <= most:
        raise ValueError("a body beyond bounds")
    return await reader.readexactly(request.size)


def head_of(status: int, content: bytes, kind: str, fields: Mapping[str, str] = NOTHING) -> bytes:
    """What is said before that content, whose media type is `kind`."""
    said = {"Content-Type": kind, "Content-Length": str(len(content)), **fields}
    lines = (f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in said.items()))
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


async def say(writer: asyncio.StreamWriter, status: int, content: bytes, kind: str) -> None:
    """The only answer of its connection."""
    writer.write(head_of(status, content, kind, {"Connection": "close"}) + content)
    await writer.drain()
