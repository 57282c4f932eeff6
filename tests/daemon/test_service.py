"""What systemd is told: heard on a socket such as it gives, from a daemon in a process of its own."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands._service import Service
from commands._systemd import LONGEST_STATUS, Systemd, from_environment, status
from retabli.supervisor import Supervisor
from tests.daemon.living import Life
from tests.entrance import ENTRANCE, ROOT
from tests.faults.short_of_files import in_a_child, shortage


class Manager:
    """The end of the socket that systemd has."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)

    async def hears(self, wanted: str) -> dict[str, str]:
        """The next message that has this assignment, or one that begins like it."""
        heard: list[str] = []
        try:
            async with asyncio.timeout(15):
                while True:
                    lines = (await asyncio.get_running_loop().sock_recv(self.socket, 65536)).decode().split("\n")
                    heard += lines
                    if any(line.startswith(wanted) for line in lines):
                        return dict(line.split("=", 1) for line in lines)
        except TimeoutError:
            raise AssertionError(f"{wanted} is not among {heard}") from None

    def waiting(self) -> str:
        """All that has come and was not heard yet."""
        said = []
        while True:
            try:
                said.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return "\n".join(said)


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@retabli-test-{os.getpid()}"


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    manager = Manager(address)
    yield manager
    manager.socket.close()


@pytest.mark.parametrize("address", ["abstract"], indirect=True)
async def test_a_sign_of_life_takes_no_descriptor_that_there_may_not_be(manager: Manager, address: str) -> None:
    """systemd ends a daemon that falls silent: a shortage of open files would have been its end."""

    async def work() -> list[bool]:
        systemd = Systemd(address)
        said = [systemd.say("READY=1")]
        with shortage(0):
            said.append(systemd.say("WATCHDOG=1"))
        return said

    assert await in_a_child(work) == [True, True]
    assert "WATCHDOG=1" in manager.waiting()


async def test_it_is_ready_when_the_page_answers_says_how_it_stands_and_that_it_stops(
    life: Life, manager: Manager, address: str
) -> None:
    life.environment = {"NOTIFY_SOCKET": address}
    start = asyncio.create_task(life.start())
    taken_up = await manager.hears("EXTEND_TIMEOUT_USEC=")
    assert taken_up["STATUS"].startswith("starting: ")
    assert int(taken_up["EXTEND_TIMEOUT_USEC"]) >= 60e6
    assert "STATUS" in await manager.hears("READY=1")
    assert (await life.get("/api/v1/flows"))["flows"]
    await start
    assert (await manager.hears("STATUS=1 of 1 flows restored"))["STATUS"] == "1 of 1 flows restored"
    await life.watched.stop()
    await life.until_state("dropped")
    assert (await manager.hears("STATUS=0"))["STATUS"].endswith("1 dropped; look at port (dropped)")
    assert await life.end(signal.SIGTERM) == 0
    assert "STOPPING=1" in manager.waiting()


