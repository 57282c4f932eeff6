"""A switchboard that must answer OPTIONS over SIP (RFC 3261, section 11): it is asked, never called."""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from retabli import __version__
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.hosts import Host
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.result import Measure
from retabli.model.settings import Port, Tls
from retabli.model.stages import Stage, stage
from retabli.net.attempts import interleaved, verdict
from retabli.net.connect import open_connection
from retabli.net.resolve import resolve
from retabli.net.sip import sip_causes
from retabli.net.sip.sip_causes import cause_of_status
from retabli.net.sip.sip_messages import Question, Reply, new_question, options
from retabli.net.sip.sip_transaction import by_datagram, by_stream

ANSWERED = stage("sip_answer", fr="réponse SIP", en="SIP answer")
STATUS = stage("sip_status", fr="statut attendu", en="expected status")

UNKNOWN_PLACE = "retabli.invalid"  # of a stream's client: the answer comes back on it (as RFC 7118, 5.2.1)
USER_AGENT = f"Retabli/{__version__} (monitoring probe)"


def _statuses(value: object) -> tuple[str, ...]:
    """`200`, `2xx`, `[200, 404]`."""
    words = tuple(str(part).lower() for part in (value if isinstance(value, list | tuple) else [value]))
    if not words or not all(re.fullmatch(r"[2-6]([0-9][0-9]|xx)", word) for word in words):
        raise ValueError("a final SIP status is wanted here: 200, 2xx, or a list of them")
    return words


class Sip(Probe):
    """Any answer shows that the switchboard lives; `expect` says which of them shows that it is well.

    It asks for nothing more: no REGISTER, no INVITE, and no account that could be locked.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, stages.CONNECT, stages.TLS, ANSWERED, STATUS)
    CAUSES: ClassVar[tuple[Cause, ...]] = sip_causes.CAUSES
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un central téléphonique répond à OPTIONS (SIP).",
        "A telephone switchboard answers OPTIONS (SIP).",
    )

    kind: Literal["sip"]
    host: Host
    port: Port | None = Field(default=None, description="5060, or 5061 with transport: tls")
    transport: Literal["udp", "tcp", "tls"] = "udp"
    uri: Annotated[str, StringConstraints(pattern=r"^sips?:[!-;=?-~]{1,200}$")] | None = Field(
        default=None, description="whom it is asked for; sip:host, the switchboard itself, if not given"
    )
    expect: Annotated[
        tuple[str, ...],
        BeforeValidator(_statuses),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": ["string", "integer"]},
                    {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
                ],
                "examples": [200, "2xx", [200, 404]],
            }
        ),
    ] = Field(default=("200",), description="statuses of a switchboard that is well; some answer 404 or 405 for ever")
    tls: Tls = Tls()

    @property
    def at(self) -> int:
        return self.port or (5061 if self.transport == "tls" else 5060)

    def climbs(self) -> tuple[Stage, ...]:
        left_out = {"udp": (stages.CONNECT, stages.TLS), "tcp": (stages.TLS,), "tls": ()}[self.transport]
        return tuple(stage for stage in self.LADDER if stage not in left_out)

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.at, "udp" if self.transport == "udp" else "tcp"

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.tls.mode != "implicit":
            yield f"tls.mode {self.tls.mode} means nothing here: transport says whether TLS is spoken"
        if self.tls != Tls() and self.transport != "tls":
            yield f"tls is set, and transport: {self.transport} does not speak it"

    async def run(self, ladder: Ladder) -> None:
        reply = await (self._by_datagram(ladder) if self.transport == "udp" else self._by_stream(ladder))
        ladder.describe("status", f"{reply.status} {reply.reason}")
        server = reply.field("server") or reply.field("user-agent")
        if server:
            ladder.describe("server", server)
        with ladder.rung(STATUS):
            if not self._wants(reply.status):
                found = cause_of_status(reply.status, retry_after="retry-after" in reply.fields)
                wait = reply.field("retry-after")
                raise Fall(found, f"{reply.status} {reply.reason}" + (f"; Retry-After: {wait}" if wait else ""))

    def _wants(self, status: int) -> bool:
        return str(status) in self.expect or f"{status // 100}xx" in self.expect

    def _request(self, question: Question, sent_by: str) -> bytes:
        host = f"[{self.host.strip('[]')}]" if ":" in self.host else self.host
        by = "" if self.transport == "udp" else f";transport={self.transport}"
        uri = self.uri or f"sip:{host}:{self.at}{by}"
        return options(question, uri, transport=self.transport, sent_by=sent_by, user_agent=USER_AGENT)

    async def _by_stream(self, ladder: Ladder) -> Reply:
        question = new_question()
        tls = self.tls if self.transport == "tls" else None
        connection = await open_connection(ladder, self.host, self.at, resolver=self.resolver, tls=tls)
        try:
            with ladder.rung(ANSWERED):
                return await by_stream(connection, question, self._request(question, UNKNOWN_PLACE))
        finally:
            connection.abort()

    async def _by_datagram(self, ladder: Ladder) -> Reply:
        with ladder.rung(stages.RESOLVE):
            answer = await resolve(self.host, resolver=self.resolver)
        ladder.measure(Measure.DNS_LOOKUP, answer.seconds)
        with ladder.rung(ANSWERED):
            return await self._ask_each(ladder, interleaved(answer.addresses))

    async def _ask_each(self, ladder: Ladder, addresses: list[str]) -> Reply:
        """The addresses in turn, each with its share of the time, until one answers."""
        fates: dict[str, Fall] = {}
        for address in addresses:
            question = new_question()
            try:
                async with asyncio.timeout(self.timeout * 0.95 / len(addresses)):
                    reply = await by_datagram(address, self.at, question, partial(self._request, question))
            except TimeoutError:
                fates[address] = Fall(causes.TIMEOUT)
            except Fall as met:
                fates[address] = met
            else:
                ladder.describe("address", address)
                ladder.measure(Measure.IP_PROTOCOL, 6 if ":" in address else 4)
                return reply
        raise verdict(fates)
