"""The kind `containment` on loopback: doors that are open, shut and dead, filters that answer in their place, and every
way in which a round can fail to prove anything. Firewalls are in tests/real."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from probes.containment import ALIVE, ATTEMPTED, DENIED, PATH, Containment
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.result import Outcome, Result
from retabli.net import system_resolver
from retabli.net.attempts import has_source
from retabli.net.containment import containment_causes as found
from retabli.net.containment import direct
from retabli.net.containment.ways import Fate, Sign, Way
from retabli.net.web.promql_causes import ENGINE_AUTH_REFUSED
from tests.climbing import climb, settings
from tests.kinds.doors import BLOCKED, DECLARED, HERE, fell, mute_datagrams, shut, tried, unheard
from tests.kinds.test_icmp import has_ipv6, needs_ping
from tests.net.metrics_engine import api, engine, vector
from tests.net.name_server import Fault, Zone, mute, name_server, rcode
from tests.net.peers import (
    Handler,
    closed_port,
    closing,
    echoing,
    endless,
    listening_then_closing,
    resetting,
    saying,
    serving,
    silent,
    trickling,
)
from tests.net.web_servers import page, site

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6")


@pytest.fixture
async def way_out() -> AsyncIterator[dict[str, Any]]:
    """Controls that pass: a place that takes our connection, and the operator's word."""
    async with serving(silent) as port:
        yield {"path": {"to": HERE, "port": port}, "alive": DECLARED}


# Proofs --------------------------------------------------------------------------------------------------------------


async def test_a_closed_door_is_proven_closed_while_both_controls_pass(way_out: dict[str, Any]) -> None:
    result = await tried(**shut(), control=way_out)
    assert (result.outcome, result.stage, result.rung, result.of) == (Outcome.OK, ALIVE, 4, 4), result
    assert [rung.stage for rung in result.rungs] == [ATTEMPTED, DENIED, PATH, ALIVE]
    assert result.properties["control_path"] == result.properties["control_alive"] == "passes"
    assert result.properties["alive_declared"] == "the canary's owner says so"
    (line,) = [value for name, value in result.properties.items() if name.startswith("direct tcp")]
    assert line == "reset (expected)"


async def test_a_silence_is_proven_while_both_controls_pass_and_ends_before_the_timeout(
    way_out: dict[str, Any],
) -> None:
    with unheard() as port, mute_datagrams() as datagrams:
        attempts = [{"to": HERE, "port": port}, {"to": HERE, "port": datagrams, "protocol": "udp"}]
        result = await tried("2s", attempts=attempts, control=way_out)
    assert fell(result) == (Outcome.OK, "alive", None)
    assert list(result.properties.values()).count("timeout (expected)") == 2
    assert 1.5 < result.seconds < 2.0


async def test_a_closed_port_of_datagrams_is_a_reset_as_one_of_connections_is(way_out: dict[str, Any]) -> None:
    result = await tried(**shut(protocol="udp"), control=way_out)
    assert result.outcome is Outcome.OK
    assert any(value.startswith("reset (expected): ICMP type 3 code 3") for value in result.properties.values())


async def test_a_metrics_engine_that_knows_the_target_alive_is_a_control(way_out: dict[str, Any]) -> None:
    async with engine(vector("1", "1")) as prometheus:
        alive = {"promql": {"url": prometheus.url, "query": 'canary_up{port="443"}'}}
        result = await tried(**shut(), control={**way_out, "alive": alive})
    assert fell(result) == (Outcome.OK, "alive", None)
    assert "alive_declared" not in result.properties
    assert prometheus.queries[0]["query"] == 'canary_up{port="443"}'


