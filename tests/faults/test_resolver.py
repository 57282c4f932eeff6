"""A resolver that dies: who needs no name is watched and told as before, and what waits for a name goes out later."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import dns.message
import httpx
import pytest

from tests.daemon.living import Life, Post, life_in
from tests.net.name_server import answer

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="root gives the daemon a resolv.conf of its own"),
]
WHERE = "127.53.0.1"  # of loopback: a name server of our own, at the port that the C library asks
ZONE = {("hook.chu.test.", "A"): ["127.0.0.1"], ("relay.chu.test.", "A"): ["127.0.0.1"]}
NAMED = 270  # flows by name: more than there are threads for lookups


class NameServer(asyncio.DatagramProtocol):
    """Answers, or is silent as a dead one behind a firewall is."""

    silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.silent:
            query = cast("dns.message.QueryMessage", dns.message.from_wire(data))
            self._transport.sendto(answer(query, ZONE).to_wire(), addr)


@asynccontextmanager
async def answering() -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=(WHERE, 53))
    try:
        yield server
    finally:
        transport.close()


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with answering() as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The command that runs another one with /etc/resolv.conf and /etc/hosts of the test's own."""
    (tmp_path / "resolv.conf").write_text(f"nameserver {WHERE}\n")
    (tmp_path / "hosts").write_text("127.0.0.1 localhost known.chu.test\n")
    mounts = "; ".join(f"mount --bind {tmp_path}/{name} /etc/{name}" for name in ("resolv.conf", "hosts"))
    return ["unshare", "--mount", "sh", "-ec", f'{mounts}; exec "$@"', "sh"]


@pytest.fixture
async def life(tmp_path: Path, files: list[str]) -> AsyncIterator[Life]:
    async with life_in(tmp_path) as life:
        life.within = files
        yield life


def many(life: Life, known: Post) -> None:
    """A flow by its address, a plugin, and so many by a name; three channels by a name, one by a name of /etc/hosts."""
    port = f"{{kind: tcp, host: 127.0.0.1, port: {life.watched.port}}}"
    plugin = "{kind: exec, command: [/bin/true], every: 1s, timeout: 1s}"
    named = f"{{kind: tcp, host: relay.chu.test, port: {life.watched.port}, every: 2s, timeout: 1s}}"
    probes = {"port": port, "plugin": plugin} | {f"named-{number}": named for number in range(NAMED)}
    channels = [f"c{each}: {{kind: webhook, url: 'http://hook.chu.test:{life.hook.port}/'}}" for each in range(3)]
    channels.append(f"known: {{kind: webhook, url: 'http://known.chu.test:{known.port}/'}}")
    life.write()
    head, _, _ = life.config.read_text().partition("alerts:")
    flows = [f"  {id_}: {{title: {id_}, intent: open, probes: {{p: {probe}}}}}" for id_, probe in probes.items()]
    life.config.write_text("\n".join([f"{head}alerts: {{channels: {{{', '.join(channels)}}}}}", "flows:", *flows, ""]))


async def states(life: Life) -> dict[str, str]:
    return {flow["id"]: flow["state"] for flow in (await life.get("/api/v1/flows"))["flows"]}


async def until_all(life: Life, *wanted: str, but: tuple[str, ...] = ()) -> None:
    async with asyncio.timeout(60):
        while True:
            found = await states(life)
            if all(state in wanted for id_, state in found.items() if id_ not in (*but, "own_link")):
                return
            await asyncio.sleep(0.2)


def told(post: Post) -> dict[str, list[str]]:
    """What was said of each flow, in order."""
    found: dict[str, list[str]] = {}
    for body in post.bodies:
        for page in body.get("pages", [body]):
            found.setdefault(str(page["flow"]), []).append(page["status"])
    return found


async def test_a_dead_resolver_holds_up_nobody_who_asks_it_nothing_and_loses_no_page(
    life: Life, server: NameServer
) -> None:
    known = Post()
    await known.start()
    many(life, known)
    await life.start()
    await until_all(life, "restored")
    server.silent = True
    await until_all(life, "dropped", but=("port", "plugin"))
    found: Any = await life.get("/api/v1/flows")
    causes = {flow["cause"]["cause"] for flow in found["flows"] if flow["id"].startswith("named-")}
    assert causes == {"dns_timeout"}
    await known.until(lambda: len(told(known)) == NAMED, within=30)  # its name stands in /etc/hosts
    for _ in range(20):  # forty seconds of attempts at the three others, each of which waits for the dead resolver
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{life.port}/metrics", timeout=5)).is_success
        now = await states(life)
        assert (now["port"], now["plugin"]) == ("restored", "restored")
        await asyncio.sleep(1.0)
    assert life.hook.bodies == []
    await life.watched.stop()
    await known.until(lambda: told(known).get("port") == ["firing"])
    await life.watched.start()
    server.silent = False
    await until_all(life, "restored")
    await life.hook.until(lambda: told(life.hook).get("named-0", [])[-3:] == ["resolved"] * 3, within=90)
    await life.hook.until(lambda: len(told(life.hook)) >= NAMED, within=60)
    await known.stop()
