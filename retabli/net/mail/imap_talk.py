"""IMAP commands and the responses to them on one connection, within bounds on every line, literal and answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.mail import imap_causes
from retabli.net.mail.imap_parse import Response, Status, announced_literal, parse_response

LINE_LIMIT = 262_144  # a SEARCH that finds 40,000 messages is one line
LITERAL_LIMIT = 1_048_576
ANSWER_LIMIT = 4_194_304  # all that answers one command
WEIGHT = 256  # what each line or literal counts besides its bytes: to read a short one is what costs


class Wire(Protocol):
    """What a conversation needs of its connection."""

    async def send(self, data: bytes) -> None: ...
    async def read_line(self, limit: int) -> bytes: ...
    async def read_exactly(self, size: int) -> bytes: ...


async def read_response(wire: Wire, *, literal_limit: int = LITERAL_LIMIT, limit: int = ANSWER_LIMIT) -> Response:
    """The next response, with its literals.

    Raises:
        Fall: `too_long` as soon as a literal is announced beyond its limit, before a byte of it is read; `garbage`.
    """
    return (await _weighed(wire, literal_limit, limit))[0]


async def _weighed(wire: Wire, literal_limit: int, limit: int) -> tuple[Response, int]:
    pieces: list[bytes] = []
    weight = 0
    while True:
        line = (await wire.read_line(LINE_LIMIT)).rstrip(b"\r\n")
        announced = announced_literal(line, first=not pieces)
        pieces.append(line)
        weight += len(line) + WEIGHT
        if announced is None:
            return parse_response(pieces), weight
        if announced > literal_limit or weight + announced > limit:
            raise Fall(causes.TOO_LONG, f"a literal of {announced} bytes")
        pieces.append(await wire.read_exactly(announced))
        weight += announced + WEIGHT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command was answered: the tagged status, and the data that came before it."""

    status: Status
    data: Sequence[Response] = field(default=())

    @property
    def ok(self) -> bool:
        return self.status.kind == "OK"

    def about(self, name: str) -> list[Response]:
        return [response for response in self.data if response.name == name]


