"""A refused credential is left alone: accounts lock."""

import asyncio
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from retabli.model.ladder import Ladder
from retabli.model.settings import Secret
from retabli.scheduler import Scheduler
from tests.faults.hung_disk import hung_file, on_disk

from .fakes import (
    UNIT,
    PlayedProbe,
    RememberingJudge,
    RememberingMeter,
    answer,
    one,
    refuse,
    refuse_login,
    ticking,
)


class LoginProbe(PlayedProbe):
    kind: str = "login"
    password: Secret


async def refused(ladder: Ladder, _number: int) -> None:
    await refuse_login(ladder)


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("PROBE_PASSWORD", "wrong")
    return Secret(env="PROBE_PASSWORD")


def scheduling(judge: RememberingJudge) -> Scheduler:
    return Scheduler(judge, RememberingMeter())


@pytest.mark.looptime
async def test_after_three_refusals_there_is_one_attempt_a_quarter_of_an_hour(password: Secret) -> None:
    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=30.0, play=refused, password=password)))
    async with ticking(scheduler):
        await asyncio.sleep(3600.0)
        beats = [result.beat for result in judge.of(UNIT)]
        assert beats[2] - beats[1] == pytest.approx(30.0)
        assert [later - earlier for earlier, later in pairwise(beats[2:])] == pytest.approx([900.0] * 3)


@pytest.mark.looptime
async def test_meanwhile_beats_are_skipped_and_the_verdict_stands(password: Secret) -> None:
    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=30.0, play=refused, password=password)))
    async with ticking(scheduler):
        await asyncio.sleep(600.0)
        assert len(judge.results) == 3
        assert len(judge.standing) == len(judge.skips) >= 16


@pytest.mark.looptime
async def test_a_changed_secret_lifts_the_wait(password: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(ladder: Ladder, _number: int) -> None:
        await (answer(ladder) if password.read() == b"right" else refuse_login(ladder))

    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=30.0, play=play, password=password)))
    async with ticking(scheduler):
        await asyncio.sleep(300.0)
        assert len(judge.results) == 3
        monkeypatch.setenv("PROBE_PASSWORD", "right")
        await asyncio.sleep(65.0)
        assert [result.outcome.value for result in judge.of(UNIT)[3:]] == ["ok", "ok"]


@pytest.mark.looptime
async def test_a_secret_that_cannot_be_read_meanwhile_has_not_changed(
    password: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more attempt after each such moment would lock the account."""
    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=30.0, play=refused, password=password)))
    async with ticking(scheduler):
        await asyncio.sleep(300.0)
        monkeypatch.delenv("PROBE_PASSWORD")
        await asyncio.sleep(65.0)
        monkeypatch.setenv("PROBE_PASSWORD", "wrong")
        await asyncio.sleep(300.0)
        assert len(judge.results) == 3


@pytest.mark.looptime
async def test_somebody_who_says_the_secret_is_right_lifts_the_wait(password: Secret) -> None:
    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=30.0, play=refused, password=password)))
    async with ticking(scheduler):
        await asyncio.sleep(300.0)
        scheduler.lift("mail-out", "relay")
        await asyncio.sleep(300.0)
        assert len(judge.results) == 4


@pytest.mark.looptime
async def test_another_failure_in_between_does_not_give_three_more_attempts(password: Secret) -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (refuse(ladder) if number in (1, 3) else refuse_login(ladder))

    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=30.0, play=play, password=password)))
    async with ticking(scheduler):
        await asyncio.sleep(900.0)
        assert [str(result.cause) for result in judge.of(UNIT)].count("auth_refused") == 3


@pytest.mark.looptime
async def test_a_success_gives_the_account_its_three_attempts_back(password: Secret) -> None:
    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder) if number == 2 else refuse_login(ladder))

    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=30.0, play=play, password=password)))
    async with ticking(scheduler):
        await asyncio.sleep(800.0)
        assert [str(result.cause) for result in judge.of(UNIT)].count("auth_refused") == 5


@pytest.mark.looptime
async def test_a_daemon_that_is_started_again_and_again_tries_once_each_time_and_not_thrice(password: Secret) -> None:
    judge = RememberingJudge()
    for _ in range(6):
        scheduler = scheduling(judge)
        await scheduler.adopt(one(LoginProbe(every=30.0, play=refused, password=password)))
        async with ticking(scheduler):
            await asyncio.sleep(200.0)
    assert len(judge.results) == 3 + 5


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Path]:
    with hung_file(tmp_path) as path:
        yield path


async def test_a_secret_on_a_hung_disk_holds_up_no_beat_and_only_one_thread(hung: Path) -> None:
    """The unit waited for it for ever: it was never tried again, its verdict grew stale, and the pool lost a thread."""

    async def play(ladder: Ladder, _number: int) -> None:
        await refuse_login(ladder, after=0.0)

    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=0.05, play=play, password=Secret(file=hung))))
    async with ticking(scheduler), asyncio.timeout(10.0):
        while len(judge.standing) < 10:
            await asyncio.sleep(0.01)
    assert len(judge.results) == 3
    assert on_disk() == 1


async def test_a_secret_whose_disk_hung_for_a_while_is_compared_again_afterwards(tmp_path: Path, hung: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"wrong")

    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder, after=0.0) if number >= 3 else refuse_login(ladder, after=0.0))

    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=0.05, play=play, password=Secret(file=file))))
    async with ticking(scheduler), asyncio.timeout(10.0):
        while not judge.standing:
            await asyncio.sleep(0.01)
        os.link(hung, tmp_path / "between")
        (tmp_path / "between").replace(file)
        while not on_disk():
            await asyncio.sleep(0.01)
        stood = len(judge.standing)
        while len(judge.standing) < stood + 3:
            await asyncio.sleep(0.01)
        assert len(judge.results) == 3
        (tmp_path / "mended").write_bytes(b"right")
        (tmp_path / "mended").replace(file)
        os.close(os.open(hung, os.O_RDWR | os.O_NONBLOCK))  # the disk is back
        while len(judge.results) < 5:
            await asyncio.sleep(0.01)
    assert judge.of(UNIT)[-1].outcome.value == "ok"


async def test_secrets_in_files_are_looked_at_without_stalling_the_loop(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"wrong")

    async def play(ladder: Ladder, number: int) -> None:
        await (answer(ladder, after=0.0) if number >= 3 else refuse_login(ladder, after=0.0))

    judge = RememberingJudge()
    scheduler = scheduling(judge)
    await scheduler.adopt(one(LoginProbe(every=0.05, play=play, password=Secret(file=file))))
    bust: BlockBuster
    with blockbuster_ctx() as bust:
        assert bust.functions
        async with ticking(scheduler), asyncio.timeout(10.0):
            while not judge.standing:
                await asyncio.sleep(0.01)
            assert len(judge.results) == 3
            await asyncio.to_thread(file.write_bytes, b"right")
            while len(judge.results) < 5:
                await asyncio.sleep(0.01)
    assert judge.of(UNIT)[-1].outcome.value == "ok"
