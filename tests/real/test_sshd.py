"""The kinds `sftp` and `file_drop` against OpenSSH's server, whole and with faults that it really has. Needs root."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from probes.file_drop import FileDrop
from probes.sftp import Sftp
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.model.stages import Stage
from retabli.net.folders import folder_causes
from retabli.net.ssh import ssh_causes
from tests.climbing import climb, settings
from tests.real.sshd import Sshd, make_key, sshd

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("sshd") is None, reason="sshd is not installed")]


SOMEBODY = ["/usr/bin/setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups", "--bounding-set=-all"]


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


async def climbed(server: Sshd, **keys: Any) -> Result:
    return await climb(settings(Sftp, **server.account(**keys)))


def fell(result: Result, stage: Stage, cause: Cause) -> None:
    assert (result.stage, result.cause) == (stage, cause), result


async def test_a_canary_is_written_read_back_and_removed(server: Sshd) -> None:
    result = await climbed(server, canary="canary.txt")
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 8, 8), result
    assert result.properties["server"].startswith("SSH-2.0-OpenSSH")
    assert list(server.place.iterdir()) == []


async def test_the_distributions_own_file_service_does_as_well(server: Sshd) -> None:
    server.restart(Subsystem="sftp /usr/lib/openssh/sftp-server")
    assert (await climbed(server, canary="canary.txt")).outcome is Outcome.OK


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
async def test_keys_of_other_types_are_pinned_too(server: Sshd, kind: str) -> None:
    key = make_key(server.folder, kind, kind)
    server.restart(host_key=kind)
    assert (await climbed(server, host_key=key.with_suffix(".pub").read_text())).outcome is Outcome.OK


async def test_a_user_without_a_name_logs_in_as_whom_it_is_told(server: Sshd) -> None:
    """A container's user may be a number and no more, and have no home."""
    (server.folder / "probe").chmod(0o644)
    keys = json.dumps({**server.account(), "canary": "c"})
    command = [*SOMEBODY, sys.executable, "-m", "tests.real.one_climb", "sftp", keys]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={"PATH": ""})
    seen = json.loads((await process.communicate())[0])
    assert seen["outcome"] == "ok", seen


# Host keys and algorithms -------------------------------------------------------------------------------------------


async def test_a_server_that_was_rebuilt_with_another_key_is_never_logged_in_to(server: Sshd) -> None:
    make_key(server.folder, "rebuilt")
    server.restart(host_key="rebuilt")
    fell(await climbed(server), ssh_causes.HOST_KEY, ssh_causes.HOST_KEY_CHANGED)
    assert "Accepted" not in server.log.read_text()


async def test_a_server_that_lost_its_key_of_that_type_says_which_it_has(server: Sshd) -> None:
    make_key(server.folder, "rebuilt", "ecdsa")
    server.restart(host_key="rebuilt")
    result = await climbed(server)
    fell(result, ssh_causes.KEY_EXCHANGE, ssh_causes.HOST_KEY_TYPE)
    assert "offered: ecdsa-sha2-nistp256" in result.detail


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KexAlgorithms", "diffie-hellman-group1-sha1", "key exchange; offered: diffie-hellman-group1-sha1"),
        ("Ciphers", "aes128-cbc", "encryption; offered: aes128-cbc"),
    ],
)
async def test_a_server_without_an_algorithm_in_common_says_which(
    server: Sshd, name: str, value: str, told: str
) -> None:
    server.restart(**{name: value})
    result = await climbed(server)
    fell(result, ssh_causes.KEY_EXCHANGE, ssh_causes.SSH_NO_COMMON_ALGORITHM)
    assert result.detail.startswith(told), result.detail


# Accounts -----------------------------------------------------------------------------------------------------------


async def test_a_key_that_is_not_known_is_refused_after_one_attempt(server: Sshd) -> None:
    fell(
        await climbed(server, key={"file": str(server.folder / "stranger")}),
        stages.AUTH,
        causes.AUTH_REFUSED,
    )
    assert server.log.read_text().count("Failed publickey") == 1


