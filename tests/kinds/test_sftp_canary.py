"""The kind `sftp` after its login: file services, folders and canaries that are right, or wrong in one thing."""

import asyncio
import itertools
import random
import time
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.result import Outcome
from retabli.model.stages import Stage
from retabli.net.folders import folder_causes
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.canary import MARK
from tests.climbing import climb
from tests.net.sftp_climbs import folder, probe, secret
from tests.net.ssh_servers import Door, folder_server, for_ever, ssh_server
from tests.said import assert_fell

__all__ = ["folder", "secret"]  # fixtures, which are asked for by their names

# The file service ---------------------------------------------------------------------------------------------------


async def test_an_account_without_sftp_is_told_from_one_without_rights(secret: Path) -> None:
    async with ssh_server() as (port, _):
        assert_fell(await climb(probe(port, secret)), folder_causes.LIST, ssh_causes.SFTP_REFUSED)


class Subsystem(asyncssh.SSHServerSession[bytes]):
    """Something else than SFTP, under its name."""

    words = b""

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self.channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def session_started(self) -> None:
        if self.words:
            self.channel.write(self.words)
        else:
            self.channel.exit(127)


class Greeting(Subsystem):
    words = b"Welcome to the transfer server of chu.test\n"


@pytest.mark.parametrize(
    ("session", "cause"), [(Subsystem, ssh_causes.SFTP_ENDED), (Greeting, ssh_causes.SFTP_GARBAGE)], ids=str
)
async def test_a_file_service_that_is_none_has_its_cause(secret: Path, session: type[Subsystem], cause: Cause) -> None:
    class Elsewhere(Door):
        def session_requested(self) -> Any:
            return session()

    async with ssh_server(Elsewhere(), encoding=None) as (port, _):
        assert_fell(await climb(probe(port, secret)), folder_causes.LIST, cause)


class Babbling(Subsystem):
    """Greets as SFTP does, and answers each question with nonsense."""

    chance = random.Random(7)  # noqa: S311 - no secret
    asked = 0

    def session_started(self) -> None:
        pass

    def data_received(self, data: bytes, datatype: Any) -> None:
        self.asked += 1
        answer = b"\x02\0\0\0\x03"
        if self.asked > 1:
            number = bytes([self.chance.choice((101, 102, 103, 104, 105, 201))]) + data[5:9]
            answer = number + self.chance.choice(
                (
                    self.chance.randbytes(self.chance.randrange(60)),
                    bytes(12),
                    b"\xff" * 12,
                    b"\0\0\0\1\0\0\0\1a\0\0\0\1b\0\0\0\0",
                    b"\0\0\0\5\0\0\0\0\0\0\x41\xed",
                )
            )
        self.channel.write(len(answer).to_bytes(4, "big") + answer)


async def test_a_file_service_that_babbles_is_the_servers_fault_and_never_ours(secret: Path) -> None:
    class Elsewhere(Door):
        def session_requested(self) -> Any:
            return Babbling()

    seen = set()
    for _ in range(40):
        async with ssh_server(Elsewhere(), encoding=None) as (port, _door):
            result = await climb(probe(port, secret, canary="c", timeout="2s"))
        assert result.cause is not None
        seen.add(result.cause)
    assert ssh_causes.SFTP_GARBAGE in seen
    assert causes.PROBE_DEFECT not in seen


async def test_a_folder_that_is_not_there_or_is_none_has_its_cause(secret: Path, folder: Path) -> None:
    (folder / "file").write_text("x")
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        missing = await climb(probe(port, secret, directory="/in"))
        none = await climb(probe(port, secret, directory="/file"))
    assert_fell(missing, folder_causes.LIST, folder_causes.DIRECTORY_MISSING)
    assert_fell(none, folder_causes.LIST, folder_causes.NOT_A_DIRECTORY)


def raising(method: str, error: Exception) -> type[asyncssh.SFTPServer]:
    def fail(*_: Any) -> Any:
        raise error

    return type("Failing", (asyncssh.SFTPServer,), {method: fail})


class Quota(asyncssh.SFTPError):
    """A later version's code, which servers send to anybody."""

    def encode(self, version: int) -> bytes:
        return self.code.to_bytes(4, "big") + bytes(8)


