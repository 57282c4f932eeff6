"""The kind `containment` at a real border: namespaces, nftables, Squid, unbound; each combination with its state."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.real.border import (
    CANARY,
    CANARY6,
    FORWARDS,
    GATEWAY,
    GATEWAY6,
    INSIDE_NAMES,
    OUTSIDE_NAMES,
    PORT,
    REFUSES,
    TUNNEL,
    Border,
    border,
)

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("nft") is None, reason="nftables is not installed")]

PATH = [{"to": GATEWAY, "port": 443}, {"to": GATEWAY6, "port": 443}]
ALIVE = {"promql": {"url": f"http://{GATEWAY}:9090", "query": 'canary_up{port="443"}'}}
CONTROL = {"path": PATH, "alive": ALIVE}
BOTH = [CANARY, CANARY6]
RESOLVER = {"nameservers": [GATEWAY]}
PROXIES = {"main": {"url": f"http://{GATEWAY}:3128", "denied": {"header": "X-Squid-Error: ERR_ACCESS_DENIED"}}}


@pytest.fixture(scope="module")
def place() -> Iterator[Border]:
    with border() as made:
        yield made


@pytest.fixture
def running(place: Border) -> Iterator[ExitStack]:
    """What a test starts ends with it, and then the border is whole and open again."""
    place.rule()
    with ExitStack() as stack:
        yield stack
    place.mend()
    place.rule()
    place.own_rule()
    place.reject_at_the_target()


@pytest.fixture
def canary(place: Border, running: ExitStack) -> None:
    running.enter_context(place.outsiders(place.outside, "tcp:443", "tcp:80", "udp:123", "udp:443"))


def ways(to: Any = CANARY, port: int = PORT, more: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    return {"attempts": [{"to": to, "port": port, **(more or {})}], "control": CONTROL, "timeout": "1500ms", **keys}


def gave(seen: dict[str, Any]) -> tuple[str, str | None]:
    """The state that the flow has after the last round, and what that round fell from."""
    return seen["state"], seen["rounds"][-1]["cause"]


def inside_resolver(place: Border, running: ExitStack, more: str = "") -> None:
    running.enter_context(place.unbound(place.firewall, GATEWAY, GATEWAY6, rest=INSIDE_NAMES + more))


# The eight combinations -------------------------------------------------------------------------------------------


OPEN = ""
DROP = "tcp dport 443 drop"
RESET = "tcp dport 443 reject with tcp reset"
PROHIBITED = "reject with icmpx type admin-prohibited"

COMBINATIONS = {
    "open": (OPEN, {"to": BOTH}, "breached", "answered"),
    "drop": (DROP, {"to": BOTH}, "contained", None),
    "reject_with_tcp_reset": (RESET, {"to": BOTH}, "contained", None),
    "reject_with_icmp_admin_prohibited": (PROHIBITED, {"to": BOTH}, "contained", None),
    "deny_page_of_squid": (OPEN, {"to": CANARY, "more": {"via": "main"}, "proxies": PROXIES}, "contained", None),
    "sinkhole_of_unbound": (OPEN, {"to": "www.sunk.example", "resolver": RESOLVER}, "contained", None),
    "nxdomain": (DROP, {"to": "nobody.chu.example", "resolver": RESOLVER}, "unknown", "name_missing"),
    "own_link_down": (DROP, {"to": BOTH}, "unknown", "no_way_out"),
}


@pytest.mark.parametrize(
    ("name", "rule", "keys", "state", "cause"),
    [(name, *row) for name, row in COMBINATIONS.items()],
    ids=[f"{name}-{row[2]}" for name, row in COMBINATIONS.items()],
)
def test_each_way_of_denying_gives_its_state(
    place: Border,
    running: ExitStack,
    canary: None,
    name: str,
    rule: str,
    keys: dict[str, Any],
    state: str,
    cause: str | None,
) -> None:
    place.rule(rule)
    if "proxies" in keys:
        running.enter_context(place.squid(allows=False))
    if "resolver" in keys:
        inside_resolver(place, running)
    if name == "own_link_down":
        place.pull(place.inside, "wan")
    seen = place.rounds(ways(**keys))
    assert gave(seen) == (state, cause), json.dumps(seen["rounds"][-1])
    assert seen["proven"] is (state == "contained")
    assert seen["pages"] == (["firing"] if state == "breached" else [])


# What fools inverted checks ------------------------------------------------------------------------------------------


def test_a_dead_canary_behind_a_wall_that_drops_is_unknown(place: Border, running: ExitStack) -> None:
    place.rule(DROP)
    seen = place.rounds(ways(BOTH))
    assert gave(seen) == ("unknown", "target_not_alive")
    assert (seen["path"], seen["alive"]) == (True, False)


def test_a_canary_that_dies_takes_the_proof_with_it_and_gives_it_back(place: Border, running: ExitStack) -> None:
    place.rule(DROP)
    with place.outsiders(place.outside, "tcp:443"):
        assert gave(place.rounds(ways(), 1)) == ("contained", None)
    assert gave(place.rounds(ways(), 1)) == ("unknown", "target_not_alive")


@pytest.mark.parametrize("rule", [DROP, RESET, PROHIBITED], ids=["drop", "reset", "icmp"])
def test_shut_over_ipv4_and_open_over_ipv6_is_a_breach(
    place: Border, running: ExitStack, canary: None, rule: str
) -> None:
    place.rule(f"meta nfproto ipv4 {rule}")
    seen = place.rounds(ways(BOTH))
    assert gave(seen) == ("breached", "answered_ipv6"), json.dumps(seen["rounds"][-1])
    assert CANARY6 in seen["rounds"][-1]["detail"]


def test_a_cable_that_is_pulled_at_the_other_end_is_unknown(place: Border, running: ExitStack, canary: None) -> None:
    """The route is still there: only the control tells that silence from a closed door."""
    place.rule(DROP)
    place.pull(place.firewall, "lan")
    seen = place.rounds(ways(BOTH), 1)
    assert seen["state"] == "unknown"
    assert seen["rounds"][0]["cause"] in ("control_path_failed", "no_way_out")
    assert seen["path"] is not True


def test_a_path_that_works_over_ipv4_alone_proves_nothing_of_a_silence_over_ipv6(
    place: Border, running: ExitStack, canary: None
) -> None:
    place.rule(DROP)
    control = {"path": {"to": GATEWAY, "port": 443}, "alive": ALIVE}
    assert gave(place.rounds(ways(CANARY, control=control), 1)) == ("contained", None)
    assert gave(place.rounds(ways(BOTH, control=control), 1)) == ("unknown", "control_path_failed")


def test_a_machine_without_ipv6_is_judged_by_ipv4_and_says_so(place: Border, running: ExitStack, canary: None) -> None:
    running.enter_context(place.unbound(place.outside, CANARY, rest=OUTSIDE_NAMES))
    inside_resolver(place, running, FORWARDS)
    place.rule(DROP)
    keys = ways("canary.outside.example", resolver=RESOLVER)
    assert gave(place.rounds(keys, 1)) == ("contained", None)
    place.take_ipv6_away()
    seen = place.rounds(keys, 1)
    assert gave(seen) == ("contained", None)
    told = seen["rounds"][0]["properties"]["direct tcp 443 IPv6 canary.outside.example"]
    assert told == "not applicable: this machine has no IPv6 way out"
    had_it = place.rounds({**keys, "memory": {"ipv6": True}}, 1)
    assert gave(had_it) == ("contained", "ipv6_gone")  # told for a day, for it may come back with a door open
    demanded = ways("canary.outside.example", more={"family": 6}, resolver=RESOLVER)
    assert gave(place.rounds(demanded, 1)) == ("unknown", "no_way_out")


@pytest.mark.parametrize(
    ("rule", "cause"),
    [
        ("reject with icmp type host-unreachable", "not_expected_signature"),  # what a broken line gives as well
        ("reject with icmp type net-unreachable", "not_expected_signature"),
        ("reject with icmp type port-unreachable", None),  # as a closed port: it counts as a reset
    ],
)
def test_unreachable_is_no_will_to_deny(
    place: Border, running: ExitStack, canary: None, rule: str, cause: str | None
) -> None:
    place.rule(f"meta nfproto ipv4 tcp dport 443 {rule}")
    seen = place.rounds(ways(), 1)
    assert gave(seen) == ("unknown" if cause else "contained", cause), json.dumps(seen["rounds"][-1])


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_target_that_rejects_us_itself_has_been_reached(
    place: Border, running: ExitStack, canary: None, protocol: str
) -> None:
    """A prohibition by the target's own filter looks like a firewall's, but for who says it."""
    place.reject_at_the_target(f"{protocol} dport 443 reject with icmp type host-prohibited")
    seen = place.rounds(ways(more={"protocol": protocol}))
    assert gave(seen) == ("breached", "answered"), json.dumps(seen["rounds"][-1])
    assert "the target itself" in seen["rounds"][-1]["detail"]


def test_a_closed_port_of_datagrams_at_the_target_itself_has_been_reached(
    place: Border, running: ExitStack, canary: None
) -> None:
    place.run(place.outside, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0")  # else the kernel soon says no more
    seen = place.rounds(ways(port=9999, more={"protocol": "udp"}))
    assert gave(seen) == ("breached", "answered"), json.dumps(seen["rounds"][-1])


def test_a_prohibition_counts_from_our_own_firewalls_alone_where_they_are_known(
    place: Border, running: ExitStack, canary: None
) -> None:
    place.rule(PROHIBITED)
    assert gave(place.rounds(ways(BOTH, firewalls=[GATEWAY, GATEWAY6]), 1)) == ("contained", None)
    elsewhere = place.rounds(ways(BOTH, firewalls=["203.0.113.0/24"]), 1)
    assert gave(elsewhere) == ("unknown", "not_expected_signature")


def test_a_prohibition_by_whomever_proves_nothing_without_controls(
    place: Border, running: ExitStack, canary: None
) -> None:
    """A carrier's router, or the firewall before the target, says the same: then our packet has got out."""
    place.rule(PROHIBITED)
    assert gave(place.rounds(ways(BOTH, control={}), 1)) == ("unknown", "controls_missing")
    ours = place.rounds(ways(BOTH, control={}, firewalls=[GATEWAY, GATEWAY6]), 1)
    assert gave(ours) == ("contained", None)


