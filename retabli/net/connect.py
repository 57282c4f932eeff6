"""The first rungs of every kind that speaks over TCP: resolve, connect and, where it comes first, TLS."""

from collections.abc import Callable, Sequence
from typing import Literal

from retabli.model import stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Measure
from retabli.model.settings import Resolver, Tls
from retabli.net.attempts import connect, told
from retabli.net.connection import Connection
from retabli.net.resolve import resolve
from retabli.net.tls import server_name_of

__all__ = ["connect", "open_connection"]


async def open_connection(
    ladder: Ladder,
    host: str,
    port: int,
    *,
    resolver: Resolver | None = None,
    tls: Tls | None = None,
    family: Literal[4, 6] | None = None,
    screen: Callable[[Sequence[str]], None] | None = None,
) -> Connection:
    """Climb RESOLVE, CONNECT and, when TLS is implicit, TLS; note what was found on the way.

    `screen` is shown the addresses before any is connected to, and may raise a Fall (a sinkhole, a forbidden place).
    An address that failed while another worked is no fall: it is told as the property `failed_addresses`.
    """
    with ladder.rung(stages.RESOLVE):
        answer = await resolve(host, resolver=resolver, family=family)
        if screen is not None:
            screen(answer.addresses)
    ladder.measure(Measure.DNS_LOOKUP, answer.seconds)
    fates: dict[str, Fall] = {}
    try:
        with ladder.rung(stages.CONNECT):
            connection = await connect(answer.addresses, port, host=host, fates=fates)
    finally:
        if fates:
            ladder.describe("failed_addresses", told(fates))
    ladder.measure(Measure.IP_PROTOCOL, connection.family)
    ladder.describe("address", connection.address)
    if tls is not None and tls.mode == "implicit":
        try:
            await connection.start_tls(ladder, tls, server_name_of(host, tls))
        except BaseException:
            connection.abort()
            raise
    return connection
