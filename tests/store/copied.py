"""A state with a past and copies of it, for the tests that damage it."""

import asyncio
import time
from pathlib import Path

from retabli.store import Store
from retabli.store.copying import Kept, add
from retabli.store.generations import folder_of
from tests.store.making import UNIT, commit, entry, message, result, sql


async def written(path: Path, numbers: range) -> None:
    """A life of a daemon, which ends cleanly: results, standings, rows, pages, for each of these numbers."""
    store = Store.open(path)
    await write(store, numbers)
    await store.close()


async def write(store: Store, numbers: range) -> None:
    for number in numbers:
        for more in range(3):
            store.keep(UNIT, {"oks": number}, {"seen": "x" * 50}, result(number + more / 10))
    await asyncio.gather(
        *(
            commit(
                store,
                standings={f"flow-{number % 7}": {"next": number + 1}},
                entries=[entry(number)],
                messages=[message(number, flow=f"flow-{number % 7}")],
            )
            for number in numbers
        )
    )


def copied(path: Path, **more: int) -> Kept:
    """One more copy, as the daemon has it taken."""
    return add(path, folder_of(path), **{"hourly": 3, "daily": 4} | more, at=time.time())


def grow(path: Path, results: int) -> None:
    """So many kept results more, of a unit that nobody knows."""
    sql(
        path,
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {results}) "  # noqa: S608 - our own numbers
        "INSERT INTO results (unit, at, outcome, whole, seconds, rungs) "
        "SELECT 99 + i % 50, i, 'ok', 1, 0.1, '[[\"connect\",0.0123]]' FROM n",
    )


def rows(store: Store) -> int:
    """How many rows the log has, as its head says it."""
    with Store.read(store.path) as reader:
        verdict = reader.verify()
    assert verdict.fault is None
    return verdict.rows