async def test_a_denied_user_is_refused(server: Sshd) -> None:
    server.restart(DenyUsers="root")
    fell(await climbed(server), stages.AUTH, causes.AUTH_REFUSED)


async def test_a_password_where_only_keys_are_taken_is_never_sent(server: Sshd) -> None:
    (server.folder / "password").write_text("synthetic")
    result = await climbed(server, key=None, password={"file": str(server.folder / "password")})
    fell(result, stages.AUTH, ssh_causes.SSH_METHOD_NOT_OFFERED)
    assert result.detail == "offered: publickey, keyboard-interactive"  # which asks for nothing


async def test_a_key_that_is_not_enough_is_told_from_one_that_is_refused(server: Sshd) -> None:
    server.restart(AuthenticationMethods="publickey,password", PasswordAuthentication="yes")
    result = await climbed(server)
    fell(result, stages.AUTH, ssh_causes.SSH_SECOND_FACTOR)
    assert result.detail == "publickey was accepted; wanted next: password"
    refused = await climbed(server, key={"file": str(server.folder / "stranger")})
    fell(refused, stages.AUTH, causes.AUTH_REFUSED)


async def test_a_server_that_allows_no_attempt_at_all_counts_as_a_refusal(server: Sshd) -> None:
    server.restart(MaxAuthTries="1")
    fell(await climbed(server, key={"file": str(server.folder / "stranger")}), stages.AUTH, ssh_causes.SSH_CUT_AT_LOGIN)


# The file service ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subsystem", "cause"),
    [
        ("", ssh_causes.SFTP_REFUSED),
        ("sftp /bin/false", ssh_causes.SFTP_ENDED),
        ("sftp /bin/echo Welcome to the transfer server", ssh_causes.SFTP_GARBAGE),
    ],
    ids=["absent", "ends", "talks"],
)
async def test_a_file_service_that_is_none_has_its_cause(server: Sshd, subsystem: str, cause: Cause) -> None:
    server.restart(Subsystem=subsystem)
    fell(await climbed(server), folder_causes.LIST, cause)


async def test_a_read_only_server_is_listed_and_not_written_to(server: Sshd) -> None:
    server.restart(Subsystem="sftp internal-sftp -R")
    assert (await climbed(server)).outcome is Outcome.OK
    fell(await climbed(server, canary="c"), ssh_causes.CANARY, folder_causes.WRITE_DENIED)


async def test_folders_that_are_not_there_or_are_none_have_their_causes(server: Sshd) -> None:
    (server.folder / "file").write_text("x")
    missing = await climbed(server, directory=str(server.folder / "nowhere"))
    fell(missing, folder_causes.LIST, folder_causes.DIRECTORY_MISSING)
    none = await climbed(server, directory=str(server.folder / "file"))
    fell(none, folder_causes.LIST, folder_causes.NOT_A_DIRECTORY)


