"""What leaves the page by a real browser: the log as a download, and the public folder on anybody's web server."""

import csv
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.published import Bulletin, bulletin, write
from tests.browser.test_accessible import violations
from tests.browser.watching import watching
from tests.net.peers import closed_port
from tests.real.servers import Server, accepts
from tests.view.pictures import Smtp, flow
from tests.web.hospital import SITE
from tests.web.serving import Served

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_the_log_is_downloaded_under_its_name_and_whole(browser: Browser, states: Served, form: str) -> None:
    async with watching(browser, states.web.url) as watched:
        await watched.open("/log?lang=en")
        async with watched.page.expect_download() as coming:
            await watched.page.locator(f"a[href*='format={form}']").click()
        download = await coming.value
        assert download.suggested_filename == f"retabli-log.{form}"
        written = Path(await download.path()).read_bytes()
    rows = json.loads(written) if form == "json" else list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"))))
    assert rows
    assert {"number", "at", "local", "said"} <= set(rows[0])


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """The folder with a flow of each state, served by a web server that knows nothing of us: its address."""
    notice, now = Words("Téléphoner au service.", "Telephone the department."), time.time()
    given = [(Intent.OPEN, state) for state in State] + [(Intent.CLOSED, State.BREACHED)]
    bulletins = {}
    for language in ("fr", "en"):
        flows = [
            bulletin(
                flow(f"f{place}", intent=intent, probes={"p": Smtp()}, public=True, notice=notice),
                state,
                language,
                since=now - 3600,
            )
            for place, (intent, state) in enumerate(given)
        ]
        bulletins[language] = Bulletin(SITE, language, now, now, tuple(each for each in flows if each is not None))
    folder, port = tmp_path / "public", closed_port()
    write(folder, bulletins, {"fr": [], "en": []}, "fr")
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    server = Server(command, lambda: accepts(port), tmp_path / "server.log", listens=(port,))
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["", "index.fr.html", "index.en.html"])
async def test_the_public_folder_elsewhere_breaks_no_rule_and_asks_nobody_else(
    browser: Browser, elsewhere: str, name: str
) -> None:
    async with watching(browser, elsewhere) as watched:
        await watched.open(f"/{name}")
        assert await watched.page.locator("[data-state]").count() >= len(State)
        assert await violations(watched.page) == []
        assert watched.strangers == []
        assert watched.complaints == []
