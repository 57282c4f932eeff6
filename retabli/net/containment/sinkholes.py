"""Addresses by which somebody is known: a filtering resolver's sinkholes, our own firewalls."""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def within(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address lies in one of these networks. Text that is no address lies in none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(parsed.version == network.version and parsed in network for network in networks)


NOWHERE: tuple[Network, ...] = (ipaddress.IPv4Network(0), ipaddress.IPv6Network(0))  # 0.0.0.0 and :: alone


def sunk(address: str, networks: Sequence[Network]) -> bool:
    """Whether a name that is given this address leads nowhere: `0.0.0.0`, `::`, or one in a configured network."""
    return within(address, (*NOWHERE, *networks))
