"""Proxies that open a tunnel to nowhere, to themselves or to another, and those that ask for ever who we are."""

import asyncio
import contextlib
from collections.abc import Iterator

import trustme

from tests.hostile.cells import Cell
from tests.hostile.meeting import alone, cell
from tests.hostile.servers.http_answers import ESCAPES, answered
from tests.hostile.ways import every
from tests.net.peers import Handler, closing, endless, reset, server_context, silent
from tests.net.web_servers import page

WAYS = ("http_proxied", "https_proxied", "containment_proxy", "containment_tunnel")
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
ASKED = 'Proxy-Authenticate: Basic realm="x"'


def opened(*said: bytes, then: Handler = silent) -> Handler:
    """Opens the tunnel, and says this in it."""
    return answered(OPENED, *said, then=then)


async def half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write_eof()
    await silent(reader, writer)


async def closed_at_the_first_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65_536)


async def reset_at_the_first_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    reset(writer)


async def echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def read_along(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the tunnel's TLS itself, by a certificate that nobody trusts, and has a page of its own there."""
    with contextlib.suppress(OSError):
        await writer.start_tls(server_context(trustme.CA().issue_cert("127.0.0.1", "localhost")))
        writer.write(page("<h1>Annuaire</h1>"))
        await silent(reader, writer)


async def a_proxy_behind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What is said in the tunnel is taken for a question to a proxy, which refuses it."""
    await reader.read(65_536)
    writer.write(page("what?", "Via: 1.1 inner.test", "X-Squid-Error: ERR_INVALID_REQ 0", status="400 Bad Request"))
    await silent(reader, writer)


def redirecting(to: str, status: str = "302 Found") -> Handler:
    return answered(page("moved", f"Location: {to}", status=status))


async def redirecting_to_itself(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("sockname")[:2]
    await redirecting(f"http://{host}:{port}/")(reader, writer)


ANSWERS: dict[str, Handler] = {
    "opens, and no more": opened(),
    "opens, and closes": opened(then=closing),
    "opens, and half-closes": opened(then=half_closed),
    "opens, and closes at the first word": opened(then=closed_at_the_first_word),
    "opens, and resets at the first word": opened(then=reset_at_the_first_word),
    "opens, and gives back what it hears": opened(then=echoed),
    "opens, and opens again": opened(OPENED),
    "opens, and asks who we are": opened(page("who?", ASKED, status="407 Authentication Required")),
    "opens, and has a page there": opened(page("<h1>Annuaire</h1>")),
    "opens, and denies there": opened(page("denied", "X-Filter: deny 7", status="403 Forbidden")),
    "opens, and says SSH": opened(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "opens, and says SMTP": opened(b"220 mail.test ESMTP\r\n"),
    "opens, and says escapes": opened(ESCAPES * 10),
    "opens, and alerts": opened(b"\x15\x03\x03\0\x02\x02\x28"),
    "opens to another proxy": opened(then=a_proxy_behind),
    "opens, and reads along": opened(then=read_along),
    "opens, with a length and a body": answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", then=silent),
    "opens, with chunks": answered(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", then=silent),
    "opens by 204": answered(b"HTTP/1.1 204 No Content\r\n\r\n", then=silent),
    "opens by 299": answered(b"HTTP/1.1 299 Odd\r\n\r\n", then=silent),
    "opens by HTTP/1.0 and bare line feeds": answered(b"HTTP/1.0 200 OK\n\n", then=silent),
    "opens after three continues": answered(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OPENED, then=silent),
    "switches protocols": answered(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", then=silent),
    "never ends its head": answered(b"HTTP/1.1 200 Connection established\r\n", then=silent),
    "a portal's page for everything": answered(page("<h1>Welcome to the guests' network</h1>")),
    "a portal's 511": answered(page("<h1>Log in</h1>", status="511 Network Authentication Required")),
    "a portal's redirect": redirecting("http://portal.invalid/login"),
    "a redirect to itself": redirecting_to_itself,
    "a redirect to itself for ever by 308": redirecting("/", "308 Permanent Redirect"),
    "who are you, without a way to say": answered(page("who?", status="407 Authentication Required")),
    "who are you, in escapes": answered(
        page("who?", "Proxy-Authenticate: Basic realm=" + ESCAPES.decode("latin-1"), status="407 Who")
    ),
    "who are you, by NTLM": answered(
        page("who?", "Proxy-Authenticate: NTLM", "Proxy-Authenticate: Negotiate", status="407 Who")
    ),
    "who are you, by a hundred ways": answered(
        page("who?", *[f'Proxy-Authenticate: Way{n} realm="x"' for n in range(100)], status="407 Who")
    ),
    "denies, in a loop, as Squid tells it": answered(
        page("loop", "X-Squid-Error: ERR_ACCESS_DENIED 0", "Via: 1.1 a, 1.1 b, 1.1 a", status="403 Forbidden")
    ),
    "a loop, by 508": answered(page("loop", "Via: 1.1 a, 1.1 a", status="508 Loop Detected")),
    "a mark of no known kind": answered(page("odd", "X-Squid-Error: " + ESCAPES.decode("latin-1"), status="503 Odd")),
    "an answer for another": answered(page("<h1>Bonjour</h1>") * 2),
}
FLOODS: dict[str, Handler] = {
    "opens without end": answered(then=endless(OPENED * 1000)),
    "opens, and floods": opened(then=endless(bytes(65_536))),
    "opens, and floods with TLS records": opened(then=endless(b"\x16\x03\x03\x40\0" + bytes(16_384))),
    "who are you, without end": answered(then=endless(page("who?", ASKED, status="407 Who") * 500)),
}


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.name in WAYS):
        for name, handler in (ANSWERS | FLOODS).items():
            met = alone(way, lambda handler=handler: handler)  # type: ignore[misc]
            yield cell("proxy_talk", name, way, met, heavy=name in FLOODS, denies=name.startswith("denies"))