async def test_one_query_asks_for_each_door_its_own_life(way_out: dict[str, Any]) -> None:
    dead = closed_port()

    async def by_port(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(vector("0" if f'port="{dead}"' in prometheus.queries[-1]["query"] else "1"))
        await writer.drain()

    async with engine(by_port) as prometheus:
        query = 'canary_up{port="$port", protocol="$protocol", ip="$family", to="$to"}'
        control = {**way_out, "alive": {"promql": {"url": prometheus.url, "query": query}}}
        ports = [closed_port(), closed_port()]
        living = await tried(attempts=[{"to": HERE, "ports": ports}], control=control)
        asked = {each["query"] for each in prometheus.queries if each["query"].startswith("canary_up")}
        one_dead = await tried(attempts=[{"to": HERE, "ports": [*ports, dead]}], control=control)
    assert fell(living) == (Outcome.OK, "alive", None)
    assert asked == {f'canary_up{{port="{port}", protocol="tcp", ip="4", to="{HERE}"}}' for port in ports}
    assert fell(one_dead) == (Outcome.UNKNOWN, "alive", found.TARGET_NOT_ALIVE)
    assert f"tcp {dead}" in one_dead.detail


async def test_a_refused_account_of_the_engine_is_shown_once_however_many_doors_it_is_asked_for(
    way_out: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("reset after the attack")
    account = {"user": "probe", "password": {"file": str(tmp_path / "password")}}
    async with engine(api({"status": "error"}, "401 Unauthorized")) as prometheus:
        query = {"url": prometheus.url, "query": 'canary_up{port="$port"}', **account}
        attempts = [{"to": HERE, "ports": [closed_port() for _ in range(6)]}]
        refused = await tried(attempts=attempts, control={**way_out, "alive": {"promql": query}})
    assert fell(refused) == (Outcome.UNKNOWN, "alive", ENGINE_AUTH_REFUSED)
    assert len(prometheus.queries) == 1
    async with engine(vector("1")) as prometheus:
        query["url"] = prometheus.url
        proven = await tried(attempts=attempts, control={**way_out, "alive": {"promql": query}})
    assert fell(proven) == (Outcome.OK, "alive", None)


async def test_an_attempt_may_have_a_control_of_its_own(way_out: dict[str, Any]) -> None:
    async with engine(vector("0")) as prometheus:
        alive = {"promql": {"url": prometheus.url, "query": "canary_up"}}
        result = await tried(**shut(alive=alive), control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "alive", found.TARGET_NOT_ALIVE)


# Answers: the breach -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", [silent, closing, echoing, saying(b"220 hello\r\n"), resetting])
async def test_a_completed_handshake_is_an_answer_whatever_comes_after_it(door: Handler) -> None:
    async with serving(door) as port:
        result = await tried(**shut(port))
    assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED)
    assert result.detail == f"direct tcp {port} IPv4 {HERE}: the TCP handshake was completed"


@needs_ipv6
async def test_an_answer_over_ipv6_alone_has_a_cause_of_its_own(way_out: dict[str, Any]) -> None:
    async with serving(silent, host="::1") as port:
        attempts = [{"to": [HERE, "::1"], "port": port}]
        result = await tried(attempts=attempts, control=way_out)
        assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED_IPV6)
        async with name_server({("both.test", "A"): [HERE], ("both.test", "AAAA"): ["::1"]}) as names:
            resolver = {"nameservers": [HERE], "port": names.port}
            named = await tried(attempts=[{"to": "both.test", "port": port}], control=way_out, resolver=resolver)
            four = {"to": "both.test", "port": port, "family": 4}
            only = await tried(attempts=[four], control=way_out, resolver=resolver)
    assert fell(named) == (Outcome.FAILED, "denied", found.ANSWERED_IPV6)
    assert only.outcome is Outcome.OK


async def test_a_datagram_that_comes_back_is_an_answer() -> None:
    class Back(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(data[:4], addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Back, local_addr=(HERE, 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        result = await tried(**shut(port, protocol="udp"))
        other = await tried(**shut(port, protocol="udp", says="CANARY"))
    finally:
        transport.close()
    assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED)
    assert fell(other) == (Outcome.UNKNOWN, "attempted", found.SOMEONE_ELSE_ANSWERS)


@needs_ping
async def test_an_answered_ping_is_an_answer() -> None:
    result = await tried(attempts=[{"to": HERE, "protocol": "icmp"}])
    assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED)
    assert result.detail == f"direct icmp IPv4 {HERE}: it answers a ping"


@needs_ping
async def test_a_ping_that_could_not_be_sent_is_no_silence(
    monkeypatch: pytest.MonkeyPatch, way_out: dict[str, Any]
) -> None:
    async def none_left(*_: object, **__: object) -> float:
        raise Fall(causes.LOCAL_RESOURCES)

    monkeypatch.setattr(direct, "echo", none_left)
    result = await tried(attempts=[{"to": HERE, "protocol": "icmp"}], control=way_out)
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, causes.LOCAL_RESOURCES)


async def test_an_answer_is_told_at_once_and_not_kept_waiting_for_silences(way_out: dict[str, Any]) -> None:
    with unheard() as wall:
        async with serving(silent) as port:
            attempts = [{"to": HERE, "ports": [wall, port]}]
            result = await tried("8s", attempts=attempts, control=way_out)
    assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED)
    assert result.seconds < 1.0


