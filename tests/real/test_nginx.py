"""The kind `http` against nginx: packed and chunked pages, redirects, its own refusals."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.http import Http
from probes.web import SENT_HOME, Web
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.result import Measure, Outcome, Result
from retabli.net.web import http_causes
from tests.climbing import climb, settings
from tests.net.peers import client_files
from tests.real.web_servers import Nginx, nginx
from tests.said import fell

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")]

MARKER = "Prendre rendez-vous à l'hôpital"


@pytest.fixture(scope="module")
def running(authority: trustme.CA) -> Iterator[Nginx]:
    page = "<!doctype html><p>filler</p>" * 20_000 + f"<h1>{MARKER}</h1>"
    with nginx(authority, "127.0.0.1", page=page) as server:
        yield server


@pytest.fixture
def tls(ca_file: Path) -> dict[str, str]:
    return {"ca": str(ca_file)}


async def ask(url: str, **keys: Any) -> Result:
    return await climb(settings(Http, url=url, **keys))


async def test_a_large_packed_and_chunked_page_is_read_to_its_end(running: Nginx, tls: dict[str, str]) -> None:
    for url in (f"http://127.0.0.1:{running.plain}/", f"https://127.0.0.1:{running.secure}/"):
        result = await ask(url, tls=tls, expect={"text": MARKER, "header": {"Content-Encoding": "gzip"}})
        assert result.outcome is Outcome.OK


async def test_a_page_without_packing_is_read_too(running: Nginx) -> None:
    result = await ask(f"http://127.0.0.1:{running.plain}/", method="HEAD", expect={"header": {"Server": "nginx"}})
    assert result.outcome is Outcome.OK


async def test_a_step_up_to_https_is_followed(running: Nginx, tls: dict[str, str]) -> None:
    result = await ask(f"http://127.0.0.1:{running.plain}/upgrade", tls=tls, expect={"text": MARKER})
    assert result.outcome is Outcome.OK
    assert result.measures[Measure.HTTP_REDIRECTS] == 1
    assert result.measures[Measure.HTTP_SSL] == 1


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/away", http_causes.REDIRECTED_AWAY),
        ("/error", http_causes.HTTP_SERVER_ERROR),
        ("/maintenance", http_causes.UNAVAILABLE),
        ("/nowhere", http_causes.HTTP_CLIENT_ERROR),
        ("/protected", http_causes.AUTH_REQUIRED),
    ],
)
async def test_each_refusal_of_nginx_has_its_cause(path: str, cause: Cause, running: Nginx) -> None:
    assert fell(await ask(f"http://127.0.0.1:{running.plain}{path}")) == ("response", cause)


async def test_an_account_is_let_in_and_a_wrong_one_refused(running: Nginx, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{running.plain}/protected"
    for credentials, cause in (("cHJvYmU6c2VjcmV0", None), ("cHJvYmU6Z3Vlc3M=", causes.AUTH_REFUSED)):
        (tmp_path / "account").write_text(f"Basic {credentials}")
        headers = {"Authorization": {"file": "account"}}
        result = await ask(url, headers=headers, context={"folder": tmp_path})
        assert result.cause is cause


async def test_asking_too_often_is_temporary(running: Nginx) -> None:
    url = f"http://127.0.0.1:{running.plain}/limited"
    assert (await ask(url)).outcome is Outcome.OK
    limited = await ask(url)
    assert fell(limited) == ("response", http_causes.RATE_LIMITED)
    assert limited.outcome is Outcome.UNKNOWN


async def test_a_page_that_is_gone_sends_us_home(running: Nginx) -> None:
    target = f"http://127.0.0.1:{running.plain}/deep/page"
    assert fell(await climb(settings(Web, targets=[target]), target=target)) == ("response", SENT_HOME)


async def test_a_demanded_client_certificate_is_shown(
    running: Nginx, tls: dict[str, str], authority: trustme.CA, tmp_path: Path
) -> None:
    url = f"https://127.0.0.1:{running.mutual}/"
    ours = client_files(authority.issue_cert("probe@chu.example"), tmp_path)
    assert (await ask(url, tls=tls | ours, expect={"text": MARKER})).outcome is Outcome.OK
    without = await ask(url, tls=tls)  # nginx shakes hands, and then answers 400
    assert fell(without) == ("response", http_causes.HTTP_CLIENT_ERROR)
