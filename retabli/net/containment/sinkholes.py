"""Where a filtering resolver leads to: addresses that a name is given so that it leads nowhere."""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def sunk(address: str, networks: Sequence[Network]) -> bool:
    """Whether this is a sinkhole's address: `0.0.0.0`, `::`, or one in a configured network. Any other text is none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return parsed.is_unspecified or any(parsed.version == network.version and parsed in network for network in networks)
