"""An open page is true, or says how old it is: through changes, a killed daemon, a frozen one, and a sleep."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from prometheus_client import CollectorRegistry

from retabli.metrics import Figures, Metrics
from retabli.model.record import Entry, Event
from retabli.model.states import State
from retabli.view import View
from retabli.web import Web, build
from tests.browser.states import move
from tests.browser.watching import Watched, watching
from tests.commands.daemons import living
from tests.daemon.living import Life
from tests.view.pictures import NOW, flow, picture
from tests.web.serving import Served
from tests.web.test_wall import DAY, SITE, Hands

pytestmark = [pytest.mark.real, pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="session")]

PATIENCE = 20_000  # milliseconds
# When the row of a flow last changed its state, by the browser's clock, and whether the page was loaded anew since.
NOTE = """() => {
  window.notLoadedAnew = true;
  window.moved = {};
  const look = () => document.querySelectorAll("[data-flow]").forEach((row) => {
    const before = window.moved[row.dataset.flow];
    if (!before || before.state !== row.dataset.state)
      window.moved[row.dataset.flow] = {state: row.dataset.state, at: performance.timeOrigin + performance.now()};
  });
  look();
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""

# Where in each strip the flow's being restored begins, in per cent of the strip.
STARTS = """() => Object.fromEntries([...document.querySelectorAll("[data-flow]")].map((row) => {
  const strip = row.querySelector("svg.course");
  const from = Number(/^M(\\d+)/.exec(strip.querySelector(".restored").getAttribute("d"))[1]);
  return [row.dataset.flow, Math.round((100 * from) / strip.viewBox.baseVal.width)];
}))"""


async def shown(page: Page, name: str, state: str) -> None:
    await page.locator(f"[data-flow='{name}'][data-state='{state}']").first.wait_for(timeout=PATIENCE)


async def look(page: Page) -> str:
    """How a restored row is painted: its colours, and what lies over them."""
    found: str = await page.evaluate(
        """() => {
          const seen = [];
          let each = document.querySelector("main [data-state='restored'] svg");
          seen.push(getComputedStyle(each).color);
          for (; each; each = each.parentElement) {
            const style = getComputedStyle(each);
            seen.push(style.opacity, style.filter);
          }
          return seen.join(" ");
        }"""
    )
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, life: Life) -> AsyncIterator[Watched]:
    """A restored flow, on an open page."""
    await life.watched.start()
    await life.until_state("restored")
    async with watching(browser, f"http://127.0.0.1:{life.port}") as watched:
        await watched.open("/")
        await watched.page.evaluate(NOTE)
        await shown(watched.page, "port", "restored")
        yield watched


