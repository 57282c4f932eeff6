"""The application served by a real server on loopback, and a client of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from retabli.view import View
from retabli.web import Web, build
from tests.web.hospital import outlets
from tests.web.on_call import Board


@dataclass
class Served:
    view: View
    web: Web
    board: Board
    client: httpx.AsyncClient
    task: "asyncio.Task[None]"
    loaded: list[Sequence[str]] = field(default_factory=list)


@asynccontextmanager
async def serving(*, desk: bool = False, tls: ssl.SSLContext | None = None, **keys: Any) -> AsyncIterator[Served]:
    """`desk`: there is somebody to hear those on call."""
    view, metrics = outlets()
    board = Board(view)
    keys |= {"on_call": board} if desk else {}
    web = Web(build(view, metrics, **keys), "127.0.0.1", 0, leaving=view.close, tls=tls)
    url = web.bind()
    task = asyncio.create_task(web.run())
    await web.up.wait()
    try:
        async with httpx.AsyncClient(base_url=url, headers={"accept": "text/html"}, trust_env=False) as client:
            yield Served(view, web, board, client, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
