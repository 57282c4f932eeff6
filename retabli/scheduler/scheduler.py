"""The scheduler: beats become runs, runs become results, results go to the judge, and failures are confirmed."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from retabli.clock import LoopWatch
from retabli.model.flow import Policy, UnitName
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.net.hearing import hearing
from retabli.scheduler.beats import Beats, place, slot_for
from retabli.scheduler.confirmation import Confirmations
from retabli.scheduler.credentials import Refusals, fingerprint
from retabli.scheduler.culprits import LATE, Culprits, Standstills
from retabli.scheduler.places import Places
from retabli.scheduler.runner import climb
from retabli.scheduler.seams import Judge, Meter
from retabli.scheduler.stalls import Stalls
from retabli.scheduler.timetable import Function, Timetable
from retabli.scheduler.unit import Place, Run, Unit
from retabli.supervisor import Fatal

PLAN = 1.0  # seconds between two plans
LEAVING = 5.0  # seconds that runs are given to end when their unit leaves

log = logging.getLogger("retabli.scheduler")


class Scheduler:
    """Runs every adopted unit at its rhythm. `adopt` once before `run`, and again at each reload.

    `places` bounds the runs that are busy, `patient` those that merely wait for an answer; a run waits for a place
    outside its deadline. `language` is what probes write their messages in.
    """

    def __init__(
        self,
        judge: Judge,
        meter: Meter,
        *,
        places: int = 500,
        patient: int = 4000,
        language: str = "en",
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._judge = judge
        self._meter = meter
        self._language = language
        self._wall = wall
        self._units: dict[UnitName, Unit] = {}
        self._places = Places(places, patient, self._start)
        self._beats = Beats(self._beat, judge.skipped)
        self._confirmations = Confirmations(judge.wanted, self._confirm, self._drop_waiting)
        self._timetable = Timetable(self._spawn, wall=wall)
        self._timetable.every(PLAN, self._plan, "plan")
        self._stalls = Stalls()
        self._culprits = Culprits()
        self._standstills = Standstills(meter.stalled_by)
        self._watch = LoopWatch(self._woke, self._attend, self._was_unwatched, wall=wall)
        self._tasks: set[asyncio.Task[None]] = set()
        self._fatal: Fatal | None = None
        self._planned = 0.0

    @property
    def under_way(self) -> int:
        """How many runs are climbing now."""
        return self._places.busy + self._places.patient

    @property
    def last_woke(self) -> float | None:
        """When it last gave a sign, on the loop's clock; None while it does not run.

        Of three signs the oldest one: the loop's watch, ten times a second; the plan of beats, once a second, without
        which nothing more would begin; and the beat that is due and has waited longest to be served.
        """
        woke = self._stalls.last_woke
        if woke is None:
            return None
        waits = self._beats.waits_since
        return min(woke, self._planned, woke if waits is None else waits)

    def stood_still(self) -> str | None:
        """By whom everything stood still for much of the last minute, in a sentence; None: it did not."""
        return self._standstills.much()

    @property
    def waiting(self) -> int:
        """How many runs wait for a place."""
        return self._places.waiting

    def every(self, seconds: float, function: Function, name: str) -> None:
        """Call `function()` every so many seconds of the monotonic clock, while the scheduler runs.

        One that is still at work skips its turn; one that raises is logged and called again, a Fatal ends `run`.

        Raises:
            ValueError: there is a duty of that name already.
        """
        self._timetable.every(seconds, function, name)

    async def run(self) -> None:
        """Run until cancelled; a part for the supervisor. Runs under way outlive it: `stop` ends them.

        Raises:
            Fatal: as the judge or a duty raised it.
        """
        try:
            self._timetable.start()
            self._culprits.begin()
            await self._plan()
            await self._watch.run()
        finally:
            self._stalls.rest()
            self._culprits.end()
            await self._timetable.stop()

    async def adopt(self, units: Mapping[UnitName, tuple[Probe, Policy]]) -> None:
        """Watch these units from now on, and no others.

        A unit whose probe is the same keeps its beats, its runs under way and all it has learnt. The others' runs are
        ended before this returns, so that no result of theirs comes later. The judge must know the new units already.
        """
        left = [
            unit
            for name, unit in self._units.items()
            if unit.gone or name not in units or units[name][0] != unit.probe  # gone: an `adopt` that was cut short
        ]
        await self._end(left, LEAVING)
        for unit in left:
            self._units.pop(unit.name, None)
        fresh: list[Unit] = []
        slot = slot_for(sum(1 / probe.every for probe, _ in units.values() if probe.brief))
        for name, (probe, policy) in units.items():
            known = self._units.get(name)
            if known is not None:
                known.policy = policy
            else:
                fresh.append(self._unit(name, probe, policy, slot))
        try:
            self._units.update((unit.name, unit) for unit in fresh)
            self._beats.begin(fresh)
        except BaseException:
            for unit in fresh:
                self._beats.remove(unit)  # some have no beats, and none is to pass for known at the next `adopt`
            raise
        self._beats.plan()

    def lift(self, flow: str, probe: str) -> None:
        """Let a refused credential be tried at the next beat: somebody says that it is right now."""
        for name, unit in self._units.items():
            if name.flow == flow and name.probe == probe:
                unit.refusals.lift()

    async def stop(self, grace: float = 5.0) -> None:
        """End every run, and return within `grace` seconds. Results that are being remembered are waited for."""
        await self._timetable.stop()
        await self._end(list(self._units.values()), grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    # beats ----------------------------------------------------------------------------------------------------

    def _unit(self, name: UnitName, probe: Probe, policy: Policy, slot: float) -> Unit:
        memory = self._judge.memory(name)
        return Unit(
            name=name,
            probe=probe,
            policy=policy,
            memory=memory,
            stages=probe.climbs(),
            refusals=Refusals(memory),
            every=probe.every,
            phase=place(name, probe.every, slot if probe.brief else 0.0),
            label=str(name),
        )

    async def _plan(self) -> None:
        self._places.serve()
        self._beats.plan()
        self._planned = asyncio.get_running_loop().time()
        self._culprits.look_on()

    def _woke(self, late: float) -> None:
        self._meter.stall(late)
        self._stalls.woke(late)
        culprit = self._culprits.turned()
        if late >= LATE:
            self._standstills.note(late, culprit)

    def _attend(self, jump: float) -> None:
        if self._fatal is not None:
            fatal, self._fatal = self._fatal, None
            raise fatal
        self._timetable.attend(jump)

    def _was_unwatched(self, seconds: float, asleep: bool) -> None:
        self._stalls.unwatched(seconds)
        self._judge.unwatched(seconds, asleep=asleep)

    def _beat(self, unit: Unit, due: float) -> None:
        if unit.looking or unit.beating >= unit.probe.in_flight:
            self._judge.skipped(unit.name)
        elif unit.refusals.pausing(due):
            unit.looking = True
            try:
                self._spawn(self._look_again(unit, due), unit.label)
            except BaseException:
                unit.looking = False  # or each later beat would be skipped
                raise
        else:
            self._launch(Run(unit, due, asyncio.get_running_loop().time()))

    async def _look_again(self, unit: Unit, due: float) -> None:
        """At this beat of a pause: run if the refused secret has changed, else let the verdict stand."""
        try:
            changed = unit.refusals.changed(await fingerprint(unit.probe))
        finally:
            unit.looking = False
        if unit.gone:
            return
        if changed:
            unit.refusals.lift()
            self._launch(Run(unit, due, asyncio.get_running_loop().time()))
        else:
            self._judge.skipped(unit.name)
            await self._judge.stands(unit.name)

    def _confirm(self, unit: Unit) -> None:
        now = asyncio.get_running_loop().time()
        self._launch(Run(unit, now, now, confirming=True))

    # runs -----------------------------------------------------------------------------------------------------

    def _launch(self, run: Run) -> None:
        run.unit.runs.add(run)
        try:
            self._places.enter(run)
        except BaseException:
            run.unit.runs.discard(run)  # or it would count as under way, and each later beat be skipped
            raise

    def _start(self, run: Run) -> None:
        """There is a place for it: at once, or after it waited in the queue.

        Raises:
            Exception: whatever our machine lacks for it. The run is no more, and has nothing to give back.
        """
        unit, loop, work = run.unit, asyncio.get_running_loop(), None
        try:
            now = loop.time()
            self._meter.lateness(now - run.beat)
            if run.place is Place.QUEUE:
                self._meter.waited(now - run.asked)
            work = self._run(run)
            run.task = loop.create_task(work, name=unit.label)
            run.task.add_done_callback(self._look_after)
            run.outlives = loop.call_later(unit.times.usual, self._outlived, run)
        except BaseException:
            if run.task is not None:
                run.task.cancel()  # before its first step: nothing of it is ever done
            elif work is not None:
                work.close()
            unit.runs.discard(run)
            raise

    async def _run(self, run: Run) -> None:
        unit = run.unit
        try:
            try:
                secrets = await fingerprint(unit.probe) if unit.refusals.near else None
                result = self._stalls.judge(unit.probe, await self._climb(run))
                run.judging = True
                self._learn(run, result, secrets)  # before the place is given on: perhaps to what is now dropped
            finally:
                self._release(run)
            await self._judge.accept(unit.name, unit.probe, result)
        finally:
            unit.runs.discard(run)
        if result.outcome is Outcome.UNKNOWN:
            self._confirmations.unjudged(run)
        elif result.outcome is Outcome.FAILED and not _is_refusal(result):
            self._confirmations.failed(run)

    def _release(self, run: Run) -> None:
        if run.outlives is not None:
            run.outlives.cancel()
        self._places.leave(run)

    async def _climb(self, run: Run) -> Result:
        unit, loop = run.unit, asyncio.get_running_loop()
        run.ladder = Ladder(
            unit.stages,
            target=unit.name.target,
            memory=unit.memory,
            clock=loop.time,
            heard=hearing(loop),
            wall=self._wall,
            language=self._language,
        )
        return await climb(unit.probe, run.ladder, beat=run.beat, confirming=run.confirming, name=unit.label)

    def _learn(self, run: Run, result: Result, secrets: bytes | None) -> None:
        unit = run.unit
        if result.outcome is Outcome.OK:
            unit.times.learn(result.seconds)
            unit.refusals.accepted()
            if unit.doubt is None or run.asked >= unit.doubt.since:  # an older run's success says nothing of the doubt
                self._confirmations.settle(unit)
        elif _is_refusal(result):
            unit.refusals.refused(run.beat, secrets)
            self._confirmations.settle(unit)

    def _outlived(self, run: Run) -> None:
        self._places.step_aside(run)
        self._confirmations.outlived(run)

    # ending ---------------------------------------------------------------------------------------------------

    def _drop_waiting(self, unit: Unit) -> None:
        """Confirmations that have no place yet are no longer wanted."""
        for run in [run for run in unit.runs if run.confirming and run.place is Place.QUEUE]:
            unit.runs.discard(run)
            self._places.leave(run)

    async def _end(self, units: Iterable[Unit], grace: float) -> None:
        """End these units' runs; what is being remembered is waited for, and cut only after `grace` seconds."""
        tasks: dict[asyncio.Task[None], Run] = {}
        for unit in units:
            self._beats.remove(unit)
            self._confirmations.settle(unit)
            for run in list(unit.runs):
                if run.task is None:
                    unit.runs.discard(run)
                    self._places.leave(run)
                    continue
                tasks[run.task] = run
                if not run.judging:
                    run.task.cancel()
        if not tasks:
            return
        _, going = await asyncio.wait(tasks, timeout=grace)
        for task in going:
            log.error("%s did not end within %g s and is left behind", task.get_name(), grace)
            task.cancel()
        for run in tasks.values():
            self._release(run)  # a task that was cancelled before its first step has released nothing
            run.unit.runs.discard(run)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Begin it, and look after what leaves it.

        Raises:
            Exception: whatever our machine lacks for it. None of it is done then.
        """
        task = None
        try:
            task = asyncio.get_running_loop().create_task(work, name=name)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(self._look_after)
        except BaseException:
            if task is None:
                work.close()
            else:
                task.cancel()
                self._tasks.discard(task)
            raise
        return task

    def _look_after(self, task: asyncio.Task[None]) -> None:
        """What leaves a run or a duty is no probe's fault: the judge's, or our own."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Fatal):
            self._fatal = error
        elif error is not None:
            log.error("%s: its result was lost, or its work not done", task.get_name(), exc_info=error)


def _is_refusal(result: Result) -> bool:
    return result.cause is not None and result.cause.credential
