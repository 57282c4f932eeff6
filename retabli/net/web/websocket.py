"""A conversation over WebSocket (RFC 6455) on a connection that the ladder opened, bounded in all it reads."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.connection import Connection
from retabli.net.web.http import Fields
from retabli.net.web.http_messages import FIELD_VALUE, Answer, Head
from retabli.net.web.websocket_causes import WEBSOCKET_FAILED, WEBSOCKET_REFUSED, WEBSOCKET_UNAVAILABLE

MESSAGE_BYTES = 262_144
FRAMES = 1_000  # fragments of one message; and pings, pongs and the like in all
CHUNK = 4_096  # bytes taken apart at once: two thousand empty frames at most, before others have their turn
LINE_BYTES = 8_192
PAGE_BYTES = 65_536  # of what comes instead of an upgrade
GONE = (ConnectionResetError, BrokenPipeError)

NORMAL = (1000, 1005)
GONE_FOR_NOW = (1001, 1012, 1013)
REFUSALS = (1002, 1003, 1007, 1008, 1009, 1010)


@dataclass(frozen=True, slots=True)
class Ended:
    """The peer's close frame: its code (1005 when it gave none) and reason (RFC 6455, 7.1.5 and 7.1.6)."""

    code: int
    reason: str

    def __str__(self) -> str:
        return f"closed with {self.code} {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class NotUpgraded:
    """What was answered instead of 101, with the begin of its page."""

    head: Head
    page: bytes


class WebSocket:
    """`upgrade` first, then messages. One task may listen while another sends. No method has a timeout of its own.

    Extensions are not offered: nothing is decompressed.
    """

    def __init__(self, connection: Connection, url: str, subprotocol: str | None = None) -> None:
        from websockets.client import ClientProtocol
        from websockets.typing import Subprotocol
        from websockets.uri import parse_uri

        offered = None if subprotocol is None else [Subprotocol(subprotocol)]
        self._connection = connection
        self._protocol = ClientProtocol(
            parse_uri(url),
            subprotocols=offered,
            max_size=MESSAGE_BYTES,
            # One that nobody hears: at its lowest level it would tell every header field, our token among them.
            logger=logging.Logger("websocket", logging.CRITICAL),
        )
        self._turn = asyncio.Lock()  # pongs and audio come from two tasks, and a frame must leave whole
        self._fragments: list[bytes] = []
        self._is_text = False
        self._waiting: list[str | bytes] = []
        self._fall: Fall | None = None  # what ends the conversation once those that wait are taken
        self._controls = 0

    async def upgrade(self, fields: Fields) -> NotUpgraded | None:
        """Ask for the upgrade, with these header fields too; None when it was granted (RFC 6455, section 4).

        Raises:
            Fall: `closed_early`, `too_long`; `garbage` for an answer that is not one to this question.
            ValueError: a field's value that could end its line.
        """
        request = self._protocol.connect()
        for name, value in fields:
            if not FIELD_VALUE.fullmatch(value.encode("latin-1")):
                raise ValueError(f"the value of {name} holds a control character")
            request.headers[name] = value
        self._protocol.send_request(request)
        await self._flush()
        line = _LineByLine(self._connection)
        answer = Answer(line, "GET")
        head = await answer.head()
        if head.status != 101:
            return NotUpgraded(head, await _page(line, answer))
        self._protocol.receive_data(bytes(line.head))
        if self._protocol.handshake_exc is not None:
            raise Fall(causes.GARBAGE, f"101, but {self._protocol.handshake_exc}")
        self._protocol.events_received()
        return None

    async def send(self, message: str | bytes) -> None:
        """One message, in one frame.

        Raises:
            BrokenPipeError: the peer has ended the conversation: `receive` tells how.
            OSError, Fall: the connection's.
        """
        from websockets.protocol import State

        if self._protocol.state is not State.OPEN:
            raise BrokenPipeError("the peer has ended the conversation")
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        await self._flush()

    async def receive(self) -> str | bytes | Ended:
        """The next whole message; or how the peer ended the conversation.

        Raises:
            Fall: `too_long` for a message beyond bounds or frames without end; `garbage` for frames that no server
                may send; `closed_early` when the connection ends without a close frame.
        """
        while not self._waiting:
            self._raise_fault()
            ended = self._protocol.close_rcvd
            if ended is not None:
                return Ended(ended.code, ended.reason)
            data = await self._connection.receive(CHUNK)
            if not data:
                raise Fall(causes.CLOSED_EARLY, "closed without a close frame")
            self._protocol.receive_data(data)
            try:
                self._take()
            except Fall as fall:
                self._fall = fall
            if self._turn.locked():
                continue  # whoever is sending sends our pong along: waiting for that would keep us from hearing
            with contextlib.suppress(*GONE):  # what it said before it went counts
                await self._flush()
        return self._waiting.pop(0)

    async def close(self) -> None:
        """Say goodbye, if anybody is still there, without waiting for an answer."""
        from websockets.protocol import State

        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
        with contextlib.suppress(*GONE):
            await self._flush()
        await self._connection.close()

    def _take(self) -> None:
        """Whole messages out of the frames that came."""
        from websockets.frames import Frame, Opcode

        for frame in self._protocol.events_received():
            if not isinstance(frame, Frame):
                continue
            if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._controls += 1
                if self._controls > FRAMES:
                    raise Fall(causes.TOO_LONG, f"more than {FRAMES} pings and the like")
                continue
            if len(self._fragments) >= FRAMES:
                raise Fall(causes.TOO_LONG, f"a message in more than {FRAMES} fragments")
            if frame.opcode is not Opcode.CONT:
                self._is_text = frame.opcode is Opcode.TEXT
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                self._waiting.append(_message(b"".join(self._fragments), self._is_text))
                self._fragments.clear()

    def _raise_fault(self) -> None:
        """What was found wrong, once every message that came whole before it is taken."""
        from websockets.exceptions import PayloadTooBig

        if self._fall is not None:
            raise self._fall
        fault = self._protocol.parser_exc
        if fault is None:
            return
        cause = causes.TOO_LONG if isinstance(fault, PayloadTooBig) else causes.GARBAGE
        raise Fall(cause, f"a WebSocket frame: {fault}") from fault

    async def _flush(self) -> None:
        async with self._turn:
            while data := b"".join(self._protocol.data_to_send()):
                await self._connection.send(data)


