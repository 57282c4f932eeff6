"""One target under libFuzzer, in a process of its own: `python -m tests.fuzz.campaign TARGET FOLDER… -option=…`."""

import sys
import warnings

import atheris  # type: ignore[import-untyped]

# What of other libraries our parsers lean on is followed too: a path through them is a path of ours.
with atheris.instrument_imports(
    include=["retabli", "config", "probes", "commands", "email", "html", "zipfile", "json", "hl7", "base64", "binascii"]
):
    from tests.fuzz.targets import BY_NAME

if __name__ == "__main__":
    warnings.simplefilter("error")
    target = BY_NAME[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.check)
    atheris.Fuzz()
