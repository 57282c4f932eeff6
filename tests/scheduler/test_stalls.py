"""A process that stood still: what its runs gave meanwhile says nothing of their targets. In real time, for it is."""

import asyncio
import time
from typing import ClassVar

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Outcome, Result
from retabli.scheduler import Scheduler

from .fakes import (
    UNIT,
    PlayedProbe,
    RememberingJudge,
    RememberingMeter,
    SlowArrivalProbe,
    answer,
    keep_silent,
    one,
)


class Frozen:
    """The scheduler as the daemon runs it, in a process that is frozen when the test says so."""

    def __init__(self, judge: RememberingJudge) -> None:
        self.unseen = 0.0  # seconds that have passed for the wall clock alone
        self.scheduler = Scheduler(judge, RememberingMeter(), wall=lambda: time.time() + self.unseen)

    async def __aenter__(self) -> "Frozen":
        self.task = asyncio.create_task(self.scheduler.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        await self.scheduler.stop()

    async def freeze(self, seconds: float) -> None:
        time.sleep(seconds)
        await asyncio.sleep(0.1)


async def test_all_mails_that_were_under_way_when_the_machine_froze_are_no_failures() -> None:
    judge = RememberingJudge()
    async with Frozen(judge) as daemon:
        await daemon.scheduler.adopt(one(SlowArrivalProbe(every=0.2, timeout=0.1, takes=30.0, within=1.0)))
        await asyncio.sleep(0.7)
        assert daemon.scheduler.under_way >= 3
        await daemon.freeze(1.5)
        assert [result.cause for result in judge.of(UNIT)[:3]] == [causes.LOCAL_STALL] * 3
        assert {result.outcome for result in judge.of(UNIT)[:3]} == {Outcome.UNKNOWN}
    assert judge.fell is None


async def test_a_success_that_is_taken_in_after_a_pause_that_only_the_wall_clock_shows_may_be_as_old_as_that() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await answer(ladder, after=0.4)

    judge = RememberingJudge()
    async with Frozen(judge) as daemon:
        await daemon.scheduler.adopt(one(PlayedProbe(every=0.6, timeout=0.5, play=play)))
        while not daemon.scheduler.under_way:
            await asyncio.sleep(0.01)
        daemon.unseen = 3600.0
        while len(judge.of(UNIT)) < 2:
            await asyncio.sleep(0.05)
    first, second = judge.of(UNIT)[:2]
    assert [(round(seconds), asleep) for seconds, asleep in judge.gaps] == [(3600, False)]
    assert (first.outcome, first.cause) == (Outcome.UNKNOWN, causes.LOCAL_STALL)
    assert second.outcome is Outcome.OK


async def test_a_silent_target_fails_as_soon_as_the_machine_is_awake_again() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await keep_silent(ladder)

    judge = RememberingJudge()
    async with Frozen(judge) as daemon:
        await daemon.scheduler.adopt(one(PlayedProbe(every=0.3, timeout=0.2, play=play)))
        await asyncio.sleep(0.1)
        await daemon.freeze(1.2)
        await asyncio.sleep(0.5)
    assert [result.outcome for result in judge.of(UNIT)][:2] == [Outcome.UNKNOWN, Outcome.FAILED]
    assert judge.of(UNIT)[1].stage is stages.CONNECT


class ProvingProbe(PlayedProbe):
    """As containment: ok means closed, and proven so."""

    PROVES_CLOSURE: ClassVar = True


async def dozed(error: Exception | None, kind: type[PlayedProbe] = PlayedProbe) -> Result:
    async def play(ladder: Ladder, number: int) -> None:
        with ladder.rung(stages.CONNECT):
            await asyncio.sleep(0.01)
            time.sleep(1.1)
            if error is not None:
                raise error

    judge = RememberingJudge()
    async with Frozen(judge) as daemon:
        await asyncio.sleep(0.2)
        await daemon.scheduler.adopt(one(kind(every=30.0, timeout=1.0, play=play)))
        await asyncio.sleep(0.2)
    return judge.of(UNIT)[0]


async def test_what_is_seen_before_the_watch_has_noticed_that_the_machine_stood_still_is_not_believed_either() -> None:
    assert (await dozed(ConnectionResetError())).cause is causes.LOCAL_STALL


async def test_a_refused_login_is_one_though_the_machine_stood_still_for_accounts_lock() -> None:
    assert (await dozed(Fall(causes.AUTH_REFUSED))).cause is causes.AUTH_REFUSED


async def test_closure_is_not_proven_by_a_silence_that_was_slept_through_but_an_answer_stays_one() -> None:
    proof = await dozed(None, ProvingProbe)
    assert (proof.outcome, proof.cause) == (Outcome.UNKNOWN, causes.LOCAL_STALL)
    answer = await dozed(ConnectionResetError(), ProvingProbe)
    assert (answer.outcome, answer.cause) == (Outcome.FAILED, causes.RESET)


async def stuttering(stalls: int, seconds: float, timeout: float) -> Result:
    """The first result of a run against a silent target, in a process that stands still again and again."""

    async def play(ladder: Ladder, number: int) -> None:
        await keep_silent(ladder)

    judge = RememberingJudge()
    async with Frozen(judge) as daemon:
        await asyncio.sleep(0.2)
        await daemon.scheduler.adopt(one(PlayedProbe(every=30.0, timeout=timeout, play=play)))
        await asyncio.sleep(0.05)
        for _ in range(stalls):
            await daemon.freeze(seconds)
        async with asyncio.timeout(10):
            while not judge.of(UNIT):
                await asyncio.sleep(0.02)
    return judge.of(UNIT)[0]


async def test_two_stalls_of_less_than_a_second_that_took_most_of_a_run_spoil_it_together() -> None:
    result = await stuttering(2, 0.9, timeout=2.0)
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, causes.LOCAL_STALL)


async def test_a_short_stall_that_took_all_of_a_short_run_spoils_it() -> None:
    result = await stuttering(1, 0.6, timeout=0.4)
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, causes.LOCAL_STALL)


async def test_a_stall_that_left_a_run_most_of_its_time_excuses_nothing() -> None:
    result = await stuttering(1, 0.3, timeout=1.5)
    assert (result.outcome, result.stage) == (Outcome.FAILED, stages.CONNECT)
