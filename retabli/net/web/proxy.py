"""The way through a filtering proxy: to it, and by CONNECT through it to a site; and whether it is the one that hangs.

The ladder is resolve and connect (the proxy's), then, for a site with TLS, proxy (CONNECT) and tls (the site's).
"""

import asyncio
import base64
import time
from types import TracebackType
from typing import Self

from retabli.model import stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Proxy, Resolver, Tls
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.tls import server_name_of
from retabli.net.web.http_messages import Answer, write_request
from retabli.net.web.proxy_causes import BODY_LOOKED_AT, as_down, as_passed_on, as_proxys, judge_connect

LATE = 1.0  # seconds without an answer, after which the proxy is asked whether it answers anything at all
ENOUGH = 0.2  # seconds that it has for that


def credentials(proxy: Proxy) -> tuple[bytes, bytes] | None:
    """The field that presents us to the proxy (RFC 7617), or None when we have no account there.

    Raises:
        Fall: `secret_unreadable`.
    """
    if proxy.user is None:
        return None
    password = proxy.password.text() if proxy.password is not None else ""
    return b"Proxy-Authorization", b"Basic " + base64.b64encode(f"{proxy.user}:{password}".encode())


async def open_to_proxy(ladder: Ladder, proxy: Proxy, resolver: Resolver | None) -> Connection:
    """Climb RESOLVE and CONNECT to the proxy itself; whatever falls here is `proxy_down`."""
    with ladder.told_as(as_down(proxy)):
        return await open_connection(ladder, proxy.host, proxy.port, resolver=resolver)


async def open_through(
    ladder: Ladder,
    proxy: Proxy,
    host: str,
    port: int,
    *,
    resolver: Resolver | None = None,
    tls: Tls | None = None,
    user_agent: str = "",
) -> Connection:
    """A connection to `host` through the proxy: RESOLVE, CONNECT, PROXY and, when TLS is implicit, TLS."""
    connection = await open_to_proxy(ladder, proxy, resolver)
    try:
        async with Doubt(proxy, resolver) as doubt:
            with ladder.told_as(as_proxys(proxy, doubt.hangs)), ladder.rung(stages.PROXY):
                await _connect(connection, proxy, host, port, user_agent)
        connection.host = host
        if tls is not None and tls.mode == "implicit":
            with ladder.told_as(as_passed_on(proxy, lambda: False)):
                await connection.start_tls(ladder, tls, server_name_of(host, tls))
    except BaseException:
        connection.abort()
        raise
    return connection


async def _connect(connection: Connection, proxy: Proxy, host: str, port: int, user_agent: str) -> None:
    """Ask for the tunnel (RFC 9110, 9.3.6)."""
    bare = host.strip("[]")
    authority = f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"
    fields = [(b"Host", authority.encode("ascii"))]
    if user_agent:
        fields.append((b"User-Agent", user_agent.encode("latin-1")))
    presented = credentials(proxy)
    if presented is not None:
        fields.append(presented)
    await connection.send(write_request("CONNECT", authority.encode("ascii"), fields))
    answer = Answer(connection, "CONNECT")
    head = await answer.head()
    if 200 <= head.status < 300:
        connection.put_back(answer.behind)
        return
    page = await refusal_page(answer) if proxy.denied.body is not None and head.status != 407 else b""
    raise judge_connect(proxy, head, page, presented=presented is not None)


async def refusal_page(answer: Answer) -> bytes:
    """The page that comes with a refusal, as far as it comes soon: the status is known, and must not be lost for it."""
    page = bytearray()
    try:
        async with asyncio.timeout(LATE):
            async for piece in answer.body():
                page += piece
                if answer.received > BODY_LOOKED_AT:
                    break
    except (TimeoutError, OSError, Fall):
        pass
    return bytes(page[:BODY_LOOKED_AT])


class Doubt:
    """When an answer is late: does the proxy hang, or the site behind it? The proxy is asked for something of its own.

    Any answer to that will do, a refusal too. Nothing is asked while answers come in time.
    """

    def __init__(self, proxy: Proxy, resolver: Resolver | None, late: float = LATE) -> None:
        self._proxy = proxy
        self._resolver = resolver
        self._late = late
        self._answers = False
        self._asked_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def hangs(self) -> bool:
        """It was asked, had the time to answer, and did not. False when nobody asked."""
        return self._asked_at > 0 and not self._answers and time.monotonic() - self._asked_at > ENOUGH

    def _ask_later(self) -> None:
        self._asked_at = time.monotonic()
        self._task = asyncio.get_running_loop().create_task(self._ask(), name="proxy doubt")

    async def _ask(self) -> None:
        aside = Ladder((stages.RESOLVE, stages.CONNECT))
        try:
            connection = await open_connection(aside, self._proxy.host, self._proxy.port, resolver=self._resolver)
        except (Fall, OSError):
            return
        try:
            await connection.send(b"OPTIONS * HTTP/1.0\r\n\r\n")
            await connection.receive(1)
            self._answers = True  # or it hung up: it lives
        except (Fall, OSError):
            self._answers = True
        finally:
            connection.abort()

    async def __aenter__(self) -> Self:
        self._timer = asyncio.get_running_loop().call_later(self._late, self._ask_later)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
