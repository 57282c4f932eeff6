"""Accounts for tests: one a role, each with a hash that was really made, and a daemon's pages that they guard."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from retabli.web.access.access import Access
from retabli.web.access.hashes import Hash, hashed
from retabli.web.access.policy import Account, Policy, Proxy, Role, address_of
from retabli.web.access.sessions import Sessions
from retabli.web.seams import Reloaded
from tests.web.serving import Served, serving

PASSWORDS = {"wall": "un mur dans le couloir", "karim": "quatre chevaux et un âne", "root": "le trousseau du directeur"}
ROLES = {"wall": Role.VIEW, "karim": Role.ACT, "root": Role.ADMIN}


@cache
def hash_of(password: str) -> Hash:
    return hashed(password)


def account(name: str, *, role: Role | None = None, password: str | None = None) -> Account:
    return Account(name, role or ROLES[name], hash_of(password or PASSWORDS[name]))


def policy(*names: str, proxy: Proxy | None = None) -> Policy:
    return Policy({name: account(name) for name in names or tuple(PASSWORDS)}, proxy)


def trusting(*networks: str, **keys: Any) -> Proxy:
    import ipaddress

    return Proxy(tuple(ipaddress.ip_network(each) for each in networks or ("127.0.0.1",)), **keys)


def basic(name: str, password: str | None = None) -> httpx.BasicAuth:
    return httpx.BasicAuth(name, PASSWORDS[name] if password is None else password)


@dataclass
class Clock:
    """One for waiting and one for dates, moved together."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Guarded:
    served: Served
    access: Access
    outcomes: list[str]
    clock: Clock
    reloads: list[str]

    @property
    def client(self) -> httpx.AsyncClient:
        return self.served.client

    @property
    def own(self) -> Mapping[str, str]:
        """What a browser says of a form of ours."""
        return {"origin": self.served.web.url, "sec-fetch-site": "same-origin"}

    async def log_in(self, name: str = "karim", password: str | None = None, **fields: str) -> httpx.Response:
        given = {"user": name, "password": PASSWORDS.get(name, "") if password is None else password, **fields}
        return await self.client.post("/login", data=given, headers=self.own)


@asynccontextmanager
async def guarded(of: Policy | None = None, *, sessions: Sessions | None = None, **keys: Any) -> AsyncIterator[Guarded]:
    outcomes, reloads, clock = list[str](), list[str](), Clock()
    kept = sessions if sessions is not None else Sessions(wall=clock)
    access = Access(of or policy(), kept, counted=outcomes.append, clock=clock, wall=clock)

    async def reload(by: str) -> Reloaded:
        reloads.append(by)
        return Reloaded()

    try:
        async with serving(desk=True, access=access, reload=reload, **keys) as served:
            yield Guarded(served, access, outcomes, clock, reloads)
    finally:
        access.close()


__all__ = ["PASSWORDS", "Guarded", "account", "address_of", "basic", "guarded", "hash_of", "policy", "trusting"]
