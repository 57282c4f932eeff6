"""A daemon killed -9 at random moments of a drop's life: what on-call hears of it by Retabli's own road, and by
Prometheus and Alertmanager beside it.

`python -m bench.kills [--kills 20] [--seed 2023]` prints a table; `tests/real/test_twenty_kills.py` tests the same of
the first road. Both roads run at a quick rhythm here: what is looked at is that nothing is lost, not how long it takes.
"""

import argparse
import asyncio
import itertools
import platform
import random
import tempfile
from pathlib import Path

from tests.daemon.killing import Killings, Road, Window, alertmanagers, watching
from tests.daemon.living import Life, Post
from tests.real.second_road import QUICK, missing, second_road


async def kill(folder: Path, kills: int, seed: int) -> None:
    watched, hook, pager = Post(), Post(lingers=0.1), Post()
    posts = (watched, hook, pager)
    for post in posts:
        await post.start()
    life = Life(folder, watched, hook)
    life.write(every="500ms", flows=watching(life))
    roads = [Road("Retabli", hook), Road("Prometheus and Alertmanager", pager, alertmanagers)]
    killings = Killings(life, roads, random.Random(seed))  # noqa: S311 - moments, not secrets
    try:
        with second_road(folder, f"http://127.0.0.1:{pager.port}/", [life.port], QUICK) as road:
            print(f"Python {platform.python_version()}, every 500 ms, seed {seed}; rules: {road.rules}\n", flush=True)
            await life.start()
            await life.until_state("restored")
            for window in itertools.islice(itertools.cycle(Window), kills):
                await killings.drop(window)
    finally:
        print(killings.table())
        await life.leave()
        for post in posts:
            await post.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=2023)
    options = parser.parse_args()
    if absent := [name for name in missing() if "blackbox" not in name]:
        raise SystemExit(f"not installed: {', '.join(absent)}")
    with tempfile.TemporaryDirectory(prefix="retabli-bench-") as folder:
        asyncio.run(kill(Path(folder), options.kills, options.seed))


if __name__ == "__main__":
    main()