class ImapTalk:
    """Tags, commands, continuations. What comes unasked (EXISTS, EXPUNGE, CAPABILITY, BYE) is noted on the way."""

    def __init__(self, wire: Wire) -> None:
        self.capabilities: frozenset[str] = frozenset()
        self.exists = 0
        self.changes = 0  # EXISTS and EXPUNGE seen so far, asked or not
        self.leaving = False
        self._changed = asyncio.Event()
        self._wire = wire
        self._tags = 0

    async def command(
        self, *pieces: bytes | str, literal_limit: int = LITERAL_LIMIT, limit: int = ANSWER_LIMIT
    ) -> Answer:
        """Send a command and await its tagged answer. A `str` among the pieces is sent as a literal.

        Raises:
            Fall: `imap_bye`, `too_long`, `garbage`, and what the connection raises. A NO or BAD is an answer.
        """
        tag = self._next_tag()
        data: list[Response] = []
        line = bytearray(tag.encode("ascii"))
        for place, piece in enumerate(pieces):
            if pieces[place - 1] != b"(" and piece != b")":
                line += b" "
            if isinstance(piece, bytes):
                line += piece
                continue
            text = piece.encode()
            await self._wire.send(bytes(line) + b"{%d}\r\n" % len(text))
            refused = await self._until(tag, data, literal_limit, limit, continuation=True)
            if refused is not None:
                return Answer(refused, data)
            line = bytearray(text)
        await self._wire.send(bytes(line) + b"\r\n")
        return Answer(await self._tagged(tag, data, literal_limit, limit), data)

    async def converse(self, command: bytes, reply: bytes) -> Answer:
        """A command which the server answers by `+`, and then by its status after our reply (AUTHENTICATE, IDLE)."""
        tag = self._next_tag()
        await self._wire.send(tag.encode("ascii") + b" " + command + b"\r\n")
        data: list[Response] = []
        refused = await self._until(tag, data, LITERAL_LIMIT, ANSWER_LIMIT, continuation=True)
        if refused is not None:
            return Answer(refused, data)
        await self._wire.send(reply + b"\r\n")
        return Answer(await self._tagged(tag, data, LITERAL_LIMIT, ANSWER_LIMIT), data)

    async def idle(self, seconds: float) -> bool:
        """IDLE (RFC 2177) until the mailbox's content changes, for that long at most; whether it changed.

        Nothing is cancelled while it reads: the answer to DONE ends it, and no byte is lost.
        """
        tag = self._next_tag()
        before = self.changes
        await self._wire.send(tag.encode("ascii") + b" IDLE\r\n")
        if await self._until(tag, [], LITERAL_LIMIT, ANSWER_LIMIT, continuation=True) is not None:
            return False  # refused: an answer too
        self._changed.clear()
        reading = asyncio.create_task(self._tagged(tag, [], LITERAL_LIMIT, ANSWER_LIMIT))
        change = asyncio.create_task(self._changed.wait())
        try:
            if self.changes == before:
                await asyncio.wait((reading, change), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await self._wire.send(b"DONE\r\n")
            await reading
        finally:
            change.cancel()
            reading.cancel()
            await asyncio.gather(reading, change, return_exceptions=True)
        return self.changes != before

    async def greeting(self) -> Status:
        """The server's first word.

        Raises:
            Fall: `not_imap`, `no_banner`, `imap_bye`.
        """
        try:
            response = await read_response(self._wire)
        except Fall as fall:
            if fall.cause is causes.CLOSED_EARLY:
                raise Fall(imap_causes.NO_BANNER, fall.detail) from fall
            if fall.cause is causes.GARBAGE:
                raise Fall(imap_causes.NOT_IMAP, fall.detail) from fall
            raise
        if response.tag != "*" or response.status is None or response.status.kind not in ("OK", "PREAUTH", "BYE"):
            raise Fall(imap_causes.NOT_IMAP, str(response.status or response.text or response.name))
        self._note(response)
        return response.status

    async def _tagged(self, tag: str, data: list[Response], literal_limit: int, limit: int) -> Status:
        status = await self._until(tag, data, literal_limit, limit, continuation=False)
        if status is None:
            raise Fall(causes.GARBAGE, "a continuation that nothing asked for")
        return status

    async def _until(
        self, tag: str, data: list[Response], literal_limit: int, limit: int, *, continuation: bool
    ) -> Status | None:
        """Responses up to our tag's; or, when a continuation is awaited, up to it (None)."""
        left = limit
        while True:
            response, weight = await _weighed(self._wire, literal_limit, left)
            left -= weight
            if left <= 0:
                raise Fall(causes.TOO_LONG, f"over {limit} bytes answer one command")
            if response.tag == "+":
                if continuation:
                    return None
                raise Fall(causes.GARBAGE, "a continuation that nothing asked for")
            if response.tag == "*":
                self._note(response)
                data.append(response)
                continue
            if response.tag != tag or response.status is None or response.status.kind not in ("OK", "NO", "BAD"):
                raise Fall(causes.GARBAGE, f"an answer to {response.tag}, asked was {tag}")
            self._note(response)
            return response.status

    def _note(self, response: Response) -> None:
        status = response.status
        if status is not None:
            if status.kind == "BYE" and not self.leaving:
                raise Fall(imap_causes.IMAP_BYE, str(status))
            if status.code == "CAPABILITY":
                self.capabilities = frozenset(status.arguments.upper().split())
            return
        match response.name:
            case "CAPABILITY":
                words = [value for value in response.values[1:] if isinstance(value, bytes)]
                self.capabilities = frozenset(word.decode("ascii", "replace").upper() for word in words)
            case "EXISTS":
                self.exists = response.number
                self._count_change()
            case "EXPUNGE":
                self.exists = max(0, self.exists - 1)
                self._count_change()

    def _count_change(self) -> None:
        self.changes += 1
        self._changed.set()

    def _next_tag(self) -> str:
        self._tags += 1
        return f"R{self._tags}"
