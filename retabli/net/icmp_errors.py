"""What routers and firewalls answer about our packets: ICMP errors, read from a socket's error queue (Linux)."""

import ipaddress
import socket
import struct
import sys
from dataclasses import dataclass

from retabli.model import causes
from retabli.model.causes import Cause

# From <linux/in.h>, <linux/in6.h> and <linux/errqueue.h>; Python names them from 3.14 on.
IP_RECVERR = 11
IPV6_RECVERR = 25
ORIGIN_ICMP = 2
ORIGIN_ICMP6 = 3

UNREACHABLE_V4 = 3  # RFC 792
UNREACHABLE_V6 = 1  # RFC 4443, section 3.1
PROHIBITED_V4 = {9, 10, 13}  # network, host, communication administratively prohibited (RFC 1812, section 5.2.7.1)
PROHIBITED_V6 = {1, 5, 6}  # administratively prohibited, source policy failed, reject route (RFC 4443, section 3.1)
NOTICES_V4 = {4, 5}  # source quench, redirect (RFC 792)
PORT_V4 = 3
PORT_V6 = 4


@dataclass(frozen=True, slots=True)
class IcmpError:
    """One ICMP error about a packet of ours. `sender` is the machine that says so, when the kernel knows it.

    `target` is where the packet was going to, and `about` its first bytes after the IP header, as the error quotes it.
    """

    family: int
    type: int
    code: int
    sender: str
    target: str = ""
    about: bytes = b""

    @property
    def undelivered(self) -> bool:
        """Whether it says that the packet did not arrive: a redirect, or a plea to be slower, does not."""
        return self.family == 6 or self.type not in NOTICES_V4

    @property
    def cause(self) -> Cause:
        unreachable, prohibited, port = (
            (UNREACHABLE_V4, PROHIBITED_V4, PORT_V4) if self.family == 4 else (UNREACHABLE_V6, PROHIBITED_V6, PORT_V6)
        )
        if self.type == unreachable and self.code in prohibited:
            return causes.ADMIN_PROHIBITED
        if self.type == unreachable and self.code == port:
            return causes.REFUSED
        return causes.UNREACHABLE

    def __str__(self) -> str:
        said = f"ICMP type {self.type} code {self.code}"
        return f"{said} from {self.sender}" if self.sender else said


class IcmpCame(OSError):
    """An ICMP error that was read from a socket's error queue already, and is about what was sent there."""

    def __init__(self, icmp: IcmpError) -> None:
        super().__init__(str(icmp))
        self.icmp = icmp


def listen_for_errors(sock: socket.socket, wanted: bool = True) -> None:
    """Have the kernel keep the ICMP errors about this socket's packets; nothing where it cannot."""
    if sys.platform != "linux":
        return
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, int(wanted))
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, int(wanted))


def read_error(sock: socket.socket) -> IcmpError | None:
    """The next ICMP error about this socket's packets, or None. Never waits."""
    if sys.platform != "linux":
        return None
    try:
        about, ancillary, _, target = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for _, kind, data in ancillary:
        if kind in (IP_RECVERR, IPV6_RECVERR) and len(data) >= 16:
            # struct sock_extended_err: errno, origin, type, code, pad, info, data; then who sent it
            origin, icmp_type, code = struct.unpack_from("=4xBBB", data)
            if origin in (ORIGIN_ICMP, ORIGIN_ICMP6):
                family = 4 if origin == ORIGIN_ICMP else 6
                return IcmpError(family, icmp_type, code, _sender(data[16:]), target[0] if target else "", about)
    return None


def _sender(address: bytes) -> str:
    if len(address) < 8:
        return ""
    family = int.from_bytes(address[:2], sys.byteorder)
    if family == socket.AF_INET:
        return str(ipaddress.IPv4Address(address[4:8]))
    if family == socket.AF_INET6 and len(address) >= 24:
        return str(ipaddress.IPv6Address(address[8:24]))
    return ""
