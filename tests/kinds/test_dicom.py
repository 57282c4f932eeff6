"""The kind `dicom`: an archive by pynetdicom that does as it is told, and servers of bytes that do worse."""

import asyncio
import contextlib
import gc
import os
import ssl
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import trustme
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from probes.dicom import ECHO, FOUND, NEGOTIATE, RETRIEVED, STORE, Dicom
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.model.stages import Stage
from retabli.net.dicom import dicom_causes
from retabli.net.dicom.association import ASSOCIATION, CONTEXT
from tests.climbing import climb, settings
from tests.net.dicom_partners import (
    Archive,
    a_free_port,
    aborting,
    accepting,
    answering,
    carrying,
    element,
    item,
    pdu,
    rejecting,
    response,
)
from tests.net.peers import (
    FUTURE,
    Conversation,
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

STEPS = ("echo", "negotiate", "store", "find", "move")
ECHO_RSP, STORE_RSP, FIND_RSP, MOVE_RSP = 0x8030, 0x8001, 0x8020, 0x8021
FIRST = (stages.RESOLVE, stages.CONNECT, ASSOCIATION, CONTEXT)


def partner(port: int, *verify: str, **keys: Any) -> Dicom:
    given = {"host": "127.0.0.1", "called_ae": "ARCHIVE", "verify": list(verify or ("echo",)), "timeout": "5s", **keys}
    return settings(Dicom, port=port, **given)


async def probed(peer: Archive | Handler, *verify: str, deadline: float | None = None, **keys: Any) -> Result:
    if isinstance(peer, Archive):
        with peer.serving() as port:
            return await climb(partner(port, *verify, **keys), deadline=deadline)
    async with serving(peer) as port:
        return await climb(partner(port, *verify, **keys), deadline=deadline)


async def retrieved(archive: Archive, *, deadline: float | None = None, title: str = "US", **keys: Any) -> Result:
    """One whole round with that archive, which knows our receiver as US."""
    with a_free_port() as own:
        archive.destinations.setdefault("US", own)
        given = {"move_to": title, "receive": f"127.0.0.1:{own}", **keys}
        return await probed(archive, *STEPS, deadline=deadline, **given)


def fell(result: Result, stage: Stage, cause: Cause) -> None:
    assert (result.stage, result.cause) == (stage, cause), result
    assert result.outcome is (Outcome.FAILED if cause.verdict.value == "failed" else Outcome.UNKNOWN)


# What holds ---------------------------------------------------------------------------------------------------------


async def test_an_answered_echo_is_ok() -> None:
    archive = Archive()
    result = await probed(archive)
    assert (result.outcome, result.stage, result.rung, result.of) == (Outcome.OK, ECHO, 5, 5)
    assert archive.asked == ["echo"]


async def test_a_negotiation_proves_what_the_partner_takes_and_sends_nothing() -> None:
    archive = Archive()
    result = await probed(archive, "negotiate")
    assert (result.outcome, result.stage) == (Outcome.OK, NEGOTIATE)
    assert archive.asked == []


async def test_an_image_is_sent_found_and_sent_back() -> None:
    archive = Archive()
    result = await retrieved(archive)
    assert (result.outcome, result.stage, result.rung, result.of) == (Outcome.OK, RETRIEVED, 9, 9), result
    assert archive.asked == ["echo", "store", "find", "move"]
    assert result.whole


async def test_the_image_says_in_every_field_that_it_is_of_nobody() -> None:
    archive = Archive()
    await probed(archive, "store")
    [image] = archive.images.values()
    assert (image.PatientID, str(image.PatientName)) == ("RETABLI-TEST", "RETABLI^TEST")
    assert image.QualityControlImage == "YES"
    assert (image.PatientBirthDate, image.PatientSex) == ("", "")
    assert "NOT OF A PATIENT" in image.ImageComments
    for identifier in (image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID):
        assert identifier.is_valid
        assert identifier.startswith("2.25.")
    assert image.pixel_array.shape == (64, 64) if _has_numpy() else len(image.PixelData) == 64 * 64 * 2


def _has_numpy() -> bool:
    try:
        import numpy  # noqa: F401
    except ImportError:
        return False
    return True


async def test_the_same_image_is_sent_until_it_is_renewed() -> None:
    archive = Archive()
    with archive.serving() as port:
        for _ in range(2):
            await climb(partner(port, "store"))
        assert len(archive.images) == 1
        await climb(partner(port, "store", calling_ae="OTHER"))
        assert len(archive.images) == 2  # another probe has an image of its own
        for _ in range(2):
            await climb(partner(port, "store", renew="1ms"))
        assert len(archive.images) == 4


@pytest.mark.parametrize("transfer", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"], ids=["implicit", "explicit"])
async def test_the_partner_chooses_the_encoding(transfer: str) -> None:
    result = await retrieved(Archive(transfers=[transfer]))
    assert result.outcome is Outcome.OK, result


async def test_a_partner_that_holds_the_image_already_has_it() -> None:
    result = await probed(Archive(statuses={"store": 0x0111}), "store", "find")
    assert (result.outcome, result.whole) == (Outcome.OK, True)
    assert result.properties["store_status"] == "0111"


async def test_an_image_that_is_taken_with_a_warning_is_not_whole() -> None:
    result = await probed(Archive(statuses={"store": 0xB007}), "store")
    assert (result.outcome, result.whole, result.cause) == (Outcome.OK, False, dicom_causes.STORED_WITH_WARNING)
    assert result.detail == "B007"
    assert (await probed(Archive(statuses={"store": 0xB000}), "store")).whole  # patients are reconciled everywhere


@pytest.mark.parametrize(
    ("keys", "climbed"),
    [
        ({}, (*FIRST, ECHO)),
        ({"verify": ["negotiate"]}, (*FIRST, NEGOTIATE)),
        ({"verify": ["store", "echo"]}, (*FIRST, ECHO, NEGOTIATE, STORE)),
        ({"verify": [*STEPS]}, (*FIRST, ECHO, NEGOTIATE, STORE, FOUND, RETRIEVED)),
        ({"tls": {"mode": "implicit"}}, (*FIRST[:2], stages.TLS, *FIRST[2:], ECHO)),
    ],
    ids=lambda value: ",".join(value.get("verify", value)) if isinstance(value, dict) else "",
)
def test_the_ladder_follows_the_settings(keys: dict[str, Any], climbed: tuple[Stage, ...]) -> None:
    assert partner(104, **keys).climbs() == climbed if "verify" not in keys else True
    assert settings(Dicom, host="h.test", called_ae="X", **keys).climbs() == climbed


# Associations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", [closing, listening_then_closing, resetting], ids=["at once", "read", "reset"])
async def test_a_partner_that_hangs_up_without_a_word_filters_us(peer: Handler) -> None:
    fell(await probed(peer), ASSOCIATION, dicom_causes.CLOSED_WITHOUT_ANSWER)


async def test_a_partner_that_says_nothing_is_down_and_not_the_network() -> None:
    result = await probed(silent, deadline=0.2)
    fell(result, ASSOCIATION, dicom_causes.ASSOCIATION_SILENT)


async def test_a_closed_port_is_refused() -> None:
    fell(await climb(partner(closed_port())), stages.CONNECT, causes.REFUSED)


@pytest.mark.parametrize(
    ("result", "source", "reason", "cause"),
    [
        (1, 1, 1, dicom_causes.ASSOCIATION_REFUSED),
        (1, 1, 2, dicom_causes.APPLICATION_CONTEXT_REFUSED),
        (1, 1, 3, dicom_causes.CALLING_AE_UNKNOWN),
        (1, 1, 7, dicom_causes.CALLED_AE_UNKNOWN),
        (1, 1, 10, dicom_causes.ASSOCIATION_REFUSED),
        (1, 2, 1, dicom_causes.ASSOCIATION_UNAVAILABLE),
        (1, 2, 2, dicom_causes.PROTOCOL_VERSION_REFUSED),
        (2, 3, 1, dicom_causes.ASSOCIATION_CONGESTED),
        (2, 3, 2, dicom_causes.ASSOCIATION_LIMIT),
        (1, 3, 1, dicom_causes.ASSOCIATION_CONGESTED),
        (2, 1, 1, dicom_causes.ASSOCIATION_REFUSED_FOR_NOW),
        (2, 1, 3, dicom_causes.ASSOCIATION_REFUSED_FOR_NOW),
        (2, 2, 1, dicom_causes.ASSOCIATION_REFUSED_FOR_NOW),
    ],
)
async def test_each_rejection_is_told_from_the_others(result: int, source: int, reason: int, cause: Cause) -> None:
    seen = await probed(answering(rejecting(result, source, reason)))
    fell(seen, ASSOCIATION, cause)
    assert f"{result}/{source}/{reason}" in seen.detail


async def test_an_archive_that_does_not_know_us_rejects_us() -> None:
    fell(await probed(Archive(calling=["SOMEBODY"])), ASSOCIATION, dicom_causes.CALLING_AE_UNKNOWN)
    assert (await probed(Archive(calling=["RETABLI"]))).outcome is Outcome.OK
    assert (await probed(Archive(calling=["MINE"]), calling_ae="MINE")).outcome is Outcome.OK


async def test_an_archive_with_another_title_rejects_us() -> None:
    archive = Archive(title="NEW", require_called=True)
    fell(await probed(archive), ASSOCIATION, dicom_causes.CALLED_AE_UNKNOWN)
    assert (await probed(archive, called_ae="NEW")).outcome is Outcome.OK


async def test_an_archive_that_has_no_association_left_is_unknown_for_a_while() -> None:
    archive = Archive(at_most=1, hangs="echo")
    with archive.serving() as port:
        first = asyncio.create_task(climb(partner(port, timeout="9s")))
        while not archive.asked:
            await asyncio.sleep(0.01)
        second = await climb(partner(port))
        archive.released.set()
        await first
    fell(second, ASSOCIATION, dicom_causes.ASSOCIATION_LIMIT)


@pytest.mark.parametrize(
    ("source", "reason", "cause", "said"),
    [
        (0, 0, dicom_causes.ASSOCIATION_ABORTED, ""),
        (2, 0, dicom_causes.ASSOCIATION_ABORTED_BY_PROTOCOL, "no reason"),
        (2, 2, dicom_causes.ASSOCIATION_ABORTED_BY_PROTOCOL, "unexpected PDU"),
        (2, 9, dicom_causes.ASSOCIATION_ABORTED_BY_PROTOCOL, "reason 9"),
    ],
)
async def test_an_abort_says_who_and_why(source: int, reason: int, cause: Cause, said: str) -> None:
    at_once = await probed(answering(aborting(source, reason)))
    fell(at_once, ASSOCIATION, cause)
    later = await probed(answering(accepting(0), aborting(source, reason)))
    fell(later, ECHO, cause)
    assert at_once.detail == later.detail == said


# TLS ----------------------------------------------------------------------------------------------------------------


def speaking(*answers: bytes) -> Conversation:
    """As `answering`, over the thread's socket."""

    def speak(sock: ssl.SSLSocket) -> None:
        for each in answers:
            head = _exactly(sock, 6)
            _exactly(sock, int.from_bytes(head[2:]))
            sock.sendall(each)
        sock.recv(4096)

    return speak


def _exactly(sock: ssl.SSLSocket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


HEALTHY = (accepting(0), carrying(response(ECHO_RSP, 0)), pdu(6, bytes(4)))


async def test_an_echo_over_tls_is_ok(authority: trustme.CA, ca_file: Path) -> None:
    async with serving_tls(
        server_context(authority.issue_cert("localhost", not_after=FUTURE)), speaking(*HEALTHY)
    ) as port:
        result = await climb(partner(port, host="localhost", tls={"ca": str(ca_file)}))
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 6, 6), result


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name)
async def test_a_partner_that_demands_our_certificate(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority, only=version)
    for folder in ("good", "bad"):
        (tmp_path / folder).mkdir()
    good = client_files(authority.issue_cert("probe.test"), tmp_path / "good")
    bad = client_files(stranger.issue_cert("probe.test"), tmp_path / "bad")
    async with serving_tls(context, speaking(*HEALTHY)) as port:
        tls = {"ca": str(ca_file)}
        assert (await climb(partner(port, host="localhost", tls=tls | good))).outcome is Outcome.OK
        missing = await climb(partner(port, host="localhost", tls=tls))
        refused = await climb(partner(port, host="localhost", tls=tls | bad))
    assert missing.cause is causes.CLIENT_CERT_MISSING
    assert refused.cause is causes.CLIENT_CERT_REFUSED


async def test_a_partner_that_hangs_up_for_want_of_our_certificate_is_told(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority)
    context.verify_mode = ssl.CERT_OPTIONAL

    def hang_up_later(sock: ssl.SSLSocket) -> None:
        sock.recv(4096)

    async with serving_tls(context, hang_up_later) as port:
        result = await climb(partner(port, host="localhost", tls={"ca": str(ca_file)}))
    fell(result, ASSOCIATION, dicom_causes.CLOSED_WITHOUT_ANSWER)
    assert "client certificate" in result.detail


@pytest.mark.parametrize("alert", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x15\x03\x03\x00\x02\x02\x0a"])
async def test_a_partner_that_waits_for_tls_is_told_from_one_that_talks_nonsense(alert: bytes) -> None:
    fell(await probed(answering(alert)), ASSOCIATION, dicom_causes.DICOM_OVER_TLS)


async def test_a_real_tls_server_that_we_speak_to_in_clear_hangs_up_or_says_so(authority: trustme.CA) -> None:
    async with serving_tls(server_context(authority.issue_cert("localhost"))) as port:
        result = await climb(partner(port))
    assert result.stage is ASSOCIATION
    assert result.cause in (dicom_causes.DICOM_OVER_TLS, dicom_causes.CLOSED_WITHOUT_ANSWER)


async def test_a_partner_in_clear_that_we_speak_tls_to_is_not_tls() -> None:
    result = await probed(Archive(), tls={"mode": "implicit"})
    assert result.stage is stages.TLS
    assert result.cause in (causes.NOT_TLS, causes.CLOSED_EARLY), result
    fell(await probed(saying(aborting(2, 1)), tls={"mode": "implicit"}), stages.TLS, causes.NOT_TLS)


# Presentation contexts ------------------------------------------------------------------------------------------------

REFUSED_CONTEXTS = [
    (1, dicom_causes.CONTEXT_REFUSED_BY_USER),
    (2, dicom_causes.CONTEXT_REFUSED),
    (3, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED),
    (4, dicom_causes.TRANSFER_SYNTAX_UNSUPPORTED),
    (9, dicom_causes.CONTEXT_REFUSED),
]


@pytest.mark.parametrize(("result", "cause"), REFUSED_CONTEXTS)
async def test_a_refused_context_says_what_is_refused(result: int, cause: Cause) -> None:
    seen = await probed(answering(accepting(result)))
    fell(seen, CONTEXT, cause)
    assert seen.detail == f"1.2.840.10008.1.1: result {result}"
    fell(await probed(answering(accepting(result)), "negotiate"), CONTEXT, cause)
    fell(await probed(answering(accepting(0, result), HEALTHY[1]), "echo", "negotiate"), NEGOTIATE, cause)


async def test_an_archive_that_takes_no_images_falls_on_the_negotiation() -> None:
    archive = Archive(offers=("echo",))
    fell(await probed(archive, "echo", "store"), NEGOTIATE, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED)
    assert archive.asked == ["echo"]


async def test_an_archive_that_takes_only_compressed_images_falls_on_the_negotiation() -> None:
    archive = Archive(offers=("store",), transfers=["1.2.840.10008.1.2.4.50"])
    fell(await probed(archive, "negotiate"), CONTEXT, dicom_causes.TRANSFER_SYNTAX_UNSUPPORTED)


async def test_every_kind_of_image_that_is_asked_for_must_be_taken() -> None:
    result = await probed(Archive(), "echo", "negotiate", modalities=["CT", "MR"])
    fell(result, NEGOTIATE, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED)
    assert "1.2.840.10008.5.1.4.1.1.4" in result.detail


async def test_an_archive_that_offers_no_search_or_no_retrieval_falls_there() -> None:
    fell(await retrieved(Archive(offers=("echo", "store", "move"))), FOUND, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED)
    fell(
        await retrieved(Archive(offers=("echo", "store", "find"))), RETRIEVED, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED
    )


# Services -------------------------------------------------------------------------------------------------------------

STATUSES = [
    (0x0122, dicom_causes.SOP_CLASS_UNSUPPORTED),
    (0x0124, dicom_causes.DICOM_NOT_AUTHORISED),
    (0xA700, dicom_causes.OUT_OF_RESOURCES),
    (0xA900, dicom_causes.DATA_SET_MISMATCH),
    (0x0110, dicom_causes.DIMSE_FAILED),
    (0x0211, dicom_causes.DIMSE_FAILED),
]
CANNOT_UNDERSTAND = (0xC001, dicom_causes.CANNOT_UNDERSTAND)


@pytest.mark.parametrize(("status", "cause"), [*STATUSES, CANNOT_UNDERSTAND])
async def test_each_status_of_a_storage_has_its_cause(status: int, cause: Cause) -> None:
    result = await probed(Archive(statuses={"store": status}, comment="no room\nleft"), "store")
    fell(result, STORE, cause)
    assert result.detail == f"{status:04X} (no room left)"


@pytest.mark.parametrize(("status", "cause"), [*STATUSES[:2], *STATUSES[4:]])
async def test_each_status_of_an_echo_has_its_cause(status: int, cause: Cause) -> None:
    fell(await probed(Archive(statuses={"echo": status})), ECHO, cause)


@pytest.mark.parametrize(("status", "cause"), [*STATUSES, CANNOT_UNDERSTAND])
async def test_each_status_of_a_search_has_its_cause(status: int, cause: Cause) -> None:
    fell(await probed(Archive(statuses={"find": status}), "store", "find"), FOUND, cause)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        *STATUSES,
        (0xC001, dicom_causes.SUBOPERATIONS_FAILED),
        (0xA702, dicom_causes.SUBOPERATIONS_FAILED),
        (0xA801, dicom_causes.MOVE_DESTINATION_UNKNOWN),
    ],
)
async def test_each_status_of_a_retrieval_has_its_cause(status: int, cause: Cause) -> None:
    result = await retrieved(Archive(statuses={"move": status}))
    fell(result, RETRIEVED, cause)
    assert result.detail == f"{status:04X}; the partner came, sent nothing that was awaited, and left"


