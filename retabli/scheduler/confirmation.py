"""The quick confirmation of a first failure: more runs at once, so that a drop is known within seconds."""

import asyncio
from collections.abc import Callable

from retabli.model import stages
from retabli.model.flow import UnitName
from retabli.scheduler.unit import Doubt, Run, Unit

# Servers answer a wrong password slowly on purpose: a run that is silent here may be a refusal, which is not repeated.
LOGINS = frozenset({stages.AUTH, stages.MAILBOX})
# Over HTTP the secret goes with the request: of a probe that has one, the answer is awaited on one of these.
PRESENTED = frozenset({"proxy", "token", "upgrade", "response"})
AGAIN = 1.0  # seconds after which it is looked at whether it still stands there


class Confirmations:
    """Decides when a unit is run again beside its beats. `launch` starts such a run, `drop` forgets those not begun.

    A doubt begins with a failure, or with a run that outlives the unit's usual time while its flow would fall by
    failures (`wanted`). Its first confirmation runs at once, the next ones `policy.confirm` seconds apart, start to
    start, whether or not the ones before have ended, as long as the runs under way since the doubt began are fewer
    than the failures wanted. So a silent cut costs one deadline, not `fall` of them. Any success ends the doubt.
    While a run stands at a login no other is started beside it, and after a refusal none at all: accounts lock.
    An unknown begins none, and is made up for only once another run has failed: what cannot be judged is not hammered
    at.
    """

    def __init__(
        self, wanted: Callable[[UnitName], int], launch: Callable[[Unit], None], drop: Callable[[Unit], None]
    ) -> None:
        self._wanted = wanted
        self._launch = launch
        self._drop = drop

    def failed(self, run: Run) -> None:
        """Its failure has been judged: `wanted` knows of it."""
        if run.unit.doubt is not None:
            run.unit.doubt.unjudged = 0
        self._doubt(run)

    def outlived(self, run: Run) -> None:
        """It is under way for longer than usual."""
        if not run.confirming:
            self._doubt(run)

    def unjudged(self, run: Run) -> None:
        """It ended without a verdict."""
        doubt = run.unit.doubt
        if doubt is not None and run.asked >= doubt.since:
            doubt.unjudged += 1
            self._fade(run.unit, doubt)

    def settle(self, unit: Unit) -> None:
        """A success, a refused credential, or the end: what was not begun is dropped."""
        if unit.doubt is not None:
            if unit.doubt.timer is not None:
                unit.doubt.timer.cancel()
            unit.doubt = None
        self._drop(unit)

    def _doubt(self, run: Run) -> None:
        unit = run.unit
        if unit.gone or unit.refusals.count:  # one attempt an interval, never a confirming one
            return
        if unit.doubt is None:
            unit.doubt = Doubt(run.asked)
        self._press(unit, unit.doubt)

    def _press(self, unit: Unit, doubt: Doubt) -> None:
        """Run again now, or at the next step of the rhythm, or not at all any more."""
        loop = asyncio.get_running_loop()
        while True:
            wanted = self._wanted(unit.name)
            if wanted <= 0:
                self.settle(unit)
                return
            if doubt.timer is not None or _under_way(unit, doubt) + doubt.unjudged >= wanted:
                return
            now = loop.time()
            due = now if doubt.last is None else doubt.last + unit.policy.confirm
            if _logs_in(unit):
                due = max(due, now + AGAIN)
            if due > now:
                doubt.timer = loop.call_at(due, self._next, unit, doubt)
                return
            doubt.last = now
            self._launch(unit)

    def _next(self, unit: Unit, doubt: Doubt) -> None:
        doubt.timer = None
        if unit.doubt is doubt:
            self._press(unit, doubt)
            self._fade(unit, doubt)

    def _fade(self, unit: Unit, doubt: Doubt) -> None:
        """A doubt that no run and no timer keeps alive is over."""
        if unit.doubt is doubt and doubt.timer is None and not _under_way(unit, doubt):
            unit.doubt = None


def _logs_in(unit: Unit) -> bool:
    standing = [run.ladder.current for run in unit.runs if run.ladder is not None]
    if any(stage in LOGINS for stage in standing):
        return True
    presented = any(stage is not None and stage.id in PRESENTED for stage in standing)
    return presented and any(True for _ in unit.probe.secrets())


def _under_way(unit: Unit, doubt: Doubt) -> int:
    return sum(run.asked >= doubt.since for run in unit.runs)
