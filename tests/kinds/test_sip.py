"""The kind `sip`: a switchboard behind a real socket, which answers as it is told."""

import asyncio
import contextlib
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from pydantic import ValidationError

from probes.sip import ANSWERED, STATUS, Sip
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Measure, Outcome, Result
from retabli.net.sip import sip_causes, sip_transaction
from tests.climbing import climb, settings
from tests.net.name_server import name_server
from tests.net.peers import (
    Handler,
    client_files,
    closed_port,
    closing,
    demanding_context,
    endless,
    listening_then_closing,
    resetting,
    saying,
    server_context,
    serving,
    serving_tls,
    silent,
    trickling,
)

Answer = Callable[[bytes], list[bytes]]


def fields_of(request: bytes) -> dict[bytes, bytes]:
    lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}


def answering(
    status: str = "200 OK", *more: str, via: str | None = None, call_id: str | None = None, cseq: str = "1 OPTIONS"
) -> Answer:
    """One answer that repeats what it must, except for what is given."""

    def answer(request: bytes) -> list[bytes]:
        asked = {name.decode(): value.decode() for name, value in fields_of(request).items()}
        lines = [
            f"SIP/2.0 {status}",
            f"Via: {asked['Via'] if via is None else via};received=127.0.0.1",
            f"From: {asked['From']}",
            f"To: {asked['To']};tag=them",
            f"Call-ID: {asked['Call-ID'] if call_id is None else call_id}",
            f"CSeq: {cseq}",
            *(more or ("Content-Length: 0",)),
        ]
        return ["\r\n".join((*lines, "", "")).encode()]

    return answer


OK = answering()


class Switchboard(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.requests.append(data)
        for packet in self.answer(data):
            self._transport.sendto(packet, addr)


@contextlib.asynccontextmanager
async def switchboard(answer: Answer, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[tuple[int, Switchboard]]:
    server = Switchboard(answer)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, (host, port))
    try:
        yield transport.get_extra_info("sockname")[1], server
    finally:
        transport.close()
        await asyncio.sleep(0)


async def asked(answer: Answer, **keys: Any) -> Result:
    async with switchboard(answer) as (port, _):
        return await climb(settings(Sip, host="127.0.0.1", port=port, **keys))


def by_stream(answer: Answer) -> Handler:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        for packet in answer(request):
            writer.write(packet)
        await silent(reader, writer)

    return talk


async def asked_by_stream(handler: Handler, **keys: Any) -> Result:
    async with serving(handler) as port:
        return await climb(settings(Sip, host="127.0.0.1", port=port, transport="tcp", **keys))


def fell(result: Result) -> tuple[Any, Cause | None]:
    return result.stage, result.cause


# What holds ----------------------------------------------------------------------------------------------------------


async def test_a_switchboard_that_answers_is_ok_and_is_described() -> None:
    result = await asked(answering("200 OK", "Server: switchboard 1", "Content-Length: 0"))
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 3, 3)
    assert result.properties["status"] == "200 OK"
    assert result.properties["server"] == "switchboard 1"
    assert result.measures[Measure.IP_PROTOCOL] == 4


async def test_the_question_is_an_options_request_that_calls_nobody() -> None:
    async with switchboard(OK) as (port, server):
        await climb(settings(Sip, host="127.0.0.1", port=port))
        await climb(settings(Sip, host="127.0.0.1", port=port, uri="sip:1000@chu.example"))
    first, second = server.requests
    assert first.startswith(b"OPTIONS sip:127.0.0.1:%d SIP/2.0\r\n" % port)
    assert second.startswith(b"OPTIONS sip:1000@chu.example SIP/2.0\r\n")
    asked_for = fields_of(first)
    assert asked_for[b"Max-Forwards"] == b"70"
    assert asked_for[b"Content-Length"] == b"0"
    assert asked_for[b"Via"].startswith(b"SIP/2.0/UDP 127.0.0.1:")
    assert b"branch=z9hG4bK" in asked_for[b"Via"]
    assert asked_for[b"User-Agent"].startswith(b"Retabli/")
    assert asked_for[b"Call-ID"] != fields_of(second)[b"Call-ID"]  # nobody can guess the next one


@pytest.mark.parametrize("version", ["200 OK", "200"], ids=["with a reason", "without one"])
async def test_over_tcp_there_is_a_rung_more(version: str) -> None:
    result = await asked_by_stream(by_stream(answering(version)))
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 4, 4)


