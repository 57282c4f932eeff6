"""The kind `exec`: real programs, which end as they are told, or do not."""

import asyncio
import ctypes
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from probes.exec import (
    COMMAND_FORBIDDEN,
    COMMAND_MISSING,
    COMMAND_UNUSABLE,
    ENDED,
    PLUGIN_CRITICAL,
    PLUGIN_KILLED,
    PLUGIN_STATUS,
    PLUGIN_TIMEOUT,
    PLUGIN_TOO_LONG,
    PLUGIN_UNKNOWN,
    PLUGIN_WARNING,
    STATUS,
    Exec,
)
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.net.plugins import process
from tests.climbing import climb, settings


def probe(*command: str, **keys: Any) -> Exec:
    return settings(Exec, command=list(command), **keys)


async def shell(script: str, **keys: Any) -> Result:
    return await climb(probe("/bin/sh", "-c", script, **keys))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children() -> set[int]:
    """Our own, zombies included."""
    lists = (path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    return {int(word) for line in lists for word in line.split()}


async def gone(pid: int) -> bool:
    """Whether it ends within a moment: what was killed dies when the kernel comes to it."""
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return not alive(pid)


# Verdicts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome", "whole", "cause"),
    [
        (0, Outcome.OK, True, None),
        (1, Outcome.OK, False, PLUGIN_WARNING),
        (2, Outcome.FAILED, False, PLUGIN_CRITICAL),
        (3, Outcome.UNKNOWN, False, PLUGIN_UNKNOWN),
        (4, Outcome.UNKNOWN, False, PLUGIN_STATUS),
        (127, Outcome.UNKNOWN, False, PLUGIN_STATUS),
    ],
)
async def test_the_exit_status_is_the_verdict(status: int, outcome: Outcome, whole: bool, cause: Cause | None) -> None:
    result = await shell(f"echo 'SPOOLER - 3 jobs | jobs=3;10;20'; exit {status}")
    assert (result.outcome, result.stage, result.whole, result.cause) == (outcome, STATUS, whole, cause)
    said = result.properties["said"] if status == 0 else result.detail
    assert said == ("4 " if status == 4 else "127 " if status == 127 else "") + "SPOOLER - 3 jobs"
    assert result.properties["measured"] == "jobs=3"


async def test_a_program_that_says_nothing_is_judged_by_its_status_alone() -> None:
    assert (await climb(probe("/bin/true"))).outcome is Outcome.OK
    assert (await climb(probe("/bin/false"))).cause is PLUGIN_WARNING


async def test_what_is_only_on_stderr_is_told_too() -> None:
    result = await shell("echo 'no such option' >&2; exit 3")
    assert (result.cause, result.detail) == (PLUGIN_UNKNOWN, "no such option")


@pytest.mark.parametrize("number", [9, 15, 11])
async def test_a_program_that_a_signal_kills_says_nothing_of_the_flow(number: int) -> None:
    result = await shell(f"kill -{number} $$")
    assert (result.outcome, result.stage, result.cause) == (Outcome.UNKNOWN, STATUS, PLUGIN_KILLED)
    assert result.detail == f"signal {number}"


# Starting -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "check"
    path.write_text("#!/nowhere/python\n")
    path.chmod(0o755)
    return path


async def test_what_cannot_be_started_says_why(script: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / "garbage").write_bytes(b"\x7fELF garbage")
    (tmp_path / "garbage").chmod(0o755)
    (tmp_path / "loop").symlink_to("loop")
    for command, stage, cause in (
        (tmp_path / "nowhere", stages.START, COMMAND_MISSING),
        (tmp_path / "data" / "below", stages.START, COMMAND_MISSING),
        (tmp_path / "loop", stages.START, COMMAND_UNUSABLE),
        (tmp_path / "data", ENDED, COMMAND_FORBIDDEN),
        (tmp_path, ENDED, COMMAND_FORBIDDEN),
        (script, ENDED, COMMAND_UNUSABLE),
        (tmp_path / "garbage", ENDED, COMMAND_UNUSABLE),
    ):
        result = await climb(probe(str(command)))
        assert (result.outcome, result.stage, result.cause) == (Outcome.UNKNOWN, stage, cause), command


