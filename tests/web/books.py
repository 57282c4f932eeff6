"""A log for pages to read: rows that a test wrote, and what was asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from retabli.store import LogRow, StoreError, Which
from retabli.store.facts import ALL

PAGE = 100


@dataclass
class Book:
    """`rows` the newest first. `broken`: it cannot be read."""

    rows: Sequence[LogRow]
    broken: str = ""
    asked: list[Which] = field(default_factory=list)

    async def entries(self, which: Which = ALL, *, limit: int = 200, before: int | None = None) -> Sequence[LogRow]:
        self.asked.append(which)
        if self.broken:
            raise StoreError(self.broken)
        return [row for row in self.rows if before is None or row.number < before][:limit]

    async def following(self, number: int, which: Which = ALL) -> Sequence[LogRow]:
        self.asked.append(which)
        return [row for row in reversed(self.rows) if row.number > number][:PAGE]

    async def head(self) -> tuple[int, str]:
        return self.rows[0].number, self.rows[0].hash
