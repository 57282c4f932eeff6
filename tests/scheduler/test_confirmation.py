"""A first failure is confirmed within seconds, by as many runs as are wanted and not one more."""

import asyncio
from typing import ClassVar

import pytest

from retabli.model import causes, stages
from retabli.model.flow import Policy, UnitName
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.model.settings import Secret
from retabli.model.stages import Stage
from retabli.scheduler import Scheduler

from .fakes import (
    UNIT,
    HealthyProbe,
    PlayedProbe,
    RememberingJudge,
    RememberingMeter,
    SilentProbe,
    answer,
    keep_silent,
    many,
    one,
    refuse,
    refuse_login,
    ticking,
)

pytestmark = pytest.mark.looptime

POLICY = Policy(fall=3, confirm=2.0)


class OverlappingProbe(PlayedProbe):
    """Up to three on their way at once, as mails."""

    @property
    def patience(self) -> float:
        return 60.0

    @property
    def in_flight(self) -> int:
        return 3


async def run_for(  # type: ignore[no-untyped-def]
    seconds: float,
    play,
    judge: RememberingJudge,
    *,
    every: float = 30.0,
    timeout: float = 10.0,
    kind: type[PlayedProbe] = PlayedProbe,
) -> None:
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(kind(every=every, timeout=timeout, play=play), POLICY))
    async with ticking(scheduler):
        await asyncio.sleep(seconds)


async def test_a_refusal_is_confirmed_at_once_and_then_each_two_seconds_until_the_flow_falls() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse(ladder))

    judge = RememberingJudge()
    await run_for(160.0, play, judge)
    failed = [result for result in judge.of(UNIT) if result.outcome.value == "failed"][:3]
    assert [result.confirming for result in failed] == [False, True, True]
    first = failed[0].ended
    assert [result.started - first for result in failed[1:]] == pytest.approx([0.0, 2.0], abs=0.01)
    assert judge.fell == pytest.approx(first + 2.0, abs=0.1)
    assert len(judge.confirmations) == 2, "none is run once the flow has fallen"


async def test_a_silent_cut_is_known_within_one_deadline_and_four_seconds() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 5 else keep_silent(ladder))

    judge = RememberingJudge()
    await run_for(300.0, play, judge)
    cut = next(result for result in judge.of(UNIT) if result.outcome.value == "failed")
    assert judge.fell is not None
    assert judge.fell - cut.started < 10.0 + 4.0
    assert [result.started - cut.started for result in judge.confirmations] == pytest.approx([0.25, 2.25], abs=0.01)


async def test_a_silent_cut_right_after_a_start_is_known_as_soon() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(SilentProbe(every=30.0), POLICY))
    async with ticking(scheduler):
        await asyncio.sleep(20.0)
        assert judge.fell is not None
        assert judge.fell < 14.0


async def test_a_cut_of_many_flows_is_known_of_each_within_an_interval_a_deadline_and_four_seconds() -> None:
    cut = asyncio.Event()

    async def play(ladder: Ladder, _number: int) -> None:
        await (keep_silent(ladder) if cut.is_set() else answer(ladder))

    judge = RememberingJudge(fall=3, restored=True)
    fell: dict[object, float] = {}
    accept = judge.accept

    async def note(name, probe, result):  # type: ignore[no-untyped-def]
        await accept(name, probe, result)
        judge.restored = True
        if judge.fails.get(name) == 3:
            fell[name] = asyncio.get_running_loop().time()

    judge.accept = note  # type: ignore[method-assign]
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(many(200, lambda _: PlayedProbe(every=30.0, timeout=10.0, play=play)))
    async with ticking(scheduler):
        await asyncio.sleep(100.0)
        cut.set()
        await asyncio.sleep(44.0)
        assert len(fell) == 200


async def test_a_success_drops_the_confirmations_that_have_not_begun() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (refuse(ladder) if number == 3 else answer(ladder))

    judge = RememberingJudge()
    await run_for(100.0, play, judge)
    assert len(judge.confirmations) == 1
    assert judge.fell is None


