"""What one transaction may write: each method is SQL on the writer's connection, and belongs to its thread alone."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from retabli.model.flow import UnitName
from retabli.store.chain import canonical, link
from retabli.store.encoding import Row, UnitRow
from retabli.store.outgoing import SLICE, Outgoing


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the log, encoded: it only lacks its number and hash."""

    at: float
    event: str
    flow: str | None
    data: str


class Book(Outgoing):
    """The state's tables, written within a transaction that somebody else begins and ends."""

    def __init__(self, connection: sqlite3.Connection, wall: Callable[[], float]) -> None:
        super().__init__(connection, wall)
        self._ids: dict[UnitName, int] = {}
        number, self._hash = connection.execute("SELECT number, hash FROM log ORDER BY number DESC LIMIT 1").fetchone()
        head = connection.execute("SELECT number, hash FROM log_head").fetchone() or (number, self._hash)
        # Rows that were cut off leave their gap: `log verify` must go on naming it.
        self._number, self._hash = head if head[0] > number else (number, self._hash)
        self._headed = self._number

    def close(self) -> None:
        """Write the log's head and when this was, as the last thing of a transaction."""
        if self._number > self._headed:
            self._connection.execute(
                "INSERT INTO log_head VALUES (1, ?, ?) "
                "ON CONFLICT (one) DO UPDATE SET number = excluded.number, hash = excluded.hash",
                (self._number, self._hash),
            )
            self._headed = self._number
        self.fact("last_seen", self._wall())

    # what is live ---------------------------------------------------------------------------------------------

    def standing(self, flow: str, values: str | None) -> None:
        if values is None:
            self._connection.execute("DELETE FROM standings WHERE flow = ?", (flow,))
            self._connection.execute("UPDATE units SET record = NULL, memory = '{}' WHERE flow = ?", (flow,))
        else:
            self._connection.execute("INSERT OR REPLACE INTO standings VALUES (?, ?)", (flow, values))

    def unit(self, name: UnitName, record: str | None, memory: str | None = None) -> None:
        """None for `record` forgets the unit (its kept results stay until they are pruned); for `memory` leaves it."""
        if record is None:
            memory = "{}"
        self._connection.execute(
            "UPDATE units SET record = ?, memory = COALESCE(?, memory) WHERE id = ?", (record, memory, self._id(name))
        )

    def units(self, rows: Iterable[UnitRow]) -> None:
        self._connection.executemany(
            "UPDATE units SET record = ?, memory = ? WHERE id = ?",
            [(row.record, row.memory, self._id(row.name)) for row in rows],
        )

    def results(self, rows: Iterable[tuple[UnitName, Row]]) -> None:
        self._connection.executemany(
            "INSERT INTO results (unit, at, outcome, whole, stage, cause, side, detail, seconds, rungs) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(self._id(name), *row) for name, row in rows],
        )

    def _id(self, name: UnitName) -> int:
        if name not in self._ids:
            key = (name.flow, name.probe, name.target or "")
            self._connection.execute("INSERT OR IGNORE INTO units (flow, probe, target) VALUES (?, ?, ?)", key)
            found = self._connection.execute("SELECT id FROM units WHERE (flow, probe, target) = (?, ?, ?)", key)
            self._ids[name] = found.fetchone()[0]
        return self._ids[name]

    # what happened --------------------------------------------------------------------------------------------

    def log(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self._number += 1
            self._hash = link(self._hash, self._number, line.at, line.event, line.flow, line.data)
            row = (self._number, line.at, line.event, line.flow, line.data, self._hash)
            self._connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", row)

    # what is let go -------------------------------------------------------------------------------------------

    def prune_results(self, units: Sequence[int], before: float, number: int) -> int:
        """Of each unit, drop the results older than `before` and those beyond the newest `number`; how many went."""
        gone = 0
        for unit in units:
            found = self._connection.execute(
                "SELECT at FROM results WHERE unit = ? ORDER BY at DESC LIMIT 1 OFFSET ?", (unit, number)
            ).fetchone()
            last = before if found is None else max(before, found[0])
            gone += self._connection.execute(
                "DELETE FROM results WHERE id IN (SELECT id FROM results WHERE unit = ? AND at <= ? LIMIT ?)",
                (unit, last, SLICE),
            ).rowcount
        return gone


def line(at: float, event: str, flow: str | None, data: dict[str, object]) -> Line:
    return Line(float(at), event, flow, canonical(data))
