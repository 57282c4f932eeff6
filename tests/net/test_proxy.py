"""The way through a filtering proxy: whose refusal it is, and whether it is the proxy that hangs."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.http import Http
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.result import Measure, Outcome
from retabli.model.settings import Proxy
from retabli.net.web import http_causes, proxy_causes
from retabli.net.web.proxy_causes import PROXY_STATUS, SQUID, marked
from tests.climbing import climb, settings
from tests.net.name_server import name_server
from tests.net.peers import Handler, closed_port, closing, resetting, saying, server_context, serving, silent
from tests.net.web_servers import Answer, cutting, page, proxy, redirect, site
from tests.said import fell

SERVED = page("the marker")
BLOCKED = page("<h1>Accès interdit par la DSI</h1>", status="403 Forbidden")


def through(url: str, proxy_url: str, ca_file: Path | None = None, **keys: Any) -> Http:
    described = {"url": proxy_url} | keys.pop("proxy", {})
    context = keys.pop("context", {}) | {"proxies": {"main": _proxy(described, keys.pop("folder", Path()))}}
    tls = {"tls": {"ca": str(ca_file)}} if ca_file is not None else {}
    return settings(Http, url=url, proxy="main", context=context, **tls, **keys)


def _proxy(described: dict[str, Any], folder: Path) -> Proxy:

    return Proxy.model_validate(described, context={"folder": folder})


@pytest.fixture
def tls_of_site(authority: trustme.CA) -> Any:
    return server_context(authority.issue_cert("127.0.0.1", "localhost"))


# What holds ----------------------------------------------------------------


async def test_a_site_with_tls_is_reached_by_a_tunnel_and_the_proxy_sees_no_request(
    tls_of_site: Any, ca_file: Path
) -> None:
    async with site(SERVED, tls=tls_of_site) as running, proxy() as way:
        probe = through(running.url("/secret"), way.url, ca_file, expect={"text": "the marker"})
        result = await climb(probe)
    assert result.outcome is Outcome.OK
    climbed = ["resolve", "connect", "proxy", "tls", "request", "response", "content"]
    assert [rung.stage.id for rung in result.rungs] == climbed
    assert [stage.id for stage in probe.climbs()] == climbed
    assert way.heads[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % running.port)
    assert b"secret" not in way.heads[0]
    assert list(probe.openings()) == [("127.0.0.1", way.port, "tcp")]
    assert result.measures[Measure.HTTP_CONNECT] > 0


async def test_a_plain_site_is_asked_for_by_its_whole_address() -> None:
    async with site(SERVED) as running, proxy() as way:
        probe = through(running.url("/page?x=1"), way.url)
        result = await climb(probe)
    assert result.outcome is Outcome.OK
    assert way.heads[0].startswith(b"GET http://127.0.0.1:%d/page?x=1 HTTP/1.1\r\n" % running.port)
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "request", "response", "content"]
    assert result.of == 5


async def test_the_account_is_shown_to_the_proxy_and_to_nobody_else(
    tls_of_site: Any, ca_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("pässword\n")
    account = b"Basic " + base64.b64encode("probe:pässword".encode())
    keys: dict[str, Any] = {
        "proxy": {"user": "probe", "password": {"file": "password"}},
        "folder": tmp_path,
    }
    async with proxy(account=account) as way:
        for tls in (None, tls_of_site):
            async with site(SERVED, tls=tls) as running:
                result = await climb(through(running.url(), way.url, ca_file, **keys))
            assert result.outcome is Outcome.OK
            assert b"Proxy-Authorization" not in running.requests[0]


# What the proxy says ----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_407_tells_a_missing_account_from_a_refused_one(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong")
    stage = "proxy" if scheme == "https" else "response"
    async with proxy(account=b"Basic right") as way:
        missing = await climb(through(f"{scheme}://a.invalid/", way.url))
        refused = await climb(
            through(
                f"{scheme}://a.invalid/",
                way.url,
                proxy={"user": "probe", "password": {"file": "password"}},
                folder=tmp_path,
            )
        )
    assert fell(missing) == (stage, proxy_causes.PROXY_AUTH_REQUIRED)
    assert fell(refused) == (stage, proxy_causes.PROXY_AUTH_REFUSED)
    assert refused.cause is not None
    assert refused.cause.credential
    assert "wrong" not in refused.detail


SIGNED = {"status": [], "header": "X-Block: ^category", "body": "Accès interdit"}


@pytest.mark.parametrize(
    ("answer", "denied"),
    [
        (BLOCKED, {}),
        (page("", status="418 Teapot"), {"status": [418]}),
        (page("", "X-Block: category games", status="200 OK"), SIGNED),
        (BLOCKED, SIGNED),
        (redirect("http://block.example/why", "X-Block: category"), SIGNED),
        (redirect("http://block.example/why"), {"status": [302]}),
        (page("", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden"), {"status": [], "header": "X-No: x"}),
        (page("", 'Proxy-Status: gw; error="http_request_denied"', status="403 Forbidden"), {"status": []}),
        (cutting, {"reset": True}),
    ],
)
async def test_a_denial_is_known_in_clear_by_its_status_header_page_or_reset(
    answer: Answer, denied: dict[str, Any]
) -> None:
    async with proxy(denies=answer) as way:
        result = await climb(through("http://a.example/", way.url, proxy={"denied": denied}))
    assert fell(result) == ("response", proxy_causes.PROXY_DENIED)
    assert result.cause is not None
    assert result.cause.side == "ours"


@pytest.mark.parametrize(
    ("answer", "denied"),
    [
        (BLOCKED, {}),
        (page("", status="302 Found"), {"status": [302]}),
        (page("Accès interdit", status="451 No"), SIGNED),
        (page("", "X-Block: category games", status="503 No"), SIGNED),
        (cutting, {"reset": True}),
        (closing, {"reset": True}),
    ],
)
async def test_a_denial_of_a_tunnel_is_known_too(answer: Answer, denied: dict[str, Any]) -> None:
    async with proxy(denies=answer) as way:
        result = await climb(through("https://a.example/", way.url, proxy={"denied": denied}))
    assert fell(result) == ("proxy", proxy_causes.PROXY_DENIED)


async def test_a_filter_that_cuts_the_tunnel_when_it_sees_the_name_denies() -> None:
    async def cuts_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await resetting(reader, writer)

    async with proxy(denies=cuts_tls) as way:
        by_reset = await climb(through("https://a.example/", way.url, proxy={"denied": {"reset": True}}))
        else_not = await climb(through("https://a.example/", way.url))
    assert fell(by_reset) == ("tls", proxy_causes.PROXY_DENIED)
    assert fell(else_not) == ("tls", causes.RESET)


async def test_a_block_page_out_of_a_tunnel_that_is_read_along_is_known_by_its_sign(
    tls_of_site: Any, ca_file: Path
) -> None:
    async with site(page("Accès interdit par la DSI"), tls=tls_of_site) as reading_along, proxy() as way:
        result = await climb(through(reading_along.url(), way.url, ca_file, proxy={"denied": SIGNED}))
    assert fell(result) == ("response", proxy_causes.PROXY_DENIED)


async def test_a_sites_own_403_is_no_denial_by_the_proxy(tls_of_site: Any, ca_file: Path) -> None:
    forbidden = page("no", status="403 Forbidden")
    async with proxy() as way:
        async with site(forbidden, tls=tls_of_site) as running:
            tunnelled = await climb(through(running.url(), way.url, ca_file))
        async with site(forbidden) as running:
            signed = await climb(through(running.url(), way.url, proxy={"denied": SIGNED | {"status": [403]}}))
            unsigned = await climb(through(running.url(), way.url))
    assert fell(tunnelled) == ("response", http_causes.HTTP_CLIENT_ERROR)
    assert fell(signed) == ("response", http_causes.HTTP_CLIENT_ERROR)
    assert fell(unsigned) == ("response", proxy_causes.PROXY_DENIED)  # a status alone cannot tell, and says so
    assert "by its status alone" in unsigned.detail


async def test_marks_of_a_proxy_on_the_sites_own_side_are_the_sites(tls_of_site: Any, ca_file: Path) -> None:
    its_own = page("", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="503 Service Unavailable")
    async with site(its_own, tls=tls_of_site) as running, proxy() as way:
        result = await climb(through(running.url(), way.url, ca_file))
    assert fell(result) == ("response", http_causes.HTTP_SERVER_ERROR)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (page("", status="502 Bad Gateway"), proxy_causes.PROXY_CANNOT_CONNECT),
        (page("", status="504 Gateway Timeout"), proxy_causes.PROXY_CANNOT_CONNECT),
        (page("", status="503 Service Unavailable"), proxy_causes.PROXY_OVERLOADED),
        (page("", status="429 Too Many Requests"), proxy_causes.PROXY_OVERLOADED),
        (page("", status="500 Oops"), proxy_causes.PROXY_ERROR),
        (page("", status="405 Method Not Allowed"), proxy_causes.PROXY_ERROR),
        (page("", "Proxy-Status: p; error=dns_error", status="502 x"), proxy_causes.PROXY_CANNOT_RESOLVE),
        (page("", "Proxy-Status: p; error=connection_refused", status="502 x"), proxy_causes.PROXY_CANNOT_CONNECT),
        (page("", "X-Squid-Error: ERR_DNS_FAIL 0", status="503 x"), proxy_causes.PROXY_CANNOT_RESOLVE),
        (closing, proxy_causes.PROXY_ERROR),
        (cutting, proxy_causes.PROXY_ERROR),
        (saying(b"SSH-2.0-x\r\n"), proxy_causes.PROXY_ERROR),
    ],
)
async def test_what_a_proxy_answers_to_connect_is_its_own(answer: Answer, cause: Cause) -> None:
    async with proxy(denies=answer) as way:
        result = await climb(through("https://a.example/", way.url))
    assert fell(result) == ("proxy", cause)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_names_and_sites_that_the_proxy_does_not_reach_are_told_apart(scheme: str) -> None:
    stage = "proxy" if scheme == "https" else "response"
    async with proxy() as way:
        nameless = await climb(through(f"{scheme}://a.invalid:443/", way.url))
        dead = await climb(through(f"{scheme}://127.0.0.1:{closed_port()}/", way.url))
    assert fell(nameless) == (stage, proxy_causes.PROXY_CANNOT_RESOLVE)
    assert fell(dead) == (stage, proxy_causes.PROXY_CANNOT_CONNECT)


def test_every_known_mark_has_its_cause_and_an_unknown_one_is_an_error_of_the_proxy() -> None:
    for mark, cause in SQUID.items():
        number = "" if " " in mark else " 111"
        found = marked(((b"x-squid-error", f"{mark}{number}".encode()),))
        assert found is not None
        assert found[0] is cause
    for error, cause in PROXY_STATUS.items():
        found = marked(((b"Proxy-Status", f'one, two; error={error}; details="x"'.encode()),))
        assert found is not None
        assert found[0] is cause
    unknown = marked(((b"X-Squid-Error", b"ERR_NEWLY_INVENTED 0"),))
    assert unknown is not None
    assert unknown[0] is proxy_causes.PROXY_ERROR
    assert marked(((b"Proxy-Status", b"cache; hit"),)) is None


# A proxy that is not there ----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_behind_a_proxy_that_is_down_nothing_is_evaluated(scheme: str) -> None:
    refused = await climb(through(f"{scheme}://a.example/", f"http://127.0.0.1:{closed_port()}"))
    async with name_server() as server:
        resolver = {"nameservers": ["127.0.0.1"], "port": server.port}
        nameless = await climb(through(f"{scheme}://a.example/", "http://proxy.example:3128", resolver=resolver))
    assert fell(refused) == ("connect", proxy_causes.PROXY_DOWN)
    assert fell(nameless) == ("resolve", proxy_causes.PROXY_DOWN)
    assert refused.outcome is nameless.outcome is Outcome.UNKNOWN
    assert "refused" in refused.detail


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("handler", [silent])
async def test_a_proxy_that_accepts_and_answers_nothing_is_down(scheme: str, handler: Handler) -> None:
    async with serving(handler) as port:
        result = await climb(through(f"{scheme}://a.example/", f"http://127.0.0.1:{port}"), deadline=1.5)
    assert result.cause is proxy_causes.PROXY_DOWN
    assert result.outcome is Outcome.UNKNOWN


async def test_a_site_that_keeps_a_living_proxy_waiting_is_itself_to_blame() -> None:
    async with proxy(silent_to="a.example") as way:
        tunnelled = await climb(through("https://a.example/", way.url), deadline=1.5)
        forwarded = await climb(through("http://a.example/", way.url), deadline=1.5)
    assert fell(tunnelled) == ("proxy", proxy_causes.PROXY_CANNOT_CONNECT)
    assert fell(forwarded) == ("response", causes.TIMEOUT)
    assert tunnelled.outcome is forwarded.outcome is Outcome.FAILED


async def test_our_own_defects_are_not_the_proxys(tmp_path: Path) -> None:
    async with proxy() as way:
        keys: dict[str, Any] = {"proxy": {"user": "x", "password": {"file": "none"}}, "folder": tmp_path}
        for scheme in ("http", "https"):
            result = await climb(through(f"{scheme}://a.example/", way.url, **keys))
            assert result.cause is causes.SECRET_UNREADABLE
