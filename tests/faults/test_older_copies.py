"""An older copy in the place of the state: nothing of it is shown as if it were now, and no page is lost."""

import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.living import Life, life_in


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with life_in(tmp_path) as life:
        yield life


async def put_in_place(life: Life, copy: Path) -> None:
    """As an operator does: the state and what lies beside it are moved aside together."""
    aside = life.folder / "aside"
    aside.mkdir()
    for part in ("state.db", "state.db-wal", "state.db-shm"):
        if (life.folder / part).exists():
            shutil.move(life.folder / part, aside / part)
    shutil.copy(copy, life.folder / "state.db")


async def copied(life: Life) -> Path:
    copy = life.folder / "copy.db"
    code, _, err = await life.command("backup", str(copy), "--config", str(life.config))
    assert code == 0, err
    return copy


@pytest.mark.timeout(60)
async def test_a_flow_that_fell_after_the_copy_is_never_shown_restored_and_pages_again(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    copy = await copied(life)
    await life.watched.stop()
    assert await life.hook.told(1) == ["firing"]
    await life.end(signal.SIGKILL)
    await put_in_place(life, copy)
    shown: set[str] = set()

    def paged(flow: dict[str, object]) -> bool:
        shown.add(str(flow["state"]))
        return flow["incident"] is not None

    await life.start()
    await life.until(paged)
    assert await life.hook.told(2) == ["firing", "firing"]
    assert "restored" not in shown
    assert life.hook.bodies[0]["key"] != life.hook.bodies[1]["key"]
    code, out, err = await life.command("log", "verify", "--config", str(life.config))
    assert (code, err) == (0, ""), out
    await life.watched.start()
    assert (await life.hook.told(3))[2] == "resolved"
    assert life.hook.bodies[2]["incident"] == life.hook.bodies[1]["incident"]


@pytest.mark.timeout(60)
async def test_a_page_that_ended_after_the_copy_is_open_again_until_evidence_ends_it(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    await life.watched.stop()
    await life.hook.told(1)
    copy = await copied(life)
    await life.watched.start()
    await life.hook.told(2)
    await life.end(signal.SIGKILL)
    await put_in_place(life, copy)
    await life.start()
    await life.until(lambda flow: flow["state"] == "restored" and flow["incident"] is None)
    first, *others = life.hook.bodies
    assert {body["incident"] for body in others} == {first["incident"]}
    await life.hook.until(lambda: sum(body["status"] == "resolved" for body in life.hook.bodies) == 2)
    gap = next(row for row in (await life.get("/api/v1/log"))["entries"] if row["event"] == "gap")
    assert gap["data"]["seconds"] > 0.4  # from the copy on: the soak of the repair alone lasted that long
