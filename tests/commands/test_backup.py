"""`backup` copies a state that is being written into one whole file, and never puts half of one in its place."""

import asyncio
import subprocess
from pathlib import Path

from retabli.store import Store
from tests.commands.terminal import run
from tests.store.making import commit, entry, message, sql


def backup(state: Path, copy: Path) -> "subprocess.CompletedProcess[str]":
    return run("backup", copy, "--state", state)


async def test_the_copy_of_a_state_that_is_open_holds_all_that_was_acknowledged(tmp_path: Path) -> None:
    state, copy = tmp_path / "state.db", tmp_path / "copy.db"
    store = Store.open(state)
    await commit(store, standings={"port": {"n": 1}}, entries=[entry(), entry(2)], messages=[message(1)])
    ended = await asyncio.to_thread(backup, state, copy)
    number, head = await store.head()
    assert ended.stdout == f"{copy}: 2 rows of the log, head {number}:{head}\n"
    await commit(store, entries=[entry(3)])
    await store.close()
    again = Store.open(copy)
    assert again.load().standings == {"port": {"n": 1}}
    assert [row.message.key for row in await again.heads()] == [message(1).key]
    assert [row.number for row in await again.entries()] == [2, 1]
    await again.close()


async def test_copies_that_are_taken_while_the_daemon_writes_are_each_whole(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    store = Store.open(state)
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            await commit(store, entries=[entry(written)])
            written += 1

    writing = asyncio.create_task(write())
    for number in range(5):
        before = written
        copy = tmp_path / f"copy-{number}.db"
        assert (await asyncio.to_thread(backup, state, copy)).returncode == 0
        with Store.read(copy) as reader:
            assert reader.verify().fault is None
            assert reader.verify().rows >= before
    writing.cancel()
    await asyncio.wait({writing})
    await store.close()
    assert written > 5


async def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    state, copy = tmp_path / "state.db", tmp_path / "copy.db"
    await Store.open(state).close()
    copy.write_text("the only one")
    ended = backup(state, copy)
    assert (ended.returncode, "is there already" in ended.stderr) == (2, True)
    assert copy.read_text() == "the only one"


async def test_a_damaged_state_leaves_no_copy_and_no_part_of_one(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    store = Store.open(state)
    await asyncio.gather(*(commit(store, entries=[entry(number)]) for number in range(300)))
    await store.close()
    whole = state.read_bytes()
    state.write_bytes(whole[:20_000] + b"\xff" * 20_000 + whole[40_000:])
    ended = backup(state, tmp_path / "copy.db")
    assert (ended.returncode, "damaged" in ended.stderr) == (2, True)
    assert not list(tmp_path.glob("copy*"))


async def test_a_log_that_was_tampered_with_is_copied_as_it_is_and_named(tmp_path: Path) -> None:
    state, copy = tmp_path / "state.db", tmp_path / "copy.db"
    store = Store.open(state)
    await commit(store, entries=[entry(), entry(2)])
    await store.close()
    sql(state, "DROP TRIGGER log_is_never_altered", "UPDATE log SET at = 7.0 WHERE number = 2")
    ended = backup(state, copy)
    assert (ended.returncode, "row 2 is not what was written" in ended.stderr) == (1, True)
    assert copy.exists()


def test_where_there_is_no_state_there_is_no_copy(tmp_path: Path) -> None:
    ended = backup(tmp_path / "state.db", tmp_path / "copy.db")
    assert (ended.returncode, "there is no state here" in ended.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