async def test_over_tls_there_are_two(authority: trustme.CA, ca_file: Path) -> None:
    def converse(sock: Any) -> None:
        sock.sendall(OK(sock.recv(65_536))[0])

    async with serving_tls(server_context(authority.issue_cert("127.0.0.1")), converse) as port:
        probe = settings(Sip, host="127.0.0.1", port=port, transport="tls", tls={"ca": str(ca_file)})
        result = await climb(probe)
        untrusting = await climb(settings(Sip, host="127.0.0.1", port=port, transport="tls"))
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "tls", "sip_answer", "sip_status"]
    assert result.outcome is Outcome.OK
    assert fell(untrusting) == (stages.TLS, causes.CERT_UNKNOWN_CA)


async def test_a_client_certificate_that_is_missing_or_refused_is_told(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    context = demanding_context(authority.issue_cert("127.0.0.1"), authority)
    async with serving_tls(context, lambda sock: sock.sendall(OK(sock.recv(65_536))[0])) as port:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "transport": "tls"}
        without = await climb(settings(Sip, **where, tls={"ca": str(ca_file)}))
        rogue = client_files(stranger.issue_cert("probe@chu.example"), tmp_path)
        refused = await climb(settings(Sip, **where, tls={"ca": str(ca_file), **rogue}))
    assert without.cause is causes.CLIENT_CERT_MISSING
    assert refused.cause is causes.CLIENT_CERT_REFUSED


async def test_compact_and_folded_headers_are_read() -> None:
    def compact(request: bytes) -> list[bytes]:
        answer = OK(request)[0]
        for long, short in ((b"Via:", b"v:"), (b"Call-ID:", b"i :"), (b"Content-Length:", b"l:")):
            answer = answer.replace(long, short)
        return [answer.replace(b";branch", b"\r\n ;branch")]

    assert (await asked(compact)).outcome is Outcome.OK
    assert (await asked_by_stream(by_stream(compact))).outcome is Outcome.OK


async def test_a_body_is_read_over_and_a_keep_alive_before_the_answer_too() -> None:
    def with_body(request: bytes) -> list[bytes]:
        answer = answering("200 OK", "Content-Length: 4")(request)[0] + b"v=0\n"
        return [b"\r\n\r\n", answer.replace(b"200 OK", b"100 Trying"), answer]

    assert (await asked_by_stream(by_stream(with_body))).outcome is Outcome.OK
    assert (await asked(with_body)).outcome is Outcome.OK
    assert (await asked(lambda request: [b"\r\n\r\n" + OK(request)[0]])).outcome is Outcome.OK


# Statuses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("401 Unauthorized", sip_causes.SIP_CREDENTIALS_WANTED),
        ("407 Proxy Authentication Required", sip_causes.SIP_CREDENTIALS_WANTED),
        ("403 Forbidden", sip_causes.SIP_FORBIDDEN),
        ("404 Not Found", sip_causes.SIP_NOT_FOUND),
        ("604 Does Not Exist", sip_causes.SIP_NOT_FOUND),
        ("405 Method Not Allowed", sip_causes.SIP_METHOD_UNSUPPORTED),
        ("501 Not Implemented", sip_causes.SIP_METHOD_UNSUPPORTED),
        ("480 Temporarily Unavailable", sip_causes.SIP_BUSY),
        ("486 Busy Here", sip_causes.SIP_BUSY),
        ("600 Busy Everywhere", sip_causes.SIP_BUSY),
        ("302 Moved Temporarily", sip_causes.SIP_REDIRECTED),
        ("481 Call Does Not Exist", sip_causes.SIP_REFUSED),
        ("606 Not Acceptable", sip_causes.SIP_REFUSED),
        ("500 Oops", sip_causes.SIP_SERVER_ERROR),
        ("503 Service Unavailable", sip_causes.SIP_SERVER_ERROR),
        ("202 Accepted", sip_causes.SIP_UNEXPECTED_STATUS),
    ],
)
async def test_a_status_that_is_not_wanted_has_its_cause_and_may_be_wanted(status: str, cause: Cause) -> None:
    result = await asked(answering(status))
    assert (result.outcome, *fell(result)) == (Outcome.FAILED, STATUS, cause)
    assert result.detail == status
    assert not cause.credential  # no account is used that could be locked
    number = int(status[:3])
    for expect in (number, [200, number], f"{number // 100}xx"):
        assert (await asked(answering(status), expect=expect)).outcome is Outcome.OK


