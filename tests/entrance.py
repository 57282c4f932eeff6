"""How tests start the program: the checkout's `daemon.py`, or the installed `retabli` where there are no sources.

`make test-wheel` runs the tests beside nothing but the wheel. The application's folders then lie in the package, where
only the program's own entrance looks for them: what tests import of them, here or in a process of theirs, needs the
path.
"""

import os
import sys
from pathlib import Path

from retabli.__main__ import home

ROOT = Path(__file__).parents[1]  # what tests read beside the program: deploy/, docs/, tests/
HOME = home()
INSTALLED = HOME != ROOT
PROGRAM = "retabli" if INSTALLED else "daemon.py"
ENTRANCE = [sys.executable, "-m", "retabli"] if INSTALLED else [sys.executable, str(HOME / "daemon.py")]


def make_importable() -> None:
    """The application's folders, for the tests and for what they start."""
    if INSTALLED and str(HOME) not in sys.path:
        sys.path.insert(0, str(HOME))
        os.environ["PYTHONPATH"] = str(HOME)
