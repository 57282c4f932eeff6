"""What is said on a connection that somebody took: a filter's page of denial, the target's word, or anything else."""

import asyncio
import re
from dataclasses import dataclass

from retabli.model.ladder import Fall, detail_of
from retabli.net.connection import Connection
from retabli.net.containment.containment_settings import DenyPage
from retabli.net.containment.questions import request
from retabli.net.web.http_messages import Answer, Fields, field
from retabli.net.web.proxy_causes import BODY_LOOKED_AT

LISTENS = 2.0  # seconds in which a page or a word is waited for, once the handshake is completed

Page = DenyPage


@dataclass(frozen=True, slots=True)
class Heard:
    """`denied`: by which sign the page denies. `word`: the target's word was said. `cut`: it was ended or reset.

    `told` says in words what came.
    """

    told: str
    denied: str | None = None
    word: bool = False
    cut: bool = False
    data: bool = False


class _Line:
    """A connection whose first bytes are kept as they came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.raw = bytearray()

    async def send(self, data: bytes, /) -> None:
        await self._connection.send(data)

    async def receive(self, limit: int, /) -> bytes:
        data = await self._connection.receive(limit)
        self.raw += data[: max(0, BODY_LOOKED_AT - len(self.raw))]
        return data


async def hear(connection: Connection, host: str, until: float, page: Page | None, says: str | None) -> Heard:
    """Ask for a page, and listen for `LISTENS` seconds at most, within `until` (the loop's time)."""
    line = _Line(connection)
    word = says.encode() if says is not None else None
    denied: str | None = None
    cut = False
    ended = "nothing more"
    try:
        async with asyncio.timeout_at(min(until, asyncio.get_running_loop().time() + LISTENS)):
            await line.send(request(host, connection.port))
            denied = await _page(line, page)
            while word is not None and word not in line.raw and len(line.raw) < BODY_LOOKED_AT:
                if not await line.receive(4096):
                    cut = True
                    break
    except TimeoutError:
        ended = "then silence"
    except (OSError, Fall) as error:
        cut, ended = True, f"then {detail_of(error) or 'an end'}"
    data = bytes(line.raw)
    return Heard(
        told=f"the TCP handshake was completed, {len(data)} bytes came, {ended}",
        denied=denied,
        word=word is not None and word in data,
        cut=cut,
        data=bool(data),
    )


async def _page(line: _Line, page: Page | None) -> str | None:
    """The sign of a denial on the page that comes, if one does and bears it."""
    if page is None:
        return None
    answer = Answer(line, "GET")
    body = bytearray()
    try:
        head = await answer.head()
        if (sign := bears(page, head.fields, b"")) is not None or page.body is None:
            return sign
        async for piece in answer.body():
            body += piece[: BODY_LOOKED_AT - len(body)]
            if (sign := bears(page, head.fields, bytes(body))) is not None or len(body) >= BODY_LOOKED_AT:
                return sign
    except Fall:
        if not line.raw:
            raise
    return None  # it is no HTTP, was cut in the middle, or ended without the sign


def bears(page: Page, fields: Fields, body: bytes) -> str | None:
    """By what this answer is known as the filter's page of denial, or None."""
    if page.header is not None:
        name, _, pattern = page.header.partition(":")
        value = field(fields, name.strip())
        if value is not None and re.search(pattern.strip(), value):
            return f"{name.strip()}: {value}"
    if page.body is not None and re.search(page.body, body.decode("utf-8", "replace")):
        return "its page bears the sign of a denial"
    return None
