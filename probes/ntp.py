"""A time server, and how far our clock is from its."""

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import causes, stages
from retabli.model.causes import Cause, Side, cause
from retabli.model.hosts import Host
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.probe import Probe
from retabli.model.result import Measure
from retabli.model.settings import Duration, Port
from retabli.model.stages import Stage, stage
from retabli.model.words import Words
from retabli.net.attempts import interleaved, open_socket, sockaddr, verdict
from retabli.net.icmp_errors import listen_for_errors, read_error
from retabli.net.resolve import resolve

SYNCHRONISED = stage("synchronised", fr="serveur à l'heure", en="server synchronised")
OFFSET = stage("offset", fr="écart d'horloge", en="clock offset")

CLOCK_OFF = cause(
    "clock_off",
    Side.OURS,
    fr="notre horloge s'écarte trop du serveur de temps",
    en="our clock is too far from the time server's",
    look=Words(
        "Vérifier ce qui met cette machine à l'heure (chrony, timesyncd) : certificats et jetons en dépendent.",
        "Check what keeps this machine's clock (chrony, timesyncd): certificates and tokens depend on it.",
    ),
)
UNSYNCHRONISED = cause(
    "unsynchronised",
    Side.PARTNER_DOWN,
    fr="le serveur de temps n'est pas lui-même à l'heure",
    en="the time server is not synchronised itself",
)
KISS_DENIED = cause(
    "kiss_denied",
    Side.PARTNER_REFUSES,
    fr="le serveur de temps nous refuse (DENY, RSTR)",
    en="the time server refuses us (DENY, RSTR)",
)
RATE_LIMITED = causes.RATE_LIMITED

EPOCH = 2_208_988_800  # seconds from 1900, where NTP begins, to 1970 (RFC 5905, figure 4)
ERA = 1 << 32
PACKET = struct.Struct("!BBbb II4s 8s 8s 8s 8s")
CLIENT = 0x23  # leap 0, version 4, mode 3
TRIES = 3
STRAYS = 64  # datagrams that answer none of our questions, after which we stop reading


@dataclass(frozen=True, slots=True)
class TimeReply:
    """One server packet (RFC 5905, section 7.3), with our clock when the question left and when it came back."""

    leap: int
    mode: int
    stratum: int
    reference: bytes
    received: bytes
    transmitted: bytes
    sent_at: float
    delay_seen: float  # by the monotonic clock: a step of the wall clock in between spoils nothing

    @property
    def offset(self) -> float:
        """Seconds to add to our clock, by RFC 5905, section 8: ((T2 - T1) + (T3 - T4)) / 2."""
        back_at = self.sent_at + self.delay_seen
        return (
            _seconds(self.received, self.sent_at) - self.sent_at + _seconds(self.transmitted, back_at) - back_at
        ) / 2

    @property
    def delay(self) -> float:
        """Seconds on the way, there and back; the offset is only known to within half of it."""
        held = _seconds(self.transmitted, self.sent_at) - _seconds(self.received, self.sent_at)
        return max(0.0, self.delay_seen - held)


