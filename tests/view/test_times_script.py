"""The page's script says how long ago something was exactly as the server does: they write the same element."""

import re
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

import retabli.web
from retabli.view.times import span

pytestmark = pytest.mark.real
SCRIPT = Path(retabli.web.__file__).with_name("static") / "live.js"
EDGES = (0, 1, 59, 60, 61, 3599, 3600, 3660, 86_399, 86_400, 90_000, 863_999, 864_000, 867_600, 1e7, 1e9)


@pytest.mark.timeout(60)
async def test_a_span_is_said_by_the_script_as_by_the_server() -> None:
    found = re.search(
        r"^  function span\(seconds\) \{.*?^  \}", SCRIPT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    seconds = sorted({each + more for each in EDGES for more in (-1.5, -1, -0.001, 0, 0.4, 1)})
    said = f"(([seconds, french]) => {{ {found[0]} return seconds.map(span); }})"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        try:
            page = await browser.new_page()
            for language in ("fr", "en"):
                by_script = await page.evaluate(said, [seconds, language == "fr"])
                assert by_script == [span(each, language) for each in seconds]
        finally:
            await browser.close()
