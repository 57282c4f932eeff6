"""The daemon's own link in a network of the test's own: a pulled cable, a dead gateway, a lost route."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

LOOK = """
import asyncio
from retabli.own_link import OwnLink
from tests.climbing import climb
result = asyncio.run(climb(OwnLink(every=1.0, timeout=1.0)))
print(result.cause.code if result.cause else "holds")
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def network() -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a cable: ours with a default route, the gateway's."""
    ours, gateway = f"rl-{os.getpid()}-a", f"rl-{os.getpid()}-b"
    ip("netns", "add", ours)
    ip("netns", "add", gateway)
    try:
        ip("link", "add", "cable", "netns", ours, "type", "veth", "peer", "name", "far", "netns", gateway)
        for name, end, address in ((ours, "cable", "192.0.2.2/24"), (gateway, "far", "192.0.2.1/24")):
            ip("-n", name, "addr", "add", address, "dev", end)
            ip("-n", name, "link", "set", end, "up")
        ip("-n", ours, "route", "add", "default", "via", "192.0.2.1")
        yield ours, gateway
    finally:
        ip("netns", "del", ours)
        ip("netns", "del", gateway)


def look(namespace: str) -> str:
    root = Path(__file__).parents[2]
    words = ["ip", "netns", "exec", namespace, sys.executable, "-c", LOOK]
    return subprocess.run(words, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def ping(namespace: str) -> None:
    """Traffic as the probes make it: what keeps the kernel's neighbour table honest."""
    code = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(4); s.connect(('203.0.113.9', 9))"
    code += "\ntry:\n s.send(b'x'); s.recv(1)\nexcept OSError: pass"
    subprocess.run(["ip", "netns", "exec", namespace, sys.executable, "-c", code], check=True)


def test_a_gateway_that_answers_holds(network: tuple[str, str]) -> None:
    ping(network[0])
    assert look(network[0]) == "holds"


def test_a_pulled_cable_is_a_link_down(network: tuple[str, str]) -> None:
    ip("-n", network[1], "link", "set", "far", "down")
    assert look(network[0]) == "link_down"


def test_a_gateway_that_is_gone_is_silent_once_something_was_sent(network: tuple[str, str]) -> None:
    ip("-n", network[1], "addr", "del", "192.0.2.1/24", "dev", "far")
    ping(network[0])
    assert look(network[0]) == "gateway_silent"


def test_a_lost_default_route_is_told(network: tuple[str, str]) -> None:
    ip("-n", network[0], "route", "del", "default")
    assert look(network[0]) == "no_route"
