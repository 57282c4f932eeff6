"""A histogram of one series whose lines are kept current: thousands of them cost a scrape nothing."""

from bisect import bisect_left
from itertools import accumulate


class Buckets:
    """Counts of values at most each bound, in the same unit as the bounds."""

    __slots__ = ("_bounds", "_counts", "_lines", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lines: tuple[str, str] = ("", "")

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value
        self._lines = ("", "")

    def lines(self, name: str, base: str) -> str:
        """The samples; `base` is the labels without braces. Made again only after another value or other labels."""
        if self._lines[0] != base:
            bounds = [*(repr(bound) for bound in self._bounds), "+Inf"]
            counts = list(accumulate(self._counts))
            text = "".join(
                f'{name}_bucket{{{base},le="{bound}"}} {count}\n' for bound, count in zip(bounds, counts, strict=True)
            )
            tail = f"{name}_count{{{base}}} {counts[-1]}\n{name}_sum{{{base}}} {self._sum!r}\n"
            self._lines = (base, text + tail)
        return self._lines[1]