@pytest.mark.parametrize(("service", "stage"), [("echo", ECHO), ("store", STORE), ("find", FOUND), ("move", RETRIEVED)])
async def test_an_archive_that_falls_silent_is_told_where(service: str, stage: Stage) -> None:
    result = await retrieved(Archive(hangs=service), deadline=1.5)
    fell(result, stage, dicom_causes.DIMSE_SILENT)
    assert result.seconds < 2


@pytest.mark.parametrize(("service", "stage"), [("echo", ECHO), ("store", STORE), ("find", FOUND), ("move", RETRIEVED)])
async def test_an_archive_that_aborts_is_told_where(service: str, stage: Stage) -> None:
    fell(await retrieved(Archive(aborts=service)), stage, dicom_causes.ASSOCIATION_ABORTED)


async def test_an_image_that_is_taken_and_not_kept_is_not_found() -> None:
    archive = Archive(forgets=True)
    result = await probed(archive, "store", "find", found_within="400ms")
    fell(result, FOUND, dicom_causes.IMAGE_NOT_FOUND)
    assert archive.asked.count("find") >= 2  # it may have been filing it
    assert result.detail == "nothing is found after 0.4 s"


async def test_an_archive_that_answers_with_everything_it_has_does_not_heed_the_question() -> None:
    other = element(0, b"")[:0] + b"\x08\x00\x18\x00\x04\x00\x00\x001.2\0"
    match = carrying(response(FIND_RSP, 0xFF00, message=2, data_set=1), context=3) + carrying(
        other, context=3, control=2
    )
    stored = carrying(response(STORE_RSP, 0))
    few = match + carrying(response(FIND_RSP, 0, message=2), context=3)
    peer = answering(accepting(0, 0), b"", stored, b"", few)
    result = await probed(peer, "store", "find", found_within="0s")
    fell(result, FOUND, dicom_causes.IMAGE_NOT_FOUND)
    assert result.detail.startswith("1 others")
    result = await probed(answering(accepting(0, 0), b"", stored, b"", match * 9), "store", "find")
    fell(result, FOUND, dicom_causes.IMAGE_NOT_FOUND)
    assert "more than 8" in result.detail


