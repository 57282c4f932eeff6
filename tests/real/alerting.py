"""The shipped rules and examples, running: Prometheus and Alertmanager of the distribution over a daemon, on loopback.

What is changed of them: ports, receivers (each a path of one webhook, `send_resolved` as shipped), and the rhythms.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.daemon.living import Post
from tests.deploy.shipped import FOLDER
from tests.net.peers import closed_port
from tests.real.servers import Server

RESEND = 2  # seconds after which Prometheus repeats an alert; Alertmanager forgets it after four times as many
FORGOTTEN = 4 * RESEND


def is_ready(port: int) -> bool:
    """Whether it answers questions: it listens before it has read its own past."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False, timeout=1.0).is_success
    except httpx.HTTPError:
        return False


class Told(Post):
    """What every receiver was sent, on one real socket; each has a path of its own."""

    @property
    def messages(self) -> list[tuple[str, dict[str, Any]]]:
        """The receiver of each, and its body."""
        return [(path.strip("/"), body) for path, body in zip(self.paths, self.bodies, strict=True)]

    def alerts(self, receiver: str, name: str, status: str = "firing") -> list[dict[str, Any]]:
        """Each alert of that name in each message, in the order in which they came."""
        return [
            alert
            for to, body in self.messages
            for alert in body["alerts"]
            if (to, alert["labels"]["alertname"], alert["status"]) == (receiver, name, status)
        ]

    def resolved(self, receiver: str) -> list[dict[str, Any]]:
        return [
            alert
            for to, body in self.messages
            for alert in body["alerts"]
            if to == receiver and alert["status"] == "resolved"
        ]

    async def until(self, wanted: Callable[[], object], within: float = 20.0) -> None:
        try:
            await super().until(wanted, within)
        except TimeoutError:
            seen = [
                (to, alert["labels"]["alertname"], alert["status"]) for to, b in self.messages for alert in b["alerts"]
            ]
            raise AssertionError(f"still only {seen}") from None


class Stack:
    """Prometheus and Alertmanager over the daemon at `daemon`, telling `told`. `probe` is asked in blackbox's form."""

    def __init__(self, folder: Path, daemon: int, told: Told, *, probe: str = "port/p") -> None:
        self.folder, self.probe = folder, probe
        shutil.copytree(FOLDER / "rules", folder / "rules")
        shutil.copytree(FOLDER / "templates", folder / "templates")
        self.port, self.am_port = closed_port(), closed_port()
        (folder / "prometheus.yml").write_text(self._prometheus(daemon))
        (folder / "alertmanager.yml").write_text(_alertmanager(told))
        self.prometheus = Server(
            [
                *("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
                *(f"--web.listen-address=127.0.0.1:{self.port}", f"--rules.alert.resend-delay={RESEND}s"),
            ],
            lambda: is_ready(self.port),
            folder / "prometheus.log",
            (self.port,),
        )
        self.alertmanager = Server(
            [
                *("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml"),
                *(f"--storage.path={folder}/am", f"--web.listen-address=127.0.0.1:{self.am_port}"),
                "--cluster.listen-address=",
            ],
            lambda: is_ready(self.am_port),
            folder / "alertmanager.log",
            (self.am_port,),
        )

    def start(self) -> None:
        self.alertmanager.start()
        self.prometheus.start()

    def stop(self) -> None:
        self.prometheus.stop()
        self.alertmanager.stop()

    async def query(self, expression: str, by: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
        """An instant query; an error or a warning fails the test. Who has many of them brings a client of their own."""
        async with contextlib.nullcontext(by) if by else httpx.AsyncClient(trust_env=False) as client:
            form = {"query": expression}
            answer = (await client.post(f"http://127.0.0.1:{self.port}/api/v1/query", data=form)).json()
        assert answer["status"] == "success", f"{expression}\n{answer}"
        assert not answer.get("warnings"), f"{expression}\n{answer['warnings']}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def get(self, path: str) -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"http://127.0.0.1:{path}")).json()

    async def until(self, expression: str, within: float = 20.0) -> list[dict[str, Any]]:
        """Until the query gives something."""
        async with asyncio.timeout(within):
            while True:
                if found := await self.query(expression):
                    return found
                await asyncio.sleep(0.1)  # another process: there is nothing here to await

    async def held(self, name: str) -> list[dict[str, Any]]:
        """The alerts of that name that Alertmanager holds to be firing."""
        found = await self.get(f'{self.am_port}/api/v2/alerts?filter=alertname="{name}"')
        return [alert for alert in found if alert["status"]["state"] != "unprocessed"]

    async def until_held(self, name: str, *, none: bool = False, within: float = 20.0) -> list[dict[str, Any]]:
        async with asyncio.timeout(within):
            while bool(found := await self.held(name)) is none:
                await asyncio.sleep(0.1)  # another process: there is nothing here to await
        return found

    def _prometheus(self, daemon: int) -> str:
        text = (FOLDER / "prometheus.example.yml").read_text()
        text = text.replace("127.0.0.1:9877", f"127.0.0.1:{daemon}").replace(
            "127.0.0.1:9093", f"127.0.0.1:{self.am_port}"
        )
        text = text.replace("mail-out/relay", self.probe).replace("- mail-out/loop", "")
        quick = text.replace("scrape_interval: 15s", "scrape_interval: 1s\n  scrape_timeout: 1s")
        return quick.replace("evaluation_interval: 15s", "evaluation_interval: 1s")


def _alertmanager(told: Told) -> str:
    read = yaml.safe_load((FOLDER / "alertmanager.example.yml").read_text())
    for receiver in read["receivers"]:
        entries = receiver.pop("webhook_configs", []) + receiver.pop("email_configs", [])
        send_resolved = entries[0]["send_resolved"]
        receiver["webhook_configs"] = [
            {"url": f"http://127.0.0.1:{told.port}/{receiver['name']}", "send_resolved": send_resolved}
        ]
    for route in (read["route"], *read["route"]["routes"]):
        route["group_interval"] = "1s"
        route["group_wait"] = "500ms" if route.get("group_wait") != "0s" else "0s"
        route.pop("active_time_intervals", None)  # the test runs by night, too
    return str(yaml.safe_dump(read, allow_unicode=True))
