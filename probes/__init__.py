"""One file a kind: `probes/smtp.py` holds the one Probe whose kind is `smtp`. Nothing else is edited to add one.

A kind is imported when it is first asked for. Third parties add kinds by the entry-point group `retabli.probes`,
whose names are the kinds.
"""

import importlib
import importlib.metadata
from functools import cache
from pathlib import Path
from typing import cast

from retabli.model.probe import Probe
from retabli.model.settings import did_you_mean

GROUP = "retabli.probes"


@cache
def kinds() -> tuple[str, ...]:
    """The name of every kind, sorted."""
    own = {file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_")}
    return tuple(sorted(own | set(_foreign())))


@cache
def _foreign() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}


@cache
def kind(name: str) -> type[Probe]:
    """The kind of that name.

    Raises:
        KeyError: there is none; its argument is a sentence for the operator.
    """
    if name not in kinds():
        raise KeyError(f'there is no kind "{name}"{did_you_mean(name, kinds())}')
    if name in _foreign():
        return cast("type[Probe]", _foreign()[name].load())
    module = importlib.import_module(f"probes.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Probe) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"probes/{name}.py holds {len(found)} kinds instead of one")
    return found[0]
