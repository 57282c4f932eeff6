"""The kind `tls`: each way in which a handshake fails, by a server that really does it."""

import asyncio
import datetime
import queue
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from blockbuster import blockbuster_ctx
from cryptography.hazmat.primitives import serialization

from probes.tls import CERT_EXPIRES_SOON, TlsService
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Measure, Outcome, Result
from tests.climbing import climb, settings
from tests.net.peers import (
    FUTURE,
    LONG_AGO,
    PAST,
    Conversation,
    Handler,
    client_files,
    closed_port,
    demanding_context,
    echo,
    endless,
    for_clients_only,
    hang_up,
    listening_then_closing,
    resetting,
    revocation_list,
    saying,
    self_signed,
    server_context,
    serving,
    serving_tls,
    silent,
    trickling,
)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
EITHER_VERSION = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


async def probed(
    peer: ssl.SSLContext | Handler,
    ca_file: Path,
    *,
    conversation: Conversation = echo,
    host: str = "localhost",
    deadline: float | None = None,
    min_days: int = 0,
    **tls: Any,
) -> Result:
    """One climb towards a TLS server with that context, or towards a plain one."""
    server = serving_tls(peer, conversation) if isinstance(peer, ssl.SSLContext) else serving(peer)
    async with server as port:
        probe = settings(TlsService, host=host, port=port, min_days=min_days, tls={"ca": str(ca_file), **tls})
        return await climb(probe, deadline=deadline)


def fell(result: Result, cause: Cause) -> None:
    assert (result.stage, result.cause) == (stages.TLS, cause), result
    assert result.outcome is (Outcome.FAILED if cause is not causes.FILE_UNREADABLE else Outcome.UNKNOWN)


@EITHER_VERSION
async def test_a_valid_certificate_is_ok_and_told(
    authority: trustme.CA, ca_file: Path, version: ssl.TLSVersion
) -> None:
    certificate = authority.issue_cert("localhost", common_name="mail.example", not_after=FUTURE)
    result = await probed(server_context(certificate, only=version), ca_file)
    assert result.outcome is Outcome.OK
    assert result.whole
    assert result.measures[Measure.CERT_EARLIEST_EXPIRY] == FUTURE.timestamp()
    assert result.properties["tls_version"] == version.name.replace("_", ".")
    assert result.properties["subject"].startswith("mail.example")
    assert "trustme" in result.properties["issuer"]


@EITHER_VERSION
async def test_an_expired_certificate_is_named_and_its_date_known(
    authority: trustme.CA, ca_file: Path, version: ssl.TLSVersion
) -> None:
    certificate = authority.issue_cert("localhost", not_before=LONG_AGO, not_after=PAST)
    result = await probed(server_context(certificate, only=version), ca_file)
    fell(result, causes.CERT_EXPIRED)
    assert result.measures[Measure.CERT_EARLIEST_EXPIRY] == PAST.timestamp()
    assert "2020-01-01" in result.detail


async def test_a_certificate_of_the_future_is_not_yet_valid(authority: trustme.CA, ca_file: Path) -> None:
    certificate = authority.issue_cert("localhost", not_before=FUTURE, not_after=FUTURE.replace(year=2095))
    fell(await probed(server_context(certificate), ca_file), causes.CERT_NOT_YET_VALID)


async def test_an_authority_that_we_do_not_know_is_told_with_its_name(stranger: trustme.CA, ca_file: Path) -> None:
    result = await probed(server_context(stranger.issue_cert("localhost", not_after=FUTURE)), ca_file)
    fell(result, causes.CERT_UNKNOWN_CA)
    assert result.measures[Measure.CERT_EARLIEST_EXPIRY] == FUTURE.timestamp()
    assert "trustme" in result.properties["issuer"]


async def test_a_self_signed_certificate_is_told_from_an_unknown_authority(ca_file: Path, tmp_path: Path) -> None:
    fell(await probed(self_signed(tmp_path), ca_file), causes.CERT_SELF_SIGNED)


async def test_a_self_signed_certificate_that_the_settings_trust_is_ok(tmp_path: Path) -> None:
    context = self_signed(tmp_path)
    assert (await probed(context, tmp_path / "self-signed.pem")).outcome is Outcome.OK


async def test_a_certificate_for_another_name_is_a_mismatch(authority: trustme.CA, ca_file: Path) -> None:
    result = await probed(server_context(authority.issue_cert("other.test", "192.0.2.7")), ca_file)
    fell(result, causes.CERT_NAME_MISMATCH)
    assert "it is for other.test, 192.0.2.7; shown:" in result.detail