# Retrieval ------------------------------------------------------------------------------------------------------------


async def test_a_destination_that_the_archive_does_not_know_is_told() -> None:
    fell(await retrieved(Archive(), title="ELSEWHERE"), RETRIEVED, dicom_causes.MOVE_DESTINATION_UNKNOWN)


async def test_an_archive_that_cannot_reach_us_says_so() -> None:
    fell(await retrieved(Archive(destinations={"US": closed_port()})), RETRIEVED, dicom_causes.MOVE_DESTINATION_UNKNOWN)


async def test_an_image_that_comes_back_altered_is_told() -> None:
    fell(await retrieved(Archive(alters=True)), RETRIEVED, dicom_causes.IMAGE_ALTERED)


async def test_an_object_that_is_not_ours_is_not_taken() -> None:
    result = await retrieved(Archive(sends="1.2.3.4"))
    fell(result, RETRIEVED, dicom_causes.SUBOPERATIONS_FAILED)
    assert "not ours was sent: 1.2.3.4" in result.detail


async def test_somebody_else_may_not_send_us_anything() -> None:
    result = await retrieved(Archive(sends_as="STRANGER"))
    assert (result.outcome, result.stage) == (Outcome.FAILED, RETRIEVED)
    assert "STRANGER" in result.detail


async def test_an_archive_that_says_it_sent_what_never_comes_is_told() -> None:
    moved = carrying(response(MOVE_RSP, 0, message=2, extra=element(0x1021, b"\1\0")), context=3)
    peer = answering(accepting(0, 0), b"", carrying(response(STORE_RSP, 0)), b"", moved)
    with a_free_port() as own:
        result = await probed(peer, "store", "move", move_to="US", receive=f"127.0.0.1:{own}")
    fell(result, RETRIEVED, dicom_causes.IMAGE_NOT_RETRIEVED)
    assert result.detail == "0000, 1 sent, 0 failed; nobody came to our receiver"


