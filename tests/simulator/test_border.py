"""The simulated border: shut, open, and shut with a dead canary, as a plain client and the probe see it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from probes.containment import Containment
from retabli.model.result import Result
from retabli.model.settings import Proxy
from simulator.border import UNLISTED, Border
from simulator.metrics import MetricsEngine
from simulator.proxy import FilteringProxy
from simulator.serving import Serving
from tests.climbing import climb, settings

HERE = "127.0.0.1"


@pytest.fixture
async def border() -> AsyncIterator[Border]:
    async with AsyncExitStack() as stack:
        made = Border()
        await stack.enter_async_context(made.canary)
        await stack.enter_async_context(made.gateway)
        await made.turn("shut")
        yield made


async def tried(border: Border) -> Result:
    known = MetricsEngine({f'canary_up{{port="{border.canary.port}"}}': float(border.alive)})
    async with Serving(known.talk) as engine:
        control: dict[str, Any] = {
            "path": {"to": HERE, "port": border.gateway.port},
            "alive": {"promql": {"url": f"http://{HERE}:{engine.port}", "query": 'canary_up{port="$port"}'}},
        }
        attempts = [{"to": HERE, "port": border.canary.port}]
        return await climb(settings(Containment, attempts=attempts, control=control, timeout="2s"))


@pytest.mark.parametrize(
    ("position", "outcome", "cause"),
    [("shut", "ok", None), ("open", "failed", "answered"), ("canary_dead", "unknown", "target_not_alive")],
)
async def test_each_position_is_what_the_probe_sees(
    border: Border, position: str, outcome: str, cause: str | None
) -> None:
    await border.turn(position)
    result = await tried(border)
    assert (result.outcome, result.cause.code if result.cause else None) == (outcome, cause)


async def test_the_border_is_shut_opened_and_shut_again_at_one_port(border: Border) -> None:
    port = border.canary.port
    for position in ("open", "shut", "open", "canary_dead", "shut"):
        await border.turn(position)
        expected = {"open": "failed", "shut": "ok", "canary_dead": "unknown"}[position]
        assert (await tried(border)).outcome == expected
    assert border.canary.port == port


async def test_the_hospitals_proxy_denies_what_is_not_on_its_list_in_clear_and_by_connect() -> None:
    async with Serving(FilteringProxy({}, {"www.sante.example"}).talk) as proxy:
        main = Proxy.model_validate(
            {
                "name": "main",
                "url": f"http://{HERE}:{proxy.port}",
                "denied": {"header": "X-Squid-Error: ERR_ACCESS_DENIED"},
            }
        )
        attempts = [{"to": UNLISTED, "ports": [80, 443], "via": "main"}]
        result = await climb(settings(Containment, attempts=attempts, context={"proxies": {"main": main}}))
    assert (result.outcome, result.rung, result.of) == ("ok", 2, 2)
