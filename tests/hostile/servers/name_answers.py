"""Answers of name servers beside the truth: forged, of another class, in the wrong section, of odd lengths."""

import itertools
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from probes.dns import Dns
from retabli.model.probe import Probe
from retabli.model.result import Result
from tests.climbing import climb
from tests.climbing import settings as probe_of
from tests.hostile.cells import Cell, Meet
from tests.hostile.grounds import Grounds
from tests.hostile.servers.name_servers import KINDS, probes_asking
from tests.net.name_server import Fault, NameServer, name_server, truncated
from tests.net.peers import Handler, closing, endless, resetting, saying, silent, trickling

Query = dns.message.QueryMessage
TRUTH, LIE = "192.0.2.1", "192.0.2.66"
ESCAPES = b"\x1b[2J\x1b]0;owned\x07\x00\x7f" + "\u202egnp.exe\u2066".encode()


def record(name: str, kind: str, value: str, ttl: int = 60, within: str = "IN") -> dns.rrset.RRset:
    return dns.rrset.from_text(name, ttl, within, kind, value)


def answering(*records: dns.rrset.RRset, **sections: list[dns.rrset.RRset]) -> Callable[[Query], dns.message.Message]:
    def made(query: Query) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.answer.extend(records)
        for section, others in sections.items():
            getattr(response, section).extend(others)
        return response

    return made


def told(*records: dns.rrset.RRset, **sections: list[dns.rrset.RRset]) -> Fault:
    return lambda query: [answering(*records, **sections)(query).to_wire(max_size=65_535)]


A = record("www.test.", "A", TRUTH)
truth, lie = told(A), told(record("www.test.", "A", LIE))


def with_code(code: int, *records: dns.rrset.RRset) -> Fault:
    def made(query: Query) -> list[bytes]:
        response = answering(*records)(query)
        response.set_rcode(dns.rcode.Rcode(code))
        return [response.to_wire()]

    return made


def no_response_flag(query: Query) -> list[bytes]:
    response = answering(A)(query)
    response.flags &= ~dns.flags.QR
    return [response.to_wire()]


def an_update(query: Query) -> list[bytes]:
    wire = bytearray(truth(query)[0])
    wire[2] |= 5 << 3  # RFC 2136
    return [bytes(wire)]


def another_id_first(query: Query) -> list[bytes]:
    forged = bytearray(lie(query)[0])
    forged[1] ^= 1
    return [bytes(forged), *truth(query)]


def another_question_first(query: Query) -> list[bytes]:
    other = dns.message.make_query("other.test.", "A", id=query.id)
    return [*lie(other), *truth(query)]


def in_other_letters(query: Query) -> list[bytes]:
    wire = truth(query)[0]
    return [wire[:12] + wire[12:].replace(b"\3www\4test", b"\3WwW\4TeSt")]


def of_length(size: int) -> Fault:
    """An A record whose data are so many bytes."""

    def made(query: Query) -> list[bytes]:
        wire = truth(query)[0]
        place = wire.index(b"\0\4" + socket.inet_aton(TRUTH))
        return [wire[:place] + struct.pack("!H", size) + bytes(size) + wire[place + 6 :]]

    return made


def data_length_that_lies(query: Query) -> list[bytes]:
    wire = truth(query)[0]
    return [wire.replace(b"\0\4" + socket.inet_aton(TRUTH), b"\xff\xff" + socket.inet_aton(TRUTH))]


def time_to_live(seconds: int) -> Fault:
    def made(query: Query) -> list[bytes]:
        wire = truth(query)[0]
        before = struct.pack("!IH", 60, 4) + socket.inet_aton(TRUTH)
        return [wire.replace(before, struct.pack("!IH", seconds, 4) + socket.inet_aton(TRUTH))]

    return made


