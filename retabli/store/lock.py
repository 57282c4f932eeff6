"""The lock on a state: one daemon holds it."""

import fcntl
import os
from pathlib import Path

from retabli.store.facts import StoreError
from retabli.store.faults import told
from retabli.store.owning import make_folder, make_or_open


class Lock:
    """Held as long as a daemon lives, and let go by the kernel however it ends: two never share one state."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            StoreError: another daemon holds it; its process is named when it is known.
        """
        self.path = path.with_name(path.name + ".lock")
        with told(path):
            make_folder(self.path.parent)
            self._file = make_or_open(self.path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            who = f"another daemon (process {holder})" if holder.isdigit() else "another daemon"
            raise StoreError(
                f"{path} is in use by {who}; end that one, or give this one a `state:` of its own"
            ) from None
        except OSError as error:
            os.close(self._file)
            raise StoreError(
                f"{self.path} cannot be locked ({error.strerror}); keep the state on a local disk"
            ) from error
        with told(path):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
