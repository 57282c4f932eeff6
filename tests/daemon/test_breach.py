"""A closed flow in a whole daemon: proven, breached, paged within seconds, and shut again."""

import socket
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.daemon.living import Life, Post


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    """One that watches a door which is shut, beside one that is silent for as long as a round lasts."""
    door, hook = Post(), Post()
    await hook.start()
    living = Life(tmp_path, door, hook)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silence:
        silence.bind(("127.0.0.1", 0))
        attempts = (
            f"[{{to: 127.0.0.1, port: {door.port}}}, "
            f"{{to: 127.0.0.1, port: {silence.getsockname()[1]}, protocol: udp}}]"
        )
        control = f"{{path: {{to: 127.0.0.1, port: {hook.port}}}, alive: {{declared: true}}}}"
        probe = f"{{kind: containment, every: 2s, timeout: 2s, attempts: {attempts}, control: {control}}}"
        living.write(flows=f"{{title: Internet, intent: closed, probes: {{out: {probe}}}}}")
        try:
            yield living
        finally:
            await living.leave()
            await door.stop()
            await hook.stop()


async def test_a_breach_is_confirmed_and_paged_within_seconds_of_the_probe_that_saw_it(life: Life) -> None:
    await life.start()
    flow = await life.until_state("contained")
    assert flow["closure"] == {"proven": True, "path": True, "alive": True, "declared": True}
    await life.watched.start()
    opened = time.monotonic()
    flow = await life.until_state("breached")
    seen = time.monotonic() - opened
    assert seen < 2.0 + 2.0  # at the latest its next round, which an answer ends at once, and the second try
    assert (flow["cause"]["stage"], flow["cause"]["cause"]) == ("denied", "answered")
    assert await life.hook.told(1) == ["firing"]
    assert life.hook.bodies[0]["reason"] == "breached"
    log = await life.get("/api/v1/log?flow=port")
    rows = sorted((entry for entry in log["entries"] if entry["event"] == "state"), key=lambda entry: entry["at"])
    assert [row["data"]["now"] for row in rows] == ["contained", "unknown", "breached"]
    answered, confirmed = (datetime.fromisoformat(row["at"]) for row in rows[1:])
    assert (confirmed - answered).total_seconds() < 1.0  # the second try began at once, and ended with its answer
    metrics = await _metrics(life)
    assert 'retabli_flow_breaches_total{flow="port"} 1' in metrics
    assert 'retabli_closure_proven{flow="port"} 0' in metrics
    assert 'retabli_closure_control_success{flow="port",control="path"} 1' in metrics
    await life.watched.stop()
    await life.until_state("contained")
    assert await life.hook.told(2) == ["firing", "resolved"]
    assert 'retabli_closure_control_success{flow="port",control="alive"} 1' in await _metrics(life)


async def _metrics(life: Life) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{life.port}/metrics")).text
