"""A TLS service whose handshake and certificate must hold."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import stages
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.hosts import Host
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.result import Measure
from retabli.model.settings import Port, Tls
from retabli.model.stages import Stage
from retabli.model.words import Words
from retabli.net.connect import open_connection

DAY = 86_400

CERT_EXPIRES_SOON = cause(
    "cert_expires_soon",
    Side.PARTNER_DOWN,
    fr="certificat bientôt expiré",
    en="certificate about to expire",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Prévenir le responsable du certificat : il faut le renouveler.",
        "Tell whoever owns the certificate: it has to be renewed.",
    ),
)


class TlsService(Probe):
    """Shakes hands and hangs up; the certificate is judged by OpenSSL, with its name. Nothing is sent after it.

    A server that asks for a client certificate may refuse ours only after the handshake; it is given a moment to.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, stages.CONNECT, stages.TLS)
    CAUSES: ClassVar[tuple[Cause, ...]] = (CERT_EXPIRES_SOON,)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un service TLS répond avec un certificat valable.",
        "A TLS service answers with a valid certificate.",
    )

    kind: Literal["tls"]
    host: Host = Field(description="name or address; also the name the certificate must bear, unless tls.server_name")
    port: Port = 443
    tls: Tls = Tls()
    min_days: int = Field(
        default=0, ge=0, description="days the certificate must still be valid, else not whole; 0: off"
    )

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.port, "tcp"

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.tls.mode != "implicit":
            yield f"tls.mode {self.tls.mode} means nothing here: this kind speaks TLS from the first byte"

    async def run(self, ladder: Ladder) -> None:
        async with await open_connection(
            ladder, self.host, self.port, resolver=self.resolver, tls=self.tls
        ) as connection:
            with ladder.rung(stages.TLS):
                await connection.settle()
            if connection.tls is not None and connection.tls.client_certificate_asked and not connection.tls.presented:
                ladder.describe("client_certificate", "asked for, and none is set: it may refuse what comes next")
        expiry = ladder.measures.get(Measure.CERT_EARLIEST_EXPIRY)
        if expiry is not None and expiry - ladder.wall() < self.min_days * DAY:
            ladder.impair(CERT_EXPIRES_SOON, f"in {(expiry - ladder.wall()) / DAY:.1f} days")
