"""Small charts of a unit's runs, as paths of an SVG that is stretched to its place: no text in it, and no script."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from retabli.model.probe import Probe
from retabli.model.result import Outcome
from retabli.model.run import Run
from retabli.model.states import Intent
from retabli.view.times import took
from retabli.web.words import text

SLOTS = 30  # places that are drawn at least, so that few runs are not stretched over the whole width
HEIGHT = 40  # of the plot, in the drawing's own measure
JUDGED = 5  # successes from which a median says something
TAIL = 20  # … and a 95th percentile
SHORTEST = 0.0001  # seconds: what is shorter is drawn as this
KINDS = ("ok", "partial", "failed", "unknown")

# By shape, and not by colour alone: a stump, a stump that is cut, a bar from top to bottom, a dot.
_TICKS = {"ok": "M{x} 9v6", "partial": "M{x} 6v3m0 3v3", "failed": "M{x} 1v14", "unknown": "M{x} 9h0"}


@dataclass(frozen=True, slots=True)
class Strip:
    """A tick for each run, the newest at the right; `left` and `width` are of the view box. `gap`: nobody looked."""

    left: float
    width: int
    paths: tuple[tuple[str, str], ...]
    legend: tuple[tuple[str, str], ...]
    said: str


@dataclass(frozen=True, slots=True)
class Plot:
    """How long the runs that held took, on a logarithmic scale: `labels` are its decades, the longest first."""

    line: str
    dots: str
    grid: str
    slow: str
    labels: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    said: str


def kind_of(outcome: Outcome, probe: Probe, intent: Intent, *, whole: bool = True) -> str:
    """What a run says of its flow, one of KINDS: an answer where there must be none has failed, and its absence
    proves nothing."""
    if intent is Intent.CLOSED and not probe.PROVES_CLOSURE:
        return "failed" if outcome is Outcome.OK else "unknown"
    return "partial" if outcome is Outcome.OK and not whole else outcome.value


def strip(runs: Sequence[Run], probe: Probe, intent: Intent, language: str) -> Strip | None:
    if not runs:
        return None
    kinds = [kind_of(run.outcome, probe, intent, whole=run.whole) for run in runs]
    paths = {
        kind: "".join(_TICKS[kind].format(x=place) for place, each in enumerate(kinds) if each == kind)
        for kind in KINDS
    }
    paths["gap"] = "".join(f"M{place - 0.5} 0v16" for place in _gaps(runs, probe))
    counts = tuple((kind, number) for kind in KINDS if (number := kinds.count(kind)))
    legend = tuple(
        (kind, text(f"ticks_{kind}", language, n=number, s="s" if number > 1 else "")) for kind, number in counts
    )
    width = max(SLOTS, len(runs))
    said = text("strip_said", language, n=len(runs), counts=", ".join(words for _, words in legend))
    return Strip(len(runs) - width - 0.5, width, tuple((kind, d) for kind, d in paths.items() if d), legend, said)


def _gaps(runs: Sequence[Run], probe: Probe) -> Iterable[int]:
    """Before which runs nobody looked for longer than the rhythm explains."""
    longest = 3 * probe.every + probe.deadline
    return (place for place, (one, other) in enumerate(pairwise(runs), 1) if other.at - one.at > longest)


def plot(runs: Sequence[Run], probe: Probe, language: str) -> Plot | None:
    held = [run.seconds for run in runs if run.outcome is Outcome.OK]
    if not held:
        return None
    bounds = [max(each, SHORTEST) for each in (*held, *([probe.slow] if probe.slow else []))]
    low, high = math.floor(math.log10(min(bounds))), math.ceil(math.log10(max(bounds)))
    high = max(high, low + 1)
    sparse = 1 if high - low < 4 else 2

    def y(seconds: float) -> str:
        return f"{HEIGHT * (high - math.log10(max(seconds, SHORTEST))) / (high - low):.1f}".removesuffix(".0")

    figures = tuple(_figures(held, probe, language))
    line, dots = _line(runs, set(_gaps(runs, probe)), y)
    return Plot(
        line=line,
        dots=dots,
        grid="".join(f"M-1000 {y(10.0**decade)}h2000" for decade in range(low, high + 1)),
        slow=f"M-1000 {y(probe.slow)}h2000" if probe.slow else "",
        labels=tuple(_decade(each) if each % sparse == 0 else "" for each in range(high, low - 1, -1)),
        figures=figures,
        said=text("plot_said", language, figures=", ".join(f"{name} {value}" for name, value in figures)),
    )


def _line(runs: Sequence[Run], gaps: set[int], y: Callable[[float], str]) -> tuple[str, str]:
    """The line, broken where a run did not hold and where nobody looked; and the runs that stand by themselves."""
    stretches: list[list[str]] = [[]]
    for place, run in enumerate(runs):
        if run.outcome is not Outcome.OK or place in gaps:
            stretches.append([])
        if run.outcome is Outcome.OK:
            stretches[-1].append(f"{place} {y(run.seconds)}")
    line = "".join(f"M{'L'.join(each)}" for each in stretches if len(each) > 1)
    return line, "".join(f"M{each[0]}h0" for each in stretches if len(each) == 1)


def _figures(held: Sequence[float], probe: Probe, language: str) -> Iterable[tuple[str, str]]:
    if len(held) >= JUDGED:
        yield text("median", language), took(percentile(held, 0.5), language)
    if len(held) >= TAIL:
        yield text("p95", language), took(percentile(held, 0.95), language)
    yield text("longest", language), took(max(held), language)
    if probe.slow:
        yield text("slow", language), took(probe.slow, language)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _decade(power: int) -> str:
    """`10 ms`, `1 s`, `100 s`."""
    return f"{10 ** (power + 3):g}\u00a0ms" if power < 0 else f"{10**power}\u00a0s"
