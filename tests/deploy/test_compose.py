"""The shipped composition: Compose reads it, what it mounts is there, and each part may only what it must."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from retabli import __version__
from tests.entrance import ENTRANCE, ROOT

FOLDER = ROOT / "deploy"
FILE = FOLDER / "compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
# What is a site's own, by its variable; what is read where that is not set.
OWN = {
    "RETABLI_CONFIG": "./compose/retabli",
    "RETABLI_PROMETHEUS": "./prometheus/prometheus.example.yml",
    "RETABLI_ALERTMANAGER": "./prometheus/alertmanager.example.yml",
}


def volumes(name: str) -> list[str]:
    """What a service mounts where no variable is set."""
    return [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume) for volume in SERVICES[name]["volumes"]]


@pytest.mark.real
def test_compose_reads_it() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed: run tests/real/install.sh")
    done = subprocess.run(
        [program, "-f", str(FILE), "config", "-q"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.real
def test_what_is_a_site_s_own_is_mounted_from_where_its_variable_says(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed: run tests/real/install.sh")
    done = subprocess.run(
        [program, "-f", str(FILE), "config"],
        env=os.environ | {name: str(tmp_path / name) for name in OWN},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)["services"]
    listed = [each for service in read.values() for each in service["volumes"]]
    # The first Compose prints them as they are written, the second one in full.
    both = [each.split(":")[:2] if isinstance(each, str) else (each["source"], each["target"]) for each in listed]
    mounts = {target: source for source, target in both}
    assert {target: source for target, source in mounts.items() if source.startswith(str(tmp_path))} == {
        "/etc/retabli": str(tmp_path / "RETABLI_CONFIG"),
        "/etc/prometheus/prometheus.yml": str(tmp_path / "RETABLI_PROMETHEUS"),
        "/etc/alertmanager/alertmanager.yml": str(tmp_path / "RETABLI_ALERTMANAGER"),
    }


def test_whatever_is_an_example_can_be_put_in_its_place_by_a_variable_that_the_comment_and_both_guides_name() -> None:
    mounts = [volume for name in SERVICES for volume in SERVICES[name]["volumes"]]
    assert dict(re.findall(r"\$\{(\w+):-([^}]*)\}", " ".join(mounts))) == OWN
    assert not [volume for volume in mounts if ".example." in volume and not volume.startswith("${")]
    comment = FILE.read_text().partition("x-confined:")[0]
    guides = [(ROOT / "docs" / name).read_text() for name in ("operating.md", "exploitation.md")]
    for variable, example in OWN.items():
        for text in (comment, *guides):
            assert variable in text
            assert f"deploy/{example.removeprefix('./')}" in text


def test_whoever_edits_the_daemon_s_configuration_is_told_that_its_only_channel_calls_nobody_yet() -> None:
    path = FOLDER / "compose" / "retabli" / "retabli.yaml"
    assert [each["kind"] for each in yaml.safe_load(path.read_text())["alerts"]["channels"].values()] == [
        "alertmanager"
    ]
    before = path.read_text().partition("kind: alertmanager")[0].replace("\n    # ", " ")
    assert "deploy/prometheus/alertmanager.example.yml" in before
    assert "RETABLI_ALERTMANAGER" in before


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
    for volume in volumes(name):
        source, _, target = volume.partition(":")
        if source.startswith("."):
            assert (FOLDER / source).exists(), source
            assert target.endswith(":ro"), volume
        else:
            assert source == name


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_none_listens_beyond_this_machine(name: str) -> None:
    listens = [word for word in SERVICES[name]["command"] if "web.listen-address" in word]
    assert [word.partition("=")[2].partition(":")[0] for word in listens] == ["127.0.0.1"]


def mounted(name: str, folder: Path) -> Path:
    """The files of a service where its container has them, under this folder."""
    for volume in volumes(name):
        source, target, *_ = volume.split(":")
        if source.startswith("."):
            there = folder / target.removeprefix("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (FOLDER / source).is_dir() else shutil.copy)(FOLDER / source, there)
    return folder


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "check", "wanted"),
    [
        ("prometheus", ("promtool", "check", "config"), "2 rule files found"),
        ("alertmanager", ("amtool", "check-config"), "1 templates"),
    ],
)
def test_where_they_are_mounted_the_configurations_find_what_they_name(
    name: str, check: tuple[str, ...], wanted: str, tmp_path: Path
) -> None:
    if shutil.which(check[0]) is None:
        pytest.skip(f"{check[0]} is not installed: run tests/real/install.sh")
    (file,) = (word.partition("=")[2] for word in SERVICES[name]["command"] if word.startswith("--config.file="))
    path = mounted(name, tmp_path) / file.removeprefix("/")
    done = subprocess.run([*check, str(path)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert wanted in done.stdout
    assert "FAILED" not in done.stdout


def test_grafana_finds_its_dashboards_where_they_are_mounted_and_prometheus_where_it_listens(tmp_path: Path) -> None:
    root = mounted("grafana", tmp_path)
    provisioning = root / "etc" / "grafana" / "provisioning"
    for provider in yaml.safe_load((provisioning / "dashboards" / "retabli.yml").read_text())["providers"]:
        assert list((root / provider["options"]["path"].removeprefix("/")).glob("*.json")), provider["name"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "retabli.yml").read_text())["datasources"]
    listens = next(word for word in SERVICES["prometheus"]["command"] if "web.listen-address" in word)
    assert source["url"] == f"http://{listens.partition('=')[2]}"


def test_prometheus_scrapes_the_daemon_and_pages_by_alertmanager_where_they_listen() -> None:
    read = yaml.safe_load((FOLDER / "prometheus" / "prometheus.example.yml").read_text())
    (job,) = (each for each in read["scrape_configs"] if each["job_name"] == "retabli")
    assert job["static_configs"][0]["targets"] == [SERVICES["retabli"]["command"][-1]]
    (alerting,) = read["alerting"]["alertmanagers"]
    listens = next(word for word in SERVICES["alertmanager"]["command"] if "web.listen-address" in word)
    assert alerting["static_configs"][0]["targets"] == [listens.partition("=")[2]]
    first = yaml.safe_load((FOLDER / "compose" / "retabli" / "retabli.yaml").read_text())
    (own,) = (each for each in read["scrape_configs"] if each["job_name"] == "alertmanager")
    assert own["static_configs"][0]["targets"] == [listens.partition("=")[2]]
    labels = job["static_configs"][0]["labels"]
    assert own["static_configs"][0]["labels"]["site"] == labels["site"]
    assert (labels["site"], labels["standpoint"]) == (first["site"]["name"], first["standpoint"])
    assert first["alerts"]["channels"]["alertmanager"]["urls"] == [f"http://{listens.partition('=')[2]}"]


def test_the_image_that_it_builds_bears_the_program_s_version() -> None:
    assert SERVICES["retabli"]["image"] == f"retabli:{__version__}"


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
