"""Logging in by a real browser: read, typed and understood by everybody, and the way back to what was open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from retabli.web.access.throttle import PAIR
from retabli.web.words.access import TEXTS
from tests.browser.test_accessible import violations
from tests.browser.test_keyboard import tab
from tests.browser.watching import NARROW, Watched, overflows, watching
from tests.web.accounts import PASSWORDS, Guarded, guarded, policy

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]

both = pytest.mark.parametrize("language", ["fr", "en"])


@pytest_asyncio.fixture(loop_scope="session")
async def house() -> AsyncIterator[Guarded]:
    async with guarded() as server:
        yield server


async def fill(page: Page, user: str, password: str | None = None) -> None:
    await page.locator("#login-user").fill(user)
    await page.locator("#login-password").fill(PASSWORDS[user] if password is None else password)
    await page.locator("#login-password").press("Enter")


async def shown(page: Page, fault: str) -> None:
    """The fault, told to those who see the page and, with the field that has the focus, to those who hear it."""
    alert = page.get_by_role("alert")
    await expect(alert).to_have_text(fault)
    await expect(alert).to_be_in_viewport()
    await expect(page.locator("#login-password")).to_be_focused()
    await expect(page.locator("#login-password")).to_have_accessible_description(fault)
    assert await page.locator("#login-password").input_value() == ""


@both
async def test_the_form_breaks_no_rule_and_says_what_it_wants(browser: Browser, house: Guarded, language: str) -> None:
    async with watching(browser, house.served.web.url) as watched:
        await watched.open(f"/log?lang={language}")
        page = watched.page
        for field, word in (("#login-user", "user"), ("#login-password", "password")):
            await expect(page.locator(field)).to_have_accessible_name(TEXTS[word][language])
        await expect(page.locator("#login-user")).to_be_focused()
        assert await violations(page) == []
        assert watched.strangers == []


@both
async def test_a_wrong_password_is_told_where_it_is_mended(browser: Browser, house: Guarded, language: str) -> None:
    async with watching(browser, house.served.web.url) as watched:
        await watched.open(f"/?lang={language}")
        await fill(watched.page, "karim", "wrong")
        await shown(watched.page, TEXTS["login_refused"][language])
        assert await watched.page.locator("#login-user").input_value() == "karim"
        assert await violations(watched.page) == []


@both
async def test_who_must_wait_is_told_for_how_long(browser: Browser, house: Guarded, language: str) -> None:
    for _ in range(PAIR.free):
        await house.log_in("karim", "wrong")
    async with watching(browser, house.served.web.url) as watched:
        await watched.open(f"/?lang={language}")
        await fill(watched.page, "karim")
        await shown(watched.page, TEXTS["login_delayed"][language].format(seconds=2))
        assert await watched.page.locator("[aria-invalid]").count() == 0, "nothing that was typed is wrong"
        assert await violations(watched.page) == []


@both
async def test_at_four_times_its_size_nothing_is_cut_off_or_out_of_sight(
    browser: Browser, house: Guarded, language: str
) -> None:
    async with watching(browser, house.served.web.url, viewport=NARROW) as watched:
        await watched.open(f"/?lang={language}")
        assert await overflows(watched.page) == []
        await fill(watched.page, "karim", "wrong")
        await shown(watched.page, TEXTS["login_refused"][language])
        assert await overflows(watched.page) == []


async def test_by_keyboard_alone_it_is_user_password_button(browser: Browser, house: Guarded) -> None:
    async with watching(browser, house.served.web.url) as watched:
        page = watched.page
        await watched.open("/log?lang=en")
        await expect(page.locator("#login-user")).to_be_focused()
        await page.keyboard.type("karim")
        assert (await tab(page))["id"] == "login-password"
        await page.keyboard.type(PASSWORDS["karim"])
        stop = await tab(page)
        assert (stop["tag"], stop["shown"], stop["inView"]) == ("BUTTON", True, True)
        await page.keyboard.press("Space")
        await page.wait_for_url("**/log?lang=en")
        await expect(page.locator("form.account bdi")).to_have_text("karim")


async def test_without_a_script_in_and_out(browser: Browser, house: Guarded) -> None:
    async with watching(browser, house.served.web.url, java_script_enabled=False) as watched:
        page = watched.page
        await watched.open("/flows/mail-in?lang=en")
        await fill(page, "karim", "wrong")
        await expect(page.get_by_role("alert")).to_have_text(TEXTS["login_refused"]["en"])
        await fill(page, "karim")
        await page.wait_for_url("**/flows/mail-in?lang=en")
        await page.get_by_role("button", name=TEXTS["log_out"]["en"]).click()
        await page.wait_for_url("**/login?lang=en&out=")
        await expect(page.get_by_role("status").last).to_have_text(TEXTS["logged_out"]["en"])
        await watched.open("/flows/mail-in?lang=en")
        await expect(page.locator("#login-user")).to_be_visible()


async def test_who_is_in_already_is_told_so_and_goes_on(browser: Browser, house: Guarded) -> None:
    async with logged_in(browser, house, "/") as watched:
        await watched.open("/login?lang=en&next=/log%3Flang=en")
        assert await violations(watched.page) == []
        await watched.page.get_by_role("link", name=TEXTS["go_on"]["en"]).click()
        await watched.page.wait_for_url("**/log?lang=en")


# a session that ends under an open page ------------------------------------------------------------------------------


@asynccontextmanager
async def logged_in(browser: Browser, house: Guarded, path: str) -> AsyncIterator[Watched]:
    """An open page of somebody who has logged in."""
    async with watching(browser, house.served.web.url) as watched:
        await watched.open(path)
        await fill(watched.page, "karim")
        await watched.page.locator("form.account").wait_for()
        yield watched


def end(house: Guarded) -> None:
    """Every session ends, as at a change of every password."""
    house.access.adopt(policy("root"))
    house.access.adopt(policy())


@pytest.mark.parametrize("path", ["/?lang=en", "/flows/mail-in?lang=en", "/log?lang=en"])
async def test_a_page_whose_session_ends_is_the_form_which_leads_back_to_it(
    browser: Browser, house: Guarded, path: str
) -> None:
    async with logged_in(browser, house, path) as watched:
        page = watched.page
        end(house)
        await page.locator("#login-user").wait_for()
        assert "Messagerie" not in await page.content(), "and nothing of what was seen is left"
        await fill(page, "karim")
        await page.locator("form.account").wait_for()
        assert page.url == house.served.web.url + path
        await expect(page.locator("#lost")).to_be_hidden()


@both
async def test_what_is_being_written_stays_under_a_word_that_it_is_old_and_goes_on_after_a_log_in(
    browser: Browser, house: Guarded, language: str
) -> None:
    async with logged_in(browser, house, f"/flows/mssante?lang={language}") as watched:
        page = watched.page
        await page.locator("#silence-why").fill("half a word")
        end(house)
        link = page.get_by_role("link", name=TEXTS["session_over"][language])
        await expect(link).to_be_visible(timeout=20_000)
        await expect(page.locator("#lost")).to_be_visible()
        assert await page.locator("#silence-why").input_value() == "half a word"
        assert await violations(page) == []
        assert str(await link.get_attribute("href")).startswith("/login?"), "and the other page is left alone"
        async with page.context.expect_page() as coming:
            await link.click()
        other = await coming.value
        await fill(other, "karim")
        await other.wait_for_url(f"**/flows/mssante?lang={language}")
        await expect(page.locator("#lost")).to_be_hidden(timeout=20_000)
        await expect(link).to_be_hidden()
        assert await page.locator("#silence-why").input_value() == "half a word"
