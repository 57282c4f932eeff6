"""When messages go alone, and when they wait to be grouped: a storm must not bury whoever is on call. Pure.

A telephone that rings four hundred times is put aside. So the first few messages go at once, each by itself; what
comes on top of them within seconds belongs to the same event, and is told together.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from retabli.store import OutboxRow

BURST = 5  # messages that a channel is given one by one within WINDOW: what a person can still read as they come …
WINDOW = 10.0  # … in so many seconds
GATHERING = 2.0  # seconds that the first one on top waits for others: flows that one fault takes fall within that
PAUSE = 10.0  # seconds after a group of more than BURST before the next one; a breach waits for GATHERING at most
LARGEST = 200  # messages in one group: about half a megabyte, which receivers take
STATUSES = ("firing", "reminder", "resolved")  # what may be grouped, each with its like


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a channel may be given now: messages one by one, and groups. `again`: when to ask next."""

    alone: Sequence[OutboxRow]
    groups: Sequence[Sequence[OutboxRow]]
    again: float


@dataclass(slots=True)
class _Flood:
    """The messages of one kind, of one channel."""

    alone: deque[float] = field(default_factory=deque)  # when the latest ones went by themselves
    paused_until: float = float("-inf")
    waiting: dict[int, float] = field(default_factory=dict)  # since when each row waits for others

    def admit(self, fresh: Sequence[OutboxRow], now: float, places: int) -> Admitted:
        while self.alone and self.alone[0] <= now - WINDOW:
            self.alone.popleft()
        known = {row.id for row in fresh}
        self.waiting = {row: since for row, since in self.waiting.items() if row in known}
        if not self.waiting and self.paused_until <= now:
            room = max(0, min(BURST - len(self.alone), places))
            ordered = sorted(fresh, key=lambda row: not is_breach(row))
            first, rest = ordered[:room], ordered[room:]
        else:
            first, rest = [], list(fresh)  # a storm lasts: who comes now joins those that wait
        self.alone.extend(now for _ in first)
        for row in rest:
            self.waiting.setdefault(row.id, now)
        due = self._due(rest)
        if due > now:
            return Admitted(first, (), due)
        self.waiting.clear()
        made = together(rest)
        self.alone.extend(now for _ in made)
        if len(rest) > BURST:
            self.paused_until = now + PAUSE
        return Admitted(
            [*first, *(rows[0] for rows in made if len(rows) == 1)],
            [rows for rows in made if len(rows) > 1],
            float("inf"),
        )

    def _due(self, rows: Sequence[OutboxRow]) -> float:
        """When those that wait are grouped."""
        if not rows:
            return float("inf")
        due = max(min(self.waiting[row.id] for row in rows) + GATHERING, self.paused_until)
        breaches = [self.waiting[row.id] + GATHERING for row in rows if is_breach(row)]
        return min([due, *breaches])


@dataclass(slots=True)
class Storm:
    """The messages of one channel that have not been tried yet. Times are the loop's clock, in seconds.

    A page is never held up by reminders and resolves, however many there are: they are counted apart.
    """

    pages: _Flood = field(default_factory=_Flood)
    others: _Flood = field(default_factory=_Flood)

    def admit(self, fresh: Sequence[OutboxRow], now: float, places: int) -> Admitted:
        """`fresh` in the order in which they came; `places`: how many more the channel can be given at once."""
        news = self.pages.admit([row for row in fresh if _is_page(row)], now, places)
        rest = [row for row in fresh if not _is_page(row)]
        others = self.others.admit(rest, now, places - len(news.alone))
        return Admitted([*news.alone, *others.alone], [*news.groups, *others.groups], min(news.again, others.again))


def _is_page(row: OutboxRow) -> bool:
    return row.message.body.get("status") == "firing"


def may_wait(row: OutboxRow) -> bool:
    """Whether it may be grouped: of a flow, and of a kind that is; and nobody can know it by its own key yet."""
    body = row.message.body
    of_a_flow = body.get("flow") is not None and body.get("status") in STATUSES
    return of_a_flow and not row.begun and not row.gathers and not row.attempts


def is_breach(row: OutboxRow) -> bool:
    body = row.message.body
    return body.get("status") == "firing" and (
        body.get("reason") == "breached" or any(page.get("reason") == "breached" for page in body.get("pages", ()))
    )


def together(rows: Sequence[OutboxRow]) -> list[list[OutboxRow]]:
    """Those of one status together, the worst first, at most LARGEST in one group; pages before resolves."""
    made: list[list[OutboxRow]] = []
    for status in STATUSES:
        alike = sorted((row for row in rows if row.message.body.get("status") == status), key=_rank)
        made += [alike[start : start + LARGEST] for start in range(0, len(alike), LARGEST)]
    return made


def _rank(row: OutboxRow) -> tuple[int, int]:
    """A breach before anything else, then what is vital, then high."""
    body = row.message.body
    criticalities = {"vital": 0, "high": 1}
    return (0 if is_breach(row) else 1, criticalities.get(str(body.get("criticality")), 2))