async def test_a_change_of_state_is_in_the_open_page_without_its_being_loaded_anew(
    open_page: Watched, life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    page = open_page.page
    delays = []
    for stop, state in ((True, "dropped"), (False, "restored")):
        await (life.watched.stop() if stop else life.watched.start())
        await shown(page, "port", state)
        moved = await page.evaluate("window.moved.port")
        since = (await life.get("/api/v1/flows"))["flows"][0]["since"]
        told = await page.evaluate("(since) => Date.parse(since)", since)
        delays.append(moved["at"] - told)
    assert await page.evaluate("window.notLoadedAnew")
    assert open_page.complaints == []
    with capsys.disabled():
        print(f"\n  event → open page: {', '.join(f'{each:.0f} ms' for each in delays)} (wanted: under 1,000)")  # noqa: T201


async def test_the_line_on_top_and_a_flow_s_own_page_follow_too(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as wall, watching(browser, states.web.url) as one:
        await wall.open("/")
        await one.open("/flows/mssante")
        before = await wall.page.locator("#headline").inner_text()
        for state in (State.DROPPED, State.RESTORED, State.DOWN):
            move(states, "mssante", state)
            await shown(wall.page, "mssante", state.value)
            await expect(wall.page.locator("#headline")).not_to_have_text(before, use_inner_text=True)
            await one.page.locator(f"article[data-state='{state.value}']").wait_for(timeout=PATIENCE)
            before = await wall.page.locator("#headline").inner_text()


async def test_a_killed_daemon_is_said_at_once_with_an_age_that_grows_and_a_new_one_mends_the_page(
    open_page: Watched, life: Life
) -> None:
    page = open_page.page
    lost = page.locator("#lost")
    assert await lost.is_hidden()
    live = await look(page)
    await life.end(signal.SIGKILL)
    await lost.wait_for(timeout=5000)
    said = await lost.inner_text()
    assert await look(page) != live, "green is not the colour of what is not known"
    await expect(lost).not_to_have_text(said, use_inner_text=True, timeout=5000)
    assert await page.locator("[data-flow='port']").count() == 1, "what was seen last is still there to be read"
    await life.start()
    await lost.wait_for(state="hidden", timeout=PATIENCE)
    await shown(page, "port", "restored")
    assert await look(page) == live


async def test_a_frozen_daemon_is_known_by_the_beat_that_does_not_come(browser: Browser, life: Life) -> None:
    await life.watched.start()
    await life.until_state("restored")
    async with watching(browser, f"http://127.0.0.1:{life.port}") as watched:
        page = watched.page
        await page.clock.install()
        await watched.open("/")
        await shown(page, "port", "restored")
        live = await look(page)
        assert life.process is not None
        life.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(0.3)  # what it had said before is read
            await page.clock.run_for(6_000)
            assert await page.locator("#lost").is_hidden(), "a beat may be late"
            await page.clock.run_for(60_000)
            await page.locator("#lost").wait_for(timeout=5000)
            assert "1\u00a0min" in await page.locator("#lost").inner_text()
            assert await look(page) != live
        finally:
            life.process.send_signal(signal.SIGCONT)
        await page.clock.resume()
        await page.locator("#lost").wait_for(state="hidden", timeout=PATIENCE)


async def test_a_reader_whose_clock_is_set_back_is_told_of_a_silent_daemon_all_the_same(
    browser: Browser, life: Life
) -> None:
    await life.watched.start()
    await life.until_state("restored")
    async with watching(browser, f"http://127.0.0.1:{life.port}") as watched:
        page = watched.page
        await page.clock.install()
        await watched.open("/")
        await shown(page, "port", "restored")
        assert life.process is not None
        life.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(0.3)  # what it had said before is read
            await page.clock.set_system_time(time.time() - 3600)
            await page.clock.run_for(60_000)
            await page.locator("#lost").wait_for(timeout=5000)
        finally:
            life.process.send_signal(signal.SIGCONT)


async def test_a_page_that_slept_for_an_hour_shows_nothing_old_as_live(browser: Browser, life: Life) -> None:
    await life.watched.start()
    await life.until_state("restored")
    async with watching(browser, f"http://127.0.0.1:{life.port}") as watched:
        page = watched.page
        await page.clock.install()
        await watched.open("/")
        await shown(page, "port", "restored")
        live = await look(page)
        await life.end(signal.SIGKILL)
        await page.clock.fast_forward(3_600_000)
        await page.locator("#lost").wait_for(timeout=5000)
        assert "1\u00a0h" in await page.locator("#lost").inner_text()
        assert await look(page) != live


async def test_strips_of_before_and_after_the_first_day_agree_on_one_page(browser: Browser) -> None:
    """What an event brings is drawn in coarser steps than what was drawn before: each is as long as it says."""
    hands = Hands()
    site = replace(SITE, cut_at=NOW - DAY + 10)
    view = View(site, wall=hands)
    for name in ("a", "b"):
        view.logged(Entry(NOW - DAY / 2, Event.STATE, name, {"was": "unknown", "now": "restored"}))
        view.show(picture(flow(name), since=NOW - DAY / 2), None, None)
    app = build(view, Metrics(Figures(CollectorRegistry(), version="0", standpoint="inside"), language="fr"))
    web = Web(app, "127.0.0.1", 0, leaving=view.close)
    web.bind()
    serving = asyncio.create_task(web.run())
    await web.up.wait()
    try:
        async with watching(browser, web.url) as watched:
            await watched.open("/")
            assert await watched.page.evaluate(STARTS) == {"a": 50, "b": 50}
            hands.now = NOW + 20
            view.show(picture(flow("b"), since=NOW - DAY / 2, drops=1), None, None)
            await watched.page.locator("#f-b svg.course[data-unit='60']").wait_for(timeout=PATIENCE)
            assert await watched.page.locator("#f-a svg.course").get_attribute("data-unit") == "1"
            await watched.page.evaluate("document.querySelector('.days').dataset.length = 1")  # so that it lengthens
            await watched.page.evaluate("dispatchEvent(new Event('beforeprint'))")
            assert await watched.page.evaluate(STARTS) == {"a": 50, "b": 50}
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("path", ["/", "/flows/port", "/log"])
async def test_going_back_to_a_page_shows_what_is_and_not_what_was(browser: Browser, life: Life, path: str) -> None:
    await life.watched.start()
    await life.until_state("restored")
    async with watching(browser, f"http://127.0.0.1:{life.port}") as watched:
        await watched.open(path)
        await watched.open("/public")
        await life.watched.stop()
        await life.until_state("dropped")
        await watched.page.go_back()
        await watched.page.locator("main [data-state='dropped']").first.wait_for(timeout=5000)
        assert urlsplit(watched.page.url).path == path


async def test_a_page_that_the_browser_kept_whole_is_not_live_until_it_has_asked(browser: Browser, life: Life) -> None:
    await life.watched.start()
    await life.until_state("restored")
    async with watching(browser, f"http://127.0.0.1:{life.port}") as watched:
        await watched.open("/")
        await shown(watched.page, "port", "restored")
        # What the browser shows again from its own memory may be hours old.
        said_lost = await watched.page.evaluate(
            """() => {
              document.querySelector("[data-flow='port']").dataset.state = "down";
              dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true}));
              return !document.getElementById("lost").hidden;
            }"""
        )
        # Said before the browser paints it, and taken back only with what the daemon has answered.
        assert said_lost
        await watched.page.locator("#lost[hidden]").wait_for(state="attached", timeout=5000)
        assert await watched.page.locator("[data-flow='port'][data-state='restored']").count() == 1


@pytest.mark.parametrize("path", ["/", "/flows/port", "/log", "/report", "/public"])
async def test_without_script_the_page_is_whole_and_comes_anew_by_itself(
    browser: Browser, life: Life, path: str
) -> None:
    await life.watched.start()
    await life.until_state("restored")
    async with watching(browser, f"http://127.0.0.1:{life.port}", java_script_enabled=False) as watched:
        await watched.open(path)
        page = watched.page
        main = page.get_by_role("main")
        assert "Port" in await main.inner_text() or path == "/public"
        assert await page.get_by_role("heading", level=1).count() == 1
        assert await page.locator("#lost").is_hidden()
        if path == "/report":
            return  # a point of situation is of its moment
        # A form that somebody fills in is never taken away: that page offers a link instead.
        fresh = page.locator("meta[http-equiv=refresh]")
        assert await fresh.count() == 1 or await main.locator(f"a[href='{path}']").count() == 1
        if await fresh.count():
            assert 5 <= int(await fresh.get_attribute("content") or "") <= 60
