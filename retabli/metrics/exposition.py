"""Words of the exposition formats: families and their heads, labels, and which format a scraper asked for.

Prometheus text 0.0.4 and OpenMetrics 1.0 bear the same sample lines; only the heads and the end differ.
"""

from dataclasses import dataclass

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `name` is what its samples bear (`_total` and `_info` included), but for a histogram's suffixes."""

    name: str
    type: str
    help: str

    def head(self, *, openmetrics: bool) -> str:
        """HELP and TYPE (and UNIT); OpenMetrics names a counter and an info without their suffix."""
        help_ = self.help.replace("\\", r"\\").replace("\n", r"\n")
        if not openmetrics:
            type_ = "gauge" if self.type == "info" else self.type
            return f"# HELP {self.name} {help_}\n# TYPE {self.name} {type_}\n"
        suffix = {"counter": "_total", "info": "_info"}.get(self.type, "")
        name = self.name.removesuffix(suffix)
        unit = f"# UNIT {name} seconds\n" if name.endswith("_seconds") else ""
        return f"# HELP {name} {help_.replace(chr(34), chr(92) + chr(34))}\n# TYPE {name} {self.type}\n{unit}"


def gauge(name: str, help_: str) -> Family:
    return Family(name, "gauge", help_)


def counter(name: str, help_: str) -> Family:
    return Family(name, "counter", help_)


def info(name: str, help_: str) -> Family:
    return Family(name, "info", help_)


def labels(**pairs: str) -> str:
    """`flow="mail-out",probe="loop"`: without braces, so that more can follow."""
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs.items())


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header (RFC 9110, section 12.5.1) prefers OpenMetrics 1.x over plain text."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for offer in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in offer.split(";"))
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        if kind not in best or given.get("version", "1").split(".")[0] not in ("0", "1"):
            continue
        best[kind] = max(best[kind], _quality(given.get("q", "1")))
    return best["application/openmetrics-text"] > 0 and best["application/openmetrics-text"] >= best["text/plain"]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
