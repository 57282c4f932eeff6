"""The simulated metrics engine answers as Prometheus does, for the few queries that it knows."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.metrics import MetricsEngine
from simulator.serving import Serving

MAIL = 'retabli_flow_restored{flow="mail-out"}'


@pytest.fixture
def engine() -> MetricsEngine:
    return MetricsEngine({MAIL: 1, 'retabli_flow_restored{flow="internet",site="rennes"}': 0, "up": float("nan")})


@pytest.fixture
async def base(engine: MetricsEngine) -> AsyncIterator[str]:
    async with Serving(engine.talk) as serving:
        yield f"http://127.0.0.1:{serving.port}"


async def ask(base: str, query: str, **more: str) -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{base}/api/v1/query", data={"query": query, **more})
    return answer.json()


async def values(base: str, query: str) -> list[str]:
    return [series["value"][1] for series in (await ask(base, query))["data"]["result"]]


async def test_series_are_selected_by_their_labels(engine: MetricsEngine, base: str) -> None:
    assert await values(base, MAIL) == ["1"]
    assert await values(base, "retabli_flow_restored") == ["1", "0"]
    assert await values(base, 'retabli_flow_restored{site="rennes", flow="internet"}') == ["0"]
    assert await values(base, 'retabli_flow_restored{flow="unheard-of"}') == []
    assert await values(base, "up") == ["NaN"]
    engine.series[MAIL] = 1234567.5
    assert await values(base, MAIL) == ["1234567.5"]
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.get(f"{base}/api/v1/query", params={"query": MAIL})).json()
    assert answer["data"]["result"][0]["metric"] == {"__name__": "retabli_flow_restored", "flow": "mail-out"}


async def test_samples_have_an_age(engine: MetricsEngine, base: str) -> None:
    now = time.time()
    answer = await ask(base, f"min(timestamp({MAIL}))", time=f"{now:.3f}")
    assert answer["data"]["result"] == [{"metric": {}, "value": [round(now, 3), f"{round(now, 3) - 1:.3f}"]}]
    engine.position = "stale"
    [sampled] = await values(base, f"min(timestamp({MAIL}))")
    assert now - float(sampled) > 800
    engine.position = "empty"
    assert await values(base, MAIL) == []
    assert await values(base, f"min(timestamp({MAIL}))") == []


async def test_what_it_does_not_know_it_refuses(base: str) -> None:
    for query in ("up ==", "sum(up)", 'up{job=~"x"}', ""):
        assert (await ask(base, query))["errorType"] == "bad_data"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{base}/")).status_code == 404
