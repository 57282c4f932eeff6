"""From a cut to the page, by three roads side by side: Retabli's own, Retabli's metrics through Prometheus and
Alertmanager, and blackbox_exporter through the same two with `for: 1m`.

`python -m bench.roads` prints the figures; it tests nothing. Each flow is cut once and told of by every road; then it
is repaired, and the resolves are awaited. The cuts of a kind fall evenly over the interval of their flows, each at
random within its part.
"""

import argparse
import asyncio
import math
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import httpx

from bench.cuts import Cut, OnCall
from bench.doors import FIRST, Door, Kind, enter_own_network, prepare_network
from bench.roads_table import print_figures
from tests.net.peers import closed_port
from tests.real.second_road import Rhythm, missing, second_road

ROOT = Path(__file__).parents[1]


class Daemon:
    """`python daemon.py run` over some of the flows, on default settings but for those of the options."""

    def __init__(self, folder: Path, cuts: Sequence[Cut], hook: int, options: argparse.Namespace) -> None:
        self.folder, self.cuts, self.hook, self.options = folder, cuts, hook, options
        self.port = closed_port()
        self.config = folder / "retabli.yaml"
        self.process: asyncio.subprocess.Process | None = None
        folder.mkdir()

    def write(self, soak: float) -> None:
        """Only the time that a flow soaks differs from run to run: they are to be restored soon, and resolved late."""
        rhythm = f"every: {self.options.every:g}s, timeout: {self.options.timeout:g}s"
        self.config.write_text(
            "site: {name: Bench, timezone: UTC, language: en}\nstate: state.db\n"
            f'web: {{listen: "127.0.0.1:{self.port}"}}\n'
            f"defaults: {{{rhythm}, soak: {soak:g}s}}\n"
            f'alerts: {{channels: {{duty: {{kind: webhook, url: "http://127.0.0.1:{self.hook}/"}}}}}}\n'
            "flows:\n" + "".join(f"  {cut.flow}: {self._flow(cut)}\n" for cut in self.cuts)
        )

    def _flow(self, cut: Cut) -> str:
        port = cut.door.port
        if cut.door.kind is not Kind.BREACH:
            return f"{{intent: open, probes: {{port: {{kind: tcp, host: 127.0.0.1, port: {port}}}}}}}"
        control = f"{{path: {{to: 127.0.0.1, port: {self.hook}}}, alive: {{declared: true}}}}"
        attempts = f"[{{to: 127.0.0.1, port: {port}}}]"
        return f"{{intent: closed, probes: {{out: {{kind: containment, attempts: {attempts}, control: {control}}}}}}}"

    async def start(self) -> None:
        self.write(0.0)
        command = [sys.executable, "daemon.py", "run", "--config", str(self.config), "--log-level", "error"]
        self.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)

    async def until_all_stand(self) -> None:
        """Until every flow is as it is meant to be; from then on they soak as long as by default."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as client:
            wanted = {cut.flow: "contained" if cut.door.kind is Kind.BREACH else "restored" for cut in self.cuts}
            states: dict[str, str] = {}
            while wanted.items() - states.items():
                await asyncio.sleep(0.5)
                if self.process is None or self.process.returncode is not None:
                    raise RuntimeError("the daemon has ended")
                try:
                    flows = (await client.get("/api/v1/flows")).json()["flows"]
                except httpx.TransportError:
                    continue
                states = {flow["id"]: flow["state"] for flow in flows}
            self.write(self.options.soak)
            (await client.post("/-/reload")).raise_for_status()

    async def ages(self) -> dict[str, float]:
        """How long ago each flow's probe last began to run, in seconds."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as client:
            flows = (await client.get("/api/v1/flows")).json()["flows"]
        probes = {flow["id"]: flow["probes"][0] for flow in flows if flow["probes"]}
        now = time.time()
        return {
            id_: now - datetime.fromisoformat(probe["at"]).timestamp() + probe["seconds"]
            for id_, probe in probes.items()
        }

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


def moments(
    cuts: Sequence[Cut], ages: Mapping[str, float], options: argparse.Namespace, chance: random.Random
) -> list[float]:
    """When each is cut, in seconds from now: over the whole time, and over the whole interval of its flow.

    Of the n cuts of a kind, one falls into each n-th part of the interval between two beats, at random within it: as
    chance alone would have it in the long run. Left to chance, the median of 54 cuts wanders by five seconds.
    """
    found = []
    places: Counter[Kind] = Counter()
    numbers = Counter(cut.door.kind for cut in cuts)
    for place, cut in enumerate(cuts):
        kind = cut.door.kind
        ahead = options.every * (places[kind] + chance.random()) / numbers[kind]  # of the beat that meets it
        places[kind] += 1
        earliest = options.over * (place + chance.random()) / len(cuts)
        beat = -ages[cut.flow]
        beats = math.ceil((earliest + ahead - beat) / options.every)
        found.append(beat + beats * options.every - ahead)
    return found


