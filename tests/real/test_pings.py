"""Pings in a network of the test's own, by a process that sleeps while the answer comes. Needs root."""

import asyncio
import itertools
import socket
import time

import pytest

from retabli.net.ping import echo, ping_socket
from tests.hostile.island import THEY, Send, island
from tests.hostile.servers.icmp import Echo

pytestmark = pytest.mark.real

RHYTHM, SLEEP = 0.2, 1.0  # seconds between requests, and of this process's sleep, in which all of them are over


@pytest.mark.parametrize("which", [1, 3], ids=["first", "last"])
@pytest.mark.parametrize("ping_sockets", [True, False], ids=["ping", "raw"])
async def test_an_answer_that_comes_while_we_sleep_is_an_answer(which: int, ping_sockets: bool) -> None:
    """Else a silence of ours would be taken for a door that is shut."""
    asked = itertools.count(1)

    def partner(packet: bytes, send: Send) -> None:
        request = Echo.read(packet)
        if request is not None and next(asked) == which:
            asyncio.get_running_loop().call_later(RHYTHM / 2, send, request.answer.packet())

    async def pinging() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later((which - 1) * RHYTHM + RHYTHM / 4, time.sleep, SLEEP)
        with ping_socket(socket.AF_INET) as sock:
            return await echo(sock, (THEY, 0), RHYTHM)

    async with island(partner, ping_sockets=ping_sockets) as ground:
        assert 0 < await ground.run(pinging) < SLEEP + 3 * RHYTHM
