"""The simulated world's names: a DNS server on loopback, over UDP and TCP."""

import asyncio
import struct
from collections.abc import Mapping

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from simulator.serving import Serving

Zone = Mapping[str, Mapping[str, tuple[str, ...]]]  # name → type → data
ATTEMPTS = 20  # at finding a port that is free for UDP and TCP


def answer(query: dns.message.Message, zone: Zone, *, failing: bool = False) -> dns.message.Message:
    """What the server says: the zone's data, nothing for a known name, NXDOMAIN for another; SERVFAIL if failing."""
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.AA
    if failing:
        response.set_rcode(dns.rcode.SERVFAIL)
        return response
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    if name not in zone:
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response
    data = zone[name].get(dns.rdatatype.to_text(question.rdtype), ())
    if data:
        response.answer.append(dns.rrset.from_text(question.name, 60, dns.rdataclass.IN, question.rdtype, *data))
    return response


class Names(asyncio.DatagramProtocol):
    """`position`: "answers", "servfail" or "silent"."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.position = "answers"
        self.port = 0
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp = Serving(self._talk)

    async def open(self) -> None:
        """Both at one number: the kernel's choice for UDP, until it is free for TCP too.

        Raises:
            OSError: none was in so many attempts.
        """
        loop = asyncio.get_running_loop()
        for left in reversed(range(ATTEMPTS)):
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
            self._tcp.port = self.port = self._udp.get_extra_info("sockname")[1]
            try:
                await self._tcp.open()
            except OSError:
                self._udp.close()
                if not left:
                    raise
            else:
                return

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        await self._tcp.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        wire = self._respond(data)
        if wire is not None and self._udp is not None:
            self._udp.sendto(wire, addr)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        wire = self._respond(await reader.readexactly(length))
        if wire is None:
            await asyncio.sleep(3600)
            return
        writer.write(struct.pack("!H", len(wire)) + wire)
        await writer.drain()

    def _respond(self, data: bytes) -> bytes | None:
        if self.position == "silent":
            return None
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return None
        return answer(query, self.zone, failing=self.position == "servfail").to_wire()
