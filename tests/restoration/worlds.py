"""A pipeline in simulated time: runs are told, hours pass, and what was remembered, told and shown is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from retabli.alerts.message import Letterhead
from retabli.alerts.teller import Teller
from retabli.model import causes, stages
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.flow import Flow, Policy, Require, UnitName
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.record import Entry, Event, FlowPicture, Message
from retabli.model.result import Outcome, Result, Rung
from retabli.model.states import Criticality, Intent, State
from retabli.model.words import Words
from retabli.paging import Following, Status
from retabli.pipeline import Pipeline

GREYLISTED = cause("greylisted", Side.PARTNER_REFUSES, fr="x", en="x", verdict=Verdict.TEMPORARY)
HOLDING = cause("relay_holding", Side.OURS, fr="x", en="x", verdict=Verdict.IMPAIRED, proves=False)


class Told(Probe):
    """A probe whose runs are told by the test."""

    LADDER: ClassVar = (stages.RESOLVE, stages.CONNECT, stages.GREETING)
    kind: Literal["told"] = "told"

    async def run(self, ladder: Ladder) -> None:
        raise NotImplementedError


class Proving(Told):
    """As containment: ok means closed, and proven so."""

    PROVES_CLOSURE: ClassVar = True


@dataclass
class Memory:
    """What the store would hold."""

    standings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    units: dict[UnitName, tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    async def commit(
        self,
        *,
        standings: Mapping[str, Mapping[str, Any] | None],
        units: Mapping[UnitName, Mapping[str, Any] | None],
        entries: Sequence[Entry],
        messages: Sequence[Message],
    ) -> None:
        for id_, values in standings.items():
            if values is None:
                self.standings.pop(id_, None)
            else:
                self.standings[id_] = values
        for name, record in units.items():
            if record is None:
                self.units.pop(name, None)
            else:
                self.units[name] = (record, self.units.get(name, ({}, {}))[1])
        self.entries += entries
        self.messages += messages

    def keep(self, name: UnitName, record: Mapping[str, Any], memory: Mapping[str, Any], result: Result | None) -> None:
        self.units[name] = (record, dict(memory))

    def note(self, flow: str, standing: Mapping[str, Any]) -> None:
        self.standings[flow] = standing


@dataclass
class Shown:
    pictures: dict[str, FlowPicture] = field(default_factory=dict)
    skips: list[UnitName] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        self.pictures[picture.flow.id] = picture

    def skipped(self, picture: FlowPicture, name: UnitName) -> None:
        self.skips.append(name)

    def forget(self, flow: str) -> None:
        self.pictures.pop(flow, None)

    def logged(self, entry: Entry) -> None:
        self.entries.append(entry)


TELL = Teller(Letterhead("Test", language="en"), {"duty": ()})


def flow(
    id_: str = "mail-out",
    *,
    intent: Intent = Intent.OPEN,
    units: int = 1,
    require: str = "all",
    every: float = 30.0,
    probes: Mapping[str, Probe] | None = None,
    parents: tuple[str, ...] = (),
    criticality: Criticality = Criticality.VITAL,
    **policy: Any,
) -> Flow:
    kind = Proving if intent is Intent.CLOSED else Told
    made = probes or {f"p{number}": kind(every=float(every)) for number in range(units)}
    return Flow(
        id=id_,
        title=Words.same(id_),
        intent=intent,
        probes=made,
        policy=Policy(**policy),
        require=Require(require),
        parents=parents,
        criticality=criticality,
    )


@dataclass(frozen=True)
class Asked:
    """The teller that the world has now: a reload gives another one."""

    world: "World"

    def warns(self, *what: Any, **more: Any) -> bool:
        return self.world.tell.warns(*what, **more)

    def follow(self, *what: Any, **more: Any) -> Following:
        return self.world.tell.follow(*what, **more)

    def resolve(self, *what: Any, **more: Any) -> Sequence[Message]:
        return self.world.tell.resolve(*what, **more)


class World:
    """Monotonic time starts at 1,000 s, wall time at 1,000,000 s; both pass together unless a test says otherwise."""

    def __init__(
        self,
        *flows: Flow,
        memory: Memory | None = None,
        now: float = 1000.0,
        wall: float = 1_000_000.0,
        tell: Teller = TELL,
    ) -> None:
        self.tell = tell
        self.now, self.wall_time = now, wall
        self.memory = memory or Memory()
        self.shown = Shown()
        self.flows = {each.id: each for each in flows}
        self.pipeline = Pipeline(
            self.memory, [self.shown], Asked(self), clock=lambda: self.now, wall=lambda: self.wall_time
        )

    async def begin(self, *, relapsed: bool = False) -> "World":
        await self.pipeline.begin(
            self.flows,
            dict(self.memory.standings),
            dict(self.memory.units),
            dict.fromkeys(self.flows, "same"),
            relapsed=relapsed,
        )
        return self

    async def restart(
        self, *, gap: float = 1.0, reboot: bool = False, wall_gap: float | None = None, relapsed: bool = False
    ) -> "World":
        """A new process over the same memory; a reboot starts the monotonic clock anew."""
        other = World(
            *self.flows.values(),
            memory=self.memory,
            now=5.0 if reboot else self.now + gap,
            wall=self.wall_time + (gap if wall_gap is None else wall_gap),
            tell=self.tell,
        )
        return await other.begin(relapsed=relapsed)

    async def adopt(self, *flows: Flow, changed: tuple[str, ...] = ()) -> None:
        self.flows = {each.id: each for each in flows}
        prints = {each.id: "other" if each.id in changed else "same" for each in flows}
        await self.pipeline.adopt(self.flows, prints)

    def use(self, tell: Teller) -> None:
        """Other channels and routes, from the next reload on."""
        self.tell = tell

    async def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.wall_time += seconds
        await self.pipeline.sweep()

    async def run(
        self,
        outcome: Outcome,
        *,
        of: str = "mail-out",
        unit: str = "p0",
        because: Cause | None = None,
        whole: bool = True,
        rung: int | None = None,
        lasted: float = 0.01,
        confirming: bool = False,
    ) -> None:
        probe = self.flows[of].probes[unit]
        if outcome is Outcome.OK:
            why, held = because, 3
        else:
            why = because or (causes.REFUSED if outcome is Outcome.FAILED else causes.PROBE_DEFECT)
            held = 1 if rung is None else rung
        ladder = probe.climbs()
        rungs = [Rung(stage, 0.001) for stage in ladder[:held]]
        if outcome is not Outcome.OK:
            rungs.append(Rung(ladder[held], 0.001, why))
        result = Result(
            outcome=outcome,
            rungs=tuple(rungs),
            of=3,
            stage=rungs[-1].stage,
            cause=why,
            detail="",
            beat=self.now - lasted,
            started=self.now - lasted,
            ended=self.now,
            at=self.wall_time,
            whole=whole and (why is None or outcome is not Outcome.OK),
            confirming=confirming,
        )
        await self.pipeline.accept(UnitName(of, unit), probe, result)

    async def ok(self, times: int = 1, *, apart: float = 0.0, **keys: Any) -> None:
        for _ in range(times):
            await self.run(Outcome.OK, **keys)
            if apart:
                await self.pass_time(apart)

    async def fail(self, times: int = 1, *, apart: float = 0.0, **keys: Any) -> None:
        for _ in range(times):
            await self.run(Outcome.FAILED, **keys)
            if apart:
                await self.pass_time(apart)

    async def unknown(self, times: int = 1, *, apart: float = 0.0, **keys: Any) -> None:
        for _ in range(times):
            await self.run(Outcome.UNKNOWN, **keys)
            if apart:
                await self.pass_time(apart)

    async def restore(self, of: str = "mail-out", unit: str = "p0") -> None:
        """Six successes 30 s apart: restored under every policy used here."""
        await self.ok(6, apart=30.0, of=of, unit=unit)

    def state(self, of: str = "mail-out") -> State:
        return self.shown.pictures[of].state

    def picture(self, of: str = "mail-out") -> FlowPicture:
        return self.shown.pictures[of]

    def drops(self, of: str = "mail-out") -> int:
        return self.picture(of).standing.drops

    def told(self, of: str = "mail-out") -> list[str]:
        return [str(message.body["status"]) for message in self.memory.messages if message.flow == of]

    def channels(self, status: str = "firing", of: str = "mail-out") -> list[str]:
        """Which channels were given such messages, in turn."""
        return [each.channel for each in self.memory.messages if each.flow == of and each.body["status"] == status]

    def events(self, event: Event, of: str = "mail-out") -> list[Mapping[str, Any]]:
        return [entry.data for entry in self.memory.entries if entry.event is event and entry.flow == of]

    def pages(self, of: str = "mail-out") -> int:
        return self.told(of).count(Status.FIRING.value)

    def states_logged(self, of: str = "mail-out") -> list[str]:
        return [entry.data["now"] for entry in self.memory.entries if entry.event is Event.STATE and entry.flow == of]
