"""Copies of the state: each is whole and named by what it holds, none fills the disk, no kill leaves an obstacle."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retabli.store import Store, StoreError
from retabli.store.copies import part_of, publish, take
from retabli.store.copying import RESERVE, make_room
from retabli.store.facts import StoreDamaged
from retabli.store.generations import folder_of, generations
from tests.entrance import ROOT
from tests.store.copied import copied, grow, write, written
from tests.store.making import sql


async def test_a_copy_holds_what_the_state_held_at_its_moment_and_is_named_by_its_own_digest(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    store = Store.open(state)
    await write(store, range(100))
    kept = await asyncio.to_thread(copied, state)
    await write(store, range(100, 120))
    await store.close()
    (found,) = generations(folder_of(state))
    assert (found, found.whole, found.number, found.broken) == (kept.generation, True, 1, False)
    assert (found.path.stat().st_mode & 0o777, found.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with Store.read(found.path) as reader:
        assert reader.verify() == kept.verdict
        assert reader.verify().rows == 100
        assert len(reader.history("mail-out", 1000)) == 300
    assert sorted(each.name for each in found.path.parent.iterdir()) == [found.path.name]


async def test_one_bit_that_turns_in_a_copy_makes_it_none(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    await written(state, range(50))
    found = copied(state).generation
    content = bytearray(found.path.read_bytes())
    content[len(content) // 2] ^= 1
    found.path.write_bytes(content)
    assert not found.whole


async def test_copies_whose_time_is_over_go_and_each_has_the_next_number(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    await written(state, range(5))
    for _ in range(4):
        copied(state, hourly=1, daily=0)
    assert [each.number for each in generations(folder_of(state))] == [4, 3]


async def test_a_damaged_state_gives_no_copy_and_the_good_ones_stay(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    await written(state, range(30))
    good = copied(state).generation
    grow(state, 5000)
    sql(state, "PRAGMA wal_checkpoint(TRUNCATE)")
    state.write_bytes(state.read_bytes()[:-40_960] + os.urandom(40_960))  # kept results alone: nothing else tells it
    with pytest.raises(StoreDamaged, match=r"state\.db is damaged \("):
        copied(state)
    assert generations(folder_of(state)) == [good]
    assert list(folder_of(state).glob("*.part*")) == []


async def test_a_log_that_was_tampered_with_is_copied_and_named_and_the_last_that_holds_stays(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    await written(state, range(5))
    holds = copied(state).generation
    sql(state, "DROP TRIGGER log_is_never_altered", "UPDATE log SET at = 7.0 WHERE number = 2")
    for _ in range(2):
        broken = copied(state, hourly=1, daily=0)
    assert broken.verdict.fault == "row 2 is not what was written (altered, or put in the place of another)"
    assert broken.generation.path.name.endswith("-broken-log.db")
    assert [(each.number, each.broken) for each in generations(folder_of(state))] == [(3, True), (2, True), (1, False)]
    assert generations(folder_of(state))[::2] == [broken.generation, holds]


async def test_a_copy_leaves_room_for_the_state_and_lets_older_copies_go_for_it_but_never_the_newest(
    tmp_path: Path,
) -> None:
    state, folder = tmp_path / "state.db", folder_of(tmp_path / "state.db")
    await written(state, range(5))
    for _ in range(3):
        copied(state, hourly=1, daily=4)
        newest = generations(folder)[0].path
        for more in (1, 2):  # of hours before
            stamped = newest.name.replace(newest.name[7:23], f"20230703T{more + 10}0000Z")
            (folder / f"{int(stamped[:6]):06}{stamped[6:]}").write_bytes(newest.read_bytes())
    held = len(generations(folder))
    assert held > 2

    def free(_: Path) -> int:
        return RESERVE + 1000 - 200 * len(generations(folder))

    make_room(folder, 100, free)  # two copies' room is wanted beside the reserve
    assert len(generations(folder)) <= 4
    newest = generations(folder)[0].path
    with pytest.raises(StoreError, match=r"no copy of the state is taken, \d+ MB are free and \d+ MB are wanted"):
        make_room(folder, 100, lambda _: RESERVE)
    assert [each.path for each in generations(folder)] == [newest]


async def test_what_a_kill_left_of_a_copy_is_no_obstacle_to_the_next_one_of_that_name(tmp_path: Path) -> None:
    state, copy = tmp_path / "state.db", tmp_path / "copy.db"
    await written(state, range(5))
    for suffix in ("", "-journal", "-wal", "-shm"):
        (tmp_path / f"copy.db.part{suffix}").write_bytes(os.urandom(5000))
    with part_of(copy) as part:
        assert part.read_bytes() == b""
        assert list(tmp_path.glob("copy*")) == [part]
    (tmp_path / "copy.db.part").write_bytes(os.urandom(5000))
    assert take(state, copy).rows == 5
    assert sorted(each.name for each in tmp_path.glob("copy*")) == ["copy.db"]


async def test_two_that_make_the_same_copy_at_once_do_not_write_into_each_others_file(tmp_path: Path) -> None:
    state, copy = tmp_path / "state.db", tmp_path / "copy.db"
    await written(state, range(5))
    with part_of(copy) as part:
        part.write_text("mine")
        with pytest.raises(StoreError, match="is being written by another copying"):
            take(state, copy)
        assert part.read_text() == "mine"
    take(state, copy)


async def test_where_the_file_system_has_no_hard_links_a_copy_is_made_and_replaces_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    state, copy = tmp_path / "state.db", tmp_path / "copy.db"
    await written(state, range(5))
    assert take(state, copy).rows == 5
    with pytest.raises(StoreError, match="is there already"):
        take(state, copy)
    (tmp_path / "late.part").write_text("late")  # somebody gave a file that name while we made ours
    with pytest.raises(StoreError, match="is there already"):
        publish(tmp_path / "late.part", copy)
    assert take(copy, tmp_path / "copy-of-it.db").rows == 5
    (tmp_path / "copy-of-it.db").unlink()
    assert sorted(each.name for each in tmp_path.glob("copy*")) == ["copy.db"]


def process(state: Path, *, stdin: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    words = ("--hourly", "100", "--daily", "0")
    return subprocess.Popen(
        [sys.executable, "-m", "retabli.store.copying", str(state), str(folder_of(state)), *words],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )


@pytest.mark.timeout(90)
async def test_killed_at_any_moment_copying_leaves_whole_copies_alone_and_the_next_one_goes_on(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    store = Store.open(state)
    await write(store, range(100))
    grow(state, 100_000)
    seed = random.randrange(10**6)  # noqa: S311 - moments, not secrets
    moments = random.Random(seed)  # noqa: S311
    halves = 0
    for _ in range(15):
        with process(state) as copying:
            while not list(folder_of(state).glob("*.part")):
                time.sleep(0.001)  # another process: there is nothing here to await
            time.sleep(moments.uniform(0.0, 0.5))
            copying.send_signal(signal.SIGKILL)
        halves += any(folder_of(state).glob("*.part"))
        assert all(each.whole for each in generations(folder_of(state))), seed
    assert halves, "none was killed in the middle"
    await asyncio.to_thread(copied, state)
    assert not list(folder_of(state).glob("copy*"))
    await store.close()


async def test_a_copying_whose_daemon_has_gone_ends_too(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    await written(state, range(5))
    grow(state, 100_000)
    ours, theirs = os.pipe()
    with process(state, stdin=ours) as copying:
        os.close(ours)
        os.close(theirs)
        assert await asyncio.to_thread(copying.wait, 20) == 1
    assert generations(folder_of(state)) == []
