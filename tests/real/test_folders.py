"""The kinds `file_drop` and `exec` where a folder's rights and its file server really fail. Needs root."""

import asyncio
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.exec import COMMAND_HANGS, Exec
from probes.file_drop import FileDrop
from retabli.model import stages
from retabli.model.result import Outcome
from retabli.net.folders import folder_causes
from tests import reached
from tests.climbing import climb, settings
from tests.real.test_firewalls import NOBODY

pytestmark = pytest.mark.real

MNT_DETACH = 2


class SilentMount:
    """A file system whose server has gone silent: whoever looks into it waits. `die` ends the server."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._server = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._server},rootmode=40000,user_id=0,group_id=0"
        if self._libc.mount(b"silent", str(folder).encode(), b"fuse", 6, options.encode()):
            os.close(self._server)
            pytest.skip(f"no such mounts here: {os.strerror(ctypes.get_errno())}")
        self._folder = folder

    def die(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._server)

    def end(self) -> None:
        self.die()
        self._libc.umount2(str(self._folder).encode(), MNT_DETACH)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[tuple[Path, SilentMount]]:
    if not Path("/dev/fuse").exists():
        pytest.skip("no /dev/fuse here")
    folder = tmp_path / "share"
    folder.mkdir()
    mount = SilentMount(folder)
    try:
        yield folder, mount
    finally:
        mount.end()


async def test_a_mount_whose_server_is_silent_holds_one_thread_and_is_told_at_once(
    mount: tuple[Path, SilentMount],
) -> None:
    folder, silent = mount
    probe = settings(FileDrop, directory=str(folder), max_age="1h", timeout="500ms")
    first = await climb(probe)
    assert (first.outcome, first.cause) == (Outcome.UNKNOWN, folder_causes.FOLDER_HANGS), first
    began = time.monotonic()
    for _ in range(5):
        again = await climb(probe)
        assert (again.stage, again.cause) == (folder_causes.REACHED, folder_causes.FOLDER_HANGS), again
    assert time.monotonic() - began < 0.2
    silent.die()
    async with asyncio.timeout(10):
        while (await climb(probe)).cause is folder_causes.FOLDER_HANGS:
            await asyncio.sleep(0.01)
    assert (await climb(probe)).cause is folder_causes.FOLDER_BROKEN


async def test_a_command_on_such_a_mount_stops_nobody_else(mount: tuple[Path, SilentMount]) -> None:
    folder, silent = mount
    probe = settings(Exec, command=[str(folder / "check")], timeout="500ms")
    first = await climb(probe)
    assert (first.outcome, first.stage, first.cause) == (Outcome.UNKNOWN, stages.START, COMMAND_HANGS), first
    began = time.monotonic()
    assert (await climb(probe)).cause is COMMAND_HANGS
    assert time.monotonic() - began < 0.2
    silent.die()
    async with asyncio.timeout(10):
        while (await climb(probe)).cause is COMMAND_HANGS:
            await asyncio.sleep(0.01)


def as_nobody(**keys: Any) -> dict[str, Any]:
    reached.NOTES.mkdir(exist_ok=True)
    reached.NOTES.chmod(0o777)  # where the other process, too, notes which causes it reached
    command = [*NOBODY, sys.executable, "-X", "dev", "-m", "tests.real.one_climb", "file_drop", json.dumps(keys)]
    seen: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return seen


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that anybody may come to."""
    made = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    path = Path(made)
    path.chmod(0o755)
    (path / "in").mkdir()
    yield path / "in"
    subprocess.run(["rm", "-r", made], check=True)


def test_a_folder_that_the_probe_may_not_read_is_its_own_fault(shared: Path) -> None:
    shared.chmod(0o711)
    seen = as_nobody(directory=str(shared), max_age="1h")
    assert (seen["outcome"], seen["stage"], seen["cause"]) == ("unknown", "reached", "folder_forbidden")


def test_a_folder_that_the_probe_may_not_enter_is_its_own_fault(shared: Path) -> None:
    (shared / "a.hl7").write_text("synthetic")
    shared.chmod(0o744)
    seen = as_nobody(directory=str(shared), max_age="1h")
    assert (seen["outcome"], seen["stage"], seen["cause"]) == ("unknown", "list", "folder_forbidden")


def test_a_folder_that_may_be_read_and_not_written_to_is_enough(shared: Path) -> None:
    (shared / "a.hl7").write_text("synthetic")
    shared.chmod(0o755)
    (shared / "a.hl7").chmod(0o600)
    assert as_nobody(directory=str(shared), max_age="1h")["outcome"] == "ok"