async def test_a_secret_that_cannot_be_read_starts_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    result = await shell(f"touch {marker}", environment={"KEY": {"file": str(tmp_path / "nowhere")}})
    assert (result.stage, result.cause) == (stages.START, causes.SECRET_UNREADABLE)
    assert not marker.exists()


async def test_a_secret_that_no_variable_can_hold_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"a\0b")
    result = await shell("exit 0", environment={"KEY": {"file": str(tmp_path / "key")}})
    assert (result.stage, result.cause) == (stages.START, causes.SECRET_UNREADABLE)


async def test_too_large_an_environment_is_no_verdict() -> None:
    result = await climb(probe("/bin/true", environment={"X": "x" * 200_000}))
    assert (result.outcome, result.cause) == (Outcome.UNKNOWN, COMMAND_UNUSABLE)
    assert "too long" in result.detail


# What it is given ---------------------------------------------------------------------------------------------------


async def test_it_finds_nothing_of_the_daemons_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/retabli")
    monkeypatch.setenv("RETABLI_SECRET", "synthetic")
    monkeypatch.setenv("TZ", "Europe/Paris")
    out = tmp_path / "env"
    await climb(probe("/usr/bin/env", "-0", environment={"MODE": "quick"}))
    await shell(f"/usr/bin/env > {out}; ls -l /proc/self/fd >> {out}; cat >> {out}; pwd >> {out}")
    seen = out.read_text()
    names = {line.partition("=")[0] for line in seen.splitlines() if "=" in line}
    assert names == {"PATH", "LANG", "TZ", "PWD"} | names & {"SHLVL", "_", "OLDPWD"}
    assert "synthetic" not in seen
    assert seen.splitlines()[-1] == "/"
    assert [line.split()[-3] for line in seen.splitlines() if "->" in line] == ["0", "1", "2", "3"]  # 3: ls's own
    assert "0 -> /dev/null" in seen


