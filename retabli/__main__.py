"""`python -m retabli`, and the command `retabli`: the same program as `python daemon.py`, wherever it is installed."""

import importlib
import sys
from pathlib import Path


def home() -> Path:
    """The directory that holds the application: inside this package where it is installed, else the checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_app"
    return installed if (installed / "daemon.py").is_file() else here.parent


def main() -> int:
    """Puts the directory that holds the application first on the path, and hands over to its entrance."""
    first = str(home())
    sys.path[:] = [first, *(entry for entry in sys.path if entry != first)]
    code: int = importlib.import_module("daemon").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
