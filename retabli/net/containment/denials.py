"""What the kernel gave for an attempt: a denial by its sign, or a reason not to judge; or the target's own refusal."""

import errno
import socket
from collections.abc import Sequence

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, detail_of
from retabli.net.attempts import has_source, sockaddr
from retabli.net.containment.containment_causes import (
    ANSWERED,
    ANSWERED_IPV6,
    NO_WAY_OUT,
    NOT_EXPECTED_SIGNATURE,
    OWN_FILTER,
    ROUND_NOT_JUDGED,
)
from retabli.net.containment.sinkholes import Network, within
from retabli.net.containment.ways import Fate, Sign, Way
from retabli.net.icmp_errors import IcmpCame, IcmpError, read_error

# Without an ICMP error from elsewhere these are said by our own kernel: our route, our link, our filter, our limits.
OWN = {
    errno.ENETUNREACH: NO_WAY_OUT,
    errno.EHOSTUNREACH: NO_WAY_OUT,
    errno.EHOSTDOWN: NO_WAY_OUT,
    errno.ENETDOWN: NO_WAY_OUT,
    errno.EINVAL: NO_WAY_OUT,  # a blackhole route
    errno.EPERM: OWN_FILTER,
    errno.EACCES: OWN_FILTER,  # a prohibit route
    errno.EMFILE: causes.LOCAL_RESOURCES,
    errno.ENFILE: causes.LOCAL_RESOURCES,
    errno.ENOBUFS: causes.LOCAL_RESOURCES,
    errno.ENOMEM: causes.LOCAL_RESOURCES,
}
SIGNS = {
    errno.ECONNREFUSED: Sign.RESET,
    errno.ECONNRESET: Sign.RESET,
    errno.ETIMEDOUT: Sign.TIMEOUT,
}


def denial(way: Way, sock: socket.socket, address: str, error: OSError, firewalls: Sequence[Network] = ()) -> Fate:
    """The fate of an attempt that this error ended. `firewalls` are those whose ICMP counts and proves by
    itself; none: anybody's counts, and proves no more than a silence does."""
    icmp = error.icmp if isinstance(error, IcmpCame) else read_error(sock)
    if icmp is not None:
        return _by_icmp(way, sock, address, icmp, firewalls)
    number = error.errno or 0
    if number in SIGNS:
        return Fate(way, SIGNS[number])
    if number == errno.EADDRNOTAVAIL:
        lacking = not has_source(sock.family, sockaddr(address, way.port)[1])
        return Fate(way, cause=NO_WAY_OUT if lacking else causes.LOCAL_RESOURCES, detail=detail_of(error))
    return Fate(way, cause=OWN.get(number, ROUND_NOT_JUDGED), detail=detail_of(error))


def _by_icmp(way: Way, sock: socket.socket, address: str, icmp: IcmpError, firewalls: Sequence[Network]) -> Fate:
    """Who says so matters: a rejection by our own output filter is no firewall's, and one by the target itself shows
    that our packet got there. What a closed port gives as well counts as a reset; "unreachable" is what a broken line
    gives, and shows no will to deny."""
    own = _own_address(sock)
    if icmp.sender == own != address:
        return Fate(way, cause=OWN_FILTER, detail=f"{icmp}, which is this machine itself")
    if icmp.sender == address != own:
        return answered(way, f"{icmp}, the target itself: our packet got there")
    if icmp.cause is causes.ADMIN_PROHIBITED:
        if firewalls and not within(icmp.sender, firewalls):
            return Fate(way, cause=NOT_EXPECTED_SIGNATURE, detail=f"{icmp}, which is none of our firewalls")
        return Fate(way, Sign.ICMP, detail=str(icmp), by_ours=bool(firewalls))
    if icmp.cause is causes.REFUSED:
        return Fate(way, Sign.RESET, detail=str(icmp))
    return Fate(way, cause=NOT_EXPECTED_SIGNATURE, detail=f"unreachable ({icmp})")


def answered(way: Way, detail: str) -> Fate:
    return Fate(way, cause=ANSWERED_IPV6 if way.family == 6 else ANSWERED, detail=detail)


def _own_address(sock: socket.socket) -> str:
    try:
        return str(sock.getsockname()[0])
    except OSError:
        return ""


# How a fall on the way to the attempt itself reads here.
FALLS: dict[Cause, Cause] = {
    causes.UNREACHABLE: NO_WAY_OUT,
    causes.LOCAL_RESOURCES: causes.LOCAL_RESOURCES,
    causes.LOCAL_PERMISSION: causes.LOCAL_PERMISSION,
}


def not_tried(way: Way, fall: Fall) -> Fate:
    """We could not even have a socket for it."""
    return Fate(way, cause=FALLS.get(fall.cause, ROUND_NOT_JUDGED), detail=fall.detail)
