"""Name servers that lie, loop, flood or truncate for ever, met by `dns` and by whoever has a name to resolve."""

from collections.abc import Iterator
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from probes.containment import Containment
from probes.dns import Dns
from probes.http import Http
from probes.ntp import Ntp
from probes.sip import Sip
from probes.smtp import Smtp
from probes.tcp import Tcp
from retabli.model.probe import Probe
from retabli.model.result import Result
from tests.climbing import climb, settings
from tests.hostile.cells import Cell, Meet
from tests.hostile.grounds import Grounds
from tests.kinds.doors import DECLARED
from tests.net.name_server import Fault, NameServer, garbage_with_our_id, mute, name_server, noise, rcode, truncated

Query = dns.message.QueryMessage


def _answer(query: Query, *records: tuple[str, str, str]) -> dns.message.Message:
    response = dns.message.make_response(query)
    for name, kind, value in records:
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, value))
    return response


def another_id(query: Query) -> list[bytes]:
    wire = bytearray(_answer(query, ("www.test.", "A", "192.0.2.1")).to_wire())
    wire[0] ^= 0xFF
    return [bytes(wire)]


def another_question(query: Query) -> list[bytes]:
    other = dns.message.make_query("other.test.", "A")
    other.id = query.id
    return [_answer(other, ("other.test.", "A", "192.0.2.1")).to_wire()]


def a_question_back(query: Query) -> list[bytes]:
    return [query.to_wire()]


def a_pointer_to_itself(query: Query) -> list[bytes]:
    """A name that is compressed to where it stands (RFC 1035, section 4.1.4)."""
    head = query.to_wire()[:12]
    question = query.to_wire()[12:]
    end = head[:2] + b"\x81\x80" + b"\0\1\0\1\0\0\0\0" + question.partition(b"\0\0\1\0\1")[0] + b"\0\0\1\0\1"
    place = len(end)
    return [end + (0xC000 | place).to_bytes(2) + b"\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"]


def an_alias_to_itself(query: Query) -> list[bytes]:
    return [_answer(query, ("www.test.", "CNAME", "www.test.")).to_wire()]


def aliases_in_a_ring(query: Query) -> list[bytes]:
    ring = [("www.test.", "CNAME", "a.test."), ("a.test.", "CNAME", "b.test."), ("b.test.", "CNAME", "www.test.")]
    return [_answer(query, *ring).to_wire()]


def a_thousand_addresses(query: Query) -> list[bytes]:
    if query.question[0].rdtype != dns.rdatatype.A:
        return [dns.message.make_response(query).to_wire()]
    response = dns.message.make_response(query)
    addresses = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    response.answer.append(dns.rrset.from_text_list("www.test.", 60, "IN", "A", addresses))
    return [response.to_wire(max_size=65_535)]


def a_sinkhole(query: Query) -> list[bytes]:
    kind = dns.rdatatype.to_text(query.question[0].rdtype)
    return [_answer(query, ("www.test.", kind, "::" if kind == "AAAA" else "0.0.0.0")).to_wire()]  # noqa: S104


def half_of_it(query: Query) -> list[bytes]:
    return [_answer(query, ("www.test.", "A", "192.0.2.1")).to_wire()[:30]]


def nothing_at_all(query: Query) -> list[bytes]:
    return [b""]


def counts_that_lie(query: Query) -> list[bytes]:
    wire = bytearray(query.to_wire())
    wire[2], wire[6:8] = 0x81, b"\xff\xff"
    return [bytes(wire)]


FAULTS: dict[str, Fault] = {
    "silent": mute,
    "noise": noise,
    "garbage with our id": garbage_with_our_id,
    "another id": another_id,
    "another question": another_question,
    "the question again": a_question_back,
    "a name that points to itself": a_pointer_to_itself,
    "an alias to itself": an_alias_to_itself,
    "aliases in a ring": aliases_in_a_ring,
    "a sinkhole": a_sinkhole,
    "half an answer": half_of_it,
    "an empty datagram": nothing_at_all,
    "counts that lie": counts_that_lie,
    "a flood of wrong ids": lambda query: another_id(query) * 200,
    "a flood of noise": lambda query: noise(query) * 200,
    "SERVFAIL": rcode(dns.rcode.SERVFAIL),
    "REFUSED": rcode(dns.rcode.REFUSED),
    "NXDOMAIN": rcode(dns.rcode.NXDOMAIN),
    "FORMERR": rcode(dns.rcode.FORMERR),
}
BY_TCP: dict[str, Fault] = {
    "truncated by TCP too": truncated,
    "silent by TCP": mute,
    "noise by TCP": noise,
    "another id by TCP": another_id,
    "half an answer by TCP": half_of_it,
}


def probes_asking(grounds: Grounds, names: NameServer) -> dict[str, Probe]:
    resolver = {"nameservers": ["127.0.0.1"], "port": names.port}
    usual: dict[str, Any] = {"resolver": resolver, "timeout": grounds.timeout}
    shut: dict[str, Any] = {"attempts": [{"to": "www.test", "port": 9, "family": 4}], "control": {"alive": DECLARED}}
    return {
        "dns": settings(Dns, name="www.test", **usual),
        "http": settings(Http, url="http://www.test:9/", **usual),
        "smtp": settings(Smtp, host="www.test", port=9, **usual),
        "tcp": settings(Tcp, host="www.test", port=9, **usual),
        "ntp": settings(Ntp, host="www.test", **usual),
        "sip": settings(Sip, host="www.test", port=9, **usual),
        "containment": settings(Containment, **shut, **usual),
    }


KINDS = ("dns", "http", "smtp", "tcp", "ntp", "sip", "containment")


def _met(kind: str, fault: Fault, by_tcp: Fault | None = None) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        names = await grounds.stack.enter_async_context(name_server({}, fault, by_tcp=by_tcp))
        return await climb(probes_asking(grounds, names)[kind])

    return meeting


def cells() -> Iterator[Cell]:
    for kind in KINDS:
        for name, fault in FAULTS.items():
            yield Cell("name_servers", name, kind, kind, _met(kind, fault), heavy="flood" in name)
        for name, fault in BY_TCP.items():
            yield Cell("name_servers", name, kind, kind, _met(kind, truncated, fault))
    yield Cell(
        "name_servers", "a thousand addresses by TCP", "dns", "dns", _met("dns", truncated, a_thousand_addresses)
    )
