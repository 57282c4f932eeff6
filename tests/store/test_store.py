"""What was committed is there again; what was kept is batched, bounded and in order."""

import asyncio
import os
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from retabli.model.flow import UnitName
from retabli.model.record import Message
from retabli.model.result import Outcome
from retabli.model.run import run_of
from retabli.store import Store, StoreError, StoreFailed, Which
from tests.store.making import UNIT, commit, entry, message, result, sql


async def test_a_commit_is_found_again_by_the_next_daemon(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    await commit(
        store,
        standings={"mail-out": {"state": "restored", "rounds": "++"}},
        units={UNIT: {"oks": 3}, UnitName("sites", "web", "https://a.example"): {"oks": 1}},
        entries=[entry()],
        messages=[message()],
    )
    await store.close()
    again = Store.open(tmp_path / "state.db")
    found = again.load()
    assert found.standings == {"mail-out": {"state": "restored", "rounds": "++"}}
    assert found.units == {
        UNIT: ({"oks": 3}, {}),
        UnitName("sites", "web", "https://a.example"): ({"oks": 1}, {}),
    }
    assert [(row.event, row.flow, row.data["id"]) for row in await again.entries()] == [("state", "mail-out", 1)]
    assert [row.message for row in await again.heads()] == [message()]
    await again.close()


async def test_a_flow_that_is_forgotten_takes_its_units_along_and_leaves_the_log(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    await commit(store, standings={"mail-out": {}}, units={UNIT: {"oks": 1}}, entries=[entry()])
    await commit(store, standings={"mail-out": None})
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        assert (reader.remembered().standings, reader.remembered().units) == ({}, {})
        assert len(reader.entries()) == 1


async def test_a_unit_that_is_forgotten_and_comes_back_starts_without_memory(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    store.keep(UNIT, {"oks": 1}, {"series": 7}, None)
    await commit(store, units={UNIT: None})
    await commit(store, units={UNIT: {"oks": 0}})
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        assert reader.remembered().units == {UNIT: ({"oks": 0}, {})}


async def test_what_is_kept_is_written_within_half_a_second_without_any_commit(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    began = time.monotonic()
    store.keep(UNIT, {"oks": 1}, {"series": 7}, result(50.0))
    store.note("mail-out", {"rounds": "+"})
    with Store.read(tmp_path / "state.db") as reader:
        assert not reader.remembered().units
        while not (found := reader.remembered()).units:
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.02)
        assert found.units == {UNIT: ({"oks": 1}, {"series": 7})}
        assert found.standings == {"mail-out": {"rounds": "+"}}
        assert [each["at"] for each in reader.history(UNIT)] == [50.0]
    await store.close()


async def test_a_commit_takes_what_was_kept_before_it_along_and_in_order(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    store.keep(UNIT, {"oks": 1}, {"series": 7}, result(50.0))
    store.note("mail-out", {"rounds": "+"})
    await commit(store, standings={"mail-out": {"rounds": "+-"}}, units={UNIT: {"oks": 2}})
    with Store.read(tmp_path / "state.db") as reader:
        found = reader.remembered()
        assert found.units == {UNIT: ({"oks": 2}, {"series": 7})}
        assert found.standings == {"mail-out": {"rounds": "+-"}}
        assert len(reader.history(UNIT)) == 1
    await store.close()


async def test_commits_that_wait_together_share_transactions_and_keep_their_order(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    statements: list[str] = []
    store._writer._transactions.connection.set_trace_callback(statements.append)
    await asyncio.gather(*(commit(store, entries=[entry(number)]) for number in range(100)))
    rows = await store.entries(limit=1000)
    store._writer._transactions.connection.set_trace_callback(None)
    assert [row.data["id"] for row in reversed(rows)] == list(range(100))
    assert statements.count("COMMIT") < 50
    await store.close()


async def test_a_transition_is_flushed_to_the_disk_and_a_batch_of_results_is_not(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    statements: list[str] = []
    store._writer._transactions.connection.set_trace_callback(statements.append)
    await commit(store, entries=[entry()])
    assert "PRAGMA synchronous = FULL" in statements
    statements.clear()
    store.keep(UNIT, {}, {}, result(1.0))
    store._flush()
    while "COMMIT" not in statements:
        await asyncio.sleep(0.01)
    assert "PRAGMA synchronous = NORMAL" in statements
    store._writer._transactions.connection.set_trace_callback(None)
    await store.close()


async def test_a_commit_whose_waiter_is_cancelled_is_written_all_the_same(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    task = asyncio.create_task(commit(store, entries=[entry()]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await commit(store, entries=[entry(2)])
    assert [row.data["id"] for row in await store.entries()] == [2, 1]
    await store.close()


async def test_a_value_that_json_has_no_form_for_is_refused_to_the_one_who_gave_it_and_hurts_nobody_else(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path / "state.db")
    with pytest.raises(TypeError):
        await commit(store, standings={"mail-out": {"state": object()}})
    await commit(store, standings={"mail-in": {"state": "down"}})
    assert store.failure is None
    await store.close()


async def test_what_not_even_memory_takes_fails_the_commit_and_tells_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retabli.store.writer.UNTAKEN", 0.5)
    store = Store.open(tmp_path / "state.db")
    await commit(store, entries=[entry()])
    pages = sql(tmp_path / "state.db", "PRAGMA page_count")[0][0]
    # SQLite then says by itself that the disk is full, and takes nothing into memory either.
    store._writer._transactions.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFailed, match=r"state\.db: the disk is full; free some space"):
        await commit(store, standings={"mail-out": {"x": "y" * 100_000}})
    with pytest.raises(StoreFailed, match="the disk is full"):
        await asyncio.wait_for(store.wait_failed(), 5)
    with pytest.raises(StoreFailed, match="the disk is full"):
        await commit(store, entries=[entry(2)])
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        assert [row.data["id"] for row in reader.entries()] == [1]
        assert reader.verify().fault is None
        assert not reader.remembered().clean_stop


async def test_a_batch_that_cannot_be_written_tells_the_supervisor_though_nobody_waits_for_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    sql(tmp_path / "state.db", "DROP TABLE results")
    store.keep(UNIT, {}, {}, result(1.0))
    with pytest.raises(StoreFailed, match="is damaged"):
        await asyncio.wait_for(store.wait_failed(), 5)
    await store.close()


async def test_a_batch_that_could_not_be_put_for_want_of_memory_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    store.keep(UNIT, {"oks": 1}, {}, result(1.0))
    store.note("mail-out", {"state": "restored"})
    with monkeypatch.context() as short, pytest.raises(MemoryError):
        short.setattr("retabli.store.writer.Work", no_memory)
        await commit(store, entries=[entry(1)])
    store.keep(UNIT, {"oks": 2}, {}, result(2.0))
    async with asyncio.timeout(5):
        while len(await store.history(UNIT)) < 2:  # nobody commits: the batch alone
            await asyncio.sleep(0.01)
    await store.close()
    with Store.read(path) as reader:
        assert reader.remembered().standings["mail-out"] == {"state": "restored"}
        assert reader.head()[0] == 0


def no_memory(*_: object) -> None:
    raise MemoryError


async def test_a_change_with_a_defect_ends_the_store_loudly_and_lets_nobody_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    store = Store.open(tmp_path / "state.db")
    with pytest.raises(StoreFailed, match="a defect of its own"):
        await store._put(lambda _: 1 / 0, durable=True)
    with pytest.raises(StoreFailed):
        await asyncio.wait_for(store.wait_failed(), 5)
    await store.close()


async def test_more_results_than_a_slow_disk_takes_are_left_out_and_the_newest_record_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("retabli.store.store.BOUND", 10)
    store = Store.open(tmp_path / "state.db")
    for number in range(30):
        store.keep(UNIT, {"oks": number}, {}, result(float(number)))
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        assert len(reader.history(UNIT)) == 10
        assert reader.remembered().units == {UNIT: ({"oks": 29}, {})}
    assert [record.getMessage() for record in caplog.records] == [
        "the disk is too slow for the results: some are judged and shown, but not kept"
    ]


async def test_a_result_is_read_back_in_the_words_of_the_api(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    store.keep(UNIT, {}, {}, result(1.0))
    store.keep(UnitName("mail-out", "relay"), {}, {}, result(2.0, Outcome.FAILED))
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        newest, oldest = reader.history("mail-out")
    assert newest == result(2.0, Outcome.FAILED).as_json({"id": "relay", "target": None})
    assert oldest == result(1.0).as_json({"id": "loop", "target": None})


async def test_kept_results_are_bounded_by_number_and_by_age_and_the_log_is_not(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    old, busy = UnitName("a", "old"), UnitName("a", "busy")
    for number in range(700):
        store.keep(busy, {}, {}, result(10_000.0 + number))
    for number in range(700):
        store.keep(old, {}, {}, result(float(number)))
    await commit(store, entries=[entry()])
    assert await store.prune(10_700.0, age=5000.0, number=50) == 650 + 700
    assert await store.prune(10_700.0, age=5000.0, number=50) == 0
    assert [each["at"] for each in await store.history(busy, 1000)] == [10_699.0 - n for n in range(50)]
    assert await store.history(old, 1000) == []
    assert len(await store.entries()) == 1
    await store.close()


async def test_what_was_told_of_a_page_that_is_open_is_kept_however_old_and_what_is_over_is_let_go(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path / "state.db", wall=lambda: 1000.0)
    pages = [Message(f"{incident}-firing", "am", incident, {}) for incident in ("aa", "bb")]
    standings = {"aa": {"state": "dropped", "incident": {"id": "aa"}}, "bb": {"state": "restored", "incident": None}}
    await commit(store, standings=standings, messages=pages)
    for row in await store.heads():
        await store.told(row, entry(1))
    assert await store.prune(10_000.0, age=5000.0) == 1
    assert set(await store.given("am", ["aa", "bb"])) == {"aa"}
    await commit(store, standings={"aa": {"state": "restored", "incident": None}})
    assert await store.prune(10_000.0, age=5000.0) == 1
    await store.close()


async def test_what_a_channel_was_given_of_an_incident_is_known_in_order_and_whether_it_is_over(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    keys = ["4f-firing", "4f-reminder1", "4f-firing-for-duty", "4f-resolved-for-duty", "4f0-firing", "4-resolved"]
    messages = [Message(key, "am", "mail-out", {"key": key}) for key in keys]
    await commit(store, messages=[*messages, Message("4f-firing", "duty", "mail-out", {})])
    given = await store.given("am", ["4f", "beef"])
    assert {incident: [each.body["key"] for each in found] for incident, found in given.items()} == {"4f": keys[:3]}
    over = await store.over(["4f", "4f0", "beef"])
    assert {incident: each.key for incident, each in over.items()} == {"4f": "4f-resolved-for-duty"}
    await store.close()


async def test_whether_the_last_daemon_ended_by_itself_and_when_it_last_wrote_is_known(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path, wall=lambda: 500.0)
    assert (store.load().last_seen, store.load().clean_stop) == (None, False)
    await commit(store, entries=[entry()])
    await store.close()
    store = Store.open(path, wall=lambda: 900.0)
    assert (store.load().last_seen, store.load().clean_stop) == (500.0, True)
    with Store.read(path) as reader:
        assert not reader.remembered().clean_stop  # until this one has ended by itself too
    await store.close()


async def test_closing_writes_what_waits_and_may_be_done_twice(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    store.keep(UNIT, {"oks": 1}, {}, result(1.0))
    await store.close()
    await store.close()
    assert {file.name for file in tmp_path.iterdir()} == {"state.db", "state.db.lock"}
    with Store.read(tmp_path / "state.db") as reader:
        assert reader.remembered().units


async def test_whoever_commits_after_the_end_is_told_so_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    closing = asyncio.create_task(store.close())
    await commit(store, entries=[entry()])
    await closing
    with pytest.raises(StoreFailed, match="the state was closed"):
        await commit(store, entries=[entry(2)])
    with Store.read(tmp_path / "state.db") as reader:
        assert [row.data["id"] for row in reader.entries()] == [1]


async def test_only_its_owner_may_read_the_state(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lib" / "retabli" / "state.db")
    await commit(store, entries=[entry()])
    folder = tmp_path / "lib" / "retabli"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert {file.name for file in folder.iterdir()} >= {"state.db", "state.db-wal", "state.db.lock"}
    await store.close()


async def test_reads_go_on_while_a_long_write_is_under_way(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    await commit(store, entries=[entry()])
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(commit(store, entries=[entry(2)]))
    assert [row.number for row in await asyncio.wait_for(store.entries(), 5)] == [1]
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    await writing
    assert [row.number for row in await store.entries()] == [2, 1]
    await store.close()


async def test_rows_of_the_log_are_found_by_time_by_flow_and_page_by_page(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    await commit(store, entries=[entry(number, "a" if number % 2 else "b") for number in range(10)])
    assert [row.data["id"] for row in await store.entries(Which(since=1007.0))] == [9, 8, 7]
    assert [row.data["id"] for row in await store.entries(Which(flow="a"), limit=2)] == [9, 7]
    assert [row.data["id"] for row in await store.entries(Which(flow="a"), limit=2, before=8)] == [5, 3]
    await store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
async def test_an_archived_state_is_read_by_somebody_who_may_write_neither_the_file_nor_its_folder(
    tmp_path: Path,
) -> None:
    path = tmp_path / "archive" / "state.db"
    store = Store.open(path)
    await commit(store, entries=[entry()])
    await store.close()
    path.chmod(0o444)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.getuid() and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    path.parent.chmod(0o555)
    os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            (path.parent / "other").touch()
        with Store.read(path) as reader:
            assert reader.verify().rows == 1
    finally:
        os.seteuid(0)
        path.parent.chmod(0o755)


async def test_the_past_of_a_flow_is_each_unit_s_newest_runs_and_its_last_of_each_outcome(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    relay = UnitName("mail-out", "relay")
    for number in range(30):
        store.keep(UNIT, {}, {}, result(float(number), Outcome.FAILED if number == 3 else Outcome.OK))
        store.keep(relay, {}, {}, result(float(number)))
    store.keep(UnitName("mail-in", "loop"), {}, {}, result(99.0))
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        past = reader.past("mail-out", each=10, most=1000)
        assert [run.at for run in past.runs[UNIT]] == [29.0 - number for number in range(10)]
        assert past.runs[UNIT][0] == run_of(result(29.0))
        assert past.last[UNIT][Outcome.FAILED].at == 3.0
        assert past.last[UNIT][Outcome.FAILED].detail == "said so"
        assert past.last[UNIT][Outcome.OK].at == 29.0
        assert set(past.last[relay]) == {Outcome.OK}
        assert set(past.runs) == {UNIT, relay}, "and nothing of another flow"
        assert [len(runs) for runs in reader.past("mail-out", each=10, most=6).runs.values()] == [3, 3]
        assert reader.past("nothing", each=10, most=6).runs == {}


async def test_the_newest_of_all_units_are_read_and_hardly_more_than_those(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    for number in range(300):
        store.keep(UnitName("f", f"p{number % 3}"), {}, {}, result(float(number)))
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        assert [each["at"] for each in reader.history("f", 50)] == [299.0 - number for number in range(50)]


async def test_a_read_that_takes_too_long_is_ended_and_told(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    for number in range(5000):
        store.keep(UNIT, {}, {}, result(float(number)))
    await store.close()
    with Store.read(tmp_path / "state.db") as reader:
        with pytest.raises(StoreError, match="took too long"), reader.within(-1.0):
            reader.past("mail-out", each=5000, most=5000)
        assert len(reader.past("mail-out", each=5000, most=5000).runs[UNIT]) == 5000, "and the next is not"


async def test_a_kept_run_that_was_altered_by_hand_is_told_and_shown_as_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    store.keep(UNIT, {}, {}, result(1.0))
    await store.close()
    for altered in ("rungs = '{]'", "rungs = '[1]'", "rungs = '[]', outcome = 'fine'"):
        sql(tmp_path / "state.db", f"UPDATE results SET {altered}")  # noqa: S608
        with Store.read(tmp_path / "state.db") as reader, pytest.raises(StoreError, match="unreadable"):
            reader.past("mail-out", each=10, most=10)
