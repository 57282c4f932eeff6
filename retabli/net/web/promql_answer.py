"""What a Prometheus-compatible engine answers to an instant query, taken apart: its JSON, or why it is none."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.stamps import LATEST
from retabli.net.web.http import Fetched
from retabli.net.web.promql_causes import (
    ANSWER_PARTIAL,
    ENGINE_AUTH_REFUSED,
    ENGINE_AUTH_REQUIRED,
    ENGINE_BUSY,
    ENGINE_FAILED,
    NOT_AN_ENGINE,
    QUERY_FAILED,
    QUERY_GIVES_NO_NUMBERS,
    QUERY_REFUSED,
    QUERY_TOO_BROAD,
)

# The engine's own words for why it gives no data (Prometheus web/api/v1, `errorType`); Thanos and Mimir keep to them.
ERROR_TYPES = {
    "bad_data": QUERY_REFUSED,
    "execution": QUERY_FAILED,
    "too_large_entry": QUERY_TOO_BROAD,
    "timeout": ENGINE_BUSY,
    "canceled": ENGINE_BUSY,
    "unavailable": ENGINE_BUSY,
    "too_many_requests": ENGINE_BUSY,
    "internal": ENGINE_FAILED,
}
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?([eE][+-]?\d{1,5})?|Inf)|NaN", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value at the instant that was asked for."""

    labels: Mapping[str, str]
    value: float

    def __str__(self) -> str:
        """As PromQL writes it: `up{job="lab"} = 0`."""
        told = ", ".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()) if name != "__name__")
        series = self.labels.get("__name__", "") + (f"{{{told}}}" if told else "")
        return f"{series or 'the value'} = {self.value:g}"


@dataclass(frozen=True, slots=True)
class Vector:
    """An instant vector, or a scalar as a vector of one. `at` is the instant of the evaluation by the engine's own
    clock (Unix time), None when there is no series: it is never the age of a sample."""

    samples: tuple[Sample, ...]
    at: float | None


def judge_status(fetched: Fetched, *, authorised: bool) -> None:
    """Whether an engine answers at all, by the HTTP status; its own errors are left to `vector_of`.

    Raises:
        Fall: `engine_auth_refused`, `engine_auth_required`, `not_an_engine`.
    """
    status = fetched.status
    told = f"{status} {fetched.head.reason}"
    if status in (401, 403):
        raise Fall(ENGINE_AUTH_REFUSED if authorised else ENGINE_AUTH_REQUIRED, told)
    if 300 <= status < 400:
        raise Fall(NOT_AN_ENGINE, f"{told}, to {fetched.headers.get('location', 'nowhere')}")


def vector_of(fetched: Fetched) -> Vector:
    """The samples in an engine's answer (Prometheus HTTP API, "Format overview" and "Instant queries").

    Raises:
        Fall: why there are none that may be believed, as `promql_causes` names it.
    """
    told = f"{fetched.status} {fetched.head.reason}"
    if fetched.cut:
        raise Fall(QUERY_TOO_BROAD, f"an answer of more than {len(fetched.body)} bytes")
    answer = _json_of(fetched)
    match answer:
        case {"status": "error", "errorType": str() as kind}:
            raise Fall(ERROR_TYPES.get(kind, ENGINE_FAILED), f"{told}: {kind}: {answer.get('error', '')}")
        case {"status": "success", "data": {"resultType": str() as kind, "result": list() as result}} if (
            fetched.status == 200
        ):
            warnings = answer.get("warnings")
            if warnings:
                raise Fall(ANSWER_PARTIAL, _first(warnings))
            if answer.get("isPartial"):  # as VictoriaMetrics says it
                raise Fall(ANSWER_PARTIAL, "isPartial")
            return _vector(kind, result)
    raise Fall(_cause_of_other(fetched), told)


def _json_of(fetched: Fetched) -> Any:
    try:
        return json.loads(fetched.body)
    except (ValueError, RecursionError):
        told = f"{fetched.status} {fetched.head.reason}, no JSON"
        raise Fall(_cause_of_other(fetched), told) from None


def _cause_of_other(fetched: Fetched) -> Cause:
    """An answer that is not the API's own: a proxy in front of a dead engine, or something else altogether."""
    if fetched.status in (429, 503, 504):
        return ENGINE_BUSY
    return ENGINE_FAILED if fetched.status >= 500 else NOT_AN_ENGINE


def _first(warnings: object) -> str:
    return str(warnings[0]) if isinstance(warnings, list) else str(warnings)


def _vector(kind: str, result: list[Any]) -> Vector:
    if kind == "scalar":
        at, value = _point(result)
        return Vector((Sample({}, value),), at)
    if kind != "vector":
        raise Fall(QUERY_GIVES_NO_NUMBERS, f"a {kind}")
    samples, instants = [], set[float]()
    for series in result:
        match series:
            case {"metric": dict() as labels, "value": list() as point}:
                at, value = _point(point)
                instants.add(at)
                samples.append(Sample({str(name): str(label) for name, label in labels.items()}, value))
            case {"histogram": _}:
                raise Fall(QUERY_GIVES_NO_NUMBERS, "a native histogram")
            case _:
                raise Fall(NOT_AN_ENGINE, "a series without labels or value")
    return Vector(tuple(samples), min(instants, default=None))


def _point(point: list[Any]) -> tuple[float, float]:
    """`[1688371200.123, "1"]`: the evaluation's instant, and the value, which JSON could not hold when it is NaN."""
    match point:
        case [int() | float() as at, str() as text] if _NUMBER.fullmatch(text) and abs(at) < LATEST:
            return float(at), float(text)
    raise Fall(NOT_AN_ENGINE, "a value that is no number")
