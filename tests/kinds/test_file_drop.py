"""The kind `file_drop`: real folders with files of every age, here and on an SFTP server."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from blockbuster import blockbuster_ctx

from probes.file_drop import FileDrop
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.result import Outcome, Result
from retabli.net.folders import folder_causes, local_folder
from retabli.net.folders.listing import MOST, Listing
from retabli.net.folders.local_folder import Looks, looks
from retabli.net.ssh import ssh_causes
from tests.climbing import climb, run, settings
from tests.faults.short_of_files import in_a_child, shortage
from tests.net.ssh_servers import PASSWORD, folder_server, host_key, line_of, ssh_server
from tests.said import assert_fell

HOUR = 3600.0
PATIENT = "DUPONT_SYNTHETIQUE_19500101.hl7"  # what a file's name may hold, and nobody may ever see


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


def drop(folder: Path, name: str = PATIENT, *, age: float = 0.0, text: str = "x") -> Path:
    path = folder / name
    path.write_text(text)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def still_for(folder: Path, age: float) -> None:
    """Nothing came or went for so many seconds."""
    os.utime(folder, (time.time() - age, time.time() - age))


async def looked(folder: Path, memory: dict[str, Any] | None = None, **keys: Any) -> Result:
    result = await climb(settings(FileDrop, directory=str(folder), **keys), memory=memory)
    assert "DUPONT" not in repr(result), "a file's name is told"
    assert "DUPONT" not in repr(memory), "a file's name is kept"
    return result


def impaired(result: Result, cause: Cause) -> None:
    assert (result.outcome, result.whole, result.cause) == (Outcome.OK, False, cause), result


ALL: dict[str, Any] = {"max_age": "1h", "max_waiting": "2h", "error_directory": "error", "max_partial": "10m"}


async def test_a_folder_that_lives_is_ok_to_the_top(folder: Path) -> None:
    drop(folder, age=60)
    (folder / "error").mkdir()
    result = await looked(folder, **ALL)
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 6, 6), result
    assert [rung.stage.id for rung in result.rungs] == ["reached", "list", "fresh", "consumed", "errors", "partial"]
    assert result.properties["newest_age"] == "1m"
    assert (result.properties["files"], result.properties["errors"]) == ("1", "0")


# The folder ---------------------------------------------------------------------------------------------------------


async def test_a_folder_that_is_not_there_or_is_none_or_loops_has_its_cause(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    assert_fell(await looked(folder / "nowhere"), folder_causes.REACHED, folder_causes.DIRECTORY_MISSING)
    assert_fell(await looked(drop(folder, "file")), folder_causes.REACHED, folder_causes.NOT_A_DIRECTORY)
    assert_fell(await looked(folder / "loop"), folder_causes.REACHED, folder_causes.FOLDER_BROKEN)


async def test_a_missing_error_folder_falls_on_its_own_rung(folder: Path) -> None:
    assert_fell(await looked(folder, error_directory="error"), folder_causes.ERRORS, folder_causes.DIRECTORY_MISSING)


# Fresh --------------------------------------------------------------------------------------------------------------


async def test_a_newest_file_that_is_too_old_fails(folder: Path) -> None:
    drop(folder, "a", age=3 * HOUR)
    drop(folder, "b", age=2 * HOUR)
    result = await looked(folder, max_age="1h")
    assert_fell(result, folder_causes.FRESH, folder_causes.NO_ARRIVALS)
    assert result.detail == "the newest arrived 2h ago"


async def test_times_in_which_silence_is_normal_do_not_count(folder: Path) -> None:
    drop(folder, age=30 * HOUR)
    today = time.strftime("%a", time.gmtime()).lower()
    yesterday = time.strftime("%a", time.gmtime(time.time() - 24 * HOUR)).lower()
    assert (await looked(folder, max_age="8h", profile=[today, yesterday])).outcome is Outcome.OK
    assert_fell(await looked(folder, max_age="8h"), folder_causes.FRESH, folder_causes.NO_ARRIVALS)


async def test_only_files_whose_names_fit_and_that_have_a_content_are_arrivals(folder: Path) -> None:
    drop(folder, "old.hl7", age=2 * HOUR)
    drop(folder, "new.txt")
    drop(folder, "new.hl7.tmp")
    drop(folder, ".new.hl7")
    drop(folder, "empty.hl7", text="")
    (folder / "folder.hl7").mkdir()
    (folder / "link.hl7").symlink_to("new.txt")
    result = await looked(folder, max_age="1h", pattern="*.hl7")
    assert_fell(result, folder_causes.FRESH, folder_causes.NO_ARRIVALS)
    assert result.properties["files"] == "1"
    assert (await looked(folder, max_age="1h", pattern=["*.hl7", "*.txt"])).outcome is Outcome.OK
    assert (await looked(folder, max_age="1h", pattern="*.hl7", empty_counts=True)).outcome is Outcome.OK


async def test_empty_files_that_do_not_count_are_told_of(folder: Path) -> None:
    drop(folder, age=2 * HOUR, text="")
    result = await looked(folder, max_age="1h")
    assert_fell(result, folder_causes.FRESH, folder_causes.ARRIVALS_UNSEEN)
    assert result.detail == "none was ever seen here; 1 file without content not counted (`empty_counts`)"


async def test_a_canary_of_ours_is_no_arrival(folder: Path) -> None:
    drop(folder, age=2 * HOUR)
    drop(folder, "Retabli-canary.txt")
    assert_fell(await looked(folder, max_age="1h"), folder_causes.FRESH, folder_causes.NO_ARRIVALS)


async def test_a_consumer_that_is_faster_than_we_are_is_remembered_to_have_had_files(folder: Path) -> None:
    memory: dict[str, Any] = {}
    path = drop(folder, age=60)
    assert (await looked(folder, memory, max_age="1h")).outcome is Outcome.OK
    path.unlink()
    assert (await looked(folder, memory, max_age="1h")).outcome is Outcome.OK
    assert_fell(await looked(folder, memory, max_age="30s"), folder_causes.FRESH, folder_causes.ARRIVALS_UNSEEN)
    still_for(folder, 2 * HOUR)
    result = await looked(folder, memory, max_age="30s")
    assert_fell(result, folder_causes.FRESH, folder_causes.NO_ARRIVALS)
    assert result.detail == "the newest arrived 1m ago"


async def test_an_empty_folder_in_which_something_moves_says_nothing(folder: Path) -> None:
    result = await looked(folder, max_age="1h")
    assert_fell(result, folder_causes.FRESH, folder_causes.ARRIVALS_UNSEEN)
    assert result.detail == "none was ever seen here"


async def test_an_empty_folder_in_which_nothing_moves_proves_that_nothing_arrives(folder: Path) -> None:
    still_for(folder, 2 * HOUR)
    result = await looked(folder, max_age="1h")
    assert_fell(result, folder_causes.FRESH, folder_causes.NO_ARRIVALS)


async def test_transfers_that_break_off_while_nothing_arrives_prove_that_nothing_does(folder: Path) -> None:
    drop(folder, "a.part", age=1200)
    assert_fell(await looked(folder, max_age="1h"), folder_causes.FRESH, folder_causes.ARRIVALS_UNSEEN)
    result = await looked(folder, max_age="1h", max_partial="10m")
    assert_fell(result, folder_causes.FRESH, folder_causes.NO_ARRIVALS)
    assert result.detail == "none was ever seen here; 1 file broke off since"
    assert_fell(
        await looked(folder, max_age="15m", max_partial="10m"), folder_causes.FRESH, folder_causes.ARRIVALS_UNSEEN
    )


async def test_old_files_that_stay_prove_that_new_ones_would_be_seen(folder: Path) -> None:
    drop(folder, age=2 * HOUR)  # the folder itself has changed just now
    assert_fell(await looked(folder, max_age="1h"), folder_causes.FRESH, folder_causes.NO_ARRIVALS)


async def test_another_folders_memory_is_not_believed(folder: Path, tmp_path: Path) -> None:
    memory: dict[str, Any] = {}
    drop(folder)
    await looked(folder, memory, max_age="1h")
    (tmp_path / "other").mkdir()
    still_for(tmp_path / "other", 2 * HOUR)
    assert_fell(await looked(tmp_path / "other", memory, max_age="1h"), folder_causes.FRESH, folder_causes.NO_ARRIVALS)


@pytest.mark.parametrize("damaged", [{"folder": "x"}, {"folder": {"of": 1}}, {"folder": None}], ids=str)
async def test_a_damaged_memory_is_no_memory(folder: Path, damaged: dict[str, Any]) -> None:
    drop(folder)
    assert (await looked(folder, damaged, max_age="1h")).outcome is Outcome.OK


async def test_files_from_the_future_are_no_fresh_arrivals(folder: Path) -> None:
    memory: dict[str, Any] = {}
    drop(folder, age=-2 * HOUR)
    result = await looked(folder, memory, max_age="1h")
    assert_fell(result, folder_causes.FRESH, folder_causes.FROM_THE_FUTURE)
    assert result.detail == "1 file, up to 2h ahead of our clock"
    drop(folder, "b", age=60)
    impaired(await looked(folder, memory, max_age="1h"), folder_causes.SOME_FROM_THE_FUTURE)


async def test_a_clock_that_is_a_moment_ahead_is_no_future(folder: Path) -> None:
    drop(folder, age=-20)
    result = await looked(folder, max_age="1h")
    assert (result.outcome, result.whole) == (Outcome.OK, True)


# Consumed, errors, partial ------------------------------------------------------------------------------------------


async def test_files_that_wait_too_long_fail(folder: Path) -> None:
    drop(folder, "a", age=5 * HOUR)
    drop(folder, "b", age=3 * HOUR)
    drop(folder, "c", age=60)
    result = await looked(folder, max_waiting="2h")
    assert_fell(result, folder_causes.CONSUMED, folder_causes.NOT_CONSUMED)
    assert result.detail == "2 of 3 files, the oldest for 5h"


async def test_a_new_error_is_told_and_too_many_of_them_fail(folder: Path) -> None:
    memory: dict[str, Any] = {}
    errors = folder / "error"
    errors.mkdir()
    drop(errors, age=48 * HOUR)
    keys = {"error_directory": "error", "max_errors": 2}
    assert (await looked(folder, memory, **keys)).whole
    drop(errors, "moved.hl7", age=30 * HOUR)  # a file that is moved keeps its time
    impaired(await looked(folder, memory, **keys), folder_causes.ERRORS_ARRIVE)
    impaired(await looked(folder, memory, **keys), folder_causes.ERRORS_ARRIVE)
    assert (await looked(folder, memory, error_window="0s", **keys)).whole
    drop(errors, "third.hl7", age=30 * HOUR)
    assert_fell(await looked(folder, memory, **keys), folder_causes.ERRORS, folder_causes.TOO_MANY_ERRORS)
    for path in errors.iterdir():
        path.unlink()
    assert (await looked(folder, memory, **keys)).whole


async def test_an_error_that_came_before_our_first_look_is_told_by_its_age(folder: Path) -> None:
    (folder / "error").mkdir()
    drop(folder / "error", age=60)
    impaired(await looked(folder, error_directory="error"), folder_causes.ERRORS_ARRIVE)


@pytest.mark.parametrize(("name", "text"), [("a.hl7.part", "x"), (".a.hl7.Xa31", "x"), ("a.hl7", "")])
async def test_a_transfer_that_broke_off_is_told(folder: Path, name: str, text: str) -> None:
    drop(folder, name, age=HOUR, text=text)
    result = await looked(folder, max_partial="10m")
    impaired(result, folder_causes.PARTIAL_LINGERS)
    assert result.detail == "1 file, the oldest for 1h"
    assert (await looked(folder, max_partial="2h")).whole


# Large folders, hanging folders -------------------------------------------------------------------------------------


async def test_a_folder_beyond_all_bounds_is_judged_as_far_as_it_can_be(folder: Path) -> None:
    for number in range(20):
        drop(folder, f"{number}", age=2 * HOUR)
    few: dict[str, Any] = {"most_files": 10}
    assert_fell(await looked(folder, max_age="1h", **few), folder_causes.FRESH, folder_causes.FOLDER_TOO_LARGE)
    assert_fell(await looked(folder, max_waiting="3h", **few), folder_causes.CONSUMED, folder_causes.FOLDER_TOO_LARGE)
    assert_fell(await looked(folder, max_waiting="1h", **few), folder_causes.CONSUMED, folder_causes.NOT_CONSUMED)
    assert (await looked(folder, max_age="3h", **few)).outcome is Outcome.OK


async def test_many_folders_are_looked_at_without_blocking_the_loop(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).mkdir()
        drop(tmp_path / str(number))
    probes = [settings(FileDrop, directory=str(tmp_path / str(number % 10)), max_age="1h") for number in range(30)]

    async def later(number: int) -> Result:
        await asyncio.sleep(number / 10_000)  # so that those of one folder meet at different rungs
        return await climb(probes[number])

    with blockbuster_ctx():
        results = await asyncio.gather(*(later(number) for number in range(30)))
    assert {result.outcome for result in results} == {Outcome.OK}


class Hanging:
    """A call that does not return until it is let go; what a dead file server does to whoever looks."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.calls = 0

    def __call__(self, _stop: Any) -> Listing:
        self.calls += 1
        self.let_go.wait(20)
        return Listing((), None)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    call = Hanging()
    yield call
    call.let_go.set()


