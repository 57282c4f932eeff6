"""A network of one thread's own, at whose only cable (a tun device) the tests stand and answer by hand. Needs root."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import struct
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from retabli.model.probe import Probe
from retabli.model.result import Result
from tests.climbing import climb
from tests.net.peers import echoing, serving

NEW_NETWORK = 0x40000000  # CLONE_NEWNET (unshare(2))
TUNNEL, SET_NAME = 0x1001, 0x400454CA  # IFF_TUN | IFF_NO_PI, TUNSETIFF (<linux/if_tun.h>)
WE, WE6 = "192.0.2.1", "2001:db8::1"
THEY, THEY6 = "192.0.2.2", "2001:db8::2"
ELSEWHERE, ELSEWHERE6 = "192.0.2.66", "2001:db8::66"
_BUILT = f"""
link set lo up
addr add {WE}/24 dev cable
addr add {WE6}/64 dev cable nodad
link set cable up
"""

T = TypeVar("T")
Send = Callable[[bytes], None]
Partner = Callable[[bytes, Send], None]  # given a packet of ours, and what sends one to us


@dataclass
class Island:
    """`climb` runs a probe there, beside a port that echoes; the partner is given every packet that leaves."""

    thread: ThreadPoolExecutor

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """In an event loop of its own, there."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, lambda: asyncio.run(work()))

    async def climb(self, probe: Callable[[int], Probe], host: str) -> Result:
        async def climbing() -> Result:
            async with serving(echoing, host=host) as port:
                return await climb(probe(port))

        return await self.run(climbing)


@contextlib.asynccontextmanager
async def island(partner: Partner, *, ping_sockets: bool) -> AsyncIterator[Island]:
    """`ping_sockets`: whether anybody may ping there; where nobody may, root does by raw sockets."""
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, thread_name_prefix="island")
    try:
        with await loop.run_in_executor(thread, _build, ping_sockets) as cable:
            loop.add_reader(cable, _pass_on, cable, partner)
            try:
                yield Island(thread)
            finally:
                loop.remove_reader(cable)
    finally:
        thread.shutdown()  # the network ends with its last thread


def _build(ping_sockets: bool) -> FileIO:
    """Leave every other network for good, and lay the cable."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    cable = FileIO("/dev/net/tun", "r+", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK))
    fcntl.ioctl(cable, SET_NAME, struct.pack("16sH22x", b"cable", TUNNEL))
    subprocess.run(["ip", "-batch", "-"], input=_BUILT, text=True, check=True, capture_output=True)
    if ping_sockets:
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
    return cable


def _pass_on(cable: FileIO, partner: Partner) -> None:
    def send(packet: bytes) -> None:
        if not cable.closed:  # else the island is gone
            with contextlib.suppress(OSError):  # what is no packet, the kernel does not take
                cable.write(packet)

    packet = cable.read(65_536)
    if packet:
        partner(packet, send)
