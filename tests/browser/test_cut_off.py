"""A page that lost its daemon halfway shows nothing as current: while it loads, while it asks, and while it listens."""

import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from retabli.model.result import Outcome
from retabli.model.states import State
from retabli.view import Site, View
from tests.browser.relay import Relay, relayed
from tests.browser.watching import Watched, watching
from tests.view.pictures import flow, picture, result

pytestmark = [pytest.mark.real, pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="session")]

FLOWS = tuple(f"flow-{number}" for number in range(30))


def show(view: View, name: str, state: State) -> None:
    of = view.pictures[name].flow if name in view.pictures else flow(name, public=True)
    outcome = Outcome.OK if state is State.RESTORED else Outcome.FAILED
    run, now = result(of.probes["p"], outcome, at=time.time()), time.time()
    view.show(picture(of, state, [run], since=now - (90_000 if state is State.RESTORED else 1)), None, None)


@dataclass
class Wall:
    """The daemon's clock: `off` seconds from the right time."""

    off: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.off


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def view(wall: Wall) -> View:
    made = View(Site("CHU", "en"), wall=wall)
    for name in FLOWS:
        show(made, name, State.RESTORED)
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def relay(view: View) -> AsyncIterator[tuple[Relay, str]]:
    async with relayed(view) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, relay: tuple[Relay, str]) -> AsyncIterator[Watched]:
    """A page of a browser whose clock is led by the test."""
    async with watching(browser, relay[1]) as watched:
        await watched.page.clock.install()
        yield watched


async def begins_to_load(watched: Watched, path: str, until: str) -> None:
    async with watched.page.expect_event("requestfinished", lambda request: "arrived" in request.url):
        await watched.page.goto(watched.base + path, wait_until="commit")
    await watched.page.locator(until).first.wait_for(state="attached", timeout=5000)


async def is_old(page: Page) -> None:
    """It says so, and nothing on it is in a state's colour."""
    await page.locator("body.stale").wait_for(timeout=5000)
    assert await page.locator("#lost, #old").is_visible()


@pytest.mark.parametrize("torn", [True, False], ids=["torn", "hanging"])
@pytest.mark.parametrize(
    ("path", "stops_at", "seen"),
    [
        ("/", 'id="f-flow-20"', "#f-flow-10"),
        ("/flows/flow-1", '<section class="about">', "article[data-state='restored']"),
        ("/log", '<footer class="chain">', "main h1"),
    ],
)
async def test_a_page_whose_rest_never_comes_says_that_it_is_old_and_comes_whole_when_the_server_is_back(
    open_page: Watched, relay: tuple[Relay, str], path: str, stops_at: str, seen: str, *, torn: bool
) -> None:
    page, (between, _) = open_page.page, relay
    between.stops_at, between.torn = stops_at.encode(), torn
    await begins_to_load(open_page, path, seen)
    if torn:
        between.rest.set()
    title = await page.title()
    between.refuses_pages = True
    assert await page.evaluate("document.readyState") == "loading"
    await page.clock.run_for(4_000)
    assert await page.locator("#lost").is_hidden(), "a page may be slow"
    await page.clock.run_for(12_000)
    await is_old(page)
    assert re.search(r"old: 1[6-9]\u00a0s$", await page.locator("#lost").inner_text())
    assert await page.title() == f"Connection lost · {title}"
    between.refuses_pages = False
    await page.clock.run_for(12_000)
    await page.locator("body:not(.stale)[data-begun]").wait_for(timeout=5000)
    assert await page.locator("#lost").is_hidden()
    assert await page.title() == title


async def test_a_page_whose_own_script_never_begins_says_that_it_is_old(
    browser: Browser, relay: tuple[Relay, str]
) -> None:
    async with watching(browser, relay[1]) as watched:
        page = watched.page
        await page.clock.install()
        await page.route("**/live.js*", lambda route: route.abort())
        await watched.open("/")
        relay[0].refuses_pages = True
        await page.clock.run_for(14_000)
        await is_old(page)


async def test_a_page_that_is_slow_to_come_is_live_once_it_is_there(
    open_page: Watched, relay: tuple[Relay, str], view: View
) -> None:
    page, (between, _) = open_page.page, relay
    between.stops_at = b'id="f-flow-20"'
    between.streams.clear()
    await begins_to_load(open_page, "/", "#f-flow-10")
    title = await page.title()
    between.refuses_pages = True
    await page.clock.run_for(14_000)
    await is_old(page)
    show(view, "flow-1", State.DROPPED)
    between.rest.set()
    await page.locator("body[data-begun]:not(.stale)").wait_for(timeout=5000)
    assert await page.title() == title
    between.streams.set()
    await page.locator("#f-flow-1[data-state='dropped']").wait_for(timeout=5000)
    assert await page.locator("#lost").is_hidden()


async def test_what_somebody_writes_in_a_page_that_came_in_part_is_not_taken_away(
    open_page: Watched, relay: tuple[Relay, str]
) -> None:
    page, (between, _) = open_page.page, relay
    between.stops_at = b'<footer class="chain">'
    await begins_to_load(open_page, "/log", "#log-since")
    await page.locator("#log-since").fill("2023-07-03T08:00")
    before = len(between.asked)
    await page.clock.run_for(60_000)
    await is_old(page)
    assert between.asked[before:] == []
    assert await page.locator("#log-since").input_value() == "2023-07-03T08:00"


async def test_a_public_page_that_came_in_part_is_taken_anew_or_called_old(
    open_page: Watched, relay: tuple[Relay, str], wall: Wall
) -> None:
    page, (between, _) = open_page.page, relay
    between.stops_at = b"<h3>flow-20"
    await begins_to_load(open_page, "/public", "main li[data-state='restored']")
    between.refuses_pages = True
    await page.clock.run_for(60_000)
    assert await page.locator("#old").is_hidden(), "it is a minute old"
    await page.clock.fast_forward(3_600_000)
    wall.off = 3600.0
    await is_old(page)
    between.refuses_pages = False
    await page.clock.run_for(12_000)
    await page.locator("body:not(.stale)[data-begun]").wait_for(timeout=5000)
    await expect(page.locator("main li")).to_have_count(len(FLOWS))
