"""The kind `http`: each cause by a server that really does it, within its deadline and within bounds."""

import asyncio
import gzip
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from probes.http import Http
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.result import Measure, Outcome, Result
from retabli.net.web import http_causes
from retabli.net.web.http_redirects import judge_redirected_address, place
from tests.climbing import climb, settings
from tests.net.name_server import name_server
from tests.net.peers import (
    Handler,
    closed_port,
    closing,
    echoing,
    endless,
    resetting,
    saying,
    self_signed,
    server_context,
    serving,
    silent,
    trickling,
)
from tests.net.web_servers import Answer, page, redirect, site
from tests.said import fell

SERVED = page("<h1>Résultats d'analyses</h1>", "X-Served-By: lab")


async def ask(url: str, *, deadline: float | None = None, **keys: Any) -> Result:
    return await climb(settings(Http, url=url, **keys), deadline=deadline)


async def answered(answer: Answer | dict[str, Answer], *, deadline: float | None = None, **keys: Any) -> Result:
    async with site(answer) as running:
        return await ask(running.url(), deadline=deadline, **keys)


# What holds ---------------------------------------------------------------------------------------------------------


async def test_a_wanted_answer_climbs_every_rung_and_tells_its_phases() -> None:
    result = await answered(SERVED, expect={"text": "Résultats d'analyses", "header": {"X-Served-By": "^lab$"}})
    assert result.outcome is Outcome.OK
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "request", "response", "content"]
    assert result.of == len(result.rungs)
    assert result.measures[Measure.HTTP_STATUS] == 200
    assert result.measures[Measure.HTTP_VERSION] == 1.1
    assert result.measures[Measure.HTTP_SSL] == 0
    assert result.measures[Measure.HTTP_REDIRECTS] == 0
    phases = {Measure.HTTP_RESOLVE, Measure.HTTP_CONNECT, Measure.HTTP_PROCESSING, Measure.HTTP_TRANSFER}
    assert all(0 <= result.measures[phase] < 5 for phase in phases)
    assert Measure.HTTP_TLS not in result.measures