async def test_a_folder_that_we_could_not_open_for_want_of_a_file_is_not_broken(folder: Path) -> None:
    probe = settings(FileDrop, directory=str(folder))

    async def work() -> list[str]:
        with shortage(0):
            result = await run(probe)
        return [result.outcome.value, str(result.cause), result.detail]

    assert await in_a_child(work) == ["unknown", "local_resources", "Too many open files"]


async def test_a_look_that_hangs_holds_one_thread_and_the_next_ones_say_so_at_once(hanging: Hanging) -> None:
    looks = Looks()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await looks.look("/mnt", hanging)
    for _ in range(3):
        with pytest.raises(Fall, match="folder_hangs: a look 0 s ago has not come back yet"):
            await looks.look("/mnt", hanging)
    assert hanging.calls == 1
    assert await looks.look("/other", lambda _: 1) == 1
    hanging.let_go.set()
    await _until_free(looks, "/mnt")


async def test_two_who_look_at_the_same_time_share_one_look(hanging: Hanging) -> None:
    looks = Looks()
    both = [asyncio.create_task(looks.look("/mnt", hanging)) for _ in range(2)]
    await asyncio.sleep(0)
    both[0].cancel()
    await asyncio.sleep(0)
    hanging.let_go.set()
    assert await both[1] == Listing((), None)
    assert hanging.calls == 1


