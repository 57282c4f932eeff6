"""Installs Retabli from this folder, without internet: `python3 install.py --help`.

Any Python can read this file, so that one that is too old is told so instead of failing at the syntax of the rest.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - it is run by the Pythons that there are
    sys.stderr.write("Retabli needs Python 3.11 or newer; this is %s: %s\n" % (sys.version.split()[0], sys.executable))  # noqa: UP031
    sys.exit(2)

import importlib

sys.dont_write_bytecode = True  # the bundle stays as it was checked
sys.exit(importlib.import_module("installer.main").main())
