"""What every answer carries and every question must pass: headers for browsers, compression, and whose POST it is."""

import asyncio
import ipaddress
import re
import socket
import zlib
from collections.abc import AsyncIterator, Collection, Iterable
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
    if _authority(origin).lower() != host.lower():
        return "the request comes from another site"
    return None if _is_ours(host, hosts) else f"this daemon is not known as {host}"


def refuse_foreign(request: Request, hosts: Collection[str]) -> None:
    """
    Raises:
        HTTPException: 403, this POST is not one of ours.
    """
    why_not = foreign(request.headers, hosts)
    if why_not is not None:
        raise HTTPException(403, why_not)


async def body_of(request: Request, most: int) -> bytes:
    """
    Raises:
        HTTPException: 413, it is longer than `most` bytes.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413, "too long")
    return body


def _authority(origin: str) -> str:
    """The host and port of an origin; nothing where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:  # a bracket that is never closed
        return ""


def _is_ours(host: str, hosts: Iterable[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = socket.gethostname().lower()
        return name in {"localhost", own, own.partition(".")[0], *(each.lower() for each in hosts)}
    return True


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
