"""What stands in the way of opening a state is said in a sentence: which file, why, and what to do."""

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from retabli.store import Store, StoreError
from retabli.store.faults import sentence
from retabli.store.lock import Lock
from retabli.store.schema import APPLICATION, FIRST
from tests.store.making import commit, entry, message, sql


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as refused:
        Store.open(path)
    said = str(refused.value)
    assert "\n" not in said
    assert str(path) in said
    return said


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("flows: {}\n" * 500)
    assert "is no state of Retabli (file is not a database); name another file under `state:`" in refusal(path)
    assert path.read_text() == "flows: {}\n" * 500


async def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    sql(path, "CREATE TABLE patients (name TEXT)")
    before = path.read_bytes()
    assert "an SQLite database of another program" in refusal(path)
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="another program"):
        Store.read(path)


async def test_a_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await Store.open(path).close()
    sql(path, "PRAGMA user_version = 99")
    said = refusal(path)
    assert "was written by a newer Retabli (format 99, and this one knows up to 2)" in said
    assert "put the copy from before the upgrade in its place" in said
    assert "`state:`" not in said, "another state would forget everything"


def test_a_file_system_that_is_read_only_is_nobody_s_fault_who_owns_the_file(tmp_path: Path) -> None:
    said = sentence(tmp_path / "state.db", OSError(errno.EROFS, os.strerror(errno.EROFS)))
    assert "Read-only file system" in said
    assert "leave `state:` out" in said
    assert "own" not in said


async def test_a_state_of_the_first_version_is_brought_up_to_date_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    first = f"{FIRST} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(first)
        old.execute("INSERT INTO facts VALUES ('turn', 7)")
        columns = (
            "INSERT INTO outbox (id, key, channel, flow, body, state, turn, attempts, error, queued_at, settled_at)"
        )
        waiting = ("mail-out-2", "duty", "mail-out", '{"n":2}', "pending", 7, 3, "answers 500", 1.0, None)
        told = ("mail-out-1", "duty", "mail-out", '{"n":1}', "told", 6, 1, None, 1.0, 2.0)
        old.execute(f"{columns} VALUES (9, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", waiting)
        old.execute(f"{columns} VALUES (8, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", told)
        old.commit()
    with pytest.raises(StoreError, match="start the daemon once"):
        Store.read(path)
    store = Store.open(path)
    (row,) = await store.heads()
    assert (row.id, row.message.key, row.message.body, row.attempts, row.error) == (
        *(9, "mail-out-2", {"n": 2}, 3),
        "answers 500",
    )
    assert row.begun  # the version before may have tried it
    await commit(store, messages=[message(3)])
    await store.told(row, entry())
    (row,) = await store.heads()
    assert (row.id, row.message.key, row.begun, row.gathers) == (10, "mail-out-3", False, 0)
    assert await store.prune(1e12) == 2
    await store.close()
    assert sql(path, "PRAGMA user_version", "PRAGMA integrity_check") == [("ok",)]
    with Store.read(path) as reader:
        assert [each.number for each in reader.entries()] == [1]


async def test_a_state_that_is_cut_or_scribbled_over_is_refused_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    await asyncio.gather(*(commit(store, entries=[entry(number)]) for number in range(300)))
    await store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert f"is damaged or lost ({len(whole) - len(whole) // 2} of its {len(whole)} bytes are missing)" in refusal(path)
    path.write_bytes(whole[:20_000] + b"\xff" * 20_000 + whole[40_000:])
    assert "is damaged or lost (" in refusal(path)


async def test_an_empty_file_is_damaged_and_never_taken_for_a_new_state(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    with pytest.raises(StoreError, match=r"is damaged \(it is empty\)"):
        Store.read(path)
    assert "is damaged or lost (it is empty), and" in refusal(path)
    assert path.read_bytes() == b""


async def test_a_state_without_a_daemon_to_have_made_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"state\.db: there is no state here"):
        Store.read(tmp_path / "state.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    assert "Is a directory" in refusal(tmp_path / "state.db")


async def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "lib").touch()
    with pytest.raises(StoreError, match="lib"):
        Store.open(tmp_path / "lib" / "state.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
async def test_a_folder_that_may_not_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match=r"Permission denied\); the daemon must own this file and its folder"):
            Store.open(tmp_path / "state.db")
    finally:
        os.seteuid(0)


async def test_a_second_daemon_is_refused_and_told_the_process_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    said = refusal(path)
    assert f"{path} is in use by another daemon (process {os.getpid()}); end that one" in said
    await commit(store, entries=[entry()])
    await store.close()
    await Store.open(path).close()


async def test_the_lock_of_a_daemon_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    program = f"""
import pathlib, sys
from retabli.store.lock import Lock
lock = Lock(pathlib.Path({str(path)!r}))
print("held", flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    with child, child.stdin, child.stdout:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"process {child.pid}"):
            Lock(path)
        child.kill()
        child.wait()
    Lock(path).release()


async def test_a_failed_opening_lets_go_of_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("no database at all")
    refusal(path)
    path.unlink()
    await Store.open(path).close()


async def test_a_state_that_another_program_holds_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    await Store.open(path).close()
    monkeypatch.setattr("retabli.store.schema.BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "is held by another program" in refusal(path)
