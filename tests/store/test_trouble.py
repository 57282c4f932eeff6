"""A file that the kernel lets grow no further: what is committed meanwhile is in memory, and on the disk afterwards."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retabli.store import Reader, Store, StoreError
from tests.store.making import UNIT, commit, entry, message, result, sql


@contextmanager
def no_room(path: Path) -> Iterator[None]:
    """No file of this process may be longer than the state's log of today (RLIMIT_FSIZE; Python ignores SIGXFSZ)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name(f"{path.name}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def until_written(store: Store) -> None:
    async with asyncio.timeout(10):
        while store.trouble is not None:
            await asyncio.sleep(0.01)


async def test_what_is_committed_meanwhile_is_read_at_once_and_on_the_disk_afterwards_in_order(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    await commit(store, entries=[entry(1)])
    with no_room(path):
        for number in range(2, 12):
            await commit(
                store,
                standings={"mail-out": {"state": "dropped", "number": number}},
                entries=[entry(number)],
                messages=[message(number)],
            )
        assert store.trouble is not None
        assert [row.data["id"] for row in await store.entries(limit=3)] == [11, 10, 9]
        (head,) = await store.heads()
        await store.told(head, entry(12))
        assert (await store.pending()) == {"duty": 9}
        assert sql(path, "SELECT COUNT(*) FROM outbox") == [(0,)]  # as somebody else sees the file
    await until_written(store)
    assert sql(path, "SELECT COUNT(*) FROM outbox WHERE state = 'pending'") == [(9,)]
    with Store.read(path) as reader:
        assert reader.verify().fault is None
        assert [row.data["id"] for row in reversed(reader.entries())][-12:] == list(range(1, 13))
        assert reader.remembered().standings["mail-out"]["number"] == 11
    await store.close()


async def test_a_batch_that_waited_for_the_end_of_it_brings_back_nothing_older(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    store.keep(UNIT, {"oks": 1}, {"seen": 1}, result(1.0))
    await commit(store, entries=[entry(1)])
    with no_room(path):
        await commit(store, entries=[entry(2)])
        assert store.trouble is not None
        store.keep(UNIT, {"oks": 2}, {"seen": 2}, result(2.0))
        store.note("mail-out", {"state": "restored"})
        await commit(store, standings={"mail-out": {"state": "dropped"}}, units={UNIT: {"oks": 0}}, entries=[entry(3)])
        assert await store.prune(1e12) == 0
    await until_written(store)
    await store.close()
    with Store.read(path) as reader:
        found = reader.remembered()
        assert found.standings["mail-out"] == {"state": "dropped"}
        assert found.units[UNIT] == ({"oks": 0}, {"seen": 2})
        assert [row["at"] for row in reader.history(UNIT)] == [1.0]  # the other was not kept


async def test_a_read_that_fails_meanwhile_is_told_to_who_reads_and_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    await commit(store, entries=[entry(1)])
    with no_room(path):
        await commit(store, entries=[entry(2)])
        with pytest.raises(StoreError, match="unreadable"):
            await store._read(unreadable)
        await commit(store, entries=[entry(3)])
    await until_written(store)
    assert store.failure is None
    await store.close()
    with Store.read(path) as reader:
        assert reader.head()[0] == 3


def unreadable(_: Reader) -> None:
    raise StoreError("unreadable")


async def test_a_store_that_is_closed_meanwhile_says_how_much_it_loses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    await commit(store, entries=[entry(1)])
    with no_room(path):
        await commit(store, entries=[entry(2)])
        await store.close()
    assert "the state ends without the 2 changes that were only in memory" in caplog.text
    with Store.read(path) as reader:
        assert reader.verify().fault is None
        assert reader.head()[0] == 1
