"""Whether the bundle's wheels run with this Python, on this machine."""

import importlib.util
import os
import platform
import sys
from dataclasses import dataclass

from .contents import Bundle
from .refusals import Refused

# Of the standard library, and left out by some distributions' smallest Pythons.
NEEDED = ("asyncio", "ctypes", "encodings.idna", "sqlite3", "ssl", "venv", "zlib", "zoneinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is: the Python that runs this, the machine, and the C library (`glibc`: None if it is another)."""

    implementation: str
    python: tuple[int, int]
    free_threaded: bool
    executable: str
    machine: str
    bits: int
    glibc: tuple[int, int] | None
    lacking: tuple[str, ...]


def this_machine() -> Machine:
    return Machine(
        implementation=platform.python_implementation(),
        python=sys.version_info[:2],
        free_threaded="t" in sys.abiflags,
        executable=sys.executable,
        machine=platform.machine(),
        bits=64 if sys.maxsize > 2**32 else 32,
        glibc=_glibc(),
        lacking=tuple(name for name in NEEDED if not _there(name)),
    )


def unfit(machine: Machine, bundle: Bundle) -> str | None:
    """Why this bundle cannot run here, naming what is needed; None if it can."""
    python = ".".join(map(str, machine.python))
    if machine.implementation != "CPython" or machine.free_threaded or python not in bundle.pythons:
        what = f"{machine.implementation} {python}{' without the GIL' if machine.free_threaded else ''}"
        return (
            f"this bundle is for CPython {' or '.join(bundle.pythons)}, this is {what} ({machine.executable}): "
            f"start it by python{bundle.pythons[-1]}, or fetch the bundle for this Python"
        )
    if machine.machine != bundle.machine or machine.bits != 64:
        what = f"{machine.machine} ({machine.bits} bits)"
        return f"this bundle is for {bundle.machine} (64 bits), this is {what}: fetch the bundle for this machine"
    if machine.glibc is None or machine.glibc < (2, bundle.glibc):
        what = "another C library" if machine.glibc is None else f"glibc {'.'.join(map(str, machine.glibc))}"
        return f"this bundle needs glibc 2.{bundle.glibc} or newer, this system has {what}: a newer system is needed"
    if machine.lacking:
        return (
            f"{machine.executable} lacks the module {machine.lacking[0]} of the standard library: "
            "install the distribution's whole Python (Debian: apt-get install python3)"
        )
    return None


def refuse_unfit(machine: Machine, bundle: Bundle) -> None:
    """Raises Refused, saying why, where the bundle cannot run."""
    refusal = unfit(machine, bundle)
    if refusal is not None:
        raise Refused(refusal)


def _there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _glibc() -> tuple[int, int] | None:
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (OSError, ValueError):
        return None
    if name != "glibc":
        return None
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
