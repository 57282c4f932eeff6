"""Doors of this machine and one try at them: what the tests of containment share."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from probes.containment import Containment
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from tests.climbing import climb, settings
from tests.net.peers import (
    closed_port,
)
from tests.net.web_servers import page

HERE = "127.0.0.1"
DECLARED = {"declared": "the canary's owner says so"}
BLOCKED = page("<h1>Blocked by policy</h1>", "X-Filter: deny 7", status="403 Forbidden")
TUNNEL = {"domain": "t.test", "expect": "OUTSIDE", "inside_name": "gw.test"}


def shut(port: int | None = None, **keys: Any) -> dict[str, Any]:
    """One attempt at a door of this machine: a closed one when no port is given."""
    return {"attempts": [{"to": HERE, "port": closed_port() if port is None else port, **keys}]}


async def tried(timeout: str = "2s", *, context: dict[str, Any] | None = None, **keys: Any) -> Result:
    return await climb(settings(Containment, timeout=timeout, context=context, **keys))


def fell(result: Result) -> tuple[Outcome, str | None, Cause | None]:
    return result.outcome, result.stage.id if result.stage else None, result.cause


@contextlib.contextmanager
def unheard() -> Iterator[int]:
    """A port whose owner takes nothing more: what is sent there is dropped, as by a wall."""
    with socket.create_server((HERE, 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                knock = stack.enter_context(socket.socket())
                knock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    knock.connect((HERE, port))
            yield port


@contextlib.contextmanager
def mute_datagrams() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))
        yield sock.getsockname()[1]
