"""The step from clear text to TLS that SMTP and IMAP agree on by STARTTLS (RFC 3207; RFC 3501, section 6.2.1)."""

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.settings import Tls
from retabli.net.connection import Connection
from retabli.net.mail.session_causes import STARTTLS_INJECTED
from retabli.net.tls import server_name_of


async def start_tls_after_agreement(connection: Connection, tls: Tls, host: str) -> None:
    """Turn the conversation into TLS; the caller stands on the rung TLS.

    Raises:
        Fall: `starttls_injected` when clear text followed the agreement (CVE-2011-0411): it would be taken for what
            came over TLS; and whatever the handshake raises.
    """
    try:
        await connection.start_tls(None, tls, server_name_of(host, tls))
    except Fall as fall:
        if fall.cause is causes.GARBAGE:  # what start_tls raises for text that waits in clear, and for nothing else
            raise Fall(STARTTLS_INJECTED) from fall
        raise
