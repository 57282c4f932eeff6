"""Threads of our own: a file that hangs holds one of them, and waiting for one is no silence of a partner's."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retabli.model import causes, stages
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.net.mssante import documents
from tests.climbing import climb
from tests.mssante_world import space
from tests.net.sftp_climbs import probe as sftp

RUNS = 12  # more than the loop's default pool has threads on a small machine


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Path]:
    """A file that does not answer whoever opens it, until the test is over."""
    path = tmp_path / "hung"
    os.mkfifo(path)
    yield path
    os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))  # whoever reads it is let go
    while on_disk():
        time.sleep(0.01)


def on_disk() -> int:
    return sum(thread.name == "disk" for thread in threading.enumerate())


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.01)


async def climbed_often(probe: Probe) -> list[Result]:
    """Every run of it; at its end, one thread hangs and the loop's own pool has lost none."""
    results = [await climb(probe, deadline=0.2) for _ in range(RUNS)]
    await until(lambda: on_disk() == 1)
    async with asyncio.timeout(2):
        await asyncio.to_thread(int)
    return results


async def test_a_secret_on_a_hung_disk_holds_one_thread_and_is_unknown(hung: Path) -> None:
    results = await climbed_often(sftp(9, hung))
    assert {(result.stage, result.outcome) for result in results[1:]} == {(stages.AUTH, Outcome.UNKNOWN)}
    assert {result.cause for result in results[1:]} == {causes.SECRET_UNREADABLE}
    assert "its disk hangs" in results[-1].detail


async def test_a_white_list_on_a_hung_disk_holds_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hangs(*_: object) -> documents.Copy:
        released.wait()
        raise OSError

    world = space(tmp_path)
    monkeypatch.setattr(documents, "_read", hangs)
    results = await climbed_often(world.probe(9, timeout="250ms"))
    assert {result.cause and result.cause.code for result in results} == {"white_list_unreachable"}
    released.set()
    await until(lambda: not on_disk())


async def test_our_own_certificate_on_a_hung_disk_holds_one_thread(tmp_path: Path, hung: Path) -> None:
    world = space(tmp_path)
    results = await climbed_often(world.probe(9, tls=world.tls() | {"client_cert": str(hung)}))
    assert {result.outcome for result in results} == {Outcome.UNKNOWN}
    assert {result.cause for result in results[1:]} == {causes.FILE_UNREADABLE}
