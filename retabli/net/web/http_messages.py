"""HTTP/1.1 on the wire: a request written out, and an answer taken apart within bounds (RFC 9110, RFC 9112)."""

import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import httptools

from retabli.model import causes
from retabli.model.ladder import Fall

HEAD_BYTES = 65_536  # of all heads of one answer together: the 1xx ones, the final one
HEAD_FIELDS = 200
CHUNK = 65_536  # bytes asked of the connection at once

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, 5.5: no CR, LF or NUL can end it early
TARGET = re.compile(rb"[\x21-\x7e]+")

# These say where a message ends, or how this very connection is used. They are the writer's alone.
OWN_FIELDS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"})

Fields = tuple[tuple[bytes, bytes], ...]


class Line(Protocol):
    """What HTTP needs of a connection: bytes out, and bytes in (at most so many; b"" at the end)."""

    async def send(self, data: bytes, /) -> None: ...

    async def receive(self, limit: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Head:
    """An answer's status line and header fields, in their order. `version` is "1.0" or "1.1"."""

    status: int
    version: str
    reason: str
    fields: Fields


def write_request(method: str, target: bytes, fields: Iterable[tuple[bytes, bytes]], body: bytes = b"") -> bytes:
    """A whole request. Its end is marked by us alone, so nothing in `fields` can smuggle a second one.

    Raises:
        ValueError: a method, target, name or value that could be read as something else.
    """
    if not TOKEN.fullmatch(method):
        raise ValueError(f"{method!r} is no HTTP method")
    if not TARGET.fullmatch(target):
        raise ValueError("a request's target holds no blank and no control character")
    lines = [method.encode("ascii") + b" " + target + b" HTTP/1.1"]
    for name, value in fields:
        if not TOKEN.fullmatch(name.decode("latin-1")):
            raise ValueError(f"{name!r} is no name of a header field")
        if not FIELD_VALUE.fullmatch(value):
            raise ValueError(f"the value of {name.decode('latin-1')} holds a control character")
        if name.decode("latin-1").lower() not in OWN_FIELDS:
            lines.append(name + b": " + value.strip())
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(b"Content-Length: %d" % len(body))
    if method != "CONNECT":
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class _Events:
    """What the parser sees. Only this touches httptools' callbacks; a flaw is noted, for they must not raise."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.head_ended = False
        self.ended = False
        self.too_many = False
        self.version = ""
        self.status_of: Callable[[], int] = lambda: 0
        self.version_of: Callable[[], str] = lambda: ""

    def on_message_begin(self) -> None:
        if not self.head_ended:
            self.reason = b""
            self.fields.clear()

    def on_status(self, text: bytes) -> None:
        if not self.head_ended:  # another answer behind this one is none of ours
            self.reason = (self.reason + text)[:200]

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_ended:
            return  # a trailer: read, bounded with the body, and of no use
        if len(self.fields) >= HEAD_FIELDS:
            self.too_many = True
        else:
            self.fields.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        status = self.status_of()
        if 100 <= status < 200 and status != 101:
            return  # an interim answer (RFC 9110, 15.2): the real one follows
        if not self.head_ended:
            self.status = status
            self.version = self.version_of()
            self.head_ended = True

    def on_body(self, data: bytes) -> None:
        if not self.ended:
            self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.ended = self.head_ended


def field(fields: Fields, name: str) -> str | None:
    """The values of a field, joined by commas (RFC 9110, 5.3); None when there is none."""
    wanted = name.lower().encode("latin-1")
    values = [value.decode("latin-1") for key, value in fields if key.lower() == wanted]
    return ", ".join(values) if values else None


class Answer:
    """One answer, read from a connection: `head()` first, then `body()`."""

    def __init__(self, line: Line, method: str) -> None:
        self._line = line
        self._method = method
        self._events = _Events()
        self._parser = httptools.HttpResponseParser(self._events)
        self._events.status_of = self._parser.get_status_code
        self._events.version_of = self._parser.get_http_version
        # Browsers take these from old servers, and so a site with them works. One request goes over a connection,
        # so that leniency here can smuggle nothing.
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
            lenient_data_after_close=True,
        )
        self._begins = b""
        self._fault: Fall | None = None  # in the body: the head counts, and what came whole before it
        self.received = 0  # bytes of the body as they came over the wire, framing included

    async def head(self, first: Callable[[], None] | None = None) -> Head:
        """The final status line and fields; `first` is called at the answer's first byte.

        Raises:
            Fall: `closed_early` before its end, `too_long`, `garbage`.
        """
        events = self._events
        fed = 0
        while not events.head_ended:
            data = await self._line.receive(min(CHUNK, HEAD_BYTES - fed))
            if not data:
                what = "in the middle of its header" if fed else "without an answer"
                raise Fall(causes.CLOSED_EARLY, f"closed {what}")
            if not fed and first is not None:
                first()
            self._begins = (self._begins + data)[:80]
            fed += len(data)
            self._feed(data)
            if events.too_many:
                raise Fall(causes.TOO_LONG, f"more than {HEAD_FIELDS} header fields")
            if fed >= HEAD_BYTES and not events.head_ended:
                raise Fall(causes.TOO_LONG, f"a header of more than {HEAD_BYTES} bytes")
        if events.status < 100:
            raise Fall(causes.GARBAGE, f"a status of {events.status:03d}")
        # The parser and its listener no longer hold each other: nothing waits for the collector.
        events.status_of, events.version_of = int, str
        return Head(events.status, events.version, events.reason.decode("latin-1"), tuple(events.fields))

    async def body(self) -> AsyncIterator[bytes]:
        """The body's pieces as they come, chunks joined. Unbounded: who reads it stops.

        Raises:
            Fall: `closed_early` when the connection ends before the length or the last chunk, `garbage`.
        """
        events = self._events
        while self._has_body:
            pieces, events.pieces = events.pieces, []
            for piece in pieces:
                yield piece
            if events.ended:
                return
            if self._fault is not None:
                raise self._fault
            data = await self._line.receive(CHUNK)
            if not data:
                if self._ends_by_closing:
                    return
                raise Fall(causes.CLOSED_EARLY, "closed in the middle of its body")
            self.received += len(data)
            self._feed(data)
            if not events.pieces and not events.ended:
                yield b""  # framing only: endless chunk extensions or trailers must not keep the reader from counting

    @property
    def behind(self) -> bytes:
        """What came together with the head, behind it: in a tunnel, the first words of its other end."""
        return b"".join(self._events.pieces)

    @property
    def _has_body(self) -> bool:
        """RFC 9112, 6.3: what has no body, whatever its fields say."""
        status = self._events.status
        if self._method == "HEAD" or status in (101, 204, 304):
            return False
        return not (self._method == "CONNECT" and 200 <= status < 300)

    @property
    def _ends_by_closing(self) -> bool:
        """RFC 9112, 6.3, last case: neither a length nor chunks."""
        for name, value in self._events.fields:
            lowered = name.lower()
            if lowered == b"content-length":
                return False
            if lowered == b"transfer-encoding":
                return not value.lower().endswith(b"chunked")
        return True

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # 101 or a tunnel: the head has ended, and what follows is not HTTP
        except httptools.HttpParserError as error:
            if self._events.ended or (self._events.head_ended and not self._has_body):
                return  # what comes after the end is not looked at
            begins = self._begins.decode("latin-1")
            self._fault = Fall(causes.GARBAGE, f"{error}; it begins with {begins!r}")
            if not self._events.head_ended:
                raise self._fault from error
