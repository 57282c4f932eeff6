"""Pictures as the pipeline would show them, made by hand: for the tests of everything that shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.flow import Flow, UnitName
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.record import Closure, Deciding, FlowPicture, Standing, UnitPicture, UnitRecord
from retabli.model.result import Mail, Measure, Outcome, Result, Rung
from retabli.model.stages import Stage
from retabli.model.states import Intent, State
from retabli.model.words import Words

NOW = 1_688_371_200.0  # 2023-07-03T08:00:00Z


class Http(Probe):
    LADDER: ClassVar[tuple[Stage, ...]] = (stages.RESOLVE, stages.CONNECT, stages.TLS, stages.REQUEST, stages.RESPONSE)
    kind: Literal["http"] = "http"
    url: str = "https://user:secret@www.example/health"

    async def run(self, ladder: Ladder) -> None:
        raise NotImplementedError


class Web(Http):
    kind: Literal["web"] = "web"  # type: ignore[assignment]
    targets: tuple[str, ...] = ("https://a.example/", "https://b.example/")

    def targets_of(self) -> tuple[str | None, ...]:
        return self.targets


class Smtp(Probe):
    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.GREETING,
        stages.EHLO,
        stages.STARTTLS,
        stages.TLS,
        stages.ENVELOPE,
    )
    kind: Literal["smtp"] = "smtp"
    host: str = "relay.example"
    port: int = 25

    async def run(self, ladder: Ladder) -> None:
        raise NotImplementedError


class MailLoop(Smtp):
    LADDER: ClassVar[tuple[Stage, ...]] = (
        *Smtp.LADDER,
        stages.ACCEPTED,
        stages.DELIVERED,
        stages.CLEAN,
        stages.ON_TIME,
    )
    kind: Literal["mail_loop"] = "mail_loop"  # type: ignore[assignment]
    within: float = 90.0


class Containment(Probe):
    LADDER: ClassVar[tuple[Stage, ...]] = (stages.START, stages.CONNECT)
    PROVES_CLOSURE: ClassVar = True
    kind: Literal["containment"] = "containment"

    async def run(self, ladder: Ladder) -> None:
        raise NotImplementedError


def flow(id_: str = "mail-out", *, intent: Intent = Intent.OPEN, title: Words | None = None, **keys: Any) -> Flow:
    probes = keys.pop("probes", None) or {"p": Smtp()}
    return Flow(id=id_, title=title or Words.same(id_), intent=intent, probes=probes, **keys)


def result(
    probe: Probe,
    outcome: Outcome = Outcome.OK,
    *,
    cause: Cause | None = None,
    fell: int | None = None,
    seconds: float = 0.25,
    at: float = NOW,
    detail: str = "",
    whole: bool = True,
    measures: Mapping[Measure, float] | None = None,
    properties: Mapping[str, str] | None = None,
    mail: Mapping[Mail, int] | None = None,
    roundtrips: tuple[float, ...] = (),
) -> Result:
    """A run of that probe; `fell` is the number of rungs that held when it is not ok."""
    ladder = probe.climbs()
    if outcome is Outcome.OK:
        held, cause_ = len(ladder), cause
    else:
        held, cause_ = (fell if fell is not None else len(ladder) - 1), cause or causes.REFUSED
    each = seconds / len(ladder)
    rungs = [Rung(stage, each) for stage in ladder[:held]]
    if outcome is not Outcome.OK:
        rungs.append(Rung(ladder[held], each, cause_, detail))
    return Result(
        outcome=outcome,
        rungs=tuple(rungs),
        of=len(ladder),
        stage=rungs[-1].stage,
        cause=cause_,
        detail=detail,
        beat=100.0,
        started=100.0,
        ended=100.0 + seconds,
        at=at,
        whole=whole and outcome is Outcome.OK,
        measures=measures or {},
        properties=properties or {},
        mail=mail or {},
        roundtrips=roundtrips,
    )


def picture(
    of: Flow,
    state: State = State.RESTORED,
    results: Sequence[Result | None] | None = None,
    *,
    fresh: bool = True,
    since: float = NOW - 3600,
    outcomes: Sequence[Outcome | None] | None = None,
    closure: Closure | None = None,
    **standing: Any,
) -> FlowPicture:
    """`outcomes` are the units' as judged, where they differ from the results'."""
    named = of.units()
    results = list(results) if results is not None else [None] * len(named)
    judged = list(outcomes) if outcomes is not None else [each.outcome if each else None for each in results]
    units = tuple(
        UnitPicture(
            name,
            probe,
            UnitRecord(outcome=said, judged=said if said is not Outcome.UNKNOWN else None),
            each,
            fresh and each is not None,
        )
        for (name, probe), each, said in zip(named, results, judged, strict=True)
    )
    given: dict[str, Any] = {"state": state, "since": since, "shown": state, "shown_since": since}
    given |= {"intent": of.intent.value, **standing}
    made = Standing(**given)
    return FlowPicture(of, made, units, _verified(units), _deciding(units), closure)


def again(before: FlowPicture, results: Sequence[Result | None]) -> FlowPicture:
    """The same flow after other runs."""
    made = picture(before.flow, results=results, closure=before.closure)
    return replace(made, standing=before.standing)


def name(of: Flow, place: int = 0) -> UnitName:
    return of.units()[place][0]


def _verified(units: tuple[UnitPicture, ...]) -> tuple[str | None, int, int]:
    climbed = [unit.result for unit in units if unit.result is not None]
    if not climbed:
        return None, 0, max((len(unit.probe.climbs()) for unit in units), default=0)
    lowest = min(climbed, key=lambda each: each.rung / each.of)
    if all(each.outcome is Outcome.OK for each in climbed):
        lowest = max(climbed, key=lambda each: each.rung)
    held = [rung.stage.id for rung in lowest.rungs if rung.cause is None]
    return (held[-1] if held else None), lowest.rung, lowest.of


def _deciding(units: tuple[UnitPicture, ...]) -> Deciding | None:
    for unit in units:
        if unit.result is not None and unit.result.cause is not None:
            return Deciding(unit.name, unit.result)
    return None
