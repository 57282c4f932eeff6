"""The kind `icmp`. Pings loopback with whatever sockets this machine allows; firewalls and losses are in tests/real."""

import errno
import socket
from pathlib import Path

import pytest

from probes.icmp import ECHO, Icmp
from retabli.model import causes, stages
from retabli.model.ladder import Fall
from retabli.model.result import Measure, Outcome
from retabli.net import ping
from retabli.net.ping import answered, checksum, ping_socket, request
from tests.climbing import climb, settings
from tests.net.name_server import name_server


def may_ping() -> bool:
    try:
        ping_socket(socket.AF_INET).close()
    except Fall:
        return False
    return True


def has_ipv6() -> bool:
    return Path("/proc/net/if_inet6").is_file() and bool(Path("/proc/net/if_inet6").read_text())


needs_ping = pytest.mark.skipif(not may_ping(), reason="this user may not ping")


@needs_ping
@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6"))]
)
async def test_a_host_that_answers_is_ok_and_its_round_trip_measured(host: str) -> None:
    result = await climb(settings(Icmp, host=host))
    assert (result.outcome, result.stage, result.rung) == (Outcome.OK, ECHO, 2), result
    assert 0 < result.measures[Measure.ICMP_RTT] < 1
    assert result.measures[Measure.IP_PROTOCOL] == (6 if ":" in host else 4)
    assert set(result.measures) >= {Measure.ICMP_SETUP, Measure.ICMP_RESOLVE}


@needs_ping
async def test_of_a_host_with_both_families_one_is_enough() -> None:
    async with name_server({("both.test", "A"): ["127.0.0.1"], ("both.test", "AAAA"): ["2001:db8::dead"]}) as server:
        resolver = {"nameservers": ["127.0.0.1"], "port": server.port}
        result = await climb(settings(Icmp, host="both.test", resolver=resolver))
    assert result.outcome is Outcome.OK
    assert result.properties["address"] == "127.0.0.1"


async def test_a_user_who_may_not_ping_learns_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> socket.socket:
        raise Fall(causes.LOCAL_PERMISSION, errno.errorcode[errno.EPERM])

    monkeypatch.setattr(ping, "open_socket", forbidden)
    result = await climb(settings(Icmp, host="127.0.0.1"))
    assert (result.outcome, result.stage, result.cause) == (Outcome.UNKNOWN, ECHO, causes.LOCAL_PERMISSION)
    assert "net.ipv4.ping_group_range" in result.detail


async def test_a_name_that_does_not_exist_falls_on_the_rung_below() -> None:
    async with name_server({}) as server:
        resolver = {"nameservers": ["127.0.0.1"], "port": server.port}
        result = await climb(settings(Icmp, host="nobody.test", resolver=resolver))
    assert (result.stage, result.cause) == (stages.RESOLVE, causes.NXDOMAIN)


def test_the_checksum_is_that_of_rfc_1071() -> None:
    packet = bytes.fromhex("0800000012340001") + b"abcd"
    whole = packet[:2] + checksum(packet).to_bytes(2) + packet[4:]
    assert checksum(whole) == 0


def test_only_an_answer_that_bears_our_token_counts() -> None:
    token = b"0123456789abcdef"

    class Ping:
        family, type = socket.AF_INET, socket.SOCK_DGRAM

    ours = b"\x00" + request(Ping, token, 1)[1:]  # type: ignore[arg-type]
    assert answered(Ping, ours, token) == 1  # type: ignore[arg-type]
    assert answered(Ping, request(Ping, token, 1), token) is None  # type: ignore[arg-type]
    assert answered(Ping, b"\x00" + request(Ping, token, -1)[1:], token) is None  # type: ignore[arg-type]
    assert answered(Ping, ours, b"another token!!!") is None  # type: ignore[arg-type]
    assert answered(Ping, ours[:12], token) is None  # type: ignore[arg-type]
    assert answered(Ping, b"", token) is None  # type: ignore[arg-type]