async def test_failed_suboperations_are_told_from_a_failed_retrieval() -> None:
    counted = element(0x1021, b"\0\0") + element(0x1022, b"\1\0")
    moved = carrying(response(MOVE_RSP, 0xB000, message=2, extra=counted), context=3)
    pending = carrying(response(MOVE_RSP, 0xFF00, message=2), context=3)
    peer = answering(accepting(0, 0), b"", carrying(response(STORE_RSP, 0)), b"", pending * 3 + moved)
    with a_free_port() as own:
        result = await probed(peer, "store", "move", move_to="US", receive=f"127.0.0.1:{own}")
    fell(result, RETRIEVED, dicom_causes.SUBOPERATIONS_FAILED)
    assert result.detail == "B000, 0 sent, 1 failed; nobody came to our receiver"


async def test_a_receiver_whose_port_is_taken_cannot_judge() -> None:
    async with serving(silent) as taken:
        result = await probed(
            Archive(destinations={"US": taken}), *STEPS, move_to="US", receive=f"127.0.0.1:{taken}", timeout="900ms"
        )
    fell(result, RETRIEVED, dicom_causes.RECEIVER_TAKEN)


async def test_two_probes_may_share_a_receiver() -> None:
    archive = Archive()
    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        keys = {"move_to": "US", "receive": f"127.0.0.1:{own}"}
        probes = [partner(port, *STEPS, calling_ae=name, **keys) for name in ("ONE", "TWO", "THREE")]
        results = await asyncio.gather(*map(climb, probes))
    assert [result.outcome for result in results] == [Outcome.OK] * 3, results


