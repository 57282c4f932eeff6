"""Our own certificate, judged by OpenSSL as a partner's server would judge it: in memory, nothing is sent."""

import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import VERIFY_CAUSES, Fall
from retabli.model.settings import Tls
from retabli.net.mssante.mssante_causes import (
    OWN_CERTIFICATE_DOUBTFUL,
    OWN_CERTIFICATE_EXPIRED,
    OWN_CERTIFICATE_NOT_YET_VALID,
    OWN_CERTIFICATE_REVOKED,
    UNJUDGED,
)
from retabli.net.revocation_lists import load_revocation_lists
from retabli.net.tls import load_authorities, load_client_certificate

LARGEST = 1_048_576  # bytes of a certificate's file
_OWN = {
    causes.CERT_EXPIRED: OWN_CERTIFICATE_EXPIRED,
    causes.CERT_NOT_YET_VALID: OWN_CERTIFICATE_NOT_YET_VALID,
    causes.CERT_REVOKED: OWN_CERTIFICATE_REVOKED,
}


def read_certificate(path: Path) -> x509.Certificate:
    """The first certificate in a file.

    Raises:
        Fall: `file_unreadable`, naming the file.
    """
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificate(file.read(LARGEST))
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path} holds no certificate") from error


def verdict_on_own(tls: Tls, lists: Sequence[Path]) -> tuple[Cause, str] | None:
    """What OpenSSL has against our client certificate, or None; `lists` are revocation lists.

    Its dates, its issuer and its usages first, and whether it is revoked only then: a list that is out of date must
    not hide that the certificate is. The cause is one of ours, or of UNJUDGED.

    Raises:
        Fall: `file_unreadable`.
    """
    for revoked in ((), tuple(lists)) if lists else ((),):
        error = _shake(tls, revoked)
        if error is not None:
            found = VERIFY_CAUSES.get(error.verify_code, causes.CERT_INVALID)
            cause = found if found in UNJUDGED else _OWN.get(found, OWN_CERTIFICATE_DOUBTFUL)
            return cause, error.verify_message.rstrip(".")
    return None


def _shake(tls: Tls, lists: Sequence[Path]) -> ssl.SSLCertVerificationError | None:
    """A handshake with ourselves, in which the server's side verifies the client's certificate."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    server.verify_mode = ssl.CERT_REQUIRED
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE  # it is ourselves that we talk to
    if tls.ca is None:
        server.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    else:
        load_authorities(server, tls.ca)
    if lists:
        load_revocation_lists(server, lists)
    assert tls.client_cert is not None  # noqa: S101 - the settings demand one
    for context in (server, client):
        load_client_certificate(context, tls.client_cert, tls.client_key)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    try:
        for side in sides * 4:  # TLS 1.3 needs two turns, older versions three
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    except ssl.SSLCertVerificationError as error:
        return error
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise Fall(causes.FILE_UNREADABLE, f"{tls.client_cert} cannot be used for TLS: {reason}") from error
    return None