def test_a_denial_of_another_kind_than_expected_is_unknown(place: Border, running: ExitStack, canary: None) -> None:
    place.rule(DROP)
    assert gave(place.rounds(ways(denied=["icmp"]), 1)) == ("unknown", "not_expected_signature")


# UDP, QUIC and ping --------------------------------------------------------------------------------------------------

OTHERS = {"udp": {"port": 123}, "quic": {"port": 443}, "icmp": {}}


@pytest.mark.parametrize("name", list(OTHERS))
@pytest.mark.parametrize(
    ("rule", "state"),
    [(OPEN, "breached"), ("ip daddr 198.51.100.10 drop", "contained"), (PROHIBITED, "contained")],
    ids=["open", "drop", "prohibited"],
)
def test_datagrams_and_pings_are_told_apart_as_connections_are(
    place: Border, running: ExitStack, canary: None, name: str, rule: str, state: str
) -> None:
    place.rule(rule)
    attempt = {"to": CANARY, "protocol": "icmp" if name == "icmp" else "udp", **OTHERS[name]}
    seen = place.rounds(ways(attempts=[attempt]), 2)
    assert gave(seen) == (state, "answered" if state == "breached" else None), json.dumps(seen["rounds"][-1])


@pytest.mark.parametrize(
    ("own", "port", "protocol"),
    [
        ("udp dport 123 drop", 123, "udp"),
        ("udp dport 123 reject with icmp type admin-prohibited", 123, "udp"),
        ("ip daddr 198.51.100.10 tcp dport 443 reject with icmp type admin-prohibited", 443, "tcp"),
    ],
)
def test_what_our_own_machine_forbids_proves_nothing(
    place: Border, running: ExitStack, canary: None, own: str, port: int, protocol: str
) -> None:
    place.own_rule(own)
    seen = place.rounds(ways(attempts=[{"to": CANARY, "port": port, "protocol": protocol}]), 1)
    assert gave(seen) == ("unknown", "own_filter"), json.dumps(seen["rounds"][-1])


