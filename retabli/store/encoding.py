"""Facts as the text and columns that the tables hold, made before the writer's thread is handed them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from retabli.model.flow import UnitName
from retabli.model.result import Outcome, Result
from retabli.model.run import Run

Row = tuple[float, str, int, str | None, str | None, str | None, str | None, float, str]


@dataclass(frozen=True, slots=True)
class UnitRow:
    name: UnitName
    record: str
    memory: str


_encode = json.JSONEncoder(separators=(",", ":")).encode


def text(values: Mapping[str, Any]) -> str:
    return _encode(values) if values else "{}"


def as_row(result: Result) -> Row:
    """(at, outcome, whole, stage, cause, side, detail, seconds, rungs); a rung is `[stage, seconds, cause?]`."""
    rungs = [
        [rung.stage.id, round(rung.seconds, 4), *([rung.cause.code] if rung.cause else [])] for rung in result.rungs
    ]
    cause = result.cause
    fell = result.outcome is not Outcome.OK
    return (
        result.at,
        result.outcome.value,
        int(result.whole),
        result.stage.id if result.stage else None,
        cause.code if cause else None,
        cause.side.value if cause and fell else None,
        result.detail or None,
        round(result.seconds, 6),
        to_json(rungs).decode(),
    )


def as_object(probe: str, target: str, row: Row) -> dict[str, Any]:
    """The inverse, in the words of the API's `probes[]`; `at` stays a Unix time."""
    at, outcome, whole, stage, cause, side, detail, seconds, rungs = row
    return {
        "id": probe,
        "target": target or None,
        "outcome": outcome,
        "at": at,
        "seconds": seconds,
        "stage": stage,
        "cause": cause,
        "side": side,
        "detail": detail or "",
        "whole": bool(whole),
        "rungs": [
            {"stage": rung[0], "seconds": rung[1], "cause": rung[2] if len(rung) > 2 else None}
            for rung in json.loads(rungs)
        ],
    }


def as_run(row: Row) -> Run:
    """
    Raises:
        ValueError, LookupError, TypeError: the row was not written by `as_row`.
    """
    at, outcome, whole, stage, cause, side, detail, seconds, rungs = row
    try:
        told = json.loads(rungs)
    except RecursionError as error:
        raise ValueError("rungs within rungs without end") from error
    climbed = tuple((str(rung[0]), float(rung[1]), rung[2] if len(rung) > 2 else None) for rung in told)
    return Run(at, Outcome(outcome), bool(whole), stage, cause, side, detail or "", seconds, climbed)
