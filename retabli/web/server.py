"""The server: binds before anything else starts, serves in the daemon's own loop, and leaves within seconds."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from retabli.net.descriptors import KEPT_FROM_BROWSERS, is_spare

GRACE = 3.0  # seconds that answers under way are given at the end
BACKLOG = 128  # connections that wait to be taken; as often asyncio tries again to take one when it has no descriptor
OPENING = 30.0  # seconds in which the first request of a connection has to have its headers


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own handling of signals: they are the daemon's."""

    def __init__(self, config: uvicorn.Config, up: asyncio.Event) -> None:
        super().__init__(config)
        self._up = up

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._up.set()


class _Handshakes:
    """The context that the server listens with: each handshake is given the certificate of that moment."""

    def __init__(self, current: ssl.SSLContext) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.sni_callback = self._choose
        self._current = current
        self.adopt(current)

    def adopt(self, current: ssl.SSLContext) -> None:
        self._current = current
        self.context.minimum_version = current.minimum_version  # of which the handshake asks the one it began with

    def _choose(self, session: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _with: ssl.SSLContext) -> None:
        session.context = self._current


class _Patient(HttpToolsProtocol):
    """A connection whose first request does not come is closed, as between two requests: nobody holds a place.

    Nor does anybody have one of the last descriptors, which pages and the state need.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._opening = self.loop.call_later(OPENING, self.transport.close)
        if not is_spare(transport.get_extra_info("socket").fileno(), KEPT_FROM_BROWSERS):
            transport.abort()

    def on_headers_complete(self) -> None:
        self._opening.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._opening.cancel()
        super().connection_lost(exc)


class Web:
    """A part of the daemon. `leaving` is called when it stops: it ends the streams that would not end by themselves.

    `tls`: with this context's certificate, until `adopt` gives another; None: in clear.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        leaving: Callable[[], None] = lambda: None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._app = app
        self._host, self._port = host, port
        self._leaving = leaving
        self._handshakes = _Handshakes(tls) if tls is not None else None
        self._socket: socket.socket | None = None
        self.up = asyncio.Event()

    def bind(self) -> str:
        """Take the address, once; `port` 0 takes a free one. Gives the URL.

        Raises:
            OSError: it is taken, or not ours.
        """
        if self._socket is None:
            family, kind, number, _, address = socket.getaddrinfo(
                self._host or None, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            made = socket.socket(family, kind, number)
            try:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind(address)
                made.listen(BACKLOG)
            except OSError:
                made.close()
                raise
            made.setblocking(False)
            self._socket, self._port = made, made.getsockname()[1]
        return self.url

    def adopt(self, tls: ssl.SSLContext) -> None:
        """Its certificate from the next handshake on. Whether there is TLS at all is decided once, at the start."""
        if self._handshakes is not None:
            self._handshakes.adopt(tls)

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104
        scheme = "http" if self._handshakes is None else "https"
        return f"{scheme}://[{host}]:{self._port}" if ":" in host else f"{scheme}://{host}:{self._port}"

    async def run(self) -> None:
        """Serve until cancelled; then let go within GRACE seconds, whoever still listens."""
        self.bind()
        assert self._socket is not None  # noqa: S101 - just bound
        handshakes = self._handshakes
        config = uvicorn.Config(
            self._app,
            http=_Patient,
            proxy_headers=False,  # what a proxy says is judged by the gate, and by no variable of the environment
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(GRACE),
            timeout_keep_alive=75,
            backlog=BACKLOG,
            limit_concurrency=2000,
            ssl_context_factory=None if handshakes is None else lambda _config, _default: handshakes.context,
        )
        server = _Uvicorn(config, self.up)
        serving = asyncio.create_task(server.serve(sockets=[self._socket]), name="web server")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            self._leaving()
            await asyncio.wait({serving}, timeout=GRACE + 1)
            serving.cancel()
            raise
        finally:
            self.up.clear()
            self._socket.close()
            self._socket = None
