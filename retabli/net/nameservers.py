"""One question to name servers (RFC 1035) on sockets of ours: by UDP, by TCP where the answer is cut."""

import asyncio
import errno
import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from retabli.model import causes
from retabli.model.hosts import literal_address
from retabli.model.ladder import Fall, cause_of, detail_of
from retabli.net.attempts import connect, open_socket, sockaddr
from retabli.net.hearing import elapsed

PAYLOAD = 1232  # bytes that an answer by UDP may have without being cut in pieces on its way (DNS flag day 2020)
STRAYS = 64  # datagrams that are not our answer, after which a server is given up: somebody floods us
DATAGRAM = 65_535


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for the whole question, shared equally by the tries (at least one a server).

    4.5 seconds in 3 tries leave half of a probe's usual 10 seconds to the rungs above.
    """

    seconds: float = 4.5
    tries: int = 3


USUAL = Patience()


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer, NOERROR or NXDOMAIN. `seconds` is how long that server took to give it."""

    message: dns.message.QueryMessage
    nameserver: str
    seconds: float


# What each failing server gave; the first of these that any gave is the question's cause. One that speaks tells more
# than a silent one.
PRECEDENCE = (
    causes.LOCAL_RESOURCES,
    causes.LOCAL_PERMISSION,
    causes.SERVFAIL,
    causes.DNS_REFUSED,
    causes.DNS_GARBAGE,
    causes.DNS_TIMEOUT,
)

RCODES = {
    dns.rcode.SERVFAIL: causes.SERVFAIL,
    dns.rcode.REFUSED: causes.DNS_REFUSED,
    dns.rcode.NOTAUTH: causes.DNS_REFUSED,
}
NO_EDNS = {dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS}  # old servers: asked again as in 1987


def absolute(name: str) -> dns.name.Name:
    """The name as DNS has it, from the root; international names in their ASCII form.

    Raises:
        Fall: `nxdomain`: no such name can exist.
    """
    try:
        return dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise Fall(causes.NXDOMAIN, f'"{name}" is no domain name: {error}') from error


async def ask(
    name: dns.name.Name,
    kind: dns.rdatatype.RdataType,
    nameservers: Sequence[str],
    port: int = 53,
    patience: Patience = USUAL,
) -> Reply:
    """The first answer that one of the servers gives; they are asked in turn, a silent one again.

    Raises:
        Fall: none gave one; the detail names each server and what it gave, the cause is the first of PRECEDENCE.
    """
    tries = max(patience.tries, len(nameservers))
    fates: dict[str, Fall] = {}
    waiting = list(nameservers)
    for number in range(tries):
        if not waiting:
            break
        server = waiting[number % len(waiting)]
        began = time.monotonic()
        try:
            message = await _exchange(name, kind, server, port, patience.seconds / tries)
        except Fall as fall:
            fates[server] = fall
            if fall.cause is not causes.DNS_TIMEOUT:
                waiting.remove(server)  # it spoke, and would say the same again
        else:
            return Reply(message, server, elapsed(began))
    raise _verdict(fates)


def _verdict(fates: dict[str, Fall]) -> Fall:
    met = [fall.cause for fall in fates.values()]
    cause = next((one for one in PRECEDENCE if one in met), met[0])
    return Fall(cause, ", ".join(f"{server}: {fall.detail or fall.cause.code}" for server, fall in fates.items()))


async def _exchange(
    name: dns.name.Name, kind: dns.rdatatype.RdataType, server: str, port: int, seconds: float
) -> dns.message.QueryMessage:
    noise: list[Fall] = []
    try:
        async with asyncio.timeout(seconds):
            modern = dns.message.make_query(name, kind, use_edns=0, payload=PAYLOAD)
            message = await _ask_once(modern, server, port, noise)
            if message.rcode() in NO_EDNS:
                message = await _ask_once(dns.message.make_query(name, kind), server, port, noise)
    except TimeoutError:
        raise noise[0] if noise else Fall(causes.DNS_TIMEOUT, "no answer") from None
    except OSError as error:
        raise _unreachable(error) from error
    rcode = message.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise Fall(RCODES.get(rcode, causes.DNS_GARBAGE), dns.rcode.to_text(rcode))
    return message


