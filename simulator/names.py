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

from simulator.serving import TwoWays

Zone = Mapping[str, Mapping[str, tuple[str, ...]]]  # name → type → data


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


class Names:
    """`position`: "answers", "servfail" or "silent"."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.position = "answers"
        self.serving = TwoWays(self._talk, self._respond)

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