async def test_over_tls_there_is_a_rung_and_a_phase_more(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with site(SERVED, tls=context) as running:
        result = await ask(running.url(), tls={"ca": str(ca_file)}, expect={"issuer": "trustme"})
    assert result.outcome is Outcome.OK
    assert stages.TLS in [rung.stage for rung in result.rungs]
    assert result.of == len(result.rungs)
    assert result.measures[Measure.HTTP_SSL] == 1
    assert result.measures[Measure.HTTP_TLS] > 0
    assert Measure.CERT_EARLIEST_EXPIRY in result.measures


async def test_the_request_is_what_the_settings_say_and_honest_about_who_asks(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer s3cret\n")
    probe = settings(
        Http,
        url="http://127.0.0.1:1/a?b=c#d",
        method="POST",
        headers={"Authorization": {"file": "token"}, "X-Ward": "7"},
        body="é",
        context={"folder": tmp_path},
    )
    async with site(SERVED) as running:
        result = await climb(probe.model_copy(update={"url": running.url("/a?b=c#d")}))
    assert result.outcome is Outcome.OK
    head, _, body = running.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a?b=c HTTP/1.1"
    assert b"Host: 127.0.0.1:%d" % running.port in lines
    assert b"Authorization: Bearer s3cret" in lines
    assert b"X-Ward: 7" in lines
    assert b"User-Agent: Retabli/0.1.0 (+monitoring probe)" in lines
    assert b"Connection: close" in lines
    assert body == "é".encode()
    assert len(list(probe.secrets())) == 1


PAGE = b"<p>the marker</p>" * 1000
PACKED = {"gzip": gzip.compress(PAGE), "x-gzip": gzip.compress(PAGE), "deflate": zlib.compress(PAGE), "identity": PAGE}


@pytest.mark.parametrize(("coding", "packed"), PACKED.items(), ids=PACKED.keys())
async def test_a_packed_page_is_unpacked(coding: str, packed: bytes) -> None:
    result = await answered(page(packed, f"Content-Encoding: {coding}"), expect={"text": "the marker"})
    assert result.outcome is Outcome.OK


async def test_a_head_request_does_not_wait_for_a_page() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    result = await answered(saying(answer), method="HEAD")
    assert result.outcome is Outcome.OK


# Statuses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields", "cause", "outcome"),
    [
        ("500 Oops", (), http_causes.HTTP_SERVER_ERROR, Outcome.FAILED),
        ("503 Busy", (), http_causes.HTTP_SERVER_ERROR, Outcome.FAILED),
        ("503 Maintenance", ("Retry-After: 120",), http_causes.UNAVAILABLE, Outcome.UNKNOWN),
        ("404 Not Found", (), http_causes.HTTP_CLIENT_ERROR, Outcome.FAILED),
        ("403 Forbidden", (), http_causes.HTTP_CLIENT_ERROR, Outcome.FAILED),
        ("401 Who", (), http_causes.AUTH_REQUIRED, Outcome.FAILED),
        ("429 Slower", (), http_causes.RATE_LIMITED, Outcome.UNKNOWN),
        ("300 Choose", (), http_causes.UNEXPECTED_STATUS, Outcome.FAILED),
    ],
)
async def test_each_refusal_has_its_cause(status: str, fields: tuple[str, ...], cause: Cause, outcome: Outcome) -> None:
    result = await answered(page("no", *fields, status=status))
    assert fell(result) == ("response", cause)
    assert result.outcome is outcome
    assert result.detail == "; ".join((status, *fields))
    assert result.measures[Measure.HTTP_STATUS] == int(status[:3])


async def test_refused_credentials_are_told_from_missing_ones_and_never_tried_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer wrong")
    result = await answered(
        page("no", status="401 No"),
        headers={"Authorization": {"file": "token"}},
        context={"folder": tmp_path},
    )
    assert result.cause is causes.AUTH_REFUSED
    assert result.cause.credential


async def test_a_wanted_status_is_none_to_fall_from() -> None:
    for wanted, status in ((404, "404 Not Found"), ("4xx", "401 Who"), ([200, 302], "302 Found")):
        result = await answered(page("", "Location: /elsewhere", status=status), expect={"status": wanted})
        assert result.outcome is Outcome.OK
    result = await answered(SERVED, expect={"status": 204})
    assert fell(result) == ("response", http_causes.UNEXPECTED_STATUS)


# Redirects ----------------------------------------------------------------------------------------------------------


async def test_a_redirect_on_the_same_host_is_followed_and_its_rungs_are_one_each() -> None:
    cookie = redirect("/there", "Set-Cookie: seen=1; Path=/")
    async with site({"/": cookie, "/there": SERVED}) as running:
        result = await ask(running.url(), headers={"X-Ward": "7"})
    assert result.outcome is Outcome.OK
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "request", "response", "content"]
    assert result.measures[Measure.HTTP_REDIRECTS] == 1
    assert b"X-Ward: 7" in running.requests[1]
    assert b"Cookie: seen=1" in running.requests[1]


async def test_what_one_request_bore_the_next_run_does_not() -> None:
    cookie = redirect("/there", "Set-Cookie: seen=1; Path=/")
    async with site({"/": cookie, "/there": SERVED}) as running:
        for _ in range(2):
            assert (await ask(running.url())).outcome is Outcome.OK
    _, followed, begun_again, _ = running.requests
    assert b"Cookie: seen=1" in followed
    assert b"seen" not in begun_again


async def test_a_redirect_up_to_https_on_the_same_host_is_followed(authority: trustme.CA, ca_file: Path) -> None:
    async with site(SERVED, tls=server_context(authority.issue_cert("127.0.0.1"))) as secure:
        async with site(redirect(secure.url())) as plain:
            result = await ask(plain.url(), tls={"ca": str(ca_file)})
    assert result.outcome is Outcome.OK
    assert result.measures[Measure.HTTP_SSL] == 1
    assert result.of == len(result.rungs) == 6


