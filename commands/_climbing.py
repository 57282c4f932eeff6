"""What `probe` does: which units it climbs, all at once and told in order, and what it exits with."""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Protocol, Self

from commands import Refused
from commands._ladder_print import Printed
from commands._paper import Paper
from config.configuration import Configuration
from retabli.model.flow import Flow, UnitName
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result, Rung
from retabli.model.settings import did_you_mean
from retabli.model.stamps import iso_milliseconds
from retabli.scheduler.runner import climb

AT_ONCE = 20  # units that climb at the same time
OK, FAILED, UNKNOWN = 0, 1, 3


@dataclass(slots=True)
class Climb:
    """One unit of the order. `memory` lasts from round to round, and no longer."""

    name: UnitName
    probe: Probe
    flow: Flow
    memory: dict[str, Any] = field(default_factory=dict)
    ladder: Ladder | None = None
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asked for."""

    climbs: tuple[Climb, ...]

    @classmethod
    def of(cls, configuration: Configuration, name: str) -> Self:
        """
        Raises:
            Refused: there is no such flow or probe.
        """
        flow_name, _, probe_name = name.partition("/")
        flow = configuration.flows.get(flow_name)
        if flow is None:
            raise Refused(f'no flow is called "{flow_name}"{did_you_mean(flow_name, configuration.flows)}')
        if probe_name and probe_name not in flow.probes:
            hint = did_you_mean(probe_name, flow.probes) or f": it has {', '.join(flow.probes)}"
            raise Refused(f'no probe of {flow_name} is called "{probe_name}"{hint}')
        chosen = (Climb(unit, probe, flow) for unit, probe in flow.units() if probe_name in ("", unit.probe))
        return cls(tuple(chosen))


class Teller(Protocol):
    """Who is told of the climbs as they go. Used as a context for one round."""

    def round(self, climbs: Sequence[Climb]) -> AbstractContextManager[None]: ...

    def rung(self, climb: Climb, rung: Rung) -> None: ...

    def ended(self, climb: Climb) -> None: ...


def run(order: Order, *, language: str, zone: tzinfo, as_json: bool, watch: bool) -> int:
    """The exit code: 1 if any unit failed, else 3 if any could not be judged, else 0."""
    teller: Teller = Json() if as_json else Printed(Paper(language=language), language, zone)
    return asyncio.run(_rounds(order.climbs, teller, language, watch=watch))


async def _rounds(climbs: Sequence[Climb], teller: Teller, language: str, *, watch: bool) -> int:
    while True:
        with teller.round(climbs):
            await _round(climbs, teller, language)
        code = exit_code([each.result for each in climbs if each.result is not None])
        if not watch:
            return code
        climbs = [each for each in climbs if not refused(each)]
        if not climbs:
            sys.stderr.write("the credentials were refused: they are not tried again, accounts lock\n")
            return code
        pause = max(each.probe.every for each in climbs)
        if isinstance(teller, Printed):
            teller.waiting(pause)
        await asyncio.sleep(pause)


async def _round(climbs: Sequence[Climb], teller: Teller, language: str) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(each: Climb) -> None:
        async with places:
            each.ladder = Ladder(
                each.probe.climbs(),
                target=each.name.target,
                memory=each.memory,
                watch=lambda rung: teller.rung(each, rung),
                language=language,
            )
            each.result = await climb(each.probe, each.ladder, name=each.name)
        teller.ended(each)

    for each in climbs:
        each.ladder = each.result = None
    async with asyncio.TaskGroup() as group:
        for each in climbs:
            group.create_task(one(each))


def refused(climb: Climb) -> bool:
    """A login that was refused: trying it in a loop would lock the account."""
    cause = climb.result.cause if climb.result is not None else None
    return cause is not None and cause.credential


def exit_code(results: Sequence[Result]) -> int:
    outcomes = {result.outcome for result in results}
    return FAILED if Outcome.FAILED in outcomes else UNKNOWN if Outcome.UNKNOWN in outcomes else OK


class Json:
    """One line a unit, the object of the API's `probes[]`, in the order of the configuration."""

    def __init__(self) -> None:
        self._climbs: Sequence[Climb] = ()
        self._told = 0

    def round(self, climbs: Sequence[Climb]) -> AbstractContextManager[None]:
        from contextlib import nullcontext

        self._climbs, self._told = climbs, 0
        return nullcontext()

    def rung(self, climb: Climb, rung: Rung) -> None:
        """Nothing: a line is a whole climb."""

    def ended(self, climb: Climb) -> None:
        while self._told < len(self._climbs) and self._climbs[self._told].result is not None:
            sys.stdout.write(json.dumps(form(self._climbs[self._told]), ensure_ascii=False) + "\n")
            sys.stdout.flush()
            self._told += 1


def form(climb: Climb) -> dict[str, Any]:
    result = climb.result
    if result is None:
        raise ValueError("the climb has not ended")
    made = result.as_json({"id": climb.name.probe, "kind": climb.probe.kind, "target": climb.name.target})
    return {
        **made,
        "at": iso_milliseconds(result.at),
        "of": result.of,
        "fresh": True,
        "counts": climb.probe.counts,
    }
