"""A disk that hangs: a file that does not answer whoever opens it."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hung_file(folder: Path) -> Iterator[Path]:
    """Until its end; then whoever reads it is let go, and has gone."""
    path = folder / "hung"
    os.mkfifo(path)
    try:
        yield path
    finally:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        while on_disk():
            time.sleep(0.01)


def on_disk() -> int:
    """How many of our threads are held by files."""
    return sum(thread.name == "disk" for thread in threading.enumerate())
