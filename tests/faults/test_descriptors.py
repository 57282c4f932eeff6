"""A real daemon whose open files run out: what it could not try is unknown, and what it has to tell goes out."""

import asyncio
import contextlib
import os
import resource
from pathlib import Path
from typing import Any

import httpx
import pytest

from retabli.net.descriptors import KEPT_FROM_BROWSERS, KEPT_FROM_PROBES
from tests.daemon.living import Life, life_in
from tests.net.peers import closed_port


class Shortage:
    """Of the daemon's open files, from outside, as `prlimit --nofile` does it."""

    def __init__(self, life: Life) -> None:
        assert life.process is not None
        self.pid = life.process.pid
        self.before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)

    def leave(self, descriptors: int) -> None:
        """So many that are free, whatever is open."""
        taken = {int(name) for name in os.listdir(f"/proc/{self.pid}/fd")}
        free = [number for number in range(max(taken) + descriptors + 2) if number not in taken]
        limit = free[descriptors] if descriptors else 1
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (limit, self.before[1]))

    def end(self) -> None:
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self.before)


async def short_of(life: Life) -> dict[str, Any]:
    return await life.until(lambda flow: (flow["cause"] or {}).get("cause") == "local_resources")


@pytest.mark.timeout(60)
async def test_what_cannot_be_tried_for_want_of_descriptors_is_unknown_and_recovers_by_itself(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    shortage = Shortage(life)
    shortage.leave(KEPT_FROM_PROBES - 10)
    await life.until(lambda flow: flow["state"] == "unknown")
    while "open files are used" not in await life.health():
        await asyncio.sleep(0.2)
    metrics = await text(life, "/metrics")
    assert "retabli_machine_short 1.0" in metrics
    shortage.end()
    await life.until_state("restored")
    while await life.health() != "healthy":
        await asyncio.sleep(0.2)
    assert life.hook.bodies == []
    said = await life.end_saying()
    assert said.count("our own machine lacks something") == said.count("has again what it lacked") == 1, said


@pytest.mark.timeout(60)
async def test_a_drop_while_nothing_at_all_can_be_opened_is_paged_once_it_can(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    shortage = Shortage(life)
    shortage.leave(0)
    await life.watched.stop()
    browser = asyncio.create_task(life.health())  # is not answered: there is no descriptor for it
    await asyncio.sleep(3.0)  # ten and more runs, each of which would have been a failure
    assert life.hook.bodies == []
    assert not browser.done()
    shortage.end()
    await browser
    assert await life.hook.told(1) == ["firing"]
    assert life.hook.bodies[0]["cause"] == "refused"
    said = await life.end_saying()
    assert "Traceback" not in said
    assert said.count("\n") < 30, said


@pytest.mark.timeout(60)
async def test_a_plugin_that_cannot_be_started_is_unknown_and_takes_none_of_the_last_ones(life: Life) -> None:
    plugin = "{kind: exec, command: [/bin/true], every: 500ms, timeout: 500ms}"
    life.write(flows=f"{{title: Plugin, intent: open, probes: {{p: {plugin}}}}}")
    await life.start()
    await life.until_state("restored")
    shortage = Shortage(life)
    shortage.leave(KEPT_FROM_PROBES - 10)
    await short_of(life)
    shortage.end()
    await life.until_state("restored")
    assert life.hook.bodies == []


@pytest.mark.timeout(60)
async def test_a_page_goes_out_by_the_descriptors_that_probes_do_not_get(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    await life.hook.stop()
    await life.watched.stop()
    await life.until(lambda flow: flow["incident"] is not None)
    Shortage(life).leave(KEPT_FROM_PROBES - 10)
    await short_of(life)
    await life.hook.start()
    assert await life.hook.told(1) == ["firing"]


@pytest.mark.timeout(60)
async def test_a_page_by_mail_goes_out_by_them_too(life: Life) -> None:
    mails: list[bytes] = []
    arrived = asyncio.Event()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.chu.test ESMTP\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                mails.append(await reader.readuntil(b"\r\n.\r\n"))
                arrived.set()
            writer.write(b"250 relay.chu.test\r\n")
        writer.close()

    port = closed_port()
    mail = f"{{kind: smtp, host: localhost, port: {port}, to: [duty@chu.test], mail_from: retabli@chu.test}}"
    life.config.write_text(life.config.read_text().replace("channels: {duty:", f"channels: {{mail: {mail}, duty:"))
    await life.start()
    await life.until_state("restored")
    await life.watched.stop()
    await life.hook.told(1)
    Shortage(life).leave(KEPT_FROM_PROBES - 10)
    await short_of(life)
    async with await asyncio.start_server(relay, "127.0.0.1", port), asyncio.timeout(30):
        await arrived.wait()
    assert b"Subject: " in mails[0]


@pytest.mark.timeout(60)
async def test_browsers_that_hold_their_connections_do_not_take_the_last_descriptors(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    await life.hook.stop()
    await life.watched.stop()
    await life.until(lambda flow: flow["incident"] is not None)
    shortage = Shortage(life)
    shortage.leave(KEPT_FROM_PROBES + 20)
    async with contextlib.AsyncExitStack() as held:
        for _ in range(3 * KEPT_FROM_PROBES):
            _, writer = await asyncio.open_connection("127.0.0.1", life.port)
            held.callback(writer.close)
        # Those that it takes and lets go of in one turn, and what it opens of its own, are there for moments.
        while not KEPT_FROM_BROWSERS - 16 <= free_descriptors(shortage.pid) <= KEPT_FROM_BROWSERS + 2:
            await asyncio.sleep(0.1)  # another process: there is nothing here to await
        await life.hook.start()
        try:
            assert await life.hook.told(1) == ["firing"]
        except TimeoutError:
            free = free_descriptors(shortage.pid)
            pytest.fail(f"not told, with {free} descriptors free: {await life.end_saying()}")


@pytest.mark.timeout(60)
async def test_a_closed_flow_that_cannot_be_tried_is_no_longer_contained(tmp_path: Path) -> None:
    async with life_in(tmp_path, well=False) as life:
        control = f"{{path: {{to: 127.0.0.1, port: {life.hook.port}}}, alive: {{declared: true}}}}"
        attempts = f"[{{to: 127.0.0.1, port: {life.watched.port}}}]"
        probe = f"{{kind: containment, every: 1s, timeout: 1s, attempts: {attempts}, control: {control}}}"
        life.write(flows=f"{{title: Internet, intent: closed, probes: {{out: {probe}}}}}")
        await life.start()
        await life.until_state("contained")
        shortage = Shortage(life)
        shortage.leave(KEPT_FROM_PROBES - 10)
        unknown = await life.until_state("unknown")
        assert not unknown["closure"]["proven"]
        shortage.end()
        await life.until_state("contained")
        assert life.hook.bodies == []


def free_descriptors(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] - len(os.listdir(f"/proc/{pid}/fd"))


async def text(life: Life, path: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{life.port}{path}")).text
