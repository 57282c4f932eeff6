"""A disk that is full, or answers with errors: the daemon goes on in memory, says so, and at last all is in the log."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.daemon.living import Life, life_in

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="root mounts the small disk"),
]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Sixteen megabytes of a file system of its own: the log of a storm has room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def life(tmp_path: Path, small_disk: Path) -> AsyncIterator[Life]:
    """Its state lies on the small disk."""
    async with life_in(tmp_path) as life:
        life.config = small_disk / "retabli.yaml"
        life.write()
        yield life


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def make_room(disk: Path) -> None:
    (disk / "filler").unlink()


async def drop_on_a_full_disk(life: Life, disk: Path) -> None:
    """Restored, and then a page that only memory knows."""
    await life.start()
    await life.until_state("restored")
    fill(disk)
    await life.watched.stop()
    assert await life.hook.told(1) == ["firing"]


async def until_written(life: Life) -> None:
    await life.until(lambda flow: True)
    while "only in memory" in await life.health():
        await asyncio.sleep(0.1)


async def states(life: Life) -> list[str]:
    """What the log of the file itself says that the flow became, after it was verified."""
    code, out, err = await life.command("log", "verify", "--config", str(life.config))
    assert (code, err) == (0, ""), out
    code, out, err = await life.command("log", "--config", str(life.config), "--format", "json", "--limit", "500")
    assert code == 0, err
    rows = json.loads(out) if out.startswith("[") else [json.loads(line) for line in out.splitlines()]
    rows.sort(key=lambda row: row["number"])
    return [row["data"]["now"] for row in rows if (row["event"], row["flow"]) == ("state", "port")]


async def test_on_a_full_disk_it_watches_pages_and_resolves_and_with_room_all_stands_in_the_log(
    life: Life, small_disk: Path
) -> None:
    await drop_on_a_full_disk(life, small_disk)
    dropped = await life.until_state("dropped")
    answer = await life.answer("/-/healthy")
    assert answer.status_code == 503
    assert "only in memory" in answer.text
    assert "the disk is full" in answer.text
    while "retabli_state_unwritten 1.0" not in (await life.answer("/metrics")).text:
        await asyncio.sleep(0.1)  # another process: there is nothing here to await
    await life.watched.start()
    assert await life.hook.told(2) == ["firing", "resolved"]
    await life.watched.stop()
    assert await life.hook.told(3) == ["firing", "resolved", "firing"]
    again = await life.until_state("dropped")
    make_room(small_disk)
    await until_written(life)
    await life.end(signal.SIGKILL)  # what is on the disk is all that there is now
    found = await states(life)
    assert found[-5:] == ["restored", "dropped", "recovering", "restored", "dropped"]
    await life.start()
    taken_up = await life.until_state("dropped")
    assert taken_up["incident"] == again["incident"] != dropped["incident"]
    assert taken_up["drops"] == 2
    await life.watched.start()
    assert await life.hook.told(4) == ["firing", "resolved", "firing", "resolved"]
    assert len({body["key"] for body in life.hook.bodies}) == 4


async def test_a_daemon_that_is_ended_on_a_full_disk_says_what_is_lost_and_pages_again_after_it(
    life: Life, small_disk: Path
) -> None:
    await drop_on_a_full_disk(life, small_disk)
    said = await life.end_saying()
    assert "Traceback" not in said
    assert said.count("cannot be written, and goes on in memory") == 1
    assert "the state ends without the" in said
    fill(small_disk)  # of what it freed as it ended, too
    code, _, err = await asyncio.wait_for(life.command("run", "--config", str(life.config)), 30)  # it cannot be opened
    assert code == 2
    assert "state.db" in err.splitlines()[-1]
    assert "disk" in err.splitlines()[-1]  # SQLite calls it full, or an I/O error: there is no room for its index
    make_room(small_disk)
    await life.start()
    assert await life.hook.told(2) == ["firing", "firing"]
    assert (await states(life))[-1] == "dropped"


async def test_an_own_page_says_that_the_state_is_not_written_and_another_one_that_it_is(
    life: Life, small_disk: Path
) -> None:
    await life.start()
    await life.until_state("restored")
    fill(small_disk)
    await life.hook.until(lambda: len(life.hook.bodies) == 1, within=60)
    make_room(small_disk)
    assert await life.hook.told(2) == ["firing", "resolved"]
    assert {body["reason"] for body in life.hook.bodies} == {"state_unwritable"}
    assert {body["flow"] for body in life.hook.bodies} == {None}
    assert "it goes on in memory" in life.hook.bodies[0]["text"]
    assert "nothing of what happened is missing in the log" in life.hook.bodies[1]["text"]
    await life.end(signal.SIGTERM)
    code, out, err = await life.command("log", "verify", "--config", str(life.config))
    assert (code, err) == (0, ""), out


async def test_a_storm_on_a_full_disk_is_told_whole_and_stands_whole_in_the_log(life: Life, small_disk: Path) -> None:
    number = 60
    probe = f"{{kind: tcp, host: 127.0.0.1, port: {life.watched.port}, every: 1s, timeout: 1s}}"
    flow = f"{{title: Port, intent: open, probes: {{p: {probe}}}}}"
    life.write(flows="\n  ".join([flow, *(f"port-{each}: {flow}" for each in range(1, number))]))
    await life.start()
    while not await all_are(life, "restored"):
        await asyncio.sleep(0.2)
    fill(small_disk)
    await life.watched.stop()
    await life.hook.until(lambda: len(pages(life, "firing")) == number, within=60)
    await life.watched.start()
    await life.hook.until(lambda: len(pages(life, "resolved")) == number, within=60)
    assert "only in memory" in await life.health()
    make_room(small_disk)
    await until_written(life)
    await life.end(signal.SIGKILL)
    code, out, err = await life.command("log", "verify", "--config", str(life.config))
    assert (code, err) == (0, ""), out
    code, out, err = await life.command(
        *("log", "--config", str(life.config), "--format", "json", "--limit", "5000", "--event", "page")
    )
    rows = json.loads(out) if out.startswith("[") else [json.loads(line) for line in out.splitlines()]
    assert len({row["flow"] for row in rows if row["flow"] is not None}) == number


def pages(life: Life, status: str) -> set[str]:
    """The flows of which that was told."""
    told = [page for body in life.hook.bodies for page in body.get("pages", [body])]
    return {str(page["flow"]) for page in told if page["status"] == status and page["flow"] is not None}


async def all_are(life: Life, state: str) -> bool:
    flows = (await life.get("/api/v1/flows"))["flows"]
    return all(flow["state"] == state for flow in flows if flow["id"] != "own_link")


FAILING_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int broken(void) { const char *sign = getenv("DISK_SIGN"); return sign && access(sign, F_OK) == 0; }
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (broken()) { errno = EIO; return -1; }
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    return real(file, bytes, size, at);
}
int fdatasync(int file) {
    static int (*real)(int);
    if (broken()) { errno = EIO; return -1; }
    if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
    return real(file);
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="a compiler makes the disk that fails")
async def test_what_a_disk_with_errors_does_not_take_is_written_once_it_does(tmp_path: Path) -> None:
    source, library, sign = tmp_path / "disk.c", tmp_path / "disk.so", tmp_path / "broken"
    source.write_text(FAILING_DISK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    async with life_in(tmp_path) as life:
        life.environment = {"LD_PRELOAD": str(library), "DISK_SIGN": str(sign)}
        await life.start()
        await life.until_state("restored")
        sign.touch()
        await life.watched.stop()
        assert await life.hook.told(1) == ["firing"]
        assert "disk I/O error" in await life.health()
        sign.unlink()
        await until_written(life)
        await life.end(signal.SIGKILL)
        assert (await states(life))[-2:] == ["restored", "dropped"]
        await life.watched.start()
        await life.start()
        assert await life.hook.told(2) == ["firing", "resolved"]
