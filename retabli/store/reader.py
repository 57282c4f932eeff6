"""Reading the state: beside the daemon that writes it, in another thread or in another process."""

import heapq
import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from retabli.model.flow import UnitName
from retabli.model.record import Message
from retabli.model.result import Outcome
from retabli.model.run import Run
from retabli.store import chain
from retabli.store.encoding import Row, as_object, as_run
from retabli.store.facts import (
    ALL,
    Failing,
    LogRow,
    Move,
    OutboxRow,
    Past,
    Remembered,
    Restored,
    StoreDamaged,
    StoreError,
    Which,
)
from retabli.store.faults import damage, sentence, told
from retabli.store.schema import open_for_reading

PAGE = 1000  # rows of the log that are read at a time
LOG_COLUMNS = "number, at, event, flow, data, hash"
MOVES = 10_000  # the same, of `moves`
_MOVES = """
SELECT number, at, event, flow,
    CASE event WHEN 'state' THEN json_extract(data, '$.was') END,
    CASE event WHEN 'state' THEN json_extract(data, '$.now') END,
    CASE event WHEN 'state' THEN NULL ELSE data END
FROM log
WHERE number > ? AND event IN ('state', 'intent', 'config', 'start', 'stop', 'gap') AND typeof(at) = 'real'
    AND at BETWEEN 0 AND 253e9
ORDER BY number LIMIT ?
"""
RESULT_COLUMNS = "at, outcome, whole, stage, cause, side, detail, seconds, rungs"
LOOKED_THROUGH = 20_000  # results, for each unit's last of an outcome
INSTRUCTIONS = 5000  # of SQLite's machine, between two looks at the clock: some tenths of a millisecond


