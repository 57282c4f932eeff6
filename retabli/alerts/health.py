"""Whether this daemon really works: its scheduler beats, its state can be written, what is to be told goes out, and its
machine gives it what it needs."""

import asyncio
from collections.abc import Callable
from typing import Protocol

CHECK = 15.0  # seconds between two writes that only show that the state can be written
ASLEEP = 15.0  # seconds without a sign of the scheduler, which gives ten a second
UNWRITTEN = 60.0  # seconds without a write that reached the disk: four checks
UNLOOKED = 90.0  # seconds in which the outbox was not looked into, which is done every thirty


class Writable(Protocol):
    """The store, as far as it is asked here."""

    @property
    def failure(self) -> Exception | None: ...

    @property
    def trouble(self) -> str | None: ...

    async def touch(self) -> None: ...


class Outgoing(Protocol):
    """The outbox's drain, as far as it is asked here."""

    @property
    def looked(self) -> float | None: ...

    @property
    def hopeless(self) -> bool: ...


class Health:
    """`woke` is when the scheduler last gave a sign, `lacks` what our machine lacks. Every time is the loop's clock.
    Asking costs nothing."""

    def __init__(
        self,
        store: Writable,
        woke: Callable[[], float | None],
        drain: Outgoing,
        lacks: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._store = store
        self._woke = woke
        self._drain = drain
        self._lacks = lacks
        self._began: float | None = None
        self._written = 0.0

    def begin(self) -> None:
        """The parts are being started: each has its time from now."""
        self._began = self._written = _now()

    async def check(self) -> None:
        """A duty, every CHECK seconds.

        Raises:
            StoreFailed: the state can no longer be written.
        """
        await self._store.touch()
        self._written = _now()

    def why_not(self) -> str | None:
        """Why this daemon does not work, in a sentence; None: it does."""
        if self._began is None:
            return "the state is being taken up"
        if self._store.failure is not None:
            return str(self._store.failure)
        if self._store.trouble is not None:
            return f"the state is not written, and what happens is only in memory: {self._store.trouble}"
        asleep, unlooked = self._since(self._woke()), self._since(self._drain.looked)
        if asleep > ASLEEP:
            return f"the scheduler has stood still for {asleep:.0f} s: nothing is watched"
        if (unwritten := _now() - self._written) > UNWRITTEN:
            return f"the state has not been written for {unwritten:.0f} s"
        if unlooked > UNLOOKED:
            return f"the outbox has not been looked into for {unlooked:.0f} s: nobody is told anything"
        if self._drain.hopeless:
            return "no channel accepts anything: nobody is told anything"
        return self._lacks()

    def _since(self, sign: float | None) -> float:
        return _now() - max(sign or 0.0, self._began or 0.0)


def _now() -> float:
    return asyncio.get_running_loop().time()