async def test_no_descriptor_of_ours_is_inherited(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        result = await shell("ls -l /proc/self/fd | grep -c secret")
    assert result.properties.get("said", result.detail) == "0"


async def test_variables_are_given_and_secrets_never_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("synthetic-token\n")
    keys = {"environment": {"MODE": "quick", "TOKEN": {"file": str(tmp_path / "token")}}}
    result = await shell('echo "$MODE $TOKEN | a=1"; exit 2', **keys)
    assert (result.cause, result.detail) == (PLUGIN_CRITICAL, "quick ***")
    assert (await shell('[ "$TOKEN" = synthetic-token ]', **keys)).outcome is Outcome.OK


async def test_arguments_reach_no_shell() -> None:
    result = await climb(probe("/bin/echo", "$HOME; exit 2", "|", "a=1"))
    assert result.properties["said"] == "$HOME; exit 2"


# Bounds -------------------------------------------------------------------------------------------------------------


async def test_a_program_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 600 & echo $! $$ > {pids}; while :; do sleep 600; done"
    began = time.monotonic()
    result = await shell(script, timeout="300ms")
    assert (result.outcome, result.stage, result.cause) == (Outcome.UNKNOWN, ENDED, PLUGIN_TIMEOUT)
    assert time.monotonic() - began < 0.3 + 2 * process.GRACE
    for pid in map(int, pids.read_text().split()):
        assert await gone(pid)
    assert not children()


async def test_a_program_that_heeds_a_signal_is_not_killed(tmp_path: Path) -> None:
    farewell = tmp_path / "farewell"
    script = f"trap 'echo bye > {farewell}; exit 3' TERM; while :; do sleep 0.01; done"
    began = time.monotonic()
    result = await shell(script, timeout="200ms")
    assert result.cause is PLUGIN_TIMEOUT
    assert farewell.read_text() == "bye\n"
    assert time.monotonic() - began < 0.2 + process.GRACE


@pytest.mark.parametrize("stream", [1, 2])
async def test_a_program_that_writes_without_end_is_ended(stream: int) -> None:
    began = time.monotonic()
    result = await shell(f"exec yes abcdefgh >&{stream}", timeout="8s")
    assert (result.outcome, result.stage, result.cause) == (Outcome.UNKNOWN, ENDED, PLUGIN_TOO_LONG)
    assert time.monotonic() - began < 5
    assert not children()


async def test_a_child_that_outlives_the_program_delays_nothing_and_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    began = time.monotonic()
    result = await shell(f"sleep 600 & echo $! > {pid}; echo fine")
    assert (result.outcome, result.properties["said"]) == (Outcome.OK, "fine")
    assert time.monotonic() - began < 2
    assert await gone(int(pid.read_text()))


async def test_all_that_was_written_before_the_end_is_read() -> None:
    """The loop, which was busy elsewhere, finds all of it and the end at once."""
    asyncio.get_running_loop().call_later(0.05, time.sleep, 0.5)
    result = await shell("sleep 0.2; printf '%060000d\\n' 1; echo ' | last=1'")
    assert result.properties["measured"] == "last=1"


async def test_a_cancelled_run_leaves_no_process(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    result = await climb(probe("/bin/sh", "-c", f"trap '' TERM; echo $$ > {pid}; sleep 600"), deadline=0.4)
    assert (result.outcome, result.stage) == (Outcome.FAILED, ENDED)  # the runner's own deadline, not the program's
    assert await gone(int(pid.read_text()))
    assert not children()


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


async def test_a_run_that_is_cancelled_while_it_starts_leaves_nothing() -> None:
    await shell("exit 0")
    before = descriptors()
    for number in range(60):
        task = asyncio.create_task(process.run(["/bin/sleep", "600"], {}, 60))
        await asyncio.sleep(number / 20_000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    end = time.monotonic() + 5
    while (children() or descriptors() != before) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    assert not children()
    assert descriptors() == before


async def test_a_run_that_is_cancelled_before_a_thread_is_free_leaves_nothing() -> None:
    held = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        pool.submit(held.wait)
        before = descriptors()
        task = asyncio.create_task(process.run(["/bin/sleep", "600"], {}, 60))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert descriptors() == before
        held.set()
    assert not children()


async def test_where_we_are_the_first_process_orphans_are_reaped() -> None:
    """In a container, whose orphans are ours; here by prctl(2), PR_SET_CHILD_SUBREAPER."""
    libc = ctypes.CDLL(None)
    libc.prctl(36, 1, 0, 0, 0)
    try:
        await shell("(exit 0) & sleep 0.05; (sleep 600 &) ; echo fine")
        end = time.monotonic() + 5
        while children() and time.monotonic() < end:
            await shell("exit 0")
        assert not children()
    finally:
        libc.prctl(36, 0, 0, 0, 0)


async def test_many_at_once_do_not_block_the_loop() -> None:
    with blockbuster_ctx():
        results = await asyncio.gather(*(shell("sleep 0.05; echo fine") for _ in range(20)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert not children()


# Settings -----------------------------------------------------------------------------------------------------------


def test_a_relative_command_is_a_fault() -> None:
    assert any("absolute" in fault for fault in probe("check_disk").faults())
    assert not list(probe("/bin/true").faults())


def test_a_command_that_is_not_there_or_cannot_be_executed_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    assert any("No such file" in warning for warning in probe(str(tmp_path / "nowhere")).warnings())
    assert any("executed" in warning for warning in probe(str(tmp_path / "data")).warnings())
    assert any("executed" in warning for warning in probe(str(tmp_path)).warnings())
    assert not list(probe(sys.executable).warnings())


def test_names_and_arguments_that_no_program_can_be_given_are_faults() -> None:
    assert any("argument" in fault for fault in probe("/bin/true", "a\0b").faults())
    assert any("argument" in fault for fault in probe("/bin/true", "x" * 200_000).faults())
    assert any("variable" in fault for fault in probe("/bin/true", environment={"A=B": "x"}).faults())
    assert any("NUL" in fault for fault in probe("/bin/true", environment={"A": "x\0"}).faults())


def test_a_list_is_wanted_and_not_a_line() -> None:
    with pytest.raises(ValueError, match="tuple"):
        settings(Exec, command="/bin/true -x")


def test_its_secrets_are_found_by_whoever_checks_them() -> None:
    found = probe("/bin/true", environment={"A": {"env": "TOKEN"}, "B": "clear"}).secrets()
    assert [secret.env for secret in found] == ["TOKEN"]