@pytest.mark.parametrize(
    ("fault", "stage", "cause"),
    [
        (raising("stat", asyncssh.SFTPPermissionDenied("no")), folder_causes.LIST, folder_causes.LIST_DENIED),
        (raising("stat", asyncssh.SFTPFailure("ouch")), folder_causes.LIST, ssh_causes.SFTP_FAILURE),
        (raising("write", asyncssh.SFTPPermissionDenied("no")), ssh_causes.CANARY, folder_causes.WRITE_DENIED),
        (raising("write", asyncssh.SFTPFailure("ouch")), ssh_causes.CANARY, folder_causes.WRITE_FAILED),
        (raising("write", asyncssh.SFTPFailure("disk full")), ssh_causes.CANARY, folder_causes.DISK_FULL),
        (raising("write", Quota(15, "no")), ssh_causes.CANARY, folder_causes.DISK_FULL),
    ],
    ids=itertools.count(),
)
async def test_a_server_that_fails_at_something_has_its_cause(
    secret: Path, folder: Path, fault: type[asyncssh.SFTPServer], stage: Stage, cause: Cause
) -> None:
    async with ssh_server(sftp=folder_server(folder, fault)) as (port, _):
        assert_fell(await climb(probe(port, secret, canary="c")), stage, cause)
    assert list(folder.iterdir()) == []


