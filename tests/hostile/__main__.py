"""Meets every hostile server by every way and prints the matrix with its counts.

`--observed` prints what came of each instead, in the form of the tables of `expected/`, to be judged and put there.
`--memory` tells by how much the process grew beyond what one meeting by every way needs.
"""

import argparse
import asyncio
import sys
from collections import defaultdict
from pathlib import Path

from tests.hostile import servers
from tests.hostile.cells import Said
from tests.hostile.matrix import Met, meet_family


def table(met: list[Met]) -> str:
    """As `expected/` has it: by server, what came of it, and by which ways."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in met:
        found[each.cell.server][str(Said.of(each.result))].append(each.cell.way)
    lines = []
    for server, verdicts in found.items():
        lines.append(f"\n[{server}]")
        lines += [f"{verdict}: {' '.join(ways)}" for verdict, ways in sorted(verdicts.items())]
    return "\n".join(lines).strip() + "\n"


def counts(met: list[Met]) -> str:
    """Servers × kinds: how many cells were met, and how many ended as expected."""
    kinds = sorted({each.cell.kind for each in met})
    width = max(len(each.cell.server) for each in met) + 2
    lines = []
    rows: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for each in met:
        rows[each.cell.family, each.cell.server][each.cell.kind].append(not each.wrong)
    for (family, server), by_kind in rows.items():
        told = " ".join(f"{kind}={sum(by_kind[kind])}/{len(by_kind[kind])}" for kind in kinds if kind in by_kind)
        lines.append(f"{family:<12} {server:<{width}} {told}")
    good = sum(not each.wrong for each in met)
    pairs = len({(each.cell.family, each.cell.server, each.cell.kind) for each in met})
    lines.append(
        f"{len(rows)} servers × {len(kinds)} kinds: {pairs} pairs, {len(met)} cells, {good} with the expected cause"
    )
    return "\n".join(lines) + "\n"


def megabytes(what: str) -> int:
    """A line of /proc/self/status (proc(5)): `VmRSS` now, or `VmHWM` at most."""
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(found.split()[1]) >> 10


def warm_up() -> int:
    """Meet every way once, so that everything is imported and made; the memory that this needs, in MB."""
    for family in servers.families():
        servers.cells_of(family)
    asyncio.run(meet_family("strangers", only="closes at once"))
    asyncio.run(meet_family("broken_turns", only="closes"))
    Path("/proc/self/clear_refs").write_text("5")  # what it had at most begins anew here
    return megabytes("VmRSS")


def main() -> int:
    reading = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    reading.add_argument("family", nargs="*", help=f"one of: {', '.join(servers.families())}; all of them if none")
    reading.add_argument("--observed", action="store_true", help="print what came of each, to be judged")
    reading.add_argument("--only", default="", help="cells whose name holds this")
    reading.add_argument("--memory", action="store_true", help="print by how much the process grew")
    given = reading.parse_args()
    begun = warm_up() if given.memory else 0
    everything: list[Met] = []
    for family in given.family or servers.families():
        met = asyncio.run(meet_family(family, only=given.only))
        everything += met
        if given.observed:
            sys.stdout.write(table(met))
        for each in met:
            for fault in each.wrong:
                sys.stderr.write(f"{fault}\n")
    if not given.observed:
        sys.stdout.write(counts(everything))
    if given.memory:
        sys.stdout.write(f"{begun} MB at first; it grew by {megabytes('VmHWM') - begun} MB\n")
    return 1 if any(each.wrong for each in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
