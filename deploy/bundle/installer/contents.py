"""What the bundle holds, and whether each file of it is what was packed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from .refusals import Refused

SUMS = "SHA256SUMS"
FACTS = "bundle.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's facts: for CPython of these minor versions, on this machine, with glibc 2.x or newer."""

    folder: Path
    version: str
    pythons: tuple[str, ...]
    machine: str
    glibc: int

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    @property
    def pip(self) -> Path:
        return next(self.wheels.glob("pip-*.whl"))


def opened(folder: Path) -> Bundle:
    """The bundle in that folder, once every file of it was checked.

    Raises:
        Refused: a file is not what was packed, is missing, or nobody packed it.
    """
    listed = _listed(folder)
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not _is_folder(path)}
    for name in sorted(listed.keys() | (there.keys() - {SUMS})):
        if name not in there:
            raise Refused(f"{folder / name} is missing: unpack the archive anew")
        if name not in listed:
            raise Refused(f"{there[name]} is not of this bundle: unpack the archive anew, into an empty folder")
        if there[name].is_symlink() or _digest(there[name]) != listed[name]:
            raise Refused(
                f"{there[name]} is not what was packed: its SHA-256 is not that of {SUMS}; fetch the archive anew"
            )
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Bundle(folder, facts["version"], tuple(facts["pythons"]), facts["machine"], facts["glibc"])


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _listed(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        pairs = (line.split("  ", 1) for line in lines)
        listed = {name: sum_ for sum_, name in pairs}
    except FileNotFoundError:
        raise Refused(f"{folder} is no bundle: {SUMS} is missing") from None
    except ValueError:
        raise Refused(f"{folder / SUMS} cannot be read: fetch the archive anew") from None
    if FACTS not in listed:
        raise Refused(f"{folder / SUMS} does not name {FACTS}: fetch the archive anew")
    return listed


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
