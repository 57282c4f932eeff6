"""The figures of `bench.roads` as tables, beside what is wanted of them."""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from typing import Protocol

from bench.doors import Door, Kind


class Told(Protocol):
    """What the tables need to know of a cut; see `bench.roads.Cut`."""

    @property
    def door(self) -> Door: ...

    @property
    def at(self) -> float: ...

    @property
    def repaired(self) -> float: ...

    @property
    def seen(self) -> float | None: ...

    @property
    def again(self) -> float | None: ...

    @property
    def paged(self) -> Mapping[str, float]: ...

    @property
    def resolved(self) -> Mapping[str, float]: ...

    @property
    def roads(self) -> Sequence[str]: ...


def print_figures(cuts: Sequence[Told], options: argparse.Namespace) -> None:
    print("| | road | cuts | least | median | most | never |")
    print("|---|---|---|---|---|---|---|")
    for kind in Kind:
        these = [cut for cut in cuts if cut.door.kind is kind]
        if not these:
            continue
        for road in these[0].roads:
            _row(f"{kind} → page", road, [_after(cut.at, cut.paged.get(road)) for cut in these])
        for road in these[0].roads:
            _row(f"{kind}: repair → resolve", road, [_after(cut.repaired, cut.resolved.get(road)) for cut in these])
        if kind is Kind.BREACH:
            own = these[0].roads[0]
            _row("breach seen → tried again", own, [_after(cut.seen, cut.again) for cut in these])
            _row("breach seen → page", own, [_after(cut.seen, cut.paged.get(own)) for cut in these])
    print()
    _compare(cuts, options)


def _row(what: str, road: str, delays: Sequence[float | None]) -> None:
    told = sorted(delay for delay in delays if delay is not None)
    never = len(delays) - len(told)
    figures = f"{told[0]:.1f} s | {statistics.median(told):.1f} s | {told[-1]:.1f} s" if told else "– | – | –"
    print(f"| {what} | {road} | {len(delays)} | {figures} | {never} |")


def _compare(cuts: Sequence[Told], options: argparse.Namespace) -> None:
    """The worst and the median of Retabli's own road, beside what they may be."""
    refusing, silent = (
        [_after(cut.at, cut.paged.get(cut.roads[0])) for cut in cuts if cut.door.kind is kind]
        for kind in (Kind.REFUSING, Kind.SILENT)
    )
    seen = [_after(cut.seen, cut.paged.get(cut.roads[0])) for cut in cuts if cut.door.kind is Kind.BREACH]
    one = f"an interval, a deadline and 4 s: {options.every + options.timeout + 4:g} s"
    wanted = [
        ("refusing, most", _most(refusing), f"an interval and 5 s: {options.every + 5:g} s"),
        ("refusing, median", _median(refusing), f"half an interval and 4 s: {options.every / 2 + 4:g} s"),
        ("silent, most", _most(silent), one),
        ("breach, most, once seen", _most(seen), "5 s"),
    ]
    for what, reached, limit in wanted:
        print(f"{what:26}{reached:6.1f} s   (wanted: within {limit})")


def _most(delays: Sequence[float | None]) -> float:
    return max(map(_number, delays), default=0.0)


def _median(delays: Sequence[float | None]) -> float:
    return statistics.median(map(_number, delays)) if delays else 0.0


def _number(delay: float | None) -> float:
    return float("inf") if delay is None else delay


def _after(since: float | None, then: float | None) -> float | None:
    return None if since is None or then is None else then - since
