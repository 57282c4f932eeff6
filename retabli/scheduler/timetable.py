"""The daemon's periodic duties, on APScheduler, kept to the monotonic clock whatever the wall clock does."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

OVERDUE = 1.0  # seconds after which a duty that did not come is called for
EARLY = 0.5  # seconds by which a duty may come too early: more, and the wall clock was set forward

Function = Callable[[], Coroutine[Any, Any, None]]


class Steady(BaseTrigger):  # type: ignore[misc]
    """One interval from now, always.

    APScheduler's own IntervalTrigger enumerates every time that was missed: 86,400 of them for a jump of one day, and
    minutes of a stalled loop for a machine that starts in 1970 and then learns the date.
    """

    __slots__ = ("_interval",)

    def __init__(self, seconds: float) -> None:
        self._interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._interval


@dataclass(slots=True, eq=False)
class Duty:
    """`due` is by the loop's clock, and is the truth; APScheduler only wakes us."""

    name: str
    seconds: float
    function: Function
    due: float = 0.0
    job: Job | None = None
    task: asyncio.Task[None] | None = None


class Timetable:
    """Calls each duty every so many seconds; one that is still at work skips its turn.

    `spawn` starts a duty's work as a task and looks after what leaves it.
    """

    def __init__(
        self,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._spawn = spawn
        self._wall = wall
        self._duties: dict[str, Duty] = {}
        self._scheduler: AsyncIOScheduler | None = None

    def every(self, seconds: float, function: Function, name: str) -> None:
        """First after one interval from now, or from `start`.

        Raises:
            ValueError: there is a duty of that name already.
        """
        if name in self._duties:
            raise ValueError(f"there is a duty called {name} already")
        duty = self._duties[name] = Duty(name, seconds, function)
        if self._scheduler is not None:
            self._add(self._scheduler, duty)

    def start(self) -> None:
        self._shut_down()  # one that could not be stopped: two would call each duty twice
        logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells each firing, which is each second
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.start()
        for duty in self._duties.values():
            self._add(self._scheduler, duty)

    async def stop(self) -> None:
        """No duty begins any more. Those at work are their spawner's to end."""
        if self._shut_down():
            await asyncio.sleep(0)  # it is only asked to, and leaves at the loop's next turn

    def attend(self, jump: float) -> None:
        """Call for what is overdue by the loop's clock: APScheduler sleeps by the wall clock, which may be set back.

        To be called several times a second; `jump` is by how much the wall clock was just seen to jump.
        """
        now = asyncio.get_running_loop().time()
        for duty in self._duties.values():
            if duty.due < now - OVERDUE:
                duty.due = now  # and if even that does not come, it is called for again
                self._call_for(duty, 0.0)
            elif jump:
                self._call_for(duty, max(0.0, duty.due - now))

    def _shut_down(self) -> bool:
        scheduler = self._scheduler
        if scheduler is None:
            return False
        if scheduler.running:  # else its start was cut short
            scheduler.shutdown(wait=False)
        self._scheduler = None
        return True

    def _add(self, scheduler: AsyncIOScheduler, duty: Duty) -> None:
        duty.due = asyncio.get_running_loop().time() + duty.seconds
        duty.job = scheduler.add_job(
            self._come,
            Steady(duty.seconds),
            args=(duty,),
            id=duty.name,
            name=duty.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,  # however late, it is called
        )

    def _call_for(self, duty: Duty, delay: float) -> None:
        if duty.job is not None and self._scheduler is not None:
            duty.job.modify(next_run_time=datetime.fromtimestamp(self._wall() + delay, UTC))

    async def _come(self, duty: Duty) -> None:
        now = asyncio.get_running_loop().time()
        if now < duty.due - EARLY:
            self._call_for(duty, duty.due - now)
            return
        duty.due = now + duty.seconds
        if duty.task is None or duty.task.done():
            duty.task = self._spawn(duty.function(), duty.name)