class Ntp(Probe):
    """One question of an SNTP client (RFC 4330); asked again, twice at most, when no answer comes.

    The offset counts only as far as it is certain: less half of the time that the packets were on their way.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, stages.RESPONSE, SYNCHRONISED, OFFSET)
    CAUSES: ClassVar[tuple[Cause, ...]] = (CLOCK_OFF, UNSYNCHRONISED, KISS_DENIED, RATE_LIMITED)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un serveur de temps répond, et notre horloge est à l'heure.",
        "A time server answers, and our clock is right.",
    )
    EVERY: ClassVar[str | None] = "1m"  # public servers ask for no more than one question in 15 s (RFC 4330, 10)

    kind: Literal["ntp"]
    host: Host
    port: Port = 123
    max_offset: Duration = Field(default=1.0, description="how far our clock may be from the server's")

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.port, "udp"

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.RESOLVE):
            answer = await resolve(self.host, resolver=self.resolver)
        ladder.measure(Measure.DNS_LOOKUP, answer.seconds)
        with ladder.rung(stages.RESPONSE):
            reply = await self._ask(ladder, interleaved(answer.addresses))
        with ladder.rung(SYNCHRONISED):
            _judge_server(reply)
        ladder.describe("stratum", str(reply.stratum))
        ladder.measure(Measure.CLOCK_OFFSET, reply.offset)
        with ladder.rung(OFFSET):
            if abs(reply.offset) - reply.delay / 2 > self.max_offset:
                raise Fall(CLOCK_OFF, f"{reply.offset:+.3f} s, ± {reply.delay / 2:.3f} s")

    async def _ask(self, ladder: Ladder, addresses: list[str]) -> TimeReply:
        """The addresses in turn, each question with its share of the time; what fell of several is judged together."""
        fates: dict[str, Fall] = {}
        for number in range(max(TRIES, len(addresses))):
            address = addresses[number % len(addresses)]
            try:
                async with asyncio.timeout(self.timeout * 0.9 / max(TRIES, len(addresses))):
                    reply = await _question(address, self.port, ladder.clock, ladder.wall)
            except TimeoutError:
                fates.setdefault(address, Fall(causes.TIMEOUT))
            except Fall as met:
                fates[address] = met
                if number + 1 >= len(addresses):
                    break
            else:
                ladder.describe("address", address)
                ladder.measure(Measure.IP_PROTOCOL, 6 if ":" in address else 4)
                return reply
        raise verdict(fates)


async def _question(address: str, port: int, clock: Callable[[], float], wall: Callable[[], float]) -> TimeReply:
    loop = asyncio.get_running_loop()
    family, where = sockaddr(address, port)
    nonce = secrets.token_bytes(8)  # in place of our time: nobody who cannot see it can answer (RFC 9109's concern)
    with open_socket(family, socket.SOCK_DGRAM) as sock:
        try:
            listen_for_errors(sock)
            sock.connect(where)
            sent_at, began = wall(), clock()
            sock.send(PACKET.pack(CLIENT, 0, 0, 0, 0, 0, b"", b"", b"", b"", nonce))
            for _ in range(STRAYS):
                data = await loop.sock_recv(sock, 1024)
                reply = _read(data, nonce, sent_at, clock() - began)
                if reply is not None:
                    return reply
        except OSError as error:
            icmp = read_error(sock)
            if icmp is not None:
                raise Fall(icmp.cause, str(icmp)) from error
            raise Fall(cause_of(error) or causes.UNREACHABLE, detail_of(error)) from error
    raise Fall(causes.GARBAGE, f"{STRAYS} datagrams that answer no question of ours")


def _read(data: bytes, nonce: bytes, sent_at: float, delay_seen: float) -> TimeReply | None:
    """The answer to our question; None for any other datagram.

    Raises:
        Fall: it is no NTP at all, and comes from the server's own address and port.
    """
    if len(data) < PACKET.size:
        raise Fall(causes.GARBAGE, f"{len(data)} bytes are no NTP packet")
    flags, stratum, _, _, _, _, reference, _, originate, received, transmitted = PACKET.unpack_from(data)
    if originate != nonce:
        return None  # late, repeated or forged
    reply = TimeReply(flags >> 6, flags & 7, stratum, reference, received, transmitted, sent_at, delay_seen)
    if reply.mode != 4:
        raise Fall(causes.GARBAGE, f"mode {reply.mode} instead of a server's 4")
    return reply


def _judge_server(reply: TimeReply) -> None:
    if reply.stratum == 0:  # kiss-o'-death: the reference identifier says why (RFC 5905, section 7.4)
        code = reply.reference.decode("ascii", "replace")
        kisses = {"DENY": KISS_DENIED, "RSTR": KISS_DENIED, "RATE": RATE_LIMITED}
        raise Fall(kisses.get(code, UNSYNCHRONISED), code)
    if reply.leap == 3 or reply.stratum >= 16:
        raise Fall(UNSYNCHRONISED, f"leap indicator {reply.leap}, stratum {reply.stratum}")
    if reply.transmitted == bytes(8) or reply.received == bytes(8):
        raise Fall(causes.GARBAGE, "an answer without a time")


def _seconds(stamp: bytes, near: float) -> float:
    """Unix seconds of an NTP timestamp, in the era nearest to `near` (the first one ends in 2036)."""
    whole, fraction = struct.unpack("!II", stamp)
    seconds = whole - EPOCH + fraction / ERA
    return float(seconds + ERA * round((near - seconds) / ERA))