# Hostile partners -----------------------------------------------------------------------------------------------------

HUGE = 0xFFFFFFFF


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
    fell(await probed(answering(accepting(0), said)), ECHO, cause)


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
        endless(carrying(b"x", control=1)),
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
    deep = b"\x08\0\x40\x11\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 3000
    for nonsense in (b"\x08\0\x18", deep, b"\x08\0\x18\0" + b"\xff" * 40):
        pieces = [nonsense[place : place + 16000] for place in range(0, len(nonsense), 16000)]
        data = b"".join(carrying(piece, context=3, control=2 if piece is pieces[-1] else 0) for piece in pieces)
        match = carrying(response(FIND_RSP, 0xFF00, message=2, data_set=1), context=3) + data
        end = carrying(response(FIND_RSP, 0, message=2), context=3)
        result = await probed(
            answering(accepting(0, 0), b"", stored, b"", match + end), "store", "find", found_within="0s"
        )
        assert result.stage is FOUND
        assert result.cause in (causes.GARBAGE, dicom_causes.IMAGE_NOT_FOUND), result


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        pdu(1, b"", HUGE),
        pdu(1, b"\0\1"),
        pdu(1, bytes(16000)),
        pdu(4, b"", HUGE),
        b"",
    ],
)
async def test_our_receiver_survives_whoever_comes_to_it(said: bytes) -> None:
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
            with contextlib.suppress(OSError):
                writer.write(said)
                await (reader.read(100) if said else asyncio.sleep(0))
            writer.close()

    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        visitor = asyncio.create_task(visit(own))
        result = await climb(partner(port, *STEPS, move_to="US", receive=f"127.0.0.1:{own}"))
        visitor.cancel()
        await asyncio.gather(visitor, return_exceptions=True)
    assert result.outcome is Outcome.OK, result
    assert visited


