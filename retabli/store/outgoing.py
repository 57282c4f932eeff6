"""What one transaction may write of the outbox and of its channels: SQL on the writer's connection."""

import json
import sqlite3
from collections.abc import Callable, Sequence

SLICE = 500  # rows that one step of a pruning deletes at most: no commit waits long behind it


class Outgoing:
    """The outbox, written within a transaction that somebody else begins and ends.

    A row is `pending`, `grouped` (a group that waits, or was told, tells it), `told` or `aside`. The next message of
    a flow waits on the same channel for those before it that are pending or grouped.
    """

    def __init__(self, connection: sqlite3.Connection, wall: Callable[[], float]) -> None:
        self._connection = connection
        self._wall = wall

    def fact(self, name: str, value: float | int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def forget(self, fact: str) -> None:
        self._connection.execute("DELETE FROM facts WHERE name = ?", (fact,))

    # putting in -----------------------------------------------------------------------------------------------

    def queue(self, key: str, channel: str, flow: str, body: str, gathers: int = 0) -> int:
        """Its row; `gathers` is how many messages a group tells."""
        number = self._connection.execute(
            "INSERT INTO outbox (key, channel, flow, body, turn, queued_at, gathers) VALUES (?, ?, ?, ?, 0, ?, ?)",
            (key, channel, flow, body, self._wall(), gathers),
        ).lastrowid
        self._connection.execute("UPDATE outbox SET turn = ? WHERE id = ?", (self._turn(), number))
        return int(number or 0)

    def has(self, key: str, channel: str) -> bool:
        """Whether this channel has the message, or is to get it; one that was set aside it never got."""
        found = self._connection.execute(
            "SELECT 1 FROM outbox WHERE key = ? AND channel = ? AND state != 'aside' LIMIT 1", (key, channel)
        )
        return found.fetchone() is not None

    def owes_end(self, incident: str, channel: str) -> bool:
        """Whether this channel has something of this page, or is to get it, and nothing that ends it.

        A resolve that the channel choked on is not given to it again: others have told it meanwhile, and behind the
        next page of that flow it would read as that one's end.
        """
        found = self._connection.execute(
            "SELECT TOTAL(state != 'aside'), TOTAL(key >= ? AND key < ?) FROM outbox "
            "WHERE key >= ? AND key < ? AND channel = ?",
            (f"{incident}-resolved", f"{incident}-resolvee", f"{incident}-", f"{incident}.", channel),
        )
        given, ends = found.fetchone()
        return given > 0 and not ends

    # groups ---------------------------------------------------------------------------------------------------

    def gather(self, key: str, channel: str, lane: str, body: str, rows: Sequence[int]) -> None:
        """One message in the place of those that wait in `rows`, which it tells."""
        group = self.queue(key, channel, lane, body, gathers=len(rows))
        self._connection.executemany(
            "UPDATE outbox SET state = 'grouped', gathered_by = ? WHERE id = ? AND state IN ('pending', 'grouped')",
            [(group, row) for row in rows],
        )

    def release(self, rows: Sequence[int]) -> None:
        """Members of a group that are told by themselves from now on, and never grouped again."""
        self._connection.executemany(
            "UPDATE outbox SET state = 'pending', gathered_by = NULL, begun = 1 WHERE id = ? AND state = 'grouped'",
            [(row,) for row in rows],
        )

    def settle_members(self, group: int, state: str) -> None:
        self._connection.execute(
            "UPDATE outbox SET state = ?, settled_at = ? WHERE gathered_by = ? AND state = 'grouped'",
            (state, self._wall(), group),
        )

    # attempts -------------------------------------------------------------------------------------------------

    def begin(self, rows: Sequence[int]) -> None:
        self._connection.executemany("UPDATE outbox SET begun = 1 WHERE id = ?", [(row,) for row in rows])

    def settle(self, row: int, state: str, attempts: int, error: str | None) -> bool:
        """Whether the row was still waiting."""
        changed = self._connection.execute(
            "UPDATE outbox SET state = ?, attempts = ?, error = ?, settled_at = ? WHERE id = ? AND state = 'pending'",
            (state, attempts, error, self._wall(), row),
        )
        return changed.rowcount > 0

    def failed(self, row: int, attempts: int, error: str) -> None:
        self._connection.execute("UPDATE outbox SET attempts = ?, error = ? WHERE id = ?", (attempts, error, row))

    def put_back(self, row: int) -> None:
        """Behind everything else that waits in its lane."""
        self._connection.execute("UPDATE outbox SET turn = ? WHERE id = ?", (self._turn(), row))

    def _turn(self) -> int:
        """A turn after every other one that was ever given."""
        found = self._connection.execute("SELECT value FROM facts WHERE name = 'turn'").fetchone()
        turn = (found[0] if found else 0) + 1
        self.fact("turn", turn)
        return int(turn)

    # channels -------------------------------------------------------------------------------------------------

    def failing(self, channel: str, since: float, reason: str) -> None:
        self._connection.execute(
            "INSERT INTO channels (name, failing_since, reason) VALUES (?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET reason = excluded.reason",
            (channel, since, reason),
        )

    def reported(self, channel: str, incident: str, told: Sequence[str]) -> None:
        self._connection.execute(
            "UPDATE channels SET incident = ?, told = ? WHERE name = ?", (incident, json.dumps(list(told)), channel)
        )

    def accepts(self, channel: str) -> None:
        self._connection.execute("DELETE FROM channels WHERE name = ?", (channel,))

    # letting go -----------------------------------------------------------------------------------------------

    def prune_outbox(self, before: float) -> int:
        """What was told of a page that is still open stays, to be told again. A key begins with its incident."""
        return self._connection.execute(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state IN ('told', 'aside') AND settled_at < ? "
            "AND substr(key, 1, instr(key, '-') - 1) NOT IN (SELECT json_extract(standing, '$.incident.id') "
            "FROM standings WHERE json_extract(standing, '$.incident.id') IS NOT NULL) LIMIT ?)",
            (before, SLICE),
        ).rowcount
