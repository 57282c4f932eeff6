"""What every answer carries and every question must pass: headers for browsers, compression, and whose POST it is."""

import asyncio
import ipaddress
import re
import socket
import zlib
from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
PATIENCE = 20.0  # seconds that the body of a form has to come in
NOUGHT = re.compile(r"q=0(\.0*)?")
LARGE = 64 * 1024  # bytes: compressing more than this is a thread's work


class Headed:
    """Every answer carries the headers that keep a browser from being used against us; none is kept by a cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app({**scope, "query_string": _in_ascii(scope["query_string"])}, receive, headed)


def _in_ascii(query: bytes) -> bytes:
    """As it should have been sent (RFC 3986, section 3.4): what reads an address takes its query for text."""
    return re.sub(rb"[\x80-\xff]", lambda byte: b"%%%02X" % ord(byte[0]), query)


def foreign(headers: Headers, hosts: Iterable[str] = ()) -> str | None:
    """Why a POST is not one of ours, or None. A browser always says where a POST comes from; a tool does not.

    `hosts` are the names this daemon is reached by, besides its addresses, localhost and the machine's own name: a
    name that another site made point here (DNS rebinding) is none of them.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return "the request comes from another site"
    if origin is None:
        return None if site is None else "the request does not say where it comes from"
    host = headers.get("host", "")
    if _netloc(origin) != host.lower():
        return "the request comes from another site"
    return None if _is_ours(host, hosts) else f"this daemon is not known as {host}"


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


async def body_of(request: Request, most: int, within: float = PATIENCE) -> bytes:
    """
    Raises:
        HTTPException: 413, it is longer than `most` bytes; 408, it has not come `within` so many seconds.
    """
    body = b""
    try:
        async with asyncio.timeout(within):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise HTTPException(413, "too long")
    except TimeoutError:
        raise HTTPException(408, "the request did not come to its end", {"connection": "close"}) from None
    return body


def is_own_name(host: str) -> bool:
    """Whether a Host header names this machine as it calls itself: what is only sent to it from within."""
    name = _name(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in _own_names()


def _is_ours(host: str, hosts: Iterable[str]) -> bool:
    name = _name(host)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {*_own_names(), *(each.lower() for each in hosts)}
    return True


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # brackets that hold no address
        return ""


def _own_names() -> set[str]:
    own = socket.gethostname().lower()
    return {"localhost", own, own.partition(".")[0]}


def takes_gzip(accept: str) -> bool:
    """Whether an Accept-Encoding (RFC 9110, section 12.5.3) takes gzip."""
    for offer in accept.lower().split(","):
        coding, *parameters = (part.strip() for part in offer.split(";"))
        if coding == "gzip":
            return not any(NOUGHT.fullmatch(each.replace(" ", "")) for each in parameters)
    return False


async def gzipped(pieces: AsyncIterator[bytes], level: int = 1) -> AsyncIterator[bytes]:
    """The pieces compressed: large ones in a thread, so that the loop goes on."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    begins = True  # its first piece is told whole: a browser fetches the style meanwhile, and draws
    async for piece in pieces:
        packed = await asyncio.to_thread(packer.compress, piece) if len(piece) > LARGE else packer.compress(piece)
        if begins:
            packed, begins = packed + packer.flush(zlib.Z_SYNC_FLUSH), False
        if packed:
            yield packed
    yield packer.flush()