async def test_a_redirect_to_another_host_port_or_down_to_http_is_not_followed(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with site(SERVED) as other:
        for to in (
            other.url(),
            other.url(host="localhost"),
            "ftp://127.0.0.1/x",
            "//user:pw@127.0.0.1/",
            "//elsewhere/",
        ):
            result = await answered(redirect(to))
            assert fell(result) == ("response", http_causes.REDIRECTED_AWAY), to
        async with site(redirect(other.url()), tls=context) as secure:
            result = await ask(secure.url(), tls={"ca": str(ca_file)})
            assert fell(result) == ("response", http_causes.REDIRECTED_AWAY)
    assert other.requests == []


async def test_a_redirect_that_names_an_account_is_not_followed() -> None:
    answers: dict[str, Answer] = {"/there": SERVED}
    async with site(answers) as running:
        answers["/"] = redirect(running.url("/there").replace("//", "//user:password@"))
        assert (await ask(running.url())).cause is http_causes.REDIRECTED_AWAY


async def test_anywhere_is_followed_only_when_asked_for_and_what_was_meant_for_one_host_stays_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("Bearer s3cret")
    keys: dict[str, Any] = {"headers": {"Authorization": {"file": "token"}}, "context": {"folder": tmp_path}}
    async with site(SERVED) as other:
        async with site(redirect(other.url(), "Set-Cookie: a=b")) as running:
            result = await ask(running.url(), follow="anywhere", **keys)
    assert result.outcome is Outcome.OK
    assert b"s3cret" not in other.requests[0]


async def test_no_redirect_leads_to_this_machine_or_its_link() -> None:
    for to in ("http://169.254.169.254/latest/meta-data", "http://[fe80::1]/"):
        result = await answered(redirect(to), follow="anywhere")
        assert fell(result) == ("response", http_causes.REDIRECTED_AWAY)


async def test_no_name_leads_there_either() -> None:
    async with (
        name_server({("there.example", "A"): ["169.254.1.1"]}) as server,
        site(redirect("//there.example/")) as own,
    ):
        resolver = {"nameservers": ["127.0.0.1"], "port": server.port}
        result = await ask(own.url(), follow="anywhere", resolver=resolver)
    assert fell(result) == ("resolve", http_causes.REDIRECTED_AWAY)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.1.1", "fe80::1%eth0"])
def test_a_name_that_a_redirect_leads_to_may_not_be_this_machine_either(address: str) -> None:
    with pytest.raises(Fall) as fall:
        judge_redirected_address(address, "elsewhere")
    assert fall.value.cause is http_causes.REDIRECTED_AWAY
    judge_redirected_address("192.0.2.1", "elsewhere")
    judge_redirected_address(address, place(address))  # from there, it is the operator's own choice


async def test_a_loop_of_redirects_ends_after_five() -> None:
    async with site(redirect("/")) as running:
        result = await ask(running.url())
    assert fell(result) == ("response", http_causes.TOO_MANY_REDIRECTS)
    assert len(running.requests) == 6


async def test_a_redirect_without_a_place_to_go_is_an_unexpected_status() -> None:
    assert (await answered(page("", status="302 Found"))).cause is http_causes.UNEXPECTED_STATUS
    assert (await answered(redirect("/there"), follow="nowhere")).cause is http_causes.UNEXPECTED_STATUS
    assert (await answered(redirect("http://[::"))).cause is causes.GARBAGE


# Content ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "cause"),
    [
        ({"text": "Rendez-vous"}, http_causes.TEXT_MISSING),
        ({"text": ["Résultats", "Rendez-vous"]}, http_causes.TEXT_MISSING),
        ({"absent_text": "Résultats"}, http_causes.TEXT_FORBIDDEN),
        ({"header": {"X-Served-By": "^pharmacy"}}, http_causes.HEADER_MISSING),
        ({"header": {"X-None": "."}}, http_causes.HEADER_MISSING),
    ],
)
async def test_content_that_is_not_as_expected_has_its_cause(expect: dict[str, Any], cause: Cause) -> None:
    assert fell(await answered(SERVED, expect=expect)) == ("content", cause)


