"""The shipped composition: Compose reads it, what it mounts is there, and each part may only what it must."""

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.entrance import ENTRANCE, ROOT

FOLDER = ROOT / "deploy"
FILE = FOLDER / "compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]


@pytest.mark.real
def test_compose_reads_it() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed: run tests/real/install.sh")
    done = subprocess.run(
        [program, "-f", str(FILE), "config", "-q"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", SERVICES)
def test_each_has_a_read_only_root_no_capability_and_nothing_to_gain(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "user", "devices", "pid"} & service.keys()
    assert service["restart"] == "always"


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_is_of_one_version(name: str) -> None:
    version = SERVICES[name]["image"].partition(":")[2]
    assert version.lstrip("v").count(".") == 2, f"{SERVICES[name]['image']} may be another one tomorrow"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there_and_cannot_be_written_unless_it_is_its_own(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        source, _, target = volume.replace("${RETABLI_CONFIG:-./compose/retabli}", "./compose/retabli").partition(":")
        if source.startswith("."):
            assert (FOLDER / source).exists(), source
            assert target.endswith(":ro"), volume
        else:
            assert source == name


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_none_listens_beyond_this_machine(name: str) -> None:
    listens = [word for word in SERVICES[name]["command"] if "web.listen-address" in word]
    assert [word.partition("=")[2].partition(":")[0] for word in listens] == ["127.0.0.1"]


def test_the_configuration_that_it_begins_with_is_accepted() -> None:
    done = subprocess.run(
        [*ENTRANCE, "check", "--config", str(FOLDER / "compose/retabli")],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "0 warnings" in done.stdout