def test_the_usual_ways_are_all_shut_by_a_wall_that_drops_and_the_one_that_is_forgotten_is_found(
    place: Border, running: ExitStack, canary: None
) -> None:
    keys = ways(attempts=[{"to": BOTH, "ports": "usual"}])
    place.rule("ip daddr 198.51.100.10 drop", "ip6 daddr 2001:db8:2::10 drop")
    seen = place.rounds(keys, 1)
    assert gave(seen) == ("contained", None), json.dumps(seen["rounds"][-1])
    assert sum("(expected)" in line for line in seen["rounds"][0]["properties"].values()) == 22
    place.rule(
        "ip daddr 198.51.100.10 drop",
        "ip6 daddr 2001:db8:2::10 udp dport != 443 drop",
        "meta l4proto { tcp, icmpv6 } drop",
    )
    seen = place.rounds(keys, 2)
    assert gave(seen) == ("breached", "answered_ipv6"), json.dumps(seen["rounds"][-1])
    assert seen["rounds"][-1]["detail"].startswith("direct udp 443 IPv6")
    assert seen["rounds"][-1]["seconds"] < 1.0  # an answer is not kept waiting for the silences


# Filters that answer in the target's place ---------------------------------------------------------------------------


def test_a_filter_in_the_way_proves_closure_by_its_page_and_without_its_sign_is_an_answer(
    place: Border, running: ExitStack, canary: None
) -> None:
    running.enter_context(place.outsiders(place.firewall, "page:8080"))
    place.rule(turned="tcp dport 80 redirect to :8080")
    page = {"body": "Blocked by hospital policy"}
    assert gave(place.rounds(ways(BOTH, 80, deny_page=page))) == ("contained", None)
    assert gave(place.rounds(ways(BOTH, 80))) == ("breached", "answered")
    assert gave(place.rounds(ways(BOTH, 80, deny_page={"body": "another page"}))) == ("breached", "answered")
    assert gave(place.rounds(ways(BOTH, 80, more={"says": "CANARY"}))) == ("unknown", "someone_else_answers")
    place.rule()
    seen = place.rounds(ways(BOTH, 80, more={"says": "CANARY"}, deny_page=page))
    assert gave(seen) == ("breached", "answered"), json.dumps(seen["rounds"][-1])


