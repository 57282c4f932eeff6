"""What is said on a connection that somebody took: a filter's page of denial, the target's word, or anything else."""

import asyncio
from dataclasses import dataclass

from retabli.model import causes
from retabli.model.ladder import Fall, detail_of
from retabli.model.settings import Denied, Tls
from retabli.net.connection import Connection
from retabli.net.containment.questions import request
from retabli.net.tls import believing_context, server_name_of
from retabli.net.web.http_messages import Answer
from retabli.net.web.proxy_causes import BODY_LOOKED_AT, borne

LISTENS = 2.0  # seconds in which a page or a word is waited for, once the handshake is completed
TLS_PORTS = (443, 8443)  # where a client speaks TLS first, and a filter that reads along shows its page inside


@dataclass(frozen=True, slots=True)
class Heard:
    """`denied`: by which sign the page denies. `word`: the target's word was said. `cut`: it was ended or reset.

    `told` says in words what came; `data`: anything came at all.
    """

    told: str
    denied: str | None = None
    word: bool = False
    cut: bool = False
    data: bool = False


class _Line:
    """A connection whose first bytes are kept as they came; inside TLS, as they were said."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.raw = bytearray()

    async def send(self, data: bytes, /) -> None:
        await self._connection.send(data)

    async def receive(self, limit: int, /) -> bytes:
        data = await self._connection.receive(limit)
        self.raw += data[: max(0, BODY_LOOKED_AT - len(self.raw))]
        return data


async def hear(
    connection: Connection, host: str, port: int, until: float, *, page: Denied | None = None, says: str | None = None
) -> Heard:
    """Ask for a page, and listen for `LISTENS` seconds at most, within `until` (the loop's time)."""
    line = _Line(connection)
    word = says.encode() if says is not None else None
    denied: str | None = None
    cut = spoke = False
    ended = "nothing more"
    try:
        async with asyncio.timeout_at(min(until, asyncio.get_running_loop().time() + LISTENS)):
            if port in TLS_PORTS:
                await connection.start_tls(None, Tls(), server_name_of(host, Tls()), context=believing_context())
                spoke = True
            await line.send(request(host, port))
            denied = await _page(line, page)
            while word is not None and word not in line.raw and len(line.raw) < BODY_LOOKED_AT:
                if not await line.receive(4096):
                    cut = True
                    break
    except TimeoutError:
        ended = "then silence"
    except (OSError, Fall) as error:
        cut, ended = True, f"then {detail_of(error) or 'an end'}"
        spoke = spoke or (isinstance(error, Fall) and error.cause is not causes.CLOSED_EARLY)
        if isinstance(error, Fall) and error.cause is causes.NOT_TLS:
            line.raw += error.detail.encode()  # what it said instead, in clear
    data = bytes(line.raw)
    return Heard(
        told=f"the TCP handshake was completed{', and TLS spoken' if spoke else ''}; {len(data)} bytes came, {ended}",
        denied=denied,
        word=word is not None and word in data,
        cut=cut,
        data=bool(data) or spoke,
    )


async def _page(line: _Line, page: Denied | None) -> str | None:
    """The sign of a denial on the page that comes, if one does and bears it."""
    if page is None:
        return None
    answer = Answer(line, "GET")
    body = bytearray()
    try:
        head = await answer.head()
        if (sign := borne(page, head.fields, b"")) is not None or page.body is None:
            return sign
        async for piece in answer.body():
            body += piece[: BODY_LOOKED_AT - len(body)]
            if (sign := borne(page, head.fields, bytes(body))) is not None or len(body) >= BODY_LOOKED_AT:
                return sign
    except Fall:
        if not line.raw:
            raise
    return None  # it is no HTTP, was cut in the middle, or ended without the sign
