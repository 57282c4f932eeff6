"""Load and check the configuration: every fault at once, each with its file, line and path.

Its parts are imported when they are first asked for, so that naming a fault of it costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config.configuration import Configuration, fingerprint
    from config.faults import ConfigurationFault, Fault
    from config.loading import load

__all__ = ["Configuration", "ConfigurationFault", "Fault", "fingerprint", "load"]

_PLACES = {
    "Configuration": "config.configuration",
    "fingerprint": "config.configuration",
    "ConfigurationFault": "config.faults",
    "Fault": "config.faults",
    "load": "config.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PLACES[name]), name)
