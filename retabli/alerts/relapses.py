"""A daemon that ends again and again without being told to: its lives are too short to look at everything, and a
heartbeat at each start would say that it works."""

import time
from collections.abc import Callable, Iterable

from retabli.model.record import Entry, Event
from retabli.store.facts import LogRow

OFTEN = 3  # ends
WITHIN = 900.0  # seconds


class Relapses:
    """How often of late it ended without being told to, by its own log. `wall` is the wall clock, in seconds."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._ends: tuple[float, ...] = ()

    def take_up(self, rows: Iterable[LogRow | Entry]) -> None:
        """The log as it is when the daemon begins, and the rows of this beginning."""
        self._ends = tuple(row.at for row in rows if row.event == Event.GAP and not row.data.get("clean_stop", True))

    def why_not(self) -> str | None:
        """Why its being alive now says nothing, in a sentence; None: it has lived long enough."""
        now = self._wall()
        number = sum(0 <= now - end < WITHIN for end in self._ends)
        if number < OFTEN:
            return None
        return f"it has ended {number} times within {WITHIN / 60:.0f} minutes without being told to"
