"""The kind `report_loop` with an engine that takes files: they are handed over, or wait too long."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from retabli.model import causes
from retabli.model.result import Result
from retabli.net.folders.listing import Entry, listing
from retabli.net.reports import report_causes
from retabli.net.reports.hand_over import hung
from simulator.engine import xdm_archive
from simulator.smtp import Envelope
from tests.climbing import climb
from tests.mail_world import INSIDE, OUTSIDE
from tests.report_world import World, mail, report_world, token_of
from tests.said import climbed, counts, told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with report_world(tmp_path) as made:
        yield made


class Folder:
    """A directory that an engine reads: `take` is what it does with the first file that it finds."""

    def __init__(self, path: Path, take: Callable[[Path], object]) -> None:
        self.path, self.take = path, take
        self.hidden: list[str] = []

    async def watch(self) -> None:
        while True:
            for file in list(self.path.iterdir()):
                self.take(file) if not file.name.startswith(".") else self.hidden.append(file.name)
            await asyncio.sleep(0.01)


async def by_file(world: World, take: Callable[[Path], object] | None, **keys: Any) -> Result:
    folder = world.folder / "outbox"
    folder.mkdir(exist_ok=True)
    watch = asyncio.create_task(Folder(folder, take).watch()) if take is not None else None
    try:
        return await climb(world.loop(submit=world.by_file(folder, **keys.pop("submit", {})), **keys))
    finally:
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)


async def test_a_file_that_is_taken_and_mailed_climbs_the_whole_ladder(world: World) -> None:
    names: list[str] = []

    def take(file: Path) -> None:
        names.append(file.name)
        content = file.read_bytes()
        file.unlink()
        world.engine.post(Envelope(INSIDE, (OUTSIDE,), mail(token_of(content), attached=xdm_archive("x")).as_bytes()))

    result = await by_file(world, take)
    assert told(result) == ("ok", "on_time", None)
    assert climbed(result) == ["written", "taken", "delivered", "content", "on_time"]
    assert result.rung == result.of
    assert listing([Entry(names[0], 1, 0.0)], None).files == (), "whoever watches the directory takes it for no arrival"
    assert [bool(re.fullmatch(r"RETABLI-RT[0-9a-f]{18}\.hl7", name)) for name in names] == [True]


async def test_a_file_that_nobody_takes_is_told_and_taken_back(world: World) -> None:
    result = await by_file(world, None, submit={"consumed_within": "200ms"})
    assert told(result) == ("failed", "taken", "file_not_taken")
    assert list((world.folder / "outbox").iterdir()) == []
    assert counts(result) == {}


async def test_a_file_that_the_engine_sets_aside_is_rejected(world: World) -> None:
    errors = world.folder / "errors"
    errors.mkdir()
    result = await by_file(world, lambda file: file.rename(errors / file.name), submit={"error_directory": str(errors)})
    assert told(result) == ("failed", "taken", "hand_over_rejected")


async def test_a_file_that_the_engine_sets_aside_later_is_rejected_too(world: World) -> None:
    errors = world.folder / "errors"
    errors.mkdir()

    def take(file: Path) -> None:
        working = file.rename(world.folder / file.name)
        asyncio.get_running_loop().call_later(0.3, working.rename, errors / file.name)

    result = await by_file(world, take, submit={"error_directory": str(errors)}, within="800ms")
    assert told(result) == ("failed", "delivered", "hand_over_rejected")


async def test_a_directory_that_is_missing_is_told(world: World) -> None:
    probe = world.loop(submit=world.by_file(world.folder / "nowhere"))
    result = await climb(probe)
    assert told(result) == ("failed", "written", "directory_unusable")
    assert "No such file" in result.detail


async def test_a_directory_that_goes_away_has_consumed_nothing(world: World) -> None:
    def unmount(file: Path) -> None:
        file.parent.rename(file.parent.with_name("elsewhere"))
        (world.folder / "outbox").mkdir()

    result = await by_file(world, unmount)
    assert told(result) == ("failed", "taken", "directory_unusable")


def test_a_directory_that_does_not_answer_is_no_fault_of_the_network() -> None:
    assert hung(causes.TIMEOUT, "") == (report_causes.DIRECTORY_UNUSABLE, "it does not answer")
    assert hung(causes.FILE_UNREADABLE, "") == (causes.FILE_UNREADABLE, "")


async def test_a_file_is_taken_back_when_the_run_is_cut_off(world: World) -> None:
    (world.folder / "outbox").mkdir()
    run = asyncio.create_task(climb(world.loop(submit=world.by_file(world.folder / "outbox"))))
    async with asyncio.timeout(5):
        while not list((world.folder / "outbox").iterdir()):
            await asyncio.sleep(0.01)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert list((world.folder / "outbox").iterdir()) == []


# What waits to be sent ------------------------------------------------------------------------------------------------


async def test_reports_that_wait_too_long_are_told_before_anything_is_sent(world: World) -> None:
    queue = world.folder / "queue"
    queue.mkdir()
    for name in ("old.xml", "new.xml", ".part", "other.txt"):
        (queue / name).write_bytes(b"synthetic")
    unsent = {"directory": str(queue), "max_age": "10m", "pattern": "*.xml"}
    result = await climb(world.loop(unsent=unsent))
    assert told(result) == ("ok", "on_time", None)
    assert climbed(result)[0] == "unsent"
    assert result.properties["unsent"].startswith("2 files")
    os.utime(queue / "old.xml", (1_688_371_200, 1_688_371_200))
    result = await climb(world.loop(unsent=unsent))
    assert told(result) == ("failed", "unsent", "unsent_too_old")
    assert result.detail.startswith("2 files, the oldest for ")
    assert counts(result) == {}
    os.utime(queue / "other.txt", (1_688_371_200, 1_688_371_200))
    (queue / "old.xml").unlink()
    assert told(await climb(world.loop(unsent=unsent)))[0] == "ok"


async def test_a_queue_that_cannot_be_looked_at_is_not_judged(world: World) -> None:
    unsent = {"directory": str(world.folder / "nowhere"), "max_age": "10m"}
    assert told(await climb(world.loop(unsent=unsent))) == ("unknown", "unsent", "file_unreadable")


async def test_a_queue_without_end_is_looked_at_within_bounds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retabli.net.reports.hand_over.MOST", 3)
    queue = world.folder / "queue"
    queue.mkdir()
    for number in range(5):
        (queue / f"{number}").write_bytes(b"")
    result = await climb(world.loop(unsent={"directory": str(queue), "max_age": "10m"}))
    assert told(result) == ("failed", "unsent", "unsent_too_old")
    assert result.detail.startswith("3 or more files")
    result = await climb(world.loop(unsent={"directory": str(queue), "max_age": "10m", "pattern": "*.xml"}))
    assert told(result) == ("unknown", "unsent", "file_unreadable")