def options(*opts: bytes) -> Fault:
    """OPT records (RFC 6891) in place of what there would be, each from its root name on."""

    def made(query: Query) -> list[bytes]:
        response = answering(A)(query)
        response.use_edns(False)
        wire = response.to_wire()
        return [wire[:10] + struct.pack("!H", len(opts)) + wire[12:] + b"".join(opts)]

    return made


def opt(payload: int = 1232, high: int = 0, version: int = 0, data: bytes = b"", size: int | None = None) -> bytes:
    return b"\0" + struct.pack("!HHBBHH", 41, payload, high, version, 0, len(data) if size is None else size) + data


def alias_onward(query: Query) -> list[bytes]:
    """Another alias each time it is asked: a chain over as many questions as are asked."""
    asked = query.question[0].name
    onward = dns.name.Name((b"on", *asked.labels))
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(asked, 60, "IN", "CNAME", onward.to_text()))
    return [response.to_wire()]


def aliases(count: int) -> Fault:
    """A chain of so many in one answer, with the truth at its end."""
    names = ["www.test.", *(f"a{number}.test." for number in range(count))]
    chain = [record(name, "CNAME", onward) for name, onward in itertools.pairwise(names)]
    return told(*chain, record(names[-1], "A", TRUTH))


def alias_of_escapes(query: Query) -> list[bytes]:
    response = dns.message.make_response(query)
    target = dns.name.Name([ESCAPES[:60], b"test", b""]).to_text()
    response.answer.append(record("www.test.", "CNAME", target))
    response.set_rcode(dns.rcode.NXDOMAIN)
    return [response.to_wire()]


def texts(*values: bytes) -> Fault:
    """A TXT record of these strings, whatever bytes they are."""

    def made(query: Query) -> list[bytes]:
        response = dns.message.make_response(query)
        response.use_edns(False)
        data = b"".join(bytes([len(value)]) + value for value in values)
        wire = response.to_wire()
        return [wire[:6] + b"\0\1" + wire[8:] + b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 60, len(data)) + data]

    return made


# Without an address in it, which would only be gone to.
NOTHING: dict[str, Fault] = {
    "another alias each time": alias_onward,
    "an alias of escapes to nowhere": alias_of_escapes,
    "only others' names": told(record("other.test.", "A", LIE), record("test.", "A", LIE)),
    "an address beside the answer": told(additional=[A]),
    "an address for an authority": told(authority=[A]),
    "64 kB of others' texts": told(additional=[record(f"x{n}.test.", "TXT", "x" * 250) for n in range(230)]),
    "no response flag": no_response_flag,
    "an update": an_update,
    "an address that does not exist": with_code(dns.rcode.NXDOMAIN, A),
    "an address that is refused": with_code(dns.rcode.REFUSED, A),
    "an address and YXDOMAIN": with_code(dns.rcode.YXDOMAIN, A),
    "an address and no known code": with_code(15, A),
    "an address of no bytes": of_length(0),
    "an address of five bytes": of_length(5),
    "a length that lies": data_length_that_lies,
    "an address of Chaos": told(record("www.test.", "A", "www.test. 1", within="CH")),
}
BESIDE_THE_TRUTH: dict[str, Fault] = {
    "the truth": truth,
    "another id first": another_id_first,
    "another question first": another_question_first,
    "in other letters": in_other_letters,
    "the truth and others' names": told(A, record("other.test.", "A", LIE), additional=[record("x.test.", "A", LIE)]),
    "the truth and a lie": told(dns.rrset.from_text("www.test.", 60, "IN", "A", TRUTH, LIE)),
    "a lie": lie,
    "the truth twice": told(dns.rrset.from_text("www.test.", 60, "IN", "A", TRUTH, TRUTH)),
    "the truth with noise behind it": lambda query: [truth(query)[0] + ESCAPES * 10],
    "an alias and the truth at once": told(record("www.test.", "CNAME", "a.test."), A),
    "a chain of five": aliases(5),
    "a chain of a hundred": aliases(100),
    "a life of 2^31 seconds": time_to_live(2**31),
    "a life of 2^32 seconds": time_to_live(2**32 - 1),
    "no EDNS": options(),
    "an EDNS of version 255": options(opt(version=255)),
    "an EDNS of no payload": options(opt(payload=0)),
    "an EDNS code of 255": options(opt(high=255)),
    "two EDNS": options(opt(), opt()),
    "an EDNS whose length lies": options(opt(size=400)),
    "an EDNS of options that lie": options(opt(data=b"\0\x0a\xff\xff" + bytes(8))),
    "an EDNS of 50 kB": options(opt(data=b"\xfd\xe9\xc0\x00" + bytes(0xC000))),
    "an EDNS error of escapes": options(opt(data=struct.pack("!HHH", 15, 2 + len(ESCAPES), 17) + ESCAPES)),
}
TEXTS: dict[str, Fault] = {
    "a text of escapes": texts(ESCAPES),
    "a text of zeros": texts(bytes(200)),
    "an empty text": texts(b""),
    "a text of no strings": texts(),
    "a text of 200 strings": texts(*[b"x" * 255] * 200),
    "a text that is no UTF-8": texts(b"\xff\xfe" * 50),
}
STREAMS: dict[str, Handler] = {
    "closes by TCP": closing,
    "resets by TCP": resetting,
    "mute by TCP": silent,
    "a length of nothing by TCP": saying(bytes(2)),
    "a length of 64 kB by TCP, and no more": saying(b"\xff\xff" + bytes(20)),
    "a length of 64 kB by TCP, and gone": saying(b"\xff\xff" + bytes(20), then=closing),
    "half a length by TCP": saying(b"\0", then=closing),
    "drips by TCP": trickling(b"\0\x40" + bytes(64), 0.1),
    "zeros without end by TCP": endless(bytes(65_536)),
    "escapes by TCP": saying(ESCAPES * 20, then=closing),
}


