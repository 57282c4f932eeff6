"""A whole daemon in a storm, on a full disk and under a clock that jumps: told in the end, once, in few messages."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.living import Life, Post

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="root mounts the small disk"),
]
STORM = 500


@dataclass
class Moody(Post):
    """A webhook that answers with `answer`; what it refused is in `refused`, what it took in `bodies`."""

    answer: int = 204

    def __post_init__(self) -> None:
        self.refused: list[dict[str, Any]] = []

    async def until_a_group_is_refused(self) -> None:
        async with asyncio.timeout(30):
            while not any("pages" in body for body in self.refused):
                self.news.clear()
                await self.news.wait()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                body = json.loads(await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0])))
                (self.bodies if self.answer < 300 else self.refused).append(body)
                writer.write(f"HTTP/1.1 {self.answer} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                self.news.set()
        finally:
            writer.close()  # also when the test is over first

    def pages(self) -> list[dict[str, Any]]:
        """Every page that it took, alone or in a group, in order."""
        return [page for body in self.bodies for page in body.get("pages", [body])]

    async def until_told(self, number: int, status: str, seconds: float = 90) -> None:
        async with asyncio.timeout(seconds):
            while len({page["flow"] for page in self.pages() if page["status"] == status}) < number:
                self.news.clear()
                await self.news.wait()


class Door(Post):
    """What the flows reach: it accepts, and says nothing."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    door, hook = Door(), Moody()
    await hook.start()
    life = Life(tmp_path, door, hook)
    try:
        yield life
    finally:
        await life.leave()
        await door.stop()
        await hook.stop()


def moody(life: Life) -> Moody:
    assert isinstance(life.hook, Moody)
    return life.hook


def many(life: Life, number: int, every: str = "2s") -> None:
    life.write(every=every)
    head = life.config.read_text().partition("flows:\n")[0]
    probe = f"{{kind: tcp, host: 127.0.0.1, port: {life.watched.port}}}"
    flows = "".join(
        f"  flow-{each}: {{title: Flow {each}, intent: open, probes: {{p: {probe}}}}}\n" for each in range(number)
    )
    life.config.write_text(f"{head}flows:\n{flows}")


async def until_all(life: Life, state: str) -> None:
    async with asyncio.timeout(90):
        while True:
            with contextlib.suppress(OSError):
                flows = (await life.get("/api/v1/flows"))["flows"]
                if all(flow["state"] == state for flow in flows if flow["id"] != "own_link"):
                    return
            await asyncio.sleep(0.2)  # another process: there is nothing here to await


def memory(life: Life) -> int:
    """The most that the daemon ever held, in MB."""
    assert life.process is not None
    status = Path(f"/proc/{life.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


async def test_five_hundred_flows_that_drop_in_a_second_are_told_in_few_messages_and_so_are_their_resolves(
    life: Life,
) -> None:
    many(life, STORM)
    hook = moody(life)
    await life.watched.start()
    await life.start()
    await until_all(life, "restored")
    before = memory(life)
    await life.watched.stop()
    began = time.monotonic()
    await hook.until_told(STORM, "firing")
    took = time.monotonic() - began
    firing = len(hook.bodies)
    await life.watched.start()
    await hook.until_told(STORM, "resolved")
    resolved = len(hook.bodies) - firing
    grew = memory(life) - before
    print(f"{firing} messages in {took:.1f} s, {resolved} resolves, {grew} MB more")  # noqa: T201 - evidence
    times_told = Counter(page["key"] for page in hook.pages())
    assert set(times_told.values()) == {1}
    assert len(times_told) == 2 * STORM
    assert firing <= 5 + 6
    assert resolved <= 5 + 8
    assert took < 30
    assert grew < 100
    log = [json.loads(line) for line in await lines(life)]
    told = Counter((entry["flow"], entry["data"]["status"]) for entry in log if entry["event"] == "told")
    assert told == {(f"flow-{each}", status): 1 for each in range(STORM) for status in ("firing", "resolved")}


async def lines(life: Life) -> list[str]:
    code, out, _ = await life.command("log", "--config", str(life.config), "--format", "json")
    assert code == 0
    if out.startswith("{"):
        return out.splitlines()
    return [json.dumps(entry) for entry in json.loads(out)]


async def test_a_daemon_that_is_killed_between_a_grouping_and_its_acceptance_sends_the_same_group_again(
    life: Life,
) -> None:
    many(life, 40, every="1s")
    hook = moody(life)
    await life.watched.start()
    await life.start()
    await until_all(life, "restored")
    hook.answer = 500
    await life.watched.stop()
    await hook.until_a_group_is_refused()
    groups = {body["key"]: body["pages"] for body in hook.refused if "pages" in body}
    await life.end(signal.SIGKILL)
    hook.answer = 204
    await life.start()
    await hook.until_told(40, "firing")
    taken = {body["key"]: body["pages"] for body in hook.bodies if "pages" in body}
    assert {key: taken[key] for key in groups} == groups
    assert set(Counter(page["key"] for page in hook.pages()).values()) == {1}


@pytest.mark.parametrize("jump", [3600, -3600])
@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime moves the clock")
async def test_a_clock_that_jumps_by_an_hour_while_pages_wait_delays_and_loses_nothing(life: Life, jump: int) -> None:
    clock = life.folder / "clock"
    clock.write_text("+0")
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    life.environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    many(life, 20, every="1s")
    hook = moody(life)
    await life.watched.start()
    await life.start()
    await until_all(life, "restored")
    hook.answer = 500
    await life.watched.stop()
    await hook.until_a_group_is_refused()
    clock.write_text(f"{jump:+d}")
    await life.watched.start()
    await asyncio.sleep(3)  # the clock is read once a second, and the flows come back meanwhile
    hook.answer = 204
    await hook.until_told(20, "resolved")
    sent_at = datetime.fromisoformat(hook.bodies[-1]["sent_at"]).timestamp()
    assert abs(sent_at - time.time() - jump) < 60  # it did jump
    for each in range(20):
        assert [page["status"] for page in hook.pages() if page["flow"] == f"flow-{each}"] == ["firing", "resolved"]
    alone = {body["key"] for body in hook.refused if "pages" not in body}
    assert alone <= {body["key"] for body in hook.bodies}  # whoever may have had one alone gets it under the same key
