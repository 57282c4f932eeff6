"""Attempts through a filtering proxy: let through is an answer, and only its own configured no is a denial.

A status that a site could give as well proves nothing in clear, and neither does a proxy that fails: it may have lost
its own way out.
"""

import asyncio

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Proxy, Resolver
from retabli.net.connection import Connection
from retabli.net.containment.containment_causes import (
    NOT_EXPECTED_SIGNATURE,
    PROXY_ACCOUNT,
    PROXY_LETS_THROUGH,
    ROUND_NOT_JUDGED,
)
from retabli.net.containment.pages import TLS_PORTS, hear
from retabli.net.containment.questions import authority_of, fields_of
from retabli.net.containment.ways import Fate, Sign, Way
from retabli.net.web.http_messages import Answer, Head, write_request
from retabli.net.web.proxy import ENOUGH, credentials, open_to_proxy, refusal_page
from retabli.net.web.proxy_causes import PROXY_DENIED, PROXY_DOWN, marked, signed


async def attempt(way: Way, resolver: Resolver | None, until: float) -> Fate:
    """What becomes of this way before `until` (the loop's time)."""
    proxy = way.proxy
    assert proxy is not None  # noqa: S101 - else it is a direct one
    aside = Ladder((stages.RESOLVE, stages.CONNECT))
    try:
        async with asyncio.timeout_at(until):
            connection = await open_to_proxy(aside, proxy, resolver)
    except (Fall, OSError) as error:  # TimeoutError is one
        return _not_reached(way, aside, error)
    async with connection:
        try:
            async with asyncio.timeout_at(until):
                answer, head = await _ask(way, proxy, connection)
        except TimeoutError:
            return Fate(way, cause=PROXY_DOWN, detail="the proxy takes connections, and does not answer in time")
        except ConnectionResetError:
            return _cut(way, proxy)
        except Fall as fall:
            if fall.cause is causes.CLOSED_EARLY:
                return _cut(way, proxy)
            return Fate(way, cause=_said_wrong(fall.cause), detail=f"{fall.cause.code} {fall.detail}")
        except OSError as error:
            return Fate(way, cause=ROUND_NOT_JUDGED, detail=f"on the way to the proxy: {error.strerror}")
        # Beyond the time for an answer: one has come, and must not be lost for what may follow it.
        if _is_tunnel(way) and 200 <= head.status < 300:
            connection.put_back(answer.behind)
            return await _inside(way, proxy, connection, until, f"CONNECT was answered {_said(head)}")
        page = await _page(answer, until) if proxy.denied.body is not None else b""
    found, detail = judge(proxy, head, page, tunnel=_is_tunnel(way))
    return Fate(way, found, detail=detail) if isinstance(found, Sign) else Fate(way, cause=found, detail=detail)


async def _page(answer: Answer, until: float) -> bytes:
    try:
        async with asyncio.timeout_at(max(until, asyncio.get_running_loop().time() + ENOUGH)):
            return await refusal_page(answer)
    except TimeoutError:
        return b""


def _is_tunnel(way: Way) -> bool:
    return way.protocol == "tcp" or way.port == 443


def _not_reached(way: Way, aside: Ladder, error: BaseException) -> Fate:
    fallen = aside.fallen
    if fallen is None or fallen.cause is None:
        return Fate(way, cause=PROXY_DOWN, detail=str(error))
    return Fate(way, cause=fallen.cause, detail=fallen.detail)  # it was called proxy_down already, unless it is our own


def _said_wrong(found: Cause) -> Cause:
    return found if found is causes.SECRET_UNREADABLE else NOT_EXPECTED_SIGNATURE


def _cut(way: Way, proxy: Proxy) -> Fate:
    if proxy.denied.reset:
        return Fate(way, Sign.RESET, detail="the proxy cut the connection")
    return Fate(way, cause=NOT_EXPECTED_SIGNATURE, detail="the proxy cut the connection, which is not how it denies")


async def _ask(way: Way, proxy: Proxy, connection: Connection) -> tuple[Answer, Head]:
    presented = credentials(proxy)
    fields = fields_of(way.to, way.port) + ([presented] if presented is not None else [])
    authority = authority_of(way.to, way.port)
    method = "CONNECT" if _is_tunnel(way) else "GET"
    target = authority if _is_tunnel(way) else b"http://" + authority + b"/"
    await connection.send(write_request(method, target, fields))
    answer = Answer(connection, method)
    return answer, await answer.head()


async def _inside(way: Way, proxy: Proxy, connection: Connection, until: float, said: str) -> Fate:
    """A proxy that reads along opens every tunnel, and denies inside, by its own page in its own TLS."""
    if way.port in TLS_PORTS and (proxy.denied.header is not None or proxy.denied.body is not None):
        heard = await hear(connection, way.to, way.port, until, page=proxy.denied)
        if heard.denied is not None:
            return Fate(way, Sign.DENY_PAGE, detail=f"{said}; inside: {heard.denied}")
    return Fate(way, cause=PROXY_LETS_THROUGH, detail=said)


def judge(proxy: Proxy, head: Head, page: bytes, *, tunnel: bool) -> tuple[Sign | Cause, str]:
    """What this answer is: the proxy's own denial, a site's answer, or something that proves neither.

    An answer to CONNECT that is no 2xx is the proxy's by nature (RFC 9110, 9.3.6), and its status is its word. In
    clear a site answers with the same statuses: there the configured header or page must be borne, or a mark that
    only a proxy sets stand beside the configured status.
    """
    said = _said(head)
    if head.status == 407:
        return PROXY_ACCOUNT, said
    if (sign := signed(proxy, head.fields, page)) is not None:
        return Sign.DENY_PAGE, f"{said}; {sign}"
    mark = marked(head.fields) if head.status >= 400 else None
    status_says_no = head.status in proxy.denied.status
    if mark is not None:
        denies = mark[0] is PROXY_DENIED and status_says_no and "ERR_TOO_BIG" not in mark[1]
        return (Sign.DENY_PAGE if denies else NOT_EXPECTED_SIGNATURE), f"{said}; {mark[1]}"
    if tunnel:
        return (Sign.DENY_PAGE if status_says_no else NOT_EXPECTED_SIGNATURE), said
    if status_says_no:
        return NOT_EXPECTED_SIGNATURE, f"{said}, which a site may say as well: give the proxy's header or page"
    if head.status >= 500:  # what stands in between says these of itself, or of what stands behind
        return NOT_EXPECTED_SIGNATURE, said
    return PROXY_LETS_THROUGH, f"answered {said}"


def _said(head: Head) -> str:
    return f"{head.status} {head.reason}".strip()
