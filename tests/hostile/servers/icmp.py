"""Hosts and routers that lie by ICMP: others' answers, late and cut ones, floods, errors about what was never sent."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from probes.containment import Containment
from probes.icmp import Icmp
from retabli.model.probe import Probe
from retabli.model.result import Result
from retabli.net.ping import checksum
from tests.climbing import settings
from tests.hostile.cells import Cell, Meet
from tests.hostile.grounds import HERE, Grounds
from tests.hostile.island import ELSEWHERE, ELSEWHERE6, THEY, THEY6, Partner, Send, island
from tests.kinds.doors import DECLARED

ICMP, ICMP6 = 1, 58
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
LOOPBACK = {4: HERE, 6: "::1"}
NEEDS_ROOT = True


@dataclass(frozen=True, slots=True)
class Echo:
    """An echo request that was sent, or an answer to it: as RFC 792 and RFC 4443 lay it out."""

    family: int
    source: bytes
    target: bytes
    type: int
    identifier: int
    number: int
    payload: bytes
    wire: bytes = b""

    @classmethod
    def read(cls, packet: bytes) -> "Echo | None":
        family = packet[0] >> 4
        head = 20 if family == 4 else 40
        source, target = (packet[12:16], packet[16:20]) if family == 4 else (packet[8:24], packet[24:40])
        if packet[9 if family == 4 else 6] != (ICMP if family == 4 else ICMP6) or packet[head] != REQUEST[family]:
            return None
        identifier, number = struct.unpack_from("!HH", packet, head + 4)
        return cls(family, source, target, packet[head], identifier, number, packet[head + 8 :], packet)

    @property
    def answer(self) -> "Echo":
        return replace(self, source=self.target, target=self.source, type=REPLY[self.family])

    @property
    def elsewhere(self) -> bytes:
        return socket.inet_aton(ELSEWHERE) if self.family == 4 else socket.inet_pton(socket.AF_INET6, ELSEWHERE6)

    def packet(self) -> bytes:
        message = struct.pack("!BBHHH", self.type, 0, 0, self.identifier, self.number) + self.payload
        return internet(self.family, self.source, self.target, message)


def internet(family: int, source: bytes, target: bytes, message: bytes) -> bytes:
    """An ICMP message, with its checksum, in a packet of that family."""
    even = message + bytes(len(message) % 2)
    if family == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 7, 0, 64, ICMP, 0) + source + target
        head = head[:10] + checksum(head).to_bytes(2) + head[12:]
        total = checksum(even)
    else:
        head = struct.pack("!IHBB", 6 << 28, len(message), ICMP6, 64) + source + target
        total = checksum(source + target + struct.pack("!II", len(message), ICMP6) + even)
    return head + message[:2] + total.to_bytes(2) + message[4:]


Told = Callable[[Echo], list[bytes]]


def changed(**values: object) -> Told:
    return lambda asked: [replace(asked.answer, **values).packet()]  # type: ignore[arg-type]


def payload(change: Callable[[bytes], bytes]) -> Told:
    return lambda asked: [replace(asked.answer, payload=change(asked.payload)).packet()]


def from_elsewhere(asked: Echo) -> list[bytes]:
    return [replace(asked.answer, source=asked.elsewhere).packet()]


def cut(size: int) -> Told:
    """So many bytes of the ICMP message, in a packet that says no more than that."""

    def shorten(asked: Echo) -> list[bytes]:
        head = 20 if asked.family == 4 else 40
        whole = asked.answer.packet()[head:][:size]
        return [internet(asked.family, asked.target, asked.source, whole + bytes(4 - size if size < 4 else 0))]

    return shorten


def bad_checksum(asked: Echo) -> list[bytes]:
    wire = bytearray(asked.answer.packet())
    wire[22 if asked.family == 4 else 42] ^= 0xFF
    return [bytes(wire)]


def well(asked: Echo) -> list[bytes]:
    return [asked.answer.packet()]


def not_ours(asked: Echo) -> list[bytes]:
    return payload(lambda token: bytes(len(token)))(asked) * 500


def error(kind: int, code: int, quote: Callable[[Echo], bytes] = lambda asked: asked.wire, *, rest: int = 0) -> Told:
    """An ICMP error by a router on the way, with what it quotes of the packet that it is about."""

    def told(asked: Echo) -> list[bytes]:
        message = struct.pack("!BBHI", kind, code, 0, rest) + quote(asked)
        return [internet(asked.family, asked.elsewhere, asked.source, message)]

    return told


def another_request(asked: Echo) -> bytes:
    return replace(asked, identifier=asked.identifier ^ 0xFFFF, payload=bytes(16)).packet()


def to_another_host(asked: Echo) -> bytes:
    return replace(asked, target=asked.elsewhere).packet()


def of_our_answer(asked: Echo) -> bytes:
    return replace(asked, type=REPLY[asked.family]).packet()


def head_only(asked: Echo) -> bytes:
    return asked.wire[: 20 if asked.family == 4 else 40]


def eight_bytes(asked: Echo) -> bytes:
    return asked.wire[: 28 if asked.family == 4 else 48]


ANSWERS: dict[str, Told] = {
    "well": well,
    "silent": lambda _: [],
    "three times": lambda asked: well(asked) * 3,
    "the question again": lambda asked: [replace(asked.answer, type=asked.type).packet()],
    "another's token": payload(lambda token: bytes(len(token))),
    "our token from elsewhere": from_elsewhere,
    "elsewhere first, then well": lambda asked: from_elsewhere(asked) + well(asked),
    "another identifier": lambda asked: [replace(asked.answer, identifier=asked.identifier ^ 1).packet()],
    "a number of the future": changed(number=99),
    "number 0": changed(number=0),
    "one bit of the token": payload(lambda token: token[:-1] + bytes([token[-1] ^ 1])),
    "half the token": payload(lambda token: token[:8]),
    "no token": payload(lambda _: b""),
    "four bytes": cut(4),
    "more than the token": payload(lambda token: token + bytes(1000)),
    "the token later in it": payload(lambda token: bytes(16) + token),
    "a wrong checksum": bad_checksum,
    "noise": lambda asked: [b"\x45" + b"\xff" * 40, b"\x60" + b"\xff" * 60, b"\x00"],
    "a flood of answers that are not ours": not_ours,
    "a flood, and ours in it": lambda asked: not_ours(asked)[:60] + well(asked) + not_ours(asked),
}
ERRORS: dict[int, dict[str, Told]] = {
    4: {
        "network unreachable": error(3, 0),
        "host unreachable": error(3, 1),
        "protocol unreachable": error(3, 2),
        "port unreachable": error(3, 3),
        "fragmentation needed": error(3, 4, rest=600),
        "network prohibited": error(3, 9),
        "host prohibited": error(3, 10),
        "prohibited": error(3, 13),
        "an unreachable of no known code": error(3, 200),
        "time exceeded": error(11, 0),
        "a parameter problem": error(12, 0),
        "source quench": error(4, 0),
        "a redirect": error(5, 1),
        "a redirect, then well": lambda asked: error(5, 1)(asked) + well(asked),
        "prohibited, about another's request": error(3, 13, another_request),
        "prohibited, about another host": error(3, 13, to_another_host),
        "prohibited, about an answer": error(3, 13, of_our_answer),
        "prohibited, about eight bytes": error(3, 13, eight_bytes),
        "prohibited, about no more than a header": error(3, 13, head_only),
        "prohibited, about nothing": error(3, 13, lambda _: b""),
        "another's error, then well": lambda asked: error(3, 13, another_request)(asked) + well(asked),
        "a flood of others' errors": lambda asked: error(3, 13, another_request)(asked) * 500,
    },
    6: {
        "no route": error(1, 0),
        "prohibited": error(1, 1),
        "address unreachable": error(1, 3),
        "port unreachable": error(1, 4),
        "source policy failed": error(1, 5),
        "route rejected": error(1, 6),
        "packet too big": error(2, 0, rest=1280),
        "time exceeded": error(3, 0),
        "a parameter problem": error(4, 0),
        "a redirect": error(137, 0),
        "prohibited, about another's request": error(1, 1, another_request),
        "prohibited, about another host": error(1, 1, to_another_host),
        "prohibited, about nothing": error(1, 1, lambda _: b""),
        "another's error, then well": lambda asked: error(1, 1, another_request)(asked) + well(asked),
        "a flood of others' errors": lambda asked: error(1, 1, another_request)(asked) * 500,
    },
}


def _partner(told: Told, packet: bytes, send: Send) -> None:
    asked = Echo.read(packet)
    for answer in told(asked) if asked is not None else []:
        send(answer)


def _late(seconds: float, packet: bytes, send: Send) -> None:
    asked = Echo.read(packet)
    if asked is not None:
        asyncio.get_running_loop().call_later(seconds, send, asked.answer.packet())


def _icmp(grounds: Grounds, family: int) -> Callable[[int], Probe]:
    return lambda _: settings(Icmp, host=THEY if family == 4 else THEY6, timeout=grounds.timeout)


def _containment(grounds: Grounds, family: int) -> Callable[[int], Probe]:
    """Both controls pass, and anybody's ICMP counts."""
    attempt = {"to": THEY if family == 4 else THEY6, "protocol": "icmp"}

    def probe(port: int) -> Containment:
        control = {"path": {"to": LOOPBACK[family], "port": port}, "alive": DECLARED}
        return settings(Containment, attempts=[attempt], control=control, timeout=grounds.timeout)

    return probe