# Ourselves ------------------------------------------------------------------------------------------------------------


async def test_fifty_whole_rounds_leave_no_thread_and_no_descriptor_and_never_block_the_loop() -> None:
    archive = Archive()
    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        probe = partner(port, *STEPS, move_to="US", receive=f"127.0.0.1:{own}")
        await climb(probe)  # what is imported and made once
        before = len(os.listdir("/proc/self/fd"))
        names = {thread.name for thread in threading.enumerate() if "pynetdicom" not in thread.name}
        for number in range(50):
            result = await climb(probe, deadline=0.02 if number % 5 == 4 else None)
            assert result.outcome is Outcome.OK or number % 5 == 4, result
        del result
        gc.collect()
        ours = {
            thread.name
            for thread in threading.enumerate()
            if not thread.name.startswith(("AcceptorThread", "RequestorThread", "AcceptorServer"))
        }
        assert {name for name in ours if not name.startswith("Thread-")} <= names
        deadline = asyncio.get_running_loop().time() + 5
        while len(os.listdir("/proc/self/fd")) > before and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)  # the archive's own ends of the connections
        assert len(os.listdir("/proc/self/fd")) <= before


async def test_a_round_never_blocks_the_loop() -> None:
    archive = Archive()
    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        probe = partner(port, *STEPS, move_to="US", receive=f"127.0.0.1:{own}")
        await climb(probe)
        with blockbuster_ctx():
            result = await climb(probe)
    assert result.outcome is Outcome.OK, result


