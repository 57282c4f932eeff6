"""Makes the offline bundle from the wheel that lies in dist/: `make bundle`, or `python -m deploy.bundle.build`."""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.bundle import sbom
from deploy.bundle.archive import add_sums, pack
from deploy.bundle.packaged import Packaged, digest, packaged
from deploy.bundle.wheels import Pin, Target, Unbuildable, needed_glibc, pins, wheels

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "bundle.lock"
CACHE = ROOT / "build" / "wheels"
GLIBC = 28  # the oldest that every wheel of the lock is made for: Debian 10, RHEL 8, Ubuntu 18.10
EPOCH = 1_580_601_600  # what hatchling takes as well where nobody names an instant
# What an operator reads, copies and edits, placed as in the sources, so that every link in it holds.
SHARE = ("config", "deploy", "docs", "README.md", "LISEZMOI.md", "CONTRIBUTING.md", "LICENSE")
# What the image is made of: `docker build` and the composition, whose context is the folder above it, find it there.
IMAGE = (
    "Dockerfile",
    ".dockerignore",
    "requirements/run.lock",
    "daemon.py",
    "commands",
    "config",
    "probes",
    "retabli",
    "simulator",
    "deploy/image/alive.py",
)
LEFT_OUT = shutil.ignore_patterns("*.py", "__pycache__", "tests", "*.db", "*.db-*")
COMPILED = shutil.ignore_patterns("__pycache__")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0; 2 when it cannot be made."""
    args = _parser().parse_args(argv)
    pythons = tuple(sorted(set(args.python or [current_python()]), key=lambda each: int(each.partition(".")[2])))
    try:
        archive = build(Target(pythons, args.arch, args.glibc), args.wheel or own_wheel(), args.into)
    except Unbuildable as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    sys.stdout.write(f"{archive}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Makes an archive that installs without internet.")
    parser.add_argument("--python", action="append", metavar="3.N", help="for this one (default: the one that runs)")
    parser.add_argument("--arch", default=platform.machine(), choices=("x86_64", "aarch64"), help="for this machine")
    parser.add_argument("--glibc", type=int, default=GLIBC, metavar="MINOR", help="2.MINOR (default: %(default)s)")
    parser.add_argument("--wheel", type=Path, help="our own (default: the one in dist/)")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="the folder for the archive (default: dist/)")
    return parser


def current_python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def own_wheel() -> Path:
    found = sorted((ROOT / "dist").glob("retabli-*.whl"))
    if len(found) != 1:
        raise Unbuildable(f"{len(found)} wheels of ours lie in dist/ instead of one: make wheel")
    return found[0]


def build(target: Target, wheel: Path, into: Path) -> Path:
    """The archive in `into`, and beside it the sum that an operator compares before unpacking.

    Raises:
        Unbuildable: a package has no wheel for that target.
    """
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH))
    own = packaged(wheel)
    pinned = pins(LOCK.read_text(encoding="utf-8"))
    found = {path: packaged(path) for path in (wheel, *wheels(pinned, target, CACHE))}
    lacking = sbom.missing_licences(list(found.values()))
    if lacking:
        raise Unbuildable(f"no licence, or no text of it, in the wheel of {', '.join(lacking)}")
    name = f"retabli-{own.version}-linux-{target.machine}-" + "-".join(
        f"py{each.replace('.', '')}" for each in target.pythons
    )
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="retabli-bundle-") as made:
        folder = Path(made) / name
        folder.mkdir()
        _fill(folder, found, pinned, wheel)
        environments = [target.environment(python) for python in target.pythons]
        (folder / "sbom").mkdir(exist_ok=True)
        (folder / "sbom" / "retabli.cdx.json").write_bytes(sbom.bill(own, found, "wheels", environments, epoch))
        facts = {
            "version": own.version,
            "pythons": target.pythons,
            "machine": target.machine,
            "glibc": needed_glibc([path.name for path in found]),
        }
        (folder / "bundle.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        add_sums(folder)
        archive = into / f"{name}.tar.gz"
        pack(folder, archive, epoch)
    return archive


def _fill(folder: Path, found: dict[Path, Packaged], pinned: Sequence[Pin], wheel: Path) -> None:
    (folder / "wheels").mkdir()
    for path, each in found.items():
        shutil.copy(path, folder / "wheels")
        for place, texts in (("licences", each.texts), ("sbom", each.boms)):
            for name, text in texts.items():
                to = folder / place / f"{each.key}-{each.version}" / name
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(text)
    own = f"retabli=={found[wheel].version} --hash=sha256:{digest(wheel)}"
    locked = [pin.line() for pin in pinned if pin.name != "pip"]  # which runs from its wheel, and is not left behind
    lines = "\n".join((own, *locked, ""))
    (folder / "requirements.txt").write_text(lines, encoding="utf-8")
    here = Path(__file__).parent
    for name in ("install.py", "README.md", "LISEZMOI.md"):
        shutil.copy(here / name, folder)
    shutil.copy(ROOT / "LICENSE", folder)
    shutil.copytree(here / "installer", folder / "installer", ignore=COMPILED)
    add_share(folder / "share")


def add_share(folder: Path) -> None:
    """What is put beside the program: guides, examples, rules, dashboards, and what the image is made of."""
    for names, left_out in ((SHARE, LEFT_OUT), (IMAGE, COMPILED)):
        for name in names:
            to = folder / name
            to.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, to, ignore=left_out, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / name, to)


if __name__ == "__main__":
    sys.exit(main())
