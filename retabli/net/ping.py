"""Echo requests (RFC 792; RFC 4443, section 4) that carry a token of ours, on whatever socket this user may have."""

import asyncio
import contextlib
import ipaddress
import secrets
import socket
import struct
from functools import partial

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.attempts import open_socket
from retabli.net.hearing import elapsed
from retabli.net.icmp_errors import IcmpCame, IcmpError, read_error

Where = tuple[str, int] | tuple[str, int, int, int]

TRIES = 3
PROTOCOLS = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
FAIR = 64  # packets that are not ours, read in a row before others have their turn


def ping_socket(family: int) -> socket.socket:
    """A ping socket: the unprivileged one where net.ipv4.ping_group_range allows it, else a raw one.

    Raises:
        Fall: `local_permission`, with what to do; or as `open_socket`.
    """
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


async def echo(sock: socket.socket, where: Where, rhythm: float, *, any_sign: bool = False) -> float:
    """The seconds to the first answer to any of three requests, sent `rhythm` seconds apart.

    `any_sign`: whatever shows that a request left counts as an answer: one from another address than was asked, one
    that is damaged, another's.

    Raises:
        Fall: `timeout`; or as `open_socket`.
        IcmpCame: an ICMP error says that a request of ours was not delivered.
        OSError: the kernel would not send.
    """
    _aim(sock, where, any_sign)
    return await _Requests(sock, where, any_sign).sent(rhythm)


def _aim(sock: socket.socket, where: Where, any_sign: bool) -> None:
    """Have an address of ours to send from. A raw socket that is connected receives from there alone."""
    if not any_sign or sock.type != socket.SOCK_RAW:
        sock.connect(where)
        return
    with open_socket(sock.family, socket.SOCK_DGRAM) as finder:
        finder.connect(where)
        sock.bind((finder.getsockname()[0], 0, *finder.getsockname()[2:]))


class _Requests:
    """Those of one run, and what comes back about them."""

    def __init__(self, sock: socket.socket, where: Where, any_sign: bool) -> None:
        self._sock = sock
        self._where = where
        self._any_sign = any_sign
        self._token = secrets.token_bytes(16)
        self._sent: list[float] = []
        self._clock = asyncio.get_running_loop().time

    async def sent(self, rhythm: float) -> float:
        for number in range(TRIES):
            self._sent.append(self._clock())
            self._send(request(self._sock, self._token, number))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rhythm):
                    return await self._answer()
        late = self._look()  # it may have come while this process slept
        if late is None:
            raise Fall(causes.TIMEOUT)
        return late

    def _send(self, packet: bytes) -> None:
        for _ in range(FAIR):
            try:
                self._sock.sendto(packet, self._where)
                return
            except OSError as error:  # may be about an earlier request, or about what is none of ours
                self._judge(error)

    async def _answer(self) -> float:
        while (seconds := self._look()) is None:
            await self._readable()
        return seconds

    async def _readable(self) -> None:
        """Nothing is read here, where it would be lost if the time is up meanwhile."""
        loop = asyncio.get_running_loop()
        came: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._sock, lambda: None if came.done() else came.set_result(None))
        try:
            await came
        finally:
            loop.remove_reader(self._sock)

    def _look(self) -> float | None:
        """The seconds to an answer, if one is there; what is not ours is read away, some of it at a time.

        Raises:
            IcmpCame, OSError: as `_judge`.
        """
        for _ in range(FAIR):
            try:
                packet, sender = self._sock.recvfrom(2048)
            except BlockingIOError:
                return None
            except OSError as error:
                self._judge(error)
                continue
            number = answered(self._sock, packet, self._token)
            if number is not None and number < len(self._sent) and self._is_there(sender[0]):
                return elapsed(self._sent[number])
            if self._any_sign and self._is_sign(packet, sender[0]):
                return elapsed(self._sent[-1])
        return None

    def _is_sign(self, packet: bytes, sender: str) -> bool:
        """Whether it is an echo message that bears our token, or whom we asked answers anybody's request."""
        kind, family = message(self._sock, packet)[:1], self._sock.family
        if kind == bytes([REPLY[family]]) and self._is_there(sender):
            return True
        return kind in (bytes([REPLY[family]]), bytes([REQUEST[family]])) and self._token in packet

    def _is_there(self, address: str) -> bool:
        """Whether it is whom we asked; a ping socket is given answers by anybody."""
        return ipaddress.ip_address(address.partition("%")[0]) == ipaddress.ip_address(self._where[0])

    def _judge(self, error: OSError) -> None:
        """Read what the kernel kept; return if none of it says that a request of ours was not delivered.

        Raises:
            IcmpCame: it does.
            OSError: the error itself, which no ICMP error explains.
        """
        kept = list(iter(partial(read_error, self._sock), None))
        if not kept:
            raise error
        for icmp in kept:
            if (icmp.undelivered or self._any_sign) and self._is_ours(icmp):
                raise IcmpCame(icmp) from error

    def _is_ours(self, icmp: IcmpError) -> bool:
        """By where it went to, and the identifier and number that the error quotes of it: a raw socket is given the
        errors about everybody's pings, a ping socket those about any address."""
        about = icmp.about[40:] if icmp.about[:1] == b"\x60" else icmp.about  # raw IPv6: with its header
        if len(about) < 8 or about[0] != REQUEST[self._sock.family]:
            return False
        if icmp.target and not self._is_there(icmp.target):
            return False
        identifier, number = about[4:6], int.from_bytes(about[6:8])
        return identifier == identifier_of(self._sock, self._token) and 1 <= number <= len(self._sent)


def request(sock: socket.socket, token: bytes, number: int) -> bytes:
    """An echo request that carries our token. The kernel fills in a ping socket's identifier and, for IPv6, the
    checksum; for IPv4 it is ours to compute on a raw socket."""
    header = struct.pack("!BBHHH", REQUEST[sock.family], 0, 0, int.from_bytes(token[:2]), number + 1)
    packet = header + token
    return packet[:2] + checksum(packet).to_bytes(2) + packet[4:]


def identifier_of(sock: socket.socket, token: bytes) -> bytes:
    """Of our requests: the kernel chooses a ping socket's, and sorts the answers by it."""
    return token[:2] if sock.type == socket.SOCK_RAW else int(sock.getsockname()[1]).to_bytes(2)


def checksum(packet: bytes) -> int:
    """RFC 1071; nought over a packet that holds its own."""
    even = packet + bytes(len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(even) // 2}H", even))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def message(sock: socket.socket, packet: bytes) -> bytes:
    """The ICMP message in what was received: raw IPv4 sockets give the IP header too."""
    headed = sock.type == socket.SOCK_RAW and sock.family == socket.AF_INET and packet != b""
    return packet[(packet[0] & 15) * 4 :] if headed else packet


def answered(sock: socket.socket, packet: bytes, token: bytes) -> int | None:
    """Which of our requests this packet answers, from 0; None when it is no answer to us."""
    raw = sock.type == socket.SOCK_RAW
    packet = message(sock, packet)
    if raw and sock.family == socket.AF_INET and checksum(packet) not in (0, 0xFFFF):
        return None  # of any other socket the kernel sees to it
    if len(packet) < 8 + len(token) or packet[0] != REPLY[sock.family] or packet[8 : 8 + len(token)] != token:
        return None
    if raw and packet[4:6] != token[:2]:  # a ping socket is given none with another identifier
        return None
    number = int.from_bytes(packet[6:8]) - 1
    return number if number >= 0 else None
