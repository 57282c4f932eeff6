"""What a running process has used: CPU by the scheduler's own count, to the nanosecond, and memory."""

import os
from pathlib import Path


def cpu(pid: int) -> float:
    """Seconds of CPU, user and system, of all the threads that the process has now (proc(5), schedstat)."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            used += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that has just ended
    return used / 1e9


def resident(pid: int) -> float:
    """MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def quantile(values: list[float], share: float) -> float:
    """NaN when there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