async def test_an_answer_wins_over_all_that_could_not_be_judged_and_every_answer_is_named() -> None:
    async with serving(silent) as port, serving(silent) as other, name_server({}) as names:
        attempts = [
            {"to": "nobody.test", "port": 443},
            {"to": "fe80::1%nowhere", "port": 443},
            {"to": HERE, "ports": [port, other]},
        ]
        resolver = {"nameservers": [HERE], "port": names.port}
        control = {"path": {"to": HERE, "port": closed_port()}}  # an answer shows that we get out, whatever it says
        result = await tried(attempts=attempts, resolver=resolver, control=control)
    assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED)
    assert f"tcp {port}" in result.detail
    assert f"tcp {other}" in result.detail
    assert result.rungs[0].cause is None


async def test_every_address_of_a_name_is_tried(way_out: dict[str, Any]) -> None:
    async with serving(silent) as port, name_server({("two.test", "A"): ["127.0.0.9", HERE]}) as names:
        keys: dict[str, Any] = {"attempts": [{"to": "two.test", "port": port}], "control": way_out}
        result = await tried(**keys, resolver={"nameservers": [HERE], "port": names.port})
    assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED)
    assert HERE in result.detail


# Filters that answer in the target's place ---------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [{"body": "Blocked by"}, {"header": "X-Filter: ^deny"}])
async def test_a_page_of_denial_proves_closure_by_its_configured_sign_alone(sign: dict[str, str]) -> None:
    async with site(BLOCKED) as filtered:
        result = await tried(**shut(filtered.port), deny_page=sign)
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 2, 2), result
    assert b"GET / HTTP/1.1\r\nHost: 127.0.0.1:" in filtered.requests[0]


@pytest.mark.parametrize(
    "door",
    [
        saying(page("welcome"), then=closing),
        saying(b"220 mail.example ESMTP\r\n"),
        listening_then_closing,
        resetting,
        silent,
        endless(b"x" * 1000),
        saying(b"HTTP/1.1 200 OK\r\n\r\n", then=endless(b"<br>" * 1000)),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nBlocke", then=closing),
    ],
)
async def test_any_other_page_and_none_at_all_is_an_answer(door: Handler) -> None:
    async with serving(door) as port:
        result = await tried(**shut(port), deny_page={"body": "Blocked by"})
    assert fell(result) == (Outcome.FAILED, "denied", found.ANSWERED)


async def test_a_page_of_denial_that_comes_slowly_is_one_by_its_header() -> None:
    async with serving(trickling(BLOCKED, 0.002)) as port:
        result = await tried(**shut(port), deny_page={"header": "X-Filter: deny"})
    assert result.outcome is Outcome.OK


async def test_where_the_targets_word_is_known_only_that_is_its_answer(way_out: dict[str, Any]) -> None:
    async with serving(saying(b"CANARY\n")) as true, serving(saying(b"220 firewall\r\n")) as false:
        answered = await tried(**shut(true, says="CANARY"), control=way_out)
        doubtful = await tried(**shut(false, says="CANARY"), control=way_out)
    assert fell(answered) == (Outcome.FAILED, "denied", found.ANSWERED)
    assert fell(doubtful) == (Outcome.UNKNOWN, "attempted", found.SOMEONE_ELSE_ANSWERS)
    assert "13 or more bytes" in doubtful.detail or "14 bytes" in doubtful.detail


@pytest.mark.parametrize("door", [listening_then_closing, resetting])
async def test_a_handshake_that_is_cut_before_the_targets_word_counts_only_where_that_is_expected(
    door: Handler, way_out: dict[str, Any]
) -> None:
    async with serving(door) as port:
        keys = {**shut(port, says="CANARY"), "control": way_out}
        odd = await tried(**keys)
        expected = await tried(**keys, denied=["cut"])
        alone = await tried(**shut(port, says="CANARY"), denied=["cut"])
    assert fell(odd) == (Outcome.UNKNOWN, "denied", found.NOT_EXPECTED_SIGNATURE)
    assert fell(expected) == (Outcome.OK, "alive", None)
    assert fell(alone) == (Outcome.UNKNOWN, "path", found.CONTROLS_MISSING)


async def test_a_handshake_followed_by_silence_is_never_a_proof(way_out: dict[str, Any]) -> None:
    async with serving(silent) as port:
        result = await tried("1s", **shut(port, says="CANARY"), control=way_out, denied=["cut", "timeout"])
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.SOMEONE_ELSE_ANSWERS)


