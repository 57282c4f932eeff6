"""A daemon whose state is damaged, emptied or lost: restored from its own copy, told loudly, never a false green."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from retabli.store.generations import folder_of, generations
from tests.daemon.living import Life, life_in

TOLD = "state_restored"
COPIES = "copies: {every: 300ms}\n"


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    """One that has copies taken all the time."""
    async with life_in(tmp_path) as life:
        life.write(more=COPIES)
        yield life


def state_of(life: Life) -> Path:
    return life.folder / "state.db"


async def wait_for(wanted: Callable[[], object], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not wanted():
            await asyncio.sleep(0.02)  # another process: there is nothing here to await


async def copied(life: Life, *, more: int = 1) -> int:
    """Once it has taken so many more copies from now on; the last one's number."""
    folder = folder_of(state_of(life))
    wanted = newest(folder) + more
    await wait_for(lambda: newest(folder) >= wanted)
    return newest(folder)


def newest(folder: Path) -> int:
    return max((each.number for each in generations(folder)), default=0)


async def no_more_copies(life: Life) -> None:
    """From the next start on."""
    life.write(more="copies: {every: 1h}\n")


async def page(life: Life, path: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{life.port}{path}")).text


async def ended(life: Life) -> tuple[int, str]:
    """How the process ended by itself, and what it said."""
    assert life.process is not None
    _, said = await asyncio.wait_for(life.process.communicate(), 30)
    code, life.process = life.process.returncode or 0, None
    return code, said.decode()


async def try_to_start(life: Life) -> tuple[int, str]:
    code, _, said = await life.command("run", "--config", str(life.config))
    return code, said


def emptied(state: Path) -> None:
    state.write_bytes(b"")


def scribbled(state: Path) -> None:
    whole = state.read_bytes()
    state.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))


def deleted(state: Path) -> None:
    for each in state.parent.glob("state.db"):
        each.unlink()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("damage", [emptied, scribbled, deleted])
async def test_a_flow_that_fell_after_the_copy_is_paged_and_on_call_is_told_that_a_copy_took_the_states_place(
    life: Life, damage: Callable[[Path], None]
) -> None:
    await life.start()
    await life.until_state("restored")
    await copied(life, more=2)
    await life.end(signal.SIGTERM)
    await no_more_copies(life)
    await life.watched.stop()
    damage(state_of(life))
    shown: set[str] = set()

    def paged(flow: dict[str, Any]) -> bool:
        shown.add(str(flow["state"]))
        return flow["incident"] is not None

    await life.start()
    await life.until(paged)
    assert "restored" not in shown
    await life.hook.until(lambda: {"dropped", TOLD} <= {body["reason"] for body in life.hook.bodies})
    (told,) = [body for body in life.hook.bodies if body["reason"] == TOLD]
    assert (told["status"], told["flow"], told["criticality"]) == ("firing", None, "vital")
    assert "Pages opened since then are not known to it" in told["text"]
    assert "the copy goes up to" in told["text"]
    rows = (await life.get("/api/v1/log"))["entries"]
    row = next(row for row in rows if row["event"] == "copy")
    assert row["data"]["channels"] == ["duty"]
    assert "retabli_state_restored_timestamp_seconds" in await page(life, "/metrics")
    log = await page(life, "/log")
    assert "State damaged or lost, restored from a copy" in log
    code, out, err = await life.command("log", "verify", "--config", str(life.config))
    assert (code, err) == (0, ""), out
    await life.end(signal.SIGTERM)
    await life.start()  # told once: neither by the next start nor by its metrics
    await life.until(lambda flow: flow["state"] == "dropped")
    assert [body["reason"] for body in life.hook.bodies].count(TOLD) == 1
    assert "retabli_state_restored_timestamp_seconds" not in await page(life, "/metrics")


@pytest.mark.timeout(90)
async def test_a_page_that_was_open_in_the_copy_stays_open_and_is_never_told_as_recovered_by_the_restoring(
    life: Life,
) -> None:
    await life.start()
    await life.until_state("restored")
    await life.watched.stop()
    assert await life.hook.told(1) == ["firing"]
    await copied(life, more=2)
    await life.end(signal.SIGKILL)
    emptied(state_of(life))
    await life.start()
    flow = await life.until(lambda flow: flow["state"] == "dropped")
    assert flow["incident"] is not None
    await life.hook.until(lambda: any(body["reason"] == TOLD for body in life.hook.bodies))
    assert {body["status"] for body in life.hook.bodies} == {"firing"}
    opened = {body["incident"] for body in life.hook.bodies if body["reason"] == "dropped"}
    await life.watched.start()
    await life.hook.until(lambda: life.hook.bodies[-1]["status"] == "resolved")
    assert {life.hook.bodies[-1]["incident"]} == opened


