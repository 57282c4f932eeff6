"""When each probe runs, its deadline, overruns, and the quick confirmation of a first failure."""

from retabli.scheduler.runner import run_once
from retabli.scheduler.scheduler import Scheduler
from retabli.scheduler.seams import Judge, Meter

__all__ = ["Judge", "Meter", "Scheduler", "run_once"]
