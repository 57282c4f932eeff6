"""Certificates as they are told to people: who, by whom, until when. OpenSSL judges them, not this."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

NAMES = 4  # that are told
LARGEST_KEPT = 16_384  # bytes; a longer chain is read anew each time, so that nobody fills our memory with them


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain as a peer sent it. Times are Unix seconds; `subject` and `issuer` are the first certificate's.

    `names` are those that it is valid for, a few of them. `earliest_expiry` is over all certificates, as
    blackbox_exporter's `probe_ssl_earliest_cert_expiry` is.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: float
    not_after: float
    earliest_expiry: float


def read_chain(certificates: tuple[bytes, ...]) -> Chain | None:
    """What these DER certificates say, the peer's own first; None when the first cannot be read.

    Parsing costs 50 µs a certificate, and the same chain comes at every probe: the last 512 are remembered.
    """
    if sum(map(len, certificates)) > LARGEST_KEPT:
        return _read(certificates)
    return _remembered(certificates)


@lru_cache(maxsize=512)
def _remembered(certificates: tuple[bytes, ...]) -> Chain | None:
    return _read(certificates)


def _read(certificates: tuple[bytes, ...]) -> Chain | None:
    own = _parse(certificates[0])
    if own is None:
        return None
    expiries = [one.not_valid_after_utc.timestamp() for one in map(_parse, certificates) if one is not None]
    return Chain(
        subject=_short(lambda: own.subject),
        issuer=_short(lambda: own.issuer),
        names=_names(own),
        not_before=own.not_valid_before_utc.timestamp(),
        not_after=own.not_valid_after_utc.timestamp(),
        earliest_expiry=min(expiries),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """What a client compares with the name it asked for (RFC 9525): DNS names and addresses."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress)))
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()
    return names[:NAMES]


def _parse(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):
        return None


def _short(read: Callable[[], x509.Name]) -> str:
    """`CN (O)`, else what there is: what people recognise a certificate by; "" for a name that cannot be read."""
    try:
        name = read()  # names, and attributes that are no text, are only found out when read
        common = [str(one.value) for one in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
        organisation = [str(one.value) for one in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    except (ValueError, TypeError):
        return ""
    if common and organisation:
        return f"{common[0]} ({organisation[0]})"
    return (common or organisation or [name.rfc4514_string()])[0]
