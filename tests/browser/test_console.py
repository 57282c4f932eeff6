"""What the browser complains of, and whom it asks for anything: nothing, and nobody but the daemon."""

import pytest
from playwright.async_api import Browser

from tests.browser.hostile import DANGERS
from tests.browser.states import FLOWS, PATHS
from tests.browser.watching import watching
from tests.daemon.living import Life
from tests.web.serving import Served

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_no_page_in_any_state_has_the_browser_complain_or_ask_anybody_else(
    browser: Browser, states: Served, language: str
) -> None:
    async with watching(browser, states.web.url) as watched:
        for path in PATHS:
            await watched.open(f"{path}?lang={language}")
            assert await watched.page.locator("html").get_attribute("lang") == language
            assert await watched.page.locator("main").inner_text()
        assert watched.complaints == []
        assert watched.strangers == []
    assert {name: each.state for name, each in states.view.pictures.items()} == FLOWS


async def test_what_comes_by_the_stream_has_the_browser_complain_of_nothing(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open()
        for name in FLOWS:
            states.view.show(states.view.pictures[name], None, None)
        await watched.page.wait_for_function("performance.getEntriesByType('resource').length >= 2")
        assert any("/live" in url for url in watched.asked)
        assert watched.complaints == []
        assert watched.strangers == []


async def test_an_error_is_a_page_that_complains_of_nothing_but_itself(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open("/flows/nothing")
        assert await watched.page.get_by_role("heading", level=1).inner_text() == "404"
        await watched.page.get_by_role("main").get_by_role("link").click()
        await watched.page.locator("#headline").wait_for()
        said = [each for each in watched.complaints if "404" not in each]
        assert said == []
        assert len(watched.complaints) == 2, "that it is not there, by the network and by the console"
        assert watched.strangers == []


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_a_real_daemon_s_pages_complain_of_nothing(browser: Browser, attacked: Life, language: str) -> None:
    async with watching(browser, f"http://127.0.0.1:{attacked.port}") as watched:
        for path in ("/", "/log", "/report", "/public", "/flows/tls", "/flows/shut", *(f"/flows/{e}" for e in DANGERS)):
            await watched.open(f"{path}?lang={language}")
            assert await watched.page.locator("main").inner_text()
        assert watched.complaints == []
        assert watched.strangers == []
