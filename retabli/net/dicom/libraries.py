"""pydicom and pynetdicom, imported by one thread at a time: two that import them at once each get half a module."""

import importlib
import threading

# Together they take a fifth of a second. Each is begun at its root, which imports most of what is below it.
_WANTED = ("pydicom", "pydicom.filewriter", "pynetdicom", "pynetdicom.dimse_messages", "pynetdicom.dsutils")
_TURN = threading.Lock()  # of this process, as its modules are


def load() -> None:
    """Import them, or wait until another thread has: to be called before anything of theirs is imported."""
    with _TURN:
        for name in _WANTED:
            importlib.import_module(name)
