"""The kind `dicom` up to its presentation contexts: each refusal told from the others."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from probes.dicom import ECHO, FOUND, NEGOTIATE, RETRIEVED
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome
from retabli.net.dicom import dicom_causes
from retabli.net.dicom.association import ASSOCIATION, CONTEXT
from tests.climbing import climb
from tests.kinds.dicom_climbs import (
    HEALTHY,
    partner,
    probed,
    retrieved,
)
from tests.net.dicom_partners import (
    Archive,
    aborting,
    accepting,
    answering,
    rejecting,
)
from tests.net.peers import (
    FUTURE,
    Conversation,
    Handler,
    client_files,
    closed_port,
    closing,
    demanding_context,
    listening_then_closing,
    resetting,
    saying,
    server_context,
    serving_tls,
    silent,
)
from tests.said import assert_fell


@pytest.mark.parametrize("peer", [closing, listening_then_closing, resetting], ids=["at once", "read", "reset"])
async def test_a_partner_that_hangs_up_without_a_word_filters_us(peer: Handler) -> None:
    assert_fell(await probed(peer), ASSOCIATION, dicom_causes.CLOSED_WITHOUT_ANSWER)


async def test_a_partner_that_says_nothing_is_down_and_not_the_network() -> None:
    result = await probed(silent, deadline=0.2)
    assert_fell(result, ASSOCIATION, dicom_causes.ASSOCIATION_SILENT)


async def test_a_closed_port_is_refused() -> None:
    assert_fell(await climb(partner(closed_port())), stages.CONNECT, causes.REFUSED)


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
        (2, 3, 7, dicom_causes.ASSOCIATION_REFUSED_FOR_NOW),
    ],
)
async def test_each_rejection_is_told_from_the_others(result: int, source: int, reason: int, cause: Cause) -> None:
    seen = await probed(answering(rejecting(result, source, reason)))
    assert_fell(seen, ASSOCIATION, cause)
    assert f"{result}/{source}/{reason}" in seen.detail


async def test_an_archive_that_does_not_know_us_rejects_us() -> None:
    assert_fell(await probed(Archive(calling=["SOMEBODY"])), ASSOCIATION, dicom_causes.CALLING_AE_UNKNOWN)
    assert (await probed(Archive(calling=["RETABLI"]))).outcome is Outcome.OK
    assert (await probed(Archive(calling=["MINE"]), calling_ae="MINE")).outcome is Outcome.OK


async def test_an_archive_with_another_title_rejects_us() -> None:
    archive = Archive(title="NEW", require_called=True)
    assert_fell(await probed(archive), ASSOCIATION, dicom_causes.CALLED_AE_UNKNOWN)
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
    assert_fell(second, ASSOCIATION, dicom_causes.ASSOCIATION_LIMIT)


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
    assert_fell(at_once, ASSOCIATION, cause)
    later = await probed(answering(accepting(0), aborting(source, reason)))
    assert_fell(later, ECHO, cause)
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
    assert_fell(result, ASSOCIATION, dicom_causes.CLOSED_WITHOUT_ANSWER)
    assert "client certificate" in result.detail


@pytest.mark.parametrize("alert", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x15\x03\x03\x00\x02\x02\x0a"])
async def test_a_partner_that_waits_for_tls_is_told_from_one_that_talks_nonsense(alert: bytes) -> None:
    assert_fell(await probed(answering(alert)), ASSOCIATION, dicom_causes.DICOM_OVER_TLS)


async def test_a_real_tls_server_that_we_speak_to_in_clear_hangs_up_or_says_so(authority: trustme.CA) -> None:
    async with serving_tls(server_context(authority.issue_cert("localhost"))) as port:
        result = await climb(partner(port))
    assert result.stage is ASSOCIATION
    assert result.cause in (dicom_causes.DICOM_OVER_TLS, dicom_causes.CLOSED_WITHOUT_ANSWER)


async def test_a_partner_in_clear_that_we_speak_tls_to_is_not_tls() -> None:
    result = await probed(Archive(), tls={"mode": "implicit"})
    assert result.stage is stages.TLS
    assert result.cause in (causes.NOT_TLS, causes.CLOSED_EARLY), result
    assert_fell(await probed(saying(aborting(2, 1)), tls={"mode": "implicit"}), stages.TLS, causes.NOT_TLS)


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
    assert_fell(seen, CONTEXT, cause)
    assert seen.detail == f"C-ECHO: result {result}"
    assert_fell(await probed(answering(accepting(result)), "negotiate"), CONTEXT, cause)
    assert_fell(await probed(answering(accepting(0, result), HEALTHY[1]), "echo", "negotiate"), NEGOTIATE, cause)


async def test_an_archive_that_takes_no_images_falls_on_the_negotiation() -> None:
    archive = Archive(offers=("echo",))
    assert_fell(await probed(archive, "echo", "store"), NEGOTIATE, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED)
    assert archive.asked == ["echo"]


async def test_an_archive_that_takes_only_compressed_images_falls_on_the_negotiation() -> None:
    archive = Archive(offers=("store",), transfers=["1.2.840.10008.1.2.4.50"])
    assert_fell(await probed(archive, "negotiate"), CONTEXT, dicom_causes.TRANSFER_SYNTAX_UNSUPPORTED)


async def test_every_kind_of_image_that_is_asked_for_must_be_taken() -> None:
    result = await probed(Archive(), "echo", "negotiate", modalities=["MR", "CT", "DX"])
    assert_fell(result, NEGOTIATE, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED)
    assert result.detail == "MR images: result 3, DX images: result 3"


async def test_an_archive_that_offers_no_search_or_no_retrieval_falls_there() -> None:
    assert_fell(
        await retrieved(Archive(offers=("echo", "store", "move"))), FOUND, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED
    )
    assert_fell(
        await retrieved(Archive(offers=("echo", "store", "find"))), RETRIEVED, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED
    )
