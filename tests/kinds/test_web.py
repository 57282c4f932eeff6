"""The kind `web`: each target is a unit, and each way in which a needed site is not to be had has its cause."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from probes.web import (
    DEPENDENCY_DENIED,
    DEPENDENCY_UNREACHABLE,
    ISSUER_CHANGED,
    PHONE_NUMBERS_MISSING,
    SENT_HOME,
    Web,
    watch_issuer,
)
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.result import Outcome, Result
from retabli.model.settings import Proxy
from retabli.net.web import http_causes, proxy_causes
from tests.climbing import climb, settings
from tests.net.name_server import name_server
from tests.net.peers import closed_port, server_context
from tests.net.web_servers import page, proxy, redirect, site
from tests.said import fell

SERVED = page("<h1>Annuaire des rendez-vous</h1>")
DIRECTORY = page(
    "<h1>Annuaire</h1><li>Accueil : 02 99 28 43 21</li><li>Maternité : 02&nbsp;99&nbsp;26&nbsp;59&nbsp;31</li>"
    '<li><a href="tel:+33299289000">Imagerie</a></li><li>Urgences : 15</li>'
)


async def look(target: str, **keys: Any) -> Result:
    return await climb(settings(Web, targets=[target], **keys), target=target)


def behind(url: str) -> dict[str, Any]:
    return {"proxy": "main", "context": {"proxies": {"main": Proxy(url=url)}}}


# Units and settings ----------------------------------------------------------------


def test_each_target_is_a_unit_from_the_list_and_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "sites.txt").write_text(
        "https://lab.example/\n\n# needed\n  https://b.example/x#part  # and a note\r\n", "utf-8-sig"
    )
    probe = settings(Web, targets=["https://a.example/"], targets_file="sites.txt", context={"folder": tmp_path})
    assert probe.targets_of() == ("https://a.example/", "https://lab.example/", "https://b.example/x#part")
    assert ("lab.example", 443, "tcp") in list(probe.openings())


def test_another_content_of_the_file_is_another_configuration(tmp_path: Path) -> None:
    def dumped(text: str) -> object:
        (tmp_path / "sites.txt").write_text(text)
        probe = settings(Web, targets_file="sites.txt", context={"folder": tmp_path})
        return probe.model_dump(mode="json")

    assert dumped("https://a.example/") != dumped("https://b.example/")


def test_every_fault_of_the_file_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "sites.txt").write_text(
        "https://a.example/\nlab.example\n#\nhttps://a.example/\nhttps://u:p@b.example/\n"
    )
    with pytest.raises(ValidationError) as faults:
        settings(Web, targets_file="sites.txt", context={"folder": tmp_path})
    told = faults.value.errors()[0]
    assert told["loc"] == ("targets_file",)
    for line in (2, 4, 5):
        assert f"sites.txt:{line}: " in told["msg"]
    assert "sites.txt:1: " not in told["msg"]


@pytest.mark.parametrize("content", [None, b"", b"# nothing\n", b"\xff\xfe"])
def test_a_file_that_lists_nothing_or_cannot_be_read_is_a_fault(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "sites.txt").write_bytes(content)
    with pytest.raises(ValidationError, match=r"sites\.txt"):
        settings(Web, targets_file="sites.txt", context={"folder": tmp_path})


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"targets": []},
        {"targets": ["https://a.example/", "https://a.example/"]},
        {"targets": ["ftp://a.example/"]},
        {"targets": ["https://a.example/"], "sinkholes": ["nonsense"]},
        {"targets": ["https://a.example/"], "expect": {"min_phone_numbers": -1}},
        {"targets": ["https://a.example/"], "proxy": "nobody"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(Web, **keys)


# What holds ----------------------------------------------------------------


async def test_the_appointments_page_holds_with_its_marker_and_enough_numbers() -> None:
    async with site({"/annuaire": DIRECTORY}) as running:
        result = await look(running.url("/annuaire"), expect={"text": "Annuaire", "min_phone_numbers": 3})
    assert result.outcome is Outcome.OK
    assert result.whole


async def test_a_slow_site_is_ok_and_not_whole() -> None:
    async def hesitate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(SERVED)

    async with site(hesitate) as running:
        result = await look(running.url(), slow="10ms")
    assert result.outcome is Outcome.OK
    assert not result.whole


# Content ----------------------------------------------------------------


async def test_too_few_telephone_numbers_have_their_cause() -> None:
    async with site(DIRECTORY) as running:
        result = await look(running.url(), expect={"min_phone_numbers": 4})
    assert fell(result) == ("content", PHONE_NUMBERS_MISSING)
    assert result.detail == "3 of at least 4"


async def test_a_marker_that_is_missing_has_its_cause() -> None:
    async with site(SERVED) as running:
        result = await look(running.url(), expect={"text": "Téléphone"})
    assert fell(result) == ("content", http_causes.TEXT_MISSING)


async def test_a_page_that_is_gone_is_told_from_one_that_moved_away() -> None:
    answers = {"/deep/page": redirect("/"), "/": SERVED, "/moved": redirect("https://elsewhere.example/moved")}
    async with site(answers) as running:
        assert fell(await look(running.url("/deep/page"))) == ("response", SENT_HOME)
        assert fell(await look(running.url("/moved"))) == ("response", http_causes.REDIRECTED_AWAY)
        assert (await look(running.url("/"))).outcome is Outcome.OK


async def test_a_home_page_that_moves_within_itself_is_not_sent_home() -> None:
    async with site({"/index.php": redirect("/"), "/": SERVED}) as running:
        assert (await look(running.url("/index.php"))).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("status", "cause", "outcome"),
    [
        ("500 Oops", http_causes.HTTP_SERVER_ERROR, Outcome.FAILED),
        ("404 Gone", http_causes.HTTP_CLIENT_ERROR, Outcome.FAILED),
        ("429 Slower", http_causes.RATE_LIMITED, Outcome.UNKNOWN),
    ],
)
async def test_the_sites_own_errors_are_the_sites(status: str, cause: Cause, outcome: Outcome) -> None:
    async with site(page("no", status=status)) as running:
        result = await look(running.url())
    assert fell(result) == ("response", cause)
    assert result.outcome is outcome


async def test_a_robots_wall_is_unknown() -> None:
    async with site(page("x", "cf-mitigated: challenge", status="403 Forbidden")) as running:
        result = await look(running.url())
    assert fell(result) == ("response", http_causes.BOT_WALL)
    assert result.outcome is Outcome.UNKNOWN


# Names ----------------------------------------------------------------


async def test_a_filters_address_is_a_sinkhole_and_is_not_connected_to() -> None:
    async with name_server({("lab.example", "A"): ["198.51.100.7"]}) as server:
        resolver = {"nameservers": ["127.0.0.1"], "port": server.port}
        result = await look("http://lab.example/", resolver=resolver, sinkholes=["198.51.100.0/24"])
    assert fell(result) == ("resolve", causes.SINKHOLE)
    assert "198.51.100.7" in result.detail


# The proxy ----------------------------------------------------------------


async def test_through_the_proxy_each_refusal_is_told_from_the_next(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    denied = page("no", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden")
    async with site({"/": SERVED, "/error": page("", status="500 Oops")}, tls=context) as running:
        async with proxy(denies=denied, only="games.example") as way:
            keys = behind(way.url) | {"tls": {"ca": str(ca_file)}}
            assert (await look(running.url(), **keys)).outcome is Outcome.OK
            for target, stage, cause in (
                ("https://games.example/", "proxy", proxy_causes.PROXY_DENIED),
                ("https://nowhere.invalid:443/", "proxy", proxy_causes.PROXY_CANNOT_RESOLVE),
                (f"https://127.0.0.1:{closed_port()}/", "proxy", proxy_causes.PROXY_CANNOT_CONNECT),
                (running.url("/error"), "response", http_causes.HTTP_SERVER_ERROR),
            ):
                assert fell(await look(target, **keys)) == (stage, cause)
    stopped = await look(running.url(), **keys)
    assert fell(stopped) == ("connect", proxy_causes.PROXY_DOWN)
    assert stopped.outcome is Outcome.UNKNOWN


async def test_an_interceptor_is_known_by_its_issuer(authority: trustme.CA, ca_file: Path) -> None:
    async with site(SERVED, tls=server_context(authority.issue_cert("127.0.0.1"))) as running, proxy() as way:
        trusted = await look(running.url(), expect={"issuer": "Certigna"}, tls={"ca": str(ca_file)}, **behind(way.url))
        unknown = await look(running.url(), expect={"issuer": "Certigna"}, **behind(way.url))
    assert fell(trusted) == fell(unknown) == ("tls", http_causes.TLS_INTERCEPTED)
    assert running.requests == []


# The issuer ----------------------------------------------------------------


async def test_an_issuer_that_changes_is_told_and_the_flow_is_not_whole(authority: trustme.CA, ca_file: Path) -> None:
    memory: dict[str, Any] = {}
    async with site(SERVED, tls=server_context(authority.issue_cert("127.0.0.1"))) as running:
        probe = settings(Web, targets=[running.url()], tls={"ca": str(ca_file)})
        first = await climb(probe, memory=memory)
        again = await climb(probe, memory=memory)
        assert first.whole
        assert again.whole
        assert "trustme" in first.properties["issuer"]
        memory["issuer"] = "Certigna"
        changed = await climb(probe, memory=memory)
        still = await climb(probe, memory=memory)
    assert changed.outcome is Outcome.OK
    assert not changed.whole
    assert changed.cause is ISSUER_CHANGED
    assert '"Certigna" before' in changed.detail
    assert still.cause is ISSUER_CHANGED


def test_a_changed_issuer_is_the_usual_one_after_a_day_and_a_return_forgets_it() -> None:
    memory: dict[str, Any] = {}

    def impaired(issuer: str, at: float) -> bool:
        ladder = Ladder(Web.LADDER, memory=memory, wall=lambda: at)
        watch_issuer(ladder, issuer)
        return ladder.finish(beat=0, started=0).cause is ISSUER_CHANGED

    assert not impaired("R10 (Let's Encrypt)", 0)
    assert not impaired("R11 (Let's Encrypt)", 10)  # its intermediates take turns
    assert impaired("Proxy CA (CHU)", 20)
    assert not impaired("R11 (Let's Encrypt)", 30)
    assert impaired("Proxy CA (CHU)", 100_000)
    assert impaired("Proxy CA (CHU)", 100_000 + 86_000)
    assert not impaired("Proxy CA (CHU)", 100_000 + 86_400)
    assert impaired("R11 (Let's Encrypt)", 300_000)


# Dependencies ----------------------------------------------------------------


async def test_a_host_that_the_page_depends_on_is_looked_at_and_named(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    denied = page("no", status="403 Forbidden")
    async with site(SERVED, tls=context) as running, proxy(denies=denied, only="fonts.example") as way:
        keys = behind(way.url) | {"tls": {"ca": str(ca_file)}}
        fine = await look(running.url(), depends=[running.url("/script.js")], **keys)
        assert fine.outcome is Outcome.OK
        assert fine.stage is not None
        assert (fine.stage.id, fine.of) == ("dependencies", len(fine.rungs))
        for scheme in ("https", "http"):
            result = await look(running.url(), depends=[running.url(), f"{scheme}://fonts.example/"], **keys)
            assert fell(result) == ("dependencies", DEPENDENCY_DENIED)
            assert result.detail.startswith("fonts.example: proxy_denied")
        dead = await look(running.url(), depends=[f"https://127.0.0.1:{closed_port()}/"], **keys)
        assert fell(dead) == ("dependencies", DEPENDENCY_UNREACHABLE)
    assert len(running.requests) == 4  # the pages; dependencies are asked for nothing
