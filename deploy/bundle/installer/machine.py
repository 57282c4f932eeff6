"""Whether the bundle's wheels run with this Python, on this machine, and whether the service's user may run it."""

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .contents import Bundle
from .refusals import Refused

# Of the standard library, and left out by some distributions' smallest Pythons.
NEEDED = ("asyncio", "ctypes", "encodings.idna", "sqlite3", "ssl", "venv", "zlib", "zoneinfo")

HOMES = (Path("/home"), Path("/root"), Path("/run/user"))  # which the unit hides from the service: ProtectHome


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


def interpreter() -> tuple[Path, Path]:
    """What a release's Python is a link to, and a file of its standard library."""
    # Where this very Python is that of a virtual environment, a release takes the one behind it: venv.
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Path(base), Path(os.__file__)


def barred(path: Path, hidden: Sequence[Path] = ()) -> str | None:
    """What keeps a user without rights from that file or folder, itself or a folder on the way; None if nothing does.

    Where it is not there yet, what counts is the way to it.
    """
    for step in _way(path):
        for place in (*reversed(step.parents), step):
            if not place.exists():
                continue
            # In a folder: may one pass? Of a program: may one start it? Anything else is read.
            passed = 0o001 if place.is_dir() or place.stat().st_mode & 0o100 else 0o004
            if not place.stat().st_mode & passed:
                return f"{place} is closed to others"
            if place in hidden:
                return f"the unit hides {place}"
    return None


def _way(path: Path) -> Iterator[Path]:
    """The path, what each link leads to, and at last where it really is."""
    seen: set[Path] = set()
    while path not in seen:
        seen.add(path)
        yield path
        if path.is_symlink():
            path = path.parent / os.readlink(path)
    yield Path(os.path.realpath(path))


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
