"""Probes that are named for their fault, and a judge and a meter that remember what they were told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from retabli.model import causes, stages
from retabli.model.flow import Policy, UnitName
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.model.stages import Stage
from retabli.scheduler import Scheduler
from retabli.supervisor import Fatal


class FakeProbe(Probe):
    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, stages.CONNECT, stages.AUTH)

    kind: str = "fake"


class HealthyProbe(FakeProbe):
    takes: float = 0.1

    @property
    def brief(self) -> bool:
        return True

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.CONNECT):
            await asyncio.sleep(self.takes)


class SilentProbe(FakeProbe):
    """Never answers."""

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.RESOLVE):
            pass
        with ladder.rung(stages.CONNECT):
            await asyncio.sleep(1e6)


class SlowArrivalProbe(FakeProbe):
    """Sends at once and awaits the arrival, as mail does; several are on their way at once."""

    takes: float = 70.0
    within: float = 90.0

    @property
    def patience(self) -> float:
        return self.within

    @property
    def in_flight(self) -> int:
        return 3

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.CONNECT):
            await asyncio.sleep(self.takes)


class PlayedProbe(FakeProbe):
    """Does what the test says next: `play` is called at each run, with how many runs began before it."""

    kind: str = "played"
    play: Any

    async def run(self, ladder: Ladder) -> None:
        number = ladder.memory.get("runs", 0)
        ladder.memory["runs"] = number + 1
        await self.play(ladder, number)


async def answer(ladder: Ladder, after: float = 0.1) -> None:
    with ladder.rung(stages.CONNECT):
        await asyncio.sleep(after)


async def refuse(ladder: Ladder, after: float = 0.01) -> None:
    with ladder.rung(stages.CONNECT):
        await asyncio.sleep(after)
        raise ConnectionRefusedError


async def keep_silent(ladder: Ladder) -> None:
    with ladder.rung(stages.CONNECT):
        await asyncio.sleep(1e6)


async def refuse_login(ladder: Ladder, after: float = 0.01) -> None:
    with ladder.rung(stages.AUTH):
        await asyncio.sleep(after)
        raise Fall(causes.AUTH_REFUSED, "535 no")


@dataclass
class RememberingJudge:
    """Judges as the machine does for one unit: of a restored flow, `fall` failures in a row make it fall."""

    fall: int = 3
    restored: bool = True
    takes: float = 0.0
    raises: Exception | None = None
    results: list[tuple[UnitName, Result]] = field(default_factory=list)
    skips: list[tuple[UnitName, float]] = field(default_factory=list)
    standing: list[UnitName] = field(default_factory=list)
    gaps: list[tuple[float, bool]] = field(default_factory=list)
    fails: dict[UnitName, int] = field(default_factory=dict)
    memories: dict[UnitName, dict[str, Any]] = field(default_factory=dict)
    fell: float | None = None

    async def accept(self, name: UnitName, probe: Probe, result: Result) -> None:
        await asyncio.sleep(self.takes)
        if self.raises is not None:
            raise self.raises
        self.results.append((name, result))
        if result.outcome is Outcome.OK:
            self.fails[name] = 0
        elif result.outcome is Outcome.FAILED:
            self.fails[name] = self.fails.get(name, 0) + 1
            if self.restored and self.fails[name] == self.fall:
                self.restored = False
                self.fell = asyncio.get_running_loop().time()

    def skipped(self, name: UnitName) -> None:
        self.skips.append((name, asyncio.get_running_loop().time()))

    def unwatched(self, seconds: float, *, asleep: bool) -> None:
        self.gaps.append((seconds, asleep))

    async def stands(self, name: UnitName) -> None:
        self.standing.append(name)

    def wanted(self, name: UnitName) -> int:
        return max(0, self.fall - self.fails.get(name, 0)) if self.restored else 0

    def memory(self, name: UnitName) -> dict[str, Any]:
        return self.memories.setdefault(name, {})

    @property
    def starts(self) -> list[float]:
        return sorted(result.started for _, result in self.results)

    def of(self, name: UnitName) -> list[Result]:
        return [result for each, result in self.results if each == name]

    @property
    def confirmations(self) -> list[Result]:
        return sorted((each for _, each in self.results if each.confirming), key=lambda each: each.started)


@dataclass
class RememberingMeter:
    late: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    stalls: list[float] = field(default_factory=list)
    culprits: list[tuple[str, float]] = field(default_factory=list)

    def lateness(self, seconds: float) -> None:
        self.late.append(seconds)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def stall(self, seconds: float) -> None:
        self.stalls.append(seconds)

    def stalled_by(self, kind: str, seconds: float) -> None:
        self.culprits.append((kind, seconds))


class StoreBroken(Fatal):
    pass


UNIT = UnitName("mail-out", "relay")


def one(probe: Probe, policy: Policy | None = None) -> dict[UnitName, tuple[Probe, Policy]]:
    return {UNIT: (probe, policy or Policy())}


def many(number: int, make: Callable[[int], Probe]) -> dict[UnitName, tuple[Probe, Policy]]:
    policy = Policy()
    return {UnitName(f"flow-{index}", "probe"): (make(index), policy) for index in range(number)}


@asynccontextmanager
async def ticking(scheduler: Scheduler) -> AsyncIterator[None]:
    """Drives the plan each second by the loop's clock alone; ends with every run ended."""

    async def tick() -> None:
        while True:
            await scheduler._plan()
            await asyncio.sleep(1.0)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await scheduler.stop()


def now() -> float:
    return asyncio.get_running_loop().time()
