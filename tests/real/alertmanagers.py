"""Alertmanagers of the distribution, alone or as a cluster, on loopback, with a receiver of what they tell."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.daemon.living import Post
from tests.net.peers import closed_port
from tests.real.servers import PATIENCE, Server, accepts

PROGRAM = "prometheus-alertmanager"  # as the distribution calls it
needs_alertmanager = pytest.mark.skipif(
    shutil.which(PROGRAM) is None or shutil.which("amtool") is None, reason="prometheus-alertmanager is not installed"
)

# Quick, and with a resolve_timeout so short that whatever counted on it would be told as resolved within the test.
CONFIGURATION = """
global: {{resolve_timeout: 1s}}
route:
  receiver: duty
  group_by: ["..."]
  group_wait: 100ms
  group_interval: 300ms
  repeat_interval: 1h
receivers:
  - name: duty
    webhook_configs: [{{url: "{receiver}", send_resolved: true}}]
"""


class Receiver(Post):
    """What an Alertmanager tells by webhook: one alert in each body, for nothing is grouped."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [alert for body in self.bodies for alert in body["alerts"]]

    def statuses(self, **labels: str) -> list[str]:
        """In the order in which they were told: of the alerts with these labels."""
        return [alert["status"] for alert in self.alerts if labels.items() <= alert["labels"].items()]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    post = Receiver()
    await post.start()
    try:
        yield post
    finally:
        await post.stop()


@dataclass
class Alertmanager(Server):
    """One member. `port` speaks the API, `gossip` to the other members (0: it stands alone)."""

    port: int = 0
    gossip: int = 0
    folder: Path = field(default_factory=Path)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def get(self, path: str, **query: Any) -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{self.url}{path}", params=query)).json()

    async def alerts(self, *filters: str) -> list[dict[str, Any]]:
        """What it holds and has not resolved, by matchers such as `flow="port"`."""
        found: list[dict[str, Any]] = await self.get("/api/v2/alerts", filter=list(filters))
        return found

    async def until(
        self, wanted: Callable[[list[dict[str, Any]]], bool], *filters: str, within: float = 15.0
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(within):
                while True:
                    with contextlib.suppress(httpx.HTTPError, ValueError):
                        found = await self.alerts(*filters)
                        if wanted(found):
                            return found
                    await asyncio.sleep(0.05)  # another process: there is nothing here to await
        except TimeoutError:
            raise AssertionError(f"still {found}") from None

    async def post(self, *alerts: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(f"{self.url}/api/v2/alerts", json=list(alerts))

    def amtool(self, *words: str) -> list[dict[str, Any]]:
        """`amtool … --output=json` against this member."""
        command = ["amtool", *words, f"--alertmanager.url={self.url}", "--output=json"]
        said = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE).stdout
        found: list[dict[str, Any]] = json.loads(said)
        return found


def member(
    folder: Path, configuration: str, *more: str, port: int = 0, gossip: int = 0, peers: tuple[int, ...] = ()
) -> Alertmanager:
    """Not started yet. `gossip` and `peers` are the ports of the cluster's own talk."""
    folder.mkdir(exist_ok=True)
    (folder / "alertmanager.yml").write_text(configuration)
    port = port or closed_port()
    command = [
        *(PROGRAM, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"),
        *(
            f"--web.listen-address=127.0.0.1:{port}",
            f"--cluster.listen-address={f'127.0.0.1:{gossip}' if gossip else ''}",
        ),
        *more,
    ]
    if gossip:
        command += [
            *(f"--cluster.advertise-address=127.0.0.1:{gossip}", "--cluster.gossip-interval=50ms"),
            *("--cluster.pushpull-interval=1s", "--cluster.settle-timeout=1s", "--cluster.peer-timeout=1s"),
            *(f"--cluster.peer=127.0.0.1:{each}" for each in peers),
        ]
    ready = f"http://127.0.0.1:{port}/-/ready"
    return Alertmanager(
        command,
        lambda: accepts(port) and _answers(ready),
        folder / "log",
        (port,),
        port=port,
        gossip=gossip,
        folder=folder,
    )


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return not httpx.get(url, trust_env=False, timeout=1.0).is_server_error  # it may want a password first
    return False


@contextmanager
def alertmanager(folder: Path, tells: str, *more: str, configuration: str = CONFIGURATION) -> Iterator[Alertmanager]:
    """One that stands alone and tells the webhook `tells`."""
    one = member(folder / "alertmanager", configuration.format(receiver=tells), *more)
    one.start()
    try:
        yield one
    finally:
        one.stop()


@contextmanager
def cluster(
    folder: Path, tells: str, *, configuration: str = CONFIGURATION
) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Two that know each other."""
    gossips = closed_port(), closed_port()
    written = configuration.format(receiver=tells)
    first, second = (
        member(folder / f"alertmanager-{number}", written, gossip=gossips[number], peers=(gossips[1 - number],))
        for number in range(2)
    )
    try:
        first.start()
        second.start()
        yield first, second
    finally:
        first.stop()
        second.stop()
