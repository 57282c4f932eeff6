"""HTTP on the wire: what is written cannot be misread, what is read is bounded."""

import itertools

import pytest

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.web.http_messages import HEAD_BYTES, Answer, Head, write_request


class Wire:
    """A line that gives these pieces, one a read, and then the end."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = iter(pieces)
        self.given = 0

    async def send(self, data: bytes, /) -> None: ...

    async def receive(self, limit: int, /) -> bytes:
        piece = next(self.pieces, b"")[:limit]
        self.given += len(piece)
        return piece


async def read(*pieces: bytes, method: str = "GET") -> tuple[Head, bytes]:
    answer = Answer(Wire(*pieces), method)
    head = await answer.head()
    return head, b"".join([piece async for piece in answer.body()])


def bytewise(text: bytes) -> list[bytes]:
    return [text[place : place + 1] for place in range(len(text))]


PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n"


async def test_a_body_ends_by_its_length_its_last_chunk_or_the_end_of_the_connection() -> None:
    for text in (PLAIN, CHUNKED, b"HTTP/1.0 200 OK\r\n\r\nhello"):
        head, body = await read(text)
        assert (head.status, body) == (200, b"hello")


async def test_it_does_not_matter_in_which_pieces_an_answer_comes() -> None:
    for text in (PLAIN, CHUNKED, b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello"):
        assert (await read(*bytewise(text)))[1] == b"hello"


async def test_what_follows_the_end_is_not_part_of_the_answer() -> None:
    head, body = await read(PLAIN + b"HTTP/1.1 500 No\r\n\r\n")
    assert (head.status, body) == (200, b"hello")


async def test_interim_answers_are_passed_over_and_their_fields_forgotten() -> None:
    head, body = await read(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", PLAIN)
    assert (head.status, body) == (200, b"hello")
    assert [name for name, _ in head.fields] == [b"Content-Length", b"X-One"]


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("CONNECT", 200), ("GET", 101)]
)
async def test_some_answers_have_no_body_whatever_their_fields_say(method: str, status: int) -> None:
    text = f"HTTP/1.1 {status} Fine\r\nContent-Length: 500\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".encode()
    head, body = await read(text, method=method)
    assert (head.status, body) == (status, b"")


async def test_old_servers_with_bare_line_feeds_are_understood_as_browsers_do() -> None:
    assert (await read(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"))[1] == b"hello"


CLOSED = [b"", b"HTTP/1.1 200 OK\r\nServ", PLAIN[:-1], CHUNKED[:-30], b"HTTP/1.1 100 Continue\r\n\r\n"]
GARBAGE = [
    b"220 mail.example ESMTP\r\n",
    b"SSH-2.0-OpenSSH\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46",
    b"<html>hello",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
]


@pytest.mark.parametrize(
    ("text", "cause"), [(text, causes.CLOSED_EARLY) for text in CLOSED] + [(text, causes.GARBAGE) for text in GARBAGE]
)
async def test_an_answer_that_ends_too_soon_is_told_from_one_that_is_none(text: bytes, cause: Cause) -> None:
    with pytest.raises(Fall) as fall:
        await read(text)
    assert fall.value.cause is cause


async def test_a_header_without_end_is_read_only_so_far() -> None:
    for begin, endless in (
        (b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 4000),
        (b"HTTP/1.1 200 ", b"O" * 4000),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"),
    ):
        wire = Wire(*itertools.chain([begin], itertools.repeat(endless, 100_000)))
        with pytest.raises(Fall) as fall:
            await Answer(wire, "GET").head()
        assert fall.value.cause is causes.TOO_LONG
        assert wire.given <= HEAD_BYTES


async def test_framing_without_content_lets_the_reader_count() -> None:
    answer = Answer(Wire(CHUNKED[:48], *itertools.repeat(b"3;" + b"x" * 60_000, 3)), "GET")
    await answer.head()
    seen = 0
    with pytest.raises(Fall):
        async for _ in answer.body():
            seen = answer.received
    assert seen > 120_000


@pytest.mark.parametrize(
    ("method", "target", "name", "value"),
    [
        ("GET", b"/", b"X-A", b"1\r\nX-B: 2"),
        ("GET", b"/", b"X-A", b"1\n"),
        ("GET", b"/", b"X-A", b"1\x00"),
        ("GET", b"/", b"X A", b"1"),
        ("GET", b"/", b"X-A:", b"1"),
        ("GET", b"/ HTTP/1.1\r\nX: y", b"X-A", b"1"),
        ("GET", b"/a b", b"X-A", b"1"),
        ("GET /", b"/", b"X-A", b"1"),
    ],
)
def test_nothing_that_could_be_read_as_another_request_is_written(
    method: str, target: bytes, name: bytes, value: bytes
) -> None:
    with pytest.raises(ValueError, match=r"."):
        write_request(method, target, [(name, value)])


def test_only_we_say_where_a_request_ends() -> None:
    fields = [(b"Host", b"a"), (b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked"), (b"Connection", b"x")]
    written = write_request("POST", b"/x", fields, b"hello")
    assert written == b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
