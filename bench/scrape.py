"""What a scrape of many flows takes: CPU before compression, and for how long the loop stands still meanwhile.

`python -m bench.scrape [--flows 10000] [--scrapes 7]` prints the figures; it tests nothing. Flows are judged, stored
and shown by the real daemon's parts; its results are made here, so that nothing else goes on.
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.scale import configuration
from commands._daemon import Daemon
from config.loading import load
from probes.tcp import Tcp
from retabli.model import stages
from retabli.model.flow import Policy, UnitName
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe

EVERY = 60.0  # seconds between two runs of a flow
SCRAPES = (5.0, 15.0, 30.0, 60.0)  # seconds between two scrapes: of how many flows the lines are to be written anew
LOOK = 0.001  # seconds between two looks at whether the loop turns
AWAY = 1000  # flows judged between two breaths of the loop, while nobody scrapes

Unit = tuple[UnitName, Probe]


class Turning:
    """How long the loop stood still at most, in seconds, while this was at work."""

    def __init__(self) -> None:
        self.most = 0.0
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(LOOK)
            self.most = max(self.most, time.monotonic() - began - LOOK)

    def end(self) -> None:
        self._task.cancel()


async def run(daemon: Daemon, units: Sequence[Unit]) -> None:
    """Each of them has answered once more."""
    for number, (name, probe) in enumerate(units):
        ladder = Ladder(probe.climbs(), target=name.target)
        started = time.monotonic()
        for stage in (stages.RESOLVE, stages.CONNECT):
            with ladder.rung(stage):
                pass
        await daemon.pipeline.accept(name, probe, ladder.finish(beat=started, started=started))
        if number % AWAY == 0:
            await asyncio.sleep(0)


async def scrape(daemon: Daemon) -> tuple[float, float, int]:
    """(seconds of CPU of the whole process, the longest standstill in seconds, bytes)."""
    turning = Turning()
    await asyncio.sleep(10 * LOOK)
    turning.most, size, used = 0.0, 0, time.process_time()
    async for piece in daemon.metrics.page():
        size += len(piece)
    used = time.process_time() - used
    turning.end()
    return used, turning.most, size


async def measure(folder: Path, flows: int, scrapes: int) -> None:
    probe = Tcp(kind="tcp", host="127.0.0.1", port=9, every=EVERY, timeout=10.0)
    path = folder / "bench.yaml"
    path.write_text(configuration({UnitName(f"flow-{each:05d}", "port"): (probe, Policy()) for each in range(flows)}))
    daemon = Daemon(load(path), watch_own_link=False)
    known = daemon.configuration.flows
    await daemon.pipeline.begin(known, {}, {}, dict.fromkeys(known, ""), [])
    units = [unit for flow in known.values() for unit in flow.units()]
    await run(daemon, units)
    await scrape(daemon)
    gc.freeze()  # as the daemon does
    for every in SCRAPES:
        anew = units[: round(len(units) * min(1.0, every / EVERY))]
        taken = []
        for _ in range(scrapes):
            await run(daemon, anew)
            await asyncio.sleep(0.5)  # the store writes
            taken.append(await scrape(daemon))
        cpu, stood, size = (statistics.median(column) for column in zip(*taken, strict=True))
        print(f"| {every:g} s | {cpu * 1e3:.0f} ms | {stood * 1e3:.1f} ms | {size / 1e6:.1f} MB |", flush=True)
    await daemon.store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=10_000)
    parser.add_argument("--scrapes", type=int, default=7, help="of which the median is told")
    options = parser.parse_args()
    print(f"{options.flows} flows, each run every {EVERY:g} s; medians of {options.scrapes} scrapes")
    print("| scraped each | CPU | the loop stands still for | |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="retabli-bench-") as folder:
        asyncio.run(measure(Path(folder), options.flows, options.scrapes))


if __name__ == "__main__":
    main()
