"""A host that must answer a ping."""

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.probe import Probe
from retabli.model.result import Measure
from retabli.model.stages import Stage, stage
from retabli.net.attempts import interleaved, open_socket, sockaddr, told, verdict
from retabli.net.icmp_errors import listen_for_errors, read_error
from retabli.net.resolve import resolve

ECHO = stage("echo", fr="écho ICMP", en="ICMP echo")
TRIES = 3
PROTOCOLS = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}  # RFC 792; RFC 4443, section 4
REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
FAIR = 64  # packets that are not ours, read in a row before others have their turn


class Icmp(Probe):
    """Three echo requests within the timeout; the first answer wins. Of a host with both families one is enough.

    Uses the kernel's unprivileged ping sockets, else raw ones. An answer proves a host, not a service.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, ECHO)
    SUMMARY: ClassVar[tuple[str, str]] = ("Une machine répond au ping.", "A host answers a ping.")

    kind: Literal["icmp"]
    host: str = Field(description="name or address; IPv4 and IPv6 are tried together")

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, 0, "icmp"

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.RESOLVE):
            answer = await resolve(self.host, resolver=self.resolver)
        ladder.measure(Measure.DNS_LOOKUP, answer.seconds)
        ladder.measure(Measure.ICMP_RESOLVE, answer.seconds)
        fates: dict[str, Fall] = {}
        began = ladder.clock()
        try:
            with ladder.rung(ECHO):
                address, seconds = await self._first(interleaved(answer.addresses)[:2], fates)
        finally:
            if fates:
                ladder.describe("failed_addresses", told(fates))
        ladder.describe("address", address)
        ladder.measure(Measure.IP_PROTOCOL, 6 if ":" in address else 4)
        ladder.measure(Measure.ICMP_RTT, seconds)
        ladder.measure(Measure.ICMP_SETUP, max(0.0, ladder.clock() - began - seconds))

    async def _first(self, addresses: list[str], fates: dict[str, Fall]) -> tuple[str, float]:
        pings = {asyncio.create_task(_ping(address, self.timeout * 0.3)): address for address in addresses}
        try:
            pending = set(pings)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for ping in done:
                    try:
                        return pings[ping], ping.result()
                    except Fall as fall:
                        fates[pings[ping]] = fall
            raise verdict(fates)
        finally:
            for ping in pings:
                ping.cancel()
            await asyncio.gather(*pings, return_exceptions=True)


async def _ping(address: str, rhythm: float) -> float:
    """The seconds to the first answer to any of three requests, sent `rhythm` seconds apart."""
    family, where = sockaddr(address, 0)
    with _socket(family) as sock:
        token = secrets.token_bytes(16)
        try:
            listen_for_errors(sock)
            sock.connect(where)
            return await _until_answered(sock, token, rhythm)
        except OSError as error:
            icmp = read_error(sock)
            if icmp is not None:
                raise Fall(icmp.cause, str(icmp)) from error
            raise Fall(cause_of(error) or causes.UNREACHABLE, detail_of(error)) from error


async def _until_answered(sock: socket.socket, token: bytes, rhythm: float) -> float:
    clock = asyncio.get_running_loop().time
    sent: list[float] = []
    for number in range(TRIES):
        sent.append(clock())
        sock.send(_request(sock, token, number))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rhythm):
                return await _answer(sock, token, sent)
    raise Fall(causes.TIMEOUT)


async def _answer(sock: socket.socket, token: bytes, sent: list[float]) -> float:
    loop = asyncio.get_running_loop()
    read = 0
    while True:
        packet = await loop.sock_recv(sock, 2048)
        number = _number(sock, packet, token)
        if number is not None and number < len(sent):
            return loop.time() - sent[number]
        read += 1
        if read % FAIR == 0:
            await asyncio.sleep(0)


def _socket(family: int) -> socket.socket:
    """A ping socket: the unprivileged one where net.ipv4.ping_group_range allows it, else a raw one."""
    protocol = PROTOCOLS[socket.AddressFamily(family)]
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return open_socket(family, kind, protocol)
        except Fall as fall:
            if fall.cause is not causes.LOCAL_PERMISSION:
                raise
    raise Fall(
        causes.LOCAL_PERMISSION,
        'this user may not ping: sysctl net.ipv4.ping_group_range="0 2147483647", or give the process CAP_NET_RAW',
    )


def _request(sock: socket.socket, token: bytes, number: int) -> bytes:
    """An echo request that carries our token. The kernel fills in a ping socket's identifier and, for IPv6, the
    checksum; for IPv4 it is ours to compute on a raw socket."""
    header = struct.pack("!BBHHH", REQUEST[sock.family], 0, 0, int.from_bytes(token[:2]), number + 1)
    packet = header + token
    return packet[:2] + _checksum(packet).to_bytes(2) + packet[4:]


def _checksum(packet: bytes) -> int:
    """RFC 1071. The packet has an even length."""
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _number(sock: socket.socket, packet: bytes, token: bytes) -> int | None:
    """Which of our requests this packet answers; None when it is no answer to us."""
    if sock.type == socket.SOCK_RAW and sock.family == socket.AF_INET and packet:
        packet = packet[(packet[0] & 15) * 4 :]  # raw IPv4 sockets give the IP header too
    if len(packet) < 8 + len(token) or packet[0] != REPLY[sock.family] or packet[8 : 8 + len(token)] != token:
        return None
    return int.from_bytes(packet[6:8]) - 1