@pytest.mark.timeout(60)
async def test_without_a_good_copy_it_does_not_start_and_says_what_to_do_in_one_line(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    await copied(life)
    await life.end(signal.SIGTERM)
    for each in generations(folder_of(state_of(life))):
        each.path.write_bytes(each.path.read_bytes()[:-1])
    emptied(state_of(life))
    code, said = await try_to_start(life)
    assert code == 2
    last = said.strip().splitlines()[-1]
    assert "state.db is damaged or lost (it is empty), and none of the" in last
    assert f"by moving {state_of(life)}* away together and starting again" in last
    assert state_of(life).read_bytes() == b""


@pytest.mark.timeout(60)
async def test_a_state_that_is_deleted_under_the_daemon_is_saved_told_and_taken_up_whole_by_the_next(
    life: Life,
) -> None:
    await no_more_copies(life)
    await life.start()
    await life.until_state("restored")
    await life.watched.stop()
    assert await life.hook.told(1) == ["firing"]
    rows = (await life.get("/api/v1/log"))["entries"]
    deleted(state_of(life))
    code, said = await ended(life)
    assert code == 1
    assert "was moved or deleted while it was in use" in said
    assert life.hook.bodies[-1]["reason"] == "state_unwritable"
    assert "all that it held was saved as" in life.hook.bodies[-1]["detail"]
    await life.start()
    flow = await life.until(lambda flow: flow["state"] == "dropped")
    assert flow["incident"] == life.hook.bodies[0]["incident"]
    again = (await life.get("/api/v1/log?limit=1000"))["entries"]
    assert again[-len(rows) :] == rows
    await life.hook.until(lambda: any(body["reason"] == TOLD for body in life.hook.bodies))


@pytest.mark.timeout(90)
async def test_damage_that_a_running_daemon_meets_ends_it_with_last_words_and_the_next_goes_on_from_a_copy(
    life: Life,
) -> None:
    await life.start()
    await life.until_state("restored")
    await copied(life, more=2)
    with state_of(life).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(state_of(life).stat().st_size - 4096))
    code, said = await ended(life)
    assert (code, "damaged" in said) == (1, True)
    assert [body["reason"] for body in life.hook.bodies] == ["state_unwritable"]
    await life.start()
    await life.until_state("restored")
    await life.hook.until(lambda: any(body["reason"] == TOLD for body in life.hook.bodies))


@pytest.mark.timeout(60)
async def test_copies_that_fail_are_said_once_and_the_daemon_goes_on(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    await life.end(signal.SIGTERM)
    shutil.rmtree(folder_of(state_of(life)), ignore_errors=True)
    folder_of(state_of(life)).write_text("no folder")
    await life.start()

    async def failed() -> float:
        lines = (await page(life, "/metrics")).splitlines()
        return float(next(each for each in lines if each.startswith("retabli_state_copies_failed")).split()[1])

    async with asyncio.timeout(20):
        while await failed() < 2:
            await asyncio.sleep(0.05)
    assert "retabli_state_copy_timestamp_seconds" not in await page(life, "/metrics")
    folder_of(state_of(life)).unlink()
    await copied(life, more=2)  # of the last one it may not have heard yet
    assert life.process is not None
    life.process.send_signal(signal.SIGTERM)
    code, said = await ended(life)
    assert code == 0
    assert said.count("no copy of the state was taken") == 1
    assert said.count("copies of the state are taken again") == 1


@pytest.mark.timeout(60)
async def test_a_daemon_that_stops_in_the_middle_of_a_copy_leaves_no_process_behind(life: Life) -> None:
    life.write(more="copies: {every: 10ms}\n")
    await life.start()
    await copied(life)
    await life.end(signal.SIGTERM)
    assert not copying(state_of(life))


def copying(state: Path) -> list[str]:
    """The processes that copy this state."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text()
        except OSError:
            continue
        if "retabli.store.copying" in line and str(state) in line:
            found.append(process.name)
    return found
