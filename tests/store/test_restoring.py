"""A state that is damaged or lost is never taken for a new one: it is whole, restored from a good copy, or refused."""

import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from retabli.store import Store, StoreError
from retabli.store.facts import Remembered
from retabli.store.generations import folder_of, generations
from retabli.store.schema import beside
from tests.entrance import ROOT
from tests.store.copied import copied, rows, write, written
from tests.store.making import sql

COPIED, WRITTEN = 200, 260  # rows of the log, at the copy and at the end


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """One of which a copy was taken, and that went on afterwards."""
    path = tmp_path / "state.db"
    await written(path, range(COPIED))
    copied(path)
    await written(path, range(COPIED, WRITTEN))
    return path


def aside(state: Path, suffix: str = "Z") -> list[Path]:
    """The damaged files that are kept, or what was beside them."""
    return sorted(state.parent.glob(f"state.db.damaged-*{suffix}"))


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.rglob("*") if each.is_file() and each.suffix != ".lock"}


async def restored(state: Path) -> None:
    """What is there now is the copy, says so, and goes on."""
    store = Store.open(state)
    found = store.load().restored
    assert found is not None
    assert found.copy == generations(folder_of(state))[0].path.name
    assert (found.until, store.load().clean_stop) == (store.load().last_seen, True)
    assert rows(store) == COPIED
    assert {flow: values["next"] for flow, values in store.load().standings.items()} == {
        f"flow-{number % 7}": number + 1 for number in range(COPIED - 7, COPIED)
    }
    assert len(await store.heads()) == 7
    await write(store, range(1))
    assert rows(store) == COPIED + 1
    await store.close()


