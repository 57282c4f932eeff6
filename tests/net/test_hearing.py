"""What a run measures is when its answer was heard of, not when its turn came among all the others."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

from retabli.model import stages
from retabli.model.ladder import Ladder
from retabli.net.hearing import HearingLoop, elapsed, hearing, quiet

BUSY = 0.05  # seconds that another one takes


def in_a_hearing_loop(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=HearingLoop) as runner:
        runner.run(work())


def work_hard() -> None:
    until = time.monotonic() + BUSY
    while time.monotonic() < until:
        pass


async def heard_together(first: Callable[[], object], second: Callable[[], object]) -> tuple[object, object]:
    """What both say of two answers that arrive in one turn of the loop, in this order."""
    loop = asyncio.get_running_loop()
    ends = [socket.socketpair() for _ in range(2)]
    said: list[object] = []

    async def wait(here: socket.socket, say: Callable[[], object]) -> None:
        await loop.sock_recv(here, 1)
        said.append(say())

    try:
        for here, there in ends:
            here.setblocking(False)
            there.setblocking(False)
        tasks = [asyncio.create_task(wait(here, say)) for (here, _), say in zip(ends, (first, second), strict=True)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for _, there in ends:
            there.send(b"!")
        await asyncio.gather(*tasks)
    finally:
        for here, there in ends:
            here.close()
            there.close()
    return said[0], said[1]


def test_what_another_run_of_the_same_turn_takes_is_not_measured() -> None:
    async def work() -> None:
        began = time.monotonic()
        _, measured = await heard_together(work_hard, lambda: elapsed(began))
        assert isinstance(measured, float)
        assert 0.0 < measured < BUSY
        assert time.monotonic() - began >= BUSY

    in_a_hearing_loop(work)


def test_nor_does_a_rung_of_the_ladder_count_it() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        ladder = Ladder((stages.CONNECT,), clock=loop.time, heard=hearing(loop))
        climb = ladder.rung(stages.CONNECT)
        climb.__enter__()
        started = loop.time()
        await heard_together(work_hard, lambda: climb.__exit__(None, None, None))
        result = ladder.finish(beat=started, started=started)
        assert 0.0 < result.rungs[0].seconds < BUSY
        assert result.seconds >= result.rungs[0].seconds

    in_a_hearing_loop(work)


def test_a_rung_that_waited_for_nobody_takes_what_it_took_itself() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        ladder = Ladder((stages.CONTENT,), clock=loop.time, heard=hearing(loop))
        started = loop.time()
        with ladder.rung(stages.CONTENT):
            work_hard()
        result = ladder.finish(beat=started, started=started)
        assert result.rungs[0].seconds >= BUSY
        assert result.seconds >= BUSY

    in_a_hearing_loop(work)


def test_what_a_thread_gave_was_not_heard_of_before_it_was_given() -> None:
    async def work() -> None:
        began = time.monotonic()
        await asyncio.to_thread(work_hard)
        assert elapsed(began) >= BUSY

    in_a_hearing_loop(work)


def test_a_turn_at_which_something_was_heard_is_not_quiet() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        assert quiet(loop)
        turns: list[bool] = []
        here, there = socket.socketpair()
        with here, there:

            def heard() -> None:
                turns.append(quiet(loop))
                here.recv(1)

            loop.add_reader(here, heard)
            there.send(b"!")
            while not turns:
                await asyncio.sleep(0)
            loop.remove_reader(here)
        assert turns == [False]

    in_a_hearing_loop(work)


async def test_a_loop_that_notes_nothing_says_now() -> None:
    began = time.monotonic()
    work_hard()
    assert elapsed(began) >= BUSY
    assert quiet(asyncio.get_running_loop())
