"""A tiny Prometheus-compatible engine for the simulated world: it knows a few series, and selects among them."""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

from simulator import http

LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"([^"\\]*)"\s*,?')
SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\}\s*)?")
TIMESTAMPS = re.compile(r"\s*min\(timestamp\((.*)\)\)\s*")
BODY = 1 << 16
STALE = 900.0  # seconds since the last sample, in the position of that name


class NotUnderstood(ValueError):
    """The query is none of the few that this engine knows."""


@dataclass(slots=True)
class MetricsEngine:
    """`series` is what it knows, as PromQL names it (`up{job="lab"}`) → its present value.

    It answers selectors with `=` and `min(timestamp(selector))`, by GET or POST. `position`: "answers", "empty" (it has
    lost every series) or "stale" (its samples are a quarter of an hour old).
    """

    series: dict[str, float] = field(default_factory=dict)
    position: str = "answers"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await http.read_request(reader)
        body = (await http.read_body(reader, request, BODY)).decode("latin-1")
        path, _, query = request.target.partition("?")
        form = parse_qs(query) | parse_qs(body)
        if path != "/api/v1/query":
            await _answer(writer, HTTPStatus.NOT_FOUND, {"status": "error", "errorType": "not_found", "error": path})
            return
        try:
            at = float(form.get("time", [str(time.time())])[0])
            result = self.evaluate(form.get("query", [""])[0], at)
        except ValueError as error:
            await _answer(
                writer, HTTPStatus.BAD_REQUEST, {"status": "error", "errorType": "bad_data", "error": str(error)}
            )
            return
        await _answer(writer, HTTPStatus.OK, {"status": "success", "data": {"resultType": "vector", "result": result}})

    def evaluate(self, query: str, at: float) -> list[dict[str, object]]:
        """The instant vector of a query, evaluated at a Unix time.

        Raises:
            NotUnderstood: it is neither a selector nor the age of one.
        """
        aged = TIMESTAMPS.fullmatch(query)
        wanted = _labels(aged[1] if aged else query)
        found = (
            []
            if self.position == "empty"
            else [
                (labels, value)
                for labels, value in ((_labels(name), value) for name, value in self.series.items())
                if wanted.items() <= labels.items()
            ]
        )
        if aged is None:
            return [{"metric": labels, "value": [at, _written(value)]} for labels, value in found]
        sampled = at - (STALE if self.position == "stale" else 1.0)
        return [{"metric": {}, "value": [at, f"{sampled:.3f}"]}] if found else []


def _labels(selector: str) -> dict[str, str]:
    match = SELECTOR.fullmatch(selector)
    if match is None:
        raise NotUnderstood(f"this engine only selects series: {selector!r}")
    labels, place, inside = {"__name__": match[1]}, 0, match[2] or ""
    while place < len(inside):
        label = LABEL.match(inside, place)
        if label is None:
            raise NotUnderstood(f"no label matcher that this engine knows: {inside[place:]!r}")
        labels[label[1]] = label[2]
        place = label.end()
    return labels


def _written(value: float) -> str:
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(str(value), repr(value))


async def _answer(writer: asyncio.StreamWriter, status: HTTPStatus, answer: dict[str, object]) -> None:
    await http.say(writer, status, json.dumps(answer).encode(), "application/json")
