"""Who may come in: roles, accounts with their hashes, and what a trusted proxy says of whom it lets through."""

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from retabli.web.access.hashes import Hash

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Role(StrEnum):
    """What somebody may do; each may what those before it may."""

    VIEW = "view"
    ACT = "act"  # acknowledge, silence, end a silence
    ADMIN = "admin"  # reload, the demo's switches

    def covers(self, other: "Role") -> bool:
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(Role)


def highest(*roles: Role | None) -> Role | None:
    return max((each for each in roles if each is not None), key=_ORDER.index, default=None)


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    role: Role
    hash: Hash

    @property
    def mark(self) -> str:
        """Changes when the password or the role does: what was verified before then holds no longer."""
        return hashlib.sha256(f"{self.name}\0{self.role}\0{self.hash.line}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Proxy:
    """Whose word about a request is taken: only of those who connect from these networks.

    `user_header` holds whom it has let through; empty: it lets people through, and they log in here. The highest of the
    roles that follow from the user, the groups and `role_header` counts, else `role`. Names of headers are lower case.
    """

    networks: tuple[Network, ...]
    user_header: str = ""
    role_header: str = ""
    groups_header: str = ""
    users: Mapping[str, Role] = field(default_factory=dict)
    groups: Mapping[str, Role] = field(default_factory=dict)
    role: Role | None = None

    def trusts(self, address: IpAddress | None) -> bool:
        return address is not None and any(address in network for network in self.networks)

    def role_of(self, user: str, said: str, groups: str) -> Role | None:
        """`said` and `groups` (comma or semicolon between them) are what its headers hold."""
        given = [self.groups.get(each.strip()) for each in groups.replace(";", ",").split(",")]
        named = said.strip().lower()
        given.append(Role(named) if named in tuple(Role) else None)
        return highest(self.users.get(user), *given) or self.role


@dataclass(frozen=True, slots=True)
class Policy:
    """`accounts` by name. Without accounts and without a proxy that says who comes, nobody is asked who they are."""

    accounts: Mapping[str, Account] = field(default_factory=dict)
    proxy: Proxy | None = None

    @property
    def guarded(self) -> bool:
        return bool(self.accounts) or (self.proxy is not None and bool(self.proxy.user_header))


def address_of(text: str) -> IpAddress | None:
    """An address as a socket or a header writes it; one of IPv4 within IPv6 (RFC 4291, 2.5.5.2) as what it is."""
    plain = text.strip().partition("%")[0]
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        found = ipaddress.ip_address(plain)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
