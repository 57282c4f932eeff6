"""A daemon of its own for the tests of commands that talk to one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from retabli.model.record import FlowPicture
from retabli.view import Site, View
from retabli.web import Web, build
from tests.daemon.living import Life, life_in
from tests.view.pictures import NOW
from tests.web.hospital import SITE, outlets


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[Life]:
    """A daemon that runs, the service that it watches (not yet started), and the webhook that it tells."""
    async with life_in(folder, well=False) as life:
        await life.start()
        yield life


async def told(life: Life) -> list[str]:
    """The log as `log` prints it, one line a row."""
    _, out, _ = await life.command("log", "--config", str(life.config))
    return out.replace("\n" + " " * 20, " ").splitlines()


@asynccontextmanager
async def daemon(shown: Sequence[FlowPicture], site: Site = SITE) -> AsyncIterator[str]:
    """Only what is seen of one: the pages and the API over these pictures, at an instant that does not pass."""
    _, metrics = outlets()
    view = View(site, wall=lambda: NOW)
    for each in shown:
        view.show(each, None, None)
    web = Web(build(view, metrics), "127.0.0.1", 0, leaving=view.close)
    url = web.bind()
    task = asyncio.create_task(web.run())
    await web.up.wait()
    try:
        yield url
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