@pytest.fixture
def full(server: Sshd) -> Iterator[Path]:
    """A disk without room, as large as one page."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=20", "tmpfs", str(server.place)], check=True)
    try:
        (server.place / "filler").write_bytes(bytes(4096))
        yield server.place
    finally:
        subprocess.run(["umount", str(server.place)], check=True)


async def test_a_full_disk_is_told_though_the_server_says_no_more_than_failure(server: Sshd, full: Path) -> None:
    fell(await climbed(server, canary="c"), ssh_causes.CANARY, folder_causes.DISK_FULL)
    assert [path.name for path in full.iterdir()] == ["filler"]


async def test_a_disk_without_room_for_one_more_file_is_full_too(server: Sshd, full: Path) -> None:
    (full / "filler").unlink()
    for number in range(30):
        try:
            (full / f"{number}").touch()
        except OSError:
            break
    fell(await climbed(server, canary="c"), ssh_causes.CANARY, folder_causes.DISK_FULL)


@pytest.fixture
def nobody(server: Sshd) -> Sshd:
    """The file service runs as nobody, who has rights to respect."""
    become = f"{shutil.which('setpriv')} --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all"
    server.restart(Subsystem=f"sftp {become} /usr/lib/openssh/sftp-server")
    return server


async def test_rights_that_are_missing_are_told_apart(nobody: Sshd) -> None:
    nobody.place.chmod(0o700)
    fell(await climbed(nobody), folder_causes.LIST, folder_causes.LIST_DENIED)
    nobody.place.chmod(0o755)
    fell(await climbed(nobody, canary="c"), ssh_causes.CANARY, folder_causes.WRITE_DENIED)
    nobody.place.chmod(0o777)
    assert (await climbed(nobody, canary="c")).outcome is Outcome.OK


# Load, silence, ends ------------------------------------------------------------------------------------------------


async def test_a_server_with_too_many_connections_under_way_is_temporary(server: Sshd) -> None:
    server.restart(MaxStartups="1:100:1")
    with socket.create_connection(("127.0.0.1", server.port)) as waiting:
        waiting.recv(100)
        result = await climbed(server)
    fell(result, ssh_causes.BANNER, ssh_causes.SSH_TOO_MANY_SESSIONS)
    assert result.outcome is Outcome.UNKNOWN


async def test_a_frozen_server_is_a_timeout_on_its_banner(server: Sshd) -> None:
    server.freeze()
    fell(await climbed(server, timeout="500ms"), ssh_causes.BANNER, causes.TIMEOUT)
    server.thaw()
    assert (await climbed(server)).outcome is Outcome.OK


async def test_a_stopped_server_is_refused_and_comes_back(server: Sshd) -> None:
    server.stop()
    fell(await climbed(server), stages.CONNECT, causes.REFUSED)
    server.start()
    assert (await climbed(server)).outcome is Outcome.OK


async def test_the_loop_is_not_blocked(server: Sshd) -> None:
    probe = settings(Sftp, **server.account(canary="c"))
    await climb(probe)  # imports what is heavy
    with blockbuster_ctx():
        assert (await climb(probe)).outcome is Outcome.OK


async def test_many_runs_leave_no_session_open(server: Sshd) -> None:
    probe = settings(Sftp, **server.account(canary="c"))
    for _ in range(5):
        assert (await climb(probe)).outcome is Outcome.OK
    end = time.monotonic() + 10
    while _sessions(server) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert not _sessions(server)


def _sessions(server: Sshd) -> set[str]:
    assert server.process is not None
    return set(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split())


# Dropped files ------------------------------------------------------------------------------------------------------


async def test_a_folder_of_dropped_files_is_judged_from_afar(server: Sshd) -> None:
    async def looked(**keys: Any) -> Result:
        return await climb(settings(FileDrop, sftp=server.account(), **keys))

    path = server.place / "result.hl7"
    path.write_text("MSH|synthetic")
    (server.place / "error").mkdir()
    result = await looked(max_age="1h", max_waiting="1h", error_directory="error", max_partial="10m")
    assert (result.outcome, result.whole, result.of) == (Outcome.OK, True, 11), result
    os.utime(path, (time.time() - 7200, time.time() - 7200))
    fell(await looked(max_age="1h"), folder_causes.FRESH, folder_causes.NO_ARRIVALS)
    fell(await looked(max_waiting="1h"), folder_causes.CONSUMED, folder_causes.NOT_CONSUMED)
    path.rename(server.place / "result.part")
    assert (await looked(max_partial="10m")).cause is folder_causes.PARTIAL_LINGERS


async def test_a_folder_of_many_files_is_listed_in_time_and_within_memory(server: Sshd) -> None:
    for number in range(20_000):
        (server.place / f"{number:06}-a-name-of-an-ordinary-length.hl7").touch()
    probe = settings(FileDrop, sftp=server.account(), max_age="1h", empty_counts=True)
    result = await climb(probe)
    assert (result.outcome, result.properties["files"]) == (Outcome.OK, "20000"), result
