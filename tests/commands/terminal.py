"""How tests type a command: in this process for most, in one of its own where signals and pipes matter."""

import contextlib
import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from retabli.__main__ import main
from tests.entrance import ENTRANCE


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def typed(*words: str | Path) -> Ended:
    """The command's exit code and what it printed; argparse's own exits included."""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, "argv", ["retabli", *map(str, words)]), _own_logging():
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main()
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else 1
    return Ended(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, path = list(root.handlers), root.level, list(sys.path)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.path[:] = path


def run(*words: str | Path, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own, piped."""
    return subprocess.run([*ENTRANCE, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False)
