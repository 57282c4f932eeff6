"""A name server on loopback, UDP and TCP on one port, that answers by a table or misbehaves as it is told."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from retabli.model.settings import Resolver
from tests.net.peers import Handler, serving

Fault = Callable[[dns.message.QueryMessage], list[bytes]]
Zone = Mapping[tuple[str, str], list[str]]


class NameServer(asyncio.DatagramProtocol):
    """`zone` maps (name, type) to records; a name of none of its keys does not exist. A fault replaces all answers
    by UDP; `by_tcp` those by TCP. `asked` is every question, in order, and `asker` where the last by UDP came from."""

    def __init__(self, zone: Zone, fault: Fault | None, by_tcp: Fault | None) -> None:
        self.zone = zone
        self.fault = fault
        self.by_tcp = by_tcp
        self.asked: list[tuple[str, str, str]] = []
        self.asker = ("", 0)
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def resolver(self) -> Resolver:
        return Resolver(nameservers=("127.0.0.1",), port=self.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self.asker = addr
        for answer in self._answers(data, "udp"):
            self._transport.sendto(answer, addr)

    async def conversation(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            size = int.from_bytes(await reader.readexactly(2))
            for answer in self._answers(await reader.readexactly(size), "tcp"):
                writer.write(len(answer).to_bytes(2) + answer)
        writer.close()

    def _answers(self, data: bytes, transport: str) -> list[bytes]:
        query = dns.message.from_wire(data)
        assert isinstance(query, dns.message.QueryMessage)
        question = query.question[0]
        self.asked.append((question.name.to_text(), dns.rdatatype.to_text(question.rdtype), transport))
        fault = self.fault if transport == "udp" else self.by_tcp
        return fault(query) if fault is not None else [answer(query, self.zone).to_wire()]


def answer(query: dns.message.QueryMessage, zone: Zone) -> dns.message.Message:
    response = dns.message.make_response(query)
    name, kind = query.question[0].name, query.question[0].rdtype
    if not any(dns.name.from_text(known) == name for known, _ in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    for (known, its_kind), records in zone.items():
        if dns.name.from_text(known) == name and its_kind in (dns.rdatatype.to_text(kind), "CNAME"):
            response.answer.append(dns.rrset.from_text_list(name, 60, "IN", its_kind, records))
    return response


def rcode(code: dns.rcode.Rcode) -> Fault:
    def fail(query: dns.message.QueryMessage) -> list[bytes]:
        response = dns.message.make_response(query)
        response.set_rcode(code)
        return [response.to_wire()]

    return fail


def mute(query: dns.message.QueryMessage) -> list[bytes]:
    return []


def truncated(query: dns.message.QueryMessage) -> list[bytes]:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    return [response.to_wire()]


def garbage_with_our_id(query: dns.message.QueryMessage) -> list[bytes]:
    return [query.id.to_bytes(2) + b"\x81\x80" + b"\xff" * 30]


def noise(query: dns.message.QueryMessage) -> list[bytes]:
    return [b"\xfe\xed" * 20]


@contextlib.asynccontextmanager
async def name_server(
    zone: Zone | None = None, fault: Fault | None = None, *, by_tcp: Fault | None = None, stream: Handler | None = None
) -> AsyncIterator[NameServer]:
    """`stream` has the conversations by TCP instead."""
    loop = asyncio.get_running_loop()
    server = NameServer(zone or {}, fault, by_tcp)
    async with contextlib.AsyncExitStack() as stack:
        while True:  # until a port is free for both
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
            server.port = sock.getsockname()[1]
            try:
                await stack.enter_async_context(serving(stream or server.conversation, port=server.port))
                break
            except OSError:
                sock.close()
        transport, _ = await loop.create_datagram_endpoint(lambda: server, sock=sock)
        stack.callback(transport.close)
        yield server
