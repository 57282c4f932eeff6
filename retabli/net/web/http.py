"""Fetches one address over HTTP as the ladder climbs it: hop by hop, bounded, and never where it was not sent."""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import httpx

from retabli import __version__
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Measure
from retabli.model.settings import Proxy, Resolver, Tls
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.tls import server_name_of
from retabli.net.web.http_issuer import as_intercepted, issuer_of, judge_issuer
from retabli.net.web.http_messages import Head
from retabli.net.web.http_redirects import PORTS, REDIRECTS, Follow, Onward, judge_redirected_address, onward, place
from retabli.net.web.http_transport import ACCEPTED, Transport, read_body
from retabli.net.web.proxy import Doubt, credentials, open_through, open_to_proxy
from retabli.net.web.proxy_causes import PROXY_DENIED, as_passed_on, denied_by_status_alone, judge_forwarded

USER_AGENT = f"Retabli/{__version__} (+monitoring probe)"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask for, and how. `headers` are the operator's own; `final` says whether a redirecting status is
    itself what is wanted, and so not followed. `issuer` is a part of what the certificate's issuer must be. `tunnel`:
    a proxy is asked for a tunnel to a plain site too, as WebSocket wants it (RFC 6455, 4.1). Sizes in bytes."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    user_agent: str = USER_AGENT
    tls: Tls = field(default_factory=Tls)
    proxy: Proxy | None = None
    resolver: Resolver | None = None
    follow: Follow = "same_host"
    most: int = 1_048_576
    issuer: str | None = None
    sinkholes: tuple[Network, ...] = ()
    final: Callable[[int], bool] = lambda _: False
    tunnel: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """The last answer. `body` is decoded and cut at `Ask.most` (then `cut`); `url` is where it came from.

    `issuer` is the certificate's, "" without TLS. `tunnelled`: TLS was spoken to the site itself, or to a proxy that
    reads along. `stopped` is why a redirect was not followed, if so.
    """

    head: Head
    headers: httpx.Headers
    body: bytes
    cut: bool
    url: str
    redirects: int
    issuer: str
    tunnelled: bool
    stopped: tuple[Cause, str] | None

    @property
    def status(self) -> int:
        return self.head.status


async def fetch(
    ladder: Ladder,
    url: str,
    ask: Ask,
    judge: Callable[[Fetched], None] = lambda _: None,
    opened: Callable[[Connection], Awaitable[Fields]] | None = None,
) -> Fetched:
    """Climb RESOLVE, CONNECT, [PROXY], [TLS], REQUEST and RESPONSE, once a hop; rungs of hops are one rung each.

    Redirects are followed on the same host only, from http to https and never back, unless `follow` says otherwise;
    never to this machine or its link (RFC 9110, 15.4, leaves it to us). A proxy's own answer is a fall of RESPONSE
    where it is not one of PROXY: to a plain site there is no CONNECT.

    `judge` is shown the last answer while its time still counts as RESPONSE's, and may raise a Fall. `opened` is
    awaited with each connection before anything is asked on it; it may climb rungs of its own, and gives the fields
    that the request bears besides.

    Raises:
        Fall: the causes of each rung.
    """
    trip = _Trip(ladder, ask, judge, opened)
    try:
        fetched = await trip.run(_parsed(url))
    finally:
        trip.measure()
    for stage in (stages.PROXY, stages.TLS):
        if ladder.spent(stage) is None:
            ladder.skip(stage)
    return fetched


@lru_cache(maxsize=16_384)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def _own_fields(host: bytes, user_agent: str) -> Fields:
    """What every request says, unless its configuration says otherwise."""
    return (
        ("Host", host.decode("ascii")),
        ("User-Agent", user_agent),
        ("Accept", "*/*"),
        ("Accept-Encoding", ACCEPTED),
    )


@lru_cache(maxsize=16_384)
def _plain_headers(host: bytes, user_agent: str) -> httpx.Headers:
    """Nothing else, as most requests are. httpx copies them into each request: what is added there stays there."""
    return httpx.Headers(_own_fields(host, user_agent))


