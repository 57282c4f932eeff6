"""A daemon as a process of its own, a service that it watches, and a webhook that it tells."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.entrance import ENTRANCE
from tests.net.peers import closed_port

MOST_SAID = 1 << 24  # bytes: a daemon waits for whoever reads its log, and here that is the test, at the end


@dataclass
class Post:
    """A service that is watched, or a webhook that is told; stopped and started at one port."""

    port: int = field(default_factory=closed_port)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)  # where each of them was sent
    times: list[float] = field(default_factory=list)  # monotonic: when each of them was whole
    news: asyncio.Event = field(default_factory=asyncio.Event)
    lingers: float = 0.0  # seconds between having a message and accepting it
    server: asyncio.Server | None = None
    accepting: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        self.server = await asyncio.start_server(self.talk, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()
            self.server = None
        if self.accepting:
            await asyncio.wait(self.accepting)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length:")[2].split("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                self.paths.append(head.split()[1])
                self.took(body)
                if self.lingers:
                    linger = asyncio.create_task(asyncio.sleep(self.lingers), name="linger")
                    self.accepting.add(linger)
                    linger.add_done_callback(self.accepting.discard)
                    await linger
                writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                await writer.drain()
        finally:
            writer.close()  # also when the test is over first

    def took(self, body: dict[str, Any]) -> None:
        self.bodies.append(body)
        self.times.append(time.monotonic())
        self.news.set()

    async def told(self, number: int) -> list[str]:
        await self.until(lambda: len(self.bodies) >= number)
        return [body["status"] for body in self.bodies]

    async def until(self, wanted: Callable[[], object], within: float = 15.0) -> None:
        """Until what was told is what is wanted."""
        async with asyncio.timeout(within):
            while not wanted():
                self.news.clear()
                await self.news.wait()


class Life:
    """`retabli run` over one flow; started and ended as often as a test likes."""

    def __init__(self, folder: Path, watched: Post, hook: Post) -> None:
        self.folder, self.watched, self.hook = folder, watched, hook
        self.port = closed_port()
        self.config = folder / "retabli.yaml"
        self.write()
        self.environment: dict[str, str] = {}
        self.within: list[str] = []  # a command that runs another one, in the same process
        self.process: asyncio.subprocess.Process | None = None

    def write(self, *, flows: str | None = None, more: str = "", every: str = "200ms") -> None:
        flow = (
            f"{{title: Port, intent: open, probes: {{p: {{kind: tcp, host: 127.0.0.1, port: {self.watched.port}}}}}}}"
        )
        self.config.write_text(
            f"site: {{name: Test, language: en}}\nstandpoint: inside\nstate: state.db\n"
            f'web: {{listen: "127.0.0.1:{self.port}"}}\n'
            f"defaults: {{every: {every}, timeout: {every}, rise: 3, soak: 400ms, fall: 3, confirm: 50ms}}\n{more}"
            f'alerts: {{channels: {{duty: {{kind: webhook, url: "http://127.0.0.1:{self.hook.port}/"}}}}}}\n'
            f"flows:\n  port: {flow if flows is None else flows}\n"
        )

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(*self.within, *ENTRANCE, "run", "--config", str(self.config)),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment},
            limit=MOST_SAID,
        )
        await self.until(lambda flow: True)

    async def end(self, number: int) -> int:
        assert self.process is not None
        assert self.process.stderr is not None
        self.process.send_signal(number)
        said, _ = await asyncio.gather(self.process.stderr.read(), self.process.wait())
        process, self.process = self.process, None
        assert b"Traceback" not in said, said.decode()
        return process.returncode or 0

    async def leave(self) -> None:
        """End it whatever state it is in: the test is over."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.communicate()

    async def end_saying(self) -> str:
        """End it as systemd does; all that it said."""
        assert self.process is not None
        assert self.process.stderr is not None
        self.process.terminate()
        said, _ = await asyncio.gather(self.process.stderr.read(), self.process.wait())
        self.process = None
        return said.decode()

    async def answer(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")

    async def get(self, path: str) -> Any:
        return (await self.answer(path)).json()

    async def health(self) -> str:
        return (await self.answer("/-/healthy")).text.strip()

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        flow: dict[str, Any] = {}
        try:
            async with asyncio.timeout(20):
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        flow = (await self.get("/api/v1/flows"))["flows"][0]
                        if wanted(flow):
                            return flow
                    await asyncio.sleep(0.05)  # another process: there is nothing here to await
        except TimeoutError:
            raise AssertionError(f"still {flow.get('state')}, {flow.get('cause')}") from None

    async def until_state(self, state: str) -> dict[str, Any]:
        return await self.until(lambda flow: flow["state"] == state)

    async def command(self, *words: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *ENTRANCE,
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:  # whoever waited has given up
                process.kill()
        return process.returncode or 0, out.decode(), err.decode()


@contextlib.asynccontextmanager
async def life_in(folder: Path, *, well: bool = True, hook: Post | None = None) -> AsyncIterator[Life]:
    """One that has not begun, with the service that it watches, which answers if it is `well`, and whom it tells."""
    life = Life(folder, Post(), hook or Post())
    if well:
        await life.watched.start()
    await life.hook.start()
    try:
        yield life
    finally:
        await life.leave()
        await life.watched.stop()
        await life.hook.stop()
