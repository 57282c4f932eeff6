"""A week of beats through the whole real daemon, compressed: what of it grows?

`python -m bench.soak [--beats 1008000] [--every 0.5] [--flows 250] [--minutes 35] [--csv PATH]` prints a curve of
memory, Python objects, descriptors, threads and state, and what was told; it ends with code 1 if something grew.

A hundred flows every minute for a week are 1,008,000 runs. Here they are run by more flows, far more often, and what
the daemon does by the hour (the pruning of its history) comes as much more often. Beats, sockets, results, pages and
scrapes are real; only their rhythm is not. One port after the other falls and comes back, a scraper and an open page
look on, and the configuration is reloaded with one flow more or less.
"""

import argparse
import asyncio
import contextlib
import csv
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.soak_targets import FALLING, PORTS, Port, serving
from bench.targets import raise_descriptors
from bench.usage import resident
from tests.daemon.living import Post
from tests.net.peers import closed_port

WEEK = 100 * 7 * 24 * 60  # runs of a hundred flows, one a minute
SCRAPE = 5.0  # seconds
RELOAD = 60.0
WARM = 0.25  # of the samples, from which on nothing may grow any more

# What may grow from the second quarter of the samples to the last one: by a share, or by so much.
ROOM = {"rss_mib": (0.06, 6.0), "objects": (0.05, 8000), "descriptors": (0.0, 8), "threads": (0.0, 3)}


@dataclass(frozen=True, slots=True)
class Sample:
    seconds: float
    runs: int
    rss_mib: float
    objects: int
    descriptors: int
    threads: int
    state_kib: int
    log_rows: int
    pages: int


