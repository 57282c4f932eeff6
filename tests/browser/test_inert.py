"""What a configuration, a partner or a person says is shown inert, on every page, in the feed and in every export."""

import re
from xml.etree import ElementTree

import httpx
import pytest
from playwright.async_api import Browser, Page, ViewportSize

from tests.browser.hostile import DANGERS
from tests.browser.watching import LAPTOP, TELEPHONE, overflows, watching
from tests.daemon.living import Life
from tests.view.pictures import NOW
from tests.web.serving import Served

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]

PATHS = ("/", "/log", "/report", "/public", *(f"/flows/{each}" for each in (*DANGERS, "tls", "shut")))
# Marks that turn a text round, that nobody sees, and that lead a terminal or a page (Unicode categories Cf and Cc).
FORBIDDEN = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200d\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
# Every text and every attribute of the page, the closed `details` too.
SAID = """() => {
  const found = [document.title];
  const walk = document.createTreeWalker(document, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (node.nodeType === Node.TEXT_NODE) { found.push(node.data); continue; }
    for (const each of node.attributes) found.push(each.value);
  }
  return found;
}"""
RAN = """() => [
  window.ran === undefined ? "" : "a script ran",
  ...[...document.querySelectorAll(".ran, img, iframe, object, embed, base, svg[onload], body style")]
    .map((each) => each.outerHTML),
  ...[...document.querySelectorAll("a[href], form[action], area[href], use")]
    .map((each) => each.getAttribute("href") || each.getAttribute("action") || "")
    .filter((url) => /^[\\s\\u0000-\\u0020]*(javascript|data|vbscript):/i.test(url)),
].filter((each) => each)"""


async def check(page: Page, path: str) -> None:
    assert await page.evaluate(RAN) == [], path
    for text in await page.evaluate(SAID):
        assert not FORBIDDEN.search(text), (path, text[:200])


@pytest.mark.parametrize("size", [TELEPHONE, LAPTOP], ids=["telephone", "laptop"])
async def test_nothing_that_is_said_runs_is_fetched_or_bursts_a_page(
    browser: Browser, attacked: Life, size: ViewportSize
) -> None:
    async with watching(browser, f"http://127.0.0.1:{attacked.port}", viewport=size) as watched:
        for path in PATHS:
            await watched.open(path)
            await check(watched.page, path)
            assert await overflows(watched.page) == [], path
        assert watched.complaints == []
        assert watched.strangers == []
        assert [url for url in watched.asked if "/ran" in url or "x.example" in url] == []


async def test_a_runbook_that_is_no_address_of_the_web_is_no_link(browser: Browser, attacked: Life) -> None:
    async with watching(browser, f"http://127.0.0.1:{attacked.port}") as watched:
        await watched.open("/flows/link")
        for link in await watched.page.get_by_role("link").all():
            href = await link.get_attribute("href")
            assert href is not None
            assert href.startswith(("/", "#", "?", "http://", "https://")), href


async def test_marks_that_change_a_direction_or_are_not_seen_leave_the_letters_around_them(
    browser: Browser, attacked: Life
) -> None:
    async with watching(browser, f"http://127.0.0.1:{attacked.port}") as watched:
        for name, rest in (
            ("override", r"facture\W*gnp\.exe"),
            ("controls", r"bell\W+escape\W*\[31m"),
            ("isolates", "a.*h"),
        ):
            await watched.open(f"/flows/{name}")
            assert re.search(rest, await watched.page.get_by_role("heading", level=1).inner_text())


async def test_words_of_another_direction_move_no_neighbour(browser: Browser, states: Served) -> None:
    name = DANGERS["right-to-left"]
    await states.board.silence("websites", until=NOW + 3600.0, by=name, why="42 abc")
    async with watching(browser, states.web.url) as watched:
        for path in ("/flows/websites", "/log"):
            await watched.open(path)
            by, why = await watched.page.evaluate(
                """(name) => {
                  const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
                  const left = {};
                  while (walk.nextNode()) for (const word of [name, "42"]) {
                    const at = walk.currentNode.data.indexOf(word);
                    if (at < 0 || word in left) continue;
                    const range = document.createRange();
                    range.setStart(walk.currentNode, at);
                    range.setEnd(walk.currentNode, at + word.length);
                    left[word] = range.getBoundingClientRect().left;
                  }
                  return [left[name], left["42"]];
                }""",
                name,
            )
            assert by < why, f"{path}: who asked for it stands before why"


async def test_what_on_call_people_write_is_inert_where_it_is_shown_and_where_it_is_filled_in(
    browser: Browser, states: Served
) -> None:
    for name, text in DANGERS.items():
        await states.board.acknowledge("mail-in", by=text[:80], note=text[:400])
        async with watching(browser, states.web.url, viewport=TELEPHONE) as watched:
            for path in ("/", "/flows/mail-in", "/log"):
                await watched.open(path)
                await check(watched.page, f"{name} {path}")
                assert await overflows(watched.page) == [], (name, path)
            assert watched.complaints == []
            assert watched.strangers == []


async def test_the_feed_is_well_formed_and_says_nothing_that_is_not_inert(browser: Browser, attacked: Life) -> None:
    base = f"http://127.0.0.1:{attacked.port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        feed = (await client.get("/feed.atom")).text
    root = ElementTree.fromstring(feed)  # noqa: S314 - our own daemon wrote it
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    said = [text for each in root.iter() for text in (each.text or "", *each.attrib.values())]
    assert len(said) > len(DANGERS)
    for text in said:
        assert not FORBIDDEN.search(text), text[:200]
    for link in root.iter("{http://www.w3.org/2005/Atom}link"):
        assert link.attrib["href"].startswith(("/", "http://", "https://"))
    async with watching(browser, base) as watched:
        await watched.open("/public")
        parsed = await watched.page.evaluate(
            """async () => {
              const text = await (await fetch("/feed.atom")).text();
              const read = new DOMParser().parseFromString(text, "application/xml");
              const html = [...read.querySelectorAll("*")].filter((e) => e.namespaceURI !== "http://www.w3.org/2005/Atom");
              return [read.querySelectorAll("parsererror").length, html.map((e) => e.tagName)];
            }"""
        )
        assert parsed == [0, []]
        assert watched.complaints == []


@pytest.mark.parametrize(
    "path",
    ["/report?format=md", "/report?format=txt", "/report?format=md&public=1&lang=en"],
)
async def test_a_report_as_text_has_no_mark_that_leads_a_terminal_or_a_reader(attacked: Life, path: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{attacked.port}", trust_env=False) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert not FORBIDDEN.search(answer.text)
    if "md" in path:
        assert not re.search(r"(?<!\\)<(script|img|b|svg)\b", answer.text), "Markdown lets HTML through"
        assert not re.search(r"(?<!\\)\]\(javascript", answer.text)


async def test_the_static_export_of_the_public_page_is_inert_too(browser: Browser, attacked: Life) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{attacked.port}", trust_env=False) as client:
        page = (await client.get("/report?format=html&public=1")).text
    async with watching(browser, f"http://127.0.0.1:{attacked.port}") as watched:
        # No policy of the daemon's protects a file that another server gives away.
        await watched.page.set_content(page)
        await check(watched.page, "export")
        assert watched.strangers == []
        assert [url for url in watched.asked if "/ran" in url] == []
