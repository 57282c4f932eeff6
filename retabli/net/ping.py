"""Echo requests (RFC 792; RFC 4443, section 4) that carry a token of ours, on whatever socket this user may have."""

import asyncio
import contextlib
import secrets
import socket
import struct

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.attempts import open_socket
from retabli.net.hearing import elapsed

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


async def echo(sock: socket.socket, rhythm: float) -> float:
    """The seconds to the first answer to any of three requests, sent `rhythm` seconds apart on a connected socket.

    Raises:
        Fall: `timeout`.
        OSError: the kernel would not send, or an ICMP error came back (it lies in the socket's error queue).
    """
    clock = asyncio.get_running_loop().time
    token = secrets.token_bytes(16)
    sent: list[float] = []
    for number in range(TRIES):
        sent.append(clock())
        sock.send(request(sock, token, number))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rhythm):
                return await _answer(sock, token, sent)
    raise Fall(causes.TIMEOUT)


async def _answer(sock: socket.socket, token: bytes, sent: list[float]) -> float:
    loop = asyncio.get_running_loop()
    read = 0
    while True:
        packet = await loop.sock_recv(sock, 2048)
        number = answered(sock, packet, token)
        if number is not None and number < len(sent):
            return elapsed(sent[number])
        read += 1
        if read % FAIR == 0:
            await asyncio.sleep(0)


def request(sock: socket.socket, token: bytes, number: int) -> bytes:
    """An echo request that carries our token. The kernel fills in a ping socket's identifier and, for IPv6, the
    checksum; for IPv4 it is ours to compute on a raw socket."""
    header = struct.pack("!BBHHH", REQUEST[sock.family], 0, 0, int.from_bytes(token[:2]), number + 1)
    packet = header + token
    return packet[:2] + checksum(packet).to_bytes(2) + packet[4:]


def checksum(packet: bytes) -> int:
    """RFC 1071. The packet has an even length."""
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def answered(sock: socket.socket, packet: bytes, token: bytes) -> int | None:
    """Which of our requests this packet answers; None when it is no answer to us."""
    if sock.type == socket.SOCK_RAW and sock.family == socket.AF_INET and packet:
        packet = packet[(packet[0] & 15) * 4 :]  # raw IPv4 sockets give the IP header too
    if len(packet) < 8 + len(token) or packet[0] != REPLY[sock.family] or packet[8 : 8 + len(token)] != token:
        return None
    return int.from_bytes(packet[6:8]) - 1
