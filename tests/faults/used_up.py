"""Climbs in a network of its own whose two ephemeral ports are in use: `python -m tests.faults.used_up`.

Prints a JSON object from what was tried to the cause that it ended by.
"""

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

from probes import kind
from tests.climbing import climb, settings

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
PORT = 2000  # of the partner, outside the range


async def main() -> None:
    RANGE.write_text("40000 40001\n")
    found = {}
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", PORT)))
        server.setblocking(False)
        for _ in range(2):
            held.enter_context(socket.create_connection(("127.0.0.1", PORT)))
        for port in (40000, 40001):
            datagrams = held.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            datagrams.bind(("127.0.0.1", port))
        probes: dict[str, dict[str, Any]] = {
            "tcp": {"host": "127.0.0.1", "port": PORT},
            "dns": {"name": "chu.example", "resolver": {"nameservers": ["127.0.0.1"]}},
            "ntp": {"host": "127.0.0.1"},
            "containment": {
                "attempts": [{"to": "127.0.0.1", "port": PORT}],
                "control": {"path": {"to": "127.0.0.1", "port": PORT}, "alive": {"declared": True}},
            },
        }
        for name, keys in probes.items():
            result = await climb(settings(kind(name), **keys))
            found[name] = [result.outcome.value, result.cause.code if result.cause else None, result.detail]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
