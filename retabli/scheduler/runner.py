"""The runner of probes: one climb under its deadline, whatever the probe does. Nothing a probe raises leaves here."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from retabli.model import causes
from retabli.model.ladder import Ladder, cause_of
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result, Rung

# A probe that is cut at its deadline may still close what it opened; one that hangs in that is cut once more.
CLOSING = 5.0

log = logging.getLogger("retabli.probes")


async def climb(
    probe: Probe, ladder: Ladder, *, beat: float | None = None, confirming: bool = False, name: object = ""
) -> Result:
    """Run the probe up the ladder, for `probe.deadline` seconds at most, and judge what came of it.

    `beat` is the monotonic time at which it was due (now, when None); `name` is what the log calls the probe.

    Raises:
        asyncio.CancelledError: the task was cancelled from outside: the daemon ends, or the probe left.
    """
    started = ladder.clock()
    error: BaseException | None = None
    stray = False
    limit = _Deadline(probe.deadline)
    try:
        await probe.run(ladder)
        if limit.expired:  # it swallowed its cancellation, and what it says came too late
            error = TimeoutError()
    except asyncio.CancelledError as left:
        if limit.cancelled_by_another:
            raise
        # Unless it was the deadline, nobody cancelled this run: something the probe awaited was.
        error, stray = (_late(left), False) if limit.expired else (left, True)
    except Exception as left:  # noqa: BLE001 - a probe cannot bring the daemon down
        error = left
    finally:
        limit.end()
    result = ladder.finish(
        beat=started if beat is None else beat,
        started=started,
        error=error,
        slow=probe.slow,
        confirming=confirming,
    )
    if stray:
        result = _defect(result)
    if error is not None and (stray or cause_of(error) is None):
        log.error("%s %s: the probe has a defect", probe.kind, name, exc_info=error)
    return result


class _Deadline:
    """Cancels the task that makes it after so many seconds, and again each CLOSING seconds while it goes on.

    What two nested `asyncio.timeout` would do, on one timer: there is one for each run of each probe.
    """

    __slots__ = ("_before", "_cuts", "_loop", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._task = task
        self._before = task.cancelling()
        self._cuts = 0
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(seconds, self._cut)

    def _cut(self) -> None:
        self._cuts += 1
        self._task.cancel()
        self._timer = self._loop.call_later(CLOSING, self._cut)

    @property
    def expired(self) -> bool:
        return self._cuts > 0

    @property
    def cancelled_by_another(self) -> bool:
        return self._task.cancelling() > self._before + self._cuts

    def end(self) -> None:
        """It is over; what cancelled the task was ours, and is taken back."""
        self._timer.cancel()
        for _ in range(self._cuts):
            self._task.uncancel()


def _late(cancelled: asyncio.CancelledError) -> TimeoutError:
    """As `asyncio.timeout` would: the ladder looks at where it fell."""
    late = TimeoutError()
    late.__cause__ = cancelled
    return late


def _defect(result: Result) -> Result:
    """The ladder takes a cancellation for the deadline; this one was none, and a flow is not to fall by it."""
    rungs = tuple(
        Rung(rung.stage, rung.seconds, causes.PROBE_DEFECT) if rung.cause is causes.TIMEOUT else rung
        for rung in result.rungs
    )
    detail = "cancelled by none but itself"
    return replace(result, outcome=Outcome.UNKNOWN, rungs=rungs, cause=causes.PROBE_DEFECT, detail=detail, whole=False)


async def run_once(
    probe: Probe,
    target: str | None = None,
    memory: dict[str, Any] | None = None,
    watch: Callable[[Rung], None] | None = None,
    *,
    language: str = "en",
) -> Result:
    """One run now, outside any schedule. `watch` is told each rung as it ends."""
    ladder = Ladder(probe.climbs(), target=target, memory=memory, watch=watch, language=language)
    return await climb(probe, ladder, name=target or "")