async def test_a_confirmation_that_still_waits_for_its_place_is_dropped_by_a_success() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await answer(ladder, after=5.0 if number == 2 else 0.1)

    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter(), places=1, patient=0)
    await scheduler.adopt(one(PlayedProbe(every=30.0, play=play), POLICY))
    async with ticking(scheduler):
        await asyncio.sleep(200.0)
        assert len(judge.results) >= 7
        assert not judge.confirmations
        assert scheduler.waiting == 0


async def test_confirmations_go_ahead_of_ordinary_beats() -> None:
    cut = asyncio.Event()

    async def play(ladder: Ladder, _number: int) -> None:
        await (refuse(ladder, after=1.0) if cut.is_set() else answer(ladder, after=1.0))

    judge, meter = RememberingJudge(), RememberingMeter()
    scheduler = Scheduler(judge, meter, places=1, patient=0)
    await scheduler.adopt(many(20, lambda _: PlayedProbe(every=10.0, timeout=9.0, play=play)))
    async with ticking(scheduler):
        await asyncio.sleep(40.0)
        assert scheduler.waiting > 0
        cut.set()
        await asyncio.sleep(12.0)
        first = next(result for _, result in judge.results if result.outcome.value == "failed")
        assert not first.confirming
        assert judge.confirmations[0].beat == pytest.approx(first.ended)
        assert judge.confirmations[0].started - judge.confirmations[0].beat < 1.1


async def test_the_phase_is_kept_through_confirmations() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (refuse(ladder) if number in (3, 4) else answer(ladder))

    judge = RememberingJudge()
    await run_for(200.0, play, judge)
    beats = [result.beat for result in judge.of(UNIT) if not result.confirming][1:]
    assert beats == pytest.approx([beats[0] + 30.0 * index for index in range(len(beats))])
    assert not judge.skips


async def test_results_of_overlapping_runs_may_come_in_any_order() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        if number == 5:
            await keep_silent(ladder)
        elif number == 6:
            await refuse(ladder, after=5.0)
        elif number > 6:
            await refuse(ladder)
        else:
            await answer(ladder)

    judge = RememberingJudge()
    await run_for(250.0, play, judge)
    cut = next(result for result in judge.of(UNIT) if result.outcome.value == "failed" and not result.confirming)
    within = [result for result in judge.of(UNIT) if cut.started <= result.started < cut.started + 15.0]
    assert len(within) == 3
    assert judge.fell == pytest.approx(cut.started + 10.0, abs=0.1)


async def test_a_mail_that_was_sent_before_the_cut_does_not_end_the_confirmations_when_it_arrives() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        if number < 5:
            await answer(ladder, after=31.0)  # it arrives a second after the next one was sent, or refused
        else:
            await refuse(ladder)

    class Judge(RememberingJudge):
        """As the machine: a success of a run that is older than a failure ends no streak."""

        async def accept(self, name: UnitName, probe: Probe, result: Result) -> None:
            failed = [each.started for each in self.of(name) if each.outcome is Outcome.FAILED]
            if result.outcome is not Outcome.OK or not failed or result.started > max(failed):
                await super().accept(name, probe, result)

    judge = Judge()
    await run_for(200.0, play, judge, kind=OverlappingProbe)
    cut = next(each for each in judge.of(UNIT) if each.outcome is Outcome.FAILED)
    assert judge.fell == pytest.approx(cut.started + 2.0, abs=0.1)


async def test_a_run_no_slower_than_usual_is_not_suspected() -> None:
    judge = RememberingJudge()
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(HealthyProbe(every=10.0, takes=0.9), POLICY))
    async with ticking(scheduler):
        await asyncio.sleep(300.0)
        assert not judge.confirmations


async def test_a_slow_flow_is_suspected_only_beyond_its_own_usual_time() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (keep_silent(ladder) if number == 10 else answer(ladder, after=3.0))

    judge = RememberingJudge()
    await run_for(330.0, play, judge)
    cut = next(result for result in judge.of(UNIT) if result.outcome.value == "failed")
    later = [result for result in judge.confirmations if result.started > cut.started]
    assert later[0].started - cut.started == pytest.approx(3.0, abs=0.01)


