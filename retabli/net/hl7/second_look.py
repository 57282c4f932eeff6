"""Whether an engine that hung up on a message in clear speaks TLS: many TLS servers say nothing when they are not
spoken to in TLS, and would look like an engine that closes."""

import asyncio
import ssl

from retabli.model.ladder import Fall
from retabli.net.attempts import connect

PATIENCE = 2.0  # seconds
RECORDS = (b"\x16\x03", b"\x15\x03")  # a handshake or an alert of TLS (RFC 8446, section 5.1)


async def speaks_tls(address: str, port: int) -> bool:
    """Connect once more, say a ClientHello, and look at the answer's first bytes. Nothing else is ever sent."""
    try:
        async with asyncio.timeout(PATIENCE), await connect([address], port) as connection:
            await connection.send(_client_hello())
            return await connection.read_exactly(2) in RECORDS
    except (Fall, OSError):
        return False


def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    session = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass  # it waits for the answer to what it has written
    return outgoing.read()
