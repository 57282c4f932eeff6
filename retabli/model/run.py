"""One run as it is remembered: what is left of a result when its probe and its words are not at hand."""

from dataclasses import dataclass

from retabli.model.result import Outcome, Result


@dataclass(frozen=True, slots=True)
class Run:
    """`at` is the wall time of the end; `stage`, `cause` and `side` are codes; `rungs` are (stage, seconds, cause)."""

    at: float
    outcome: Outcome
    whole: bool
    stage: str | None
    cause: str | None
    side: str | None
    detail: str
    seconds: float
    rungs: tuple[tuple[str, float, str | None], ...] = ()


def run_of(result: Result) -> Run:
    fell = result.outcome is not Outcome.OK
    return Run(
        at=result.at,
        outcome=result.outcome,
        whole=result.whole,
        stage=result.stage.id if result.stage else None,
        cause=result.cause.code if result.cause else None,
        side=result.cause.side.value if result.cause and fell else None,
        detail=result.detail,
        seconds=result.seconds,
        rungs=tuple((rung.stage.id, rung.seconds, rung.cause.code if rung.cause else None) for rung in result.rungs),
    )
