"""pydicom and pynetdicom, imported by one thread at a time: two that import them at once each get half a module."""

import importlib
import sys
import threading

# Together they take a fifth of a second. Each is begun at its root, which imports most of what is below it.
_WANTED = ("pydicom", "pydicom.filewriter", "pynetdicom", "pynetdicom.dimse_messages", "pynetdicom.dsutils")
_ROOTS = {name.partition(".")[0] for name in _WANTED}
_TURN = threading.Lock()  # of this process, as its modules are


def load() -> None:
    """Import them, or wait until another thread has: to be called before anything of theirs is imported.

    Raises:
        OSError, MemoryError: this machine lacks what that takes; the next call begins anew.
    """
    with _TURN:
        try:
            for name in _WANTED:
                importlib.import_module(name)
        except BaseException:
            _forget()
            raise


def _forget() -> None:
    """Python keeps what was imported below a module that failed: the next import would be built on such halves."""
    for name in list(sys.modules):
        if name.partition(".")[0] in _ROOTS:
            del sys.modules[name]