async def test_a_robots_wall_is_no_verdict_on_the_site() -> None:
    for answer in (
        page("<title>Just a moment...</title>", "cf-mitigated: challenge", status="403 Forbidden"),
        page("<form>Solve this captcha</form>", status="429 Too Many"),
        page('<iframe src="/_Incapsula_Resource?x">'),
    ):
        result = await answered(answer, expect={"text": "Résultats"})
        assert result.cause is http_causes.BOT_WALL
        assert result.outcome is Outcome.UNKNOWN
    honest = page("Résultats <form class=g-recaptcha>captcha</form>")
    assert (await answered(honest, expect={"text": "Résultats"})).outcome is Outcome.OK
    assert (await answered(honest, expect={"text": "Rendez-vous"})).cause is http_causes.TEXT_MISSING


async def test_a_certificate_of_another_issuer_is_told_before_anything_is_sent(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    async with site(SERVED, tls=server_context(authority.issue_cert("127.0.0.1"))) as running:
        result = await ask(running.url(), tls={"ca": str(ca_file)}, expect={"issuer": "Let's Encrypt"})
        assert fell(result) == ("tls", http_causes.TLS_INTERCEPTED)
        assert "trustme" in result.detail
        unknown = await ask(running.url(), expect={"issuer": "Let's Encrypt"})
        assert fell(unknown) == ("tls", http_causes.TLS_INTERCEPTED)
        ours = await ask(running.url(), expect={"issuer": "trustme"})
        assert fell(ours) == ("tls", causes.CERT_UNKNOWN_CA)
        assert running.requests == []
    async with site(SERVED, tls=self_signed(tmp_path)) as running:
        assert fell(await ask(running.url(host="localhost"))) == ("tls", causes.CERT_SELF_SIGNED)


# Hostile peers --------------------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("handler", "stage", "cause"),
    [
        (closing, "response", causes.CLOSED_EARLY),
        (resetting, "response", causes.RESET),
        (silent, "response", causes.TIMEOUT),
        (echoing, "response", causes.GARBAGE),
        (saying(b"220 mail ESMTP\r\n"), "response", causes.GARBAGE),
        (endless(b"x" * 4096), "response", causes.GARBAGE),
        (saying(HEAD, then=endless(b"X-Header: again\r\n" * 200)), "response", causes.TOO_LONG),
        (saying(HEAD + b"X: y\r\n" * 201 + b"Content-Length: 0\r\n\r\n"), "response", causes.TOO_LONG),
        (saying(HEAD + b"X: ", then=endless(b"x" * 4096)), "response", causes.TOO_LONG),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 200), "response", causes.TOO_LONG),
        (trickling(HEAD, 0.02), "response", causes.TIMEOUT),
        (saying(HEAD + b"Content-Length: 10\r\n\r\nshort", then=closing), "response", causes.CLOSED_EARLY),
        (saying(HEAD + b"Content-Length: 10\r\n\r\nshort"), "response", causes.TIMEOUT),
        (saying(CHUNKED + b"\r\n5\r\nhello\r\n", then=closing), "response", causes.CLOSED_EARLY),
        (saying(HEAD + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"), "response", causes.GARBAGE),
        (saying(HEAD + b"Content-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx"), "response", causes.GARBAGE),
        (saying(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"), "response", causes.GARBAGE),
    ],
)
async def test_a_hostile_peer_has_its_cause_within_the_deadline(handler: Handler, stage: str, cause: Cause) -> None:
    async def after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        await handler(reader, writer)

    chosen = handler if handler in (resetting, echoing) else after_the_request
    async with serving(chosen) as port:
        result = await ask(f"http://127.0.0.1:{port}/", deadline=0.5)
    assert fell(result) == (stage, cause)
    assert result.seconds < 1


async def test_the_first_rungs_keep_their_own_causes() -> None:
    assert fell(await ask(f"http://127.0.0.1:{closed_port()}/")) == ("connect", causes.REFUSED)
    assert fell(await ask("http://0.0.0.0/")) == ("resolve", causes.SINKHOLE)
    async with serving(saying(b"SSH-2.0-x\r\n")) as port:
        assert fell(await ask(f"https://127.0.0.1:{port}/")) == ("tls", causes.NOT_TLS)


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(bytes(1_048_576)) for _ in range(size)]) + packer.flush()