class _Trip:
    """One fetch: its hops, and what they took."""

    def __init__(
        self,
        ladder: Ladder,
        ask: Ask,
        judge: Callable[[Fetched], None] = lambda _: None,
        opened: Callable[[Connection], Awaitable[Fields]] | None = None,
    ) -> None:
        self.ladder = ladder
        self.ask = ask
        self.judge = judge
        self.opened = opened
        self.jar: httpx.Cookies | None = None
        self.first_address: str | None = None  # that was asked for, not redirected to
        self.redirects = 0
        self.processing: float | None = None
        self.transfer: float | None = None
        self.sent_at = 0.0
        self.begun_at = 0.0

    async def run(self, url: httpx.URL) -> Fetched:
        request = self._request(url, self.ask.method, for_its_host=True)
        while True:
            fetched, onward_request = await self._hop(request)
            if onward_request is None:
                return fetched
            self.redirects += 1
            request = onward_request

    def measure(self) -> None:
        """Phases as in blackbox_exporter's `probe_http_duration_seconds`, in seconds, hops together."""
        spent = self.ladder.spent
        connect = [seconds for seconds in (spent(stages.CONNECT), spent(stages.PROXY)) if seconds is not None]
        for measure, seconds in (
            (Measure.HTTP_RESOLVE, spent(stages.RESOLVE)),
            (Measure.HTTP_CONNECT, sum(connect) if connect else None),
            (Measure.HTTP_TLS, spent(stages.TLS)),
            (Measure.HTTP_PROCESSING, self.processing),
            (Measure.HTTP_TRANSFER, self.transfer),
        ):
            if seconds is not None:
                self.ladder.measure(measure, seconds)
        self.ladder.measure(Measure.HTTP_REDIRECTS, self.redirects)

    # One hop --------------------------------------------------------------------------------------------------------

    async def _hop(self, request: httpx.Request) -> tuple[Fetched, httpx.Request | None]:
        ladder, proxy = self.ladder, self.ask.proxy
        connection = await self.open(request.url)
        try:
            if self.opened is not None:
                request.headers.update(await self.opened(connection))
            if proxy is None:
                outcome = await self._exchange(connection, request)
            elif request.url.scheme == "https":
                with ladder.told_as(as_passed_on(proxy, lambda: False)):
                    outcome = await self._exchange(connection, request)
            else:
                async with Doubt(proxy, self.ask.resolver) as doubt:
                    with ladder.told_as(as_passed_on(proxy, doubt.hangs)):
                        outcome = await self._exchange(connection, request)
        except BaseException:
            connection.abort()
            raise
        await connection.close()
        return outcome

    async def _exchange(self, connection: Connection, request: httpx.Request) -> tuple[Fetched, httpx.Request | None]:
        ladder, ask = self.ladder, self.ask
        forwarded = ask.proxy is not None and request.url.scheme == "http"
        transport = Transport(connection, absolute=forwarded, most=2 * ask.most, answer_begins=self._answer_begins)
        with ladder.rung(stages.REQUEST):
            self.sent_at = ladder.clock()
            if forwarded and ask.proxy is not None and (presented := credentials(ask.proxy)):
                request.headers[presented[0].decode()] = presented[1].decode()
            await transport.send(request)
        with ladder.rung(stages.RESPONSE):
            response = await transport.receive(request)
            assert transport.head is not None  # noqa: S101 - it was just received
            self._note(transport.head, connection)
            body, cut = await read_body(response, ask.most)
            self.transfer = (self.transfer or 0.0) + ladder.until(self.begun_at) - self.begun_at
            fetched = self._fetched(connection, request, response, transport.head, body, cut)
            if ask.proxy is not None:
                judge_forwarded(
                    ask.proxy,
                    fetched.head,
                    body,
                    tunnelled=connection.tls is not None,
                    presented=ask.proxy.user is not None,
                )
            return self._onward(fetched, request, response)

    def _onward(
        self, fetched: Fetched, request: httpx.Request, response: httpx.Response
    ) -> tuple[Fetched, httpx.Request | None]:
        if fetched.status in REDIRECTS and not self.ask.final(fetched.status):
            found = onward(request, response, self.ask.follow, self.redirects, self.first_place)
            if isinstance(found, Onward):
                following = self._request(found.url, found.method, for_its_host=found.same)
                self._carry_cookies(response, following)
                return fetched, following
            fetched = replace(fetched, stopped=found)
        self.judge(fetched)
        return fetched, None

    def _carry_cookies(self, response: httpx.Response, following: httpx.Request) -> None:
        """Many sites set a cookie and send us back to where we came from."""
        if self.jar is None and "set-cookie" not in response.headers:
            return
        self.jar = httpx.Cookies() if self.jar is None else self.jar
        self.jar.extract_cookies(response)
        self.jar.set_cookie_header(following)

    def _fetched(
        self,
        connection: Connection,
        request: httpx.Request,
        response: httpx.Response,
        head: Head,
        body: bytes,
        cut: bool,
    ) -> Fetched:
        return Fetched(
            head=head,
            headers=response.headers,
            body=body,
            cut=cut,
            url=str(request.url),
            redirects=self.redirects,
            issuer=issuer_of(connection),
            tunnelled=connection.tls is not None,
            stopped=None,
        )

    def _answer_begins(self) -> None:
        self.begun_at = self.ladder.until(self.sent_at)
        self.processing = (self.processing or 0.0) + self.begun_at - self.sent_at

    def _note(self, head: Head, connection: Connection) -> None:
        self.ladder.measure(Measure.HTTP_STATUS, head.status)
        self.ladder.measure(Measure.HTTP_VERSION, float(head.version))
        self.ladder.measure(Measure.HTTP_SSL, float(connection.tls is not None))

    async def open(self, url: httpx.URL) -> Connection:
        """A connection on which the site's own HTTP is spoken, judged as far as it can be before that."""
        if self.ask.issuer is None or url.scheme == "http":
            return await self._opened(url)
        with self.ladder.told_as(as_intercepted(self.ask.issuer)):
            connection = await self._opened(url)
        try:
            with self.ladder.rung(stages.TLS):
                judge_issuer(connection, self.ask.issuer)
        except Fall:
            connection.abort()
            raise
        return connection

    async def _opened(self, url: httpx.URL) -> Connection:
        ask, ladder = self.ask, self.ladder
        host = url.raw_host.decode("ascii")
        port = url.port or PORTS[url.scheme]
        if ask.proxy is not None and url.scheme == "http" and not ask.tunnel:
            return await open_to_proxy(ladder, ask.proxy, ask.resolver)
        if ask.proxy is not None:
            tls = ask.tls if url.scheme == "https" else None
            return await open_through(
                ladder, ask.proxy, host, port, resolver=ask.resolver, tls=tls, user_agent=ask.user_agent
            )
        screen = self._screen if self.redirects or ask.sinkholes else None
        connection = await open_connection(ladder, host, port, resolver=ask.resolver, screen=screen)
        if self.first_address is None:
            self.first_address = connection.address
        if url.scheme == "https":
            try:
                await connection.start_tls(ladder, ask.tls, server_name_of(host, ask.tls))
            except BaseException:
                connection.abort()
                raise
        return connection

    @property
    def first_place(self) -> str | None:
        return place(self.first_address) if self.first_address is not None else None

    def _screen(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            parsed = ipaddress.ip_address(address.partition("%")[0])
            if any(parsed.version == network.version and parsed in network for network in self.ask.sinkholes):
                raise Fall(causes.SINKHOLE, address)
            if self.redirects:
                judge_redirected_address(address, self.first_place)

    def _request(self, url: httpx.URL, method: str, *, for_its_host: bool) -> httpx.Request:
        """`for_its_host`: it may be sent what the operator meant for that host only."""
        headers = _plain_headers(url.netloc, self.ask.user_agent)
        if for_its_host and self.ask.headers:
            names = {name.lower() for name, _ in self.ask.headers}
            own = [field for field in _own_fields(url.netloc, self.ask.user_agent) if field[0].lower() not in names]
            headers = httpx.Headers([*own, *self.ask.headers])
        body = self.ask.body if method not in ("GET", "HEAD") else b""
        return httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(body))


async def open_site(ladder: Ladder, url: str, ask: Ask) -> Connection:
    """A connection on which the site is spoken to, as `fetch` climbs to it: for protocols that begin as HTTP.

    Raises:
        Fall, OSError: as `fetch`.
    """
    return await _Trip(ladder, ask).open(_parsed(url))


async def reach(ladder: Ladder, url: str, ask: Ask) -> None:
    """Climb to an address as far as it shows whether we may go there: TLS, and nothing is asked for.

    A plain site behind a proxy is only met by asking: its header is asked for, and any answer of its own will do.

    Raises:
        Fall, OSError: as `fetch`.
    """
    proxy = ask.proxy
    if proxy is not None and _parsed(url).scheme == "http":

        def judge(fetched: Fetched) -> None:
            if (denied := denied_by_status_alone(proxy, fetched.head)) is not None:
                raise Fall(PROXY_DENIED, denied)

        await fetch(ladder, url, replace(ask, method="HEAD", headers=(), follow="nowhere"), judge)
        return
    connection = await open_site(ladder, url, ask)
    await connection.close()
