"""A clock that jumps by an hour, a day or to 1970, under a daemon and between two of them; a process that is frozen."""

import asyncio
import itertools
import json
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.daemon.living import Life, life_in

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(90),
    pytest.mark.skipif(not shutil.which("faketime"), reason="faketime moves the clock"),
]
DAY = 86_400
TO_1970 = -(int(time.time()) - 100_000)
JUMPS = [
    *(pytest.param(jump, id=f"{jump:+d} s") for jump in (3600, -3600, DAY, -DAY)),
    pytest.param(TO_1970, id="to 1970"),  # the same name in every process that collects
]


class Clock:
    """The daemon's wall clock: the machine's, and so many seconds. Its monotonic clock goes on."""

    def __init__(self, life: Life) -> None:
        self._file = life.folder / "clock"
        self.set(0)
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        life.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        written = self._file.with_suffix(".new")
        written.write_text(f"{seconds:+d}")
        written.rename(self._file)


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with life_in(tmp_path) as life:
        yield life


async def get(life: Life, path: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{life.port}{path}")).text


async def runs(life: Life) -> float:
    lines = (await get(life, "/metrics")).splitlines()
    found = [line for line in lines if line.startswith("retabli_probe_runs_total{") and 'flow="port"' in line]
    return sum(float(line.split()[-1]) for line in found)


async def more_runs(life: Life, number: int) -> None:
    """So many more, at the rhythm of five a second."""
    enough = await runs(life) + number
    async with asyncio.timeout(number / 5 * 3 + 5):
        while await runs(life) < enough:
            await asyncio.sleep(0.1)


async def rows(life: Life) -> list[dict[str, Any]]:
    """The log of the file itself, verified, in its order."""
    code, out, err = await life.command("log", "verify", "--config", str(life.config))
    assert (code, err) == (0, ""), out
    code, out, err = await life.command("log", "--config", str(life.config), "--format", "json", "--limit", "500")
    assert code == 0, err
    found = json.loads(out) if out.startswith("[") else [json.loads(line) for line in out.splitlines()]
    return sorted(found, key=lambda row: row["number"])


def states(log: list[dict[str, Any]]) -> list[str]:
    """What `port` was found to be, each once in a row. A busy machine makes it unknown in between: no finding."""
    now = [row["data"]["now"] for row in log if (row["event"], row["flow"]) == ("state", "port")]
    return [state for state, _ in itertools.groupby(each for each in now if each not in ("unknown", "recovering"))]


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_under_a_running_daemon_moves_no_flow_and_beats_and_pages_go_on(life: Life, jump: int) -> None:
    clock = Clock(life)
    await life.start()
    await life.until_state("restored")
    clock.set(jump)
    await more_runs(life, 12)
    await life.until_state("restored")
    assert life.hook.bodies == []
    await life.watched.stop()
    assert await life.hook.told(1) == ["firing"]
    clock.set(0)  # and back, while the page is open
    await more_runs(life, 12)
    assert len(life.hook.bodies) == 1
    repaired = time.monotonic()
    await life.watched.start()
    assert await life.hook.told(2) == ["firing", "resolved"]
    assert life.hook.times[1] - repaired > 0.4  # no jump has shortened what a repair has to prove
    log = await rows(life)
    assert states(log) == ["restored", "dropped", "restored"]
    assert [row["number"] for row in log] == list(range(log[0]["number"], log[0]["number"] + len(log)))


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_start_under_another_clock_believes_nothing_until_it_is_proven(life: Life, jump: int) -> None:
    clock = Clock(life)
    await life.start()
    await life.until_state("restored")
    await life.end(signal.SIGTERM)
    await life.watched.stop()
    clock.set(jump)
    shown: set[str] = set()

    def paged(flow: dict[str, Any]) -> bool:
        shown.add(flow["state"])
        return flow["incident"] is not None

    await life.start()
    await life.until(paged)
    assert "restored" not in shown
    assert await life.hook.told(1) == ["firing"]
    began = time.monotonic()
    await life.watched.start()
    await life.until_state("restored")
    assert time.monotonic() - began > 0.4
    assert await life.hook.told(2) == ["firing", "resolved"]
    gap = next(row for row in await rows(life) if row["event"] == "gap")
    if jump < 0:
        assert gap["data"]["clock_behind"] == pytest.approx(-jump, abs=60)
        assert "set back" in (await life.command("log", "--config", str(life.config), "--event", "gap"))[1]
    else:
        assert gap["data"]["seconds"] == pytest.approx(jump, abs=60)


async def test_a_clock_that_cannot_be_right_is_told_until_it_is(life: Life) -> None:
    clock = Clock(life)
    clock.set(TO_1970)
    await life.start()
    async with asyncio.timeout(30):
        while "the right time (its clock says 1970-01-02T" not in await get(life, "/-/healthy"):
            await asyncio.sleep(0.2)
        clock.set(0)
        while (await get(life, "/-/healthy")).strip() != "healthy":
            await asyncio.sleep(0.2)


async def test_a_process_that_was_frozen_takes_none_of_it_for_a_failure(life: Life) -> None:
    await life.start()
    before = await life.until_state("restored")
    assert life.process is not None
    for _ in range(3):
        life.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2.0)  # ten beats; the target answers all the time
        life.process.send_signal(signal.SIGCONT)
        await more_runs(life, 5)
    assert life.hook.bodies == []
    assert (await life.until_state("restored"))["drops"] == before["drops"]
    assert {"dropped", "degraded"}.isdisjoint(states(await rows(life)))
    (stalled,) = [
        float(line.split()[-1])
        for line in (await get(life, "/metrics")).splitlines()
        if line.startswith('retabli_loop_stalled_seconds_total{by="machine"}')
    ]
    assert stalled > 4.0
    life.process.send_signal(signal.SIGSTOP)
    await life.watched.stop()
    life.process.send_signal(signal.SIGCONT)
    assert await life.hook.told(1) == ["firing"]
