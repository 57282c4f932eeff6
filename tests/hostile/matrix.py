"""Meets the cells of a family, many at once, and says what went otherwise than expected and what was left behind."""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retabli.model.result import Result
from tests.hostile import servers
from tests.hostile.cells import EXPECTED, GRACE, Cell, expected, meet, patience_for, wrong

AT_ONCE, HEAVY_AT_ONCE = 24, 3


@dataclass(frozen=True, slots=True)
class Met:
    """A cell that was met, and everything that was wrong with it."""

    cell: Cell
    result: Result
    wrong: tuple[str, ...]


async def meet_family(family: str, *, only: str = "") -> list[Met]:
    """Every cell of the family (whose name holds `only`), and what each left; the last `wrong` are the leftovers."""
    known = expected(family) if (EXPECTED / f"{family}.txt").exists() else {}
    places = {heavy: asyncio.Semaphore(HEAVY_AT_ONCE if heavy else AT_ONCE) for heavy in (False, True)}

    async def one(cell: Cell) -> Met:
        wanted = known.get((cell.server, cell.way), frozenset())
        patience = patience_for(wanted)
        async with places[cell.heavy]:
            result = await meet(cell, patience)
        return Met(cell, result, tuple(wrong(cell, wanted, result, patience)))

    chosen = [cell for cell in servers.cells_of(family) if only in cell.name]
    met: list[Met] = []
    for heavy in (False, True):  # apart: who waits for a deadline is not to wait for a flood
        met += await asyncio.gather(*(one(cell) for cell in chosen if cell.heavy is heavy))
    return met
