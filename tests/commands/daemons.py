"""A daemon of its own for the tests of commands that talk to one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.daemon.living import Life, Post


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[Life]:
    """A daemon that runs, the service that it watches (not yet started), and the webhook that it tells."""
    watched, hook = Post(), Post()
    await hook.start()
    life = Life(folder, watched, hook)
    try:
        await life.start()
        yield life
    finally:
        await life.leave()
        await watched.stop()
        await hook.stop()


async def told(life: Life) -> list[str]:
    """The log as `log` prints it, one line a row."""
    _, out, _ = await life.command("log", "--config", str(life.config))
    return out.replace("\n" + " " * 20, " ").splitlines()
