"""The kind `ntp`: a real clock behind a real socket, which lies as it is told."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from probes import ntp
from probes.ntp import CLOCK_OFF, EPOCH, ERA, KISS_DENIED, RATE_LIMITED, SYNCHRONISED, UNSYNCHRONISED, Ntp, _seconds
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.result import Measure, Outcome, Result
from retabli.net import resolve
from tests.climbing import climb, settings

Answer = Callable[[bytes], list[bytes]]


class TimeServer(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer, lag: float) -> None:
        self.answer = answer
        self.lag = lag
        self.questions: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.questions.append(data)
        for packet in self.answer(data):
            asyncio.get_running_loop().call_later(self.lag, self._transport.sendto, packet, addr)


@contextlib.asynccontextmanager
async def time_server(answer: Answer, lag: float = 0.0) -> AsyncIterator[tuple[int, TimeServer]]:
    server = TimeServer(answer, lag)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], server
    finally:
        transport.close()
        await asyncio.sleep(0)


def stamp(seconds: float) -> bytes:
    return struct.pack("!II", (int(seconds) + EPOCH) % ERA, int(seconds % 1 * ERA))


def telling(
    ahead: float = 0.0,
    *,
    leap: int = 0,
    mode: int = 4,
    stratum: int = 2,
    reference: bytes = b"GPS\0",
    originate: bytes | None = None,
    transmit: bytes | None = None,
) -> Answer:
    def tell(question: bytes) -> list[bytes]:
        now = stamp(time.time() + ahead)
        head = struct.pack("!BBbbII4s", leap << 6 | 4 << 3 | mode, stratum, 6, -20, 0, 0, reference)
        return [head + now + (originate or question[40:48]) + now + (transmit or now)]

    return tell


async def asked(answer: Answer, lag: float = 0.0, **keys: Any) -> Result:
    async with time_server(answer, lag) as (port, _):
        return await climb(settings(Ntp, host="127.0.0.1", port=port, **keys))


async def test_a_right_clock_is_ok_and_its_offset_measured() -> None:
    result = await asked(telling())
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 4, 4)
    assert abs(result.measures[Measure.CLOCK_OFFSET]) < 0.1
    assert result.properties["stratum"] == "2"


@pytest.mark.parametrize("ahead", [5.0, -5.0])
async def test_a_clock_that_is_off_is_ours_and_says_by_how_much(ahead: float) -> None:
    result = await asked(telling(ahead))
    assert (result.outcome, result.cause) == (Outcome.FAILED, CLOCK_OFF)
    assert result.measures[Measure.CLOCK_OFFSET] == pytest.approx(ahead, abs=0.2)
    assert result.detail.startswith(f"{ahead:+.1f}"[:2])
    assert (await asked(telling(ahead), max_offset="6s")).outcome is Outcome.OK


async def test_a_slow_way_is_no_wrong_clock() -> None:
    """The answer alone was held up: half of the delay shows as an offset, but is not certain."""
    result = await asked(telling(), lag=0.3, max_offset="50ms")
    assert result.outcome is Outcome.OK
    assert abs(result.measures[Measure.CLOCK_OFFSET]) > 0.05


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (telling(stratum=0, reference=b"DENY"), KISS_DENIED),
        (telling(stratum=0, reference=b"RSTR"), KISS_DENIED),
        (telling(stratum=0, reference=b"RATE"), RATE_LIMITED),
        (telling(stratum=0, reference=b"INIT"), UNSYNCHRONISED),
        (telling(stratum=16), UNSYNCHRONISED),
        (telling(leap=3), UNSYNCHRONISED),
        (telling(transmit=bytes(8)), causes.GARBAGE),
    ],
    ids=["DENY", "RSTR", "RATE", "INIT", "stratum 16", "leap 3", "no time"],
)
async def test_a_server_that_says_no_or_is_wrong_itself_is_not_believed(answer: Answer, cause: Cause) -> None:
    result = await asked(answer)
    assert (result.stage, result.cause) == (SYNCHRONISED, cause)
    assert result.outcome is (Outcome.UNKNOWN if cause is RATE_LIMITED else Outcome.FAILED)
    assert Measure.CLOCK_OFFSET not in result.measures


@pytest.mark.parametrize("answer", [telling(mode=3), lambda _: [b"hello"]], ids=["mode", "short"])
async def test_what_is_no_answer_of_a_server_is_garbage(answer: Answer) -> None:
    result = await asked(answer)
    assert (result.stage, result.cause) == (stages.RESPONSE, causes.GARBAGE)


async def test_an_answer_to_another_question_is_ignored() -> None:
    def forged(question: bytes) -> list[bytes]:
        return telling(3600, originate=b"forged!!")(question) + telling()(question)

    result = await asked(forged)
    assert result.outcome is Outcome.OK
    assert abs(result.measures[Measure.CLOCK_OFFSET]) < 0.1


async def test_a_flood_of_forged_answers_is_garbage() -> None:
    result = await asked(lambda question: telling(originate=b"forged!!")(question) * 80)
    assert result.cause is causes.GARBAGE


async def test_a_silent_server_is_asked_three_times_and_is_a_timeout() -> None:
    async with time_server(lambda _: []) as (port, server):
        result = await climb(settings(Ntp, host="127.0.0.1", port=port, timeout="300ms"))
    assert (result.stage, result.cause) == (stages.RESPONSE, causes.TIMEOUT)
    assert len(server.questions) == 3
    assert len({question[40:48] for question in server.questions}) == 3  # nobody can guess the next one


async def test_a_lost_question_is_asked_again() -> None:
    lost: list[bytes] = []

    def lossy(question: bytes) -> list[bytes]:
        lost.append(question)
        return [] if len(lost) == 1 else telling()(question)

    assert (await asked(lossy, timeout="300ms")).outcome is Outcome.OK


async def test_a_closed_port_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    result = await climb(settings(Ntp, host="127.0.0.1", port=port))
    assert (result.stage, result.cause) == (stages.RESPONSE, causes.REFUSED)
    assert "ICMP type 3 code 3" in result.detail


@pytest.mark.parametrize(("lacking", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
async def test_what_our_machine_lacked_for_one_address_is_not_hidden_by_what_became_of_the_other(
    lacking: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def resolved(*_: object, **__: object) -> resolve.Answer:
        return resolve.Answer((lacking, other), 0.0)

    def opened(family: int, kind: int) -> socket.socket:
        if (family == socket.AF_INET6) == (":" in lacking):
            raise Fall(causes.LOCAL_RESOURCES, "Too many open files")
        raise Fall(causes.UNREACHABLE, "this machine has no such family")

    monkeypatch.setattr(ntp, "open_socket", opened)
    monkeypatch.setattr(ntp, "resolve", resolved)
    result = await climb(settings(Ntp, host="ntp.chu.test"))
    assert (result.outcome, result.stage, result.cause) == (Outcome.UNKNOWN, stages.RESPONSE, causes.LOCAL_RESOURCES)
    assert result.detail.startswith(f"{lacking} local_resources (Too many open files), {other} unreachable")


def test_the_era_after_2036_is_read_right() -> None:
    in_2040 = 2_208_988_800.0
    assert _seconds(stamp(in_2040), in_2040 + 7) == in_2040
    assert _seconds(stamp(1_700_000_000.5), 1_700_000_100) == 1_700_000_000.5