def _unreachable(error: OSError) -> Fall:
    """A server whose port is closed, or that cannot be reached, is one that does not answer."""
    cause = cause_of(error)
    if cause in (causes.LOCAL_RESOURCES, causes.LOCAL_PERMISSION) and error.errno != errno.EADDRNOTAVAIL:
        return Fall(cause, detail_of(error))
    return Fall(causes.DNS_TIMEOUT, f"no answer ({detail_of(error).lower()})")


async def _ask_once(
    query: dns.message.QueryMessage, server: str, port: int, noise: list[Fall]
) -> dns.message.QueryMessage:
    message = await _by_udp(query, server, port, noise)
    if not message.flags & dns.flags.TC:
        return message
    try:
        return await _by_tcp(query, server, port)
    except Fall as fall:
        if fall.cause in PRECEDENCE:
            raise
        raise Fall(causes.DNS_TIMEOUT, f"too long for UDP, and no answer by TCP ({fall.cause.code})") from fall


async def _by_udp(
    query: dns.message.QueryMessage, server: str, port: int, noise: list[Fall]
) -> dns.message.QueryMessage:
    """One question on a port of its own, chosen by the kernel: with the random id, what a forger must guess.

    What cannot be read is kept in `noise` and the true answer still waited for; with our id it is the server's own.
    """
    loop = asyncio.get_running_loop()
    family, where = sockaddr(literal(server), port)
    with open_socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(where)  # only this server's datagrams are received, and its "port unreachable"
        sock.send(query.to_wire())
        for _ in range(STRAYS):
            data = await loop.sock_recv(sock, DATAGRAM)
            try:
                message = _read(data)
            except Fall as fall:
                if data[:2] == query.id.to_bytes(2):
                    raise
                noise.append(fall)
                continue
            if query.is_response(message):
                return message
            # Another id or another question: a forged or late answer, which must not count.
        raise Fall(causes.DNS_GARBAGE, "a flood of answers to other questions")


def _read(data: bytes) -> dns.message.QueryMessage:
    try:
        message = dns.message.from_wire(data, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError) as error:
        raise Fall(causes.DNS_GARBAGE, "an answer that cannot be read") from error
    if not isinstance(message, dns.message.QueryMessage):
        raise Fall(causes.DNS_GARBAGE, "an answer that is none to a question")
    return message


async def _by_tcp(query: dns.message.QueryMessage, server: str, port: int) -> dns.message.QueryMessage:
    """The same question by TCP (RFC 7766), where an answer has at most 65,535 bytes."""
    wire = query.to_wire()
    async with await connect([server], port) as connection:
        await connection.send(len(wire).to_bytes(2) + wire)
        size = int.from_bytes(await connection.read_exactly(2))
        message = _read(await connection.read_exactly(size))
    if not query.is_response(message):
        raise Fall(causes.DNS_GARBAGE, "an answer to another question, by TCP")
    if message.flags & dns.flags.TC:  # what is missing may be all that there is: it must not be taken for "no record"
        raise Fall(causes.DNS_GARBAGE, "an answer that is cut short, by TCP")
    return message


def literal(server: str) -> str:
    """A name server's address.

    Raises:
        Fall: it is a name, for which another resolver would be needed (`dns_refused`, as nobody can be asked).
    """
    address = literal_address(server)
    if address is None:
        raise Fall(causes.DNS_REFUSED, f"{server} is no IP address")
    return address


@lru_cache(maxsize=10_000)
def unspecified(address: str) -> bool:
    """`0.0.0.0` and `::`: the answer of a filtering resolver; a connection to it would reach this very machine."""
    return ipaddress.ip_address(address.partition("%")[0]).is_unspecified