async def test_a_reload_is_told_and_one_that_is_refused_says_why(life: Life, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    manager = Manager(address)
    try:
        life.environment = {"NOTIFY_SOCKET": address}
        await life.start()
        await manager.hears("READY=1")
        good = life.config.read_text()
        life.config.write_text(good + "nonsense: 1\n")
        assert life.process is not None
        life.process.send_signal(signal.SIGHUP)
        assert int((await manager.hears("RELOADING=1"))["MONOTONIC_USEC"]) > 0
        refused = (await manager.hears("READY=1"))["STATUS"]
        assert refused.startswith("reload refused, the configuration of before goes on: ")
        assert "nonsense" in refused
        life.config.write_text(good)
        life.process.send_signal(signal.SIGHUP)
        await manager.hears("RELOADING=1")
        assert "refused" not in (await manager.hears("READY=1"))["STATUS"]
    finally:
        manager.socket.close()


async def test_why_it_cannot_start_stays_to_be_read(life: Life, tmp_path: Path) -> None:
    manager = Manager(str(tmp_path / "notify"))
    try:
        life.config.write_text("nonsense: 1\n")
        life.environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        code, said = await lived(life)
        assert code == 2
        told = (await manager.hears("STOPPING=1"))["STATUS"]
        assert told.startswith("the configuration is refused: ")
        assert told.removeprefix("the configuration is refused: ") in said
    finally:
        manager.socket.close()


async def lived(life: Life) -> tuple[int, str]:
    """A daemon that ends by itself: its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *ENTRANCE,
        "run",
        "--config",
        str(life.config),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **life.environment},
    )
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_without_systemd_a_daemon_that_stands_still_ends_itself_and_says_where(
    life: Life, tmp_path: Path
) -> None:
    """As in a container: WATCHDOG_USEC is set and nobody listens. What stands still is a kind that blocks the loop."""
    blocking_kind(tmp_path / "kinds")
    life.write(flows=BLOCKING, every="1s")
    life.environment = {"WATCHDOG_USEC": "1500000", "PYTHONPATH": str(tmp_path / "kinds")}
    code, said = await lived(life)
    assert code == 1
    assert "Timeout (0:00:01.5" in said
    assert "in stand_still" in said


@pytest.mark.looptime
async def test_life_is_shown_while_the_scheduler_gives_signs_and_not_for_long_after_its_last(tmp_path: Path) -> None:
    manager = Manager(str(tmp_path / "notify"))
    try:
        loop = asyncio.get_running_loop()
        signs = [0.0]
        service = Service(Systemd(str(tmp_path / "notify"), 30.0), lambda: "well", lambda: signs[0])
        supervisor, stop = Supervisor(), asyncio.Event()
        service.keep_running(supervisor, asyncio.Event())
        running = asyncio.create_task(supervisor.run_until_stopped(stop))
        for _ in range(10):
            signs[0] = loop.time()
            await asyncio.sleep(10.0)
            assert "WATCHDOG=1" in manager.waiting()
        await asyncio.sleep(15.0)  # the scheduler is dead, and the supervisor starts it in vain
        manager.waiting()
        await asyncio.sleep(300.0)
        assert "WATCHDOG=1" not in manager.waiting()
        signs[0] = loop.time()
        await asyncio.sleep(10.0)
        assert "WATCHDOG=1" in manager.waiting()
        stop.set()
        await running
        assert "STOPPING=1" in manager.waiting()
    finally:
        manager.socket.close()


def test_the_variables_are_taken_out_so_that_no_child_finds_them() -> None:
    environment = {
        "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
        "TZ": "UTC",
    }
    systemd = from_environment(environment)
    assert (systemd.listens, systemd.watchdog, environment) == (True, 30.0, {"TZ": "UTC"})


@pytest.mark.parametrize("given", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}])
def test_no_watchdog_is_fed_that_nobody_wants(given: dict[str, str]) -> None:
    assert from_environment(given).watchdog is None


def test_a_watchdog_that_is_meant_for_another_process_is_not_ours() -> None:
    assert from_environment({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watchdog is None


def test_without_a_socket_nothing_is_said_and_one_that_nobody_reads_hurts_nothing(tmp_path: Path) -> None:
    assert Systemd().say("READY=1") is False
    assert Systemd(str(tmp_path / "gone")).say("READY=1") is False


def test_a_status_is_one_line_whatever_is_in_it() -> None:
    assert status("a\nREADY=1\x1b[2J b") == "STATUS=a READY=1 [2J b"
    assert len(status("x" * 5000)) == len("STATUS=") + LONGEST_STATUS


BLOCKING = "{title: Blocks, intent: open, probes: {p: {kind: standing_still}}}"


def blocking_kind(folder: Path) -> None:
    """A kind of somebody else's, as a package that was installed into `folder`: its first run holds the loop."""
    about = folder / "standing_still-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: standing-still\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[retabli.probes]\nstanding_still = standing_still:StandingStill\n")
    (folder / "standing_still.py").write_text(
        '''"""A kind that blocks the loop."""

import time
from typing import ClassVar, Literal

from retabli.model import stages
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe


def stand_still():
    time.sleep(600)


class StandingStill(Probe):
    """Blocks."""

    LADDER: ClassVar = (stages.RESOLVE,)
    SUMMARY: ClassVar = ("Bloque.", "Blocks.")

    kind: Literal["standing_still"]

    def openings(self):
        yield from ()

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.RESOLVE):
            stand_still()
'''
    )
