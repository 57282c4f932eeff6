"""Our own certificate, judged by OpenSSL as a partner's server would judge it: in memory, nothing is sent."""

import ssl
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from retabli.model import causes
from retabli.model.causes import Cause, Verdict
from retabli.model.ladder import VERIFY_CAUSES, Fall, Ladder
from retabli.model.settings import Tls
from retabli.net.mssante.mssante_causes import (
    OWN_CERTIFICATE_DOUBTFUL,
    OWN_CERTIFICATE_EXPIRED,
    OWN_CERTIFICATE_EXPIRES_SOON,
    OWN_CERTIFICATE_NOT_YET_VALID,
    OWN_CERTIFICATE_REVOKED,
    OWN_CERTIFICATE_UNLISTED,
    OWN_DOMAIN_UNLISTED,
    UNJUDGED,
    only_impaired,
)
from retabli.net.mssante.operator_session import is_listed
from retabli.net.mssante.revocation import Lists
from retabli.net.mssante.white_list import Listing
from retabli.net.own_threads import from_own_file
from retabli.net.tls import context_judging_clients, load_client_certificate, require_authorities

LARGEST = 1_048_576  # bytes of a certificate's file
DAY = 86_400
_OWN = {
    causes.CERT_EXPIRED: OWN_CERTIFICATE_EXPIRED,
    causes.CERT_NOT_YET_VALID: OWN_CERTIFICATE_NOT_YET_VALID,
    causes.CERT_REVOKED: OWN_CERTIFICATE_REVOKED,
}


async def judge_own_domain(listing: Listing, domain: str, tls: Tls) -> None:
    """Whether our domain is listed, with our certificate; the caller stands on a rung of its own.

    Raises:
        Fall: `own_domain_unlisted`, `own_certificate_unlisted`; `file_unreadable`.
    """
    names = listing.names.get(domain)
    if names is None:
        raise Fall(OWN_DOMAIN_UNLISTED, f"{domain}, among {listing.entries} entries")
    own = await _own_certificate(tls)
    if not is_listed(own.public_bytes(Encoding.DER), names):
        listed = " | ".join(names)
        raise Fall(OWN_CERTIFICATE_UNLISTED, f"ours: {own.subject.rfc4514_string()}; listed: {listed}")


async def judge_own_certificate(ladder: Ladder, tls: Tls, lists: Lists, min_days: int) -> None:
    """What OpenSSL says of our certificate, and whether it lasts; what keeps it from being judged is an impairment.

    Raises:
        Fall: `own_certificate_expired`, `own_certificate_not_yet_valid`, `own_certificate_revoked`; `file_unreadable`.
    """
    own = await _own_certificate(tls)
    ladder.describe("own_certificate", f"{own.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}")
    verdict = await from_own_file("verdict", (tls, lists.paths), partial(verdict_on_own, tls, lists.paths))
    if verdict is not None and verdict[0].verdict is Verdict.FAILED:
        raise Fall(*verdict)
    for cause, detail in lists.faults:
        ladder.impair(cause, detail)
    if verdict is not None:
        cause, detail = verdict
        ladder.describe("own_certificate_doubt", detail)
        ladder.impair(only_impaired(cause), f"our own certificate: {detail}")
    left = own.not_valid_after_utc.timestamp() - ladder.wall()
    if left < min_days * DAY:
        ladder.impair(OWN_CERTIFICATE_EXPIRES_SOON, f"in {left / DAY:.1f} days")


async def _own_certificate(tls: Tls) -> x509.Certificate:
    return await from_own_file("certificate", _client_certificate(tls), partial(read_certificate, tls))


def read_certificate(tls: Tls) -> x509.Certificate:
    """Our client certificate: the first one in its file.

    Raises:
        Fall: `file_unreadable`, naming the file.
    """
    path = _client_certificate(tls)
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificate(file.read(LARGEST))
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: {error.strerror}") from error
    except (ValueError, x509.InvalidVersion) as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path} holds no certificate") from error


def verdict_on_own(tls: Tls, lists: Sequence[Path]) -> tuple[Cause, str] | None:
    """What OpenSSL has against our client certificate, or None; `lists` are revocation lists.

    A list that is out of date does not hide that the certificate is. The cause is one of ours, or of UNJUDGED.

    Raises:
        Fall: `file_unreadable`.
        OSError: EMFILE, ENFILE: this machine's authorities could not be looked up.
    """
    error = _shake(tls, lists)
    if error is not None and lists and _cause_of(error) in UNJUDGED:
        error = _shake(tls, ()) or error
    if error is None:
        return None
    found = _cause_of(error)
    return (found if found in UNJUDGED else _OWN.get(found, OWN_CERTIFICATE_DOUBTFUL)), error.verify_message.rstrip(".")


def _cause_of(error: ssl.SSLCertVerificationError) -> Cause:
    return VERIFY_CAUSES.get(error.verify_code, causes.CERT_INVALID)


def _shake(tls: Tls, lists: Sequence[Path]) -> ssl.SSLCertVerificationError | None:
    """A handshake with ourselves, in which the server's side verifies the client's certificate."""
    server = context_judging_clients(tls.model_copy(update={"crl": tuple(lists), "ciphers": ()}))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE  # it is ourselves that we talk to
    load_client_certificate(client, _client_certificate(tls), tls.client_key)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    try:
        for side in sides * 4:  # TLS 1.3 needs two turns, older versions three
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    except ssl.SSLCertVerificationError as error:
        require_authorities(error, tls)
        return error
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise Fall(causes.FILE_UNREADABLE, f"{tls.client_cert} cannot be used for TLS: {reason}") from error
    return None


def _client_certificate(tls: Tls) -> Path:
    assert tls.client_cert is not None  # noqa: S101 - the settings demand one
    return tls.client_cert
