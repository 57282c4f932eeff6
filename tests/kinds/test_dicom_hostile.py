"""The kind `dicom` against partners that break the protocol, and visitors that come to its receiver."""

import asyncio
import contextlib
import tracemalloc

import pytest

from probes.dicom import ECHO, FOUND
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.result import Outcome
from retabli.net.dicom import negotiation
from retabli.net.dicom.association import ASSOCIATION, CONTEXT
from retabli.net.dicom.negotiation import Context
from retabli.net.dicom.syntaxes import IMPLICIT, STORAGE
from tests.climbing import climb
from tests.kinds.dicom_climbs import (
    ECHO_RSP,
    FIND_RSP,
    STEPS,
    STORE_RSP,
    partner,
    probed,
)
from tests.net.dicom_partners import (
    Archive,
    a_free_port,
    accepting,
    answering,
    carrying,
    element,
    item,
    pdu,
    response,
)
from tests.net.peers import (
    Handler,
    endless,
    listening_then_closing,
    resetting,
    trickling,
)
from tests.said import assert_fell

HUGE = 0xFFFFFFFF
CT_CONTEXT = [Context(1, STORAGE["CT"], (IMPLICIT,))]
STRANGE_STORE = (
    element(0x0100, b"\1\0") + element(0x0110, b"\7\0") + element(0x0800, b"\1\0") + element(0x1000, b"\xff\xfe")
)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", causes.GARBAGE),
        (b"\0" * 50, causes.GARBAGE),
        (b"\x08\0\0\0\0\x04abcd", causes.GARBAGE),
        (pdu(4, b"\0\0\0\2\1\3"), causes.GARBAGE),
        (pdu(3, b"\0\1\1"), causes.GARBAGE),
        (pdu(3, b"", HUGE), causes.TOO_LONG),
        (pdu(2, b"", HUGE), causes.TOO_LONG),
        (pdu(7, b"", HUGE), causes.TOO_LONG),
        (pdu(2, bytes(16385)), causes.TOO_LONG),
        (accepting(0, extra=b"\x50"), causes.GARBAGE),
        (accepting(0, extra=item(0x21, b"", 60000)), causes.GARBAGE),
        (accepting(0, extra=item(0x21, b"\1")), causes.GARBAGE),
        (accepting(0, maximum=7), causes.GARBAGE),
        (pdu(2, b"\0\1"), causes.GARBAGE),
        (accepting(), causes.GARBAGE),
        (accepting(0, transfer=b"1.2.840.10008.1.2.4.50"), causes.GARBAGE),
        (accepting(0, transfer=b"\xff\xfe"), causes.GARBAGE),
    ],
)
async def test_an_answer_that_is_no_association_has_its_cause(said: bytes, cause: Cause) -> None:
    result = await probed(answering(said))
    assert (result.outcome, result.cause) == (Outcome.FAILED, cause), result
    assert result.stage in (ASSOCIATION, CONTEXT)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (pdu(4, b"", HUGE), causes.TOO_LONG),
        (pdu(4, bytes(20000)), causes.TOO_LONG),
        (pdu(4, b""), causes.GARBAGE),
        (pdu(4, b"\0\0"), causes.GARBAGE),
        (carrying(b"", length=HUGE), causes.GARBAGE),
        (carrying(b"", length=1), causes.GARBAGE),
        (carrying(response(ECHO_RSP, 0), length=200), causes.GARBAGE),
        (carrying(response(ECHO_RSP, 0), length=20), causes.GARBAGE),
        (carrying(b"x", control=1) * 20000, causes.TOO_LONG),
        (carrying(b"", control=1) * 2, causes.GARBAGE),
        (carrying(b"x" * 60, control=2), causes.GARBAGE),
        (carrying(b"xyz"), causes.GARBAGE),
        (carrying(element(0x0900, b"\0\0", HUGE)), causes.GARBAGE),
        (carrying(b"\x08\0" + element(0x0900, b"\0\0")[2:]), causes.GARBAGE),
        (carrying(response(ECHO_RSP, None)), causes.GARBAGE),
        (carrying(response(ECHO_RSP, 0, message=77)), causes.GARBAGE),
        (carrying(response(ECHO_RSP, 0), context=3), causes.GARBAGE),
        (carrying(response(STORE_RSP, 0)), causes.GARBAGE),
        (carrying(element(0x0800, b"\1\1\1")), causes.GARBAGE),
        (carrying(response(ECHO_RSP, 0, data_set=1)) + carrying(b"x", context=5, control=2), causes.GARBAGE),
        (carrying(response(ECHO_RSP, 0, data_set=1)) + carrying(response(ECHO_RSP, 0)), causes.GARBAGE),
        (carrying(response(ECHO_RSP, 0, data_set=1)) + carrying(b"x" * 9000, control=0) * 9, causes.TOO_LONG),
        (carrying(response(ECHO_RSP, 0, data_set=1)) + pdu(5, bytes(4)), causes.GARBAGE),
        (accepting(0), causes.GARBAGE),
        (pdu(5, bytes(4)), causes.CLOSED_EARLY),
    ],
)
async def test_an_answer_that_is_no_response_has_its_cause(said: bytes, cause: Cause) -> None:
    assert_fell(await probed(answering(accepting(0), said)), ECHO, cause)


