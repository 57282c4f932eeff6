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
from tests.climbing import climb
from tests.hostile.grounds import SECRETS, Grounds, Ready
from tests.hostile.ways import Way

EXPECTED = Path(__file__).parent / "expected"
SHORT, LONG = 1.5, 10.0  # seconds of patience: where a deadline is waited for, and where it must not be met
GRACE = 3.0  # seconds beyond the deadline in which a run must have ended: two cores are shared

# They deny by a sign that proves it, or say in full that the target is alive, whatever they babble afterwards.
TRUE_DENIALS = {
    ("stutters", "containment_proxy@1"),
    ("stutters", "containment_tunnel@1"),
    ("stutters", "containment_alive@1"),
    ("stutters", "containment_alive@2"),
    ("a sinkhole", "containment"),
}

Meet = Callable[[Grounds], Awaitable[Result]]


class Overrun(Exception):
    """A run outlived its deadline."""


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
    """`server` and `way` name it within its family. `heavy`: it costs processor time, and few are met at once.

    `denies`: what it gives is what a wall gives, and may prove a closure.
    """

    family: str
    server: str
    way: str
    kind: str
    meet: Meet
    heavy: bool = False
    denies: bool = False

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


def patience_for(cell: Cell, wanted: frozenset[Said]) -> float:
    """A cell that ends by itself must do so long before its deadline; one that waits for it is given a short one.

    A closure is mostly proven by a silence, which is waited for.
    """
    ends = {"failed"} if cell.kind == "containment" else {"failed", "ok"}
    return LONG if wanted and all(each.outcome in ends and not _waits(each.cause) for each in wanted) else SHORT


def _waits(cause: str) -> bool:
    return (
        cause in ("late", "tls_unanswered", "ssh_banner_unfinished", "bad_frame")
        or re.search("timeout|silent", cause) is not None
    )


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
    """One climb by that way, under the probe's own deadline, which it must keep.

    Raises:
        Overrun: it ended later than its deadline and some grace.
    """
    probe = ready.probe(port)
    target = ready.target(port) if ready.target is not None else None
    result = await climb(probe, target=target, memory=ready.memory)
    if result.seconds > probe.deadline + GRACE:
        raise Overrun(f"{way.name}: {result.seconds:.1f} s, where the deadline is {probe.deadline:.1f} s: {result}")
    return result


def unclean(result: Result) -> Iterator[str]:
    """Every text of the result that would do harm in a log, a page or a terminal, and every secret in it."""
    texts = [result.detail, *result.properties.values(), *(rung.detail for rung in result.rungs)]
    for text in texts:
        if not text.isprintable() or len(text) > 300:
            yield f"unclean: {text[:80]!r}"
        if any(secret in text for secret in SECRETS.values()):
            yield "a secret is told"


def wrong(cell: Cell, wanted: frozenset[Said], result: Result) -> Iterator[str]:
    """What this meeting came to that it must not, in sentences."""
    said = Said.of(result)
    if not wanted:
        yield f"{cell.name}: {said} is expected nowhere"
    elif said not in wanted:
        told = " or ".join(sorted(map(str, wanted)))
        yield f"{cell.name}: {said} instead of {told}; {result.detail!r}"
    if result.cause is not None and result.cause.code == "probe_defect":
        yield f"{cell.name}: a defect of ours: {result.detail}"
    failed = result.cause is not None and result.cause.verdict is Verdict.FAILED
    if result.outcome is not Outcome.OK and failed != (result.outcome is Outcome.FAILED):
        yield f"{cell.name}: {said}: a cause that does not go with its outcome"
    denies = cell.denies or (cell.server, cell.way) in TRUE_DENIALS
    if cell.kind == "containment" and result.outcome is Outcome.OK and not denies:
        yield f"{cell.name}: a hostile partner has proven closure"
    for fault in unclean(result):
        yield f"{cell.name}: {fault}"
