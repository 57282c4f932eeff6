"""The families of hostile servers, one a file. Each gives its cells: every server of it by every way that meets it."""

import importlib
import pkgutil
from collections.abc import Iterator

from tests.hostile.cells import Cell


def families() -> tuple[str, ...]:
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))


def cells_of(family: str) -> tuple[Cell, ...]:
    found: Iterator[Cell] = importlib.import_module(f"{__name__}.{family}").cells()
    return tuple(found)


def needs_root(family: str) -> bool:
    """Whether its cells are met in a network of their own."""
    return getattr(importlib.import_module(f"{__name__}.{family}"), "NEEDS_ROOT", False)
