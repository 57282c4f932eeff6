"""axe-core finds nothing on any page: WCAG 2.2 at levels A and AA, and its good practice."""

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page

from tests.browser.states import PATHS
from tests.browser.watching import LAPTOP, TELEPHONE, watching
from tests.daemon.living import Life
from tests.web.serving import Served

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": TAGS}}
# Beside the pages of the hospital: those that are written from the store, and one that is not there.
WRITTEN = ("/log", "/report", "/public", "/flows/tls")


async def violations(page: Page) -> list[str]:
    """What axe finds, light and dark, on a laptop and a telephone: each rule with the elements that break it."""
    found: dict[str, None] = {}
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for name, size in (("laptop", LAPTOP), ("telephone", TELEPHONE)):
            await page.set_viewport_size(size)
            answer = (await Axe().run(page, options=OPTIONS)).response
            for violation in answer["violations"]:
                targets = ", ".join(str(node["target"][0]) for node in violation["nodes"][:4])
                found[f"{violation['id']} ({scheme}, {name}): {violation['help']}: {targets}"] = None
    return list(found)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_page_breaks_no_rule(browser: Browser, states: Served, path: str, language: str) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open(f"{path}?lang={language}")
        assert await violations(watched.page) == []


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_an_error_breaks_no_rule(browser: Browser, states: Served, language: str) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open(f"/nothing?lang={language}")
        assert await violations(watched.page) == []


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", WRITTEN)
async def test_a_page_over_hostile_words_breaks_no_rule(
    browser: Browser, attacked: Life, path: str, language: str
) -> None:
    async with watching(browser, f"http://127.0.0.1:{attacked.port}") as watched:
        await watched.open(f"{path}?lang={language}")
        assert await violations(watched.page) == []


async def test_what_could_not_be_taken_breaks_no_rule(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open("/flows/mssante")
        form = watched.page.locator("form[action*='/silence']")
        for field in await form.get_by_role("textbox").all():
            await field.fill("x")
        await form.locator("button[value=until]").click()
        await watched.page.get_by_role("alert").wait_for()
        assert await violations(watched.page) == []


async def test_a_page_whose_connection_is_lost_breaks_no_rule(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.page.route(re.compile(r"/live\?"), lambda route: route.abort())
        await watched.open("/")
        await watched.page.locator("#lost").wait_for()
        assert await violations(watched.page) == []
