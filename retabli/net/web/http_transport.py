"""httpx over a connection that the ladder opened: httpx's requests, responses and codecs, our wire and our bounds."""

import contextlib
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import cast

import httpx

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.web.http_messages import Answer, Head, Line, field, write_request

ACCEPTED = "gzip, deflate"

# DEFLATE grows by 1,032 at most: what httpx's decoder makes of one slice stays below 600 kB.
SLICE = 512
BEGIN = 2  # bytes of a coded body that go first, alone: httpx tells a bare DEFLATE from zlib's by them
MOST_ANSWERED = 4_194_304  # bytes of an answer's body on the wire
MOST_REQUESTED = 1_048_576  # bytes of a request's own body


class Transport(httpx.AsyncBaseTransport):
    """One request over one connection. `absolute`: the request goes to a proxy, which needs the whole address.

    `most` bounds the answer's body, in bytes on the wire; beyond it is `too_long`. `answer_begins` is called at the
    answer's first byte. `head` is what came, once it has.
    """

    def __init__(
        self,
        line: Line,
        *,
        absolute: bool = False,
        most: int = MOST_ANSWERED,
        answer_begins: Callable[[], None] | None = None,
    ) -> None:
        self._line = line
        self._most = most
        self._absolute = absolute
        self._answer_begins = answer_begins
        self.head: Head | None = None
        self._broken: OSError | None = None  # what ended the sending of a body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.send(request)
        return await self.receive(request)

    async def send(self, request: httpx.Request) -> None:
        """Write the request, whole; or as far as the peer takes its body: why it does not, it may have answered before
        it hung up (RFC 9112, 9.5), and `receive` tells.

        Raises:
            httpx.LocalProtocolError: something in it could be read as another request, or its body is too large.
            Fall, OSError: the connection's.
        """
        body = await request.aread()
        if len(body) > MOST_REQUESTED:
            raise httpx.LocalProtocolError(f"a request's body of more than {MOST_REQUESTED} bytes", request=request)
        target = request.url.raw_path
        if self._absolute:
            target = b"%s://%s%s" % (request.url.raw_scheme, request.url.netloc, target)
        try:
            data = write_request(request.method, target, request.headers.raw, body)
        except ValueError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from error
        try:
            await self._line.send(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            if not body:
                raise
            self._broken = error

    async def receive(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body still on the wire.

        Raises:
            Fall: `garbage`, `too_long`, `closed_early`, and whatever the connection raises.
        """
        answer = Answer(self._line, request.method)
        try:
            self.head = await answer.head(self._answer_begins)
        except (Fall, OSError):
            if self._broken is not None:
                raise self._broken from None
            raise
        coding = _coding(self.head)
        fields = [(name, value) for name, value in self.head.fields if name.lower() != b"content-encoding"]
        if coding != "identity":
            fields.append((b"Content-Encoding", coding.encode("ascii")))
        return httpx.Response(
            self.head.status,
            headers=fields,
            stream=BodyStream(answer, sliced=coding != "identity", most=self._most),
            request=request,
            extensions={
                "http_version": f"HTTP/{self.head.version}".encode("ascii"),
                "reason_phrase": self.head.reason.encode("ascii", "replace"),
            },
        )


def _coding(head: Head) -> str:
    """The body's one coding. Two on top of each other would multiply, and one we did not ask for cannot be read."""
    named = [word.strip().lower() for word in (field(head.fields, "Content-Encoding") or "").split(",")]
    codings = [word.removeprefix("x-") for word in named if word not in ("", "identity")]
    if not codings:
        return "identity"
    if len(codings) > 1 or codings[0] not in ("gzip", "deflate"):
        raise Fall(causes.GARBAGE, f"Content-Encoding {', '.join(codings)} was not asked for")
    return codings[0]


class BodyStream(httpx.AsyncByteStream):
    """The body as it comes; at most `most` bytes on the wire, whatever they decode to, framing included."""

    def __init__(self, answer: Answer, *, sliced: bool, most: int) -> None:
        self._answer = answer
        self._sliced = sliced
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held, begun = b"", False
        async for piece in self._answer.body():
            if self._answer.received > self._most:
                raise Fall(causes.TOO_LONG, f"a body of more than {self._most} bytes")
            if not self._sliced:
                yield piece
                continue
            held += piece
            if not begun:
                if len(held) < BEGIN:
                    continue
                yield held[:BEGIN]
                held, begun = held[BEGIN:], True
            for place in range(0, len(held), SLICE):
                yield held[place : place + SLICE]
            held = b""
        if held:
            yield held


async def read_body(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """The decoded body, at most `limit` bytes of it, and whether it was cut there.

    Raises:
        Fall: `garbage` when its coding is broken, and what reading raises.
    """
    body = bytearray()
    coded = "content-encoding" in response.headers
    whole = response.aiter_bytes() if coded else aiter(cast("httpx.AsyncByteStream", response.stream))
    try:
        async with contextlib.aclosing(cast("AsyncGenerator[bytes, None]", whole)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > limit:
                    return bytes(body[:limit]), True
    except Fall as fall:
        if fall.cause is causes.TOO_LONG:
            return bytes(body), True
        raise
    except (httpx.DecodingError, zlib.error) as error:
        raise Fall(causes.GARBAGE, f"broken {response.headers.get('content-encoding')}: {error}") from error
    return bytes(body), False
