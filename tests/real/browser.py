"""Chromium without a window, a process of the test's own: led by the DevTools protocol over its WebSocket."""

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 20.0  # seconds until a browser is there, or a page as it is awaited


class Tab:
    """One page that is open."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)

    async def ask(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        await self._wire.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(await self._wire.recv())
            if answer.get("id") == number:
                return answer["result"]

    async def run(self, script: str) -> Any:
        """The value of an expression, in the page."""
        answer = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def open(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)
        await self.until(f"document.readyState == 'complete' && location.href == {json.dumps(url)}")

    async def until(self, condition: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self.run(condition):
                await asyncio.sleep(0.05)  # another process: there is nothing here to await

    async def press_enter(self) -> None:
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **key)


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Tab]:
    """A browser with one empty page; its profile is in `folder`."""
    command = [shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not (port := _port(folder / "DevToolsActivePort")):
                await asyncio.sleep(0.05)
            async with httpx.AsyncClient(trust_env=False) as client:
                pages = (await client.get(f"http://127.0.0.1:{port}/json")).json()
        url = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        async with connect(url, proxy=None, max_size=2**24) as wire:
            tab = Tab(wire)
            await tab.ask("Page.enable")
            yield tab
    finally:
        process.terminate()
        await process.wait()


def _port(file: Path) -> str:
    """What the browser writes once it listens; empty until then."""
    lines = file.read_text().splitlines() if file.exists() else []
    return lines[0] if len(lines) > 1 else ""
