"""The loop's watch sees stalls and jumps, and takes neither for the other."""

import asyncio
import time

import pytest

from retabli.clock import LoopWatch

from .fakes import now


class Watching:
    def __init__(self) -> None:
        self.shift = 0.0
        self.drift = 0.0
        self.slept = 0.0
        self.stalls: list[float] = []
        self.jumps: list[float] = []

    def wall(self) -> float:
        return 1_688_371_200.0 + now() * (1 + self.drift) + self.shift

    def boot(self) -> float:
        return now() + self.slept

    def attend(self, jump: float) -> None:
        if jump:
            self.jumps.append(jump)


async def watch_for(seconds: float, watching: Watching) -> None:
    watch = LoopWatch(watching.stalls.append, watching.attend, wall=watching.wall, boot=watching.boot)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await watch.run()


@pytest.mark.looptime
@pytest.mark.parametrize("jump", [-3600.0, 3600.0, 1.5, -1.5])
async def test_a_jump_of_the_wall_clock_is_told_once_and_logged(jump: float, caplog: pytest.LogCaptureFixture) -> None:
    watching = Watching()
    asyncio.get_running_loop().call_later(5.05, setattr, watching, "shift", jump)
    await watch_for(10.0, watching)
    assert watching.jumps == pytest.approx([jump])
    assert "jumped" in caplog.text


@pytest.mark.looptime
async def test_a_clock_that_is_slewed_does_not_jump() -> None:
    watching = Watching()
    watching.drift = 0.05
    await watch_for(60.0, watching)
    assert not watching.jumps


async def test_a_loop_that_is_blocked_is_a_stall_and_no_jump() -> None:
    watching = Watching()
    asyncio.get_running_loop().call_later(0.15, time.sleep, 0.4)
    await watch_for(0.9, watching)
    assert 0.25 < max(watching.stalls) < 1.0
    assert not watching.jumps


@pytest.mark.looptime
async def test_a_machine_that_slept_is_a_stall_for_as_long_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    watching = Watching()
    asyncio.get_running_loop().call_later(5.05, setattr, watching, "slept", 28_800.0)
    await watch_for(10.0, watching)
    assert [stall for stall in watching.stalls if stall > 1.0] == pytest.approx([28_800.0])
    assert [record.getMessage() for record in caplog.records] == [
        "the machine slept for 28800.0 s: nothing was watched meanwhile"
    ]
