"""What is asked of a port outside, so that whatever stands there answers: each protocol's shortest honest question."""

import secrets

import dns.flags
import dns.message
import dns.rdatatype

from retabli.net.web.http import USER_AGENT
from retabli.net.web.http_messages import write_request

QUIC_INITIAL = 1200  # bytes that a client's first datagram has at least (RFC 9000, section 14.1)
# A version that is reserved to be unknown to everybody: a server answers by the versions it knows (RFC 9000, 15).
RESERVED_VERSION = bytes.fromhex("1a2a3a4a")
NTP_CLIENT = 0x23  # leap 0, version 4, mode 3 (RFC 5905, section 7.3)
HELLO = b"Retabli probe\r\n"


def datagram(port: int) -> bytes:
    """The question for a UDP port: of DNS, NTP and QUIC where they are spoken, else a line of text."""
    if port == 53:
        return dns_question()
    if port == 123:
        return bytes([NTP_CLIENT]) + bytes(39) + secrets.token_bytes(8)
    if port == 443:
        return quic_question()
    return HELLO


def dns_question() -> bytes:
    """The root's name servers: every resolver knows them, every server has something to say to that."""
    query = dns.message.make_query(".", dns.rdatatype.NS)
    query.flags |= dns.flags.RD
    return query.to_wire()


def quic_question() -> bytes:
    """A long header of an unknown version, padded to the size that servers demand (RFC 8999, 5.1; RFC 9000, 6)."""
    names = b"\x08" + secrets.token_bytes(8) + b"\x08" + secrets.token_bytes(8)
    return (b"\xc0" + RESERVED_VERSION + names).ljust(QUIC_INITIAL, b"\0")


def authority_of(host: str, port: int) -> bytes:
    """`host:port`, an IPv6 address in brackets, a name in its ASCII form (RFC 3986, section 3.2.2)."""
    bare = host.strip("[]")
    named = f"[{bare}]" if ":" in bare else bare.encode("idna").decode() if not bare.isascii() else bare
    return f"{named}:{port}".encode()


def fields_of(host: str, port: int) -> list[tuple[bytes, bytes]]:
    return [(b"Host", authority_of(host, port)), (b"User-Agent", USER_AGENT.encode()), (b"Accept", b"*/*")]


def request(host: str, port: int) -> bytes:
    """A page is asked for: filters that complete connections themselves show theirs only then."""
    return write_request("GET", b"/", fields_of(host, port))
