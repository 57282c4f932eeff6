"""The figures of `bench.roads` as tables, beside what is wanted of them."""

import argparse
import statistics
from collections.abc import Sequence

from bench.cuts import OWN, Cut
from bench.doors import Kind


def print_figures(cuts: Sequence[Cut], options: argparse.Namespace) -> None:
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
            _row("breach seen → tried again", OWN, [_after(cut.seen, cut.again) for cut in these])
            _row("breach seen → page", OWN, [_after(cut.seen, cut.paged.get(OWN)) for cut in these])
    print()
    _compare(cuts, options)
    if options.each:
        _print_each(cuts)


def _print_each(cuts: Sequence[Cut]) -> None:
    """Each cut by itself, in the order in which they were made; seconds since its own cut."""
    for cut in sorted(cuts, key=lambda cut: cut.at):
        told = [(cut.at, "cut"), (cut.repaired, "repaired")]
        told += [(at, f"paged by {road}") for road, at in cut.paged.items()]
        told += [(at, f"resolved by {road}") for road, at in cut.resolved.items()]
        print(f"\n{cut.flow}")
        for at, what in sorted(told):
            print(f"  {at - cut.at:7.1f} s  {what}")


def _row(what: str, road: str, delays: Sequence[float | None]) -> None:
    told = sorted(delay for delay in delays if delay is not None)
    never = len(delays) - len(told)
    figures = f"{told[0]:.1f} s | {statistics.median(told):.1f} s | {told[-1]:.1f} s" if told else "– | – | –"
    print(f"| {what} | {road} | {len(delays)} | {figures} | {never} |")


def _compare(cuts: Sequence[Cut], options: argparse.Namespace) -> None:
    """The worst and the median of Retabli's own road, beside what they may be."""
    refusing, silent = (
        [_after(cut.at, cut.paged.get(OWN)) for cut in cuts if cut.door.kind is kind]
        for kind in (Kind.REFUSING, Kind.SILENT)
    )
    seen = [_after(cut.seen, cut.paged.get(OWN)) for cut in cuts if cut.door.kind is Kind.BREACH]
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
