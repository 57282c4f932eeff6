"""The kind `web` through Squid: allowed, denied, stopped, frozen, a name it cannot resolve, a site it cannot reach."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.web import Web
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.web import http_causes
from retabli.net.web.proxy_causes import (
    PROXY_AUTH_REFUSED,
    PROXY_AUTH_REQUIRED,
    PROXY_CANNOT_CONNECT,
    PROXY_CANNOT_RESOLVE,
    PROXY_DENIED,
    PROXY_DOWN,
)
from tests.climbing import climb, settings
from tests.net.peers import closed_port
from tests.real.web_servers import Nginx, Squid, names, nginx, squid
from tests.said import fell

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("squid") is None, reason="squid is not installed")]

HOSTS = ("lab.example", "games.example")


@pytest.fixture(scope="module")
def sites(authority: trustme.CA) -> Iterator[Nginx]:
    with nginx(authority, *HOSTS, page="<h1>Résultats d'analyses</h1>") as running:
        yield running


@pytest.fixture(scope="module")
def names_at() -> Iterator[str]:
    with names(dict.fromkeys(HOSTS, "127.0.0.1")) as address:
        yield address


@pytest.fixture(scope="module")
def gate(names_at: str) -> Iterator[Squid]:
    with squid(names_at, "lab.example", "nowhere.example") as running:
        yield running


async def look(gate: Squid, target: str, ca_file: Path, *, deadline: float | None = None, **proxy: Any) -> Result:
    described = Proxy.model_validate({"url": gate.url} | proxy, context={"folder": ca_file.parent})
    probe = settings(
        Web,
        targets=[target],
        expect={"text": "Résultats d'analyses"},
        proxy="main",
        tls={"ca": str(ca_file)},
        context={"proxies": {"main": described}},
    )
    return await climb(probe, target=target, deadline=deadline)


async def test_an_allowed_site_climbs_every_rung(gate: Squid, sites: Nginx, ca_file: Path) -> None:
    secure = await look(gate, f"https://lab.example:{sites.secure}/", ca_file)
    plain = await look(gate, f"http://lab.example:{sites.plain}/", ca_file)
    assert secure.outcome is plain.outcome is Outcome.OK
    assert [rung.stage.id for rung in secure.rungs] == [
        "resolve",
        "connect",
        "proxy",
        "tls",
        "request",
        "response",
        "content",
    ]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_denied_nameless_dead_and_failing_sites_are_four_causes(
    scheme: str, gate: Squid, sites: Nginx, ca_file: Path
) -> None:
    stage = "proxy" if scheme == "https" else "response"
    port = sites.secure if scheme == "https" else sites.plain
    denied = await look(gate, f"{scheme}://games.example:{port}/", ca_file)
    nameless = await look(gate, f"{scheme}://nowhere.example:{port}/", ca_file)
    dead = await look(gate, f"{scheme}://lab.example:{closed_port()}/", ca_file)
    failing = await look(gate, f"{scheme}://lab.example:{port}/error", ca_file)
    assert fell(denied) == (stage, PROXY_DENIED)
    assert "ERR_ACCESS_DENIED" in denied.detail
    assert fell(nameless) == (stage, PROXY_CANNOT_RESOLVE), nameless.detail
    assert fell(dead) == (stage, PROXY_CANNOT_CONNECT)
    assert fell(failing) == ("response", http_causes.HTTP_SERVER_ERROR)


async def test_a_squid_that_hangs_and_one_that_is_stopped_leave_sites_unevaluated(
    names_at: str, sites: Nginx, ca_file: Path
) -> None:
    target = f"https://lab.example:{sites.secure}/"
    with squid(names_at, "lab.example") as gate:
        assert (await look(gate, target, ca_file)).outcome is Outcome.OK
        gate.server.freeze()
        hanging = await look(gate, target, ca_file, deadline=1.6)
        gate.server.thaw()
        assert (await look(gate, target, ca_file)).outcome is Outcome.OK
    stopped = await look(gate, target, ca_file)
    assert fell(hanging) == ("proxy", PROXY_DOWN)
    assert fell(stopped) == ("connect", PROXY_DOWN)
    assert hanging.outcome is stopped.outcome is Outcome.UNKNOWN


async def test_squids_407_tells_a_missing_account_from_a_refused_one(
    names_at: str, sites: Nginx, ca_file: Path
) -> None:
    for name, password in (("right", "s3cret"), ("wrong", "guess")):
        (ca_file.parent / name).write_text(password)
    with squid(names_at, "lab.example", account="probe:s3cret") as gate:
        for scheme, port, stage in (("https", sites.secure, "proxy"), ("http", sites.plain, "response")):
            target = f"{scheme}://lab.example:{port}/"
            right = await look(gate, target, ca_file, user="probe", password={"file": "right"})
            wrong = await look(gate, target, ca_file, user="probe", password={"file": "wrong"})
            none = await look(gate, target, ca_file)
            assert right.outcome is Outcome.OK
            assert fell(wrong) == (stage, PROXY_AUTH_REFUSED)
            assert fell(none) == (stage, PROXY_AUTH_REQUIRED)


async def test_squid_denies_by_the_configured_header_alone_when_that_is_how_it_is_known(
    gate: Squid, sites: Nginx, ca_file: Path
) -> None:
    sign = {"status": [], "header": "X-Squid-Error: ERR_ACCESS_DENIED"}
    denied = await look(gate, f"http://games.example:{sites.plain}/", ca_file, denied=sign)
    assert fell(denied) == ("response", PROXY_DENIED)
