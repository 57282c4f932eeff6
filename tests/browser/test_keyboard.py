"""Everything can be done by keyboard, and what has the focus is seen and keeps it."""

import pytest
from playwright.async_api import Browser, Page

from retabli.model.states import State
from tests.browser.states import FLOWS, move
from tests.browser.watching import watching
from tests.view.pictures import NOW
from tests.web.serving import Served

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]

FOCUSED = """() => {
  const each = document.activeElement;
  const box = each.getBoundingClientRect();
  const style = getComputedStyle(each);
  return {
    tag: each.tagName, href: each.getAttribute("href"), name: each.getAttribute("name"), id: each.id,
    top: box.top, left: box.left, width: box.width, height: box.height, outline: parseFloat(style.outlineWidth),
    // The stops within a date are the browser's own, and so is what shows them.
    shown: style.outlineStyle !== "none" || style.boxShadow !== "none" || each.type === "datetime-local",
    hidden: !!each.closest("[aria-hidden=true]"),
    inView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


async def tab(page: Page) -> dict[str, object]:
    await page.keyboard.press("Tab")
    found: dict[str, object] = await page.evaluate(FOCUSED)
    return found


async def tabs(page: Page, most: int = 200) -> list[dict[str, object]]:
    """Every stop from the top of the page to its end."""
    stops: list[dict[str, object]] = []
    while len(stops) < most:
        stop = await tab(page)
        if stop["tag"] == "BODY" or (stops and stop == stops[0]):
            return stops
        stops.append(stop)
    raise AssertionError("the focus never leaves the page")


async def test_the_first_stop_leads_past_the_menu_to_the_content(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        for path in ("/", "/flows/mail-in", "/log"):
            await watched.open(path)
            first = await tab(watched.page)
            assert first["inView"], path
            assert str(first["href"]).startswith("#"), path
            await watched.page.keyboard.press("Enter")
            after = await tab(watched.page)
            inside = await watched.page.evaluate("document.querySelector('main').contains(document.activeElement)")
            assert inside or after["tag"] == "BODY", f"{path}: the content comes next"


@pytest.mark.parametrize("path", ["/", "/flows/mail-in", "/flows/websites", "/log", "/public"])
async def test_every_stop_is_seen_and_they_follow_the_page_down(browser: Browser, states: Served, path: str) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open(path)
        stops = await tabs(watched.page)
        assert len(stops) >= 2
        for stop in stops:
            assert stop["shown"], stop
            assert stop["inView"], stop
            assert not stop["hidden"], stop
            assert float(str(stop["height"])) >= 1, stop
        if path == "/":
            led = [str(stop["href"]) for stop in stops if str(stop["href"]).startswith("/flows/")]
            assert {f"/flows/{each}" for each in FLOWS} == set(led)


async def test_a_row_that_is_replaced_while_its_link_has_the_focus_gives_it_back(
    browser: Browser, states: Served
) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open("/")
        link = watched.page.locator("[data-flow='mssante']").get_by_role("link").first
        await link.focus()
        for state in (State.DROPPED, State.RESTORED):
            move(states, "mssante", state)
            await watched.page.locator(f"[data-flow='mssante'][data-state='{state.value}']").first.wait_for()
            assert (await watched.page.evaluate(FOCUSED))["href"] == "/flows/mssante"


async def test_a_flow_s_page_that_changes_leaves_the_focus_on_an_open_ladder(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open("/flows/mssante")
        field = watched.page.get_by_role("textbox").first
        await field.focus()
        name = (await watched.page.evaluate(FOCUSED))["id"]
        move(states, "mssante", State.DROPPED)
        await watched.page.locator("article[data-state='dropped']").wait_for()
        assert (await watched.page.evaluate(FOCUSED))["id"] == name


async def test_a_page_is_taken_and_a_silence_is_set_without_a_mouse(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        page = watched.page
        await watched.open("/flows/mail-in")
        await page.locator("form[action*='/acknowledge'] input[name=by]").focus()
        await page.keyboard.type("Jeanne")
        await page.keyboard.press("Tab")
        await page.keyboard.type("vu")
        await page.keyboard.press("Tab")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        assert states.board.heard[-1] == ("acknowledge", {"by": "Jeanne", "note": "vu", "until": None})
        await page.locator("form[action*='/silence'] input[name=why]").focus()
        await page.keyboard.type("bascule")
        await page.keyboard.press("Tab")
        async with page.expect_navigation():
            await page.keyboard.press("Space")
        assert states.board.heard[-1] == ("silence", {"by": "Jeanne", "why": "bascule", "until": NOW + 3600.0})
