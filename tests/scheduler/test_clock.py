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
        self.gaps: list[tuple[float, bool]] = []

    def wall(self) -> float:
        return 1_688_371_200.0 + now() * (1 + self.drift) + self.shift

    def boot(self) -> float:
        return now() + self.slept

    def unwatched(self, seconds: float, asleep: bool) -> None:
        self.gaps.append((round(seconds), asleep))

    def attend(self, jump: float) -> None:
        if jump:
            self.jumps.append(jump)


async def watch_for(seconds: float, watching: Watching) -> None:
    watch = LoopWatch(
        watching.stalls.append, watching.attend, watching.unwatched, wall=watching.wall, boot=watching.boot
    )
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


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("slept", "shift", "gaps"),
    [
        (3600.0, 3600.0, [(3600, True)]),  # a sleep, of which the wall clock knows too: it is one and not two
        (3600.0, 0.0, [(3600, True)]),  # … and was set back in it
        (0.0, 3600.0, [(3600, False)]),  # paused by a hypervisor, or the clock was set
        (0.0, -3600.0, []),
        (3.0, 3.0, []),
    ],
)
async def test_time_that_passes_for_everybody_but_the_loop_is_a_gap_in_which_nobody_looked(
    slept: float, shift: float, gaps: list[tuple[int, bool]]
) -> None:
    watching = Watching()

    def wake() -> None:
        watching.slept, watching.shift = slept, shift

    asyncio.get_running_loop().call_later(5.05, wake)
    await watch_for(10.0, watching)
    assert watching.gaps == gaps