async def test_a_switchboard_that_asks_us_to_wait_is_unknown_for_now() -> None:
    result = await asked(answering("503 Overload", "Retry-After: 30", "Content-Length: 0"))
    assert (result.outcome, *fell(result)) == (Outcome.UNKNOWN, STATUS, sip_causes.SIP_UNAVAILABLE)
    assert result.detail == "503 Overload; Retry-After: 30"


# Datagrams -----------------------------------------------------------------------------------------------------------


async def test_a_lost_question_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_transaction, "T1", 0.02)
    requests: list[bytes] = []

    def lossy(request: bytes) -> list[bytes]:
        requests.append(request)
        return [] if len(requests) < 4 else OK(request)

    assert (await asked(lossy)).outcome is Outcome.OK
    assert len(requests) == 4
    assert len(set(requests)) == 1  # the same transaction (RFC 3261, 17.1.2.2)


async def test_a_silent_switchboard_is_asked_ever_more_seldom_and_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_transaction, "T1", 0.02)
    async with switchboard(lambda _: []) as (port, server):
        result = await climb(settings(Sip, host="127.0.0.1", port=port, timeout="400ms"))
    assert fell(result) == (ANSWERED, causes.TIMEOUT)
    assert 4 <= len(server.requests) <= 5  # 0, 20, 60, 140, 300 ms


async def test_a_provisional_answer_is_no_answer_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_transaction, "T1", 0.02)
    assert (await asked(lambda request: answering("100 Trying")(request) + OK(request))).outcome is Outcome.OK
    async with switchboard(answering("100 Trying")) as (port, server):
        result = await climb(settings(Sip, host="127.0.0.1", port=port, timeout="400ms"))
    assert fell(result) == (ANSWERED, causes.TIMEOUT)
    assert len(server.requests) == 1  # it was heard: not again before T2


STRAYS: dict[str, Answer] = {
    "another branch": answering("200 OK", via="SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKforged"),
    "no branch": answering("200 OK", via="SIP/2.0/UDP 127.0.0.1"),
    "another call": answering("200 OK", call_id="forged@example"),
    "another method": answering("200 OK", cseq="1 INVITE"),
    "another number": answering("200 OK", cseq="2 OPTIONS"),
    "two Vias": lambda request: [OK(request)[0].replace(b"From:", b"Via: SIP/2.0/UDP 10.0.0.1;branch=x\r\nFrom:")],
    "a request": lambda request: [b"OPTIONS sip:probe SIP/2.0\r\nContent-Length: 0\r\n\r\n"],
    "a keep-alive": lambda _: [b"\r\n\r\n", b"\0\0\0\0", b""],
}


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS.keys())
async def test_what_answers_nothing_of_ours_is_ignored(stray: Answer) -> None:
    assert (await asked(lambda request: stray(request) + OK(request))).outcome is Outcome.OK
    result = await asked(stray, timeout="300ms")
    assert fell(result) == (ANSWERED, causes.TIMEOUT)


async def test_a_flood_of_strays_is_garbage() -> None:
    result = await asked(lambda request: STRAYS["another call"](request) * 80)
    assert fell(result) == (ANSWERED, causes.GARBAGE)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"hello", causes.GARBAGE),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", causes.GARBAGE),
        (b"SIP/2.0 999 What\r\n\r\n", causes.GARBAGE),
        (b"SIP/2.0 200 OK\r\nno colon\r\n\r\n", causes.GARBAGE),
        (b"\xff" * 60_000, causes.TOO_LONG),
        (b"SIP/2.0 200 OK\r\n" + b"x:y\r\n" * 1000 + b"\r\n", causes.TOO_LONG),
    ],
)
async def test_what_is_no_sip_is_garbage(said: bytes, cause: Cause) -> None:
    assert fell(await asked(lambda _: [said])) == (ANSWERED, cause)


async def test_a_closed_port_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    result = await climb(settings(Sip, host="127.0.0.1", port=port))
    assert fell(result) == (ANSWERED, causes.REFUSED)
    assert "ICMP type 3 code 3" in result.detail


