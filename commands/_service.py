"""The daemon as a service: that it is ready, how it stands and that it lives, told to systemd while it runs."""

import asyncio
import faulthandler
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from commands._systemd import Systemd, status
from retabli.supervisor import Supervisor

LOOK = 5.0  # seconds between two looks at how it stands
AGAIN = 0.1  # seconds between two looks at whether probing has begun
STEP = 600.0  # seconds that a step of taking up the state may last: all of it is read, from whatever disk it lies on


class Service:
    """`standing` is how the daemon stands, in a line; `sign` is when the scheduler last gave one, on the loop's clock.

    Where a watchdog is wanted and nobody listens (WATCHDOG_USEC in a container), the daemon is its own: it ends itself
    when it has stood still for that long, and is started again by whoever keeps it.
    """

    def __init__(self, systemd: Systemd, standing: Callable[[], str], sign: Callable[[], float | None]) -> None:
        self._systemd = systemd
        self._standing = standing
        self._sign = sign
        self._ready = False
        self._refusal = ""  # of the last reload

    def takes_up(self, what: str) -> None:
        """A step of the start that may last begins."""
        self._systemd.say(status(f"starting: {what}"), f"EXTEND_TIMEOUT_USEC={round(STEP * 1e6)}")

    def keep_running(self, supervisor: Supervisor, up: asyncio.Event) -> None:
        """Keep its parts, after all others: the last that is kept is ended first, and says that we stop.

        `up` is set while the pages are served.
        """
        if self._systemd.watchdog is not None:
            supervisor.keep("watchdog", self._show_life)
        if self._systemd.listens:
            supervisor.keep("service", lambda: self._tell(up))

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """A reload, in which `refused` or `unfinished` may be said."""
        self._refusal = ""
        self._systemd.say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
        try:
            yield
        finally:
            if self._ready:  # a start that is not over yet says so itself
                self._systemd.say("READY=1", self._status())

    def refused(self, why: str) -> None:
        self._refusal = f"reload refused, the configuration of before goes on: {why} · "

    def unfinished(self, why: str) -> None:
        self._refusal = f"reload not finished, reload again: {why} · "

    # parts ----------------------------------------------------------------------------------------------------

    async def _tell(self, up: asyncio.Event) -> None:
        """Ready once the page answers and probing has begun; then how it stands, whenever that is another."""
        said = ""
        try:
            await up.wait()
            while True:
                now = self._status()
                if not self._ready:
                    self._ready = self._sign() is not None and self._systemd.say("READY=1", now)
                elif now != said and self._systemd.say(now):
                    said = now
                await asyncio.sleep(LOOK if self._ready else AGAIN)
        except asyncio.CancelledError:
            self._systemd.say("STOPPING=1", status("stopping: what is under way ends, and the state is closed"))
            raise

    async def _show_life(self) -> None:
        """A sign of life three times within the watchdog's span, by the loop itself, while the scheduler gives its own.

        Neither a disk that is slow nor a channel that fails keeps it back: a restart mends neither.
        """
        span = self._systemd.watchdog
        assert span is not None  # noqa: S101 - kept only where there is one
        began = asyncio.get_running_loop().time()
        try:
            while True:
                now = asyncio.get_running_loop().time()
                if now - (self._sign() or began) <= span / 2:
                    self._feed(span)
                await asyncio.sleep(span / 3)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _feed(self, span: float) -> None:
        if self._systemd.listens:
            self._systemd.say("WATCHDOG=1")
        else:
            faulthandler.dump_traceback_later(span, exit=True)

    def _status(self) -> str:
        return status(self._refusal + self._standing())
