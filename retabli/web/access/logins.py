"""What the log is told of log-ins: who may act and has come in, and how many failed; never so much that it fills up.

Whoever attacks writes nothing of their own into it: no name that is none of ours, and of failures one row in ten
minutes, then in twenty, up to an hour while they go on.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress

from retabli.model.record import Entry, Event
from retabli.model.stamps import iso
from retabli.web.access.policy import Account, Role

AGAIN = 600.0  # seconds within which another log-in of the same account is no news
FIRST, LONGEST = 600.0, 3600.0  # seconds that failures are added up before there is a row of them
WAITING = 100  # rows that wait for a disk; the oldest go first
PLACES = 1000  # addresses that are told apart


class Logins:
    """`next` is a row of the log, as soon as there is one; `rest` those that are due when the daemon ends."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._rows: deque[Entry] = deque(maxlen=WAITING)
        self._news = asyncio.Event()
        self._told: dict[str, float] = {}
        self._window, self._ended = FIRST, -LONGEST
        self._forget()

    def came_in(self, account: Account) -> None:
        """By the form. Whoever only sees is no news."""
        now = self._clock()
        if not account.role.covers(Role.ACT) or now - self._told.get(account.name, -AGAIN) < AGAIN:
            return
        self._told = {name: at for name, at in self._told.items() if now - at < AGAIN} | {account.name: now}
        self._rows.append(Entry(self._wall(), Event.LOGIN, None, {"by": account.name, "role": account.role.value}))
        self._news.set()

    def failed(self, account: Account | None, place: str) -> None:
        """One more, refused or not even looked at. None: the name is none of ours, and may be a mistyped password."""
        if self._since is None:
            lull = self._clock() - self._ended
            self._window = min(2 * self._window, LONGEST) if lull < self._window else FIRST
            self._since = (self._clock(), self._wall())
            self._news.set()
        self._number += 1
        if account is not None:
            self._accounts[account.name] += 1
        if len(self._places) < PLACES:
            self._places.add(place)

    async def next(self) -> Entry:
        while True:
            if self._rows:
                return self._rows.popleft()
            waits = None if self._since is None else self._since[0] + self._window - self._clock()
            if waits is not None and waits <= 0:
                return self._summed()
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(waits):
                    await self._news.wait()

    def rest(self) -> list[Entry]:
        rows = [*self._rows]
        self._rows.clear()
        return rows if self._since is None else [*rows, self._summed()]

    def _summed(self) -> Entry:
        assert self._since is not None  # noqa: S101 - asked only while there are failures
        began, stamp = self._since
        data = {
            "failed": self._number,
            "from": iso(stamp),
            "seconds": round(self._clock() - began),
            "accounts": dict(self._accounts.most_common()),
            "places": len(self._places),
        }
        self._ended = self._clock()
        self._forget()
        return Entry(self._wall(), Event.LOGIN, None, data)

    def _forget(self) -> None:
        self._since: tuple[float, float] | None = None  # when the first one failed, by both clocks
        self._number = 0
        self._accounts: Counter[str] = Counter()
        self._places: set[str] = set()
