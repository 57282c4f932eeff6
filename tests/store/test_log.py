"""The log grows at its end and nowhere else, and its chain names the first row that is not what was written."""

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from retabli.store import Store, StoreError
from retabli.store.chain import GENESIS_HASH, Verdict, link
from tests.store.making import commit, entry, sql

UNLOCK = (
    "DROP TRIGGER log_is_never_altered",
    "DROP TRIGGER log_is_never_shortened",
    "DROP TRIGGER log_grows_at_its_end",
)
UNLOCK_HEAD = ("DROP TRIGGER head_never_goes_back", "DROP TRIGGER head_is_never_deleted")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A log of ten rows."""
    store = Store.open(tmp_path / "state.db")
    for number in range(1, 11):
        await commit(store, entries=[entry(number, "mail-out" if number % 3 else None)])
    await store.close()
    return tmp_path / "state.db"


def verify(path: Path, noted: tuple[int, bytes] | None = None) -> Verdict:
    with Store.read(path) as reader:
        return reader.verify(noted)


def test_a_log_that_nobody_touched_holds(path: Path) -> None:
    verdict = verify(path)
    assert (verdict.fault, verdict.rows) == (None, 10)
    assert verdict.head == sql(path, "SELECT lower(hex(hash)) FROM log WHERE number = 10")[0][0]


def test_anybody_can_compute_the_chain_from_what_is_exported(path: Path) -> None:
    with Store.read(path) as reader:
        previous = GENESIS_HASH
        for row in reader.each():
            text = json.dumps(
                [row.number, row.at, row.event, row.flow, row.data], sort_keys=True, separators=(",", ":")
            )
            previous = hashlib.sha256(previous + text.encode()).digest()
            assert row.hash == previous.hex()


def test_the_genesis_row_never_changes() -> None:
    assert GENESIS_HASH.hex() == "816ffde50e9f39cf9fa93dfb8516fea571e2f50dec863d6aa7f3af78d809e058"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET data = '{}' WHERE number = 3",
        "DELETE FROM log WHERE number = 3",
        "DELETE FROM log",
        "INSERT OR REPLACE INTO log SELECT number, at, 'start', flow, data, hash FROM log WHERE number = 3",
        "REPLACE INTO log SELECT 0, at, event, flow, data, hash FROM log WHERE number = 3",
        "UPDATE log_head SET number = 3",
        "DELETE FROM log_head",
    ],
)
def test_the_database_itself_refuses_to_alter_the_log(path: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"never|end only"):
        sql(path, statement)
    assert verify(path).fault is None


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["UPDATE log SET data = replace(data, 'down', 'restored') WHERE number = 4"], "row 4 is not what was written"),
        (["UPDATE log SET data = data || ' ' WHERE number = 4"], "row 4 is not what was written"),
        (["UPDATE log SET at = at + 0.001 WHERE number = 4"], "row 4 is not what was written"),
        (["UPDATE log SET event = 'start' WHERE number = 4"], "row 4 is not what was written"),
        (["UPDATE log SET event = x'00' WHERE number = 4"], "row 4 is not what was written"),
        (["UPDATE log SET flow = NULL WHERE number = 4"], "row 4 is not what was written"),
        (["UPDATE log SET flow = 'é' WHERE number = 3"], "row 3 is not what was written"),
        (["UPDATE log SET hash = x'00' WHERE number = 4"], "row 4 is not what was written"),
        (["DELETE FROM log WHERE number = 4"], "row 4 is missing"),
        (["DELETE FROM log WHERE number IN (4, 5, 6)"], "rows 4 to 6 are missing"),
        (["DELETE FROM log WHERE number = 10"], "row 10 was cut off the end"),
        (["DELETE FROM log WHERE number > 7"], "rows 8 to 10 were cut off the end"),
        (["DELETE FROM log"], "rows 0 to 10 were cut off the end"),
        (["DELETE FROM log WHERE number = 0"], "row 0 is missing"),
        (["UPDATE log SET at = 1.0 WHERE number = 0"], "row 0 is not the beginning of a log of Retabli"),
        (
            ["DELETE FROM log WHERE number = 4", "UPDATE log SET number = number - 1 WHERE number > 4"],
            "row 4 is not what was written",
        ),
        (
            [
                "UPDATE log SET number = -number WHERE number > 4",
                "UPDATE log SET number = 1 - number WHERE number < 0",
                "INSERT INTO log SELECT 5, at, event, flow, data, hash FROM log WHERE number = 4",
            ],
            "row 5 is not what was written",
        ),
        (
            ["INSERT INTO log SELECT 11, at, event, flow, data, hash FROM log WHERE number = 4"],
            "row 11 is not what was written",
        ),
        (["DELETE FROM log_head"], "the head, which says where the log ends, is missing"),
        (
            ["DELETE FROM log WHERE number = 10", "UPDATE log_head SET number = 9"],
            "row 9 is not the one the log ended with",
        ),
    ],
)
def test_what_was_done_to_the_log_by_hand_is_named(path: Path, statements: list[str], fault: str) -> None:
    sql(path, *UNLOCK, *UNLOCK_HEAD, *statements)
    assert (verify(path).fault or "").startswith(fault)


async def test_a_row_that_is_chained_by_hand_beyond_the_head_is_named(path: Path) -> None:
    sql(path, *UNLOCK_HEAD, "UPDATE log_head SET number = 9, hash = (SELECT hash FROM log WHERE number = 9)")
    assert verify(path).fault == "row 10 was added by something else than Retabli"


def test_a_log_that_was_written_anew_as_a_whole_is_shown_by_a_head_that_was_noted_elsewhere(path: Path) -> None:
    noted = (7, sql(path, "SELECT hash FROM log WHERE number = 7")[0][0])
    assert verify(path, noted).fault is None
    _write_anew(path, 5)
    assert verify(path).fault is None  # the chain alone cannot show this
    assert verify(path, noted).fault == "row 7 has another hash than the one that was noted: the log was written anew"


def test_a_log_that_was_shortened_with_its_head_is_shown_by_a_head_that_was_noted_elsewhere(path: Path) -> None:
    noted = (10, sql(path, "SELECT hash FROM log WHERE number = 10")[0][0])
    sql(path, *UNLOCK, *UNLOCK_HEAD, "DELETE FROM log WHERE number > 8")
    sql(path, "UPDATE log_head SET number = 8, hash = (SELECT hash FROM log WHERE number = 8)")
    assert verify(path).fault is None
    assert verify(path, noted).fault == "row 9 is missing: a head of 10 rows was noted"


async def test_a_daemon_that_starts_over_a_shortened_log_goes_on_behind_the_gap_and_the_gap_stays_named(
    path: Path,
) -> None:
    sql(path, *UNLOCK, "DELETE FROM log WHERE number > 8")
    store = Store.open(path)
    await commit(store, entries=[entry(11)])
    await store.close()
    assert verify(path).fault == "rows 9 to 10 are missing"
    assert sql(path, "SELECT MAX(number) FROM log") == [(11,)]


async def test_the_chain_is_verified_as_of_one_moment_beside_a_daemon_that_writes(path: Path) -> None:
    store = Store.open(path)
    with Store.read(path) as reader:
        for number in range(20):
            await commit(store, entries=[entry(number)])
            assert reader.verify() == verify(path)
            assert reader.verify().fault is None
    await store.close()


def test_damage_in_the_middle_of_the_log_is_an_error_and_not_a_verdict(path: Path) -> None:
    whole = path.read_bytes()
    start = whole.index(b'"id":5,')
    path.write_bytes(whole[: start - 3000] + b"\xff" * 4000 + whole[start + 1000 :])
    with pytest.raises(StoreError, match="is damaged"), Store.read(path) as reader:
        reader.verify()


def _write_anew(path: Path, altered: int) -> None:
    """Somebody who may write the file, and computes every hash and the head anew."""
    rows = sql(path, "SELECT number, at, event, flow, data, hash FROM log ORDER BY number")
    sql(path, *UNLOCK, *UNLOCK_HEAD)
    previous = rows[altered - 1][5]
    for number, at, event, flow, data, _ in rows[altered:]:
        changed = data.replace("down", "restored") if number == altered else data
        previous = link(previous, number, at, event, flow, changed)
        sql(path, f"UPDATE log SET data = '{changed}', hash = x'{previous.hex()}' WHERE number = {number}")  # noqa: S608
    sql(path, f"UPDATE log_head SET hash = x'{previous.hex()}'")  # noqa: S608
