"""A flow's page stays true while somebody fills in its forms, and takes nothing from them."""

import pytest
from playwright.async_api import Browser, Page, expect

from retabli.model.states import State
from tests.browser.states import move
from tests.browser.watching import watching
from tests.view.pictures import NOW
from tests.web.serving import Served

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]


async def fill(page: Page, by: str, why: str) -> None:
    await page.locator("#silence-by").fill(by)
    await page.locator("#silence-why").fill(why)


async def stands(page: Page, state: State) -> None:
    await page.locator(f"article[data-state='{state.value}']").wait_for()


async def test_what_is_being_written_stays_while_everything_around_it_changes(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        page = watched.page
        await watched.open("/flows/mssante")
        why = page.locator("#silence-why")
        await why.fill("half a word")
        for state in (State.DROPPED, State.RESTORED):
            move(states, "mssante", state)
            await stands(page, state)
            assert await why.input_value() == "half a word"
            await expect(why).to_be_focused()
            assert await page.locator("#page").count() == 1
            assert await page.get_by_role("heading", level=1).count() == 1


async def test_a_form_that_nobody_fills_in_changes_with_the_page(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open("/flows/mail-in")
        await states.board.silence("mail-in", until=NOW + 3600.0, by="Karim", why="bascule")
        ending = watched.page.locator("form[action$='/unsilence']")
        await ending.wait_for()
        assert "bascule" in await ending.inner_text()
        assert await watched.page.locator("form[action$='/silence']").count() == 0


async def test_enter_silences_nothing_a_button_does_and_the_name_is_there_next_time(
    browser: Browser, states: Served
) -> None:
    heard = len(states.board.heard)
    async with watching(browser, states.web.url) as watched:
        page = watched.page
        await watched.open("/flows/mssante")
        await fill(page, "Karim", "bascule")
        await page.locator("#silence-why").press("Enter")
        assert await page.locator("form[action$='/unsilence']").count() == 0
        assert len(states.board.heard) == heard
        await page.locator("button[name=for][value='4h']").click()
        await page.wait_for_url("**#page")
        assert states.board.heard[heard:] == [("silence", {"by": "Karim", "why": "bascule", "until": NOW + 4 * 3600.0})]
        assert await page.locator("#end-by").input_value() == "Karim"
        assert await page.evaluate("document.cookie") == "", "no script sees it"


async def test_why_it_was_not_taken_stays_to_be_read_while_the_page_goes_on(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        page = watched.page
        await watched.open("/flows/mssante")
        await fill(page, "Karim", "bascule")
        await page.locator("button[name=for][value=until]").click()
        fault = page.get_by_role("alert").get_by_role("listitem")
        await fault.wait_for()
        move(states, "mssante", State.DROPPED)
        await stands(page, State.DROPPED)
        assert await fault.inner_text() == "Jusqu'à quand\u00a0: à renseigner"
        assert await page.locator("#silence-why").input_value() == "bascule"
