"""The kind `containment` through a proxy: its own no, a site's, and what is neither."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import trustme

from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.containment import containment_causes as found
from retabli.net.web.proxy_causes import PROXY_DOWN
from tests.kinds.doors import BLOCKED, DECLARED, HERE, fell, tried
from tests.net.peers import (
    closed_port,
    server_context,
    silent,
)
from tests.net.web_servers import Answer, cutting, page, proxy, redirect, site


async def proxied(
    denies: Answer | None = None,
    *,
    ports: tuple[int, ...] = (80,),
    protocol: str | None = None,
    denied: dict[str, Any] | None = None,
    **keys: Any,
) -> Result:
    async with proxy(denies=denies) as gate:
        main = Proxy.model_validate({"name": "main", "url": gate.url, "denied": denied or {}})
        attempt = {"to": "random.invalid", "ports": list(ports), "via": "main", "protocol": protocol}
        return await tried(attempts=[attempt], context={"proxies": {"main": main}}, **keys)


FORBIDDEN = page("no", status="403 Forbidden")
SQUIDS = page("no", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden")


@pytest.mark.parametrize(
    ("denies", "keys"),
    [
        (FORBIDDEN, {"ports": (443,)}),  # an answer to CONNECT is the proxy's own
        (FORBIDDEN, {"protocol": "tcp"}),
        (SQUIDS, {}),  # the configured status, and a mark that only a proxy sets
        (FORBIDDEN, {"ports": (443,), "denied": {"header": "X-Filter: deny"}}),
        (BLOCKED, {"denied": {"status": [], "header": "X-Filter: deny"}}),
        (page("Blocked by policy"), {"denied": {"status": [], "body": "Blocked"}}),
        (redirect("http://filter.example/blocked"), {"denied": {"header": "Location: filter.example/blocked"}}),
    ],
)
async def test_a_proxys_denial_proves_closure_by_its_configured_sign(denies: bytes, keys: dict[str, Any]) -> None:
    result = await proxied(denies, **keys)
    assert (result.outcome, result.rung, result.of) == (Outcome.OK, 2, 2), result
    (line,) = result.properties.values()
    assert line.startswith("deny_page (expected): ")


@pytest.mark.parametrize(
    ("denies", "keys"),
    [
        (page("welcome"), {}),
        (redirect("https://www.example/"), {}),
        (page("not here", status="404 Not Found"), {}),
        (page("welcome"), {"denied": {"body": "Blocked"}}),
        (b"HTTP/1.1 200 Connection established\r\n\r\n", {"ports": (443,)}),
        (b"HTTP/1.1 200 Connection established\r\n\r\n", {"protocol": "tcp", "ports": (25,)}),
    ],
)
async def test_what_a_proxy_lets_through_is_a_breach(denies: bytes, keys: dict[str, Any]) -> None:
    result = await proxied(denies, **keys)
    assert fell(result) == (Outcome.FAILED, "denied", found.PROXY_LETS_THROUGH)


@pytest.mark.parametrize(
    ("denies", "keys"),
    [
        (FORBIDDEN, {}),  # in clear a site says the same
        (page("", "X-Squid-Error: ERR_TOO_BIG 0", status="403 Forbidden"), {}),  # the site has answered, at length
        (page("", "X-Squid-Error: ERR_CONNECT_FAIL 110", status="503 Service Unavailable"), {}),
        (page("", "X-Squid-Error: ERR_DNS_FAIL 0", status="503 Service Unavailable"), {"ports": (443,)}),
        (page("", status="502 Bad Gateway"), {}),
        (page("", status="500 Oops"), {}),
        (page("", status="404 Not Found"), {"ports": (443,)}),
        (cutting, {}),
        (b"SSH-2.0-x\r\n", {}),
    ],
)
async def test_a_proxy_that_fails_or_denies_in_another_way_proves_nothing(denies: Answer, keys: dict[str, Any]) -> None:
    result = await proxied(denies, **keys)
    assert fell(result) == (Outcome.UNKNOWN, "denied", found.NOT_EXPECTED_SIGNATURE), result


async def reading_along(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inside: bytes) -> None:
    """Opens every tunnel, speaks its own TLS in it, and answers there."""
    authority = trustme.CA()
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await writer.start_tls(server_context(authority.issue_cert("random.invalid")))
    await reader.readuntil(b"\r\n\r\n")
    writer.write(inside)
    await writer.drain()


@pytest.mark.parametrize(("inside", "breach"), [(BLOCKED, False), (page("welcome"), True), (b"", True)])
async def test_a_proxy_that_reads_along_denies_inside_the_tunnel_by_its_sign(inside: bytes, breach: bool) -> None:
    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reading_along(reader, writer, inside)

    result = await proxied(door, ports=(443,), denied={"header": "X-Filter: deny"}, timeout="5s")
    if breach:
        assert fell(result) == (Outcome.FAILED, "denied", found.PROXY_LETS_THROUGH)
    else:
        assert (result.outcome, result.rung) == (Outcome.OK, 2), result
        assert "inside: X-Filter: deny 7" in next(iter(result.properties.values()))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n<br>"])
async def test_an_answer_that_comes_at_the_last_moment_is_not_lost_for_what_does_not_follow_it(answer: bytes) -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2.3)  # of 2.55: what follows is waited for beyond the time for an answer
        writer.write(answer)
        await silent(reader, writer)

    ports = (443,) if b"Connection" in answer else (80,)
    result = await proxied(late, ports=ports, denied={"body": "Blocked"}, timeout="3s")
    assert fell(result) == (Outcome.FAILED, "denied", found.PROXY_LETS_THROUGH)


async def test_a_proxy_that_denies_by_a_reset_needs_a_target_that_is_alive() -> None:
    known: dict[str, Any] = {"denied": {"reset": True}}
    alone = await proxied(cutting, **known)
    assert fell(alone) == (Outcome.UNKNOWN, "alive", found.CONTROLS_MISSING)
    proven = await proxied(cutting, **known, control={"alive": DECLARED})
    assert fell(proven) == (Outcome.OK, "alive", None)


async def test_a_proxy_that_is_gone_silent_or_nameless_proves_nothing() -> None:
    dead = Proxy.model_validate({"name": "main", "url": f"http://127.0.0.1:{closed_port()}"})
    attempts = [{"to": "random.invalid", "port": 443, "via": ["main"]}]
    gone = await tried(attempts=attempts, context={"proxies": {"main": dead}})
    mute_one = await proxied(silent, ports=(443,), timeout="1s")
    assert fell(gone) == fell(mute_one) == (Outcome.UNKNOWN, "attempted", PROXY_DOWN)


async def test_a_refused_account_is_tried_once_a_round_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("wrong")
    async with proxy(account=b"Basic cmlnaHQ6") as gate:
        password = {"file": str(tmp_path / "secret")}
        main = Proxy.model_validate({"name": "main", "url": gate.url, "user": "probe", "password": password})
        attempts = [{"to": ["a.invalid", "b.invalid"], "ports": [80, 443], "via": "main"}]
        result = await tried(attempts=attempts, context={"proxies": {"main": main}})
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.PROXY_ACCOUNT)
    assert result.cause is not None
    assert result.cause.credential
    assert len(gate.heads) == 1


async def test_a_proxy_where_we_have_no_account_proves_nothing() -> None:
    async with proxy(account=b"Basic cmlnaHQ6") as gate:
        main = Proxy.model_validate({"name": "main", "url": gate.url})
        attempts = [{"to": "a.invalid", "port": 443, "via": "main"}]
        result = await tried(attempts=attempts, context={"proxies": {"main": main}})
    assert fell(result) == (Outcome.UNKNOWN, "attempted", found.PROXY_ACCOUNT)


async def test_the_first_attempt_of_an_account_that_hangs_hides_no_open_door(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("right")
    async with site(page("welcome")) as open_site, proxy(silent_to="a.invalid") as gate:
        password = {"file": str(tmp_path / "secret")}
        main = Proxy.model_validate({"name": "main", "url": gate.url, "user": "probe", "password": password})
        attempts = [{"to": "a.invalid", "port": 80, "via": "main"}, {"to": HERE, "port": open_site.port, "via": "main"}]
        result = await tried("1s", attempts=attempts, context={"proxies": {"main": main}})
    assert fell(result) == (Outcome.FAILED, "denied", found.PROXY_LETS_THROUGH)
