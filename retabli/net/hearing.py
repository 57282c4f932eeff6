"""A loop that knows when it last heard of the world outside: what a run measures must not be what other runs took.

Many runs go on in one turn of the loop, one after the other. What became of each was known when the turn began; the
last of them would else report as its target's latency what all others took before it was looked at.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from selectors import SelectorKey


class _Hearing(selectors.DefaultSelector):
    """Notes when it last came back with what the kernel had to say."""

    heard = 0.0
    quiet = True

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        ready = super().select(timeout)
        self.heard = time.monotonic()
        self.quiet = not ready
        return ready


class HearingLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, which notes when each of its turns began."""

    def __init__(self) -> None:
        self._hearing = _Hearing()
        super().__init__(self._hearing)

    def heard(self) -> float:
        """When the turn under way began, in monotonic seconds: nothing that is dealt with in it was known later."""
        return self._hearing.heard

    @property
    def quiet(self) -> bool:
        """Whether nothing was heard at the turn under way."""
        return self._hearing.quiet


def quiet(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether nothing was heard at this loop's turn under way; always so of a loop that does not note that."""
    return loop.quiet if isinstance(loop, HearingLoop) else True


def hearing(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """When this loop last heard of the world outside; of a loop that does not note that: now."""
    return loop.heard if isinstance(loop, HearingLoop) else loop.time


def elapsed(began: float) -> float:
    """Seconds from that monotonic moment until what is dealt with now was heard of; until now, if nothing was since."""
    heard = hearing(asyncio.get_running_loop())()
    return (heard if heard > began else time.monotonic()) - began
