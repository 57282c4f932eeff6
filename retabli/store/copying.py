"""Adds a copy to those that the daemon keeps of its own state: `python -m retabli.store.copying`, a process of its own.

Copying and checking read all of the state, and the chain of its log is walked by the interpreter: in the daemon's own
process that would take the time of the probes. It ends with the daemon, whose end of the pipe is its standard input.
"""

import argparse
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retabli.store.chain import Verdict
from retabli.store.copies import fill, part_of, publish
from retabli.store.facts import StoreDamaged, StoreError
from retabli.store.faults import told
from retabli.store.generations import Generation, digest_of, generations, let_go, name
from retabli.store.owning import make_folder
from retabli.store.schema import beside

RESERVE = 256 * 2**20  # bytes that a copy leaves free, and as many as the state has besides, for it to grow into
NICE = 10  # behind the probes


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy that was made, and what its log holds."""

    generation: Generation
    verdict: Verdict


def add(state: Path, folder: Path, *, hourly: int, daily: int, at: float) -> Kept:
    """Take a copy, check it, give it its name; then let go of those whose time is over.

    Raises:
        StoreDamaged: the state is not whole; no copy is kept.
        StoreError: none can be made; the sentence says why.
    """
    size = sum(each.stat().st_size for each in (state, *beside(state)) if each.exists())
    with told(folder):
        make_folder(folder)
        make_room(folder, size)
    kept = keep(folder, lambda part: fill(state, part), at)
    with told(folder):
        for each in let_go(generations(folder), hourly=hourly, daily=daily):
            each.path.unlink(missing_ok=True)
    return kept


def keep(folder: Path, filled: Callable[[Path], Verdict], at: float) -> Kept:
    """Give what `filled` makes of an empty file a place among the copies, as the newest.

    Raises:
        StoreError: it cannot be made, or cannot be written.
    """
    at = float(int(at))  # as its name says it
    with part_of(folder / "copy", of_folder=True) as part:
        verdict = filled(part)
        with told(folder):
            number = max((each.number for each in generations(folder)), default=0) + 1
            digest = digest_of(part)
        broken = verdict.fault is not None
        path = folder / name(number, at, digest, broken=broken)
        publish(part, path)
    return Kept(Generation(path, number, at, digest, broken), verdict)


def make_room(folder: Path, size: int, free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> None:
    """Room for a copy of so many bytes. The oldest copies go first for it; the newest stays.

    Raises:
        StoreError: there is too little: the disk belongs to the state.
        OSError: the folder cannot be looked into.
    """
    needed = 2 * size + RESERVE
    older = generations(folder)[1:]
    while (left := free(folder)) < needed:
        if not older:
            raise StoreError(
                f"{folder}: no copy of the state is taken, {left // 2**20} MB are free and {needed // 2**20} MB are "
                "wanted: the disk belongs to the state; make room"
            )
        older.pop().path.unlink(missing_ok=True)


def said(kept: Kept) -> Mapping[str, Any]:
    generation, verdict = kept.generation, kept.verdict
    return {"copy": str(generation.path), "at": generation.at, "rows": verdict.rows, "fault": verdict.fault}


def main(arguments: list[str] | None = None) -> int:
    """One line of JSON: the copy, or why there is none."""
    parser = argparse.ArgumentParser(prog="retabli.store.copying")
    for place in ("state", "folder"):
        parser.add_argument(place, type=Path)
    for number in ("--hourly", "--daily"):
        parser.add_argument(number, type=int, required=True)
    args = parser.parse_args(arguments)
    threading.Thread(target=_end_with_the_daemon, daemon=True).start()
    with suppress(OSError):  # a service may not be allowed to
        os.nice(NICE)
    try:
        answer = said(add(args.state, args.folder, hourly=args.hourly, daily=args.daily, at=time.time()))
    except StoreError as error:
        answer = {"error": str(error), "damaged": isinstance(error, StoreDamaged)}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _end_with_the_daemon() -> None:
    sys.stdin.buffer.read()
    os._exit(1)  # in the middle of whatever it is: the next copying lets go of what is left of this one


if __name__ == "__main__":
    sys.exit(main())