class Full(asyncssh.SFTPServer):
    """Says no more than "Failure", as OpenSSH does, and tells its room when asked."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        raise asyncssh.SFTPFailure("Failure")

    def statvfs(self, path: bytes) -> Any:
        return asyncssh.SFTPVFSAttrs(bsize=4096, frsize=4096, blocks=10, bavail=0, files=10, favail=5)


class Hanging(asyncssh.SFTPServer):
    def stat(self, path: bytes) -> Any:
        return for_ever()


class HangingAtOpen(asyncssh.SFTPServer):
    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        return for_ever()


class Truncating(asyncssh.SFTPServer):
    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        super().write(file_obj, offset, data[:20])
        return len(data)


class Taking(asyncssh.SFTPServer):
    """A consumer that takes each file as soon as it is closed."""

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        self.path = path
        return super().open(path, pflags, attrs)

    def close(self, file_obj: Any) -> None:
        super().close(file_obj)
        super().remove(self.path)


class LetterBox(asyncssh.SFTPServer):
    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if pflags & asyncssh.FXF_READ:
            raise asyncssh.SFTPPermissionDenied("no reading")
        return super().open(path, pflags, attrs)


class Keeping(asyncssh.SFTPServer):
    def remove(self, path: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no removing")


class Cutting(asyncssh.SFTPServer):
    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        self.connection.abort()
        return 0

    @property
    def connection(self) -> asyncssh.SSHServerConnection:
        return self.channel.get_connection()  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("fault", "stage", "cause"),
    [
        (Full, ssh_causes.CANARY, folder_causes.DISK_FULL),
        (Truncating, ssh_causes.CANARY, folder_causes.CANARY_DIFFERS),
        (Taking, ssh_causes.CANARY, folder_causes.CANARY_TAKEN),
        (Cutting, ssh_causes.CANARY, causes.CLOSED_EARLY),
        (Hanging, folder_causes.LIST, causes.TIMEOUT),
        (HangingAtOpen, ssh_causes.CANARY, causes.TIMEOUT),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_canary_that_does_not_come_back_says_why(
    secret: Path, folder: Path, fault: type[asyncssh.SFTPServer], stage: Stage, cause: Cause
) -> None:
    async with ssh_server(sftp=folder_server(folder, fault)) as (port, _):
        assert_fell(await climb(probe(port, secret, canary="c", timeout="800ms")), stage, cause)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [(LetterBox, folder_causes.READ_DENIED), (Keeping, folder_causes.CANARY_STAYS)],
    ids=["letter box", "keeps"],
)
async def test_a_folder_that_takes_a_canary_and_does_less_than_all_is_not_whole(
    secret: Path, folder: Path, fault: type[asyncssh.SFTPServer], cause: Cause
) -> None:
    async with ssh_server(sftp=folder_server(folder, fault)) as (port, _):
        result = await climb(probe(port, secret, canary="c"))
    assert (result.outcome, result.whole, result.cause) == (Outcome.OK, False, cause), result


# The canary's name --------------------------------------------------------------------------------------------------


async def test_a_file_that_is_not_ours_is_never_touched(secret: Path, folder: Path) -> None:
    (folder / "retabli-c").write_text("somebody else's")
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        result = await climb(probe(port, secret, canary="c"))
    assert_fell(result, ssh_causes.CANARY, folder_causes.CANARY_FOREIGN)
    assert (folder / "retabli-c").read_text() == "somebody else's"


@pytest.mark.parametrize(
    "left", [MARK + b"written 1000000000 old\n", MARK[:30], b""], ids=["whole", "cut off", "empty"]
)
async def test_a_leftover_of_an_interrupted_run_is_cleaned(secret: Path, folder: Path, left: bytes) -> None:
    (folder / "retabli-c").write_bytes(left)
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        result = await climb(probe(port, secret, canary="c"))
    assert result.outcome is Outcome.OK, result
    assert "interrupted" in result.properties["leftover"]
    assert list(folder.iterdir()) == []


async def test_a_canary_that_may_not_be_removed_is_written_over_by_the_next_run(secret: Path, folder: Path) -> None:
    (folder / "retabli-c").write_bytes(MARK + b"written 1000000000 old\n")
    async with ssh_server(sftp=folder_server(folder, Keeping)) as (port, _):
        result = await climb(probe(port, secret, canary="c"))
    assert (result.outcome, result.cause) == (Outcome.OK, folder_causes.CANARY_STAYS)
    assert b"old" not in (folder / "retabli-c").read_bytes()


async def test_another_run_that_is_under_way_is_left_alone(secret: Path, folder: Path) -> None:
    held = MARK + f"written {time.time():.0f} other\n".encode()
    (folder / "retabli-c").write_bytes(held)
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        result = await climb(probe(port, secret, canary="c"))
    assert_fell(result, ssh_causes.CANARY, folder_causes.CANARY_BUSY)
    assert (folder / "retabli-c").read_bytes() == held


async def test_a_run_that_another_one_overtakes_says_so(secret: Path, folder: Path) -> None:
    class Overtaken(asyncssh.SFTPServer):
        def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
            if pflags & asyncssh.FXF_EXCL:
                (folder / "retabli-c").write_bytes(MARK)
                raise asyncssh.SFTPFailure("Failure")
            return super().open(path, pflags, attrs)

    async with ssh_server(sftp=folder_server(folder, Overtaken)) as (port, _):
        assert_fell(await climb(probe(port, secret, canary="c")), ssh_causes.CANARY, folder_causes.CANARY_BUSY)


async def test_a_file_that_may_not_be_read_is_never_written_over(secret: Path, folder: Path) -> None:
    (folder / "retabli-c").write_text("somebody else's")
    async with ssh_server(sftp=folder_server(folder, LetterBox)) as (port, _):
        result = await climb(probe(port, secret, canary="c"))
    assert_fell(result, ssh_causes.CANARY, folder_causes.CANARY_FOREIGN)
    assert (folder / "retabli-c").read_text() == "somebody else's"


async def test_a_folder_of_our_name_is_left_alone(secret: Path, folder: Path) -> None:
    (folder / "retabli-c").mkdir()
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        result = await climb(probe(port, secret, canary="c"))
    assert_fell(result, ssh_causes.CANARY, folder_causes.CANARY_FOREIGN)
    assert (folder / "retabli-c").is_dir()


async def test_a_canary_that_another_run_wrote_over_is_no_fault_of_the_server(secret: Path, folder: Path) -> None:
    class WrittenOver(asyncssh.SFTPServer):
        def close(self, file_obj: Any) -> None:
            super().close(file_obj)
            (folder / "retabli-c").write_bytes(MARK + b"written 1700000000 other\n")

    async with ssh_server(sftp=folder_server(folder, WrittenOver)) as (port, _):
        assert_fell(await climb(probe(port, secret, canary="c")), ssh_causes.CANARY, folder_causes.CANARY_BUSY)


async def test_a_server_that_goes_on_showing_the_leftover_gives_back_another(secret: Path, folder: Path) -> None:
    left = MARK + b"written 1000000000 old\n"
    (folder / "retabli-c").write_bytes(left)

    class Stale(asyncssh.SFTPServer):
        def close(self, file_obj: Any) -> None:
            super().close(file_obj)
            (folder / "retabli-c").write_bytes(left)

    async with ssh_server(sftp=folder_server(folder, Stale)) as (port, _):
        assert_fell(await climb(probe(port, secret, canary="c")), ssh_causes.CANARY, folder_causes.CANARY_DIFFERS)


async def test_runs_that_meet_at_one_canary_never_fail_each_other(secret: Path, folder: Path) -> None:
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        results = await asyncio.gather(*(climb(probe(port, secret, canary="c")) for _ in range(8)))
    assert any(result.outcome is Outcome.OK for result in results)
    assert {result.cause for result in results} <= {None, folder_causes.CANARY_BUSY, folder_causes.CANARY_TAKEN}
    assert list(folder.iterdir()) == []
