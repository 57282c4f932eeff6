"""Sites that lie: lengths, encodings, redirects, cookies, bombs; the same answer whatever was asked."""

import asyncio
import gzip
import zlib
from collections.abc import Iterator

from tests.hostile.cells import Cell
from tests.hostile.meeting import alone, cell
from tests.hostile.ways import every
from tests.net.peers import Handler, endless, silent
from tests.net.web_servers import page, redirect


def answered(*pieces: bytes, then: Handler | None = None) -> Handler:
    """Reads the head of one request, and says this; then closes, or goes on as told."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        await (linger if then is None else then)(reader, writer)

    return answer


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says that this was all, and reads what still comes: closing at once would reset the connection."""
    writer.write_eof()
    while await reader.read(65_536):
        pass


async def redirecting_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ")[1].decode("latin-1")
    writer.write(redirect("/" + "x" * (len(path) % 50 + 1)))
    await linger(reader, writer)


def ok(*fields: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", *fields, b"", b"")) + body


def zeros(megabytes: int, wbits: int = 31) -> bytes:
    """So many of them, as gzip, or with 15 as deflate; never all of them at once."""
    pressed = zlib.compressobj(9, wbits=wbits)
    return b"".join(pressed.compress(bytes(1 << 20)) for _ in range(megabytes)) + pressed.flush()


def bomb(encoding: bytes, content: bytes) -> bytes:
    return ok(b"Content-Encoding: " + encoding, b"Content-Length: %d" % len(content), body=content)


BOMB = zeros(256)
ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u2066".encode()
AWAY = {
    "to loopback by another port": "http://127.0.0.1:9/",
    "to the metadata service": "http://169.254.169.254/latest/meta-data/",
    "to this link by IPv6": "http://[fe80::1]/",
    "to ourselves by a number": "http://2130706433/",
    "to a file": "file:///etc/passwd",
    "to gopher": "gopher://127.0.0.1:25/_HELO",
    "to script": "javascript:alert(1)",
    "to another host": "http://elsewhere.invalid/",
    "with an account in it": "http://user:secret@127.0.0.1/",
    "to nonsense": "http://[::::",
    "to nowhere": "",
    "to a name without end": "http://" + "a" * 9000 + ".test/",
    "to a port beyond all": "http://127.0.0.1:99999/",
    "to a line break": "/x%0d%0aSet-Cookie: a=b",
}
ANSWERS: dict[str, Handler] = {
    "status 999": answered(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
    "status 000": answered(b"HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n"),
    "status 2OO": answered(b"HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n"),
    "HTTP/9.9": answered(b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "HTTP/0.9": answered(b"<h1>Annuaire</h1>"),
    "ICY": answered(b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "429": answered(page("slow down", "Retry-After: 99999999999999999999", status="429 Too Many")),
    "401 of nonsense": answered(page("who?", "WWW-Authenticate: \x01\x02", status="401 Unauthorized")),
    "407 by a site": answered(page("who?", 'Proxy-Authenticate: Basic realm="x"', status="407 Who")),
    "length too short": answered(ok(b"Content-Length: 3", body=b"<h1>Annuaire</h1>")),
    "length too long": answered(ok(b"Content-Length: 3000", body=b"<h1>Ann</h1>")),
    "length too long and silent": answered(ok(b"Content-Length: 3000", body=b"<h1>Ann</h1>"), then=silent),
    "length below zero": answered(ok(b"Content-Length: -1", body=b"<h1>Ann</h1>")),
    "length beyond all": answered(ok(b"Content-Length: 99999999999999999999999", body=b"x")),
    "length of 4 GB": answered(ok(b"Content-Length: 4294967296", body=b"x"), then=silent),
    "two lengths": answered(ok(b"Content-Length: 3", b"Content-Length: 5", body=b"abcde")),
    "length and chunks": answered(
        ok(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n")
    ),
    "chunk size of 2^64": answered(ok(b"Transfer-Encoding: chunked", body=b"FFFFFFFFFFFFFFFFF\r\nx")),
    "chunk size of nonsense": answered(ok(b"Transfer-Encoding: chunked", body=b"xyz\r\nx")),
    "chunk size below zero": answered(ok(b"Transfer-Encoding: chunked", body=b"-5\r\nx")),
    "chunks without end mark": answered(ok(b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n")),
    "an encoding of nobody": answered(ok(b"Content-Encoding: nonsense", b"Content-Length: 1", body=b"x")),
    "gzip that is none": answered(bomb(b"gzip", b"this is not gzip")),
    "gzip cut": answered(bomb(b"gzip", BOMB[:200])),
    "a hundred encodings": answered(bomb(b", ".join([b"gzip"] * 100), BOMB[:200])),
    "charset of nobody": answered(
        ok(b"Content-Type: text/html; charset=x-\xff", b"Content-Length: 2", body=b"\xff\xfe")
    ),
    "UTF-16 page": answered(page("nothing here".encode("utf-16"))),
    "NUL in a field": answered(ok(b"X-Odd: a\0b", b"Content-Length: 0")),
    "escapes in a reason": answered(b"HTTP/1.1 503 " + ESCAPES + b"\r\nContent-Length: 0\r\n\r\n"),
    "escapes in fields and body": answered(
        ok(b"Server: " + ESCAPES, b"Content-Length: %d" % len(ESCAPES), body=ESCAPES)
    ),
    "bare line feeds": answered(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    "a folded field": answered(ok(b"X-Odd: a\r\n b", b"Content-Length: 0")),
    "a field without a name": answered(ok(b": nothing", b"Content-Length: 0")),
    "switching protocols": answered(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0"),
    "a redirect to itself": answered(redirect("/")),
    "redirects for ever": redirecting_for_ever,
    **{f"redirects {where}": answered(redirect(to)) for where, to in AWAY.items()},
}


def slowly(text: bytes) -> Handler:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for place in range(len(text)):
            writer.write(text[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0.1)

    return trickle


ANSWERS["a head of a byte each 100 ms"] = answered(then=slowly(ok(b"Content-Length: 0")))
ANSWERS["a body of a byte each 100 ms"] = answered(ok(b"Content-Length: 900"), then=slowly(b"x" * 900))
ANSWERS["chunks of a byte each 100 ms"] = answered(ok(b"Transfer-Encoding: chunked"), then=slowly(b"1\r\nx\r\n" * 200))

COOKIES = b"".join(b"Set-Cookie: c%d=%s\r\n" % (number, b"v" * 60) for number in range(5000))
FLOODS: dict[str, Handler] = {
    "5,000 cookies": answered(b"HTTP/1.1 200 OK\r\n" + COOKIES + b"Content-Length: 0\r\n\r\n"),
    "5,000 cookies and a redirect": answered(
        b"HTTP/1.1 302 Go\r\n" + COOKIES + b"Location: /\r\nContent-Length: 0\r\n\r\n"
    ),
    "fields without end": answered(b"HTTP/1.1 200 OK\r\n", then=endless(b"X-Filler: " + b"x" * 500 + b"\r\n")),
    "a field without end": answered(b"HTTP/1.1 200 OK\r\nX-Filler: ", then=endless(b"x" * 65_536)),
    "a reason without end": answered(b"HTTP/1.1 200 ", then=endless(b"x" * 65_536)),
    "a body without end": answered(ok(b"Content-Type: text/html"), then=endless(b"x" * 65_536)),
    "chunks without end": answered(ok(b"Transfer-Encoding: chunked"), then=endless(b"1\r\nx\r\n" * 10_000)),
    "a chunk's extension without end": answered(
        ok(b"Transfer-Encoding: chunked", body=b"1;"), then=endless(b"x" * 65_536)
    ),
    "trailers without end": answered(
        ok(b"Transfer-Encoding: chunked", body=b"0\r\n"), then=endless(b"X-T: y\r\n" * 5000)
    ),
    "a gzip bomb": answered(bomb(b"gzip", BOMB)),
    "a gzip bomb in gzip": answered(bomb(b"gzip, gzip", gzip.compress(BOMB))),
    "a deflate bomb": answered(bomb(b"deflate", zeros(128, 15))),
}


def cells() -> Iterator[Cell]:
    for way in every():
        if way.speaks not in ("http", "websocket") or way.tls:
            continue
        for name, handler in (ANSWERS | FLOODS).items():
            met = alone(way, lambda handler=handler: handler)  # type: ignore[misc]
            yield cell("http_answers", name, way, met, heavy=name in FLOODS)
