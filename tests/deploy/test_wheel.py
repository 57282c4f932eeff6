"""The wheel: what of ours lands in site-packages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.entrance import ROOT


@pytest.mark.real
@pytest.mark.timeout(120)
def test_only_retabli_lands_in_site_packages(tmp_path: Path) -> None:
    made = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(made, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        record = next(name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
        files = [line.split(",")[0] for line in wheel.read(record).decode().splitlines()]
    assert {name.partition("/")[0] for name in files} == {"retabli", record.partition("/")[0]}
    assert "retabli/_app/daemon.py" in files
