"""The only road through the daemon: result → evidence → standing → one transaction → outlets."""

from retabli.pipeline.announcing import Teller
from retabli.pipeline.pipeline import Pipeline
from retabli.pipeline.seams import Outlet, Store

__all__ = ["Outlet", "Pipeline", "Store", "Teller"]
