"""TLS as a client speaks it: contexts built once, what the peer showed of itself, and what its alerts mean.

The verdict on a certificate is OpenSSL's alone. What is read here besides (names, dates) is told, never judged.
"""

import os
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import SSL_REASONS, Fall, cause_of
from retabli.model.settings import Tls
from retabli.net.certificates import Chain, read_chain
from retabli.net.descriptors import require
from retabli.net.revocation_lists import load_revocation_lists

# Handshake messages that are kept (RFC 8446, section 4; the same numbers in RFC 5246, section 7.4).
CERTIFICATE = 11
CERTIFICATE_REQUEST = 13
TLS13 = 0x0304

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}

# SSL_OP_NO_RX_CERTIFICATE_COMPRESSION (OpenSSL 3.2): a compressed chain could not be read from its message.
NO_COMPRESSED_CERTIFICATES = 1 << 33


class Session(ssl.SSLObject):
    """One TLS conversation in memory, which keeps what the peer showed of itself during the handshake."""

    certificate_message: bytes | None = None
    certificate_version: int = 0  # version() is not known before the handshake has ended well
    client_certificate_asked: bool = False

    def chain(self) -> Chain | None:
        """The certificates as the peer sent them, also when OpenSSL refused them; None when it sent none."""
        if self.certificate_message is None:
            return None
        found = certificates_in(self.certificate_message, self.certificate_version >= TLS13)
        return read_chain(found) if found else None


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a finished handshake agreed on. `presented`: we have a client certificate to show."""

    version: str
    cipher: str
    chain: Chain | None
    client_certificate_asked: bool
    presented: bool

    @property
    def alert_may_follow(self) -> bool:
        """Under TLS 1.3 a refusal of our client certificate only shows after the handshake (RFC 8446, 4.4.2.4)."""
        return self.client_certificate_asked and self.version == "TLSv1.3"


def certificates_in(message: bytes, tls13: bool) -> tuple[bytes, ...]:
    """The DER certificates of a Certificate message (RFC 8446, 4.4.2; RFC 5246, 7.4.2). OpenSSL bounds its size, and
    shows it before it has looked inside: it may end anywhere."""
    place = 4  # type and length
    if tls13:
        place += 1 + int.from_bytes(message[place : place + 1])  # certificate_request_context
    place += 3  # length of the list
    found = []
    while place + 3 <= len(message):
        size = int.from_bytes(message[place : place + 3])
        found.append(message[place + 3 : place + 3 + size])
        place += 3 + size
        if tls13:
            place += 2 + int.from_bytes(message[place : place + 2])  # extensions of this certificate
    return tuple(found)


# Contexts ---------------------------------------------------------------------------------------------------------


def context_for(tls: Tls) -> ssl.SSLContext:
    """The context for these settings: built once, and anew when one of its files has changed (a renewed CA).

    Raises:
        Fall: `file_unreadable`, naming the file; `tls_version` when our OpenSSL cannot speak `min_version`.
    """
    return _current(tls, _context)


def context_judging_clients(tls: Tls) -> ssl.SSLContext:
    """The context of a server that would judge its clients as these settings judge servers, kept and renewed alike. It
    presents the client certificate itself, so that a certificate can be judged in memory, by OpenSSL.

    Raises:
        Fall: as `context_for`.
    """
    return _current(tls, _judging_context)


def _current(tls: Tls, build: Callable[[Tls], ssl.SSLContext]) -> ssl.SSLContext:
    files = [path for path in (tls.ca, tls.client_cert, tls.client_key, *tls.crl) if path is not None]
    identities = (*map(_identity, files), *(() if tls.ca is not None else (_bundle_identity(),)))
    kept = _kept(tls, build)
    if kept.context is None or kept.identities != identities:
        kept.context, kept.identities = build(tls), identities
    return kept.context


@dataclass(slots=True)
class _Kept:
    """The latest context of some settings. The one before is let go: revocation lists are large, and new each day."""

    context: ssl.SSLContext | None = None
    identities: tuple[tuple[int, int, int], ...] = ()


@lru_cache(maxsize=128)
def _kept(_: Tls, __: Callable[[Tls], ssl.SSLContext]) -> _Kept:
    return _Kept()


@cache
def _authorities() -> tuple[Path, str]:
    """Those that this machine trusts: a file of all of them, which there need not be, and a folder in which OpenSSL
    looks for one by its name when it needs it (SSL_CTX_set_default_verify_paths(3))."""
    found = ssl.get_default_verify_paths()
    bundle, folder = (
        os.environ.get(name, place)
        for name, place in (
            (found.openssl_cafile_env, found.openssl_cafile),
            (found.openssl_capath_env, found.openssl_capath),
        )
    )
    return Path(bundle), folder


@cache
def believing_context() -> ssl.SSLContext:
    """One that believes any certificate: not to speak with a partner, but to see who answers in one's place."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.sslobject_class = Session
    return context


def _identity(path: Path) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: {error.strerror}") from error
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _bundle_identity() -> tuple[int, int, int]:
    """Of the machine's own authorities, which change without us: one is added, or no longer trusted."""
    try:
        return _identity(_authorities()[0])
    except Fall:
        return 0, 0, 0


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the chain and the name
    # The same on every Python: 3.13 turned VERIFY_X509_STRICT on, which refuses many private authorities.
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    # Before Python 3.11.4 an end without goodbye passed for a clean one: what was cut off would look whole.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.sslobject_class = Session
    _listen(context)
    _allow_versions(context, tls)
    if tls.ciphers:
        _allow_ciphers(context, tls.ciphers)
    if ssl.OPENSSL_VERSION_INFO >= (3, 2):
        context.options |= NO_COMPRESSED_CERTIFICATES
    _trust(context, tls)
    if tls.client_cert is not None:
        load_client_certificate(context, tls.client_cert, tls.client_key)
    return context


