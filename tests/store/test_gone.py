"""A state that leaves its place under the daemon, or is damaged there: it ends, and loses nothing that can be kept."""

import os
import shutil
from pathlib import Path

import pytest

from retabli.store import Store, StoreFailed
from retabli.store.generations import folder_of, generations
from tests.store.copied import rows, write, written
from tests.store.making import commit, entry


async def lived(path: Path) -> Store:
    store = Store.open(path)
    await write(store, range(50))
    await store.touch()
    return store


@pytest.mark.parametrize("how", ["deleted", "moved", "folder"])
async def test_what_was_written_after_the_file_had_left_its_place_is_found_by_the_next_start(
    tmp_path: Path, how: str
) -> None:
    state = tmp_path / "lib" / "state.db"
    store = await lived(state)
    if how == "deleted":
        state.unlink()
    elif how == "moved":
        state.rename(tmp_path / "elsewhere.db")
    else:  # as it is when a file system is unmounted
        state.parent.rename(tmp_path / "unmounted")
        state.parent.mkdir()
    await commit(store, standings={"late": {"n": 1}}, entries=[entry(50)])
    with pytest.raises(StoreFailed, match=r"was moved or deleted while .*; all that it held was saved as"):
        await store.touch()
    with pytest.raises(StoreFailed):
        await commit(store, entries=[entry(51)])
    await store.close()
    again = Store.open(state)
    assert again.load().standings["late"] == {"n": 1}
    assert "why='the file is gone'" in str(again.load().restored)
    assert rows(again) == 51
    await again.close()


async def test_a_file_that_somebody_put_in_its_place_is_taken_up_unmixed_with_our_log_and_ours_is_saved(
    tmp_path: Path,
) -> None:
    state, other = tmp_path / "state.db", tmp_path / "other.db"
    await written(other, range(3))
    store = await lived(state)
    other.replace(state)
    await commit(store, standings={"late": {"n": 1}}, entries=[entry(50)])
    with pytest.raises(StoreFailed, match="was replaced by another file while it was in use; all that it held"):
        await store.touch()
    await store.close()
    again = Store.open(state)
    assert (again.load().restored, rows(again), "late" in again.load().standings) == (None, 3, False)
    await again.close()
    (saved,) = generations(folder_of(state))
    with Store.read(saved.path) as reader:
        assert reader.remembered().standings["late"] == {"n": 1}
    assert [each.name.rpartition("-")[2] for each in sorted(tmp_path.glob("state.db.left-*"))] == ["shm", "wal"]


async def test_what_could_not_be_saved_is_said(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    store = await lived(state)
    state.unlink()
    folder_of(state).write_text("no folder")
    with pytest.raises(StoreFailed, match="and what it held could not be saved: "):
        await store.touch()
    await store.close()


async def test_damage_that_a_look_into_the_outbox_meets_ends_the_daemon_instead_of_hiding_what_waits(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state.db"
    store = await lived(state)
    await store.close()
    shutil.copy(state, tmp_path / "whole.db")
    store = Store.open(state)
    with state.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(state.stat().st_size - 4096))
    with pytest.raises(StoreFailed, match="was damaged while it was in use"):
        await store.heads()
    assert store.failure is not None
    await store.close()
