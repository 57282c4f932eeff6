"""CPU per probe of the whole daemon, beside blackbox_exporter with its Prometheus, and monitoring plugins, on the same
targets at the same rate and at the same time.

`python -m bench.peers` prints the figures; it tests nothing. Each protocol is a run of its own: both probe all the
targets side by side, and the windows' ratios are taken within each window.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.counterparts import Counterparts, counterparts
from bench.counterparts import missing as absent_counterparts
from bench.doors import enter_own_network, prepare_network
from bench.protocols import PROTOCOLS, Protocol
from bench.targets import raise_descriptors
from bench.usage import cpu, quantile, resident
from bench.whole import Scrape, scrape, until_it_answers
from tests.net.peers import closed_port
from tests.real.servers import Server, accepts

ROOT = Path(__file__).parents[1]
PEERS = ("prometheus", "prometheus-blackbox-exporter")


@dataclass(frozen=True, slots=True)
class Window:
    """What was used in one window, in microseconds of CPU a probe."""

    retabli: float
    its_prometheus: float
    blackbox: float
    prometheus: float

    @property
    def ratio(self) -> float:
        return self.retabli / (self.blackbox + self.prometheus)


@dataclass
class Figures:
    """One protocol's run. Latencies in seconds, as each of them reports it."""

    protocol: Protocol
    windows: list[Window] = field(default_factory=list)
    late: float = float("nan")
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    memory: float = 0.0
    plugin: float = float("nan")
    outcomes: dict[str, int] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(window, name) for window in self.windows))


def _configuration(folder: Path, protocol: Protocol, found: Counterparts, port: int, every: float) -> Path:
    flows = {
        f"flow-{place:05d}": {"intent": "open", "probes": {"it": protocol.probe(address, found.authority)}}
        for place, address in enumerate(found.addresses)
    }
    whole = {
        "site": {"name": "Bench", "timezone": "UTC", "language": "en"},
        "state": str(folder / "state.db"),
        "web": {"listen": f"127.0.0.1:{port}"},
        "defaults": {"every": f"{every:g}s", "timeout": f"{every * 0.8:g}s", "soak": "0s"},
        "flows": flows,
    }
    path = folder / "retabli.yaml"
    path.write_text(json.dumps(whole))
    return path


def _scraping_targets(protocol: Protocol, found: Counterparts, exporter: int, every: float) -> dict[str, Any]:
    targets = [protocol.target.format(address, protocol.port) for address in found.addresses]
    return {
        "global": {"scrape_interval": f"{every:g}s", "scrape_timeout": f"{every * 0.8:g}s"},
        "scrape_configs": [
            {
                "job_name": "blackbox",
                "metrics_path": "/probe",
                "params": {"module": ["it"]},
                "static_configs": [{"targets": targets}],
                "relabel_configs": [
                    {"source_labels": ["__address__"], "target_label": "__param_target"},
                    {"source_labels": ["__param_target"], "target_label": "instance"},
                    {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter}"},
                ],
            }
        ],
    }


