"""Whoever keeps the loop from turning is named: the unit, its kind and the line. In real time, for it is."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from retabli.model import stages
from retabli.model.ladder import Ladder
from retabli.scheduler import Scheduler
from retabli.scheduler.culprits import Culprit, Standstills

from .fakes import UNIT, PlayedProbe, RememberingJudge, RememberingMeter, one


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Scheduler, RememberingMeter]]:
    meter = RememberingMeter()
    scheduler = Scheduler(RememberingJudge(), meter)
    task = asyncio.create_task(scheduler.run())
    try:
        yield scheduler, meter
    finally:
        task.cancel()
        await asyncio.wait({task})
        await scheduler.stop()


async def blocked_by(play: object) -> RememberingMeter:
    async with running() as (scheduler, meter):
        await scheduler.adopt(one(PlayedProbe(every=60.0, timeout=5.0, play=play)))
        async with asyncio.timeout(10):
            while not any(seconds >= 1.0 for _, seconds in meter.culprits):
                await asyncio.sleep(0.05)
    return meter


async def test_a_probe_that_sleeps_in_the_loop_is_named_with_its_line(caplog: pytest.LogCaptureFixture) -> None:
    async def sleep(ladder: Ladder, _: int) -> None:
        with ladder.rung(stages.RESOLVE):
            time.sleep(1.4)

    meter = await blocked_by(sleep)
    assert [kind for kind, seconds in meter.culprits if seconds >= 1.0] == ["played"]
    (said,) = [record.getMessage() for record in caplog.records if record.name == "retabli.loop"]
    assert f"in {UNIT} (played), at test_culprits.py:" in said
    assert said.endswith(" sleep")


async def test_a_probe_that_computes_in_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def compute(ladder: Ladder, _: int) -> None:
        end = time.monotonic() + 1.4
        with ladder.rung(stages.RESOLVE):
            while time.monotonic() < end:
                sum(range(1000))

    meter = await blocked_by(compute)
    assert [kind for kind, seconds in meter.culprits if seconds >= 1.0] == ["played"]
    assert "(played), at test_culprits.py:" in caplog.text


async def test_a_task_that_is_no_probe_is_named_by_its_name() -> None:
    async def block() -> None:
        time.sleep(1.2)

    async with running() as (_, meter):
        await asyncio.sleep(0.2)
        await asyncio.create_task(block(), name="drain")
        while not meter.culprits:
            await asyncio.sleep(0.05)
    assert [kind for kind, _ in meter.culprits] == ["drain"]


async def test_what_pythons_own_collector_takes_is_not_laid_on_the_probe_whose_turn_it_was() -> None:
    class Slow:
        def __del__(self) -> None:
            time.sleep(1.4)

    async def leave_garbage(ladder: Ladder, _: int) -> None:
        with ladder.rung(stages.RESOLVE):
            slow = Slow()
            slow.itself = slow  # type: ignore[attr-defined]
            del slow
            gc.collect()

    meter = await blocked_by(leave_garbage)
    assert [kind for kind, seconds in meter.culprits if seconds >= 1.0] == ["collector"]


async def test_without_stalls_nobody_is_named() -> None:
    async with running() as (scheduler, meter):
        await asyncio.sleep(0.5)
        assert scheduler.stood_still() is None
    assert [kind for kind, seconds in meter.culprits if seconds > 1.0] == []


def lack_threads(patch: pytest.MonkeyPatch) -> None:
    def lack(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    patch.setattr(threading.Thread, "start", lack)


async def test_without_a_thread_to_look_all_else_goes_on_and_nobody_is_accused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def sleep(ladder: Ladder, _: int) -> None:
        with ladder.rung(stages.RESOLVE):
            time.sleep(1.2)

    lack_threads(monkeypatch)
    async with running() as (scheduler, meter):
        await scheduler.adopt(one(PlayedProbe(every=60.0, timeout=5.0, play=sleep)))
        async with asyncio.timeout(10):
            while not meter.culprits or scheduler.last_woke is None:
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)  # and is tried again meanwhile
    assert {kind for kind, _ in meter.culprits} == {"other"}
    lacked, still = [record.getMessage() for record in caplog.records if record.name == "retabli.loop"]
    assert lacked.endswith("until a thread can be had: can't start new thread")
    assert still.endswith("by someone unseen, for want of a thread to look")


async def test_a_thread_that_could_not_be_had_at_first_is_had_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def looks() -> bool:
        return any(thread.name == "culprits" and thread.is_alive() for thread in threading.enumerate())

    async def block() -> None:
        time.sleep(1.2)

    while looks():  # those of other tests end by themselves
        await asyncio.sleep(0.05)
    with monkeypatch.context() as patch:
        lack_threads(patch)
        async with running() as (_, meter):
            await asyncio.sleep(0.2)
            assert not looks()
            patch.undo()
            async with asyncio.timeout(10):
                while not looks():
                    await asyncio.sleep(0.05)
            await asyncio.create_task(block(), name="drain")
            while not meter.culprits:
                await asyncio.sleep(0.05)
    assert [kind for kind, _ in meter.culprits] == ["drain"]


@pytest.mark.looptime
async def test_it_is_said_once_in_a_while_and_told_while_it_is_much(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[tuple[str, float]] = []
    standstills = Standstills(lambda kind, seconds: counted.append((kind, seconds)))
    slow, other = Culprit("slow", "images/port", "slow.py:7 run"), Culprit("machine")
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            standstills.note(3.0, slow)
            await asyncio.sleep(5)
        assert standstills.much() is None
        standstills.note(5.0, other)
        said = "everything stood still for 17 of the last 60 s, mostly in images/port (slow), at slow.py:7 run"
        assert standstills.much() == said
        await asyncio.sleep(61)
        assert standstills.much() is None
        await asyncio.sleep(600)
        standstills.note(2.0, slow)
    assert [record.getMessage() for record in caplog.records] == [
        "everything stood still for 3.0 s: in images/port (slow), at slow.py:7 run",
        "everything stood still for 5.0 s: by the machine, which gave it no time",
        "everything stood still for 2.0 s: in images/port (slow), at slow.py:7 run",
    ]
    assert counted[0] == ("slow", 3.0)
