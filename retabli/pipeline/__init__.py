"""The only road through the daemon: result → evidence → standing → one transaction → outlets."""

from retabli.pipeline.pipeline import Outlet, Pipeline, Store, Teller

__all__ = ["Outlet", "Pipeline", "Store", "Teller"]