# What a wall gives: silence, noise that is no answer, a router's or a firewall's word. The last three our own kernel
# keeps from a ping socket, which cannot know that they came; a raw one can.
SHUT = {
    "silent",
    "four bytes",
    "noise",
    "later than the deadline",
    "port unreachable",
    "an unreachable of no known code",
    "source quench",
    "a redirect",
    "network prohibited",
    "host prohibited",
    "prohibited",
    "source policy failed",
    "route rejected",
    *(name for errors in ERRORS.values() for name in errors if "about" in name or "others' errors" in name),
    "the question again",
    "another identifier",
    "a wrong checksum",
}
KINDS = {"icmp": _icmp, "containment": _containment}


def _met(partner: Callable[[Grounds], Partner], kind: str, family: int, *, ping_sockets: bool) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        ground = await grounds.stack.enter_async_context(island(partner(grounds), ping_sockets=ping_sockets))
        return await ground.climb(KINDS[kind](grounds, family), LOOPBACK[family])

    return meeting


def cells() -> Iterator[Cell]:
    """By the unprivileged ping socket and by a raw one: the kernel sorts out less for the second."""
    for kind, family, ping_sockets in product(KINDS, (4, 6), (True, False)):
        way = f"{kind}_{'ping' if ping_sockets else 'raw'}_{family}"
        partners: dict[str, Callable[[Grounds], Partner]] = {
            name: lambda _, told=told: partial(_partner, told)  # type: ignore[misc]
            for name, told in (ANSWERS | ERRORS[family]).items()
        }
        partners["late, and in time"] = lambda grounds: partial(_late, 0.15 * grounds.patience)
        partners["later than the deadline"] = lambda grounds: partial(_late, 1.5 * grounds.patience)
        for name, partner in partners.items():
            met = _met(partner, kind, family, ping_sockets=ping_sockets)
            yield Cell("icmp", name, way, kind, met, heavy="flood" in name, denies=name in SHUT)