@pytest.mark.parametrize("peer", [listening_then_closing, resetting], ids=["closed", "reset"])
async def test_a_partner_that_hangs_up_within_the_association_is_told(peer: Handler) -> None:
    result = await probed(answering(accepting(0), then=peer))
    assert result.stage is ECHO
    assert result.cause is (causes.RESET if peer is resetting else causes.CLOSED_EARLY)


async def test_an_answer_in_crumbs_is_an_answer() -> None:
    crumbs = b"".join(
        carrying(response(ECHO_RSP, 0)[place : place + 1], control=1) for place in range(len(response(ECHO_RSP, 0)))
    )
    peer = answering(accepting(0, maximum=64), crumbs + carrying(b"", control=3))
    assert (await probed(peer)).outcome is Outcome.OK
    packed = pdu(4, carrying(response(ECHO_RSP, 0)[:9], control=1)[6:] + carrying(response(ECHO_RSP, 0)[9:])[6:])
    assert (await probed(answering(accepting(0), packed))).outcome is Outcome.OK


@pytest.mark.parametrize(
    "peer",
    [
        endless(carrying(b"x", control=1) * 4096),
        answering(accepting(0), then=endless(carrying(b"x" * 16000, control=1))),
        endless(b"\2" * 65536),
        trickling(accepting(0), 0.02),
        answering(accepting(0), then=trickling(carrying(response(ECHO_RSP, 0)), 0.05)),
    ],
    ids=["no association", "one command", "twos", "slow association", "slow response"],
)
async def test_whoever_never_ends_is_ended_within_the_deadline_and_little_memory(peer: Handler) -> None:
    tracemalloc.start()
    try:
        result = await probed(peer, deadline=0.5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.outcome is Outcome.FAILED
    assert result.seconds < 1.5
    assert peak < 20_000_000


async def test_matches_that_cannot_be_read_are_garbage() -> None:
    stored = carrying(response(STORE_RSP, 0))
    deep = b"\x08\0\x40\x11\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 900
    for nonsense in (b"\x08\0\x18", deep, b"\x08\0\x18\0" + b"\xff" * 40):
        pieces = [nonsense[place : place + 16000] for place in range(0, len(nonsense), 16000)]
        data = b"".join(carrying(piece, context=3, control=2 if piece is pieces[-1] else 0) for piece in pieces)
        match = carrying(response(FIND_RSP, 0xFF00, message=2, data_set=1), context=3) + data
        end = carrying(response(FIND_RSP, 0, message=2), context=3)
        result = await probed(
            answering(accepting(0, 0), b"", stored, b"", match + end), "store", "find", found_within="0s"
        )
        assert_fell(result, FOUND, causes.GARBAGE)


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        pdu(1, b"", HUGE),
        pdu(1, b"\0\1"),
        pdu(1, bytes(16000)),
        pdu(4, b"", HUGE),
        negotiation.request("ARCHIVE", "US", CT_CONTEXT) + carrying(b"", length=HUGE),
        negotiation.request("ARCHIVE", "US", CT_CONTEXT) + carrying(STRANGE_STORE) + carrying(b"x", control=2),
        negotiation.request("\\" * 16, "US", CT_CONTEXT),
        b"",
    ],
)
async def test_our_receiver_survives_whoever_comes_to_it(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    archive = Archive()
    visited: list[bytes] = []

    async def visit(port: int) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            visited.append(said)
            try:
                with contextlib.suppress(OSError):
                    writer.write(said)
                    await (reader.read(100) if said else asyncio.sleep(0))
            finally:
                writer.close()  # also when the test is over first

    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        visitor = asyncio.create_task(visit(own))
        result = await climb(partner(port, *STEPS, move_to="US", receive=f"127.0.0.1:{own}"))
        visitor.cancel()
        await asyncio.gather(visitor, return_exceptions=True)
    assert result.outcome is Outcome.OK, result
    assert visited
    assert not [record for record in caplog.records if record.name == "asyncio"]  # no task of ours broke
