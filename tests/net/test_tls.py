"""TLS contexts and what is read of certificates; the handshakes themselves are in the tests of the kind `tls`."""

import contextlib
import datetime
import hashlib
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, cause_of
from retabli.model.settings import Tls
from retabli.net import certificates
from retabli.net import tls as net_tls
from retabli.net.attempts import connect
from retabli.net.certificates import read_chain
from retabli.net.tls import Session, cause_of_alert, certificates_in, context_for, server_name_of
from tests.faults.short_of_files import in_a_child, shortage
from tests.net.peers import FUTURE, LONG_AGO, PAST, demanding_context, revocation_list, server_context, serving_tls


def test_a_context_is_built_once_for_the_same_settings(ca_file: Path) -> None:
    assert context_for(Tls(ca=ca_file)) is context_for(Tls(ca=ca_file))
    assert context_for(Tls(ca=ca_file)) is not context_for(Tls(ca=ca_file, min_version="1.3"))


def test_a_renewed_authority_is_seen(authority: trustme.CA, stranger: trustme.CA, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    stranger.cert_pem.write_to_path(path)
    server = server_context(authority.issue_cert("localhost"))
    assert isinstance(shake(server, context_for(Tls(ca=path))).error, ssl.SSLCertVerificationError)
    authority.cert_pem.write_to_path(path)
    os.utime(path, ns=(1, 1))
    assert shake(server, context_for(Tls(ca=path))).error is None


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the authorities that this machine trusts, and the only ones: there is no folder of them."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    net_tls._authorities.cache_clear()
    net_tls._kept.cache_clear()
    yield tmp_path / "bundle.pem"
    net_tls._authorities.cache_clear()
    net_tls._kept.cache_clear()


def test_this_machine_s_own_authorities_are_trusted_and_a_change_of_them_is_seen(
    authority: trustme.CA, stranger: trustme.CA, bundle: Path
) -> None:
    server = server_context(authority.issue_cert("localhost"))
    for turn, trusted in enumerate((None, stranger, authority, stranger)):
        if trusted is not None:
            trusted.cert_pem.write_to_path(bundle)
            os.utime(bundle, ns=(turn, turn))
        error = shake(server, context_for(Tls())).error
        assert (error is None) == (trusted is authority), error


async def test_authorities_that_could_not_be_read_for_a_moment_are_read_again(
    authority: trustme.CA, bundle: Path
) -> None:
    """A context that trusts nobody would be kept: every certificate would be refused from then on."""
    authority.cert_pem.write_to_path(bundle)

    async def work() -> list[str]:
        found = []
        for left in (0, 50):
            with shortage(left):
                try:
                    found.append(str(context_for(Tls()).cert_store_stats()["x509_ca"]))
                except Fall as fall:
                    cause = cause_of(fall)
                    found.append(cause.code if cause else "")
        return found

    assert await in_a_child(work) == ["local_resources", "1"]


def name_in_folder(certificate: x509.Certificate) -> str:
    """By which OpenSSL looks for an authority in a folder of them (X509_NAME_hash(3))."""
    canonical = x509.Name([x509.NameAttribute(one.oid, str(one.value).lower()) for one in certificate.subject])
    place = 2 if canonical.public_bytes()[1] < 0x80 else 3  # type and length of the whole are left out
    digest = hashlib.sha1(canonical.public_bytes()[place:], usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}.0"


@pytest.mark.parametrize("self_signed", [False, True])
async def test_an_authority_whose_file_could_not_be_opened_within_the_handshake_judges_nobody(
    self_signed: bool, authority: trustme.CA, stranger: trustme.CA, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's authorities lie in a folder alone: OpenSSL calls one unknown that it cannot look for."""
    folder = bundle.parent / "authorities"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    server = server_context(authority.issue_cert("localhost"))
    (folder / name_in_folder(x509.load_pem_x509_certificate(authority.cert_pem.bytes()))).write_bytes(
        authority.cert_pem.bytes()
    )
    if self_signed:
        server, own = server_of_its_own()
        (folder / name_in_folder(own)).write_bytes(own.public_bytes(serialization.Encoding.PEM))

    async def work(port: int) -> list[str]:
        found = []
        context_for(Tls())  # what a handshake opens once is open: its context, and the codec of names
        "localhost".encode("idna")
        for left in (0, 50):
            connection = await connect(["127.0.0.1"], port)
            try:
                with shortage(left):
                    await connection.start_tls(None, Tls(), "localhost")
                found.append("well")
            except (Fall, OSError) as error:
                cause = cause_of(error)
                found.append(cause.code if cause else "")
            finally:
                connection.abort()
        return found

    async with serving_tls(server) as port:
        assert await in_a_child(lambda: work(port)) == ["local_resources", "well"]
    async with serving_tls(server_context(stranger.issue_cert("localhost"))) as port:
        assert await in_a_child(lambda: work(port)) == ["local_resources", "cert_unknown_ca"]


def server_of_its_own() -> tuple[ssl.SSLContext, x509.Certificate]:
    """A server whose certificate nobody else issued."""
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key = serialization.load_pem_private_key(own.private_key_pem.bytes(), None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())  # type: ignore[arg-type]
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    with tempfile.NamedTemporaryFile() as file:
        file.write(own.private_key_pem.bytes() + made.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return context, made


def test_an_intermediate_authority_alone_may_be_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    intermediate = authority.create_child_ca()
    path = tmp_path / "ca.pem"
    intermediate.cert_pem.write_to_path(path)
    assert shake(server_context(intermediate.issue_cert("localhost")), context_for(Tls(ca=path))).error is None


def test_a_chain_without_its_intermediate_is_an_unknown_authority(authority: trustme.CA, ca_file: Path) -> None:
    leaf = authority.create_child_ca().issue_cert("localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with leaf.private_key_pem.tempfile() as key, leaf.cert_chain_pems[0].tempfile() as own:
        server.load_cert_chain(own, key)
    error = shake(server, context_for(Tls(ca=ca_file))).error
    assert error is not None
    assert cause_of(error) is causes.CERT_UNKNOWN_CA


def as_pem(der: bytes) -> bytes:
    return x509.load_der_x509_crl(der).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("form", [bytes, as_pem])
def test_a_certificate_on_a_revocation_list_is_revoked(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, form: Callable[[bytes], bytes]
) -> None:
    good, bad = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    path = tmp_path / "list.crl"
    path.write_bytes(form(revocation_list(authority, bad)))
    context = context_for(Tls(ca=ca_file, crl=(path,)))
    assert shake(server_context(good), context).error is None
    error = shake(server_context(bad), context).error
    assert error is not None
    assert cause_of(error) is causes.CERT_REVOKED


def test_a_renewed_revocation_list_is_seen(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    leaf, path = authority.issue_cert("localhost"), tmp_path / "list.crl"
    tls = Tls(ca=ca_file, crl=(path,))
    path.write_bytes(revocation_list(authority))
    assert shake(server_context(leaf), context_for(tls)).error is None
    path.write_bytes(revocation_list(authority, leaf))
    os.utime(path, ns=(1, 1))
    assert isinstance(shake(server_context(leaf), context_for(tls)).error, ssl.SSLCertVerificationError)


@pytest.mark.parametrize(
    ("of", "days", "cause"),
    [
        ("authority", (-9, -2), causes.CRL_STALE),
        ("authority", (2, 9), causes.CRL_STALE),
        ("stranger", (-1, 1), causes.REVOCATION_UNKNOWN),
    ],
)
def test_a_revocation_list_that_does_not_hold_here_leaves_revocation_unjudged(
    authority: trustme.CA,
    stranger: trustme.CA,
    ca_file: Path,
    tmp_path: Path,
    of: str,
    days: tuple[int, int],
    cause: Cause,
) -> None:
    path = tmp_path / "list.crl"
    path.write_bytes(revocation_list({"authority": authority, "stranger": stranger}[of], days=days))
    error = shake(server_context(authority.issue_cert("localhost")), context_for(Tls(ca=ca_file, crl=(path,)))).error
    assert error is not None
    assert cause_of(error) is cause


def test_a_certificate_in_a_file_of_revocation_lists_is_not_trusted(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "list.crl"
    path.write_bytes(as_pem(revocation_list(authority)) + stranger.cert_pem.bytes())
    error = shake(server_context(stranger.issue_cert("localhost")), context_for(Tls(ca=ca_file, crl=(path,)))).error
    assert error is not None
    assert cause_of(error) is causes.CERT_UNKNOWN_CA


@pytest.mark.parametrize("content", [b"", b"no list", b"-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----", None])
def test_a_revocation_list_that_cannot_be_read_is_named(tmp_path: Path, ca_file: Path, content: bytes | None) -> None:
    path = tmp_path / "list.crl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fall, match=r"file_unreadable: .*list\.crl"):
        context_for(Tls(ca=ca_file, crl=(path,)))


def test_lists_of_an_intermediate_authority_judge_what_it_issued(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    intermediate = authority.create_child_ca()
    good, bad = intermediate.issue_cert("localhost"), intermediate.issue_cert("localhost")
    lists, alone = tmp_path / "lists.crl", tmp_path / "intermediate.pem"
    lists.write_bytes(as_pem(revocation_list(authority)) + as_pem(revocation_list(intermediate, bad)))
    intermediate.cert_pem.write_to_path(alone)
    for trusted in (ca_file, alone):
        context = context_for(Tls(ca=trusted, crl=(lists,)))
        assert shake(server_context(good), context).error is None
        error = shake(server_context(bad), context).error
        assert error is not None
        assert cause_of(error) is causes.CERT_REVOKED


def test_a_file_full_of_beginnings_is_refused_at_once(tmp_path: Path, ca_file: Path) -> None:
    path = tmp_path / "list.crl"
    path.write_bytes(b"-----BEGIN X509 CRL-----\n" * 300_000)
    with pytest.raises(Fall, match="is no revocation list"):
        context_for(Tls(ca=ca_file, crl=(path,)))


def test_a_revocation_list_without_end_is_not_read(tmp_path: Path, ca_file: Path) -> None:
    path = tmp_path / "list.crl"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(Fall, match="more than"):
        context_for(Tls(ca=ca_file, crl=(path,)))
    with pytest.raises(Fall, match="is no file"):
        context_for(Tls(ca=ca_file, crl=(Path("/dev/zero"),)))


def test_the_suites_that_are_named_are_the_only_ones_offered(ca_file: Path) -> None:
    older = context_for(Tls(ca=ca_file, ciphers=("ECDHE-RSA-AES128-GCM-SHA256",)))
    offered = [suite["name"] for suite in older.get_ciphers() if not suite["name"].startswith("TLS_")]
    assert offered == ["ECDHE-RSA-AES128-GCM-SHA256"]
    assert older.maximum_version is ssl.TLSVersion.TLSv1_2
    assert context_for(Tls(ca=ca_file, ciphers=("TLS_AES_128_GCM_SHA256",))).minimum_version is ssl.TLSVersion.TLSv1_3
    standard = ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256")
    assert Tls(ciphers=standard).ciphers == ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA256")
    for unknown in ("NO-SUCH-SUITE", "HIGH", "ALL:!aNULL", "ECDHE-RSA-AES128-GCM-SHA265"):
        with pytest.raises(ValueError, match="OpenSSL knows no suite called"):
            Tls(ciphers=(unknown,))


def test_the_systems_authorities_judge_where_none_is_named(authority: trustme.CA) -> None:
    error = shake(server_context(authority.issue_cert("localhost")), context_for(Tls())).error
    assert error is not None
    assert cause_of(error) is causes.CERT_UNKNOWN_CA


@pytest.mark.parametrize("only", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_the_whole_chain_is_seen_also_of_a_refused_handshake(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path, only: ssl.TLSVersion
) -> None:
    leaf = stranger.create_child_ca().issue_cert("localhost", not_after=FUTURE)
    shaken = shake(server_context(leaf, only=only), context_for(Tls(ca=ca_file)))
    session = shaken.session
    assert isinstance(shaken.error, ssl.SSLCertVerificationError)
    assert isinstance(session, Session)
    chain = session.chain()
    assert chain is not None
    assert chain.not_after == FUTURE.timestamp()
    assert session.certificate_message is not None
    sent = certificates_in(session.certificate_message, only is ssl.TLSVersion.TLSv1_3)
    assert sent == tuple(ssl.PEM_cert_to_DER_cert(pem.bytes().decode()) for pem in leaf.cert_chain_pems)


@pytest.mark.parametrize("only", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_whether_a_client_certificate_is_asked_for_is_seen(
    authority: trustme.CA, ca_file: Path, only: ssl.TLSVersion
) -> None:
    for server, asks in (
        (server_context(authority.issue_cert("localhost"), only=only), False),
        (demanding_context(authority.issue_cert("localhost"), authority, only=only), True),
    ):
        session = shake(server, context_for(Tls(ca=ca_file))).session
        assert isinstance(session, Session)
        assert session.client_certificate_asked is asks


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "asked", "presented", "cause"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", False, False, None),  # by the common table: no cipher in common
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", True, False, causes.CLIENT_CERT_MISSING),
        ("SSLV3_ALERT_BAD_CERTIFICATE", True, False, causes.CLIENT_CERT_MISSING),  # Java, TLS 1.2
        ("SSLV3_ALERT_BAD_CERTIFICATE", True, True, causes.CLIENT_CERT_REFUSED),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", True, False, causes.CLIENT_CERT_MISSING),
        ("TLSV1_ALERT_INTERNAL_ERROR", True, True, None),
    ],
)
def test_an_alert_means_what_the_handshake_asked_for(
    reason: str, asked: bool, presented: bool, cause: Cause | None
) -> None:
    assert cause_of_alert(alert(reason), asked=asked, presented=presented) is cause


@pytest.mark.parametrize(
    ("host", "name"),
    [("mail.test", "mail.test"), ("mail.test.", "mail.test"), ("[::1]", "::1"), ("fe80::1%eth0", "fe80::1")],
)
def test_the_name_to_check_is_the_hosts(host: str, name: str) -> None:
    assert server_name_of(host, Tls()) == name
    assert server_name_of(host, Tls(server_name="other.test")) == "other.test"


def test_the_same_chain_is_parsed_once(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.issue_cert("once.test").cert_chain_pems[0].bytes().decode())
    first = read_chain((der,))
    monkeypatch.setattr(certificates, "_read", lambda _: pytest.fail("parsed again"))
    assert read_chain((bytes(bytearray(der)),)) is first


def test_the_earliest_expiry_is_that_of_any_certificate_of_the_chain(authority: trustme.CA) -> None:
    pems = authority.create_child_ca().issue_cert("a.test", not_after=PAST, not_before=LONG_AGO).cert_chain_pems
    ders = [ssl.PEM_cert_to_DER_cert(pem.bytes().decode()) for pem in pems]
    chain = read_chain(tuple(reversed(ders)))
    assert chain is not None
    assert chain.not_after > PAST.timestamp()
    assert chain.earliest_expiry == PAST.timestamp()


def test_an_enormous_chain_is_not_remembered(authority: trustme.CA) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.issue_cert("big.test").cert_chain_pems[0].bytes().decode())
    chain = (der,) * 100
    assert read_chain(chain) == read_chain(chain)
    assert read_chain(chain) is not read_chain(chain)


def test_what_is_no_certificate_is_not_read() -> None:
    assert read_chain((b"\x30\x03\x02\x01\x01",)) is None


def test_people_recognise_a_certificate_by_its_common_name_and_organisation(authority: trustme.CA) -> None:
    leaf = authority.issue_cert("a.test", common_name="mail.chu.example", organization_name="CHU")
    chain = read_chain((ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode()),))
    assert chain is not None
    assert chain.subject == "mail.chu.example (CHU)"


# Two ends in one process, without a network ---------------------------------------------------------------------------


@dataclass
class Shaken:
    """Our end after a handshake, and what it failed with, if it did."""

    session: ssl.SSLObject
    error: ssl.SSLError | None = None


def shake(server: ssl.SSLContext, ours: ssl.SSLContext) -> Shaken:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = Shaken(ours.wrap_bio(incoming, outgoing, server_hostname="localhost"))
    peer = server.wrap_bio(outgoing, incoming, server_side=True)
    for _ in range(3):
        try:
            end.session.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            end.error = error
            break
        with contextlib.suppress(ssl.SSLError):
            peer.do_handshake()
    return end
