"""`python -m retabli`, and the command `retabli`: the same program as `python daemon.py`, wherever it is installed."""

import importlib
import sys
from pathlib import Path


def main() -> int:
    """Puts the directory that holds the application first on the path, and hands over to its entrance."""
    here = Path(__file__).resolve().parent
    installed = here / "_app"
    home = str(installed if (installed / "daemon.py").is_file() else here.parent)
    sys.path[:] = [home, *(entry for entry in sys.path if entry != home)]
    code: int = importlib.import_module("daemon").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
