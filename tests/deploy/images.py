"""The image, built and run by Podman in a store of its own, over a base made from the distribution's packages.

`python:3.13-slim` comes from a registry. What stands for it is the Debian that it is made of, with that Debian's own
Python 3.13, and with a pip where the real one has it.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.entrance import ROOT

SUITE, PACKAGES = "trixie", "python3-venv,python-is-python3"
PIP = """python -m venv /v
/v/bin/pip --quiet install --ignore-installed --prefix=/usr/local --no-index --find-links /usr/share/python-wheels pip
rm -r /v
"""
DOCKERFILE = ROOT / "Dockerfile"
LOCK = ROOT / "requirements" / "run.lock"
SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["retabli"]
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# No cgroups of systemd and none of its timers: neither is there. The limits are at most those of whoever runs it.
RUNTIME = ["--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file"]
ALONE = ["--network=none", "--no-healthcheck", "--ulimit=nofile=20000:20000", "--ulimit=nproc=4096:4096"]


def base() -> tuple[str, str]:
    """The image that the recipe begins with, and the version of its Python."""
    named = re.findall(r"^FROM (python:(\d+\.\d+)\S*)", DOCKERFILE.read_text(), re.MULTILINE)
    assert len(set(named)) == 1, "both stages are of one Python"
    name, version = named[0]
    return str(name), str(version)


def make_base(folder: Path) -> Path:
    """The base as an archive; made where there is none yet, or skip where none can be had."""
    archive = folder / f"{SUITE}.tar"
    if not archive.exists():
        made = folder / "making.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
        command += [f'--customize-hook=chroot "$1" sh -ec "{PIP}"', SUITE, str(made)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode:
            pytest.skip(f"no base could be made from the distribution's archive: {done.stderr.strip()[-300:]}")
        made.rename(archive)
    return archive


def fetch_wheels(folder: Path) -> Path:
    """The locked packages for the image's Python, fetched as the recipe tells to."""
    wheels = folder / f"wheels-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if not wheels.is_dir():
        made = folder / "fetching"
        shutil.rmtree(made, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--only-binary", ":all:", "--python-version", base()[1]]
        command += ["-r", str(LOCK), "-d", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        made.rename(wheels)
    return wheels


class Engine:
    """Podman, whose images, containers and volumes are in `folder` and nowhere else."""

    def __init__(self, folder: Path) -> None:
        self._store = folder / "store"
        places = {"root": self._store, "runroot": folder / "run", "tmpdir": folder / "tmp"}
        self._podman = ["podman", *(f"--{name}={place}" for name, place in places.items()), *RUNTIME]

    def does(self, *words: str, within: float = 60.0) -> subprocess.CompletedProcess[str]:
        """One of Podman's commands, whatever its exit code."""
        return subprocess.run([*self._podman, *words], capture_output=True, text=True, timeout=within, check=False)

    def ok(self, *words: str, within: float = 60.0) -> str:
        done = self.does(*words, within=within)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def inspected(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ok("inspect", name))[0]
        return found

    def end(self) -> None:
        """Nothing of it runs, is mounted or takes room any more."""
        self.ok("rm", "--all", "--force", "--time=0")
        mounted = self._store / "overlay"
        if mounted.is_mount():
            subprocess.run(["umount", str(mounted)], timeout=20, check=True)
        shutil.rmtree(self._store)


@contextmanager
def built(cached: Path, folder: Path) -> Iterator[Engine]:
    """An engine that holds the image, under the name that the composition gives it."""
    archive, wheels = make_base(cached), fetch_wheels(cached)
    engine = Engine(folder)
    try:
        begun = engine.does(
            "import", "--quiet", f"--change=ENV PATH={PATH}", str(archive), f"docker.io/library/{base()[0]}"
        )
        if begun.returncode:
            pytest.skip(f"no engine for containers works here: {begun.stderr.strip()[-300:]}")
        # The format that knows a health check; what a build runs may not look beyond its own root.
        engine.ok(
            *("build", "--format=docker", "--isolation=chroot", "--pull=never", f"--build-context=wheels={wheels}"),
            *("--build-arg=PIP_NO_INDEX=1", f"--tag={SERVICE['image']}", str(ROOT)),
            within=150,
        )
        yield engine
    finally:
        engine.end()


def as_composed() -> list[str]:
    """What the shipped composition gives the daemon, as options of `run`, but for its volumes and its network."""
    options = ["--read-only", "--read-only-tmpfs=false"] if SERVICE["read_only"] else []
    options += [f"--cap-drop={each}" for each in SERVICE["cap_drop"]]
    options += [f"--security-opt={each}" for each in SERVICE["security_opt"]]
    options += [f"--tmpfs={each}" for each in SERVICE["tmpfs"]]
    return [*options, "--ulimit=core=0", *ALONE]
