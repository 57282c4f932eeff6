"""Parts that die are started again, logged and counted; only a Fatal ends the process, and loudly."""

import asyncio
import logging
from typing import Any

import pytest

from retabli.supervisor import Supervisor

from .fakes import StoreBroken, now

pytestmark = pytest.mark.looptime


async def run_for(seconds: float, supervisor: Supervisor) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await supervisor.run_until_stopped(stop)


async def idle() -> None:
    await asyncio.sleep(1e6)


async def test_a_part_that_dies_is_started_again_with_a_back_off_logged_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted: list[str] = []
    starts: list[float] = []

    async def dying() -> None:
        starts.append(now())
        raise ValueError("why it died")

    supervisor = Supervisor(counted.append)
    supervisor.keep("drain", dying)
    supervisor.keep("web", idle)
    await run_for(200.0, supervisor)
    assert starts == pytest.approx([0, 1, 3, 7, 15, 31, 63, 123, 183])
    assert counted == ["drain"] * 9
    assert supervisor.restarts == {"drain": 9, "web": 0}
    assert "why it died" in caplog.text


async def test_a_part_that_lived_long_is_started_again_soon() -> None:
    starts: list[float] = []

    async def living() -> None:
        starts.append(now())
        await asyncio.sleep(100.0)
        raise ValueError

    supervisor = Supervisor()
    supervisor.keep("scheduler", living)
    await run_for(350.0, supervisor)
    assert starts == pytest.approx([0, 101, 202, 303])


async def test_a_part_that_returns_or_is_cancelled_by_what_it_awaited_has_died_too() -> None:
    async def returning() -> None:
        pass

    async def losing() -> None:
        lost = asyncio.get_running_loop().create_future()
        lost.cancel()
        await lost

    supervisor = Supervisor()
    supervisor.keep("returning", returning)
    supervisor.keep("losing", losing)
    await run_for(10.0, supervisor)
    assert supervisor.restarts == {"returning": 4, "losing": 4}


@pytest.mark.parametrize("grouped", [False, True])
async def test_a_fatal_ends_all_parts_and_is_raised(grouped: bool, caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    async def other() -> None:
        try:
            await idle()
        finally:
            ended.append("other")

    async def breaking() -> None:
        await asyncio.sleep(5.0)
        broken = StoreBroken("disk full")
        if grouped:
            raise ExceptionGroup("two", [ValueError(), broken])
        raise broken

    supervisor = Supervisor()
    supervisor.keep("other", other)
    supervisor.keep("store", breaking)
    with pytest.raises(StoreBroken, match="disk full"):
        await run_for(100.0, supervisor)
    assert now() == pytest.approx(5.0)
    assert ended == ["other"]
    assert "CRITICAL" in caplog.text
    assert "Traceback" not in caplog.text  # a full disk is for the operator to mend


async def test_a_fatal_of_a_part_that_was_kept_later_is_heard() -> None:
    async def breaking() -> None:
        raise StoreBroken

    supervisor = Supervisor()
    supervisor.keep("web", idle)
    asyncio.get_running_loop().call_later(3.0, supervisor.keep, "store", breaking)
    with pytest.raises(StoreBroken):
        await run_for(100.0, supervisor)
    assert now() == pytest.approx(3.0)


async def test_parts_are_ended_last_kept_first_and_none_can_hold_the_end_up(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    async def stubborn() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(30.0)
            except asyncio.CancelledError:
                ended.append("stubborn")

    async def first() -> None:
        try:
            await idle()
        finally:
            ended.append("first")

    supervisor = Supervisor(grace=2.0)
    supervisor.keep("first", first)
    supervisor.keep("stubborn", stubborn)
    await run_for(10.0, supervisor)
    assert now() == pytest.approx(12.0)
    assert ended == ["stubborn", "first"]
    assert "left behind" in caplog.text
    await asyncio.sleep(200.0)


async def test_a_store_that_breaks_while_it_is_closed_is_heard_too() -> None:
    async def closing() -> None:
        try:
            await idle()
        finally:
            raise StoreBroken("the last batch")

    supervisor = Supervisor()
    supervisor.keep("store", closing)
    with pytest.raises(StoreBroken, match="last batch"):
        await run_for(1.0, supervisor)


async def test_a_part_that_cannot_be_counted_is_started_again_with_the_same_back_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    starts: list[float] = []

    async def dying() -> None:
        starts.append(now())
        raise ValueError

    def lack(_: str) -> None:
        raise MemoryError

    supervisor = Supervisor(lack)
    supervisor.keep("drain", dying)
    await run_for(20.0, supervisor)
    assert starts == pytest.approx([0, 1, 3, 7, 15])
    assert supervisor.restarts == {"drain": 5}
    assert "drain is started again in 1 s, which could not be counted" in caplog.text
    assert "CRITICAL" in caplog.text


@pytest.mark.parametrize("again", [True, False], ids=["at once", "once a task can be had"])
async def test_a_part_is_started_again_though_its_death_could_not_even_be_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, again: bool
) -> None:
    starts: list[float] = []
    counted: list[str] = []

    async def dying() -> None:
        starts.append(now())
        raise ValueError

    def lack(*_: object, **__: object) -> None:
        raise MemoryError

    supervisor = Supervisor(counted.append)
    supervisor.keep("drain", dying)
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger("retabli.parts"), "exception", lack)
        if not again:
            true, lacks = asyncio.create_task, [MemoryError(), MemoryError()]

            def create(work: Any, **named: Any) -> asyncio.Task[None]:
                if starts and lacks:
                    work.close()
                    raise lacks.pop()
                return true(work, **named)

            patch.setattr(asyncio, "create_task", create)
        await run_for(3.5, supervisor)
    assert starts == pytest.approx([0, 1, 2, 3] if again else [0, 3])
    assert counted == ["drain"] * len(starts)
    assert "drain: who keeps it died" in caplog.text


async def test_a_part_that_cancels_its_own_task_is_started_again() -> None:
    starts: list[float] = []

    async def leaving() -> None:
        starts.append(now())
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await idle()

    supervisor = Supervisor()
    supervisor.keep("web", leaving)
    await run_for(2.5, supervisor)
    assert starts == pytest.approx([0, 1, 2])
    await asyncio.sleep(100.0)
    assert len(starts) == 3, "nothing begins after the end"


async def test_two_parts_of_one_name_are_refused() -> None:
    supervisor = Supervisor()
    supervisor.keep("web", idle)
    with pytest.raises(ValueError, match="web"):
        supervisor.keep("web", idle)