async def test_a_folder_is_reached_while_somebody_else_lists_it(folder: Path, hanging: Hanging) -> None:
    listing = asyncio.create_task(looks().look(("list", str(folder), MOST), hanging))
    await asyncio.sleep(0)
    await local_folder.reach(str(folder), 5)
    hanging.let_go.set()
    await listing


async def test_when_many_folders_hang_no_more_threads_are_made() -> None:
    looks = Looks(most=3)
    calls = [Hanging() for _ in range(4)]
    waiting = [asyncio.create_task(looks.look(f"/mnt/{number}", call)) for number, call in enumerate(calls)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    fall = done.pop().exception()
    assert isinstance(fall, Fall)
    assert fall.cause is causes.LOCAL_RESOURCES
    for call in calls:
        call.let_go.set()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_job_that_is_given_up_is_told_to_stop() -> None:
    looks = Looks()
    stopped = threading.Event()

    def scan(stop: Any) -> None:
        while not stop():
            time.sleep(0.001)
        stopped.set()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await looks.look("/mnt", scan)
    assert await asyncio.to_thread(stopped.wait, 5)
    await _until_free(looks, "/mnt")


async def _until_free(looks: Looks, name: str) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                assert await looks.look(name, lambda _: 1) == 1
                return
            except Fall:
                await asyncio.sleep(0.005)


async def test_a_file_that_vanishes_while_we_look_is_no_fault(folder: Path) -> None:
    memory: dict[str, Any] = {}
    gone = threading.Event()

    def churn() -> None:
        while not gone.is_set():
            for number in range(200):
                drop(folder, f"{number}")
            for path in folder.iterdir():
                path.unlink(missing_ok=True)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(20):
            assert (await looked(folder, memory, max_age="1h")).outcome in (Outcome.OK, Outcome.UNKNOWN)
    finally:
        gone.set()
        thread.join()


# By SFTP ------------------------------------------------------------------------------------------------------------


def account(port: int, tmp_path: Path, **keys: Any) -> dict[str, Any]:
    (tmp_path / "password").write_text(PASSWORD)
    given = {"host": "127.0.0.1", "port": port, "user": "probe", "host_key": line_of(host_key())}
    return given | {"password": {"file": str(tmp_path / "password")}, "directory": "/"} | keys


async def remote(port: int, tmp_path: Path, place: dict[str, Any] | None = None, **keys: Any) -> Result:
    probe = settings(FileDrop, sftp=account(port, tmp_path, **(place or {})), **keys)
    result = await climb(probe)
    assert "DUPONT" not in repr(result)
    return result


async def test_a_folder_on_a_server_is_judged_as_one_that_is_here(folder: Path, tmp_path: Path) -> None:
    (folder / "error").mkdir()
    drop(folder, age=60)
    drop(folder, "a.tmp", age=HOUR)
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        result = await remote(port, tmp_path, **ALL)
        impaired(result, folder_causes.PARTIAL_LINGERS)
        assert [rung.stage.id for rung in result.rungs] == [
            "resolve",
            "connect",
            "banner",
            "key_exchange",
            "host_key",
            "auth",
            "list",
            "fresh",
            "consumed",
            "errors",
            "partial",
        ]
        assert_fell(await remote(port, tmp_path, max_age="10s"), folder_causes.FRESH, folder_causes.NO_ARRIVALS)
        assert_fell(await remote(port, tmp_path, max_waiting="10s"), folder_causes.CONSUMED, folder_causes.NOT_CONSUMED)
        assert_fell(
            await remote(port, tmp_path, error_directory="wrong"),
            folder_causes.ERRORS,
            folder_causes.DIRECTORY_MISSING,
        )


async def test_an_empty_folder_on_a_server_is_judged_by_its_own_time(folder: Path, tmp_path: Path) -> None:
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        assert_fell(await remote(port, tmp_path, max_age="1h"), folder_causes.FRESH, folder_causes.ARRIVALS_UNSEEN)
        still_for(folder, 2 * HOUR)
        assert_fell(await remote(port, tmp_path, max_age="1h"), folder_causes.FRESH, folder_causes.NO_ARRIVALS)


class Timeless(asyncssh.SFTPServer):
    """Tells no times."""

    async def scandir(self, path: bytes) -> Any:
        yield asyncssh.SFTPName(b"a", b"", asyncssh.SFTPAttrs(size=3, permissions=0o100644))
        yield asyncssh.SFTPName(b"b", b"", asyncssh.SFTPAttrs(size=3))


class Denying(asyncssh.SFTPServer):
    def scandir(self, path: bytes) -> Any:
        raise asyncssh.SFTPPermissionDenied("no")


class Endless(asyncssh.SFTPServer):
    async def scandir(self, path: bytes) -> Any:
        number = 0
        while True:
            number += 1
            yield asyncssh.SFTPName(
                b"%d" % number, b"", asyncssh.SFTPAttrs(size=3, permissions=0o100644, atime=1, mtime=1)
            )


async def test_a_server_that_tells_no_times_cannot_be_judged(folder: Path, tmp_path: Path) -> None:
    async with ssh_server(sftp=folder_server(folder, Timeless)) as (port, _):
        assert_fell(await remote(port, tmp_path, max_age="1h"), folder_causes.FRESH, folder_causes.TIMES_MISSING)
        assert_fell(await remote(port, tmp_path, max_waiting="1h"), folder_causes.CONSUMED, folder_causes.TIMES_MISSING)


async def test_a_server_that_does_not_let_us_list_says_so(folder: Path, tmp_path: Path) -> None:
    async with ssh_server(sftp=folder_server(folder, Denying)) as (port, _):
        assert_fell(await remote(port, tmp_path, max_age="1h"), folder_causes.LIST, folder_causes.LIST_DENIED)


async def test_a_server_that_lists_for_ever_is_cut_off(folder: Path, tmp_path: Path) -> None:
    async with ssh_server(sftp=folder_server(folder, Endless)) as (port, _):
        result = await remote(port, tmp_path, max_age="1h", most_files=5000)
    assert_fell(result, folder_causes.FRESH, folder_causes.FOLDER_TOO_LARGE)


async def test_an_account_that_is_refused_falls_where_it_does_for_sftp(folder: Path, tmp_path: Path) -> None:
    async with ssh_server(sftp=folder_server(folder)) as (port, _):
        result = await remote(port, tmp_path, {"user": "somebody"})
        assert_fell(result, stages.AUTH, causes.AUTH_REFUSED)
        other = line_of(asyncssh.generate_private_key("ssh-ed25519"))
        result = await remote(port, tmp_path, {"host_key": other})
        assert_fell(result, ssh_causes.HOST_KEY, ssh_causes.HOST_KEY_CHANGED)


# Settings -----------------------------------------------------------------------------------------------------------


def test_one_place_is_wanted_and_one_only(tmp_path: Path) -> None:
    assert any("directory and sftp" in fault for fault in settings(FileDrop).faults())
    both = settings(FileDrop, directory="/in", sftp=account(22, tmp_path))
    assert any("directory and sftp" in fault for fault in both.faults())
    assert list(settings(FileDrop, sftp=account(22, tmp_path)).openings()) == [("127.0.0.1", 22, "tcp")]
    assert list(settings(FileDrop, directory="/in").openings()) == []


def test_settings_that_lack_their_other_half_are_faults(tmp_path: Path) -> None:
    assert any("max_age" in fault for fault in settings(FileDrop, directory="/in", profile=["sun"]).faults())
    assert any("error_directory" in fault for fault in settings(FileDrop, directory="/in", max_errors=1).faults())
    two = settings(FileDrop, sftp=account(22, tmp_path, key={"env": "X"}))
    assert any("one of password and key" in fault for fault in two.faults())


def test_a_probe_that_asks_nothing_is_a_warning() -> None:
    assert any("nothing is asked" in warning for warning in settings(FileDrop, directory="/in").warnings())
    assert not list(settings(FileDrop, directory="/in", max_age="1h").warnings())
