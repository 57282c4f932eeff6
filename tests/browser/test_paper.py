"""A page at 400 %, on a telephone, on paper, and in the reader's own colours: nothing is cut, nothing is lost."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, ViewportSize

from retabli.model.states import STATE_WORDS, State
from retabli.model.words import Words
from tests.browser.states import FLOWS, PATHS
from tests.browser.watching import NARROW, TELEPHONE, WALL, overflows, watching
from tests.daemon.living import Life
from tests.view.pictures import NOW, flow, picture
from tests.web.hospital import HOUR
from tests.web.serving import Served

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]

PARIS = ZoneInfo("Europe/Paris")  # the zone of a site that names none
A4 = ViewportSize(width=703, height=1017)  # CSS pixels between the margins of 12 and 14 mm
# What a sheet says on its top of when it is of: its instants, and its title.
DATED = """() => [...document.querySelectorAll("time, h1")]
  .filter((each) => each.checkVisibility() && !each.closest("table, ul, ol, details"))
  .filter((each) => each.getBoundingClientRect().top < 250)
  .map((each) => each.textContent).join(" ")"""
# What a page shows that is cut off at its own edge: its text is wider or higher than its box lets be seen.
CUT = """() => [...document.querySelectorAll("main *")].filter((each) => {
  const style = getComputedStyle(each);
  if (!/hidden|clip/.test(style.overflowX + style.overflowY)) return false;
  if (each.clientWidth < 3 || each.clientHeight < 3) return false;  // it is for a screen reader only
  return each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1;
}).map((each) => each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("size", [NARROW, TELEPHONE, WALL], ids=["at 400 %", "telephone", "wall"])
async def test_nothing_is_scrolled_sideways_and_nothing_is_cut(
    browser: Browser, states: Served, size: ViewportSize, language: str
) -> None:
    async with watching(browser, states.web.url, viewport=size) as watched:
        for path in PATHS:
            await watched.open(f"{path}?lang={language}")
            assert await overflows(watched.page) == [], path
            assert await watched.page.evaluate(CUT) == [], path


async def test_what_stands_above_the_states_takes_two_lines_of_a_telephone(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url, viewport=TELEPHONE) as watched:
        for language in ("fr", "en"):
            await watched.open(f"/?lang={language}")
            parts = watched.page.locator(".mast > *, .mast nav a")
            lines = {
                round(box["y"] + box["height"] / 2) // 14
                for each in await parts.all()
                if (box := await each.bounding_box())
            }
            assert len(lines) == 2, lines


async def test_text_set_twice_as_large_and_wide_apart_still_fits(browser: Browser, states: Served) -> None:
    """WCAG 2.2, 1.4.4 and 1.4.12: as a reader has set the browser; the policy, which binds pages only, is out of it."""
    async with watching(browser, states.web.url, bypass_csp=True) as watched:
        devtools = await watched.page.context.new_cdp_session(watched.page)
        await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        for path in PATHS:
            await watched.open(path)
            size = await watched.page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
            assert size >= 32, "a size in pixels would not follow the reader"
            await watched.page.add_style_tag(
                content="*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}"
                "p{margin-bottom:2em!important}"
            )
            assert await overflows(watched.page) == [], path
            assert await watched.page.evaluate(CUT) == [], path


async def test_on_paper_the_picture_is_one_page_and_whole(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url, viewport=A4) as watched:
        await watched.open("/")
        await watched.page.emulate_media(media="print")
        assert await overflows(watched.page) == []
        assert await watched.page.evaluate(CUT) == []
        for name, state in FLOWS.items():
            shown = watched.page.locator(f"[data-flow='{name}']").first
            assert await shown.is_visible(), name
            assert STATE_WORDS[state]["fr"] in await shown.inner_text(), name
        paper = await watched.page.pdf(format="A4", prefer_css_page_size=True)
        assert pages(paper) <= 2, f"{len(FLOWS)} flows"


@pytest.mark.parametrize("path", ["/log", "/report", "/public", "/flows/tls"])
async def test_the_other_pages_are_paper_too(browser: Browser, attacked: Life, path: str) -> None:
    async with watching(browser, f"http://127.0.0.1:{attacked.port}", viewport=A4) as watched:
        await watched.open(path)
        await watched.page.emulate_media(media="print")
        assert await overflows(watched.page) == []
        assert await watched.page.get_by_role("heading", level=1).is_visible()
        today, dated = datetime.now(PARIS), await watched.page.evaluate(DATED)
        assert re.search(rf"\b{today.day}(er)?\b.* {today.year} (à \d+.h|at \d+:)", dated), f"of when it is: {dated}"
        assert not await watched.page.locator("nav a").first.is_visible(), "a menu is of no use on paper"
        assert pages(await watched.page.pdf(format="A4", prefer_css_page_size=True)) >= 1


async def test_of_many_flows_those_out_of_sight_are_led_to_and_found_and_printed(
    browser: Browser, states: Served
) -> None:
    """Rows out of sight are not laid out until they are wanted."""
    for number in range(200):
        shown = flow(f"many-{number}", title=Words(f"Flux numéro {number}", f"Flow number {number}"))
        state = State.BREACHED if number == 150 else State.RESTORED
        states.view.show(picture(shown, state, since=NOW - HOUR), None, None)
    async with watching(browser, states.web.url) as watched:
        page = watched.page
        await watched.open("/")
        row = page.locator("#f-many-150")
        assert await row.evaluate("(each) => getComputedStyle(each).contentVisibility") == "auto"
        await page.locator("a[href='#f-many-150']").first.click()
        await page.wait_for_timeout(300)
        assert await row.evaluate(
            "(each) => { const box = each.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight; }"
        )
        assert await page.evaluate("window.find('Flux numéro 199')"), "by the browser's own search"
        await page.emulate_media(media="print")
        assert await row.evaluate("(each) => getComputedStyle(each).contentVisibility") == "visible"


async def test_a_printed_sheet_has_no_button_and_no_field(browser: Browser, states: Served) -> None:
    async with watching(browser, states.web.url) as watched:
        for path in ("/", "/flows/mail-in", "/log"):
            await watched.open(path)
            await watched.page.emulate_media(media="print")
            for each in await watched.page.locator("button, input, select").all():
                assert not await each.is_visible(), (path, await each.evaluate("(each) => each.outerHTML"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_states_are_told_apart_in_the_reader_s_own_colours(browser: Browser, states: Served, scheme: str) -> None:
    async with watching(browser, states.web.url, forced_colors="active", color_scheme=scheme) as watched:
        await watched.open("/")
        shapes: dict[str, State] = {}
        for name, state in FLOWS.items():
            shown = watched.page.locator(f"[data-flow='{name}']").first
            assert STATE_WORDS[state]["fr"] in await shown.inner_text(), "its word"
            shape = shown.locator("svg").first
            box = await shape.bounding_box()
            assert box is not None
            assert box["width"] >= 8, "its shape"
            drawn = str(await shape.evaluate("(each) => each.querySelector('use').getAttribute('href')"))
            assert shapes.setdefault(drawn, state) is state, "one shape stands for one state"
            paint = await shape.evaluate(
                """(each) => [
                  getComputedStyle(each).color,
                  getComputedStyle(each.closest("[data-flow]")).backgroundColor,
                  getComputedStyle(document.body).backgroundColor,
                ]"""
            )
            assert paint[0] not in paint[1:], "it is not painted on its own colour"
        assert set(shapes.values()) == set(State)


def pages(paper: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", paper))
