"""A page that lost its daemon halfway shows nothing as current: while it loads, while it asks, and while it listens."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

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
    stands_at: float | None = None

    def __call__(self) -> float:
        return self.stands_at or time.time() + self.off


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


# between two streams --------------------------------------------------------------------------------------------------


async def asks(relay: Relay, what: str, times: int) -> None:
    async with asyncio.timeout(10):
        while relay.asked.count(what) < times:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("when", ["before it asks", "while it asks"])
async def test_a_page_that_is_taken_anew_while_nothing_is_heard_stays_lost_until_it_has_asked_again(
    browser: Browser, relay: tuple[Relay, str], view: View, when: str
) -> None:
    between, address = relay
    async with watching(browser, address) as watched:
        page = watched.page
        await watched.open("/")
        await page.locator("#f-flow-1[data-state='restored']").wait_for()
        await asks(between, "GET /", 1)
        between.pages.clear()
        show(view, "new", State.RESTORED)  # that has no place yet: the page is taken anew within three seconds
        show(view, "flow-2", State.DROPPED)
        await page.locator("#f-flow-2[data-state='dropped']").wait_for(timeout=5000)  # it has heard so
        if when == "while it asks":
            await asks(between, "GET /", 2)
        between.streams.clear()
        between.cut()
        await is_old(page)
        await asks(between, "GET /", 2)
        between.pages.set()
        await page.locator("#f-new").wait_for(timeout=5000)
        with pytest.raises(PlaywrightTimeout):
            await page.locator("body:not(.stale)").wait_for(timeout=4000)
        show(view, "flow-1", State.DROPPED)  # nobody is told of it
        between.streams.set()
        await page.locator("body:not(.stale)").wait_for(timeout=15_000)
        await page.locator("#f-flow-1[data-state='dropped']").wait_for(timeout=500)


async def test_a_lost_page_does_not_ask_for_itself_over_and_over_while_no_stream_is_given_to_it(
    open_page: Watched, relay: tuple[Relay, str], view: View
) -> None:
    page, (between, _) = open_page.page, relay
    await open_page.open("/")
    show(view, "new", State.RESTORED)
    show(view, "flow-2", State.DROPPED)
    await page.locator("#f-flow-2[data-state='dropped']").wait_for(timeout=5000)
    between.refuses_streams = True
    between.cut()
    for _ in range(30):
        await page.clock.run_for(2_000)
        await page.evaluate("async () => { await (await fetch('/static/icon.svg')).text(); }")
    await is_old(page)
    assert between.asked.count("GET /") == 2, "when it was opened, and once anew"
    tried = sum(each.startswith("GET /live") for each in between.asked)
    assert 8 <= tried <= 50, "and it tries to listen all the while"


# the title of a tab that nobody looks at ------------------------------------------------------------------------------


async def test_the_title_says_that_the_page_is_lost_and_afterwards_what_was_missed(
    browser: Browser, relay: tuple[Relay, str], view: View
) -> None:
    between, address = relay
    async with watching(browser, address) as watched:
        page = watched.page
        await watched.open("/")
        await expect(page).to_have_title("Restoration of flows — CHU")
        show(view, "flow-2", State.DROPPED)
        await expect(page).to_have_title("1 dropped — CHU")
        between.streams.clear()
        between.cut()
        await expect(page).to_have_title("Connection lost · 1 dropped — CHU", timeout=5000)
        show(view, "flow-1", State.DROPPED)
        between.streams.set()
        await expect(page).to_have_title("2 dropped — CHU", timeout=15_000)
        assert await page.locator("#lost").is_hidden()


# the public page, and clocks that are wrong ---------------------------------------------------------------------------

HOUR, DAY = 3_600, 86_400


async def opens_public(watched: Watched, *, slow: float = 0.0) -> None:
    """By a reader whose clock is slow by so many seconds, and who has asked once for a newer page."""
    await watched.page.clock.set_system_time(time.time() - slow)
    async with watched.page.expect_event("requestfinished", lambda each: each.resource_type == "fetch"):
        await watched.open("/public")


async def renews(page: Page) -> None:
    async with page.expect_event("requestfinished", lambda each: each.resource_type == "fetch"):
        await page.clock.run_for(60_500)


async def test_a_public_page_follows_a_server_whose_clock_was_ahead_and_is_set_right(
    open_page: Watched, wall: Wall, view: View
) -> None:
    wall.off = DAY
    await opens_public(open_page)
    assert await open_page.page.locator("#old").is_hidden()
    wall.off = 0.0
    show(view, "flow-1", State.DROPPED)
    await renews(open_page.page)
    await open_page.page.locator("li[data-state='dropped']", has_text="flow-1").wait_for(timeout=5000)
    await expect(open_page.page.locator("#old")).to_be_hidden()


@pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])
async def test_a_reader_whose_clock_is_a_day_slow_is_told_that_the_public_page_is_not_renewed_any_more(
    open_page: Watched, relay: tuple[Relay, str], *, asleep: bool
) -> None:
    page = open_page.page
    await opens_public(open_page, slow=DAY)
    relay[0].refuses_pages = True
    if asleep:
        await page.evaluate("(() => { const now = performance.now(); performance.now = () => now; })()")
    await page.clock.fast_forward(2 * HOUR * 1000)
    await is_old(page)


async def test_a_reader_whose_clock_is_a_day_slow_believes_a_public_page_that_is_renewed(open_page: Watched) -> None:
    await opens_public(open_page, slow=DAY)
    for _ in range(3):
        await renews(open_page.page)
    await open_page.page.clock.run_for(15_000)
    assert await open_page.page.locator("#old").is_hidden()


async def test_a_public_page_that_is_given_again_and_again_but_never_made_anew_grows_old(
    open_page: Watched, relay: tuple[Relay, str], wall: Wall
) -> None:
    relay[0].gives_at = time.time
    wall.stands_at = time.time()
    await opens_public(open_page, slow=DAY)
    await open_page.page.clock.fast_forward(2 * HOUR * 1000)
    await renews(open_page.page)
    await is_old(open_page.page)


@pytest.mark.parametrize("off", [-2 * HOUR, DAY], ids=["of two hours ago", "of tomorrow"])
async def test_a_public_page_whose_hour_is_none_of_now_is_called_old_whatever_the_reader_s_clock_says(
    open_page: Watched, relay: tuple[Relay, str], wall: Wall, off: float
) -> None:
    relay[0].gives_at = time.time
    wall.off = off
    await opens_public(open_page, slow=DAY)
    await is_old(open_page.page)