def _judging_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    context.verify_mode = ssl.CERT_REQUIRED
    _trust(context, tls)
    if tls.client_cert is not None:
        load_client_certificate(context, tls.client_cert, tls.client_key)
    return context


def _trust(context: ssl.SSLContext, tls: Tls) -> None:
    if tls.ca is None:
        _trust_as_this_machine(context)
    else:
        # What the operator names is trusted as it is: an intermediate authority too, or the server's own certificate.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        _load_authorities(context, tls.ca)
    if tls.crl:
        load_revocation_lists(context, tls.crl)


def _trust_as_this_machine(context: ssl.SSLContext) -> None:
    """As `load_default_certs` does, which passes over a file that cannot be read now: the context, which is kept, would
    trust nobody from then on."""
    bundle, folder = _authorities()
    context.load_verify_locations(capath=folder)
    try:
        context.load_verify_locations(cafile=bundle)
    except (FileNotFoundError, ssl.SSLError):  # they lie in the folder alone
        pass
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{bundle}: {error.strerror}") from error


def _allow_versions(context: ssl.SSLContext, tls: Tls) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 1.0 and 1.1 are asked for knowingly
        context.minimum_version = VERSIONS[tls.min_version]
    if tls.min_version in ("1.0", "1.1"):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL 3 speaks them at no higher level


def _allow_ciphers(context: ssl.SSLContext, suites: tuple[str, ...]) -> None:
    """Offer these suites only. Those of TLS 1.3 have no switch of their own before Python 3.15: without any of them the
    version is not offered, with some of them all are, and what is agreed on is judged after the handshake."""
    older = [suite for suite in suites if not suite.startswith("TLS_")]
    if len(older) == len(suites):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    elif not older:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if older:
        context.set_ciphers(":".join(older))


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise Fall(causes.FILE_UNREADABLE, f"{path} holds no certificate authority: {_reason(error)}") from error


def load_client_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Present this certificate when asked. Raises Fall: `file_unreadable`, naming the files; it asks no passphrase."""

    def no_passphrase() -> bytes:  # OpenSSL would ask the terminal, and wait
        raise ValueError("the key is protected by a passphrase")

    try:
        context.load_cert_chain(certificate, key, no_passphrase)
    except (OSError, ValueError) as error:
        named = certificate if key is None else f"{certificate}, {key}"
        raise Fall(
            causes.FILE_UNREADABLE, f"client certificate and key ({named}) cannot be used: {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _listen(context: ssl.SSLContext) -> None:
    """Have each Session told its handshake messages, through OpenSSL's SSL_CTX_set_msg_callback.

    It is the only way to see a CertificateRequest, and the chain of a handshake that failed. Python's own setter
    would turn every number into an enumeration (160 µs a handshake); the one beneath it costs 40. Without it
    (another Python), the chain is not known and a refused client certificate is told by its alert alone.
    """

    def keep(session: Session, direction: str, version: int, content: int, message: int, data: bytes) -> None:
        if direction != "read" or content != 22:  # handshake
            return
        if message == CERTIFICATE:
            session.certificate_message = data
            session.certificate_version = version
        elif message == CERTIFICATE_REQUEST:
            session.client_certificate_asked = True

    setter = getattr(super(ssl.SSLContext, ssl.SSLContext), "_msg_callback", None)
    if setter is not None:
        setter.__set__(context, keep)


# What went wrong ----------------------------------------------------------------------------------------------------

# Alerts by which servers say that they miss or refuse a client certificate, when they asked for one.
REFUSALS = {
    reason for reason, cause in SSL_REASONS.items() if cause in (causes.CLIENT_CERT_MISSING, causes.CLIENT_CERT_REFUSED)
} | {"SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_DECRYPT_ERROR"}


# What OpenSSL calls a certificate whose authority, or whose own trust, it did not find.
UNTRUSTED = (causes.CERT_UNKNOWN_CA, causes.CERT_SELF_SIGNED)


def require_authorities(error: ssl.SSLError, tls: Tls) -> None:
    """See that this machine's authorities could be had when a handshake ended with `error`: where they lie in a folder,
    OpenSSL opens their files within it, and without a descriptor says that it knows no such authority.

    Raises:
        OSError: EMFILE, ENFILE: they could not, and nothing is known of the certificate.
    """
    if tls.ca is None and cause_of(error) in UNTRUSTED:
        require(1)


def cause_of_alert(error: ssl.SSLError, *, asked: bool, presented: bool) -> Cause | None:
    """What an alert means, knowing whether the server asked for a client certificate and whether we have one.

    Under TLS 1.2 a missing certificate is a plain handshake_failure (OpenSSL) or bad_certificate (Java), and could
    be taken for a cipher that is not shared, or for a refusal.
    """
    reason = error.reason or ""
    if asked and reason in REFUSALS:
        return causes.CLIENT_CERT_REFUSED if presented else causes.CLIENT_CERT_MISSING
    return None


def server_name_of(host: str, tls: Tls) -> str:
    """The name that is asked for (SNI, RFC 6066; none for an address) and that the certificate must bear."""
    return tls.server_name or host.strip("[]").rstrip(".").partition("%")[0]