def from_elsewhere(server: NameServer, host: str, *, then: Fault) -> Fault:
    """A lie from another address or port, and what the server itself says then."""

    def made(query: Query) -> list[bytes]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((host, 0))
            other.sendto(lie(query)[0], server.asker)
        return then(query)

    return made


def _dns(grounds: Grounds, names: NameServer, **keys: Any) -> Probe:
    resolver = {"nameservers": ["127.0.0.1"], "port": names.port}
    return probe_of(Dns, name="www.test", resolver=resolver, timeout=grounds.timeout, **keys)


def _met(fault: Fault, stream: Handler | None = None, *, kind: str = "", **keys: Any) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        names = await grounds.stack.enter_async_context(name_server({}, fault, stream=stream))
        return await climb(probes_asking(grounds, names)[kind] if kind else _dns(grounds, names, **keys))

    return meeting


def _forged(host: str, then: Fault) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        names = await grounds.stack.enter_async_context(name_server({}))
        names.fault = from_elsewhere(names, host, then=then)
        return await climb(_dns(grounds, names, expect=[TRUTH]))

    return meeting


def cells() -> Iterator[Cell]:
    for kind in KINDS:
        for name, fault in NOTHING.items():
            yield Cell("name_answers", name, kind, kind, _met(fault, kind=kind))
        for name, stream in STREAMS.items():
            yield Cell(
                "name_answers", name, kind, kind, _met(truncated, stream, kind=kind), heavy="without end" in name
            )
    for name, fault in BESIDE_THE_TRUTH.items():
        yield Cell("name_answers", name, "dns_expected", "dns", _met(fault, expect=[TRUTH]))
    for name, fault in TEXTS.items():
        yield Cell("name_answers", name, "dns_text", "dns", _met(fault, type="TXT"))
    for name, host in (("another port", "127.0.0.1"), ("another address", "127.0.0.2")):
        yield Cell("name_answers", f"from {name}", "dns_expected", "dns", _forged(host, lambda _: []))
        yield Cell("name_answers", f"from {name}, then the truth", "dns_expected", "dns", _forged(host, truth))