async def live_through(cut: Cut, after: float, every: float, chance: random.Random) -> None:
    """Cut it, hear every road, repair it at a random moment of its interval, and hear every road again."""
    await asyncio.sleep(after)
    cut.at = time.monotonic()
    await cut.door.cut()
    await cut.until(cut.paged)
    if cut.door.kind is Kind.BREACH:
        cut.seen, cut.again, *_ = [*cut.door.seen, None, None]
    await asyncio.sleep(chance.uniform(0.0, every))
    cut.repaired = time.monotonic()
    await cut.door.repair()
    await cut.until(cut.resolved)


async def measure(folder: Path, options: argparse.Namespace) -> None:
    chance = random.Random(options.seed)  # noqa: S311 - moments, not secrets
    kinds = [Kind.REFUSING] * options.refusing + [Kind.SILENT] * options.silent + [Kind.BREACH] * options.breaches
    cuts = [Cut(f"{kind}-{number:03d}", Door(FIRST + number, kind=kind)) for number, kind in enumerate(kinds)]
    on_call = OnCall(cuts={cut.flow: cut for cut in cuts})
    await on_call.start()
    for cut in cuts:
        await cut.door.stand()
    daemons = [
        Daemon(folder / f"daemon-{number}", cuts[number :: options.daemons], on_call.port, options)
        for number in range(options.daemons)
    ]
    rhythm = Rhythm(options.scrape, options.evaluation, options.pending, options.group_wait, options.group_interval)
    ports = [cut.door.port for cut in cuts if cut.door.kind is not Kind.BREACH]
    began = time.monotonic()
    try:
        for daemon in daemons:
            await daemon.start()
        hook = f"http://127.0.0.1:{on_call.port}/"
        with second_road(folder, hook, [each.port for each in daemons], rhythm, targets=ports) as road:
            await asyncio.gather(*(daemon.until_all_stand() for daemon in daemons))
            print(f"every flow stands after {time.monotonic() - began:.0f} s; the cuts begin", flush=True)
            chance.shuffle(cuts)
            ran = {name: age for daemon in daemons for name, age in (await daemon.ages()).items()}
            lives = zip(cuts, moments(cuts, ran, options, chance), strict=True)
            await asyncio.gather(*(live_through(cut, moment, options.every, chance) for cut, moment in lives))
    finally:
        for daemon in daemons:
            await daemon.stop()
        for cut in cuts:
            await cut.door.stop()
        await on_call.stop()
    too_soon = sum(len(cut.too_soon) for cut in cuts)
    print(f"{time.monotonic() - began:.0f} s in all; rules: {road.rules}")
    print(f"{on_call.grouped} messages were grouped, {too_soon} ends were told before the repair\n")
    print_figures(cuts, options)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refusing", type=int, default=54, help="flows whose port refuses")
    parser.add_argument("--silent", type=int, default=24, help="flows whose packets are dropped")
    parser.add_argument("--breaches", type=int, default=12, help="closed flows that open")
    parser.add_argument("--over", type=float, default=260.0, help="seconds over which the cuts are spread")
    parser.add_argument(
        "--daemons", type=int, default=2, help="that share the flows: each pages too rarely for a storm"
    )
    parser.add_argument("--every", type=float, default=30.0)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--soak", type=float, default=120.0)
    parser.add_argument("--scrape", type=float, default=15.0)
    parser.add_argument("--evaluation", type=float, default=15.0)
    parser.add_argument("--pending", type=float, default=60.0, help="the `for` of the rule on probe_success")
    parser.add_argument("--group-wait", type=float, default=10.0)
    parser.add_argument("--group-interval", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument("--each", action="store_true", help="print each cut by itself, too: what was told, and when")
    return parser


def main() -> None:
    options = arguments().parse_args()
    absent = missing() + [name for name in ("nft", "unshare") if shutil.which(name) is None]
    if absent:
        raise SystemExit(f"not installed: {', '.join(absent)}")
    enter_own_network("bench.roads", sys.argv[1:])
    prepare_network()
    print(f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="retabli-bench-") as folder:
        asyncio.run(measure(Path(folder), options))


if __name__ == "__main__":
    main()
