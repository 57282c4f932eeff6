"""The systemd unit: put in place where systemd runs, and left alone where the operator wrote one of their own.

PREFIX/.unit has the SHA-256 of every unit that was put there, one a line, written before the unit is: whatever is
interrupted, however many releases come and go, what nobody edited is known as ours.
"""

import hashlib
import os
import subprocess
from pathlib import Path

from .places import PROC, Places

USUAL = "/opt/retabli"  # what the shipped unit names
UNIT = "retabli.service"
FOLDER = Path("/etc/systemd/system")
RUNNING = Path("/run/systemd/system")  # is there where systemd is the first process: sd_booted(3)


def wanted() -> bool:
    """Whether there is a systemd to put a unit in place for, and whether we may."""
    return RUNNING.is_dir() and as_root()


def as_root() -> bool:
    """Whether it is installed for everybody, and what it is run by is not who installs."""
    return os.geteuid() == 0


def shipped(places: Places, release: Path | None) -> bytes | None:
    """The unit of a release, with the paths of where it is installed."""
    path = release / "share" / "deploy" / "systemd" / UNIT if release is not None else None
    if path is None or not path.is_file():
        return None
    return path.read_bytes().replace(USUAL.encode(), os.fsencode(places.prefix))


def ours(places: Places) -> bool:
    """Whether the unit that is in place is one that we put there, and nobody has edited."""
    try:
        there = (FOLDER / UNIT).read_bytes()
    except OSError:
        return False
    # Installers before the record wrote none: theirs is the unit of a release that is still there.
    return _digest(there) in {*_put_before(places), *(_digest(each) for each in _of_releases(places))}


def put(places: Places) -> str:
    """Put the current release's unit in place; what was done, as a line."""
    text = shipped(places, places.current)
    if text is None:
        return "this bundle brings no unit for systemd"
    unit = FOLDER / UNIT
    if unit.exists() and not ours(places):
        return f"{unit} is not ours and stays as it is; compare it with {places.prefix}/share/deploy/systemd/{UNIT}"
    _record(places, text)
    if unit.exists() and unit.read_bytes() == text:
        return f"{unit} is as it should be"
    new = unit.with_name(f".{UNIT}.new")
    new.write_bytes(text)
    new.chmod(0o644)
    new.replace(unit)
    _systemctl("daemon-reload")
    return f"{unit} put in place; `systemctl enable --now retabli` starts it once /etc/retabli is written"


def _of_releases(places: Places) -> list[bytes]:
    found = (shipped(places, release) for release in places.there())
    return [text for text in found if text is not None]


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _put_before(places: Places) -> set[str]:
    try:
        return set(places.unit.read_text(encoding="ascii", errors="replace").split())
    except FileNotFoundError:
        return set()


def _record(places: Places, text: bytes) -> None:
    # What is in place now stays known as well, should we be interrupted before it is another.
    known = {*_put_before(places), _digest(text)}
    if ours(places):
        known.add(_digest((FOLDER / UNIT).read_bytes()))
    if known != _put_before(places):
        new = places.unit.with_name(f"{places.unit.name}.new")
        new.write_text("".join(f"{each}\n" for each in sorted(known)), encoding="ascii")
        new.replace(places.unit)


def runs(pid: int) -> bool:
    """Whether that process is the service's own: systemd keeps them in a group that bears the unit's name."""
    try:
        groups = (PROC / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended
        return True
    return any(UNIT in line.split("/") for line in groups.splitlines())


def stop() -> None:
    """Now, and at the next start of the machine."""
    _systemctl("disable", "--now", UNIT)


def take_away() -> str:
    """Remove the unit, once it is stopped; what was done, as a line."""
    (FOLDER / UNIT).unlink()
    _systemctl("daemon-reload")
    return f"{FOLDER / UNIT} stopped and removed"


def leave(places: Places) -> None:
    """The record goes unless a unit of ours stays, which the next run knows by nothing else."""
    if ours(places):
        _record(places, (FOLDER / UNIT).read_bytes())
    else:
        places.unit.unlink(missing_ok=True)


def _systemctl(*words: str) -> None:
    """Where it is missing or refuses, systemd reads the unit at its next start all the same."""
    try:
        subprocess.run(["systemctl", "--quiet", *words], stdin=subprocess.DEVNULL, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        pass
