"""Which wheels a bundle brings: those that the lock names, by their hashes, for its Pythons and its machine."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name, parse_wheel_filename

OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}  # the minor number that PEP 600 begins at, by machine
OLDER_NAMES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
TAG = re.compile(r"manylinux(?:_2_(\d+)|(1|2010|2014))_")


class Unbuildable(Exception):
    """The bundle cannot be made; why is a sentence for whoever makes it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the bundle is for: CPython of these minor versions, on Linux with that glibc (2.x) or a newer one."""

    pythons: tuple[str, ...]
    machine: str
    glibc: int

    def platforms(self) -> Iterator[str]:
        """The platform tags of wheels that run there, the newest first (PEP 600)."""
        for minor in range(self.glibc, OLDEST_GLIBC[self.machine] - 1, -1):
            yield f"manylinux_2_{minor}_{self.machine}"
            if minor in OLDER_NAMES:
                yield f"{OLDER_NAMES[minor]}_{self.machine}"

    def environment(self, python: str) -> dict[str, str]:
        """What a marker in the lock is asked about (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{python}.0",
            "python_version": python,
            "sys_platform": "linux",
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of the lock: one version of one package, and the hashes of all its files."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    def wanted(self, environment: dict[str, str]) -> bool:
        return self.marker is None or self.marker.evaluate(environment)

    def line(self) -> str:
        marker = f" ; {self.marker}" if self.marker else ""
        return " ".join((f"{self.name}=={self.version}{marker}", *(f"--hash={each}" for each in self.hashes)))


def pins(lock: str) -> list[Pin]:
    """What a lock file pins."""
    found = []
    for line in lock.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        what, *hashes = re.split(r"\s--hash=", line)
        requirement, _, marker = what.partition(";")
        name, _, version = requirement.strip().partition("==")
        found.append(
            Pin(
                canonicalize_name(name),
                version.strip(),
                Marker(marker.strip()) if marker.strip() else None,
                tuple(each.strip() for each in hashes),
            )
        )
    return found


def wheels(pinned: Sequence[Pin], target: Target, cache: Path) -> list[Path]:
    """The wheels for every Python of the target, sorted by name; those that were downloaded before are not again.

    Raises:
        Unbuildable: a package has no wheel for that target, or the index was not reached; pip has said which.
    """
    found: dict[str, Path] = {}
    for python in target.pythons:
        environment = target.environment(python)
        wanted = "\n".join(
            f"{pin.name}=={pin.version} " + " ".join(f"--hash={each}" for each in pin.hashes)
            for pin in pinned
            if pin.wanted(environment)
        )
        for path in sorted(_downloaded(wanted, python, target, cache).glob("*.whl")):
            found.setdefault(path.name, path)
    return [found[name] for name in sorted(found)]


def _downloaded(wanted: str, python: str, target: Target, cache: Path) -> Path:
    """The folder with them: whole under its name, which tells all that was asked for."""
    asked = "\n".join((wanted, python, *target.platforms()))
    whole = cache / f"cp{python.replace('.', '')}-{target.machine}-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
    if whole.is_dir():
        return whole
    part = cache / f"{whole.name}.{os.getpid()}.part"
    part.mkdir(parents=True)
    listed = part / "wanted.txt"
    listed.write_text(wanted)
    short = f"cp{python.replace('.', '')}"
    done = subprocess.run(  # noqa: S603 - our own words
        [
            *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--dest", str(part), "--requirement", str(listed)),
            *("--implementation", "cp", "--python-version", python, "--abi", short, "--abi", "abi3", "--abi", "none"),
            *(word for each in target.platforms() for word in ("--platform", each)),
        ],
        check=False,
    )
    if done.returncode != 0:
        raise Unbuildable(f"the wheels for Python {python} on {target.machine}, glibc 2.{target.glibc}, are not had")
    listed.unlink()
    part.rename(whole)
    return whole


def needed_glibc(names: Sequence[str]) -> int:
    """The minor number of the oldest glibc (2.x) on which all these wheels run, by their own tags."""
    needed = min(OLDEST_GLIBC.values())
    for name in names:
        platforms = [tag.platform for tag in parse_wheel_filename(name)[3]]
        minors = [_minor(platform) for platform in platforms if platform != "any"]
        if minors:
            needed = max(needed, min(minors))
    return needed


def _minor(platform: str) -> int:
    found = TAG.match(platform)
    if found is None:
        raise Unbuildable(f"{platform} is no platform of glibc")
    by_name = {name: minor for minor, name in OLDER_NAMES.items()}
    return int(found[1]) if found[1] else by_name[f"manylinux{found[2]}"]
