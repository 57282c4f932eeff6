"""Whoever has the folder of a state has its files, also when root was the first to run over it."""

import os
from pathlib import Path

import pytest

from retabli.store import Store
from retabli.store.copies import take
from retabli.store.copying import add
from retabli.store.lock import Lock
from tests.store.making import commit, entry

DAEMON = 61_234  # as systemd gives one to a service of its own

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "retabli"
    made.mkdir(mode=0o700)
    os.chown(made, DAEMON, DAEMON)
    return made


def owners(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(each.relative_to(folder)): (each.stat().st_uid, each.stat().st_gid) for each in folder.rglob("*")}


async def test_all_that_root_makes_beside_or_in_a_state_is_its_folder_s_owner_s(folder: Path) -> None:
    store = Store.open(folder / "state.db")
    await commit(store, entries=[entry()])
    kept = add(folder / "state.db", store.folder, hourly=1, daily=0, at=1.0)
    found = owners(folder)
    await store.close()
    copies = "state.db.copies"
    expected = {
        "state.db",
        "state.db-wal",
        "state.db-shm",
        "state.db.lock",
        copies,
        f"{copies}/{kept.generation.path.name}",
    }
    assert set(found) == expected
    assert set(found.values()) == {(DAEMON, DAEMON)}


async def test_a_copy_that_is_put_in_the_place_of_a_damaged_state_is_too(folder: Path) -> None:
    path = folder / "state.db"
    store = Store.open(path)
    await commit(store, entries=[entry()])
    add(path, store.folder, hourly=1, daily=0, at=1.0)
    await store.close()
    path.write_bytes(b"")
    await Store.open(path).close()
    assert set(owners(folder).values()) == {(DAEMON, DAEMON)}


async def test_what_lies_in_a_folder_of_root_s_and_a_copy_that_root_asked_for_stay_root_s(
    folder: Path, tmp_path: Path
) -> None:
    await Store.open(tmp_path / "own" / "state.db").close()
    assert set(owners(tmp_path / "own").values()) == {(0, 0)}
    take(tmp_path / "own" / "state.db", folder / "copy.db")
    assert owners(folder) == {"copy.db": (0, 0)}


def test_no_file_is_given_away_that_was_there_before(folder: Path, tmp_path: Path) -> None:
    """Whoever has the folder may put a link in it."""
    secret = tmp_path / "secret"
    secret.write_text("root's own")
    (folder / "state.db.lock").symlink_to(secret)
    Lock(folder / "state.db").release()
    assert secret.stat().st_uid == 0
