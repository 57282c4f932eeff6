"""How long somebody who failed to log in waits before the next attempt is looked at: pure, but for what it remembers.

An account is never locked: whoever attacks it from one address delays it there, and nowhere else. While it is attacked
from many, an address from which nobody has logged in to it has one free attempt instead of five: its own, always.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from retabli.web.access.policy import address_of

MOST = 5000  # of each kind that are remembered; the one that failed the longest ago is forgotten first
QUIET = 3600.0  # seconds after which a failure is forgotten
KNOWN = 2000  # accounts with an address from which they were logged in to


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` attempts cost nothing; then the delay doubles from one second to `longest`."""

    free: int
    longest: float

    def delay(self, failures: int) -> float:
        over = failures - self.free
        return 0.0 if over < 0 else min(self.longest, float(1 << min(over, 20)))


PAIR, ADDRESS = Limit(5, 60.0), Limit(20, 60.0)
ATTACKED = 60  # failures of one account, from wherever, after which …
STRANGE = Limit(1, 60.0)  # … is the limit of an address from which nobody has logged in to it


@dataclass(slots=True)
class _Failures:
    number: int = 0
    last: float = 0.0


class _Book:
    """Failures by key, and at most MOST of them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def number(self, key: Hashable, now: float) -> int:
        found = self._kept.get(key)
        return 0 if found is None or now - found.last > QUIET else found.number

    def wait(self, key: Hashable, now: float, limit: Limit) -> float:
        number = self.number(key, now)
        return max(0.0, self._kept[key].last + limit.delay(number) - now) if number else 0.0

    def charge(self, key: Hashable, now: float) -> None:
        found = self._kept.pop(key, None)
        if found is None or now - found.last > QUIET:
            found = _Failures()
        found.number += 1
        found.last = now
        self._kept[key] = found
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def refund(self, key: Hashable) -> None:
        found = self._kept.get(key)
        if found is not None:
            found.number -= 1
            if found.number <= 0:
                del self._kept[key]

    def forget(self, key: Hashable) -> None:
        self._kept.pop(key, None)


class Throttle:
    """An attempt is charged before it is looked at, so that many at once are no way round; a success gives it back."""

    def __init__(self) -> None:
        self._pairs, self._addresses, self._accounts = _Book(), _Book(), _Book()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._pairs) + len(self._addresses) + len(self._accounts) + len(self._known)

    def wait(self, account: str, address: str, now: float) -> float:
        """Seconds until an attempt is looked at; 0: now. Who was here before waits for nobody else's failures."""
        pair = (_short(account), place(address))
        if pair in self._known:
            return self._pairs.wait(pair, now, PAIR)
        attacked = self._accounts.number(pair[0], now) >= ATTACKED
        own = self._pairs.wait(pair, now, STRANGE if attacked else PAIR)
        return max(own, self._addresses.wait(pair[1], now, ADDRESS))

    def wait_of_pair(self, account: str, address: str, now: float) -> float:
        """The same, by this account's own failures from there alone."""
        return self._pairs.wait((_short(account), place(address)), now, PAIR)

    def charge(self, account: str, address: str, now: float) -> None:
        pair = (_short(account), place(address))
        self._pairs.charge(pair, now)
        self._addresses.charge(pair[1], now)
        self._accounts.charge(pair[0], now)

    def succeeded(self, account: str, address: str) -> None:
        pair = (_short(account), place(address))
        self._pairs.forget(pair)
        self._addresses.refund(pair[1])
        self._accounts.refund(pair[0])
        self._known.pop(pair, None)
        self._known[pair] = None
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    def refund(self, account: str, address: str) -> None:
        """Nobody looked at it."""
        pair = (_short(account), place(address))
        for book, key in ((self._pairs, pair), (self._addresses, pair[1]), (self._accounts, pair[0])):
            book.refund(key)


def place(address: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, which whoever has one of them has whole."""
    found = address_of(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, 64), strict=False))
    return str(found) if found is not None else address[:64]


def _short(account: str) -> str:
    return account[:64]