ENDLESS_PAGES = {
    "a body without end": saying(HEAD + b"\r\n", then=endless(b"x" * 65_536)),
    "chunks without end": saying(CHUNKED + b"\r\n", then=endless(b"1000\r\n" + b"x" * 4096 + b"\r\n")),
    "a chunk extension without end": saying(CHUNKED + b"\r\n1;", then=endless(b"x" * 65_536)),
    "trailers without end": saying(CHUNKED + b"\r\n0\r\n", then=endless(b"X-T: " + b"x" * 4096 + b"\r\n")),
    "a packed page of 500 MB": page(_bomb(500), "Content-Encoding: gzip"),
    "packed emptiness without end": saying(
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], then=endless(b"\x00\x00\x00\xff\xff" * 9000)
    ),
}


@pytest.mark.parametrize("answer", ENDLESS_PAGES.values(), ids=ENDLESS_PAGES.keys())
async def test_a_page_without_end_is_cut_and_takes_no_more_memory_than_it_may(answer: Answer) -> None:
    async with site(answer) as running:
        probe = settings(Http, url=running.url(), expect={"text": "the marker"}, max_body=262_144)
        tracemalloc.start()
        try:
            result = await climb(probe, deadline=8)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert result.cause is http_causes.TEXT_MISSING
    assert "in the first" in result.detail
    assert peak < 12_000_000


async def test_a_page_beyond_the_bound_is_no_fault_when_nothing_is_looked_for_behind_it() -> None:
    answer = saying(HEAD + b"\r\nthe marker", then=endless(b"x" * 65_536))
    assert (await answered(answer, expect={"text": "the marker"}, max_body=100_000)).outcome is Outcome.OK


# Settings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {"url": "ftp://a.example/"},
        {"url": "a.example"},
        {"url": "http:///x"},
        {"url": "http://user:password@a.example/"},
        {"url": "http://a.example:99999/"},
        {"url": "http://a b/"},
        {"url": "http://a.example/\r\nX: y"},
        {"headers": {"X A": "1"}},
        {"headers": {"X-A": "1\r\nX-B: 2"}},
        {"headers": {"X-A": "é"}},
        {"headers": {"Content-Length": "3"}},
        {"headers": {"Authorization": "Bearer in-clear"}},
        {"expect": {"status": 700}},
        {"expect": {"status": []}},
        {"expect": {"status": True}},
        {"expect": {"text": 5}},
        {"expect": {"header": {"X": "("}}},
        {"expect": {"txt": "x"}},
        {"follow": "everywhere"},
        {"user_agent": "x\ny"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(Http, **({"url": "http://a.example/"} | keys))


@pytest.mark.parametrize("host", ["a]b", "a[b", "a%5Db", "a,b", "a'b", "a..b", f"{'a' * 64}.example", "a." * 130])
def test_a_host_that_no_name_can_be_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="names no host"):
        settings(Http, url=f"http://{host}/")


@pytest.mark.parametrize("host", ["xn--9ca.example", "é.example", "a_b.example", "a.example.", "192.0.2.1", "[::1]"])
def test_a_host_that_may_be_one_is_taken(host: str) -> None:
    assert settings(Http, url=f"http://{host}/").url == f"http://{host}/"


def test_settings_that_contradict_each_other_are_faults_and_unwise_ones_warnings() -> None:
    def faults(**keys: Any) -> list[str]:
        return list(settings(Http, url="http://a.example/", **keys).faults())

    assert faults() == []
    assert len(faults(body="x")) == 1
    assert len(faults(method="HEAD", expect={"text": "x"})) == 1
    assert len(faults(tls={"mode": "starttls"})) == 1
    assert list(settings(Http, url="http://a.example/", user_agent="Mozilla/5.0").warnings())


def test_the_firewall_opening_is_the_sites_own_port() -> None:
    assert list(settings(Http, url="https://a.example/").openings()) == [("a.example", 443, "tcp")]
    assert list(settings(Http, url="http://a.example:8080/").openings()) == [("a.example", 8080, "tcp")]


async def test_a_secret_that_cannot_stand_in_a_header_is_unreadable_not_a_defect(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"a\r\nX-B: 2")
    result = await answered(SERVED, headers={"Authorization": {"file": "token"}}, context={"folder": tmp_path})
    assert result.cause is causes.SECRET_UNREADABLE
    assert result.outcome is Outcome.UNKNOWN