async def test_what_cannot_be_judged_is_not_hammered_at() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        if number < 3:
            await answer(ladder)
        else:
            await cannot_judge(ladder, after=0.0)

    judge = RememberingJudge()
    await run_for(200.0, play, judge)
    assert not judge.confirmations


async def cannot_judge(ladder: Ladder, after: float = 0.1) -> None:
    with ladder.rung(stages.CONNECT):
        await asyncio.sleep(after)
        raise Fall(causes.LOCAL_RESOURCES)


async def test_beside_a_silent_run_those_that_cannot_judge_are_as_few_as_those_that_fail() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else keep_silent(ladder) if number == 3 else cannot_judge(ladder))

    judge = RememberingJudge()
    await run_for(115.0, play, judge, timeout=28.0)
    assert len(judge.confirmations) == 2 + 1, "two beside the silent run, and one after it has failed"


async def test_a_doubt_that_led_to_no_verdict_does_not_weaken_the_next_one() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        if number < 3:
            await answer(ladder)
        elif number < 6:
            await cannot_judge(ladder, after=5.0)
        else:
            await keep_silent(ladder)

    judge = RememberingJudge()
    await run_for(200.0, play, judge)
    cut = next(result for result in judge.of(UNIT) if result.outcome.value == "failed")
    assert not cut.confirming
    assert judge.fell is not None
    assert judge.fell - cut.started < 14.0


async def test_an_unknown_among_the_confirmations_is_made_up_for_by_the_failures_around_it() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        if number < 3:
            await answer(ladder)
        elif number == 4:
            await cannot_judge(ladder, after=0.0)
        else:
            await refuse(ladder)

    judge = RememberingJudge()
    await run_for(160.0, play, judge)
    assert judge.fell is not None
    cut = next(result for result in judge.of(UNIT) if result.outcome.value == "failed")
    assert judge.fell - cut.started < 5.0


async def test_a_flow_that_is_not_restored_is_not_confirmed() -> None:
    judge = RememberingJudge(restored=False)
    scheduler = Scheduler(judge, RememberingMeter())
    await scheduler.adopt(one(SilentProbe(every=30.0), POLICY))
    async with ticking(scheduler):
        await asyncio.sleep(100.0)
        assert not judge.confirmations


async def test_a_refused_login_is_never_confirmed() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse_login(ladder))

    judge = RememberingJudge()
    await run_for(160.0, play, judge)
    assert not judge.confirmations


async def test_a_login_that_is_refused_slowly_is_not_tried_again_beside_it() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse_login(ladder, after=6.0))

    judge = RememberingJudge()
    await run_for(160.0, play, judge)
    assert not judge.confirmations


class AccountProbe(PlayedProbe):
    """Shows its password with a request, as over HTTP."""

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.CONNECT, stages.RESPONSE)
    password: Secret = Secret(env="RETABLI_TEST_PASSWORD")


async def refuse_request(ladder: Ladder, after: float) -> None:
    with ladder.rung(stages.RESPONSE):
        await asyncio.sleep(after)
        raise Fall(causes.AUTH_REFUSED, "401")


async def test_a_password_that_is_refused_slowly_over_http_is_not_shown_again_beside_it() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse_request(ladder, after=6.0))

    judge = RememberingJudge()
    await run_for(160.0, play, judge, kind=AccountProbe)
    assert not judge.confirmations


async def test_a_silent_request_that_shows_nothing_is_confirmed_beside_it() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse_request(ladder, after=6.0))

    judge = RememberingJudge()
    await run_for(160.0, play, judge)
    assert judge.confirmations


async def test_while_a_login_is_being_refused_no_other_failure_repeats_it() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse_login(ladder) if number == 3 else refuse(ladder))

    judge = RememberingJudge()
    await run_for(130.0, play, judge)
    assert not judge.confirmations


async def test_a_judge_that_takes_its_time_changes_neither_the_number_nor_the_rhythm() -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number < 3 else refuse(ladder))

    judge = RememberingJudge(takes=0.5)
    await run_for(160.0, play, judge)
    assert [result.confirming for result in judge.of(UNIT)].count(True) == 2
    first, second = judge.confirmations
    assert second.started - first.started == pytest.approx(2.0)