# The controls --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "stage"),
    [({}, "path"), ({"alive": DECLARED}, "path"), ({"path": {"to": HERE, "port": 0}}, "alive")],
    ids=["none", "no path", "no alive"],
)
async def test_a_reset_without_both_controls_proves_nothing(
    control: dict[str, Any], stage: str, way_out: dict[str, Any]
) -> None:
    given = {**control, "path": way_out["path"]} if "path" in control else control
    result = await tried(**shut(), control=given)
    assert fell(result) == (Outcome.UNKNOWN, stage, found.CONTROLS_MISSING)


async def test_a_path_that_does_not_take_our_connection_proves_nothing_and_any_of_several_is_enough(
    way_out: dict[str, Any],
) -> None:
    dead = {"to": HERE, "port": closed_port()}
    result = await tried(**shut(), control={"path": dead, "alive": DECLARED})
    assert fell(result) == (Outcome.UNKNOWN, "path", found.CONTROL_PATH_FAILED)
    assert result.properties["control_path"] == "fails"
    both = await tried(**shut(), control={"path": [dead, way_out["path"]], "alive": DECLARED})
    assert both.outcome is Outcome.OK


async def test_a_path_that_is_lost_during_the_round_makes_silences_of_its_own() -> None:
    met = 0

    async def take_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal met
        met += 1
        listener.close()
        writer.close()

    listener = await asyncio.start_server(take_one, HERE, 0)
    try:
        control = {"path": {"to": HERE, "port": listener.sockets[0].getsockname()[1]}, "alive": DECLARED}
        with mute_datagrams() as port:
            result = await tried("2s", **shut(port, protocol="udp"), control=control)
    finally:
        listener.close()
    assert fell(result) == (Outcome.UNKNOWN, "path", found.CONTROL_PATH_FAILED)
    assert met == 1


async def test_a_path_that_is_silent_or_has_no_name_proves_nothing() -> None:
    with unheard() as port:
        result = await tried("1s", **shut(), control={"path": {"to": HERE, "port": port}, "alive": DECLARED})
    assert fell(result) == (Outcome.UNKNOWN, "path", found.CONTROL_PATH_FAILED)
    async with name_server({}) as names:
        control = {"path": {"to": "gw.test", "port": 443}, "alive": DECLARED}
        nameless = await tried(**shut(), control=control, resolver={"nameservers": [HERE], "port": names.port})
    assert fell(nameless) == (Outcome.UNKNOWN, "path", found.CONTROL_PATH_FAILED)


@needs_ipv6
async def test_a_path_over_ipv4_says_nothing_of_a_silence_over_ipv6(way_out: dict[str, Any]) -> None:
    attempts = [{"to": "::1", "port": closed_port()}]
    result = await tried(attempts=attempts, control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "path", found.CONTROL_PATH_FAILED)
    assert "no IPv6" in result.detail
    async with serving(silent, host="::1") as port:
        paths = [way_out["path"], {"to": "::1", "port": port}]
        both = await tried(attempts=attempts, control={**way_out, "path": paths})
    assert both.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("answer", "cause", "word"),
    [
        (("0",), found.TARGET_NOT_ALIVE, "fails"),
        (("1", "0"), found.TARGET_NOT_ALIVE, "fails"),
        ((), found.ALIVE_NOT_KNOWN, "not evaluated"),
        (("NaN",), found.ALIVE_NOT_KNOWN, "not evaluated"),
        (page("oops", status="500 Oops"), found.ALIVE_NOT_KNOWN, "not evaluated"),
        (silent, found.ALIVE_NOT_KNOWN, "not evaluated"),
        (page("who?", status="401 Who"), found.ALIVE_NOT_KNOWN, "not evaluated"),
    ],
    ids=["0", "1 and 0", "nothing", "NaN", "500", "silent", "401"],
)
async def test_a_target_that_is_dead_or_not_known_to_live_proves_nothing(
    answer: tuple[str, ...] | bytes | Handler, cause: Cause, word: str, way_out: dict[str, Any]
) -> None:
    # A series is made when it is asked for: its age counts.
    async with engine(vector(*answer) if isinstance(answer, tuple) else answer) as prometheus:
        alive = {"promql": {"url": prometheus.url, "query": "canary_up"}}
        result = await tried("1500ms", **shut(), control={**way_out, "alive": alive})
    assert fell(result) == (Outcome.UNKNOWN, "alive", cause)
    assert result.properties["control_alive"] == word


