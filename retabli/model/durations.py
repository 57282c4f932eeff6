"""Durations as people read them, in the reader's language. What is no number is `?`."""

import math

from retabli.model.numbers import NBSP as _NBSP
from retabli.model.numbers import decimal

NO_TIME = "?"


def span(seconds: float, language: str) -> str:
    """`20 s`, `12 min`, `3 h 05`, `2 j 4 h`, `12 j`: two units at most. The page's script writes the same."""
    if not math.isfinite(seconds):
        return NO_TIME
    whole = max(0, int(seconds))
    day = "j" if language == "fr" else "d"
    if whole < 60:
        return f"{whole}{_NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{_NBSP}min"
    if whole < 86_400:
        return f"{whole // 3600}{_NBSP}h{_NBSP}{whole % 3600 // 60:02d}"
    days, hours = whole // 86_400, whole % 86_400 // 3600
    return f"{days}{_NBSP}{day}{_NBSP}{hours}{_NBSP}h" if days < 10 and hours else f"{days}{_NBSP}{day}"


def took(seconds: float, language: str) -> str:
    """How long something took: `3 ms`, `1,2 s`, `92 s`, `12 min`: as exact as limits are set."""
    if not math.isfinite(seconds):
        return NO_TIME
    if seconds <= 0.0005:
        return f"<{_NBSP}1{_NBSP}ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}{_NBSP}ms"
    if seconds < 59.95:
        return f"{decimal(seconds, 1, language)}{_NBSP}s"
    return f"{seconds:.0f}{_NBSP}s" if seconds < 599.5 else span(seconds + 0.5, language)


def exactly(seconds: float, language: str) -> str:
    """A duration that somebody has set, whole: `30 s`, `1 min 30 s`, `500 ms`, `2 h`."""
    if not math.isfinite(seconds):
        return NO_TIME
    rest, parts = round(seconds * 1000), []
    for unit, size in (("j" if language == "fr" else "d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        value, rest = divmod(rest, size)
        if value:
            parts.append(f"{value}{_NBSP}{unit}")
    if rest or not parts:
        parts.append(f"{rest}{_NBSP}ms" if rest else f"0{_NBSP}s")
    return _NBSP.join(parts)
