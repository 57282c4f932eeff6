"""The whole daemon over the same flows: judged, stored, exported and scraped, as a process of its own.

`python -m bench.whole [--flows 1000] [--silent 300] [--every 30] [--seconds 75]` prints the figures; it tests nothing.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.scale import configuration, flows
from bench.targets import raise_descriptors, serving
from tests.net.peers import closed_port

ROOT = Path(__file__).parents[1]
SCRAPE = 5.0  # seconds between two scrapes


def cpu(pid: int) -> float:
    """Seconds of CPU that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Scrape:
    """One reading of /metrics."""

    def __init__(self, text: str, seconds: float) -> None:
        self.seconds, self.size = seconds, len(text)
        self.runs: dict[str, float] = {}
        self.lateness: dict[float, float] = {}
        self.first_run = float("inf")
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "retabli_probe_runs_total":
                    outcome = sample.labels["outcome"]
                    self.runs[outcome] = self.runs.get(outcome, 0.0) + sample.value
                elif sample.name == "retabli_scheduler_lateness_seconds_bucket":
                    self.lateness[float(sample.labels["le"])] = sample.value
                elif sample.name == "retabli_probe_last_run_timestamp_seconds" and sample.value:
                    self.first_run = min(self.first_run, sample.value)

    def quantile(self, share: float, since: "Scrape | None" = None) -> float:
        """The upper bound of the bucket in which that share of the starts lies: the true figure is no larger."""
        before = since.lateness if since else {}
        counts = {bound: count - before.get(bound, 0.0) for bound, count in self.lateness.items()}
        total = max(counts.values(), default=0.0)
        return min((bound for bound, count in counts.items() if count >= share * total), default=float("nan"))


async def scrape(client: httpx.AsyncClient) -> Scrape:
    began = time.monotonic()
    text = (await client.get("/metrics", timeout=30)).text
    return Scrape(text, time.monotonic() - began)


async def until_it_answers(client: httpx.AsyncClient) -> Scrape:
    while True:
        try:
            seen = await scrape(client)
        except httpx.TransportError:
            await asyncio.sleep(0.02)
            continue
        if seen.first_run < float("inf"):
            return seen
        await asyncio.sleep(0.02)


async def measure(folder: Path, config: str, options: argparse.Namespace) -> None:
    port = closed_port()
    path = folder / "bench.yaml"
    path.write_text(config + f'web: {{listen: "127.0.0.1:{port}"}}\n')
    began = time.time()
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "daemon.py", "run", "--config", str(path), "--log-level", "error", cwd=ROOT
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        first = await until_it_answers(client)
        await asyncio.sleep(options.seconds / 4)
        swept, used, since = await scrape(client), cpu(daemon.pid), time.monotonic()
        scrapes: list[Scrape] = []
        while time.monotonic() - since < options.seconds:
            await asyncio.sleep(SCRAPE)
            scrapes.append(await scrape(client))
        last, used, span = scrapes[-1], cpu(daemon.pid) - used, time.monotonic() - since
        memory = resident(daemon.pid)
    daemon.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    code = await daemon.wait()
    runs = sum(last.runs.values()) - sum(swept.runs.values())
    figures: list[tuple[str, Any]] = [
        ("start → first result", f"{first.first_run - began:.2f} s   (from the start of the process)"),
        ("lateness, first sweep", f"p50 ≤ {swept.quantile(0.5) * 1e3:g} ms, p99 ≤ {swept.quantile(0.99) * 1e3:g} ms"),
        (
            "lateness, then",
            f"p50 ≤ {last.quantile(0.5, swept) * 1e3:g} ms, p99 ≤ {last.quantile(0.99, swept) * 1e3:g} ms",
        ),
        ("resident memory", f"{memory:.1f} MiB"),
        ("CPU", f"{used / span * 100:.2f} % of a core, {used / max(runs, 1) * 1e6:.0f} µs a run, scrapes included"),
        ("a scrape", f"{last.size / 1e6:.2f} MB in {max(each.seconds for each in scrapes) * 1e3:.0f} ms at most"),
        ("outcomes", {outcome: int(count) for outcome, count in last.runs.items()}),
        ("SIGTERM → end", f"{time.monotonic() - asked:.2f} s, exit {code}"),
    ]
    for name, figure in figures:
        print(f"{name:24}{figure}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--silent", type=int, default=300)
    parser.add_argument("--every", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=75.0)
    options = parser.parse_args()
    raise_descriptors()
    with serving(options.silent) as targets, tempfile.TemporaryDirectory(prefix="retabli-bench-") as folder:
        units = flows(targets, options.flows, options.every)
        print(f"{options.flows} tcp flows every {options.every:g} s, {options.silent} of them silent;", end=" ")
        print(f"{options.seconds:g} s on {os.cpu_count()} cores")
        asyncio.run(measure(Path(folder), configuration(units), options))


if __name__ == "__main__":
    main()
