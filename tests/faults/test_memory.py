"""Memory or threads that run out under a real daemon: what cannot be tried is unknown, and nothing of it half-dies."""

import asyncio
import resource
import signal
from pathlib import Path

import httpx
import pytest

from tests.daemon.living import Life

pytestmark = pytest.mark.timeout(120)
MIB = 1 << 20


class Shortage:
    """Of the daemon's address space, from outside, as `prlimit --as` does it."""

    def __init__(self, life: Life) -> None:
        assert life.process is not None
        self.pid = life.process.pid

    def leave(self, size: int) -> None:
        """So many bytes beyond what it has: less than a stack, and no thread can begin."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + size
        resource.prlimit(self.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

    def end(self) -> None:
        resource.prlimit(self.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def test_without_a_thread_to_be_had_a_name_is_not_looked_up_and_the_flow_is_unknown(life: Life) -> None:
    await life.start()
    await life.until_state("restored")
    shortage = Shortage(life)
    shortage.leave(4 * MIB)
    port = f"port: {life.watched.port}"
    life.write(
        flows=f"{{title: Named, intent: open, probes: {{p: {{kind: tcp, host: localhost, {port}}}}}}}\n"
        f"  literal: {{title: Literal, intent: open, probes: {{p: {{kind: tcp, host: 127.0.0.1, {port}}}}}}}"
    )
    assert life.process is not None
    life.process.send_signal(signal.SIGHUP)
    flow = await life.until(lambda flow: flow["cause"] is not None and flow["title"] == "Named")
    assert (flow["state"], flow["cause"]["cause"]) == ("unknown", "local_resources")
    async with asyncio.timeout(20):
        while (await life.get("/api/v1/flows"))["flows"][1]["state"] != "restored":
            await asyncio.sleep(0.1)
        while "our own machine lacks something" not in await life.health():
            await asyncio.sleep(0.1)
    shortage.end()
    await life.until_state("restored")
    assert life.hook.bodies == []


@pytest.mark.parametrize("left", [0, MIB])
async def test_without_memory_it_either_goes_on_whole_or_ends_and_never_pages_by_it(life: Life, left: int) -> None:
    await life.start()
    await life.until_state("restored")
    shortage = Shortage(life)
    shortage.leave(left)
    for _ in range(40):  # of what needs memory: pages and scrapes, some of which it cannot give
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=1.0) as client:
                await client.get(f"http://127.0.0.1:{life.port}/metrics")
                await client.get(f"http://127.0.0.1:{life.port}/flows/port")
        except httpx.HTTPError:
            await asyncio.sleep(0.1)
    assert life.process is not None
    if life.process.returncode is None:
        shortage.end()
    else:
        await life.leave()
        await life.start()  # as whoever keeps it would
    await life.until_state("restored")
    async with asyncio.timeout(40):
        while await life.health() != "healthy":
            await asyncio.sleep(0.1)
    assert life.hook.bodies == []
    await life.watched.stop()
    assert await life.hook.told(1) == ["firing"]
