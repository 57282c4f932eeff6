"""Whatever a probe does, its runner gives a result; only a cancellation from outside passes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Outcome, Rung
from retabli.scheduler import run_once

from .fakes import HealthyProbe, PlayedProbe, SilentProbe, now

pytestmark = pytest.mark.looptime


def playing(play: Callable[[Ladder, int], Awaitable[None]], **settings: float) -> PlayedProbe:
    return PlayedProbe.model_validate({"play": play, **settings})


async def test_a_run_that_holds_every_rung_is_ok() -> None:
    watched: list[Rung] = []
    result = await run_once(HealthyProbe(), None, {}, watched.append)
    assert result.outcome is Outcome.OK
    assert [rung.stage for rung in watched] == [stages.CONNECT]


async def test_a_silent_target_ends_at_the_deadline_on_the_rung_it_fell_on() -> None:
    result = await run_once(SilentProbe(timeout=3.0))
    assert (result.outcome, result.stage, result.cause) == (Outcome.FAILED, stages.CONNECT, causes.TIMEOUT)
    assert result.rung == 1


async def test_an_exception_nobody_foresaw_is_our_defect_and_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        with ladder.rung(stages.CONNECT):
            raise KeyError("no such thing")

    result = await run_once(playing(play))
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, causes.PROBE_DEFECT)
    (record,) = [each for each in caplog.records if each.name == "retabli.probes"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "no such thing" in str(record.exc_info[1])


async def test_a_verdict_of_the_probes_own_is_not_logged_as_a_defect(caplog: pytest.LogCaptureFixture) -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        with ladder.rung(stages.CONNECT):
            raise Fall(causes.GARBAGE, "what?")

    result = await run_once(playing(play))
    assert (result.outcome, result.cause, result.detail) == (Outcome.FAILED, causes.GARBAGE, "what?")
    assert not caplog.records


async def test_a_cancellation_from_outside_passes_and_gives_no_result() -> None:
    task = asyncio.create_task(run_once(SilentProbe()))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_probe_that_is_cancelled_by_itself_is_a_defect_and_not_a_timeout(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        with ladder.rung(stages.CONNECT):
            lost = asyncio.get_running_loop().create_future()
            lost.cancel()
            await lost

    result = await run_once(playing(play))
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, causes.PROBE_DEFECT)
    assert result.rungs[-1].cause is causes.PROBE_DEFECT
    assert caplog.records


async def test_a_probe_that_swallows_its_deadline_is_not_ok() -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        try:
            await asyncio.sleep(100.0)
        except asyncio.CancelledError:
            return

    result = await run_once(playing(play, timeout=2.0))
    assert (result.outcome, result.cause) == (Outcome.FAILED, causes.TIMEOUT)


async def test_a_probe_that_hangs_while_it_closes_is_cut_once_more() -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        try:
            with ladder.rung(stages.CONNECT):
                await asyncio.sleep(100.0)
        finally:
            await asyncio.sleep(1000.0)

    result = await run_once(playing(play, timeout=2.0))
    assert (result.outcome, result.cause) == (Outcome.FAILED, causes.TIMEOUT)
    assert now() == pytest.approx(7.0)


async def test_a_deadline_between_two_rungs_falls_on_the_next_one() -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        with ladder.rung(stages.RESOLVE):
            pass
        await asyncio.sleep(100.0)

    result = await run_once(playing(play, timeout=2.0))
    assert (result.stage, result.cause) == (stages.CONNECT, causes.TIMEOUT)


async def test_what_ends_the_process_is_not_taken_for_a_probes_defect() -> None:
    async def play(_ladder: Ladder, _number: int) -> None:
        raise GeneratorExit

    with pytest.raises(GeneratorExit):
        await run_once(playing(play))
