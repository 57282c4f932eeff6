"""A page that is open, and all that its browser complained of and asked for meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Request, Response, ViewportSize

TELEPHONE = ViewportSize(width=390, height=844)
LAPTOP = ViewportSize(width=1280, height=900)
WALL = ViewportSize(width=1920, height=1080)
NARROW = ViewportSize(width=320, height=256)  # what 1280 × 1024 is at 400 % (WCAG 2.2, 1.4.10)

# What the policy forbade is said by an event besides the console.
LISTEN = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`forbidden by the policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass
class Watched:
    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.base + path)

    @property
    def strangers(self) -> list[str]:
        """What was asked of anybody else than the daemon."""
        return [url for url in self.asked if not url.startswith(self.base + "/")]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        # A stream is cut by whoever leaves its page, which is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def listen(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)


@asynccontextmanager
async def watching(browser: Browser, base: str, **context: Any) -> AsyncIterator[Watched]:
    """A page of a fresh profile; `context` as Playwright's `new_context` takes it."""
    given = {"viewport": LAPTOP, "locale": "fr-FR", "timezone_id": "Pacific/Auckland", "service_workers": "block"}
    opened = await browser.new_context(**(given | context))
    try:
        await opened.add_init_script(LISTEN)
        watched = Watched(await opened.new_page(), base)
        watched.listen()
        yield watched
    finally:
        await opened.close()


async def overflows(page: Page) -> list[str]:
    """The elements that stand out of the page to the right; none: it fits its width."""
    found: list[str] = await page.evaluate(
        """() => {
          const root = document.documentElement;
          if (root.scrollWidth <= root.clientWidth) return [];
          const out = [...document.body.querySelectorAll("*")]
            .filter((each) => each.getBoundingClientRect().right > root.clientWidth + 1)
            .map((each) => `${each.tagName.toLowerCase()}.${each.className}: ${each.textContent.trim().slice(0, 40)}`);
          return out.length ? out : [`${root.scrollWidth} > ${root.clientWidth}`];
        }"""
    )
    return found