class Reader:
    """Every read is of one moment: what a daemon writes meanwhile is seen by the next one."""

    def __init__(
        self, path: Path, wall: Callable[[], float] = time.time, connection: sqlite3.Connection | None = None
    ) -> None:
        """`connection`: the writer's, which sees what is not on the disk yet; in its thread, and left open.

        Raises:
            StoreError: there is no state here that can be read.
        """
        self.path = path
        self._wall = wall
        self._connection = connection or open_for_reading(path)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what is live ---------------------------------------------------------------------------------------------

    def remembered(self) -> Remembered:
        """
        Raises:
            StoreDamaged: what is there is not what is written there.
            StoreError: it cannot be read.
        """
        with told(self.path):
            facts = dict(self._connection.execute("SELECT name, value FROM facts"))
            standings = self._connection.execute("SELECT flow, standing FROM standings").fetchall()
            units = self._connection.execute(
                "SELECT flow, probe, target, record, memory FROM units WHERE record IS NOT NULL"
            ).fetchall()
        return Remembered(
            standings={flow: self._object(values) for flow, values in standings},
            units={
                UnitName(flow, probe, target or None): (self._object(record), self._object(memory))
                for flow, probe, target, record, memory in units
            },
            last_seen=facts.get("last_seen"),
            clean_stop=bool(facts.get("clean_stop", 0)),
            restored=Restored(**self._object(facts["restored"])) if "restored" in facts else None,
        )

    def _object(self, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError as error:
            raise damage(self.path, f"a value is no JSON: {error}") from error
        return found if isinstance(found, dict) else {}

    def history(self, name: UnitName | str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest kept results of a unit, or of all units of a flow, newest first."""
        if isinstance(name, UnitName):
            which, key = "flow = ? AND probe = ? AND target = ?", [name.flow, name.probe, name.target or ""]
        else:
            which, key = "flow = ?", [name]
        with told(self.path):
            units = self._connection.execute(f"SELECT id, probe, target FROM units WHERE {which}", key).fetchall()  # noqa: S608
            # Each unit's rows come in the order of its index: hardly more of them are read than are given.
            rows = [zip(self._newest(id_, limit), repeat((probe, target))) for id_, probe, target in units]
            found = list(islice(heapq.merge(*rows, key=_at, reverse=True), limit))
        return [as_object(probe, target, row) for row, (probe, target) in found]

    def past(self, flow: str, *, each: int, most: int) -> Past:
        """Of each unit of a flow its newest `each` results, fewer where that is more than `most` together, and the
        last ok and failed ones, where they are not too far back."""
        with told(self.path):
            found = self._connection.execute("SELECT id, probe, target FROM units WHERE flow = ?", (flow,)).fetchall()
            units = {UnitName(flow, probe, target or None): id_ for id_, probe, target in found}
            number, through = (max(1, bound // max(1, len(units))) for bound in (most, LOOKED_THROUGH))
            return Past(
                {name: [self._run(row) for row in self._newest(id_, min(each, number))] for name, id_ in units.items()},
                {name: dict(self._last(id_, through)) for name, id_ in units.items()},
            )

    def _newest(self, unit: int, limit: int) -> Iterator[Row]:
        return self._connection.execute(
            f"SELECT {RESULT_COLUMNS} FROM results WHERE unit = ? ORDER BY at DESC, id DESC LIMIT ?",  # noqa: S608
            (unit, limit),
        )

    def _last(self, unit: int, through: int) -> Iterator[tuple[Outcome, Run]]:
        """The last ok and the last failed result among the newest `through`."""
        for outcome in (Outcome.OK, Outcome.FAILED):
            row = self._connection.execute(
                f"SELECT {RESULT_COLUMNS} FROM (SELECT * FROM results WHERE unit = ? ORDER BY at DESC, id DESC LIMIT ?)"  # noqa: S608
                " WHERE outcome = ? LIMIT 1",
                (unit, through, outcome.value),
            ).fetchone()
            if row is not None:
                yield outcome, self._run(row)

    def _run(self, row: Row) -> Run:
        try:
            return as_run(row)
        except (ValueError, LookupError, TypeError) as error:
            raise StoreError(sentence(self.path, sqlite3.DatabaseError(f"a result is unreadable: {error}"))) from error

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Reads that take longer than this together are ended, and fail.

        Raises:
            StoreError: from what is read within, once the time is over.
        """
        ends = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > ends, INSTRUCTIONS)
        try:
            yield
        finally:
            self._connection.set_progress_handler(None, 0)

    def pour(self, target: sqlite3.Connection, pages: int, progress: Callable[[int, int, int], None]) -> None:
        """All that is there, of one moment, so many pages at a time; `progress` as `sqlite3.Connection.backup` has it.

        Raises:
            sqlite3.Error: it cannot be read, or written there.
        """
        self._connection.execute("BEGIN")  # without one moment each step begins anew after what was written meanwhile
        try:
            self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            self._connection.backup(target, pages=pages, progress=progress)
        finally:
            self._connection.execute("ROLLBACK")

    def units(self) -> list[int]:
        with told(self.path):
            return [row[0] for row in self._connection.execute("SELECT id FROM units")]

    # the log --------------------------------------------------------------------------------------------------

    def entries(self, which: Which = ALL, *, limit: int = 200, before: int | None = None) -> list[LogRow]:
        """The newest rows first; `before`: only rows with a lower number (to page on)."""
        return self._rows(which, "number < ?", before, f"DESC LIMIT {int(limit)}")

    def each(self, which: Which = ALL) -> Iterator[LogRow]:
        """All of them, the oldest first. Page by page: whoever reads slowly must not make the daemon's files grow."""
        last = 0
        while rows := self.following(last, which):
            yield from rows
            last = rows[-1].number

    def moves(self, most: int) -> Iterator[Move]:
        """What folds into the courses of flows, the oldest first: lighter than `each`, for a log of months.

        Of the last `most` rows of the log: of a longer one, what was before them is left out.

        Raises:
            StoreError: what is there cannot be read.
        """
        with told(self.path):
            head = self._connection.execute("SELECT MAX(number) FROM log").fetchone()[0]
        last = max(0, (head or 0) - most)
        while True:
            with told(self.path):
                found = self._connection.execute(_MOVES, (last, MOVES)).fetchall()
            for _, at, event, flow, was, now, data in found:
                yield Move(at, event, flow, {"was": was, "now": now} if data is None else self._object(data))
            if len(found) < MOVES:
                return
            last = found[-1][0]

    def following(self, number: int, which: Which = ALL) -> list[LogRow]:
        """A page of the rows that come after this one, the oldest first; none: that was the last."""
        return self._rows(which, "number > ?", number, f"ASC LIMIT {PAGE}")

    def head(self) -> tuple[int, str]:
        """The number of the last row and its hash, in hexadecimal, as the store keeps them apart."""
        with told(self.path):
            number, digest = self._connection.execute("SELECT number, hash FROM log_head").fetchone() or (0, b"")
            return number, digest.hex()

    def _rows(self, which: Which, where: str, place: int | None, order: str) -> list[LogRow]:
        conditions, values = ["number > 0"], list[Any]()
        bounds = (("at >= ?", which.since), ("at < ?", which.until), ("flow = ?", which.flow), (where, place))
        for condition, value in bounds:
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if which.events:
            conditions.append(f"event IN ({', '.join('?' * len(which.events))})")
            values.extend(which.events)
        with told(self.path):
            found = self._connection.execute(
                f"SELECT {LOG_COLUMNS} FROM log WHERE {' AND '.join(conditions)} ORDER BY number {order}",  # noqa: S608
                values,
            ).fetchall()
        return [self._row(*row) for row in found]

    def _row(self, number: int, at: object, event: object, flow: str | None, data: str, digest: bytes) -> LogRow:
        if not isinstance(at, float) or not isinstance(event, str) or not isinstance(digest, bytes):
            raise self._altered(number)
        try:
            return LogRow(number, at, event, flow, self._object(data), digest.hex())
        except StoreDamaged as error:  # the chain tells it, and no copy mends it
            raise self._altered(number) from error

    def _altered(self, number: int) -> StoreError:
        return StoreError(f"{self.path}: row {number} of the log was altered by hand; run `log verify`")

    def flows(self) -> list[str]:
        """Every flow that a row speaks of."""
        with told(self.path):
            found = self._connection.execute("SELECT DISTINCT flow FROM log WHERE flow IS NOT NULL ORDER BY flow")
            return [row[0] for row in found]

    def verify(self, noted: tuple[int, bytes] | None = None) -> chain.Verdict:
        """Walk the whole chain; `noted` is a row's number and hash as noted elsewhere earlier. One moment's state."""
        with told(self.path):
            self._connection.execute("BEGIN")
            try:
                head = self._connection.execute("SELECT number, hash FROM log_head").fetchone()
                rows = self._connection.execute(f"SELECT {LOG_COLUMNS} FROM log ORDER BY number")  # noqa: S608
                return chain.verify(rows, head, noted)
            finally:
                self._connection.execute("ROLLBACK")

    # the outbox -----------------------------------------------------------------------------------------------

    def heads(self) -> list[OutboxRow]:
        """The message whose turn it is of every flow and channel; none of a flow of which a waiting group tells."""
        # The first condition is what the index is made of: without it, all that was ever told is looked through.
        return self._waiting(
            "state IN ('pending', 'grouped') AND state = 'pending' AND turn = (SELECT MIN(turn) FROM outbox AS other "
            "WHERE other.state IN ('pending', 'grouped') AND other.channel = one.channel AND other.flow = one.flow)"
        )

    def members(self, group: int) -> list[OutboxRow]:
        """The messages that a waiting group tells, in the order of their turns."""
        return self._waiting("state = 'grouped' AND gathered_by = ?", group)

    def _waiting(self, which: str, *values: int) -> list[OutboxRow]:
        with told(self.path):
            found = self._connection.execute(
                "SELECT id, key, channel, flow, body, attempts, error, begun, gathers FROM outbox AS one "  # noqa: S608
                f"WHERE {which} ORDER BY turn",
                values,
            ).fetchall()
        return [
            OutboxRow(id_, Message(key, channel, flow, self._object(body)), attempts, error, bool(begun), gathers)
            for id_, key, channel, flow, body, attempts, error, begun, gathers in found
        ]

    def pending(self) -> dict[str, int]:
        """How many messages wait, by channel: those that a group tells, and not the group itself."""
        with told(self.path):
            return dict(
                self._connection.execute(
                    "SELECT channel, COUNT(*) FROM outbox WHERE state IN ('pending', 'grouped') AND gathers = 0 "
                    "GROUP BY channel"
                )
            )

    def given(self, channel: str, incidents: Collection[str]) -> dict[str, list[Message]]:
        """What a channel was given of each of these incidents, in that order, but for their resolves."""
        found: dict[str, list[Message]] = {}
        with told(self.path):
            for incident in incidents:
                rows = self._connection.execute(
                    "SELECT key, channel, flow, body FROM outbox "
                    "WHERE key >= ? AND key < ? AND channel = ? ORDER BY id",
                    (f"{incident}-", f"{incident}.", channel),
                ).fetchall()
                messages = [Message(key, to, flow, self._object(body)) for key, to, flow, body in rows]
                found[incident] = [each for each in messages if not each.key.startswith(f"{incident}-resolved")]
        return {incident: messages for incident, messages in found.items() if messages}

    def over(self, incidents: Collection[str]) -> dict[str, Message]:
        """Those of these incidents whose resolve was ever put into the outbox, for whatever channel, and that."""
        found: dict[str, Message] = {}
        with told(self.path):
            for incident in incidents:
                row = self._connection.execute(
                    "SELECT key, channel, flow, body FROM outbox WHERE key >= ? AND key < ? ORDER BY key LIMIT 1",
                    (f"{incident}-resolved", f"{incident}-resolvee"),
                ).fetchone()
                if row is not None:
                    key, channel, flow, body = row
                    found[incident] = Message(key, channel, flow, self._object(body))
        return found

    def failing(self) -> dict[str, Failing]:
        """The channels that have accepted nothing for a while."""
        with told(self.path):
            found = self._connection.execute("SELECT name, failing_since, reason, incident, told FROM channels")
            return {
                name: Failing(since, reason, incident, tuple(json.loads(got or "[]")))
                for name, since, reason, incident, got in found
            }


def _at(found: tuple[Row, tuple[str, str]]) -> float:
    return found[0][0]