async def test_an_old_sign_of_life_is_none(way_out: dict[str, Any]) -> None:
    async with engine(vector("1"), vector("1000.0")) as prometheus:
        alive = {"promql": {"url": prometheus.url, "query": "canary_up"}}
        result = await tried(**shut(), control={**way_out, "alive": alive})
    assert fell(result) == (Outcome.UNKNOWN, "alive", found.ALIVE_NOT_KNOWN)
    assert "sample_stale" in result.detail


async def test_an_account_that_the_metrics_engine_refuses_shows_for_accounts_lock(
    way_out: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("wrong")
    async with engine(page("who?", status="401 Who")) as prometheus:
        query = {"url": prometheus.url, "query": "up", "user": "probe", "password": {"file": str(tmp_path / "secret")}}
        result = await tried(**shut(), control={**way_out, "alive": {"promql": query}})
    assert fell(result) == (Outcome.UNKNOWN, "alive", ENGINE_AUTH_REFUSED)


async def test_a_control_that_fails_is_told_and_holds_nothing_up_where_the_denial_proves_itself() -> None:
    async with site(BLOCKED) as filtered:
        control = {"path": {"to": HERE, "port": closed_port()}}
        result = await tried(**shut(filtered.port), deny_page={"body": "Blocked"}, control=control)
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 2, 2)
    assert result.properties["control_path"] == "fails"


async def test_a_denial_of_another_kind_than_expected_is_unknown(way_out: dict[str, Any]) -> None:
    result = await tried(**shut(), control=way_out, denied=["icmp", "timeout"])
    assert fell(result) == (Outcome.UNKNOWN, "denied", found.NOT_EXPECTED_SIGNATURE)
    assert any(value == "reset (NOT expected)" for value in result.properties.values())


# Names ---------------------------------------------------------------------------------------------------------------


async def by_name(fault: Fault | None, zone: Zone | None = None, **keys: Any) -> Result:
    async with name_server(zone, fault) as names:
        resolver = {"nameservers": [HERE], "port": names.port}
        attempts = [{"to": "canary.test", "port": closed_port()}]
        return await tried("1s", attempts=attempts, resolver=resolver, **keys)


async def test_a_name_that_does_not_exist_proves_nothing(way_out: dict[str, Any]) -> None:
    result = await by_name(None, control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.NAME_MISSING)


async def test_a_name_without_an_address_proves_nothing(way_out: dict[str, Any]) -> None:
    result = await by_name(None, {("canary.test", "TXT"): ['"x"']}, control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.NAME_MISSING)


@pytest.mark.parametrize("fault", [mute, rcode(dns.rcode.SERVFAIL), rcode(dns.rcode.REFUSED)])
async def test_a_dead_resolver_proves_nothing(fault: Fault, way_out: dict[str, Any]) -> None:
    result = await by_name(fault, control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.RESOLVER_FAILED)


@pytest.mark.parametrize(("takes", "outcome"), [(0.0, Outcome.OK), (1.5, Outcome.UNKNOWN)])
async def test_a_silence_that_a_late_name_left_no_time_for_proves_nothing(
    way_out: dict[str, Any], monkeypatch: pytest.MonkeyPatch, takes: float, outcome: Outcome
) -> None:
    """The first of the machine's name servers is dead: the second is asked seconds later, and an open door that then
    had milliseconds to answer was called closed."""

    def late(*_: object) -> list[Any]:
        time.sleep(takes)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HERE, 0))]

    monkeypatch.setattr(system_resolver, "getaddrinfo", late)
    with unheard() as port:
        attempts = [{"to": "far.test", "port": port, "family": 4}]
        result = await tried(attempts=attempts, denied=["timeout"], control=way_out)
    assert result.outcome is outcome, result
    if outcome is Outcome.UNKNOWN:
        assert result.cause is found.RESOLVER_FAILED
        assert "resolved so late" in result.detail


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.80"])  # noqa: S104 - sinkholes
async def test_a_sinkhole_proves_closure_by_itself_and_is_never_connected_to(address: str) -> None:
    result = await by_name(None, {("canary.test", "A"): [address]}, sinkholes=["192.0.2.0/24"])
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 2, 2), result
    assert any(f"sinkhole (expected): the resolver gives {address}" in line for line in result.properties.values())


