"""The part that has copies taken: what it counts, what it says and when, and what it does about a damaged state."""

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from retabli.store import Store, StoreFailed
from retabli.store.copier import Copier, Rhythm
from retabli.store.generations import folder_of, generations
from tests.store.copied import grow, write, written
from tests.store.making import sql


@dataclass
class Counted:
    copied: list[float] = field(default_factory=list)
    failed: int = 0
    broken: list[bool] = field(default_factory=list)

    def state_copied(self, at: float) -> None:
        self.copied.append(at)

    def state_copy_failed(self) -> None:
        self.failed += 1

    def log_broken(self, *, broken: bool) -> None:
        self.broken.append(broken)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    await written(tmp_path / "state.db", range(300))
    store = Store.open(tmp_path / "state.db")
    yield store
    await store.close()


def copier(store: Store, every: float = 3600.0) -> tuple[Copier, Counted]:
    counted = Counted()
    return Copier(store, Rhythm(every, hourly=3, daily=4), counted), counted


async def test_a_copy_is_taken_after_the_start_and_then_at_its_rhythm_and_what_was_there_counts(store: Store) -> None:
    one, counted = copier(store)
    await one.copy()
    before = generations(folder_of(store.path))[0].at
    again, counted = copier(store, every=0.01)
    running = asyncio.create_task(again.run())
    async with asyncio.timeout(20):
        while len(counted.copied) < 3:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    assert counted.copied == sorted(counted.copied)
    assert counted.copied[0] == before
    assert (counted.failed, set(counted.broken)) == (0, {False})


async def test_one_that_is_ended_in_the_middle_leaves_neither_a_process_nor_half_a_copy_for_the_next(
    store: Store,
) -> None:
    grow(store.path, 50_000)
    one, counted = copier(store)
    running = asyncio.create_task(one.copy())
    part = folder_of(store.path) / "copy.part"
    async with asyncio.timeout(20):
        while not part.exists():
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait({running})
    assert generations(folder_of(store.path)) == []
    await one.copy()
    assert len(counted.copied) == 1
    assert not part.exists()


async def test_a_state_that_is_found_damaged_by_a_copy_ends_the_daemon_and_keeps_the_good_copies(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    one, counted = copier(store)
    await one.copy()
    good = generations(folder_of(store.path))
    grow(store.path, 5000)
    sql(store.path, "PRAGMA wal_checkpoint(TRUNCATE)")
    with store.path.open("r+b") as file:
        file.seek(-40_960, os.SEEK_END)
        file.write(os.urandom(40_960))
    with pytest.raises(StoreFailed, match=r"state\.db is damaged \("):
        await one.copy()
    assert isinstance(store.failure, StoreFailed)
    assert generations(folder_of(store.path)) == good
    assert (len(counted.copied), counted.failed) == (1, 1)
    assert caplog.text.count("no copy of the state was taken") == 1


async def test_a_broken_log_is_said_once_counted_each_time_and_ends_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sql(store.path, "DROP TRIGGER log_is_never_altered", "UPDATE log SET at = 7.0 WHERE number = 2")
    one, counted = copier(store)
    await one.copy()
    await one.copy()
    assert (counted.broken, len(counted.copied), store.failure) == ([True, True], 2, None)
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert "the log is broken: row 2 is not what was written" in caplog.text
    await write(store, range(1))


async def test_a_folder_that_cannot_be_written_is_said_once_and_its_return_too(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    folder_of(store.path).write_text("no folder")
    one, counted = copier(store)
    caplog.set_level(logging.INFO)
    for _ in range(3):
        await one.copy()
    assert one.trouble
    folder_of(store.path).unlink()
    for _ in range(2):
        await one.copy()
    assert not one.trouble
    assert (counted.failed, len(counted.copied)) == (3, 2)
    assert [record.levelname for record in caplog.records if "copies of the" in record.message] == ["INFO"]
    assert caplog.text.count("no copy of the state was taken") == 1


async def test_a_process_that_cannot_begin_is_a_failure_and_no_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    one, counted = copier(store)
    await one.copy()
    assert (counted.failed, one.trouble) == (1, "copying ended with 1")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    await one.copy()
    assert counted.failed == 2
    assert "No such file" in str(one.trouble)