def test_importing_the_kind_imports_no_heavy_library() -> None:
    import subprocess
    import sys

    code = "import sys, probes.dicom; sys.exit(any(name in sys.modules for name in ('pydicom', 'pynetdicom')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Settings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {"patient_id": "123456"},
        {"patient_name": "DUPONT^JEAN"},
        {"patient_id": "RETABLI\\1"},
        {"calling_ae": "SEVENTEEN LETTERS"},
        {"called_ae": " X"},
        {"called_ae": ""},
        {"move_to": "A\\B"},
        {"receive": "11112"},
        {"receive": "0.0.0.0:0"},
        {"receive": "here.test:11112"},
        {"verify": []},
        {"verify": ["delete"]},
        {"modalities": ["XX"]},
    ],
    ids=str,
)
def test_what_no_partner_or_patient_may_bear_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(Dicom, host="pacs.test", **{"called_ae": "X", **keys})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"verify": ["find"]}, "add store"),
        ({"verify": ["echo", "move"], "move_to": "US", "receive": "0.0.0.0:11112"}, "add store"),
        ({"verify": ["store"], "modalities": ["MR"]}, "add CT"),
        ({"verify": ["store", "move"]}, "move_to"),
        ({"verify": ["store", "move"], "move_to": "US"}, "receive"),
        ({"tls": {"mode": "starttls"}}, "starttls"),
        ({"timeout": "2m"}, "longer than every"),
        ({"renew": "0s"}, "renew"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_together_are_faults(keys: dict[str, Any], said: str) -> None:
    faults = list(settings(Dicom, host="pacs.test", called_ae="X", **keys).faults())
    assert any(said in fault for fault in faults), faults


def test_sound_settings_have_no_faults_and_name_their_opening() -> None:
    probe = settings(
        Dicom, host="pacs.test", called_ae="X", verify=[*STEPS], move_to="US", receive="[::]:11112", renew="30s"
    )
    assert list(probe.faults()) == []
    assert any("fills" in warning for warning in probe.warnings())
    assert list(probe.openings()) == [("pacs.test", 104, "tcp")]