async def test_a_sinkhole_beside_a_true_address_proves_only_its_own_part(way_out: dict[str, Any]) -> None:
    zone = {("canary.test", "A"): ["192.0.2.80", HERE]}
    result = await by_name(None, zone, sinkholes=["192.0.2.80"], control=way_out)
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 4, 4)
    alone = await by_name(None, zone, sinkholes=["192.0.2.80"])
    assert fell(alone) == (Outcome.UNKNOWN, "path", found.CONTROLS_MISSING)


async def test_a_resolver_that_denies_a_names_existence_to_questions_for_ipv6_alone_is_understood(
    way_out: dict[str, Any],
) -> None:
    def half(query: dns.message.QueryMessage) -> list[bytes]:
        response = dns.message.make_response(query)
        if query.question[0].rdtype == 1:
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", HERE))
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return [response.to_wire()]

    assert fell(await by_name(half, control=way_out)) == (Outcome.OK, "alive", None)


async def test_an_address_over_which_the_resolver_keeps_silent_is_not_taken_for_none(way_out: dict[str, Any]) -> None:
    """A resolver that loses questions for IPv6 may hide an open door."""

    def half(query: dns.message.QueryMessage) -> list[bytes]:
        if query.question[0].rdtype != 1:
            return []
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", HERE))
        return [response.to_wire()]

    result = await by_name(half, control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.RESOLVER_FAILED)


# Ourselves -----------------------------------------------------------------------------------------------------------


async def test_a_machine_without_a_way_to_the_target_proves_nothing(way_out: dict[str, Any]) -> None:
    result = await tried(attempts=[{"to": "fe80::1%nowhere", "port": 443}], control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.NO_WAY_OUT)


async def test_what_our_own_kernel_forbids_proves_nothing(way_out: dict[str, Any]) -> None:
    attempts = [{"to": "127.255.255.255", "port": 443, "protocol": "udp"}]  # a broadcast, which is not ours to send
    result = await tried(attempts=attempts, control=way_out)
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.OWN_FILTER)


async def test_a_round_that_is_cut_short_is_unknown_and_leaves_nothing_open(way_out: dict[str, Any]) -> None:
    with unheard() as port:
        probe = settings(Containment, **shut(port), control=way_out, timeout="5s")
        result = await climb(probe, deadline=0.1)
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.ROUND_NOT_JUDGED)


no_ipv6_way = pytest.mark.skipif(
    has_source(socket.AF_INET6, ("2001:db8::1", 443, 0, 0)), reason="this machine has a way out over IPv6"
)


@no_ipv6_way
async def test_a_machine_without_ipv6_is_judged_by_ipv4_says_so_and_tells_for_a_day_when_it_had_it(
    way_out: dict[str, Any],
) -> None:
    zone = {("canary.test", "A"): [HERE], ("canary.test", "AAAA"): ["2001:db8::1"]}
    result = await by_name(None, zone, control=way_out)
    assert fell(result) == (Outcome.OK, "alive", None)
    assert "not applicable: this machine has no IPv6 way out" in result.properties.values()
    async with name_server(zone) as names:
        resolver = {"nameservers": [HERE], "port": names.port}
        attempts = [{"to": "canary.test", "port": closed_port()}]
        probe = settings(Containment, attempts=attempts, resolver=resolver, control=way_out, timeout="2s")
        memory: dict[str, Any] = {"ipv6": True}
        gone = await climb(probe, memory=memory)
        memory["ipv6_gone"] -= 86_401
        forgotten = await climb(probe, memory=memory)
        attempts[0]["family"] = 6
        demanded = await tried(attempts=attempts, resolver=resolver, control=way_out)
    assert (gone.outcome, gone.cause, gone.whole) == (Outcome.OK, found.IPV6_GONE, False)
    assert (forgotten.cause, memory) == (None, {})
    assert fell(demanded) == (Outcome.UNKNOWN, "attempted", found.NO_WAY_OUT)


def test_what_became_of_an_attempt_is_told_in_either_language() -> None:
    way = Way("a.example", 443, "tcp")
    expected = frozenset({Sign.RESET})
    for fate, french, english in (
        (Fate(way, Sign.RESET), "reset (attendu)", "reset (expected)"),
        (Fate(way, Sign.TIMEOUT), "timeout (NON attendu)", "timeout (NOT expected)"),
        (Fate(way, cause=found.ANSWERED, detail="x"), "RÉPOND : x", "ANSWERED: x"),
        (Fate(way), "sans objet", "not applicable"),
    ):
        assert (fate.told(expected, "fr"), fate.told(expected)) == (french, english)
