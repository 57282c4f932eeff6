"""The outlet to Prometheus: flow and probe series kept as current lines, and the daemon's own figures."""

from retabli.metrics.daemon import Figures
from retabli.metrics.outlet import Metrics

__all__ = ["Figures", "Metrics"]
