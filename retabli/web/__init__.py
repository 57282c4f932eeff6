"""The outlet to browsers and programs: pages, API, health and metrics, served from the picture in memory.

Its parts are imported when they are first asked for: who may come in is also asked by what serves nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retabli.web.app import build
    from retabli.web.logbook import LogBook
    from retabli.web.seams import Exposition, History, HistoryUnreadable, Ready, Reload, Switch, Switches
    from retabli.web.server import Web

__all__ = [
    "Exposition",
    "History",
    "HistoryUnreadable",
    "LogBook",
    "Ready",
    "Reload",
    "Switch",
    "Switches",
    "Web",
    "build",
]

_PLACES = {"build": "app", "LogBook": "logbook", "Web": "server"}  # the others are seams


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_PLACES.get(name, 'seams')}"), name)
