"""Makes one release: a virtual environment, the packages by their hashes, what goes beside them; then tries it."""

import os
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from .contents import FACTS, Bundle
from .places import COMPLETE
from .refusals import Refused

BESIDE = "share"
INSTALLER = ("install.py", "installer")  # so that `--rollback` needs no bundle


def make(bundle: Bundle, release: Path, kinds: Sequence[Path]) -> None:
    """The release, complete; the folder must not be there yet.

    Raises:
        Refused: pip refused, or what was installed does not start. The folder is then gone again.
    """
    try:
        # Not by ensurepip, which Debian ships apart: the bundle's own pip installs from outside.
        venv.EnvBuilder(symlinks=True, with_pip=False).create(release)
        _install(bundle, release, "--require-hashes", "--requirement", str(bundle.folder / "requirements.txt"))
        for wheel in kinds:
            _install(bundle, release, str(wheel))
        _pip(bundle, release, "check")
        shutil.copytree(bundle.folder / BESIDE, release / BESIDE)
        for name in INSTALLER:
            _copy(bundle.folder / name, release / BESIDE / "install" / name)
        shutil.copy(bundle.folder / FACTS, release / FACTS)
        _try(release)
        os.sync()  # a power cut after the switch must not find an empty release
        (release / COMPLETE).write_text(f"{bundle.version}\n", encoding="utf-8")
        os.sync()
    except BaseException:
        shutil.rmtree(release, ignore_errors=True)
        raise


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, to)


def _install(bundle: Bundle, release: Path, *what: str) -> None:
    wheels = ("--find-links", str(bundle.wheels), "--no-index", "--no-deps", "--only-binary", ":all:")
    _pip(bundle, release, "install", *wheels, "--no-cache-dir", "--no-warn-script-location", *what)


def _pip(bundle: Bundle, release: Path, *words: str) -> None:
    """The bundle's pip, run from its wheel by the release's Python."""
    way = ("--isolated", "--quiet", "--no-input", "--disable-pip-version-check")
    done = _run(release / "bin" / "python", "-I", str(bundle.pip / "pip"), *way, *words)
    if done.returncode != 0:
        said = done.stdout.strip() if words[0] == "check" else done.stderr.strip()
        raise Refused(f"pip {words[0]} refused: {said.splitlines()[-1] if said else f'status {done.returncode}'}")


def _try(release: Path) -> None:
    """Whether it starts: every kind is imported, and with it every library that is compiled."""
    done = _run(release / "bin" / "retabli", "kinds")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Refused(f"what was installed does not start: {said[-1] if said else f'status {done.returncode}'}")


def _run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """In an environment of its own: nothing of the operator's settings of pip or Python counts."""
    with tempfile.TemporaryDirectory(prefix="retabli-install-") as home:
        environment = {"PATH": os.defpath, "HOME": home, "LANG": "C.UTF-8", "PIP_CONFIG_FILE": os.devnull}
        if "TMPDIR" in os.environ:
            environment["TMPDIR"] = os.environ["TMPDIR"]
        return subprocess.run(  # noqa: S603 - our own words
            [str(word) for word in words],
            env=environment,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
