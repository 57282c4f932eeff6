"""Passwords compared beside the loop, one at a time: neither its time nor the machine's memory is an attacker's to use.

What was found right is remembered for some minutes as a keyed digest, so that a scrape every few seconds costs nothing.
"""

import asyncio
import hashlib
import hmac
import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from retabli.web.access.hashes import Hash
from retabli.web.access.policy import Account
from retabli.web.access.throttle import place

WAITING = 32  # comparisons that wait for their turn: about three seconds' worth
EACH = 2  # … of one address
REMEMBERED = 300.0  # seconds
MOST = 1000  # that are remembered


class Busy(Exception):
    """Too many passwords wait to be compared already."""


class Checking:
    """One thread: a comparison takes 16 MiB and a tenth of a second of a core."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._under_way: Counter[str] = Counter()
        self._key = os.urandom(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()

    async def matches(self, hash_: Hash, password: str, address: str) -> bool:
        """
        Raises:
            Busy: nobody has looked at it.
        """
        where = place(address)
        if self._under_way.total() >= WAITING or self._under_way[where] >= EACH:
            raise Busy
        comparing = asyncio.get_running_loop().run_in_executor(self._thread, hash_.matches, password)
        self._under_way[where] += 1  # once there is a thread for it: what was not begun is never over
        comparing.add_done_callback(lambda _: self._over(where))
        return await asyncio.shield(comparing)  # whoever asked may leave; the thread is taken all the same

    def remembers(self, account: Account, password: str, address: str) -> bool:
        """Whether this was found right from there a short while ago."""
        until = self._right.get(self._digest(account, password, address))
        return until is not None and self._clock() < until

    def remember(self, account: Account, password: str, address: str) -> None:
        digest = self._digest(account, password, address)
        self._right.pop(digest, None)
        self._right[digest] = self._clock() + REMEMBERED
        if len(self._right) > MOST:
            self._right.popitem(last=False)

    def forget(self) -> None:
        self._right.clear()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _over(self, where: str) -> None:
        self._under_way[where] -= 1
        if self._under_way[where] <= 0:
            del self._under_way[where]

    def _digest(self, account: Account, password: str, address: str) -> bytes:
        said = "\0".join((account.mark, place(address), password))
        return hmac.digest(self._key, said.encode(errors="surrogatepass"), hashlib.sha256)
