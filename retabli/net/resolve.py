"""Names to addresses, and any other question to DNS, by the system's resolver or by chosen name servers."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import dns.exception
import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype

from retabli.model import causes
from retabli.model.hosts import literal_address
from retabli.model.ladder import Fall
from retabli.model.settings import Resolver
from retabli.net.hearing import elapsed
from retabli.net.nameservers import USUAL, Patience, Reply, absolute, ask, unspecified
from retabli.net.system_resolver import Vague, system_addresses, system_nameservers

DNS_PORT = 53
LONGEST_CHAIN = 8  # answers that only say "ask for that other name", before it is called a loop
SECOND_FAMILY = 0.3  # seconds that the other family's answer is waited for once one has given addresses (RFC 8305, 3)


@dataclass(frozen=True, slots=True)
class Answer:
    """A host's addresses, in the order in which they are to be tried. `seconds` is what it took; 0 for a literal."""

    addresses: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Records:
    """The records that answer one question, chains followed. `seconds` is what it took, `ttl` in seconds."""

    name: str
    canonical: str
    records: tuple[dns.rdata.Rdata, ...]
    ttl: int
    nameserver: str
    seconds: float


async def resolve(
    host: str,
    *,
    resolver: Resolver | None = None,
    family: Literal[4, 6] | None = None,
    patience: Patience = USUAL,
) -> Answer:
    """The addresses of a host, of both families unless one is asked for.

    An address is passed through. With a chosen resolver names are absolute: no search domain is added.

    Raises:
        Fall: `nxdomain`, `no_data`, `servfail`, `dns_refused`, `dns_timeout`, `dns_garbage`; or `sinkhole` when the
            answer is an address that leads nowhere (and would lead to ourselves).
    """
    began = time.monotonic()
    literal = literal_address(host)
    if literal is not None:
        return Answer(_usable([literal], family), 0.0)
    if resolver is None:
        found = await _by_system(host, family, patience)
    else:
        found = await _by_nameservers(host, family, resolver, patience)
    return Answer(_usable(found, family), elapsed(began))


async def query(name: str, kind: str, resolver: Resolver | None = None, *, patience: Patience = USUAL) -> Records:
    """The records of that type (`MX`, `TXT`, …) that the name has; the system's own name servers are asked when none
    is chosen.

    Raises:
        Fall: as `resolve`; `no_data` when the name exists and has none of that type.
    """
    servers, port = (system_nameservers(), DNS_PORT) if resolver is None else (resolver.nameservers, resolver.port)
    began = time.monotonic()
    wanted = dns.rdatatype.from_text(kind)
    asked = absolute(name)
    for _ in range(LONGEST_CHAIN):
        reply = await ask(asked, wanted, servers, port, patience)
        chain = _follow(reply)
        if reply.message.rcode() == dns.rcode.NXDOMAIN:
            raise Fall(causes.NXDOMAIN, f"{chain.canonical_name} (says {reply.nameserver})")
        if chain.answer is not None:
            return Records(
                name=name,
                canonical=chain.canonical_name.to_text(omit_final_dot=True),
                records=tuple(chain.answer),
                ttl=chain.minimum_ttl,
                nameserver=reply.nameserver,
                seconds=elapsed(began),
            )
        if chain.canonical_name == asked:
            raise Fall(causes.NO_DATA, f"no {kind} (says {reply.nameserver})")
        asked = chain.canonical_name  # the server gave an alias and left the rest to us
    raise Fall(causes.DNS_GARBAGE, f"{name} is an alias of an alias, without end")


def _follow(reply: Reply) -> dns.message.ChainingResult:
    try:
        return reply.message.resolve_chaining()
    except dns.exception.DNSException as error:
        raise Fall(causes.DNS_GARBAGE, f"{reply.nameserver}: {error}") from error


# Addresses --------------------------------------------------------------------------------------------------------


def _usable(addresses: Sequence[str], family: int | None) -> tuple[str, ...]:
    kept = [one for one in addresses if not unspecified(one)]
    if addresses and not kept:
        raise Fall(causes.SINKHOLE, ", ".join(addresses))
    kept = [one for one in kept if family is None or (":" in one) == (family == 6)]
    if not kept:
        raise Fall(causes.NO_DATA, f"no IPv{family} address" if family else "")
    return tuple(kept)


async def _by_nameservers(host: str, family: int | None, resolver: Resolver, patience: Patience) -> list[str]:
    if family is not None:
        return await _addresses(host, "AAAA" if family == 6 else "A", resolver, patience)
    tasks = [asyncio.create_task(_addresses(host, kind, resolver, patience)) for kind in ("AAAA", "A")]
    try:
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if pending and not _says_nothing_exists(done):
            found = any(task.exception() is None for task in done)
            await asyncio.wait(pending, timeout=SECOND_FAMILY if found else None)
        return _together(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _says_nothing_exists(done: set[asyncio.Task[list[str]]]) -> bool:
    """NXDOMAIN is about the name, not about a type (RFC 8020): the other answer cannot differ."""
    return any(isinstance(fall := task.exception(), Fall) and fall.cause is causes.NXDOMAIN for task in done)


def _together(tasks: Sequence[asyncio.Task[list[str]]]) -> list[str]:
    """What both families gave. One that failed is no fall while the other has addresses; and "no address" is only
    true when both say so."""
    found: list[str] = []
    falls: list[BaseException] = []
    for task in tasks:
        if not task.done():
            continue
        error = task.exception()
        if error is None:
            found += task.result()
        else:
            falls.append(error)
    if falls and (not found or not all(isinstance(fall, Fall) for fall in falls)):
        raise min(falls, key=_rank)
    return found


def _rank(error: BaseException) -> int:
    if not isinstance(error, Fall):
        return 0  # a defect of ours must show
    return {causes.NXDOMAIN: 1, causes.NO_DATA: 3}.get(error.cause, 2)


async def _addresses(host: str, kind: str, resolver: Resolver, patience: Patience) -> list[str]:
    answer = await query(host, kind, resolver, patience=patience)
    return [record.to_text() for record in answer.records]


async def _by_system(host: str, family: int | None, patience: Patience) -> list[str]:
    try:
        return await system_addresses(host, family)
    except Vague as vague:
        raise await _why(host, str(vague), patience) from vague


async def _why(host: str, said: str, patience: Patience) -> Fall:
    """Which failure the system's "temporary failure" was: its name servers are asked. What they say of the name
    itself does not count, for a search domain may have been meant."""
    try:
        await query(host, "A", patience=replace(patience, tries=2))
    except Fall as fall:
        if fall.cause not in (causes.NXDOMAIN, causes.NO_DATA):
            return fall
    return Fall(causes.SERVFAIL, said)
