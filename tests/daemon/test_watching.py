"""Two daemons watch each other, and a heartbeat says that one works: the silence of a dead one is heard."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.daemon.living import Life, Post


async def end(*lives: Life) -> None:
    for life in lives:
        await life.leave()
        await life.watched.stop()
        await life.hook.stop()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Life, Life]]:
    """Each probes the other's health."""
    lives = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        hook = Post()
        await hook.start()
        lives.append(Life(tmp_path / name, Post(), hook))
    one, other = lives
    for life, watched in ((one, other), (other, one)):
        probe = f"{{kind: http, url: 'http://127.0.0.1:{watched.port}/-/healthy'}}"
        life.write(flows=f"{{title: The other Retabli, intent: open, probes: {{p: {probe}}}}}", every="500ms")
    try:
        yield one, other
    finally:
        await end(one, other)


async def test_a_daemon_that_is_killed_is_paged_by_the_one_that_watches_it(pair: tuple[Life, Life]) -> None:
    one, other = pair
    await one.start()
    await other.start()
    await asyncio.gather(one.until_state("restored"), other.until_state("restored"))
    await one.end(signal.SIGKILL)
    assert await other.hook.told(1) == ["firing"]
    assert other.hook.bodies[0]["title"] == "The other Retabli"
    await one.start()
    assert await other.hook.told(2) == ["firing", "resolved"]


async def beating(folder: Path, watchman: Post) -> Life:
    """One that has not begun, and whose heartbeats go to this watchman."""
    hook = Post()
    await hook.start()
    await watchman.start()
    life = Life(folder, Post(), hook)
    channels = (
        f'{{duty: {{kind: webhook, url: "http://127.0.0.1:{hook.port}/"}}, '
        f'watchman: {{kind: webhook, url: "http://127.0.0.1:{watchman.port}/"}}}}'
    )
    text = life.config.read_text().partition("alerts:")[0]
    flow = f"{{title: Port, intent: open, probes: {{p: {{kind: tcp, host: 127.0.0.1, port: {life.watched.port}}}}}}}"
    life.config.write_text(
        f"{text}alerts: {{channels: {channels}, heartbeat: {{every: 500ms, to: watchman}}}}\nflows:\n  port: {flow}\n"
    )
    return life


async def test_heartbeats_come_at_their_rhythm_until_the_daemon_is_dead(tmp_path: Path) -> None:
    watchman = Post()
    life = await beating(tmp_path, watchman)
    try:
        await life.start()
        assert set(await watchman.told(4)) == {"heartbeat"}
        body = watchman.bodies[-1]
        assert (body["ok"], body["every"]) == (True, 0.5)
        assert sum(body["states"].values()) in (1, 2)  # the flow, and this machine's own way out if it has one
        async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{life.port}") as client:
            assert (await client.get("/-/healthy")).text == "healthy\n"
            metrics = (await client.get("/metrics")).text
        assert 'retabli_heartbeats_failed_total{channel="watchman"} 0' in metrics
        (last,) = [
            line
            for line in metrics.splitlines()
            if line.startswith('retabli_heartbeat_last_success_timestamp_seconds{channel="watchman"}')
        ]
        assert float(last.split()[1]) > 1e9
        await life.end(signal.SIGKILL)
        beats = len(watchman.bodies)
        await asyncio.sleep(1.5)  # silence is what is looked for: there is nothing to await
        assert len(watchman.bodies) == beats
        assert not [body for body in life.hook.bodies if body["status"] == "heartbeat"]
    finally:
        await end(life)
        await watchman.stop()


async def test_no_heartbeat_comes_from_a_daemon_that_dies_again_and_again(tmp_path: Path) -> None:
    watchman = Post()
    life = await beating(tmp_path, watchman)
    try:
        for _ in range(3):
            beats = len(watchman.bodies)
            await life.start()
            await watchman.told(beats + 1)
            await life.end(signal.SIGKILL)
        beats = len(watchman.bodies)
        await life.start()
        await asyncio.sleep(1.5)  # silence is what is looked for: there is nothing to await
        assert len(watchman.bodies) == beats
        said = await life.end_saying()
        assert "no heartbeat is sent, on purpose: it has ended 3 times within 15 minutes without being told to" in said
    finally:
        await end(life)
        await watchman.stop()
