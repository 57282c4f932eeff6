"""The daemon's own way out, as the kernel sees it: is the link up, and does the gateway answer for its address.

Nothing is sent: the daemon's other probes keep the kernel's neighbour table honest.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from retabli.model import causes, stages
from retabli.model.causes import Cause, Side, cause
from retabli.model.ladder import Fall
from retabli.model.stages import Stage, stage

LINK = stage("link", fr="lien physique", en="physical link")
GATEWAY: Stage = stage("gateway", fr="passerelle", en="gateway")

NO_ROUTE = cause("no_route", Side.OURS, fr="la route par défaut a disparu", en="the default route is gone")
LINK_DOWN = cause("link_down", Side.OURS, fr="le lien réseau est coupé", en="the network link is down")
GATEWAY_SILENT = cause(
    "gateway_silent", Side.OURS, fr="la passerelle ne répond plus", en="the gateway does not answer any more"
)

CAUSES: tuple[Cause, ...] = (NO_ROUTE, LINK_DOWN, GATEWAY_SILENT)
LADDER = (stages.START, LINK, GATEWAY)

# What the kernel says of an interface that is gone, has gone since its file was opened, or is set down.
WITHOUT_LINK = (errno.ENOENT, errno.ENODEV, errno.EINVAL)
COMPLETE = 0x2  # ATF_COM of <net/if_arp.h>: the neighbour's hardware address is known


@dataclass(frozen=True, slots=True)
class Gateway:
    """A default route. `address` is None for IPv6, whose neighbours the kernel does not list in /proc."""

    interface: str
    address: str | None


def gateways(proc: Path = Path("/proc")) -> tuple[Gateway, ...]:
    """The default routes of this machine, IPv4 first (proc(5), net/route and net/ipv6_route); none: it has no way out.

    Raises:
        OSError: the kernel's tables cannot be read.
    """
    return (*_ipv4_gateways(_lines(proc / "net/route")), *_ipv6_gateways(_lines(proc / "net/ipv6_route")))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []  # a kernel without IPv6


def _ipv4_gateways(lines: Sequence[str]) -> list[Gateway]:
    rows = [line.split() for line in lines[1:]]
    return [
        Gateway(row[0], str(IPv4Address(int.from_bytes(bytes.fromhex(row[2]), "little"))))
        for row in rows
        if len(row) > 7 and row[1] == row[7] == "00000000" and int(row[3], 16) & 0x2  # RTF_GATEWAY
    ]


def _ipv6_gateways(lines: Sequence[str]) -> list[Gateway]:
    rows = [line.split() for line in lines]
    return [
        Gateway(row[9], None)
        for row in rows
        if len(row) > 9 and row[0] == "0" * 32 and row[1] == "00" and int(row[8], 16) & 0x2
    ]


def carrier(interface: str, sys: Path = Path("/sys")) -> bool:
    """Whether the interface has its link (sysfs-class-net, `carrier`: at once; `operstate` lags a second).

    Raises:
        OSError: EMFILE and the like: it cannot be read, and nothing is known of the link.
    """
    try:
        return (sys / "class/net" / interface / "carrier").read_text().strip() == "1"
    except OSError as error:
        if error.errno in WITHOUT_LINK:
            return False
        raise


def answers(gateway: Gateway, proc: Path = Path("/proc")) -> bool:
    """Whether the kernel knows who has the gateway's address; not being listed at all says nothing against it."""
    if gateway.address is None:
        return True
    for line in _lines(proc / "net/arp")[1:]:
        row = line.split()
        if row[:1] == [gateway.address] and row[5:6] == [gateway.interface]:
            return bool(int(row[2], 16) & COMPLETE)
    return True


@contextmanager
def _forbidden_is_ours() -> Iterator[None]:
    """A table that we may not read says nothing of the link; to the ladder EACCES is what a network says, of a path."""
    try:
        yield
    except PermissionError as error:
        raise Fall(causes.LOCAL_PERMISSION, f"{error.filename}: {error.strerror}") from error


@_forbidden_is_ours()
def check_route(proc: Path = Path("/proc")) -> tuple[Gateway, ...]:
    """The default routes. Raises Fall `no_route` when there is none any more, `local_permission`."""
    found = gateways(proc)
    if not found:
        raise Fall(NO_ROUTE)
    return found


@_forbidden_is_ours()
def check_link(found: Sequence[Gateway], sys: Path = Path("/sys")) -> tuple[Gateway, ...]:
    """The routes whose link is up.

    Raises:
        Fall: `link_down` when none is; `local_permission`.
        OSError: as `carrier`.
    """
    up = tuple(gateway for gateway in found if carrier(gateway.interface, sys))
    if not up:
        raise Fall(LINK_DOWN, ", ".join(sorted({gateway.interface for gateway in found})))
    return up


@_forbidden_is_ours()
def check_gateway(up: Sequence[Gateway], proc: Path = Path("/proc")) -> None:
    """Raises Fall `gateway_silent` when no gateway's address is answered for, `local_permission`."""
    if not any(answers(gateway, proc) for gateway in up):
        raise Fall(GATEWAY_SILENT, ", ".join(gateway.address or gateway.interface for gateway in up))
