"""The server: binds before anything else starts, serves in the daemon's own loop, and leaves within seconds."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

GRACE = 3.0  # seconds that answers under way are given at the end


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


class Web:
    """A part of the daemon. `leaving` is called when it stops: it ends the streams that would not end by themselves."""

    def __init__(self, app: ASGIApp, host: str, port: int, *, leaving: Callable[[], None] = lambda: None) -> None:
        self._app = app
        self._host, self._port = host, port
        self._leaving = leaving
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
                made.listen(1024)
            except OSError:
                made.close()
                raise
            made.setblocking(False)
            self._socket, self._port = made, made.getsockname()[1]
        return self.url

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    async def run(self) -> None:
        """Serve until cancelled; then let go within GRACE seconds, whoever still listens."""
        self.bind()
        assert self._socket is not None  # noqa: S101 - just bound
        config = uvicorn.Config(
            self._app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(GRACE),
            timeout_keep_alive=75,
            limit_concurrency=2000,
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
