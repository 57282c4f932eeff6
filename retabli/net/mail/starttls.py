"""How a mail session comes to TLS: from the first byte, or by STARTTLS (RFC 3207; RFC 3501, 6.2.1; RFC 2595, 4)."""

from retabli.model import causes, stages
from retabli.model.ladder import Fall
from retabli.model.settings import Tls
from retabli.model.stages import Stage
from retabli.net.connection import Connection
from retabli.net.mail.session_causes import STARTTLS_INJECTED
from retabli.net.tls import server_name_of


def session_stages(tls: Tls, *greeted: Stage) -> tuple[Stage, ...]:
    """The rungs of a session up to where it is as safe as it will be; `greeted` follow the greeting."""
    return (
        stages.RESOLVE,
        stages.CONNECT,
        *((stages.TLS,) if tls.mode == "implicit" else ()),
        stages.GREETING,
        *greeted,
        *((stages.STARTTLS, stages.TLS) if tls.mode == "starttls" else ()),
    )


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