def _message(data: bytes, is_text: bool) -> str | bytes:
    if not is_text:
        return data
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Fall(causes.GARBAGE, "a text that is not UTF-8 (RFC 6455, 8.1)") from error


def fall_of_end(ended: Ended) -> Fall | None:
    """What an end means by its code (RFC 6455, 7.4; IANA's registry); None for a normal one."""
    if ended.code in NORMAL:
        return None
    if ended.code in GONE_FOR_NOW:
        return Fall(WEBSOCKET_UNAVAILABLE, str(ended))
    if ended.code in REFUSALS or ended.code >= 3000:  # from 3000 on they are the application's own
        return Fall(WEBSOCKET_REFUSED, str(ended))
    return Fall(WEBSOCKET_FAILED, str(ended))


class _LineByLine:
    """Feeds an answer's head a line at a time, so that what follows it stays for whoever reads on. `head` is the last
    one, for interim answers may come before it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.by_line = True
        self.head = bytearray()
        self._ended = False

    async def send(self, data: bytes, /) -> None:
        await self._connection.send(data)

    async def receive(self, limit: int, /) -> bytes:
        if not self.by_line:
            return await self._connection.receive(limit)
        if self._ended:
            self.head.clear()
        line = await self._connection.read_line(min(limit, LINE_BYTES))
        self._ended = line in (b"\r\n", b"\n")
        self.head += line
        return line


async def _page(line: _LineByLine, answer: Answer) -> bytes:
    """What came instead, as far as it comes soon: the status is known, and must not be lost for it."""
    line.by_line = False
    page = bytearray()
    try:
        async with asyncio.timeout(1.0):
            async for piece in answer.body():
                page += piece
                if answer.received > PAGE_BYTES:
                    break
    except (TimeoutError, OSError, Fall):
        pass
    return bytes(page[:PAGE_BYTES])