def test_a_filter_that_reads_along_proves_closure_by_its_page_inside_tls(
    place: Border, running: ExitStack, canary: None
) -> None:
    running.enter_context(place.outsiders(place.firewall, "tlspage:8443"))
    page = {"body": "Blocked by hospital policy"}
    turned = "ip daddr 198.51.100.10 tcp dport 443 redirect to :8443"
    place.rule(turned=turned)
    assert gave(place.rounds(ways(CANARY, deny_page=page))) == ("contained", None)
    assert gave(place.rounds(ways(CANARY))) == ("breached", "answered")
    place.rule()
    for more in ({}, {"says": "CANARY"}):
        seen = place.rounds(ways(CANARY, deny_page=page, more=more))
        assert gave(seen) == ("breached", "answered"), json.dumps(seen["rounds"][-1])


def test_a_squid_that_lets_through_is_a_breach_by_connect_and_in_clear(
    place: Border, running: ExitStack, canary: None
) -> None:
    running.enter_context(place.squid(allows=True))
    seen = place.rounds(ways(CANARY, 443, more={"via": "main"}, proxies=PROXIES))
    assert gave(seen) == ("breached", "proxy_lets_through"), json.dumps(seen["rounds"][-1])


def test_a_squid_that_allows_and_cannot_get_out_proves_nothing(place: Border, running: ExitStack) -> None:
    running.enter_context(place.squid(allows=True))
    for port in (80, 443):
        seen = place.rounds(ways(CANARY, port, more={"via": "main"}, proxies=PROXIES), 1)
        assert gave(seen) == ("unknown", "not_expected_signature"), json.dumps(seen["rounds"][-1])


