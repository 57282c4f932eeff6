"""A thousand flows every 30 seconds, 300 of which never answer: how late are the starts, and what does it cost?

`python -m bench.scale [--flows 1000] [--silent 300] [--every 30] [--seconds 75]` prints the figures; it tests nothing.
`--write PATH` writes the same flows as a configuration for the daemon, and serves their targets until interrupted.
"""

import argparse
import asyncio
import gc
import os
import resource
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.targets import Targets, raise_descriptors, serving
from probes.tcp import Tcp
from retabli.model.flow import Policy, UnitName
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.scheduler import Scheduler

WARM = 12.0  # seconds of the first sweep, which are not counted as the steady state
TIMEOUT = 10.0


@dataclass
class CountingJudge:
    """Judges as cheaply as can be, so that the figures are the scheduler's and the probes'."""

    fall: int = 3
    outcomes: Counter[str] = field(default_factory=Counter)
    restored: set[UnitName] = field(default_factory=set)
    fails: Counter[UnitName] = field(default_factory=Counter)
    first: float | None = None
    seconds: list[float] = field(default_factory=list)
    confirmations: int = 0

    async def accept(self, name: UnitName, probe: Probe, result: Result) -> None:
        if self.first is None:
            self.first = result.started
        self.outcomes[result.outcome.value] += 1
        self.confirmations += result.confirming
        if result.outcome is Outcome.OK:
            self.restored.add(name)
            self.fails.pop(name, None)
            self.seconds.append(result.seconds)
        else:
            self.fails[name] += 1

    def skipped(self, name: UnitName) -> None:
        self.outcomes["skipped"] += 1

    async def stands(self, name: UnitName) -> None:
        pass

    def unwatched(self, seconds: float, *, asleep: bool) -> None:
        pass

    def wanted(self, name: UnitName) -> int:
        return max(0, self.fall - self.fails[name]) if name in self.restored else 0

    def memory(self, name: UnitName) -> dict[str, Any]:
        return {}


@dataclass
class KeepingMeter:
    late: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    stalls: list[float] = field(default_factory=list)

    def lateness(self, seconds: float) -> None:
        self.late.append(seconds)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def stall(self, seconds: float) -> None:
        self.stalls.append(seconds)

    def stalled_by(self, kind: str, seconds: float) -> None: ...


def flows(targets: Targets, number: int, every: float) -> dict[UnitName, tuple[Probe, Policy]]:
    """One tcp probe a flow, on addresses of loopback, with no name to resolve."""
    policy = Policy()
    ports = list(targets.silent) + [port for port, _ in zip(cycle(targets.answering), range(number), strict=False)]
    return {
        UnitName(f"flow-{index:05d}", "port"): (
            Tcp(kind="tcp", host="127.0.0.1", port=port, every=every, timeout=min(TIMEOUT, every)),
            policy,
        )
        for index, port in enumerate(ports[:number])
    }


def configuration(units: Mapping[UnitName, tuple[Probe, Policy]]) -> str:
    """The same flows as the daemon reads them."""
    lines = ["site: {name: Bench, timezone: UTC, language: en}", "state: state.db", "flows:"]
    for name, (probe, _) in units.items():
        keys = probe.model_dump(mode="json", include={"kind", "host", "port", "every", "timeout"})
        inner = ", ".join(f"{key}: {value}" for key, value in keys.items())
        lines.append(f"  {name.flow}: {{title: {name.flow}, intent: open, probes: {{{name.probe}: {{{inner}}}}}}}")
    return "\n".join(lines) + "\n"


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def resident() -> float:
    """MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def age() -> float:
    """Seconds since this process was started, imports included."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(units: Mapping[UnitName, tuple[Probe, Policy]], seconds: float, before: float) -> None:
    judge, meter = CountingJudge(), KeepingMeter()
    scheduler = Scheduler(judge, meter)
    began, began_age = time.monotonic(), age() - before
    await scheduler.adopt(units)
    running = asyncio.create_task(scheduler.run())
    await asyncio.sleep(min(WARM, seconds / 2))
    swept = len(meter.late)
    gc.collect()
    used, runs, since = cpu(), sum(judge.outcomes.values()), time.monotonic()
    await asyncio.sleep(max(0.0, seconds - (since - began)))
    used, runs, span = cpu() - used, sum(judge.outcomes.values()) - runs, time.monotonic() - since
    under_way, memory = scheduler.under_way, resident()
    await scheduler.stop()
    running.cancel()
    await asyncio.wait({running})
    steady, first = meter.late[swept:], (judge.first or float("nan")) - began + began_age
    print(f"start → first beat     {first:8.2f} s   (process start, imports and settings included)")
    for name, late in (("first sweep", meter.late[:swept]), ("then", steady)):
        p50, p99, most = quantile(late, 0.5) * 1e3, quantile(late, 0.99) * 1e3, max(late, default=float("nan")) * 1e3
        print(f"lateness, {name:12} {p50:8.2f} ms p50  {p99:8.2f} ms p99  {most:8.2f} ms at most  ({len(late)} starts)")
    print(f"waits for a place      {len(meter.waits):8d}      {max(meter.waits, default=0.0):8.2f} s at most")
    p50, p99, most = (quantile(meter.stalls, share) * 1e3 for share in (0.5, 0.99, 1.0))
    print(f"loop stall             {p50:8.2f} ms p50  {p99:8.2f} ms p99  {most:8.2f} ms at most")
    print(f"connect (loopback)     {quantile(judge.seconds, 0.5) * 1e3:8.2f} ms p50")
    print(f"resident memory        {memory:8.1f} MiB")
    print(f"CPU                    {used / span * 100:8.2f} % of a core, {used / max(runs, 1) * 1e6:.0f} µs a run")
    print(f"under way at the end   {under_way:8d}")
    print(f"outcomes               {dict(judge.outcomes)}, confirmations {judge.confirmations}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--silent", type=int, default=300)
    parser.add_argument("--every", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=75.0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    raise_descriptors()
    began = age()
    with serving(options.silent) as targets:
        waited = age() - began  # for the targets: no part of a daemon's start
        units = flows(targets, options.flows, options.every)
        if options.write is not None:
            options.write.write_text(configuration(units))
            input(f"{options.write} is written; its targets answer until you press Enter. ")
            return
        print(f"{options.flows} tcp flows every {options.every:g} s, {options.silent} of them silent;", end=" ")
        print(f"{options.seconds:g} s on {os.cpu_count()} cores")
        asyncio.run(measure(units, options.seconds, waited))


if __name__ == "__main__":
    main()
