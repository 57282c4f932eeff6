"""The offline bundle: what its installer refuses, and a real one, built and installed where there is no network."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.bundle.archive import add_sums
from deploy.bundle.build import build, current_python
from deploy.bundle.installer.contents import Bundle, opened
from deploy.bundle.installer.machine import Machine, unfit
from deploy.bundle.installer.places import COMPLETE, Places
from deploy.bundle.installer.refusals import Refused
from deploy.bundle.wheels import Target
from tests.entrance import HOME, ROOT

MACHINE = Machine("CPython", (3, 11), False, "/usr/bin/python3", "x86_64", 64, (2, 36), ())
LATER = "99.0.1"
BUNDLE = Bundle(Path("bundle"), "0.1.0", ("3.11", "3.12"), "x86_64", 28)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    facts = {"version": "0.1.0", "pythons": ["3.11"], "machine": "x86_64", "glibc": 28}
    (folder / "bundle.json").write_text(json.dumps(facts))
    (folder / "install.py").write_text("pass\n")
    add_sums(folder)
    return folder


def released(places: Places, version: str) -> Path:
    release = places.fresh(version)
    release.mkdir(parents=True)
    (release / COMPLETE).touch()
    places.switch(release)
    return release


def foreign_kind(folder: Path) -> None:
    """A wheel of somebody else's, with the kind `doorbell`: what `tcp` does, under another name."""
    about = "doorbell-1.0.dist-info"
    files = {
        "doorbell.py": (HOME / "probes" / "tcp.py").read_text().replace('Literal["tcp"]', 'Literal["doorbell"]'),
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: doorbell\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[retabli.probes]\ndoorbell = doorbell:Tcp\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / "doorbell-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in (*files.items(), (f"{about}/RECORD", record)):
            wheel.writestr(name, text)


def test_a_whole_bundle_is_opened(bundle: Path) -> None:
    assert opened(bundle) == Bundle(bundle, "0.1.0", ("3.11",), "x86_64", 28)


def test_a_file_that_was_changed_added_or_lost_is_named(bundle: Path) -> None:
    (bundle / "more").touch()
    with pytest.raises(Refused, match="more is not of this bundle"):
        opened(bundle)
    (bundle / "more").unlink()
    (bundle / "install.py").write_text("fail\n")
    with pytest.raises(Refused, match=r"install\.py is not what was packed"):
        opened(bundle)
    (bundle / "install.py").unlink()
    with pytest.raises(Refused, match=r"install\.py is missing"):
        opened(bundle)


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (replace(MACHINE, python=(3, 13)), "this bundle is for CPython 3.11 or 3.12, this is CPython 3.13"),
        (replace(MACHINE, machine="aarch64"), "this bundle is for x86_64"),
        (replace(MACHINE, bits=32), r"this is x86_64 \(32 bits\)"),
        (replace(MACHINE, glibc=(2, 17)), "needs glibc 2.28 or newer, this system has glibc 2.17"),
        (replace(MACHINE, glibc=None), "another C library"),
        (replace(MACHINE, lacking=("ssl",)), "lacks the module ssl"),
    ],
)
def test_a_machine_that_is_unfit_is_told_why(machine: Machine, said: str) -> None:
    assert unfit(MACHINE, BUNDLE) is None
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(unfit(machine, BUNDLE))


def test_the_release_before_stays_and_comes_back_and_those_before_it_go(tmp_path: Path) -> None:
    places = Places(tmp_path)
    first, second, third = (released(places, version) for version in ("1.0", "1.0", "1.1"))
    places.keep_two()
    assert (places.current, places.former, first.exists()) == (third, second, False)
    places.roll_back(second)
    assert (places.current, places.former) == (second, third)


def test_what_an_interrupted_run_left_is_cleared_away(tmp_path: Path) -> None:
    places = Places(tmp_path)
    whole = released(places, "1.0")
    half = places.fresh("1.0")
    half.mkdir()
    places.clear_away()
    assert (whole.exists(), half.exists()) == (True, False)


def test_the_entrance_of_the_installer_can_be_read_by_any_python() -> None:
    assert (ROOT / "deploy" / "bundle" / "install.py").read_bytes().isascii()


def own_wheel(sources: Path, into: Path) -> Path:
    made = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(made, cwd=sources, check=True, capture_output=True)
    return next(into.glob("*.whl"))


def later(folder: Path) -> Path:
    """The sources of the wheel, of a version that is to come."""
    sources = folder / "sources"
    for name in ("retabli", "commands", "config", "probes", "simulator"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("daemon.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    (sources / "retabli" / "__init__.py").write_text(f'"""Later."""\n\n__version__ = "{LATER}"\n')
    return sources


def unpacked(archive: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(archive.parent, filter="data")
    return archive.parent / archive.name.removesuffix(".tar.gz")


@pytest.mark.real
@pytest.mark.timeout(400)
def test_a_real_bundle_installs_upgrades_rolls_back_and_goes_without_network(tmp_path: Path) -> None:
    archive = build(Target((current_python(),), os.uname().machine, 28), own_wheel(ROOT, tmp_path / "dist"), tmp_path)
    told = (tmp_path / f"{archive.name}.sha256").read_text().split()[0]
    assert told == hashlib.sha256(archive.read_bytes()).hexdigest()
    folder = unpacked(archive)
    bill = (folder / "sbom" / "retabli.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    home, prefix = tmp_path / "home", tmp_path / "opt"
    kept = [home / "retabli.yaml", home / "state.db"]
    home.mkdir()
    shutil.copy(ROOT / "config" / "example.yaml", kept[0])
    kept[1].write_bytes(b"state")

    def run(*words: object, status: int = 0) -> str:
        environment = {"PATH": os.defpath, "HOME": str(home), "PIP_NO_INDEX": "1", "LANG": "C.UTF-8"}
        command = ["unshare", "-n", *map(str, words)]
        done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def install(*words: str, status: int = 0, of: Path = folder) -> str:
        return run(sys.executable, of / "install.py", "--prefix", prefix, "--no-service", *words, status=status)

    retabli = prefix / "bin" / "retabli"
    assert "fit for it" in install("--check")
    assert not prefix.exists()
    install()
    places = Places(prefix)
    first = places.current
    assert "0." in run(retabli, "--version")
    assert "doorbell" not in run(retabli, "kinds")
    assert "Nothing was sent" in run(retabli, "check", "--config", prefix / "share" / "config" / "minimal.yaml")
    foreign_kind(places.kinds)
    newer = build(
        Target((current_python(),), os.uname().machine, 28), own_wheel(later(tmp_path), tmp_path / "later"), tmp_path
    )
    assert f"Retabli {LATER}" in install(of=unpacked(newer))
    assert LATER in run(retabli, "--version")
    assert "doorbell" in run(retabli, "kinds")
    assert places.former == first != places.current
    run(sys.executable, prefix / "share" / "install" / "install.py", "--prefix", prefix, "--no-service", "--rollback")
    assert places.current == first
    assert LATER not in run(retabli, "--version")
    with (folder / "LICENSE").open("a") as file:
        file.write("tampered")
    assert "LICENSE is not what was packed" in install(status=2)
    assert "tcp" in run(retabli, "kinds")
    install("--uninstall")
    assert [path.name for path in prefix.iterdir()] == ["kinds"]
    assert [path.exists() for path in kept] == [True, True]
