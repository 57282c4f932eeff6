"""One cell of the matrix: a hostile server, the way that meets it, and what is to come of it."""

import contextlib
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from retabli.model.causes import Verdict
from retabli.model.result import Outcome, Result
from tests import reached
from tests.climbing import climb
from tests.hostile.grounds import SECRETS, Grounds, Ready
from tests.hostile.ways import Way

EXPECTED = Path(__file__).parent / "expected"
SHORT, LONG = 1.0, 10.0  # seconds of patience: where a deadline is waited for, and where it must not be met
GRACE = 1.5  # seconds beyond the deadline in which a run must have ended: two cores are shared

Meet = Callable[[Grounds], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a meeting: outcome, stage and cause, as the table writes them."""

    outcome: str
    stage: str
    cause: str

    @classmethod
    def of(cls, result: Result) -> "Said":
        stage = result.stage.id if result.stage else "-"
        return cls(result.outcome.value, stage, result.cause.code if result.cause else "-")

    def __str__(self) -> str:
        return f"{self.outcome} {self.stage} {self.cause}"


@dataclass(frozen=True, slots=True)
class Cell:
    """`server` and `way` name it within its family. `heavy`: it costs processor time, and few are met at once."""

    family: str
    server: str
    way: str
    kind: str
    meet: Meet
    heavy: bool = False

    @property
    def name(self) -> str:
        return f"{self.family}: {self.server} × {self.way}"


Expected = dict[tuple[str, str], frozenset[Said]]


def expected(family: str) -> Expected:
    """The table of a family: by server and way, what may come of it.

    `[server]`, then lines `outcome stage cause: way way …`; a way that stands on several lines may end in any of them.
    """
    found: dict[tuple[str, str], set[Said]] = {}
    server = ""
    for line in (EXPECTED / f"{family}.txt").read_text().splitlines():
        if heading := re.fullmatch(r"\[(.+)\]", line):
            server = heading[1]
        elif line.strip() and not line.startswith("#"):
            verdict, _, ways = line.partition(":")
            for way in ways.split():
                found.setdefault((server, way), set()).add(Said(*verdict.split()))
    return {key: frozenset(each) for key, each in found.items()}


def patience_for(wanted: frozenset[Said]) -> float:
    """A cell that ends by itself must do so long before its deadline; one that waits for it is given a short one."""
    waits = {"timeout", "dns_timeout", "late", "silent", "own_mailbox_failed", "engine_timeout"}
    ends = all(each.cause not in waits and "timeout" not in each.cause and "silent" not in each.cause for each in wanted)
    return LONG if wanted and ends else SHORT


@contextlib.asynccontextmanager
async def grounds(patience: float) -> AsyncIterator[Grounds]:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            yield Grounds(Path(folder), stack, patience)


async def meet(cell: Cell, patience: float) -> Result:
    """One meeting, with nothing left of it afterwards."""
    async with grounds(patience) as given:
        return await cell.meet(given)


async def run(way: Way, ready: Ready, port: int) -> Result:
    """One climb by that way, under the probe's own deadline."""
    probe = ready.probe(port)
    target = ready.target(port) if ready.target is not None else None
    return await climb(probe, target=target, memory=ready.memory)


def unclean(result: Result) -> Iterator[str]:
    """Every text of the result that would do harm in a log, a page or a terminal, and every secret in it."""
    texts = [result.detail, *result.properties.values(), *(rung.detail for rung in result.rungs)]
    for text in texts:
        if not text.isprintable() or len(text) > 300:
            yield f"unclean: {text[:80]!r}"
        if any(secret in text for secret in SECRETS.values()):
            yield "a secret is told"


def wrong(cell: Cell, wanted: frozenset[Said], result: Result, patience: float) -> Iterator[str]:
    """What this meeting came to that it must not, in sentences."""
    said = Said.of(result)
    if not wanted:
        yield f"{cell.name}: {said} is expected nowhere"
    elif said not in wanted:
        told = " or ".join(sorted(map(str, wanted)))
        yield f"{cell.name}: {said} instead of {told}; {result.detail!r}"
    if result.cause is not None and result.cause.code == "probe_defect":
        yield f"{cell.name}: a defect of ours: {result.detail}"
    if result.cause is not None and (result.cause.verdict is Verdict.FAILED) != (result.outcome is Outcome.FAILED):
        if result.outcome is not Outcome.OK:
            yield f"{cell.name}: {said}: a cause that does not go with its outcome"
    if cell.kind == "containment" and result.outcome is Outcome.OK:
        yield f"{cell.name}: a hostile partner has proven closure"
    for fault in unclean(result):
        yield f"{cell.name}: {fault}"


__all__ = ["LONG", "SHORT", "Cell", "Said", "expected", "meet", "reached", "run", "unclean", "wrong"]
