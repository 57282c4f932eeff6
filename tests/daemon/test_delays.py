"""How long it takes from a cut to the page: scheduler, pipeline, teller and drain together, in simulated time.

Settings are the default ones: every 30 s, timeout 10 s, fall 3, confirm 2 s. Nothing takes time but what a probe waits
for, so what is left is what the settings and the rules of confirmation make of it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest

from commands._alerting import Waker
from retabli.alerts.outbox.drain import Drain
from retabli.alerts.outbox.gathering import Gathering
from retabli.model import stages
from retabli.model.flow import Flow, Policy, Require, UnitName
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.record import Entry, Event, Message
from retabli.model.result import Outcome, Result
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.net.containment.containment_causes import ANSWERED
from retabli.pipeline import Pipeline
from retabli.scheduler import Scheduler
from tests.alerts.outboxes import Inline
from tests.alerts.test_drain import Counted
from tests.restoration.worlds import TELL, Shown
from tests.scheduler.fakes import PlayedProbe, RememberingMeter, answer, keep_silent, refuse, ticking

pytestmark = [pytest.mark.looptime, pytest.mark.timeout(60)]

EVERY, TIMEOUT, FALL, CONFIRM = 30.0, 10.0, Policy().fall, Policy().confirm
PHASES = 30  # cuts, one in each second of the interval
WALL = 1_700_000_000.0
FLOW = "mail-out"


class Line:
    """What the probe meets: it answers after `takes` seconds, until it is cut."""

    def __init__(self, takes: float = 0.1) -> None:
        self.takes = takes
        self.cut: str | None = None

    async def __call__(self, ladder: Ladder, _number: int) -> None:
        if self.cut == "refuses":
            await refuse(ladder)
        elif self.cut == "silent":
            await keep_silent(ladder)
        else:
            await answer(ladder, self.takes)


class Gate(Line):
    """Of a flow that must stay shut: ok is closure proven."""

    async def __call__(self, ladder: Ladder, _number: int) -> None:
        with ladder.rung(stages.CONNECT):
            await asyncio.sleep(self.takes)
            if self.cut is not None:
                raise Fall(ANSWERED)


class ShutProbe(PlayedProbe):
    PROVES_CLOSURE: ClassVar = True


class Ledger(Inline):
    """The outbox and the log are real; nothing else is asked of it again."""

    async def commit(
        self,
        *,
        standings: Mapping[str, Mapping[str, Any] | None],
        units: Mapping[UnitName, Mapping[str, Any] | None],
        entries: Sequence[Entry],
        messages: Sequence[Message],
    ) -> None:
        await self.queue(*messages, entries=entries)

    def keep(self, *what: Any) -> None: ...

    def note(self, *what: Any) -> None: ...


@dataclass
class Duty:
    """A channel that accepts at once, and notes when."""

    told: list[tuple[float, str]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> None:
        self.told.append((asyncio.get_running_loop().time(), message.body["status"]))
        self.news.set()

    async def close(self) -> None: ...

    async def first(self, status: str) -> float:
        """When it was first told that."""
        while not (times := [at for at, said in self.told if said == status]):
            self.news.clear()
            await self.news.wait()
        return times[0]


class Noting(Pipeline):
    """The pipeline, and what it was given."""

    def __init__(self, *given: Any, **keys: Any) -> None:
        super().__init__(*given, **keys)
        self.results: list[Result] = []

    async def accept(self, name: UnitName, probe: Probe, result: Result) -> None:
        self.results.append(result)
        await super().accept(name, probe, result)


@dataclass
class Running:
    line: Line
    duty: Duty
    shown: Shown
    pipeline: Noting

    async def until(self, state: State) -> None:
        while self.shown.pictures[FLOW].state is not state:
            await asyncio.sleep(0.5)

    async def cut(self, how: str, after: float) -> float:
        """So many seconds after it has come to stand: a moment of the interval."""
        await self.until(State.CONTAINED if isinstance(self.line, Gate) else State.RESTORED)
        await asyncio.sleep(EVERY + after)
        self.line.cut = how
        return asyncio.get_running_loop().time()

    def first_failed(self) -> Result:
        return next(result for result in self.pipeline.results if result.outcome is Outcome.FAILED)


@asynccontextmanager
async def running(line: Line, units: int = 1, require: str = "all") -> AsyncIterator[Running]:
    """One flow on default settings, from its first beat to what on-call is told."""
    clock = asyncio.get_running_loop().time
    began = clock()
    intent = Intent.CLOSED if isinstance(line, Gate) else Intent.OPEN
    probe = (ShutProbe if isinstance(line, Gate) else PlayedProbe)(play=line)
    probes = {f"p{number}": probe for number in range(units)}
    flow = Flow(FLOW, Words.same("Mail"), intent, probes, require=Require(require))
    assert (probe.every, probe.timeout, flow.policy) == (EVERY, TIMEOUT, Policy())
    folder = TemporaryDirectory()
    ledger, shown, waker, duty = Ledger(Path(folder.name) / "state.db"), Shown(), Waker(), Duty()

    def wall() -> float:
        return WALL + clock() - began

    pipeline = Noting(ledger, [shown, waker], TELL, clock=clock, wall=wall)
    scheduler = Scheduler(pipeline, RememberingMeter(), wall=wall)
    drain = Drain(ledger, {"duty": duty}, Counted(), Gathering(TELL.letterhead), wall=wall)
    waker.wake = drain.wake
    await pipeline.begin({flow.id: flow}, {}, {}, {flow.id: ""})
    await scheduler.adopt({name: (probe, flow.policy) for name, probe in flow.units()})
    draining = asyncio.create_task(drain.run())
    try:
        async with ticking(scheduler):
            yield Running(line, duty, shown, pipeline)
    finally:
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        ledger.close()
        folder.cleanup()


async def delays(how: str, takes: float = 0.1, units: int = 1, require: str = "all") -> list[float]:
    """From the cut to the page that is accepted, for a cut in each second of the interval."""
    found: list[float] = []
    for phase in range(PHASES):
        async with running(Line(takes), units, require) as world:
            cut = await world.cut(how, float(phase))
            found.append(await world.duty.first("firing") - cut)
    return found


async def test_a_refusing_cut_is_a_page_within_an_interval_and_the_steps_of_its_confirmation() -> None:
    found = sorted(await delays("refuses"))
    # The first confirmation runs at once, so of `fall` failures only the ones after it are `confirm` apart.
    assert found[-1] <= EVERY + (FALL - 2) * CONFIRM + 0.1
    assert found[0] >= (FALL - 2) * CONFIRM
    assert found[PHASES // 2] <= EVERY / 2 + (FALL - 2) * CONFIRM + 1.0


@pytest.mark.parametrize("takes", [0.1, 1.0, 1.9])
async def test_a_silent_cut_is_a_page_within_an_interval_one_deadline_and_the_steps_of_its_confirmation(
    takes: float,
) -> None:
    """Whatever the flow usually takes, up to two seconds: confirmations start beside the run that outlives it."""
    found = sorted(await delays("silent", takes))
    assert found[-1] <= EVERY + TIMEOUT + max(takes, 0.25) + (FALL - 2) * CONFIRM + 0.1
    assert found[-1] < EVERY + TIMEOUT + 4.0
    assert found[0] >= TIMEOUT


@pytest.mark.parametrize("require", ["all", "2/3", "any"])
@pytest.mark.parametrize("how", ["refuses", "silent"])
async def test_so_is_the_cut_of_a_flow_that_needs_some_of_its_units(how: str, require: str) -> None:
    """Each is confirmed by itself, at its own place in the interval: the last that must fall is no later than one."""
    found = sorted(await delays(how, units=3, require=require))
    one = TIMEOUT + 0.25 if how == "silent" else 0.0
    assert found[-1] <= EVERY + one + (FALL - 2) * CONFIRM + 0.1


async def test_a_breach_is_a_page_as_soon_as_a_second_try_is_answered() -> None:
    takes = 0.7
    for phase in range(PHASES):
        async with running(Gate(takes)) as world:
            cut = await world.cut("answers", float(phase))
            paged = await world.duty.first("firing")
            assert paged - world.first_failed().ended == pytest.approx(takes, abs=0.01)
            assert paged - cut <= EVERY + 2 * takes


@pytest.mark.parametrize("how", ["refuses", "silent"])
async def test_a_repair_is_a_resolve_once_it_has_soaked_and_not_sooner(how: str) -> None:
    async with running(Line()) as world:
        await world.cut(how, 7.0)
        await world.duty.first("firing")
        await asyncio.sleep(40.0)
        world.line.cut = None
        repaired = asyncio.get_running_loop().time()
        resolved = await world.duty.first("resolved")
        soak = Policy().soak
        assert soak <= resolved - repaired <= EVERY + soak + 0.2
        assert [status for _, status in world.duty.told] == ["firing", "resolved"]


async def test_a_channel_is_told_in_the_same_moment_in_which_the_last_failure_is_judged() -> None:
    async with running(Line()) as world:
        await world.cut("refuses", 0.0)
        paged = await world.duty.first("firing")
        assert world.pipeline.results[-1].ended == paged
        assert [entry.event for entry in world.shown.entries].count(Event.PAGE) == 1