@pytest.mark.parametrize("length", [0, 1, 99, 100, 4096, 4097, 20_480, -4096, -1])
async def test_a_state_that_was_cut_is_kept_aside_as_it_was_and_its_copy_goes_on(
    state: Path, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole = state.read_bytes()
    state.write_bytes(whole[:length])
    await restored(state)
    (kept,) = aside(state)
    assert kept.read_bytes() == whole[:length]
    (said,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert f"{state} was damaged or lost (" in said.message
    assert f"the damaged file is kept as {kept}" in said.message


async def test_an_empty_file_keeps_the_log_that_lies_beside_it(state: Path) -> None:
    store = Store.open(state)
    await write(store, range(5))
    log = state.with_name("state.db-wal").read_bytes()
    assert log
    await store.close()
    state.with_name("state.db-wal").write_bytes(log)
    state.write_bytes(b"")
    await restored(state)
    assert [each.read_bytes() for each in aside(state, "-wal")] == [log]


async def test_a_state_that_is_missing_while_there_are_copies_was_lost(state: Path) -> None:
    state.unlink()
    with pytest.raises(StoreError, match="there is no state here"):
        Store.read(state)
    await restored(state)
    assert aside(state) == []


async def test_a_log_without_its_state_was_lost_too_and_without_a_copy_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    state.with_name("state.db-wal").write_bytes(b"rows")
    with pytest.raises(
        StoreError, match=r"is damaged or lost \(the file is gone\), and .*state\.db\.copies has no copy"
    ):
        Store.open(state)
    assert state.with_name("state.db-wal").read_bytes() == b"rows"
    assert not state.exists()


async def test_where_nothing_was_left_behind_a_new_state_is_made_as_a_whole(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    state.with_name("state.db.new").write_bytes(b"half of one")
    store = Store.open(state)
    assert store.load() == Remembered()
    assert rows(store) == 0
    await store.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state.db", "state.db.lock"]


async def test_moving_all_of_it_away_begins_anew(state: Path) -> None:
    old = state.parent / "old"
    old.mkdir()
    for each in state.parent.glob("state.db*"):
        each.rename(old / each.name)
    store = Store.open(state)
    assert store.load() == Remembered()
    await store.close()


@pytest.mark.parametrize("what", ["cut", "empty", "schema", "application"])
async def test_without_a_good_copy_it_is_refused_and_nothing_is_touched(tmp_path: Path, what: str) -> None:
    state = tmp_path / "state.db"
    await written(state, range(50))
    copied(state)
    (copy,) = folder_of(state).iterdir()
    copy.write_bytes(copy.read_bytes()[:-1])
    if what == "schema":
        sql(state, "DROP TABLE outbox")
    elif what == "application":
        sql(state, "PRAGMA application_id = 7")
    else:
        state.write_bytes(state.read_bytes()[:5000] if what == "cut" else b"")
    before = contents(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreError) as refused:
            Store.open(state)
    assert (
        f"none of the 1 copies in {folder_of(state)} is good: put one in its place (docs/backup.md), or begin"
        in str(refused.value)
    )
    assert "\n" not in str(refused.value)
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {"state.db-wal", "state.db-shm"}


async def test_a_newer_copy_that_is_damaged_is_passed_over(state: Path, caplog: pytest.LogCaptureFixture) -> None:
    newer = copied(state).generation.path
    content = bytearray(newer.read_bytes())
    content[-1] ^= 1
    newer.write_bytes(content)
    state.write_bytes(b"")
    store = Store.open(state)
    assert store.load().restored is not None
    assert rows(store) == COPIED
    await store.close()
    assert f"{newer} is no good copy: it is not what was written" in caplog.text


async def test_a_state_that_is_damaged_again_and_again_does_not_fill_the_disk(state: Path) -> None:
    for number in range(4):
        state.with_name(f"state.db.damaged-20230703T10{number}000Z").touch()  # long ago: they do not count
        state.write_bytes(b"")
        await Store.open(state).close()
    state.write_bytes(b"")
    with pytest.raises(StoreError, match=r"was restored 4 times within an hour: look at its disk"):
        Store.open(state)
    assert len(aside(state, "")) == 8 + len(aside(state, "-wal")) + len(aside(state, "-shm"))
    for each in aside(state, ""):
        each.unlink()
    await Store.open(state).close()


async def test_a_schema_that_was_cut_is_damage(state: Path) -> None:
    sql(state, "DROP INDEX outbox_lanes")
    await restored(state)


async def test_a_standing_that_cannot_be_read_is_damage(state: Path) -> None:
    sql(state, "UPDATE standings SET standing = '{\"next' WHERE flow = 'flow-1'")
    await restored(state)


async def test_a_message_that_cannot_be_read_is_damage(state: Path) -> None:
    sql(state, "UPDATE outbox SET body = 'x' WHERE id = 3")
    await restored(state)


async def test_what_whoever_takes_it_up_cannot_read_is_damage(state: Path) -> None:
    def readable(remembered: Remembered) -> None:
        for values in remembered.standings.values():
            if values["next"] > COPIED:
                raise ValueError("no such state")

    store = Store.open(state, readable=readable)
    assert "no such state" in str(store.load().restored)
    await store.close()


async def test_a_log_that_was_tampered_with_is_no_damage_and_no_copy_hides_it(state: Path) -> None:
    sql(state, "DROP TRIGGER log_is_never_altered", "UPDATE log SET data = '{}' WHERE number = 7")
    store = Store.open(state)
    assert store.load().restored is None
    await store.close()
    with Store.read(state) as reader:
        assert "row 7 is not what was written" in str(reader.verify().fault)


async def test_a_state_of_a_newer_version_is_refused_though_there_are_copies(state: Path) -> None:
    sql(state, "PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="was written by a newer Retabli"):
        Store.open(state)
    assert aside(state) == []


async def test_a_copy_of_the_version_before_is_good_and_brought_up_to_date(tmp_path: Path) -> None:
    from retabli.store.chain import Verdict
    from retabli.store.copying import keep
    from retabli.store.schema import APPLICATION, FIRST

    state = tmp_path / "state.db"

    def filled(part: Path) -> Verdict:
        with closing(sqlite3.connect(part)) as old:
            old.executescript(f"{FIRST} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;")
            old.execute("INSERT INTO standings VALUES ('port', '{\"n\": 1}')")
            old.commit()
        return Verdict(0, "")

    folder_of(state).mkdir()
    keep(folder_of(state), filled, time.time())
    store = Store.open(state)
    assert store.load().standings == {"port": {"n": 1}}
    await store.close()


# pages overwritten ------------------------------------------------------------------------------------------------


async def test_a_schema_that_is_no_text_is_damage(state: Path) -> None:
    """SQLite quotes it in what it says, and Python cannot read that as text: it was a traceback."""
    whole = state.read_bytes()
    state.write_bytes(whole.replace(b"CREATE TABLE", b"CREATE TABL\xb1"))
    await restored(state)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("closed", [True, False])
async def test_whatever_is_overwritten_the_state_is_whole_or_restored_or_refused_and_never_short(
    state: Path, *, closed: bool
) -> None:
    """Pages and pieces of them, at offsets all over the file; each time a copy of the same whole state is damaged."""
    if not closed:
        sql(state, "UPDATE facts SET value = 0 WHERE name = 'clean_stop'")
    whole, seed = state.read_bytes(), random.randrange(10**6)  # noqa: S311 - offsets, not secrets
    chance = random.Random(seed)  # noqa: S311
    ends = {"whole": 0, "restored": 0, "refused": 0}
    for number in range(120):
        offset = number * 4096 % len(whole) if number % 2 else chance.randrange(len(whole))
        length = chance.choice((16, 512, 4096, 4096, 16_384))
        damaged = (whole[:offset] + chance.randbytes(length) + whole[offset + length :])[: len(whole)]
        for left in (*beside(state), *aside(state), *aside(state, "-*")):
            left.unlink(missing_ok=True)
        state.write_bytes(damaged)
        try:
            store = Store.open(state)
        except StoreError:
            assert state.read_bytes() == damaged, (seed, number)
            ends["refused"] += 1
            continue
        found = store.load()
        head = (await store.head())[0]
        assert head == (COPIED if found.restored else WRITTEN), (seed, number, offset, length)
        assert len(found.standings) == 7, (seed, number)
        await store.close()
        assert sql(state, "PRAGMA quick_check") == [("ok",)], (seed, number, offset, length)
        if found.restored:
            assert [each.read_bytes() for each in aside(state)] == [damaged], (seed, number)
        ends["restored" if found.restored else "whole"] += 1
    assert ends["restored"] > 60, (seed, ends)
    assert ends["refused"] <= 3, (seed, ends)  # a version or a mode of the header that only another program writes


# killed in the middle ---------------------------------------------------------------------------------------------

OPENS = """
import asyncio, pathlib, sys
from retabli.store import Store
async def main():
    store = Store.open(pathlib.Path(sys.argv[1]))
    print("open", flush=True)
    await store.close()
asyncio.run(main())
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["empty", "cut", "gone"])
async def test_killed_at_any_moment_of_restoring_the_next_start_finds_it_restored(state: Path, how: str) -> None:
    whole = state.read_bytes()
    log = os.urandom(70_000)
    seed = random.randrange(10**6)  # noqa: S311 - moments, not secrets
    moments = random.Random(seed)  # noqa: S311
    for _ in range(8):
        for left in (*beside(state), *aside(state), *aside(state, "-*"), state):
            left.unlink(missing_ok=True)
        if how != "gone":
            state.write_bytes(whole[:9000] if how == "cut" else b"")
        state.with_name("state.db-wal").write_bytes(log)
        with subprocess.Popen(
            [sys.executable, "-c", OPENS, str(state)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as opening:
            time.sleep(moments.uniform(0.12, 0.4))
            opening.send_signal(signal.SIGKILL)
        store = Store.open(state)
        assert store.load().restored is not None, seed
        assert rows(store) == COPIED, seed
        await store.close()
        assert log in [each.read_bytes() for each in aside(state, "-wal")], seed
