"""The way out that hides in names: a random label below a domain of ours, asked of the inside resolver.

If the answer of our own server outside comes back, any data can go out in such labels. Of the other answers none
proves closure by itself: a resolver that is dead gives them too, and so does a domain that is. NXDOMAIN least of all:
it may come from outside, and then the label has been there.
"""

import asyncio
import secrets
from dataclasses import dataclass

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rdtypes.txtbase

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.settings import Resolver
from retabli.net.containment.containment_causes import (
    DNS_TUNNEL_OPEN,
    NOT_EXPECTED_SIGNATURE,
    RESOLVER_FAILED,
    SOMEONE_ELSE_ANSWERS,
)
from retabli.net.containment.containment_settings import DnsTunnel
from retabli.net.containment.denials import FALLS
from retabli.net.containment.sinkholes import Network, sunk
from retabli.net.containment.ways import Fate, Sign, Way
from retabli.net.nameservers import Patience, absolute, ask
from retabli.net.system_resolver import system_nameservers

PROTOCOL = "dns-tunnel"
LABEL = 16  # random bytes of a label: nobody has asked for that name before, no cache knows it
USUAL = ("refused", "servfail", "timeout", "sinkhole")
RCODES = {causes.SERVFAIL: "servfail", causes.DNS_REFUSED: "refused", causes.DNS_TIMEOUT: "timeout"}


@dataclass(frozen=True, slots=True)
class InsideResolver:
    """The name servers that this place uses."""

    nameservers: tuple[str, ...]
    port: int


def inside_resolver(tunnel: DnsTunnel, resolver: Resolver | None) -> InsideResolver:
    if tunnel.nameserver is not None:
        return InsideResolver((tunnel.nameserver,), tunnel.port)
    if resolver is not None:
        return InsideResolver(resolver.nameservers, resolver.port)
    return InsideResolver(system_nameservers(), 53)


def way_of(tunnel: DnsTunnel) -> Way:
    return Way(tunnel.domain, 0, PROTOCOL, alive=tunnel.alive)


async def attempt(tunnel: DnsTunnel, resolver: Resolver | None, seconds: float, sinkholes: tuple[Network, ...]) -> Fate:
    """What becomes of the question, and of the resolver's control beside it, within `seconds`."""
    way, inside = way_of(tunnel), inside_resolver(tunnel, resolver)
    patience = Patience(seconds, tries=2)
    name = f"{secrets.token_hex(LABEL)}.{tunnel.domain}"
    witness = asyncio.create_task(_ask(tunnel.inside_name, "A", inside, patience), name="containment inside name")
    try:
        asked = await _ask(name, tunnel.type, inside, patience)
        if isinstance(asked, dns.message.QueryMessage) and _bears(asked, tunnel.expect):
            told = f"{tunnel.expect} came back by {', '.join(inside.nameservers)}"
            return Fate(way, cause=DNS_TUNNEL_OPEN, detail=told)
        control = await witness
    finally:
        witness.cancel()
        await asyncio.gather(witness, return_exceptions=True)
    if not isinstance(control, dns.message.QueryMessage) or not control.answer:
        said = control.detail if isinstance(control, Fall) else dns.rcode.to_text(control.rcode())
        return Fate(way, cause=_local(control) or RESOLVER_FAILED, detail=f"{tunnel.inside_name}: {said}")
    return _denied(tunnel, way, asked, sinkholes)


def _local(control: object) -> causes.Cause | None:
    found = FALLS.get(control.cause) if isinstance(control, Fall) else None
    return found if found in (causes.LOCAL_RESOURCES, causes.LOCAL_PERMISSION) else None


async def _ask(name: str, kind: str, inside: InsideResolver, patience: Patience) -> dns.message.QueryMessage | Fall:
    try:
        wanted = dns.rdatatype.from_text(kind)
        return (await ask(absolute(name), wanted, inside.nameservers, inside.port, patience)).message
    except Fall as fall:
        return fall


def _texts(message: dns.message.QueryMessage) -> list[str]:
    found = []
    for records in message.answer:
        for record in records:
            if isinstance(record, dns.rdtypes.txtbase.TXTBase):
                found.append(b"".join(record.strings).decode("utf-8", "replace"))
            else:
                found.append(record.to_text())
    return found


def _bears(message: dns.message.QueryMessage, expect: str) -> bool:
    return any(expect in text for text in _texts(message))


def _denied(
    tunnel: DnsTunnel, way: Way, asked: dns.message.QueryMessage | Fall, sinkholes: tuple[Network, ...]
) -> Fate:
    """How the resolver, which is alive, kept the name in. What counts here is what the operator expects of it."""
    if isinstance(asked, Fall):
        word = RCODES.get(asked.cause)
        if word is None:
            return Fate(way, cause=_local(asked) or NOT_EXPECTED_SIGNATURE, detail=asked.detail)
    else:
        texts = _texts(asked)
        sinks = [text for text in texts if sunk(text, sinkholes)]
        if texts and len(sinks) < len(texts):
            return Fate(way, cause=SOMEONE_ELSE_ANSWERS, detail=", ".join(texts))
        nameless = asked.rcode() == dns.rcode.NXDOMAIN
        word = "sinkhole" if sinks else "nxdomain" if nameless else "no data"
    if word not in (tunnel.denied or USUAL):
        return Fate(way, cause=NOT_EXPECTED_SIGNATURE, detail=f"the resolver answers {word}{_by_whom(asked)}")
    if word == "sinkhole":
        return Fate(way, Sign.SINKHOLE)
    # These a domain that is dead gives as well: they count while it is alive elsewhere.
    return Fate(way, Sign.TIMEOUT if word == "timeout" else Sign.RESET, detail=f"the resolver answers {word}")


def _by_whom(asked: dns.message.QueryMessage | Fall) -> str:
    """Whose word a negative answer is: the zone whose SOA it carries (RFC 2308, section 3)."""
    if isinstance(asked, Fall):
        return ""
    zones = [str(records.name) for records in asked.authority if records.rdtype == dns.rdatatype.SOA]
    return f" for the zone {zones[0]}" if zones else ""