@dataclass
class Soak:
    """One daemon, what it watches, and who looks at it."""

    folder: Path
    options: argparse.Namespace
    ports: Sequence[Port]
    hook: Post = field(default_factory=Post)
    samples: list[Sample] = field(default_factory=list)
    scraped: dict[str, float] = field(default_factory=dict)
    streamed: int = 0
    reloads: int = 0

    def __post_init__(self) -> None:
        self.port = closed_port()
        self.config = self.folder / "retabli.yaml"
        self.counts = self.folder / "objects"
        self.share = 60 * 100 / (self.options.flows / self.options.every) / 3600  # of an hour, in which its runs come

    def write(self) -> None:
        """Every second reload has one flow more."""
        number = self.options.flows + self.reloads % 2
        every = f"{round(self.options.every * 1000)}ms"
        flows = [self.flow(index, every) for index in range(number)]
        self.config.write_text(
            f"site: {{name: Soak, language: en}}\nstandpoint: inside\nstate: state.db\n"
            f'web: {{listen: "127.0.0.1:{self.port}"}}\n'
            f"keep: {{results: 90s, per_unit: 300}}\n"
            f"defaults: {{every: {every}, timeout: {every}, rise: 3, soak: 1s, fall: 3, confirm: 50ms}}\n"
            f'alerts: {{channels: {{duty: {{kind: webhook, url: "http://127.0.0.1:{self.hook.port}/"}}}}}}\n'
            "flows:\n" + "\n".join(flows) + "\n"
        )

    def flow(self, index: int, every: str) -> str:
        """The first flows have a port each, which falls now and then; the others share those that never do."""
        falling = [port for port in self.ports if port.falls]
        steady = [port for port in self.ports if not port.falls]
        port = falling[index] if index < len(falling) else steady[index % len(steady)]
        name = f"{'falls' if port.falls else 'stands'}-{index:03d}"
        return f"  {name}: {{title: {name}, intent: open, probes: {{p: {port.probe()}}}}}"

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[asyncio.subprocess.Process]:
        command = [sys.executable, "-m", "bench.soak_daemon", str(self.counts), str(self.share)]
        with (self.folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, "run", "--config", str(self.config), "--log-level", "warning", stderr=log
            )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()

    # who looks at it -----------------------------------------------------------------------------------------

    async def scrape(self, client: httpx.AsyncClient) -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                found: Counter[str] = Counter()
                for family in text_string_to_metric_families((await client.get("/metrics", timeout=30)).text):
                    for sample in family.samples:
                        if sample.name in ("retabli_probe_runs_total", "retabli_log_rows_total"):
                            found[sample.name] += int(sample.value)
                self.scraped = dict(found)
            await asyncio.sleep(SCRAPE)

    async def listen(self, client: httpx.AsyncClient) -> None:
        """An open page, as a browser keeps it."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                async with client.stream("GET", "/live", timeout=None) as stream:
                    async for _ in stream.aiter_lines():
                        self.streamed += 1
            await asyncio.sleep(1.0)

    async def reload(self, process: asyncio.subprocess.Process) -> None:
        while True:
            await asyncio.sleep(min(RELOAD, self.options.minutes * 6))
            self.reloads += 1
            self.write()
            process.send_signal(signal.SIGHUP)

    async def sample(self, pid: int, began: float) -> Sample:
        """Asks the daemon for the number of its objects by SIGUSR1."""
        self.counts.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR1)
        async with asyncio.timeout(10):
            while not self.counts.exists():
                await asyncio.sleep(0.05)
        state = sum(each.stat().st_size for each in self.folder.glob("state.db*"))
        self.samples.append(
            Sample(
                seconds=round(time.monotonic() - began, 1),
                runs=int(self.scraped.get("retabli_probe_runs_total", 0)),
                rss_mib=round(resident(pid), 1),
                objects=int(self.counts.read_text()),
                descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
                threads=len(list(Path(f"/proc/{pid}/task").iterdir())),
                state_kib=state // 1024,
                log_rows=int(self.scraped.get("retabli_log_rows_total", 0)),
                pages=self.told()["firing"],
            )
        )
        return self.samples[-1]

    def told(self) -> Counter[str]:
        """How many pages of flows were told of, each key once; `wrong` are those of flows that never fell."""
        pages = [page for body in self.hook.bodies for page in body.get("pages", [body])]
        seen = {(page["key"], page["status"], page["flow"]) for page in pages}
        found = Counter(status for _, status, _ in seen)
        found["wrong"] = sum(not str(flow).startswith("falls-") for _, _, flow in seen)
        found["again"] = len(pages) - len(seen)
        return found

    async def live(self, drops: "Drops") -> None:
        """Until so many beats, or for so many minutes; then until every flow that fell stands again."""
        self.write()
        await self.hook.start()
        began = time.monotonic()
        address = f"http://127.0.0.1:{self.port}"
        async with self.daemon() as process, httpx.AsyncClient(base_url=address, trust_env=False) as client:
            looking = [
                asyncio.create_task(work)
                for work in (self.scrape(client), self.listen(client), self.reload(process), drops.go_on())
            ]
            try:
                await self.until_up(client, process)
                span = self.options.beats * self.options.every / self.options.flows
                pause = max(2.0, min(span, self.options.minutes * 60) / 60)
                while (last := await self.pause_and_sample(process.pid, began, pause)).runs < self.options.beats:
                    if last.seconds > self.options.minutes * 60:
                        break
                looking.pop().cancel()
                await drops.end()
                async with asyncio.timeout(60):
                    while self.told()["firing"] != self.told()["resolved"]:
                        await asyncio.sleep(0.2)
            finally:
                for task in looking:
                    task.cancel()
                await asyncio.gather(*looking, return_exceptions=True)
        await self.hook.stop()

    async def until_up(self, client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
        while process.returncode is None:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get("/-/ready")).is_success:
                    return
            await asyncio.sleep(0.1)
        raise SystemExit(f"the daemon ended: {(self.folder / 'log').read_text()}")

    async def pause_and_sample(self, pid: int, began: float, pause: float) -> Sample:
        await asyncio.sleep(pause)
        return await self.sample(pid, began)


@dataclass
class Drops:
    """One port after the other falls for a while and comes back, at random moments."""

    ports: Sequence[Port]
    tell: Any
    chance: random.Random
    fell: int = 0
    down: Port | None = None

    async def go_on(self) -> None:
        await asyncio.sleep(6.0)  # until everything is restored
        while True:
            self.down = self.chance.choice([port for port in self.ports if port.falls])
            self.tell(f"stop {self.down.number}")
            self.fell += 1
            await asyncio.sleep(self.chance.uniform(2.0, 5.0))
            await self.end()
            await asyncio.sleep(self.chance.uniform(3.0, 8.0))

    async def end(self) -> None:
        if self.down is not None:
            self.tell(f"start {self.down.number}")
            self.down = None


# the curve ---------------------------------------------------------------------------------------------------------


def table(samples: Sequence[Sample], rows: int = 16) -> str:
    names = [each.name for each in fields(Sample)]
    step = max(1, len(samples) // rows)
    chosen = [*samples[::step], *([] if (len(samples) - 1) % step == 0 else samples[-1:])]
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(str(value) for value in astuple(each)) + " |" for each in chosen)])


def grown(samples: Sequence[Sample]) -> list[str]:
    """What is more in the last quarter than in the second one, by more than its room.

    The least of each quarter is looked at: what is held while hardly anything is under way. On a busy machine hundreds
    of runs are under way at once.
    """
    quarter = max(1, int(len(samples) * WARM))
    found = []
    for name, (share, most) in ROOM.items():
        before = min(getattr(each, name) for each in samples[quarter : 2 * quarter] or samples[:1])
        after = min(getattr(each, name) for each in samples[-quarter:])
        if after - before > max(share * before, most):
            found.append(f"{name} grew from {before:g} to {after:g}")
    return found


def soak(options: argparse.Namespace) -> tuple[Soak, Drops]:
    raise_descriptors()
    with serving() as (ports, tell), tempfile.TemporaryDirectory(prefix="retabli-soak-") as folder:
        soaking = Soak(Path(folder), options, ports)
        drops = Drops(ports, tell, random.Random(options.seed))  # noqa: S311 - moments, not secrets
        asyncio.run(soaking.live(drops))
        said = (Path(folder) / "log").read_text()
        if "Traceback" in said:
            print(said[-3000:], file=sys.stderr)
    return soaking, drops


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beats", type=int, default=WEEK)
    parser.add_argument("--every", type=float, default=0.5)
    parser.add_argument("--flows", type=int, default=250)
    parser.add_argument("--minutes", type=float, default=35.0)
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument("--csv", type=Path)
    return parser.parse_args(words)


def main() -> int:
    options = parsed()
    soaking, drops = soak(options)
    if options.csv is not None:
        with options.csv.open("w", newline="") as file:
            written = csv.writer(file)
            written.writerow([each.name for each in fields(Sample)])
            written.writerows(astuple(each) for each in soaking.samples)
    last, told = soaking.samples[-1], soaking.told()
    print(table(soaking.samples))
    minutes = last.seconds / 60
    print(f"\n{last.runs:,} of {options.beats:,} beats in {minutes:.1f} min; {FALLING} of {PORTS} ports fall", end="; ")
    print(f"{soaking.reloads} reloads, {soaking.streamed:,} lines of the open page")
    print(
        f"{drops.fell} drops: {told['firing']} pages, {told['resolved']} resolves, {told['again']} told again; ", end=""
    )
    print(f"{told['wrong']} of flows that stood")
    faults = grown(soaking.samples)
    print("flat after the warm-up" if not faults else "; ".join(faults))
    return 1 if faults or told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
