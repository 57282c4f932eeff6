"""Killed with -9 at any moment, the store has everything that it acknowledged."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from retabli.store import Store
from tests.store.making import sql

ROUNDS = 20


@pytest.fixture
def nursery() -> Iterator["subprocess.Popen[str]"]:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin, process.stdout:
        yield process


def kill_after(nursery: "subprocess.Popen[str]", path: Path, seconds: float) -> None:
    """Have a child write to the state, and end it, by its id, at a moment that it does not choose."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{path}\n")
    nursery.stdin.flush()
    child = int(nursery.stdout.readline())
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert nursery.stdout.readline() == "ended\n"


def test_twenty_kills_at_random_moments_lose_nothing_that_was_acknowledged(
    nursery: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    path = tmp_path / "state.db"
    seed = random.randrange(10**6)  # noqa: S311 - moments, not secrets
    moments = random.Random(seed)  # noqa: S311
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        kill_after(nursery, path, moments.uniform(0.0, 0.25))
        told = path.with_name("state.db.told")
        if not told.exists():
            continue  # killed before it had even begun
        acknowledged = set(told.read_text().splitlines())
        if not acknowledged:
            continue  # killed before the tables were there, perhaps
        with Store.read(path) as reader:
            verdict = reader.verify()
            assert verdict.fault is None, (seed, number)
            check(reader.remembered().standings, acknowledged, path)
    assert len(acknowledged) > 100, seed
    assert any(line.startswith("told") for line in acknowledged)


def check(standings: Mapping[str, Mapping[str, Any]], acknowledged: set[str], path: Path) -> None:
    """Each acknowledged transition has its log row and its page; standing, log and outbox are of one moment."""
    logged = set(sql(path, "SELECT flow, json_extract(data, '$.id') FROM log WHERE event = 'state'"))
    outbox = sql(path, "SELECT flow, json_extract(body, '$.id'), state FROM outbox")
    queued = {(flow, number) for flow, number, _ in outbox}
    told = {(flow, number) for flow, number, state in outbox if state == "told"}
    committed: set[tuple[str, int]] = set()
    accepted: set[tuple[str, int]] = set()
    for line in acknowledged:
        what, flow, number = line.split()
        (committed if what == "committed" else accepted).add((flow, int(number)))
    assert committed <= logged
    assert logged == queued
    assert accepted <= told
    assert {flow: standing["next"] - 1 for flow, standing in standings.items()} == dict(sorted(logged))