async def test_of_several_addresses_one_that_answers_is_enough_and_each_ones_fate_is_told() -> None:
    zone = {("pbx.chu.test", "A"): ["127.0.0.3", "127.0.0.2"]}
    async with name_server(zone) as names, switchboard(OK, "127.0.0.2") as (port, _):
        resolver = names.resolver
        result = await climb(settings(Sip, host="pbx.chu.test", port=port, resolver=resolver))
        assert result.outcome is Outcome.OK
        assert result.properties["address"] == "127.0.0.2"
        result = await climb(settings(Sip, host="pbx.chu.test", port=closed_port(), resolver=resolver))
    assert fell(result) == (ANSWERED, causes.REFUSED)
    assert "127.0.0.2" in result.detail
    assert "127.0.0.3" in result.detail


# Streams -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "cause"),
    [
        (silent, causes.TIMEOUT),
        (listening_then_closing, causes.CLOSED_EARLY),
        (resetting, causes.RESET),
        (saying(b"SSH-2.0-x\r\n"), causes.GARBAGE),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), causes.GARBAGE),
        (by_stream(answering("200 OK", "X: y")), causes.GARBAGE),
        (by_stream(answering("200 OK", "Content-Length: -1")), causes.GARBAGE),
        (by_stream(answering("200 OK", "Content-Length: 0", "Content-Length: 5")), causes.GARBAGE),
        (by_stream(answering("200 OK", "Content-Length: 999999999")), causes.TOO_LONG),
        (by_stream(answering("200 OK", f"Content-Length: {'9' * 5000}")), causes.GARBAGE),
        (by_stream(answering("200 OK", "Content-Length: 10")), causes.TIMEOUT),
        (by_stream(lambda request: STRAYS["another call"](request) * 70), causes.GARBAGE),
        (endless(b"x" * 1000), causes.TOO_LONG),
        (endless(b"\r\n" * 1000), causes.GARBAGE),
        (saying(b"SIP/2.0 200 OK\r\n", then=endless(b"x: y\r\n" * 100)), causes.TOO_LONG),
        (trickling(b"SIP/2.0 200 OK\r\nVia: x", 0.05), causes.TIMEOUT),
    ],
)
async def test_a_stream_that_does_not_answer_has_its_cause(handler: Handler, cause: Cause) -> None:
    tracemalloc.start()
    try:
        result = await asked_by_stream(handler, timeout="600ms" if cause is causes.TIMEOUT else "8s")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fell(result) == (ANSWERED, cause)
    assert peak < 20_000_000


@pytest.mark.parametrize("stray", [name for name in STRAYS if name != "a keep-alive"])
async def test_what_answers_nothing_of_ours_is_passed_over_on_a_stream(stray: str) -> None:
    result = await asked_by_stream(by_stream(lambda request: STRAYS[stray](request) + OK(request)))
    assert result.outcome is Outcome.OK


async def test_nobody_there_is_refused_where_it_is_connected_to() -> None:
    result = await climb(settings(Sip, host="127.0.0.1", port=closed_port(), transport="tcp"))
    assert fell(result) == (stages.CONNECT, causes.REFUSED)
    async with serving(closing) as port:
        result = await climb(settings(Sip, host="127.0.0.1", port=port, transport="tcp"))
    assert result.cause in (causes.CLOSED_EARLY, causes.RESET)


# Settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transport", "port", "rungs"),
    [
        ("udp", 5060, ["resolve", "sip_answer", "sip_status"]),
        ("tcp", 5060, ["resolve", "connect", "sip_answer", "sip_status"]),
        ("tls", 5061, ["resolve", "connect", "tls", "sip_answer", "sip_status"]),
    ],
)
def test_a_transport_has_its_port_its_rungs_and_its_opening(transport: str, port: int, rungs: list[str]) -> None:
    probe = settings(Sip, host="pbx.chu.test", transport=transport)
    assert [stage.id for stage in probe.climbs()] == rungs
    assert list(probe.openings()) == [("pbx.chu.test", port, "udp" if transport == "udp" else "tcp")]
    assert not list(probe.faults())


def test_tls_where_it_is_not_spoken_is_a_fault() -> None:
    assert any("tls is set" in said for said in settings(Sip, host="x", tls={"min_version": "1.3"}).faults())
    assert any("tls.mode" in said for said in settings(Sip, host="x", transport="tls", tls={"mode": "none"}).faults())


@pytest.mark.parametrize(
    "keys",
    [
        {"expect": []},
        {"expect": [100]},
        {"expect": "ok"},
        {"uri": "sip:a b"},
        {"uri": "sip:a>\r\nX: y"},
        {"uri": "tel:15"},
        {"transport": "sctp"},
        {"port": 0},
    ],
)
def test_what_cannot_be_is_refused_at_once(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(Sip, host="pbx.chu.test", **keys)
