"""The pictures of the documentation, taken anew from the demo.

python -m tests.browser.pictures [FOLDER] [--only NAME …]      about three minutes; docs/pictures by default

The replay is looked at when it begins, in its middle and at its end; then a flow is cut, the internet is opened, and
the daemon is killed under an open page.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Page

from simulator.timeline import SECONDS
from tests.browser.chromium import chromium
from tests.browser.png import reduced
from tests.entrance import ENTRANCE, ROOT
from tests.net.peers import closed_port

FOLDER = ROOT / "docs" / "pictures"
PATIENCE = 60.0  # seconds
STILL_DOWN = {"card-payment"}  # at the end of the replay
WIDE, LARGE, SMALL, PAPER = (1280, 800), (1920, 1080), (390, 844), (703, 1017)


@dataclass(frozen=True, slots=True)
class Picture:
    """`whole`: the page to its end, not the window alone. `paper`: as it is printed on A4, between its margins."""

    name: str
    path: str = "/"
    size: tuple[int, int] = WIDE
    dark: bool = False
    whole: bool = False
    paper: bool = False
    query: str = ""


START = (Picture("start", size=LARGE),)
MIDDLE = (Picture("middle", size=LARGE),)
END = (
    Picture("restoration.fr", whole=True, size=(1200, 800)),
    Picture("restoration.en", whole=True, size=(1200, 800), query="?lang=en"),
    Picture("end", size=LARGE),
    Picture("end-dark", size=LARGE, dark=True),
    Picture("telephone", size=SMALL),
    Picture("paper", paper=True, size=PAPER),
    Picture("log", path="/log"),
    Picture("report", path="/report", whole=True),
    Picture("public", path="/public", whole=True),
)
DROP = (
    Picture("drop", size=LARGE),
    Picture("flow", path="/flows/mail-out", whole=True),
    Picture("flow-dark", path="/flows/mail-out", dark=True),
    Picture("flow-telephone", path="/flows/mail-out", size=SMALL),
)
BREACH = (Picture("breach", size=LARGE), Picture("breach-telephone", size=SMALL, dark=True))
LOST = Picture("lost", size=LARGE)
ALL = (*START, *MIDDLE, *END, *DROP, *BREACH, LOST)


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The demo, and where it answers. What it writes down lies in `folder`, also when it is killed."""
    address = f"127.0.0.1:{closed_port()}"
    process = await asyncio.create_subprocess_exec(
        *(*ENTRANCE, "demo", "--listen", address, "--lang", "fr"),
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"http://{address}/-/ready")
                    break
                await asyncio.sleep(0.1)  # another process: there is nothing here to await
        yield process, f"http://{address}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def opened(browser: Browser, base: str, picture: Picture) -> AsyncIterator[Page]:
    """A window of that size on that page, as a reader sees it once the browser has drawn it."""
    given: dict[str, Any] = {
        "viewport": dict(zip(("width", "height"), picture.size, strict=True)),
        "color_scheme": "dark" if picture.dark else "light",
        "locale": "en-GB" if "en" in picture.query else "fr-FR",
        "device_scale_factor": 1.5 if picture.paper else 2 if picture.size == SMALL else 1,
        "reduced_motion": "reduce",
    }
    context = await browser.new_context(**given)
    try:
        page = await context.new_page()
        if picture.paper:
            await page.emulate_media(media="print")
        if picture == LOST:
            await page.clock.install()
        await page.goto(f"{base}{picture.path}{picture.query}")
        yield page
    finally:
        await context.close()


async def keep(page: Page, picture: Picture, folder: Path) -> None:
    path = folder / f"{picture.name}.png"
    if picture not in DROP:  # the demo's switches are no part of what a hospital sees
        await page.evaluate("document.getElementById('switches')?.style.setProperty('display', 'none')")
    drawn = await page.screenshot(full_page=picture.whole, animations="disabled")
    blank = await page.context.new_page()
    path.write_bytes(await reduced(drawn, blank))
    print(f"{path.name:24}{path.stat().st_size / 1000:6.0f} kB")  # noqa: T201


async def until(base: str, flow: str, state: str) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(base_url=base, trust_env=False) as client:
        while (await client.get(f"/api/v1/flows/{flow}")).json()["state"] != state:
            await asyncio.sleep(0.2)  # another process: there is nothing here to await


async def settled(base: str) -> None:
    """Until all is as the evening of 3 July was: a machine that is busy elsewhere makes a flow drop for a moment."""
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(base_url=base, trust_env=False) as client:
        while True:
            flows = (await client.get("/api/v1/flows")).json()["flows"]
            if {each["id"] for each in flows if each["state"] not in ("restored", "contained")} == STILL_DOWN:
                return
            await asyncio.sleep(0.2)  # another process: there is nothing here to await


async def switch(base: str, flow: str, position: str) -> None:
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        answer = await client.post("/demo/switch", data={"flow": flow, "position": position})
        assert answer.is_redirect, answer.text


async def take(folder: Path, wanted: Collection[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="retabli-pictures-") as state:
        async with chromium() as browser, demo(Path(state)) as (process, base):
            began = time.monotonic()

            async def each(pictures: Collection[Picture]) -> None:
                for picture in pictures:
                    if not wanted or picture.name in wanted:
                        if picture in END:
                            await settled(base)
                        async with opened(browser, base, picture) as page:
                            await asyncio.sleep(1.2)  # the first tick of its clock
                            await keep(page, picture, folder)

            for pictures, at in ((START, 8.0), (MIDDLE, SECONDS / 2), (END, SECONDS + 4.0)):
                await asyncio.sleep(max(0.0, began + at - time.monotonic()))
                await each(pictures)
            await settled(base)
            await switch(base, "mail-out", "refused")
            await until(base, "mail-out", "dropped")
            await each(DROP)
            await switch(base, "internet", "open")
            await until(base, "internet", "breached")
            await each(BREACH)
            async with opened(browser, base, LOST) as page:
                await page.clock.run_for(2000)
                process.send_signal(signal.SIGKILL)
                await page.locator("#lost").wait_for()
                await page.clock.run_for(100_000)
                if not wanted or LOST.name in wanted:
                    await keep(page, LOST, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", choices=[each.name for each in ALL])
    options = parser.parse_args()
    asyncio.run(take(options.folder, options.only))


if __name__ == "__main__":
    main()
