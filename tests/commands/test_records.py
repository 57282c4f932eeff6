"""What pages ask of the whole log: rows by what they are, an export beside the loop, and the report of any moment."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands._records import Records
from retabli.model.record import Entry, Event
from retabli.store import LogRow, Reader, Store
from retabli.web import Asked
from tests.store.making import commit
from tests.view.pictures import NOW, Smtp, flow
from tests.web.hospital import SITE, outlets

FLOWS = {"mail": flow("mail", probes={"p": Smtp()})}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store.open(tmp_path / "state.db")
    yield opened
    await opened.close()


def records(store: Store) -> Records:
    configuration = cast("Any", SimpleNamespace(flows=FLOWS, state=store.path))
    return Records(store, outlets(SITE)[0], lambda: configuration)


def moved(at: float, was: str, now: str) -> Entry:
    return Entry(NOW + at, Event.STATE, "mail", {"was": was, "now": now})


async def test_rows_are_found_by_kind_and_by_time_and_paged_by_their_number(store: Store) -> None:
    written = [moved(n, "down", "recovering") if n % 2 else Entry(NOW + n, Event.PAGE, "mail", {}) for n in range(10)]
    await commit(store, entries=written)
    asked = Asked(since=NOW + 2, until=NOW + 8, events=("state",))
    found = [each.entry.at - NOW for each in await records(store).rows(asked, limit=10)]
    assert found == [7, 5, 3], "until is not included"
    [first] = await records(store).rows(asked, limit=1)
    older = await records(store).rows(asked, limit=10, before=first.number)
    assert [each.entry.at - NOW for each in older] == [5, 3]
    number, digest = await records(store).head()
    with Reader(store.path) as reader:
        assert (number, digest) == (10, reader.verify().head)


async def test_an_export_gives_every_row_once_in_order_with_little_memory_and_never_holds_the_loop(
    store: Store,
) -> None:
    detail = "a remote said a great deal " * 8
    for start in range(0, 30_000, 5000):
        data = {"was": "down", "now": "recovering", "detail": detail}
        await commit(store, entries=[Entry(NOW + n, Event.STATE, "mail", data) for n in range(start, start + 5000)])
    numbers: list[int] = []

    def encode(rows: Sequence[LogRow]) -> bytes:
        numbers.extend(row.number for row in rows)
        return b"x"

    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    beating = asyncio.create_task(beat())
    gc.collect()
    tracemalloc.start()
    async for _ in records(store).pieces(Asked(), encode):
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    beating.cancel()
    assert numbers == list(range(1, 30_001))
    assert most < 12_000_000, "bytes: some pages of rows, not all of them"
    assert beats > 150, "between two pieces at least"


async def test_whoever_leaves_an_export_takes_its_reader_along(store: Store) -> None:
    await commit(store, entries=[moved(n, "down", "recovering") for n in range(2000)])
    pieces = cast("Any", records(store).pieces(Asked(), lambda rows: b"x"))
    assert await anext(pieces) == b"x"
    await pieces.aclose()
    task = asyncio.create_task(anext(cast("Any", records(store).pieces(Asked(), lambda rows: b"x"))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_report_of_any_moment_and_of_what_has_changed_since_another(store: Store) -> None:
    entries = [
        Entry(NOW, Event.START, None, {}),
        moved(60, "unknown", "down"),
        moved(120, "recovering", "restored"),
        moved(180, "restored", "dropped"),
    ]
    await commit(store, entries=entries)

    async def told(at: float, since: float | None = None) -> str:
        text = await records(store).report(
            language="en", form="txt", public=False, at=NOW + at, since=None if since is None else NOW + since
        )
        return " ".join(text.split())

    assert "mail — Does not work yet." in await told(90)
    assert "mail — Works since 3 July at 10:02." in await told(150)
    assert "Works now — mail." in await told(150, since=90)
    assert "Does not work any more — mail." in await told(200, since=150)
    for at, since in ((1e12, None), (90.0, 90.0), (90.0, 91.0)):
        with pytest.raises(LookupError):
            await told(at, since)
