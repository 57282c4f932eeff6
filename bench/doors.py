"""What the roads are measured on: ports on loopback, each cut and repaired at will, in a network of the bench's own."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.daemon.living import Post

FIRST = 10001  # the doors' ports, from this one on; every other port comes from EPHEMERAL
EPHEMERAL = "32768 60999"
INSIDE = "RETABLI_BENCH_IN_A_NETWORK_OF_ITS_OWN"
WALL = """
table inet bench {
  set silent { type inet_service; }
  chain entering { type filter hook input priority 0; tcp dport @silent drop; }
}
"""


class Kind(StrEnum):
    """What happens to a flow: its port refuses, or drops every packet; or a closed one's opens."""

    REFUSING = "refusing"
    SILENT = "silent"
    BREACH = "breach"


@dataclass
class Door(Post):
    """One port, of one flow. `seen`: when it was knocked at since it was last opened, in monotonic seconds."""

    kind: Kind = Kind.REFUSING
    seen: list[float] = field(default_factory=list)

    async def talk(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.append(time.monotonic())
        writer.close()

    async def stand(self) -> None:
        """As the flow's intent wants it."""
        if self.kind is not Kind.BREACH:
            await self.start()

    async def cut(self) -> None:
        if self.kind is Kind.SILENT:
            await _nft("add", self.port)
        elif self.kind is Kind.REFUSING:
            await self.stop()
        else:
            self.seen.clear()
            await self.start()

    async def repair(self) -> None:
        if self.kind is Kind.SILENT:
            await _nft("delete", self.port)
        elif self.kind is Kind.REFUSING:
            await self.start()
        else:
            await self.stop()


async def _nft(verb: str, port: int) -> None:
    words = ["nft", verb, "element", "inet", "bench", "silent", f"{{ {port} }}"]
    process = await asyncio.create_subprocess_exec(*words)
    if await process.wait() != 0:
        raise RuntimeError(" ".join(words))


def enter_own_network(module: str, arguments: Sequence[str]) -> None:
    """Go on in a network namespace that ends with this process; needs no root where users may have namespaces."""
    if INSIDE in os.environ:
        return
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *as_root, "--net", sys.executable, "-m", module, *arguments]
    os.execvpe("unshare", command, {**os.environ, INSIDE: "1"})  # noqa: S606 - no shell is wanted


def prepare_network() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(EPHEMERAL)
    subprocess.run(["nft", "-f", "-"], input=WALL, text=True, check=True)
