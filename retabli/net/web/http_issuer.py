"""Who issued a site's certificate: somebody who reads along shows one of his own."""

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Rename
from retabli.net.connection import Connection
from retabli.net.web.http_causes import TLS_INTERCEPTED


def issuer_of(connection: Connection) -> str:
    """The issuer of the certificate that was shown, as people know it; "" without TLS."""
    chain = connection.tls.chain if connection.tls is not None else None
    return chain.issuer if chain is not None else ""


def judge_issuer(connection: Connection, expected: str) -> None:
    """Whether the certificate is from whom it should be; before anything is said to whoever showed it.

    Raises:
        Fall: `tls_intercepted`.
    """
    issuer = issuer_of(connection)
    if issuer and expected.lower() not in issuer.lower():
        raise Fall(TLS_INTERCEPTED, f'issued by "{issuer}", not by "{expected}"')


def as_intercepted(expected: str) -> Rename:
    """What an unknown authority is called when another issuer was expected: somebody stands in between.

    A refused handshake gives no certificate to look at but the one that its fall tells of.
    """

    def rename(found: Cause, detail: str) -> tuple[Cause, str]:
        unknown = found in (causes.CERT_UNKNOWN_CA, causes.CERT_SELF_SIGNED) and "shown: " in detail
        if not unknown or expected.lower() in detail.lower():
            return found, detail
        return TLS_INTERCEPTED, f'not by "{expected}": {detail}'

    return rename
