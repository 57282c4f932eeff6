"""How bytes are fed to a parser, and what came of it, in a form in which two outcomes can be compared."""

import asyncio
import random
import zlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from retabli.model.ladder import Fall
from retabli.model.result import DETAIL_LENGTH
from retabli.net.connection import Connection

T = TypeVar("T")
BYTEWISE = 600  # bytes that are fed one by one; longer inputs in small pieces


class Heard(Connection):
    """A connection on which these pieces come, one at each read, and then the end. Nothing goes out."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.host, self.address, self.port, self.family = "peer.test", "192.0.2.1", 1, 4
        self.tls, self.cut = None, False
        self._buffer = bytearray()
        self._ended = False
        self._unpaused = 0
        self._session = None
        self._pieces = [piece for piece in reversed(pieces) if piece]
        self.sent = bytearray()

    async def send(self, data: bytes) -> None:
        self.sent += data

    async def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def unacknowledged(self, *, resent: int = 2) -> int:
        return 0

    async def _recv(self, limit: int) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop()
        if len(piece) > limit:
            self._pieces.append(piece[limit:])
        return piece[:limit]


@dataclass(frozen=True, slots=True)
class Fell:
    """A fall, by its cause alone: how much of a message its detail could quote depends on how it came."""

    cause: str


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that waits for nothing but its turn."""
    try:
        while True:
            assert work.send(None) is None, "it waits for something"
    except StopIteration as end:
        return cast("T", end.value)


def looped(work: Coroutine[Any, Any, T]) -> T:
    """The same for one that asks the loop for something, such as a deadline."""
    return asyncio.run(work)


def outcome(work: Callable[[], T], *allowed: type[Exception]) -> T | Fell:
    """What it gives, or how it fell; any other exception than a fall and those `allowed` is a defect and goes on."""
    try:
        return work()
    except Fall as fall:
        assert_one_line(fall.detail)
        return Fell(fall.cause.code)
    except allowed as error:
        return Fell(type(error).__name__)


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """The same bytes as they may come: at once, one by one, and cut anywhere. The same cuts for the same bytes."""
    yield [data]
    step = 1 if len(data) <= BYTEWISE else len(data) // 97 + 1
    yield [data[place : place + step] for place in range(0, len(data), step)]
    chance = random.Random(zlib.crc32(data))  # noqa: S311 - the same for the same bytes is what is wanted
    places = sorted(chance.randrange(len(data) + 1) for _ in range(4))
    yield [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]


def alike(data: bytes, read: Callable[[list[bytes]], T]) -> T:
    """What `read` makes of the bytes, which is the same however they are cut."""
    first, *others = (read(pieces) for pieces in cuts(data))
    for other in others:
        assert other == first, f"cut otherwise it is {other!r}, not {first!r}"
    return first


def assert_one_line(text: str, length: int = DETAIL_LENGTH) -> None:
    """It can stand in a log or on a page: one line, bounded, without control or direction-changing characters."""
    assert text.isprintable(), f"{text!r} holds what is not printed"
    assert len(text) <= length, f"{len(text)} characters"
    assert text == text.strip()


class Taken:
    """Values taken off the front of an input, for parsers that want several. At the end zeros and nothing come."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def octets(self, size: int) -> bytes:
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def number(self, below: int) -> int:
        return int.from_bytes(self.octets(4)) % below

    def part(self) -> bytes:
        """Up to the next NUL."""
        taken, _, self.rest = self.rest.partition(b"\0")
        return taken

    def text(self) -> str:
        return self.part().decode("utf-8", "replace")
