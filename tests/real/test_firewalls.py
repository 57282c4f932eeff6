"""Firewalls and routes that really say no, by nftables and iproute2 in a network namespace. Needs root."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.real

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]


class Namespace:
    """A network of its own with nothing but loopback; `refuse` adds a rule to its firewall."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *command: str, text: str | None = None) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command], input=text, capture_output=True, text=True, check=True
        )
        return done.stdout

    def refuse(self, rule: str) -> None:
        self.run(
            "nft",
            "-f",
            "-",
            text=f"table inet wall {{ chain entering {{ type filter hook input priority 0; {rule}\n}}\n}}\n",
        )

    def climb(self, kind: str, *, as_nobody: bool = False, **keys: Any) -> dict[str, Any]:
        who = NOBODY if as_nobody else []
        seen: dict[str, Any] = json.loads(
            self.run(*who, sys.executable, "-X", "dev", "-m", "tests.real.one_climb", kind, json.dumps(keys))
        )
        return seen


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    name = f"retabli-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        namespace = Namespace(name)
        namespace.run("ip", "link", "set", "lo", "up")
        yield namespace
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.parametrize(
    ("reason", "code"), [("net-prohibited", 9), ("host-prohibited", 10), ("admin-prohibited", 13)], ids=str
)
def test_a_firewall_that_says_so_is_told_from_an_unreachable_host(namespace: Namespace, reason: str, code: int) -> None:
    namespace.refuse(f"tcp dport 25 reject with icmp type {reason}")
    seen = namespace.climb("tcp", host="127.0.0.1", port=25)
    assert (seen["stage"], seen["cause"], seen["side"]) == ("connect", "admin_prohibited", "ours")
    assert seen["detail"] == f"127.0.0.1 admin_prohibited (ICMP type 3 code {code} from 127.0.0.1)"


@pytest.mark.parametrize("reason", ["net-unreachable", "host-unreachable"])
def test_an_unreachable_host_is_unreachable(namespace: Namespace, reason: str) -> None:
    namespace.refuse(f"tcp dport 25 reject with icmp type {reason}")
    assert namespace.climb("tcp", host="127.0.0.1", port=25)["cause"] == "unreachable"


def test_a_firewall_that_says_so_by_ipv6_is_told_too(namespace: Namespace) -> None:
    namespace.refuse("tcp dport 25 reject with icmpv6 type admin-prohibited")
    seen = namespace.climb("tcp", host="::1", port=25)
    assert seen["cause"] == "admin_prohibited"
    assert "ICMP type 1 code 1 from ::1" in seen["detail"]


@pytest.mark.parametrize("reason", ["with tcp reset", "with icmp type port-unreachable"])
def test_a_firewall_that_plays_the_closed_port_is_refused(namespace: Namespace, reason: str) -> None:
    namespace.refuse(f"tcp dport 25 reject {reason}")
    assert namespace.climb("tcp", host="127.0.0.1", port=25)["cause"] == "refused"


def test_a_firewall_that_drops_is_a_timeout(namespace: Namespace) -> None:
    namespace.refuse("tcp dport 25 drop")
    seen = namespace.climb("tcp", host="127.0.0.1", port=25, timeout="400ms")
    assert (seen["stage"], seen["cause"], seen["side"]) == ("connect", "timeout", "network")


def test_a_machine_without_a_route_says_unreachable(namespace: Namespace) -> None:
    assert namespace.climb("tcp", host="192.0.2.1", port=25)["cause"] == "unreachable"
    assert namespace.climb("icmp", host="192.0.2.1")["cause"] == "unreachable"
    assert namespace.climb("ntp", host="192.0.2.1")["cause"] == "unreachable"
    assert namespace.climb("tcp", host="2001:db8::1", port=25)["cause"] == "unreachable"


def test_our_own_outgoing_filter_is_our_own_permission(namespace: Namespace) -> None:
    """Linux tells a sender of datagrams that a filter of its own dropped them; of TCP's it says nothing."""
    rules = "type filter hook output priority 0\nudp dport 123 drop\nicmp type echo-request drop\ntcp dport 25 drop"
    namespace.run("nft", "-f", "-", text=f"table inet own {{ chain leaving {{ {rules}\n}}\n}}\n")
    for kind in ("ntp", "icmp"):
        seen = namespace.climb(kind, host="127.0.0.1", timeout="600ms")
        assert (seen["outcome"], seen["cause"]) == ("unknown", "local_permission"), seen
    assert namespace.climb("tcp", host="127.0.0.1", port=25, timeout="300ms")["cause"] == "timeout"


def test_a_machine_whose_ports_are_used_up_cannot_judge(namespace: Namespace) -> None:
    namespace.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40000")
    namespace.run("sysctl", "-qw", "net.ipv4.ip_local_reserved_ports=40000")
    seen = namespace.climb("tcp", host="127.0.0.1", port=25)
    assert (seen["outcome"], seen["cause"]) == ("unknown", "local_resources")


# Pings ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_a_host_is_pinged_by_root_and_by_a_user_who_may(namespace: Namespace, host: str, user: str) -> None:
    if user == "nobody":
        namespace.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    seen = namespace.climb("icmp", host=host, as_nobody=user == "nobody")
    assert seen["outcome"] == "ok"
    assert 0 < seen["measures"]["icmp_rtt"] < 1


def test_a_user_who_may_not_ping_cannot_judge_and_learns_what_to_do(namespace: Namespace) -> None:
    namespace.run("sysctl", "-qw", "net.ipv4.ping_group_range=1 0")
    seen = namespace.climb("icmp", host="127.0.0.1", as_nobody=True)
    assert (seen["outcome"], seen["cause"]) == ("unknown", "local_permission")
    assert "ping_group_range" in seen["detail"]


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_a_ping_that_a_firewall_prohibits_is_told_from_one_that_it_drops(namespace: Namespace, user: str) -> None:
    namespace.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    nobody = user == "nobody"
    namespace.refuse("ip protocol icmp icmp type echo-request reject with icmp type admin-prohibited")
    seen = namespace.climb("icmp", host="127.0.0.1", as_nobody=nobody)
    assert (seen["stage"], seen["cause"]) == ("echo", "admin_prohibited")
    namespace.run("nft", "flush", "ruleset")
    namespace.refuse("icmp type echo-request drop")
    seen = namespace.climb("icmp", host="127.0.0.1", timeout="600ms", as_nobody=nobody)
    assert (seen["stage"], seen["cause"]) == ("echo", "timeout")


def test_two_lost_pings_of_three_are_no_failure(namespace: Namespace) -> None:
    namespace.refuse("icmp type echo-request numgen inc mod 3 != 2 drop")
    seen = namespace.climb("icmp", host="127.0.0.1", timeout="900ms")
    assert seen["outcome"] == "ok"
    assert seen["measures"]["icmp_rtt"] < 0.2  # of the third alone


def test_a_time_server_behind_a_firewall_that_says_so_is_told(namespace: Namespace) -> None:
    namespace.refuse("udp dport 123 reject with icmp type admin-prohibited")
    assert namespace.climb("ntp", host="127.0.0.1")["cause"] == "admin_prohibited"