async def test_a_certificate_that_is_for_clients_only_is_invalid(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    context = for_clients_only(authority, tmp_path)
    result = await probed(context, ca_file)
    fell(result, causes.CERT_INVALID)
    assert "purpose" in result.detail


async def test_the_name_that_is_asked_for_may_be_set(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("other.test"))
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    assert (await probed(context, ca_file, server_name="other.test")).outcome is Outcome.OK
    assert asked == ["other.test"]


async def test_an_address_must_stand_in_the_certificate_and_is_not_sent_as_a_name(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    assert (await probed(context, ca_file, host="127.0.0.1")).outcome is Outcome.OK
    assert asked == [None]
    context = server_context(authority.issue_cert("localhost"))
    fell(await probed(context, ca_file, host="127.0.0.1"), causes.CERT_NAME_MISMATCH)


async def test_a_server_that_is_too_old_has_no_version_in_common(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("localhost"), only=ssl.TLSVersion.TLSv1_2)
    fell(await probed(context, ca_file, min_version="1.3"), causes.TLS_VERSION)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=lambda version: version.name)
async def test_an_old_version_is_spoken_only_where_it_is_asked_for(
    authority: trustme.CA, ca_file: Path, version: ssl.TLSVersion
) -> None:
    context = server_context(authority.issue_cert("localhost"), only=version)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    fell(await probed(context, ca_file), causes.TLS_VERSION)
    wanted = "1.0" if version is ssl.TLSVersion.TLSv1 else "1.1"
    assert (await probed(context, ca_file, min_version=wanted)).outcome is Outcome.OK


async def test_a_server_without_a_common_cipher_is_told(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("localhost"), only=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("ADH-AES128-SHA256:@SECLEVEL=0")
    fell(await probed(context, ca_file), causes.TLS_CIPHER)


@pytest.mark.parametrize(
    "said", [b"220 mail.example ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 40, b"\x15\x99"]
)
async def test_a_plain_answer_is_not_tls(ca_file: Path, said: bytes) -> None:
    fell(await probed(saying(said), ca_file), causes.NOT_TLS)


async def test_a_plain_answer_is_quoted(ca_file: Path) -> None:
    result = await probed(saying(b"220 mail.example ESMTP\r\n"), ca_file)
    assert result.detail == "220 mail.example ESMTP"


async def test_a_handshake_that_is_cut_is_closed_early(ca_file: Path) -> None:
    fell(await probed(listening_then_closing, ca_file), causes.CLOSED_EARLY)
    fell(await probed(saying(b"\x16\x03\x03\x00\x7a\x02", then=listening_then_closing), ca_file), causes.CLOSED_EARLY)


async def test_a_handshake_that_is_reset_is_told_from_one_that_is_closed(ca_file: Path) -> None:
    result = await probed(resetting, ca_file)
    fell(result, causes.RESET)
    assert "may expect clear text" in result.detail


@pytest.mark.parametrize("handler", [silent, trickling(b"\x16\x03\x03\x00\x7a\x02" * 9, 0.05)], ids=["silent", "slow"])
async def test_a_server_that_never_ends_its_handshake_is_a_timeout_on_that_rung(
    ca_file: Path, handler: Handler
) -> None:
    fell(await probed(handler, ca_file, deadline=0.15), causes.TIMEOUT)


async def test_an_endless_handshake_is_ended_by_openssl(ca_file: Path) -> None:
    result = await probed(endless(b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" * 4096), ca_file)
    assert result.stage is stages.TLS
    assert result.cause in (causes.TLS_HANDSHAKE, causes.NOT_TLS, causes.TLS_VERSION)
    assert result.seconds < 5


# Client certificates ------------------------------------------------------------------------------------------------


@EITHER_VERSION
async def test_a_missing_client_certificate_is_told_under_every_version(
    authority: trustme.CA, ca_file: Path, version: ssl.TLSVersion
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority, only=version)
    fell(await probed(context, ca_file), causes.CLIENT_CERT_MISSING)


@EITHER_VERSION
@pytest.mark.parametrize("fault", ["rogue", "expired"])
async def test_a_refused_client_certificate_is_told_under_every_version(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path, version: ssl.TLSVersion, fault: str
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority, only=version)
    own = (
        stranger.issue_cert("probe.test")
        if fault == "rogue"
        else authority.issue_cert("probe.test", not_before=LONG_AGO, not_after=PAST)
    )
    fell(await probed(context, ca_file, **client_files(own, tmp_path)), causes.CLIENT_CERT_REFUSED)


@EITHER_VERSION
async def test_an_accepted_client_certificate_is_ok(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority, only=version)
    own = client_files(authority.issue_cert("probe.test"), tmp_path)
    assert (await probed(context, ca_file, **own)).outcome is Outcome.OK


async def test_a_server_that_only_wishes_for_a_client_certificate_is_ok(authority: trustme.CA, ca_file: Path) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    result = await probed(context, ca_file)
    assert result.outcome is Outcome.OK
    assert result.properties["client_certificate"].startswith("asked for, and none is set")
    unasked = await probed(server_context(authority.issue_cert("localhost")), ca_file)
    assert "client_certificate" not in unasked.properties


async def test_a_server_that_just_hangs_up_on_us_is_closed_early_and_said_so(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    result = await probed(context, ca_file, conversation=hang_up)
    fell(result, causes.CLOSED_EARLY)
    assert "client certificate" in result.detail


# Our own files ------------------------------------------------------------------------------------------------------


async def test_an_authority_file_that_is_missing_is_our_fault(tmp_path: Path) -> None:
    result = await probed(silent, tmp_path / "nowhere.pem")
    fell(result, causes.FILE_UNREADABLE)
    assert "nowhere.pem" in result.detail


async def test_an_authority_file_that_holds_none_is_our_fault(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    fell(await probed(silent, tmp_path / "ca.pem"), causes.FILE_UNREADABLE)


async def test_a_client_key_with_a_passphrase_is_our_fault_and_asks_nobody(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    own = authority.issue_cert("probe.test")
    files = client_files(own, tmp_path)
    key = serialization.load_pem_private_key(own.private_key_pem.bytes(), None)
    Path(files["client_key"]).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    fell(await probed(silent, ca_file, **files), causes.FILE_UNREADABLE)


async def test_a_client_certificate_without_its_key_is_our_fault(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    files = client_files(authority.issue_cert("probe.test"), tmp_path)
    stranger.issue_cert("x.test").private_key_pem.write_to_path(Path(files["client_key"]))
    fell(await probed(silent, ca_file, **files), causes.FILE_UNREADABLE)


# Other rungs and settings ---------------------------------------------------------------------------------------------


async def test_a_certificate_that_expires_soon_is_ok_but_not_whole(authority: trustme.CA, ca_file: Path) -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=5)
    context = server_context(authority.issue_cert("localhost", not_after=soon))
    result = await probed(context, ca_file, min_days=14)
    assert (result.outcome, result.whole, result.cause) == (Outcome.OK, False, CERT_EXPIRES_SOON)
    assert "5.0 days" in result.detail
    assert (await probed(context, ca_file, min_days=4)).whole
    assert (await probed(context, ca_file)).whole


async def test_a_closed_port_falls_on_the_rung_below(ca_file: Path) -> None:
    probe = settings(TlsService, host="localhost", port=closed_port(), tls={"ca": str(ca_file)})
    result = await climb(probe)
    assert (result.stage, result.cause, result.rung) == (stages.CONNECT, causes.REFUSED, 1)


def test_starttls_is_no_setting_of_this_kind() -> None:
    probe = settings(TlsService, host="localhost", tls={"mode": "starttls"})
    assert any("starttls" in fault for fault in probe.faults())


async def test_the_end_of_a_run_says_goodbye_and_leaves_no_conversation_open(
    authority: trustme.CA, ca_file: Path
) -> None:
    heard: queue.Queue[bytes] = queue.Queue()

    def listen(sock: ssl.SSLSocket) -> None:
        heard.put(sock.recv(1))  # b"" is a close_notify; a cut would be an error

    result = await probed(server_context(authority.issue_cert("localhost")), ca_file, conversation=listen)
    assert result.outcome is Outcome.OK
    assert await asyncio.to_thread(heard.get, timeout=5) == b""


@EITHER_VERSION
async def test_a_certificate_on_the_revocation_list_is_revoked(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    good, bad, path = authority.issue_cert("localhost"), authority.issue_cert("localhost"), tmp_path / "list.crl"
    path.write_bytes(revocation_list(authority, bad))
    server = server_context(good, only=version)
    with blockbuster_ctx():
        result = await probed(server, ca_file, crl=str(path))
    assert result.outcome is Outcome.OK
    fell(await probed(server_context(bad, only=version), ca_file, crl=[str(path)]), causes.CERT_REVOKED)


async def test_where_no_list_holds_revocation_is_not_judged(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    server, path = server_context(authority.issue_cert("localhost")), tmp_path / "list.crl"
    for content, cause in (
        (revocation_list(authority, days=(-9, -2)), causes.CRL_STALE),
        (revocation_list(stranger), causes.REVOCATION_UNKNOWN),
    ):
        path.write_bytes(content)
        result = await probed(server, ca_file, crl=str(path))
        assert (result.stage, result.cause, result.outcome) == (stages.TLS, cause, Outcome.UNKNOWN)


async def test_a_suite_that_is_not_allowed_is_a_fall_once_it_is_agreed(authority: trustme.CA, ca_file: Path) -> None:
    server = server_context(authority.issue_cert("localhost"), only=ssl.TLSVersion.TLSv1_3)
    fell(await probed(server, ca_file, ciphers=["TLS_CHACHA20_POLY1305_SHA256"]), causes.CIPHER_NOT_ALLOWED)
    assert (await probed(server, ca_file, ciphers=["TLS_AES_256_GCM_SHA384"])).outcome is Outcome.OK
