"""A metrics engine on loopback whose answers to instant queries are written out by the test, most of them wrong."""

import contextlib
import json
import ssl
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.net.peers import Handler
from tests.net.web_servers import listening, page


@dataclass
class Engine:
    """A running engine: the queries that it got (`query`, and `time` of the second), and the heads of the requests."""

    port: int = 0
    scheme: str = "http"
    queries: list[dict[str, str]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"


def api(answer: object, status: str = "200 OK") -> bytes:
    """An answer of the API."""
    body = answer if isinstance(answer, str) else json.dumps(answer)
    return page(body, status=status).replace(b"text/html", b"application/json")


def error(kind: str, text: str, status: str) -> bytes:
    return api({"status": "error", "errorType": kind, "error": text}, status)


def result(kind: str, value: object, **more: object) -> bytes:
    return api({"status": "success", "data": {"resultType": kind, "result": value}, **more})


def vector(*values: str, at: float | None = None, labels: dict[str, str] | None = None, **more: object) -> bytes:
    """An instant vector with these values, evaluated now or at a Unix time."""
    now = round(time.time() if at is None else at, 3)
    metric = {"__name__": "retabli_flow_restored", **(labels or {"flow": "mail-out"})}
    series: list[Any] = [{"metric": metric, "value": [now, value]} for value in values]
    return result("vector", series, **more)


def sampled(seconds_ago: float) -> bytes:
    """The answer to the second query: when the oldest sample was taken."""
    return vector(f"{time.time() - seconds_ago:.3f}")


@contextlib.asynccontextmanager
async def engine(
    answer: bytes | Handler, times: bytes | Handler | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Engine]:
    """Gives `answer` to a query, and `times` to the one that asks for the samples' age: 1 second by default."""
    running = Engine(scheme="https" if tls is not None else "http")

    async def converse(reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        running.heads.append(head)
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        form = parse_qs((await reader.readexactly(length)).decode()) if length else {}
        asked = {name: values[0] for name, values in form.items()}
        running.queries.append(asked)
        if not head.startswith(b"POST /api/v1/query HTTP/1.1\r\n"):
            chosen: bytes | Handler = page("not here", status="404 Not Found")
        else:
            chosen = (times or sampled(1.0)) if "time" in asked else answer
        if isinstance(chosen, bytes):
            writer.write(chosen)
            await writer.drain()
        else:
            await chosen(reader, writer)

    async with listening(converse, tls) as port:
        running.port = port
        yield running
