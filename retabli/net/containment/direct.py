"""Attempts that go directly: TCP, UDP and ping to one address, each until it is denied, answered, or its time is up.

A time that is up is the only silence that counts, so after it the socket is looked at once more: an answer that came
while this process slept is an answer.
"""

import asyncio
import contextlib
import errno
import socket
from dataclasses import dataclass

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.settings import Denied
from retabli.net.attempts import open_socket, sockaddr
from retabli.net.connection import Connection
from retabli.net.containment import questions
from retabli.net.containment.containment_causes import SOMEONE_ELSE_ANSWERS
from retabli.net.containment.denials import answered, denial, not_tried
from retabli.net.containment.pages import hear
from retabli.net.containment.sinkholes import Network
from retabli.net.containment.ways import Fate, Sign, Way
from retabli.net.icmp_errors import listen_for_errors
from retabli.net.ping import echo, ping_socket

SENDS = 3  # datagrams of one attempt: one that is lost on its way must not look like a closed door
DATAGRAM = 65_535


@dataclass(frozen=True, slots=True)
class Filters:
    """How what stands in the way denies: by a page, if it does; by ICMP of these firewalls, or of anybody."""

    page: Denied | None = None
    firewalls: tuple[Network, ...] = ()


async def attempt(way: Way, address: str, until: float, filters: Filters) -> Fate:
    """What becomes of this way to that address before `until` (the loop's time)."""
    go = {"tcp": _tcp, "udp": _udp, "icmp": _icmp}[way.protocol]
    try:
        return await go(way, address, until, filters)
    except Fall as fall:
        return not_tried(way, fall)


# TCP ----------------------------------------------------------------------------------------------------------------


async def _tcp(way: Way, address: str, until: float, filters: Filters) -> Fate:
    family, where = sockaddr(address, way.port)
    sock = open_socket(family, socket.SOCK_STREAM)
    with sock:
        try:
            listen_for_errors(sock)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await asyncio.get_running_loop().sock_connect(sock, where)
            if not _connected(sock):
                return Fate(way, Sign.TIMEOUT)
            if sock.getsockname() == sock.getpeername():  # a closed port of our own, tried from that very port
                return Fate(way, Sign.RESET)
        except OSError as error:
            return denial(way, sock, address, error, filters.firewalls)
        return await _handshake_completed(way, address, sock, until, filters.page)


def _connected(sock: socket.socket) -> bool:
    """Raises OSError when the attempt has failed meanwhile."""
    failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failed:
        raise OSError(failed, errno.errorcode.get(failed, "unknown error"))
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


async def _handshake_completed(way: Way, address: str, sock: socket.socket, until: float, page: Denied | None) -> Fate:
    """Somebody took our connection. That is an answer, unless this is how denials look here: a page with the
    configured sign proves a filter, and where `says` is given only the target's own word proves the target."""
    if way.says is None and page is None:
        return answered(way, "the TCP handshake was completed")
    connection = Connection(sock, way.to, address, way.port)
    heard = await hear(connection, way.to, way.port, until, page=page, says=way.says)
    if heard.denied is not None:
        return Fate(way, Sign.DENY_PAGE, detail=heard.denied)
    if way.says is None or heard.word:
        return answered(way, "it says its word" if heard.word else heard.told)
    if heard.cut and not heard.data:
        return Fate(way, Sign.CUT, detail="the handshake was completed, and the connection then cut without a word")
    return Fate(way, cause=SOMEONE_ELSE_ANSWERS, detail=f"{heard.told}; not the target's word")


# UDP ----------------------------------------------------------------------------------------------------------------


async def _udp(way: Way, address: str, until: float, filters: Filters) -> Fate:
    loop = asyncio.get_running_loop()
    family, where = sockaddr(address, way.port)
    with open_socket(family, socket.SOCK_DGRAM) as sock:
        try:
            listen_for_errors(sock)
            sock.connect(where)  # only what comes from that very address and port is received
            question = questions.datagram(way.port)
            began = loop.time()
            for number in range(1, SENDS + 1):
                sock.send(question)
                data = await _datagram(sock, began + (until - began) * number / SENDS)
                if data is not None:
                    return _datagram_came(way, data)
        except OSError as error:
            return denial(way, sock, address, error, filters.firewalls)
    return Fate(way, Sign.TIMEOUT)


def _datagram_came(way: Way, data: bytes) -> Fate:
    if way.says is not None and way.says.encode() not in data:
        return Fate(way, cause=SOMEONE_ELSE_ANSWERS, detail=f"{len(data)} bytes, not the target's word")
    return answered(way, f"a datagram of {len(data)} bytes came back")


async def _datagram(sock: socket.socket, until: float) -> bytes | None:
    """The next datagram, or None when none came; looked for once more when the time is up.

    Raises:
        OSError: an ICMP error came instead.
    """
    loop = asyncio.get_running_loop()
    came: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, lambda: None if came.done() else came.set_result(None))
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await came
    finally:
        loop.remove_reader(sock)
    try:
        return sock.recv(DATAGRAM)
    except BlockingIOError:
        return None


# ICMP ---------------------------------------------------------------------------------------------------------------


async def _icmp(way: Way, address: str, until: float, filters: Filters) -> Fate:
    family, where = sockaddr(address, 0)
    with ping_socket(family) as sock:
        try:
            listen_for_errors(sock)
            left = until - asyncio.get_running_loop().time()
            try:
                await echo(sock, where, max(0.0, left) / SENDS, any_sign=True)
            except Fall as fall:
                if fall.cause is not causes.TIMEOUT:
                    raise  # it was not tried
                return Fate(way, Sign.TIMEOUT)
        except OSError as error:
            return denial(way, sock, address, error, filters.firewalls)
    return answered(way, "it answers a ping")