def _scraping_daemon(port: int, every: float) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": f"{every:g}s", "scrape_timeout": f"{every * 0.8:g}s"},
        "scrape_configs": [{"job_name": "retabli", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }


def _prometheus(folder: Path, name: str, settings: Mapping[str, Any], port: int) -> Server:
    (folder / f"{name}.yml").write_text(json.dumps(settings))
    command = [
        "prometheus",
        f"--config.file={folder}/{name}.yml",
        f"--storage.tsdb.path={folder}/{name}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    return Server(command, lambda: accepts(port), folder / f"{name}.log", listens=(port,))


@dataclass(frozen=True, slots=True)
class SideBySide:
    daemon: Server
    reader: Server  # the Prometheus that reads the daemon
    blackbox: Server
    prometheus: Server  # the one that asks blackbox_exporter
    port: int
    asked: int

    def used(self) -> tuple[float, float, float, float]:
        """Seconds of CPU of each, so far."""
        return (
            self._used(self.daemon),
            self._used(self.reader),
            self._used(self.blackbox),
            self._used(self.prometheus),
        )

    @staticmethod
    def _used(server: Server) -> float:
        assert server.process is not None
        return cpu(server.process.pid)


@contextmanager
def side_by_side(folder: Path, protocol: Protocol, found: Counterparts, every: float) -> Iterator[SideBySide]:
    folder.mkdir()
    port, exporter, reader, asker = (closed_port() for _ in range(4))
    config = _configuration(folder, protocol, found, port, every)
    (folder / "blackbox.yml").write_text(json.dumps({"modules": {"it": protocol.module(found.authority)}}))
    blackbox = [
        "prometheus-blackbox-exporter",
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{exporter}",
    ]
    daemon = [sys.executable, str(ROOT / "daemon.py"), "run", "--config", str(config), "--log-level", "error"]
    servers = [
        Server(daemon, lambda: accepts(port), folder / "daemon.log", listens=(port,)),
        Server(blackbox, lambda: accepts(exporter), folder / "blackbox.log", listens=(exporter,)),
        _prometheus(folder, "reader", _scraping_daemon(port, every), reader),
        _prometheus(folder, "asker", _scraping_targets(protocol, found, exporter, every), asker),
    ]
    try:
        for server in servers:
            server.start()
        yield SideBySide(servers[0], servers[2], servers[1], servers[3], port, asker)
    finally:
        for server in reversed(servers):
            server.stop()


async def _compare(both: SideBySide, figures: Figures, options: argparse.Namespace) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{both.port}", trust_env=False) as client:
        await until_it_answers(client)
        await asyncio.sleep(options.warm)
        began = await scrape(client)
        for _ in range(options.windows):
            before, runs, since = both.used(), _runs(await scrape(client)), time.monotonic()
            await asyncio.sleep(options.window)
            after, span = both.used(), time.monotonic() - since
            ended = await scrape(client)
            ours = _runs(ended) - runs
            theirs = options.targets * span / options.every
            shares = [end - start for start, end in zip(before, after, strict=True)]
            own, reader, blackbox, asker = (share * 1e6 for share in shares)
            figures.windows.append(Window(own / ours, reader / ours, blackbox / theirs, asker / theirs))
        figures.late = ended.quantile(0.99, began)
        figures.outcomes = {outcome: int(count) for outcome, count in ended.runs.items() if count}
        page = (await client.get("/metrics", timeout=30)).text
        figures.ours = [float(line.rpartition(" ")[2]) for line in page.splitlines() if _is_duration(line)]
    figures.theirs = await _durations(both.asked)
    assert both.daemon.process is not None
    figures.memory = resident(both.daemon.process.pid)


def _runs(seen: Scrape) -> float:
    return sum(count for outcome, count in seen.runs.items() if outcome != "skipped")


def _is_duration(line: str) -> bool:
    return line.startswith("probe_duration_seconds{")


async def _durations(prometheus: int) -> list[float]:
    """As blackbox_exporter reports them, of the targets that it found well."""
    asked = "probe_duration_seconds and probe_success == 1"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{prometheus}", trust_env=False) as client:
        told = (await client.get("/api/v1/query", params={"query": asked}, timeout=30)).json()
    return [float(sample["value"][1]) for sample in told["data"]["result"]]


def _plugin_names() -> list[str]:
    return sorted({protocol.plugin("127.0.0.1")[0] for protocol in PROTOCOLS})


def _plugins(protocol: Protocol, found: Counterparts, times: int) -> float:
    """Microseconds of CPU of one run of the monitoring plugin, the process that it is included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for place in range(times):
        command = protocol.plugin(found.addresses[place % len(found.addresses)])
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        if told.returncode != 0:
            print(f"{command[0]}: {told.stdout.strip()} {told.stderr.strip()}", flush=True)
            return float("nan")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / times * 1e6


def measure(folder: Path, options: argparse.Namespace) -> list[Figures]:
    told = []
    wanted = [each for each in PROTOCOLS if not options.protocols or each.name.split()[0] in options.protocols]
    with counterparts(folder / "counterparts", options.targets) as found:
        for place, protocol in enumerate(wanted):
            figures = Figures(protocol)
            with side_by_side(folder / f"run-{place}", protocol, found, options.every) as both:
                asyncio.run(_compare(both, figures, options))
            figures.plugin = _plugins(protocol, found, options.plugins) if options.plugins else float("nan")
            told.append(figures)
            print(_row(figures), flush=True)
    return told


HEAD = (
    "| | Retabli | its Prometheus | blackbox | its Prometheus | ratio (least, most) | wanted | plugin"
    " | p99 late | reports: ours p50, p99 | blackbox p50, p99 | memory |\n" + "|---" * 12 + "|"
)


def _row(figures: Figures) -> str:
    ratios = [window.ratio for window in figures.windows]
    ours, theirs = ([quantile(each, share) * 1e3 for share in (0.5, 0.99)] for each in (figures.ours, figures.theirs))
    cells = [
        figures.protocol.name,
        *(f"{figures.median(name):.0f} µs" for name in ("retabli", "its_prometheus", "blackbox", "prometheus")),
        f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}, {max(ratios):.2f})",
        f"{figures.protocol.wanted:.2f}",
        f"{figures.plugin:.0f} µs",
        f"≤ {figures.late * 1e3:g} ms",
        "{:.2f}, {:.2f} ms".format(*ours),
        "{:.2f}, {:.2f} ms ({})".format(*theirs, len(figures.theirs)),
        f"{figures.memory:.0f} MiB",
    ]
    odd = {outcome: count for outcome, count in figures.outcomes.items() if outcome != "ok"}
    return f"| {' | '.join(cells)} |" + (f"  not ok: {odd}" if odd else "")


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", nargs="*", help="HTTP, TCP, DNS, HTTPS, SMTP; all of them by default")
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two probes of a target")
    parser.add_argument("--warm", type=float, default=15.0, help="seconds before the first window")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--window", type=float, default=20.0, help="seconds")
    parser.add_argument("--plugins", type=int, default=40, help="runs of the monitoring plugin; 0: none")
    return parser.parse_args(given)


def main() -> None:
    options = arguments(sys.argv[1:])
    absent = absent_counterparts() + [name for name in (*PEERS, "unshare", "nft") if shutil.which(name) is None]
    if options.plugins:
        absent += [name for name in _plugin_names() if shutil.which(name) is None]
    if absent:
        raise SystemExit(f"not installed: {', '.join(absent)}")
    enter_own_network("bench.peers", sys.argv[1:])
    prepare_network()
    raise_descriptors()
    print(f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()};", end=" ")
    print(f"{options.targets} targets every {options.every:g} s; µs of CPU a probe, medians of {options.windows}")
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="retabli-bench-") as folder:
        Path(folder).chmod(0o755)
        measure(Path(folder), options)


if __name__ == "__main__":
    main()
