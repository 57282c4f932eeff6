"""A machine of the distribution with a systemd of its own: a container over a root that is never written to."""

import json
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.entrance import ROOT

PACKAGES = "systemd,systemd-sysv,dbus,python3,iputils-ping"
PYTHON = (3, 11)  # Debian 12's: what is installed beside the tests is lent to it
UNIT = ROOT / "deploy" / "systemd" / "retabli.service"
PROGRAM = """#!/bin/sh
PYTHONPATH=/opt/retabli/packages exec /usr/bin/python3 /opt/retabli/checkout/daemon.py "$@"
"""
PAUSE = 0.1  # seconds between two looks


def need() -> None:
    """Skip where such a machine cannot be had."""
    for program in ("systemd-nspawn", "mmdebstrap", "nsenter"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: run tests/real/install.sh")
    if sys.version_info[:2] != PYTHON:
        pytest.skip("the machine has Python 3.11, which cannot load the packages of another")


def make_root(folder: Path) -> Path:
    """The machine's root, as the distribution has it; made where there is none yet."""
    root = folder / "bookworm"
    if not root.is_dir():
        made = folder / "making"
        shutil.rmtree(made, ignore_errors=True)
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode:
            pytest.skip(f"no root could be made from the distribution's archive: {done.stderr.strip()[-300:]}")
        made.rename(root)
    return root


class Machine:
    """It runs. `folder` is its /etc/retabli, `drop_ins` are those of the service."""

    def __init__(self, leader: int, folder: Path, drop_ins: Path) -> None:
        self._enter = ["nsenter", "-t", str(leader), *["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]]
        self.folder, self.drop_ins = folder, drop_ins

    def does(self, *command: str, within: float = 30.0) -> subprocess.CompletedProcess[str]:
        """A command in it, whatever its exit code."""
        return subprocess.run([*self._enter, *command], capture_output=True, text=True, timeout=within, check=False)

    def ok(self, *command: str, within: float = 30.0) -> str:
        done = self.does(*command, within=within)
        assert done.returncode == 0, (command, done.stdout, done.stderr, self.journal())
        return done.stdout

    def shows(self, what: str) -> str:
        """A property of the service."""
        return self.ok("systemctl", "show", "retabli", "--value", "-p", what).strip()

    def journal(self) -> str:
        return self.does("journalctl", "-u", "retabli", "-o", "cat", "--no-pager", "-n", "200").stdout

    def until(self, wanted: Callable[[], Any], within: float = 25.0) -> None:
        last = time.monotonic() + within
        while not wanted():
            assert time.monotonic() < last, (self.does("systemctl", "status", "retabli").stdout, self.journal())
            time.sleep(PAUSE)  # systemd tells nobody outside when a property changes

    def flows(self) -> dict[str, str]:
        """Each flow's state, as the daemon's own page has it."""
        script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9877/api/v1/flows').read().decode())"
        said = json.loads(self.ok("python3", "-c", script))
        return {flow["id"]: flow["state"] for flow in said["flows"]}

    def log(self) -> str:
        return self.ok("/opt/retabli/bin/retabli", "log", "--state", "/var/lib/retabli/state.db")


@contextmanager
def machine(root: Path, folder: Path) -> Iterator[Machine]:
    """One that has booted, with nothing but loopback, over `root`; all that it writes is forgotten with it."""
    opt, etc, drop_ins = folder / "bin", folder / "etc", folder / "drop-ins"
    for made in (opt, etc, drop_ins):
        made.mkdir(parents=True)
        made.chmod(0o755)  # its service has a user of its own
    (opt / "retabli").write_text(PROGRAM)
    (opt / "retabli").chmod(0o755)
    lent = {
        opt: "/opt/retabli/bin",
        ROOT: "/opt/retabli/checkout",
        Path(sysconfig.get_path("purelib")): "/opt/retabli/packages",
        etc: "/etc/retabli",
        drop_ins: "/etc/systemd/system/retabli.service.d",
        UNIT: "/etc/systemd/system/retabli.service",
    }
    command = ["systemd-nspawn", "--quiet", f"--directory={root}", "--volatile=overlay", "--boot", "--register=no"]
    command += ["--keep-unit", "--private-network", "--console=pipe", "--machine=retabli-test"]
    command += [f"--bind-ro={here}:{there}" for here, there in lent.items()]
    said = folder / "console"
    with said.open("wb") as console:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        try:
            booted = Machine(_leader(running, said), etc, drop_ins)
            booted.until(
                lambda: booted.does("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")
            )
            yield booted
        finally:
            running.terminate()  # the machine is shut down
            with suppress(subprocess.TimeoutExpired):
                running.wait(20)
            running.kill()
            running.wait(10)


def _leader(running: subprocess.Popen[bytes], said: Path) -> int:
    """The machine's first process, in its own namespaces."""
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    last = time.monotonic() + 20
    while time.monotonic() < last and running.poll() is None:
        found = children.read_text().split()
        if found and Path(f"/proc/{found[0]}/comm").read_text().strip() == "systemd":
            return int(found[0])
        time.sleep(PAUSE)
    pytest.skip(f"no machine can be run here: {said.read_text(errors='replace')[-300:]}")
