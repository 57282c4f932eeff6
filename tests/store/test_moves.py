"""What folds into the courses of flows is read lightly from the whole log, whatever was done to a row of it."""

from pathlib import Path

import pytest

from retabli.model.record import Entry, Event
from retabli.store import Store, reader
from retabli.view import Courses
from tests.store.making import commit, sql
from tests.store.test_log import UNLOCK

FLOW = "mail-out"


async def kept(path: Path, *entries: Entry) -> None:
    store = Store.open(path)
    await commit(store, entries=entries)
    await store.close()


ROWS = (
    Entry(1000.0, Event.START, None, {"version": "0"}),
    Entry(1001.0, Event.CONFIG, FLOW, {"change": "added", "intent": "open"}),
    Entry(1002.0, Event.STATE, FLOW, {"was": "unknown", "now": "restored", "detail": "x" * 200}),
    Entry(1003.0, Event.PAGE, FLOW, {"reason": "dropped"}),
    Entry(1004.0, Event.STOP, None, {}),
    Entry(1009.0, Event.GAP, None, {"from": "1970-01-01T00:16:44.000Z", "seconds": 5.0}),
    Entry(1009.0, Event.START, None, {}),
    Entry(1010.0, Event.STATE, FLOW, {"was": "restored", "now": "dropped"}),
)


async def test_what_is_read_lightly_folds_into_what_the_rows_themselves_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(tmp_path / "state.db", *ROWS)
    for pages in (reader.MOVES, 3):
        monkeypatch.setattr(reader, "MOVES", pages)
        folded, read = Courses(), Courses()
        for row in ROWS:
            folded.follow(row)
        with Store.read(tmp_path / "state.db") as opened:
            moves = list(opened.moves(100))
        for move in moves:
            read.follow(move)
        assert list(read[FLOW].spans()) == list(folded[FLOW].spans())
        assert [move.event for move in moves].count("page") == 0


async def test_a_row_whose_instant_was_altered_by_hand_is_left_out(tmp_path: Path) -> None:
    await kept(tmp_path / "state.db", *ROWS)
    sql(tmp_path / "state.db", *UNLOCK, "UPDATE log SET at = 'noon' WHERE event = 'stop'")
    with Store.read(tmp_path / "state.db") as opened:
        assert len(list(opened.moves(100))) == 6


async def test_of_a_log_that_is_too_long_the_last_rows_are_read(tmp_path: Path) -> None:
    await kept(tmp_path / "state.db", *ROWS)
    with Store.read(tmp_path / "state.db") as opened:
        assert [move.at for move in opened.moves(3)] == [1009.0, 1009.0, 1010.0]
