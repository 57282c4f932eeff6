"""What the benchmarks probe: real sockets on loopback, in a process of their own so that its CPU is not ours.

`python -m bench.targets SILENT` prints the ports as JSON and serves until its standard input is closed.
"""

import asyncio
import json
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import PIPE, Popen

PORTS = 8  # that answer; many flows share one


@dataclass(frozen=True, slots=True)
class Targets:
    """Ports on 127.0.0.1. A silent one drops every SYN: its queue of connections is full, and nobody takes any."""

    answering: tuple[int, ...]
    silent: tuple[int, ...]


def raise_descriptors() -> int:
    """As many descriptors as this process may have. Returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextmanager
def serving(silent: int) -> Iterator[Targets]:
    """The targets, for as long as the block lasts."""
    command = [sys.executable, "-m", "bench.targets", str(silent)]
    with Popen(command, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield Targets(tuple(told["answering"]), tuple(told["silent"]))
        finally:
            process.stdin.close()


def fill() -> tuple[socket.socket, socket.socket]:
    """A listener that accepts nothing any more, and what fills it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    filler = socket.create_connection(listener.getsockname())
    return listener, filler


async def main(silent: int) -> None:
    raise_descriptors()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    servers = [await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1024) for _ in range(PORTS)]
    filled = [fill() for _ in range(silent)]
    ports = {
        "answering": [server.sockets[0].getsockname()[1] for server in servers],
        "silent": [listener.getsockname()[1] for listener, _ in filled],
    }
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
