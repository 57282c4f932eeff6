"""Meets the cells of a family, many at once, and says what went otherwise than expected and what was left behind."""

import asyncio
import gc
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retabli.model.result import Outcome, Result
from tests.hostile import servers
from tests.hostile.cells import EXPECTED, Cell, Expected, Said, expected, meet, patience_for, wrong

AT_ONCE, HEAVY_AT_ONCE = 32, 3


@dataclass(frozen=True, slots=True)
class Met:
    """A cell that was met, and everything that was wrong with it."""

    cell: Cell
    result: Result
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds at one moment."""

    tasks: frozenset[str]
    threads: frozenset[str]
    children: frozenset[int]
    sockets: int

    @classmethod
    def now(cls) -> "Held":
        gc.collect()
        lists = (path.read_text() for path in Path("/proc/self/task").glob("*/children"))
        return cls(
            frozenset(repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()),
            frozenset(thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")),
            frozenset(int(word) for text in lists for word in text.split()),
            sum(_is_socket(path) for path in Path("/proc/self/fd").iterdir()),
        )

    def left(self, before: "Held") -> Iterator[str]:
        """What is there that was not there before; the threads that asyncio keeps for later are nobody's."""
        yield from (f"a task is left: {task}" for task in self.tasks - before.tasks)
        yield from (f"a thread is left: {name}" for name in self.threads - before.threads)
        yield from (f"a child is left: {number}" for number in self.children - before.children)
        if self.sockets > before.sockets:
            yield f"{self.sockets - before.sockets} sockets are left"


def _is_socket(path: Path) -> bool:
    try:
        return os.readlink(path).startswith("socket:")
    except OSError:  # the folder's own, already closed
        return False


async def leftovers(before: Held) -> list[str]:
    """What is still there once the last conversations of the servers have seen that theirs is over."""
    for _ in range(100):
        if not (left := list(Held.now().left(before))):
            return []
        await asyncio.sleep(0.02)
    return left


async def meet_family(family: str, *, only: str = "") -> list[Met]:
    """Every cell of the family (whose name holds `only`), and what each left; the last `wrong` are the leftovers."""
    known = expected(family) if (EXPECTED / f"{family}.txt").exists() else {}
    places = {heavy: asyncio.Semaphore(HEAVY_AT_ONCE if heavy else AT_ONCE) for heavy in (False, True)}

    async def one(cell: Cell) -> Met:
        wanted = known.get((cell.server, cell.way), frozenset())
        patience = patience_for(cell, wanted)
        async with places[cell.heavy]:
            result = await meet(cell, patience)
        return Met(cell, result, tuple(wrong(cell, wanted, result)))

    chosen = [cell for cell in servers.cells_of(family) if only in cell.name]
    met: list[Met] = []
    for heavy in (False, True):  # apart: who waits for a deadline is not to wait for a flood
        met += await asyncio.gather(*(one(cell) for cell in chosen if cell.heavy is heavy))
    # Who speaks next under TLS and SSH is a matter of microseconds, and with it the turn that a fault falls in. What
    # ended by another cause is met once more, alone. Another outcome is none that haste explains: it counts at once.
    return [await one(each.cell) if _by_another_cause(each, known) else each for each in met]


def _by_another_cause(met: Met, known: Expected) -> bool:
    """Whether nothing is wrong with it but that the fall is called, or placed, otherwise than expected."""
    wanted = known.get((met.cell.server, met.cell.way), frozenset())
    said = Said.of(met.result)
    alike = {each.outcome for each in wanted} == {said.outcome} and said.outcome != Outcome.OK.value
    return len(met.wrong) == 1 and said not in wanted and alike
