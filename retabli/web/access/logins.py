"""What the log is told of log-ins: who may act and has come in, and how many failed; never so much that it fills up.

Whoever attacks writes nothing of their own into it: no name that is none of ours, and of failures one row in ten
minutes, then in twenty, up to an hour while they go on.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from retabli.model.record import Entry, Event
from retabli.model.stamps import iso
from retabli.web.access.policy import Account, Role

AGAIN = 600.0  # seconds within which another log-in of the same account is no news
FIRST, LONGEST = 600.0, 3600.0  # seconds that failures are added up before there is a row of them
WAITING = 100  # rows that wait for a disk; the oldest go first
PLACES = 1000  # addresses that are told apart


@dataclass(slots=True)
class _Failures:
    """Those of one row; `began` and `stamp` are when the first one failed, by the waiting clock and as a date."""

    began: float
    stamp: float
    number: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    places: set[str] = field(default_factory=set)


class Logins:
    """`next` is a row of the log, as soon as there is one; `rest` those that are due when the daemon ends."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._rows: deque[Entry] = deque(maxlen=WAITING)
        self._news = asyncio.Event()
        self._told: dict[str, float] = {}
        self._window, self._ended = FIRST, -LONGEST
        self._failures: _Failures | None = None

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
        failures = self._failures
        if failures is None:
            now = self._clock()
            lasts = now - self._ended < self._window
            self._window = min(2 * self._window, LONGEST) if lasts else FIRST
            failures = self._failures = _Failures(now, self._wall())
            self._news.set()
        failures.number += 1
        if account is not None:
            failures.accounts[account.name] += 1
        if len(failures.places) < PLACES:
            failures.places.add(place)

    async def next(self) -> Entry:
        while True:
            if self._rows:
                return self._rows.popleft()
            failures = self._failures
            waits = None if failures is None else failures.began + self._window - self._clock()
            if failures is not None and waits is not None and waits <= 0:
                return self._summed(failures)
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(waits):
                    await self._news.wait()

    def rest(self) -> list[Entry]:
        rows = [*self._rows]
        self._rows.clear()
        return rows if self._failures is None else [*rows, self._summed(self._failures)]

    def _summed(self, failures: _Failures) -> Entry:
        self._failures, self._ended = None, self._clock()
        data = {
            "failed": failures.number,
            "from": iso(failures.stamp),
            "seconds": round(self._ended - failures.began),
            "accounts": dict(failures.accounts.most_common()),
            "places": len(failures.places),
        }
        return Entry(self._wall(), Event.LOGIN, None, data)