def test_a_squid_that_is_stopped_or_hangs_proves_nothing(place: Border, running: ExitStack, canary: None) -> None:
    keys = ways(CANARY, 443, more={"via": "main"}, proxies=PROXIES)
    with place.squid(allows=False) as squid:
        assert gave(place.rounds(keys, 1)) == ("contained", None)
        squid.freeze()
        assert gave(place.rounds(keys, 1)) == ("unknown", "proxy_down")
    assert gave(place.rounds(keys, 1)) == ("unknown", "proxy_down")


def test_a_resolvers_filter_is_known_by_its_network(place: Border, running: ExitStack, canary: None) -> None:
    inside_resolver(place, running)
    keys = ways("www.filtered.example", resolver=RESOLVER, control={})
    place.rule("ip daddr 198.51.100.80 drop")
    assert gave(place.rounds({**keys, "sinkholes": ["198.51.100.80"]}, 1)) == ("contained", None)
    assert gave(place.rounds(keys, 1)) == ("unknown", "controls_missing")


def test_a_dead_resolver_proves_nothing(place: Border, running: ExitStack, canary: None) -> None:
    place.rule(DROP)
    assert gave(place.rounds(ways("canary.outside.example", resolver=RESOLVER), 1)) == ("unknown", "resolver_failed")


# The tunnel ----------------------------------------------------------------------------------------------------------

TUNNELS = {
    "open": (FORWARDS, True, {}, "breached", "dns_tunnel_open"),
    "refused": (REFUSES, True, {}, "contained", None),
    "servfail": (FORWARDS, False, {}, "contained", None),
    "nxdomain": ('  local-zone: "outside.example." static\n', True, {}, "unknown", "not_expected_signature"),
    "nxdomain_expected": (
        '  local-zone: "outside.example." static\n',
        True,
        {"denied": ["nxdomain"]},
        "contained",
        None,
    ),
    "another_answer": (
        '  local-zone: "outside.example." redirect\n  local-data: \'outside.example. TXT "no"\'\n',
        True,
        {},
        "unknown",
        "someone_else_answers",
    ),
    "control_gone": (REFUSES, True, {"inside_name": "nobody.chu.example"}, "unknown", "resolver_failed"),
    "resolver_dead": (None, True, {}, "unknown", "resolver_failed"),
}


@pytest.mark.parametrize(
    ("rest", "outside", "more", "state", "cause"),
    list(TUNNELS.values()),
    ids=[f"{name}-{row[3]}" for name, row in TUNNELS.items()],
)
def test_a_tunnel_through_names_is_found_open_and_proven_shut(
    place: Border,
    running: ExitStack,
    rest: str | None,
    outside: bool,
    more: dict[str, Any],
    state: str,
    cause: str | None,
) -> None:
    if outside:
        running.enter_context(place.unbound(place.outside, CANARY, rest=OUTSIDE_NAMES))
    if rest is not None:
        inside_resolver(place, running, rest)
    tunnel = {"domain": TUNNEL, "expect": "TUNNEL", "inside_name": "gw.chu.example", **more}
    keys = {"dns_tunnel": tunnel, "resolver": RESOLVER, "timeout": "3s", "control": {"alive": {"declared": True}}}
    seen = place.rounds(keys, 2)
    assert gave(seen) == (state, cause), json.dumps(seen["rounds"][-1])
