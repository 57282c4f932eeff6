"""Threads of our own: a file that hangs holds one of them, and waiting for one is no silence of a partner's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
import trustme

from probes.dicom import STORE
from probes.exec import ENDED, Exec
from probes.http import Http
from probes.tls import TlsService
from probes.web import Web
from retabli.model import causes, stages
from retabli.model.ladder import OWN_WORK, Ladder
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.model.stages import Stage
from retabli.net import connection
from retabli.net.mssante import documents
from retabli.net.own_threads import in_thread
from retabli.scheduler.runner import run_once
from tests.climbing import climb, settings
from tests.faults.hung_disk import hung_file, on_disk
from tests.kinds.dicom_climbs import partner
from tests.mssante_world import space
from tests.net.peers import closed_port, revocation_list, serving, silent
from tests.net.sftp_climbs import probe as sftp
from tests.net.web_servers import page, site

RUNS = 12  # more than the loop's default pool has threads on a small machine


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Path]:
    with hung_file(tmp_path) as path:
        yield path


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.01)


async def climbed_often(probe: Probe) -> list[Result]:
    """Every run of it; at its end, one thread hangs and the loop's own pool has lost none."""
    results = [await climb(probe, deadline=0.2) for _ in range(RUNS)]
    await until(lambda: on_disk() == 1)
    async with asyncio.timeout(2):
        await asyncio.to_thread(int)
    return results


async def test_a_secret_on_a_hung_disk_holds_one_thread_and_is_unknown(hung: Path) -> None:
    results = await climbed_often(sftp(9, hung))
    assert {(result.stage, result.outcome) for result in results} == {(stages.AUTH, Outcome.UNKNOWN)}
    assert {result.cause for result in results[1:]} == {causes.SECRET_UNREADABLE}
    assert "its disk hangs" in results[-1].detail


async def test_a_white_list_on_a_hung_disk_holds_one_thread(
    tmp_path: Path, hung: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_read", lambda *_: hung.read_bytes())  # a pipe itself is no list
    results = await climbed_often(space(tmp_path).probe(9, timeout="250ms"))
    codes = [result.cause and result.cause.code for result in results]
    assert codes == ["local_stall"] + ["white_list_unreachable"] * (RUNS - 1)


async def test_a_partner_s_revocation_list_on_a_hung_disk_holds_one_thread(
    tmp_path: Path, hung: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, read = space(tmp_path), documents._read
    crl = Path(world.write_crl())
    monkeypatch.setattr(documents, "_read", lambda path, most: hung.read_bytes() if path == crl else read(path, most))
    results = await climbed_often(world.probe(closed_port(), crl=str(crl), timeout="250ms"))
    assert [result.cause and result.cause.code for result in results] == ["local_stall"] + ["refused"] * (RUNS - 1)


async def test_our_own_certificate_on_a_hung_disk_holds_one_thread(tmp_path: Path, hung: Path) -> None:
    world = space(tmp_path)
    results = await climbed_often(world.probe(9, tls=world.tls() | {"client_cert": str(hung)}))
    assert {result.outcome for result in results} == {Outcome.UNKNOWN}
    assert {result.cause for result in results[1:]} == {causes.FILE_UNREADABLE}


# Without a free thread ----------------------------------------------------------------------------------------------

LARGE_PAGE = page("bonjour " + "x" * 70_000)


@pytest.fixture
async def no_thread_free() -> AsyncIterator[None]:
    """Every thread of the loop's own pool is held, until the test is over."""
    released = threading.Event()
    loop = asyncio.get_running_loop()
    held = [loop.run_in_executor(None, released.wait) for _ in range(RUNS * 4)]
    yield
    released.set()
    await asyncio.gather(*held)


async def stalled(probe: Probe, stage: Stage) -> None:
    """One run by the real runner: it is our own stall, in time, and on that rung."""
    async with asyncio.timeout(probe.deadline + 0.5):
        result = await run_once(probe)
    assert (result.outcome, result.cause, result.stage) == (Outcome.UNKNOWN, causes.LOCAL_STALL, stage), result
    assert result.detail == OWN_WORK


@pytest.mark.usefixtures("no_thread_free")
async def test_a_large_page_that_came_and_could_not_be_looked_at_is_our_own_stall() -> None:
    async with site(LARGE_PAGE) as running:
        probe = settings(Http, url=running.url(), expect={"text": "bonjour"}, timeout="500ms")
        await stalled(probe, stages.CONTENT)


@pytest.mark.usefixtures("no_thread_free")
async def test_telephone_numbers_that_could_not_be_looked_for_are_our_own_stall() -> None:
    async with site(page("01 99 00 12 34")) as running:
        probe = settings(Web, targets=[running.url()], expect={"min_phone_numbers": 1}, timeout="500ms")
        await stalled(probe, stages.CONTENT)


@pytest.mark.usefixtures("no_thread_free")
async def test_a_program_that_was_never_started_is_our_own_stall() -> None:
    await stalled(settings(Exec, command=["/bin/true"], timeout="100ms"), ENDED)


@pytest.mark.usefixtures("no_thread_free")
async def test_a_private_key_that_could_not_be_read_is_our_own_stall(tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "key")
    await stalled(sftp(9, key={"file": str(tmp_path / "key")}, timeout="500ms"), stages.AUTH)


@pytest.mark.usefixtures("no_thread_free")
async def test_an_image_that_could_not_be_made_is_our_own_stall() -> None:
    await stalled(partner(9, "echo", "store", timeout="500ms"), STORE)


@pytest.mark.usefixtures("no_thread_free")
async def test_what_only_reads_a_file_of_ours_needs_no_thread_of_the_pool(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("synthetic")
    assert (await climb(sftp(closed_port(), tmp_path / "password"))).cause is causes.REFUSED
    path = tmp_path / "list.crl"
    path.write_bytes(revocation_list(authority))
    async with serving(silent) as port:  # a server of threads would find none either
        tls = {"ca": str(ca_file), "crl": str(path)}
        result = await climb(settings(TlsService, host="localhost", port=port, tls=tls), deadline=1)
    assert (result.stage, result.cause) == (stages.TLS, causes.TIMEOUT), "our word was sent, and not answered"


async def test_a_revocation_list_on_a_hung_disk_holds_one_thread_and_is_unknown(
    ca_file: Path, hung: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "context_for", lambda _: hung.read_bytes())  # a pipe itself is no list
    async with serving(silent) as port:
        tls = {"ca": str(ca_file), "crl": str(hung)}
        results = await climbed_often(settings(TlsService, host="localhost", port=port, tls=tls))
    assert {(result.stage, result.outcome) for result in results} == {(stages.TLS, Outcome.UNKNOWN)}
    assert [result.cause for result in results[:2]] == [causes.LOCAL_STALL, causes.FILE_UNREADABLE]


async def test_a_partner_s_silence_is_still_one(ca_file: Path) -> None:
    async with serving(silent) as port:
        result = await run_once(
            settings(TlsService, host="localhost", port=port, tls={"ca": str(ca_file)}, timeout="300ms")
        )
    assert (result.outcome, result.cause) == (Outcome.FAILED, causes.TIMEOUT)


@pytest.mark.usefixtures("no_thread_free")
async def test_a_wait_for_a_thread_between_two_rungs_is_our_own_stall_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(_: Probe, ladder: Ladder) -> None:
        await in_thread(int)

    monkeypatch.setattr(TlsService, "run", run)
    await stalled(settings(TlsService, host="localhost", port=9, timeout="300ms"), stages.RESOLVE)
