"""A DNS question that must be answered, and answered as expected."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.txtbase
import dns.reversename
from pydantic import AfterValidator, Field, model_validator

from retabli.model import causes, stages
from retabli.model.causes import Cause, Side, cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.result import Measure
from retabli.model.stages import Stage
from retabli.net.nameservers import unspecified
from retabli.net.resolve import query

ANSWERS_DIFFER = cause(
    "answers_differ",
    Side.CONTENT,
    fr="la réponse n'est pas celle attendue",
    en="the answer is not the expected one",
)


def _known(text: str) -> str:
    try:
        found = dns.rdatatype.from_text(text)
    except dns.exception.DNSException:
        raise ValueError(f'"{text}" is no type of DNS record: write A, AAAA, MX, TXT, …') from None
    if dns.rdatatype.is_metatype(found):
        raise ValueError(f'"{text}" is a type that nobody stores; it cannot be expected')
    return text.upper()


class Dns(Probe):
    """Asks the name servers of `resolver`, or the system's, for one name and type.

    Names are absolute. Aliases are followed. A server's SERVFAIL, REFUSED, silence and garbage are told apart, and
    its fellows asked before it counts.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, stages.CONTENT)
    CAUSES: ClassVar[tuple[Cause, ...]] = (ANSWERS_DIFFER,)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un nom est résolu, avec les réponses attendues.",
        "A name is resolved, with the expected answers.",
    )

    kind: Literal["dns"]
    name: str = Field(description="an address where type is PTR is turned into its reverse name")
    type: Annotated[str, AfterValidator(_known)] = "A"
    expect: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description='all the answers, in any order, as in a zone file ("10 mx.example."); none: any answer will do',
    )

    @model_validator(mode="after")
    def _expected_can_be_read(self) -> Self:
        for text in self.expect:
            self._normal(text)
        return self

    @property
    def brief(self) -> bool:
        return True

    def climbs(self) -> tuple[Stage, ...]:
        return self.LADDER if self.expect else self.LADDER[:1]

    def openings(self) -> Iterator[tuple[str, int, str]]:
        for server in self.resolver.nameservers if self.resolver else ():
            yield server, self.resolver.port if self.resolver else 53, "udp"
            yield server, self.resolver.port if self.resolver else 53, "tcp"

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.RESOLVE):
            found = await query(self._asked(), self.type, self.resolver)
            if not self.expect:
                self._refuse_sinkhole(found.records)
        ladder.measure(Measure.DNS_LOOKUP, found.seconds)
        ladder.describe("nameserver", found.nameserver)
        ladder.describe("answers", ", ".join(sorted(_text(record) for record in found.records)))
        if self.expect:
            with ladder.rung(stages.CONTENT):
                self._compare(found.records)

    def _refuse_sinkhole(self, records: tuple[dns.rdata.Rdata, ...]) -> None:
        """Any answer will do, but not the one by which a filtering resolver says that there is to be none."""
        answers = [_text(record) for record in records]
        if self.type in ("A", "AAAA") and all(unspecified(answer) for answer in answers):
            raise Fall(causes.SINKHOLE, ", ".join(answers))

    def _asked(self) -> str:
        if self.type == "PTR":
            try:
                return dns.reversename.from_address(str(ipaddress.ip_address(self.name))).to_text()
            except ValueError:
                pass
        return self.name

    def _compare(self, records: tuple[dns.rdata.Rdata, ...]) -> None:
        given = {_text(record) for record in records}
        wanted = {self._normal(text) for text in self.expect}
        said = [
            f"{what} {', '.join(sorted(which))}"
            for what, which in (("missing", wanted - given), ("unexpected", given - wanted))
            if which
        ]
        if said:
            raise Fall(ANSWERS_DIFFER, "; ".join(said))

    def _normal(self, text: str) -> str:
        """The same text for the same record, however it is written.

        Raises:
            ValueError: it is no record of this type.
        """
        if self.type in ("TXT", "SPF") and not text.startswith('"'):
            return text
        kind = dns.rdatatype.from_text(self.type)
        try:
            return _text(dns.rdata.from_text(dns.rdataclass.IN, kind, text, dns.name.root, relativize=False))
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f'expect: "{text}" is no {self.type} record: {error}') from error


def _text(record: dns.rdata.Rdata) -> str:
    """Names in lower case, as DNS compares them; a text's pieces joined, as everybody reads them (RFC 7208, 3.3)."""
    if isinstance(record, dns.rdtypes.txtbase.TXTBase):
        return b"".join(record.strings).decode("utf-8", "replace")
    return record.to_text().lower()
