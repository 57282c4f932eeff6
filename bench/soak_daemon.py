"""The daemon as it is, with its hours compressed, and telling how many objects it has when asked by SIGUSR1.

`python -m bench.soak_daemon PATH SHARE …`: the number goes to PATH; an hour lasts SHARE of one; the rest is the
program's.
"""

import gc
import runpy
import signal
import sys
from pathlib import Path

import commands._daemon
from tests.entrance import HOME

counts, share = Path(sys.argv[1]), float(sys.argv[2])
commands._daemon.PRUNE *= share  # noqa: SLF001


def count(*_: object) -> None:
    written = counts.with_suffix(".new")
    written.write_text(str(len(gc.get_objects()) + gc.get_freeze_count()))
    written.rename(counts)


signal.signal(signal.SIGUSR1, count)
sys.argv = [str(HOME / "daemon.py"), *sys.argv[3:]]
runpy.run_path(sys.argv[0], run_name="__main__")
