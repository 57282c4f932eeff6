"""A TCP connection to one of several addresses: all are tried, in happy-eyeballs order, and each one's fate is kept."""

import asyncio
import errno
import os
import socket
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest

from retabli.model import causes
from retabli.model.ladder import Fall, cause_of, detail_of
from retabli.net.connection import Connection
from retabli.net.descriptors import KEPT_FROM_PROBES, is_spare, is_telling, require
from retabli.net.icmp_errors import listen_for_errors, read_error

STAGGER = 0.25  # seconds before the next address is tried beside the last one (RFC 8305, section 5)

# When every address failed, the most telling cause is the connection's: what kept us from trying at all (then nothing
# can be said), a firewall that says so, a host that answered, one that was silent; no route comes last, because a
# machine without IPv6 has none to half of all hosts.
PRECEDENCE = (
    causes.LOCAL_RESOURCES,
    causes.LOCAL_PERMISSION,
    causes.ADMIN_PROHIBITED,
    causes.REFUSED,
    causes.RESET,
    causes.TIMEOUT,
    causes.UNREACHABLE,
)


async def connect(
    addresses: Sequence[str], port: int, *, host: str | None = None, fates: dict[str, Fall] | None = None
) -> Connection:
    """A connection to the first address that takes one.

    `fates` receives what became of each address that failed, also when the deadline ends this.

    Raises:
        Fall: none did; the detail names each address and its fate, the cause is the first of PRECEDENCE.
    """
    fates = {} if fates is None else fates
    ordered = interleaved(addresses) if len(addresses) > 1 else addresses
    if len(ordered) == 1:
        sock, address = await _try(ordered[0], port, fates), ordered[0]
    else:
        sock, address = await _race(ordered, port, fates)
    if sock is None:
        raise verdict(fates)
    return Connection(sock, host or address, address, port)


def interleaved(addresses: Sequence[str]) -> list[str]:
    """Families in turn, beginning with that of the first address; the order within each is kept (RFC 8305, 4)."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if address not in first]
    return [address for address in chain(*zip_longest(first, second)) if address is not None]


def told(fates: Mapping[str, Fall]) -> str:
    """`192.0.2.1 refused, 2001:db8::1 unreachable`"""
    return ", ".join(
        f"{address} {fall.cause.code}" + (f" ({fall.detail})" if fall.detail else "") for address, fall in fates.items()
    )


def verdict(fates: Mapping[str, Fall]) -> Fall:
    """What the fates of all addresses together say: the first cause of PRECEDENCE, each address named."""
    met = [fall.cause for fall in fates.values()]
    cause = next((one for one in PRECEDENCE if one in met), met[0])
    return Fall(cause, told(fates))


async def _race(addresses: Sequence[str], port: int, fates: dict[str, Fall]) -> tuple[socket.socket | None, str]:
    running: dict[asyncio.Task[socket.socket | None], str] = {}
    waiting = list(addresses)
    winner: socket.socket | None = None
    try:
        while waiting or any(not task.done() for task in running):
            if waiting:
                address = waiting.pop(0)
                running[asyncio.create_task(_try(address, port, fates))] = address
            pending = [task for task in running if not task.done()]
            done, _ = await asyncio.wait(
                pending, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                winner = task.result()
                if winner is not None:
                    return winner, running[task]
        return None, ""
    finally:
        await _dismiss(list(running), winner)


async def _dismiss(tasks: Sequence[asyncio.Task[socket.socket | None]], winner: socket.socket | None) -> None:
    for task in tasks:
        task.cancel()
    for late in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(late, socket.socket) and late is not winner:
            late.close()


async def _try(address: str, port: int, fates: dict[str, Fall]) -> socket.socket | None:
    try:
        return await _attempt(address, port)
    except Fall as fall:
        fates[address] = fall
        return None


async def _attempt(address: str, port: int) -> socket.socket:
    family, where = sockaddr(address, port)
    sock = open_socket(family, socket.SOCK_STREAM)
    try:
        listen_for_errors(sock)
        await _established(sock, where)
        listen_for_errors(sock, wanted=False)  # an open connection outlives a passing ICMP error, as everybody's does
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _not_ourselves(sock)
    except OSError as error:
        fall = _fate(sock, where, error)
        sock.close()
        raise fall from error
    except BaseException:
        sock.close()
        raise
    return sock


async def _established(sock: socket.socket, where: tuple[str, int] | tuple[str, int, int, int]) -> None:
    """What `loop.sock_connect` does, without looking up an address that is one already.

    Raises:
        OSError: as the kernel says it.
    """
    error = sock.connect_ex(where)
    if error == errno.EINPROGRESS:
        loop, descriptor = asyncio.get_running_loop(), sock.fileno()
        writable = loop.create_future()
        loop.add_writer(descriptor, _set, writable)
        try:
            await writable
        finally:
            loop.remove_writer(descriptor)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _not_ourselves(sock: socket.socket) -> None:
    """A closed port among our own ephemeral ones, tried from that very port, connects to itself: that is no answer."""
    if sock.getsockname() == sock.getpeername():
        raise Fall(causes.REFUSED)


def open_socket(family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A non-blocking socket.

    Raises:
        Fall: this machine has no such family (`unreachable`), no descriptor left that probes may have
            (`local_resources`), or does not let us have such a socket (`local_permission`).
    """
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            raise Fall(causes.UNREACHABLE, "this machine has no IPv6") from error
        forbidden = isinstance(error, PermissionError)
        raise Fall(causes.LOCAL_PERMISSION if forbidden else causes.LOCAL_RESOURCES, detail_of(error)) from error
    if not is_spare(sock.fileno(), KEPT_FROM_PROBES) and not is_telling():
        sock.close()
        raise Fall(causes.LOCAL_RESOURCES, "the last open files are kept for pages")
    sock.setblocking(False)
    return sock


def sockaddr(address: str, port: int) -> tuple[int, tuple[str, int] | tuple[str, int, int, int]]:
    """The family and the kernel's form of an address, with its zone (`fe80::1%eth0`).

    Raises:
        Fall: the zone is no interface of this machine (`unreachable`), or could not be looked up (`local_resources`).
    """
    if ":" not in address:
        return socket.AF_INET, (address, port)
    address, _, zone = address.partition("%")
    if not zone:
        return socket.AF_INET6, (address, port, 0, 0)
    try:
        return socket.AF_INET6, (address, port, 0, int(zone) if zone.isdigit() else socket.if_nametoindex(zone))
    except OSError as error:
        try:
            require(1)  # it asks by a socket, and says the same when it has none
        except OSError as lack:
            raise Fall(causes.LOCAL_RESOURCES, detail_of(lack)) from lack
        raise Fall(causes.UNREACHABLE, f"this machine has no interface {zone}") from error


def _fate(sock: socket.socket, where: tuple[str, int] | tuple[str, int, int, int], error: OSError) -> Fall:
    icmp = read_error(sock)
    if icmp is not None:
        return Fall(icmp.cause, str(icmp))
    if error.errno == errno.EADDRNOTAVAIL and not has_source(sock.family, where):
        return Fall(causes.UNREACHABLE, "this machine has no address to reach it from")
    return Fall(cause_of(error) or causes.UNREACHABLE)


def has_source(family: int, where: tuple[str, int] | tuple[str, int, int, int]) -> bool:
    """Whether we have an address to reach that one from; else EADDRNOTAVAIL means: our ports are used up."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(where)
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EAFNOSUPPORT)
    return True
