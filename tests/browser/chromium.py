"""Chromium of the distribution without a window, led by Playwright: for the tests, the pictures and the benchmark."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
# It speaks to nobody but the page that is looked at: no proxy, no update, no account, no QUIC.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--no-proxy-server",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """It ends with the block, and with this process whatever becomes of it: it hangs on a pipe of ours.

    Raises:
        FileNotFoundError: there is no Chromium; `make test-real` installs it.
    """
    if not CHROMIUM.exists():
        raise FileNotFoundError(f"{CHROMIUM} is missing; `make test-real` installs it")
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET, env={**environment})
        try:
            yield browser
        finally:
            await browser.close()
