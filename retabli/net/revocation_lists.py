"""Lists of revoked certificates (RFC 5280, section 5), handed to OpenSSL, whose verdict on a certificate it is."""

import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from retabli.model import causes
from retabli.model.ladder import Fall

LARGEST = 8_388_608  # bytes of one file of lists
_BEGIN, _END = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"


def load_revocation_lists(context: ssl.SSLContext, paths: Sequence[Path]) -> None:
    """Have OpenSSL look the peer's own certificate up in these lists (PEM or DER).

    Only the lists are loaded, whatever else is in the files: a certificate in them would become a trusted authority.

    Raises:
        Fall: `file_unreadable`, naming the file.
    """
    for path in paths:
        with tempfile.NamedTemporaryFile() as plain:
            plain.write(b"".join(revocation_lists_in(_read(path), str(path))))
            plain.flush()
            context.load_verify_locations(cafile=plain.name)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF


def revocation_lists_in(content: bytes, place: str) -> list[bytes]:
    """The lists in a file of them, each in PEM.

    Raises:
        Fall: `file_unreadable` when there is none, or one that cannot be read.
    """
    _, *blocks = content.split(_BEGIN)  # no pattern: one that looks for an end from each beginning takes for ever
    try:
        if not blocks:
            return [x509.load_der_x509_crl(content).public_bytes(Encoding.PEM)]
        return [_from_pem(block.partition(_END)[0]) for block in blocks]
    except (ValueError, x509.InvalidVersion) as error:
        raise Fall(causes.FILE_UNREADABLE, f"{place} is no revocation list") from error


def _from_pem(inside: bytes) -> bytes:
    return x509.load_pem_x509_crl(_BEGIN + inside + _END + b"\n").public_bytes(Encoding.PEM)


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():  # a pipe would never end
            raise Fall(causes.FILE_UNREADABLE, f"{path} is no file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: {error.strerror}") from error
    if len(content) > LARGEST:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: more than {LARGEST} bytes")
    return content
