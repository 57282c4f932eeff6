"""The kind `promql`: only a whole and fresh value that is not as expected is a failure; all else is unknown."""

import asyncio
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from probes.promql import Promql
from retabli.model import causes, stages
from retabli.model.causes import Cause, Verdict
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Outcome, Result
from retabli.net.web import promql, promql_causes
from retabli.net.web.promql_settings import PromqlQuery, is_selector
from simulator.metrics import MetricsEngine
from simulator.serving import Serving
from tests.climbing import climb, settings
from tests.net.metrics_engine import Engine, api, engine, error, result, sampled, vector
from tests.net.peers import (
    Handler,
    closed_port,
    closing,
    endless,
    listening_then_closing,
    resetting,
    saying,
    self_signed,
    server_context,
    serving,
    silent,
    trickling,
)
from tests.net.web_servers import NOT_HERE, page, proxy, redirect, site
from tests.said import fell

RESTORED = 'retabli_flow_restored{flow="mail-out"}'


async def asked(
    answer: bytes | Handler,
    times: bytes | Handler | None = None,
    *,
    query: str = RESTORED,
    deadline: float | None = None,
    **keys: Any,
) -> Result:
    async with engine(answer, times) as running:
        return await climb(settings(Promql, url=running.url, query=query, **keys), deadline=deadline)


# What holds ---------------------------------------------------------------------------------------------------------


async def test_another_daemon_says_that_the_flow_is_restored() -> None:
    result = await asked(vector("1"))
    assert result.outcome is Outcome.OK
    assert [rung.stage for rung in result.rungs] == list(settings(Promql, url="http://x", query=RESTORED).climbs())
    assert result.stage is promql.VALUE
    assert result.properties["samples"] == 'retabli_flow_restored{flow="mail-out"} = 1'
    assert result.properties["age"].endswith(" s")


async def test_another_daemon_says_that_the_flow_is_not_restored() -> None:
    result = await asked(vector("0"))
    assert result.outcome is Outcome.FAILED
    assert fell(result) == ("value", promql_causes.UNEXPECTED_VALUE)
    assert result.detail == 'retabli_flow_restored{flow="mail-out"} = 0'


async def test_the_age_is_asked_at_the_same_instant_of_the_series_themselves() -> None:
    now = round(time.time(), 3)
    async with engine(vector("1", at=now)) as running:
        assert (await climb(settings(Promql, url=running.url, query=RESTORED))).outcome is Outcome.OK
    first, second = running.queries
    assert first == {"query": RESTORED}
    assert second == {"query": f"min(timestamp({RESTORED}))", "time": f"{now:.3f}"}


async def test_an_expression_names_the_series_whose_age_counts() -> None:
    async with engine(result("scalar", [time.time(), "3"])) as running:
        probe = settings(
            Promql, url=running.url, query="scalar(count(up == 1))", samples='up{job="lab"}', expect={"min": 3}
        )
        assert (await climb(probe)).outcome is Outcome.OK
    assert running.queries[1]["query"] == 'min(timestamp(up{job="lab"}))'


@pytest.mark.parametrize(
    ("value", "expect", "outcome"),
    [
        ("1", {}, Outcome.OK),
        ("0", {}, Outcome.FAILED),
        ("2.5", {"equals": 2.5}, Outcome.OK),
        ("2.4", {"equals": 2.5}, Outcome.FAILED),
        ("3", {"min": 3, "max": 4}, Outcome.OK),
        ("2.99", {"min": 3}, Outcome.FAILED),
        ("4.01", {"max": 4}, Outcome.FAILED),
        ("-1e3", {"max": -1000}, Outcome.OK),
        ("+Inf", {"max": 4}, Outcome.FAILED),
        ("+Inf", {"min": 4}, Outcome.OK),
        ("-Inf", {"min": 4}, Outcome.FAILED),
    ],
)
async def test_a_value_is_good_by_what_is_expected_of_it(value: str, expect: Any, outcome: Outcome) -> None:
    assert (await asked(vector(value), expect=expect)).outcome is outcome


async def test_every_series_must_be_good() -> None:
    result = await asked(vector("1", "0", "1"))
    assert fell(result) == ("value", promql_causes.UNEXPECTED_VALUE)


async def test_a_bad_value_says_more_than_one_that_is_none() -> None:
    assert fell(await asked(vector("NaN", "0"))) == ("value", promql_causes.UNEXPECTED_VALUE)
    assert fell(await asked(vector("1", "NaN"))) == ("value", promql_causes.SAMPLE_NOT_A_NUMBER)


async def test_hints_of_the_engine_are_no_reason_to_doubt() -> None:
    hint = "PromQL info: metric might not be a counter"
    assert (await asked(vector("1", infos=[hint], warnings=[]))).outcome is Outcome.OK


async def test_over_tls_with_an_account_or_a_token(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    secret = {"file": str(tmp_path / "secret")}
    for account, wanted in (
        ({"bearer": secret}, b"\r\nAuthorization: Bearer s3cret\r\n"),
        ({"user": "probe", "password": secret}, b"\r\nAuthorization: Basic cHJvYmU6czNjcmV0\r\n"),
    ):
        async with engine(vector("1"), tls=server_context(authority.issue_cert("localhost"))) as running:
            probe = settings(Promql, url=running.url, query=RESTORED, tls={"ca": str(ca_file)}, **account)
            climbed = await climb(probe)
        assert climbed.outcome is Outcome.OK
        assert stages.TLS in [rung.stage for rung in climbed.rungs]
        assert all(wanted in head for head in running.heads)
        assert "s3cret" not in repr(climbed)


async def test_through_a_proxy(authority: trustme.CA, ca_file: Path) -> None:
    async with engine(vector("1"), tls=server_context(authority.issue_cert("localhost"))) as running, proxy() as way:
        probe = settings(
            Promql,
            url=running.url,
            query=RESTORED,
            tls={"ca": str(ca_file)},
            proxy="main",
            context=_proxies(way.url),
        )
        assert (await climb(probe)).outcome is Outcome.OK
        assert [rung.id for rung in probe.climbs()][:4] == ["resolve", "connect", "proxy", "tls"]


def _proxies(url: str) -> dict[str, Any]:
    from retabli.model.settings import Proxy

    return {"proxies": {"main": Proxy(name="main", url=url)}}


@pytest.mark.parametrize(
    ("position", "value", "outcome", "cause"),
    [
        ("answers", 1, "ok", None),
        ("answers", 0, "failed", "unexpected_value"),
        ("empty", 1, "unknown", "series_missing"),
        ("stale", 1, "unknown", "sample_stale"),
        ("stale", 0, "unknown", "sample_stale"),
    ],
)
async def test_the_simulated_engine(position: str, value: float, outcome: str, cause: str | None) -> None:
    simulated = MetricsEngine({RESTORED: value}, position=position)
    async with Serving(simulated.talk) as serving:
        probe = settings(Promql, url=f"http://127.0.0.1:{serving.port}", query=RESTORED)
        climbed = await climb(probe)
    assert (climbed.outcome.value, climbed.cause.code if climbed.cause else None) == (outcome, cause)


# What is unknown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (error("bad_data", "1:6: parse error", "400 Bad Request"), promql_causes.QUERY_REFUSED),
        (error("execution", "found duplicate series", "422 Unprocessable Entity"), promql_causes.QUERY_FAILED),
        (error("timeout", "query timed out", "503 Service Unavailable"), promql_causes.ENGINE_BUSY),
        (error("canceled", "query was canceled", "503 Service Unavailable"), promql_causes.ENGINE_BUSY),
        (error("unavailable", "TSDB not ready", "503 Service Unavailable"), promql_causes.ENGINE_BUSY),
        (error("internal", "no space left", "500 Internal Server Error"), promql_causes.ENGINE_FAILED),
        (error("something new", "?", "418 I'm a teapot"), promql_causes.ENGINE_FAILED),
        (page("Service Unavailable", status="503 Service Unavailable"), promql_causes.ENGINE_BUSY),
        (page("<h1>Bad Gateway</h1>", status="502 Bad Gateway"), promql_causes.ENGINE_FAILED),
        (page("<h1>Welcome</h1>"), promql_causes.NOT_AN_ENGINE),
        (NOT_HERE, promql_causes.NOT_AN_ENGINE),
        (api("{"), promql_causes.NOT_AN_ENGINE),
        (api("[" * 200_000), promql_causes.NOT_AN_ENGINE),
        (api([]), promql_causes.NOT_AN_ENGINE),
        (api({"status": "success"}), promql_causes.NOT_AN_ENGINE),
        (api({"status": "success", "data": {"resultType": "vector", "result": {}}}), promql_causes.NOT_AN_ENGINE),
        (
            api({"status": "success", "data": {"resultType": "vector", "result": []}}, "202 Accepted"),
            promql_causes.NOT_AN_ENGINE,
        ),
        (result("vector", [7]), promql_causes.NOT_AN_ENGINE),
        (result("vector", [{"metric": {}, "value": [1, 1]}]), promql_causes.NOT_AN_ENGINE),
        (result("vector", [{"metric": {}, "value": [1, "1_0"]}]), promql_causes.NOT_AN_ENGINE),
        (result("vector", [{"metric": {}, "value": [1, "9" * 200_000 + "x"]}]), promql_causes.NOT_AN_ENGINE),
        (result("vector", [{"metric": {}, "value": [1, "٣"]}]), promql_causes.NOT_AN_ENGINE),
        (result("vector", [{"metric": {}, "value": ["1", "1"]}]), promql_causes.NOT_AN_ENGINE),
        (result("vector", [{"metric": {}, "value": [float("inf"), "1"]}]), promql_causes.NOT_AN_ENGINE),
        (result("vector", [{"metric": {}, "histogram": [1, {}]}]), promql_causes.QUERY_GIVES_NO_NUMBERS),
        (result("matrix", [{"metric": {}, "values": [[1, "1"]]}]), promql_causes.QUERY_GIVES_NO_NUMBERS),
        (result("string", [1, "restored"]), promql_causes.QUERY_GIVES_NO_NUMBERS),
        (vector(), promql_causes.SERIES_MISSING),
        (vector("1", warnings=["No StoreAPIs matched for this query"]), promql_causes.ANSWER_PARTIAL),
        (vector("0", warnings=["partial response"]), promql_causes.ANSWER_PARTIAL),
        (vector("1", isPartial=True), promql_causes.ANSWER_PARTIAL),
        (vector(*["1"] * 5000), promql_causes.QUERY_TOO_BROAD),
    ],
    ids=lambda value: value.code if isinstance(value, Cause) else "an-answer",
)
async def test_an_answer_without_a_value_to_judge_by(answer: bytes, cause: Cause) -> None:
    result = await asked(answer)
    assert fell(result) == ("evaluated", cause)
    assert result.outcome is Outcome.UNKNOWN


async def test_what_the_engine_says_of_its_error_is_told() -> None:
    result = await asked(error("bad_data", "1:6: parse error", "400 Bad Request"))
    assert result.detail == "400 Bad Request: bad_data: 1:6: parse error"


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_an_account_that_is_missing_or_refused(status: str, tmp_path: Path) -> None:
    result = await asked(page("who?", status=status))
    assert fell(result) == ("response", promql_causes.ENGINE_AUTH_REQUIRED)
    assert result.outcome is Outcome.UNKNOWN
    (tmp_path / "token").write_text("wrong")
    async with engine(page("who?", status=status)) as running:
        result = await climb(
            settings(Promql, url=running.url, query=RESTORED, bearer={"file": str(tmp_path / "token")})
        )
    assert fell(result) == ("response", promql_causes.ENGINE_AUTH_REFUSED)
    assert result.cause is not None
    assert result.cause.credential
    assert len(running.heads) == 1  # one attempt
    assert result.outcome is Outcome.UNKNOWN


async def test_a_secret_that_cannot_be_read_or_sent(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a\nb")
    for name in ("none", "token"):
        result = await asked(vector("1"), bearer={"file": str(tmp_path / name)})
        assert result.cause is causes.SECRET_UNREADABLE
        assert "a\nb" not in result.detail


async def test_a_redirect_is_followed_nowhere() -> None:
    result = await asked(redirect("https://sso.chu.example/login"))
    assert fell(result) == ("response", promql_causes.NOT_AN_ENGINE)
    assert "https://sso.chu.example/login" in result.detail


async def test_fewer_series_than_there_must_be() -> None:
    assert (await asked(vector("1", "1"), expect={"series": 2})).outcome is Outcome.OK
    result = await asked(vector("1", "1"), expect={"series": 3})
    assert fell(result) == ("evaluated", promql_causes.SERIES_MISSING)
    assert result.detail == "2 of at least 3 series"


@pytest.mark.parametrize("value", ["1", "0"])
async def test_a_stale_value_says_nothing_good_and_nothing_bad(value: str) -> None:
    result = await asked(vector(value), sampled(200), fresh="2m")
    assert fell(result) == ("sampled", promql_causes.SAMPLE_STALE)
    assert result.outcome is Outcome.UNKNOWN
    assert result.detail == "200 s old, at most 120 s is fresh"
    assert (await asked(vector("1"), sampled(200), fresh="5m")).outcome is Outcome.OK


async def test_an_engine_that_tells_no_age() -> None:
    assert fell(await asked(vector("1"), vector())) == ("sampled", promql_causes.SERIES_MISSING)
    assert fell(await asked(vector("1"), vector("NaN"))) == ("sampled", promql_causes.SAMPLE_NOT_A_NUMBER)
    assert fell(await asked(vector("1"), vector("0"))) == ("sampled", promql_causes.SAMPLE_STALE)
    no_function = error("bad_data", "unknown function", "400 Bad Request")
    assert fell(await asked(vector("1"), no_function)) == ("sampled", promql_causes.QUERY_REFUSED)
    assert fell(await asked(vector("1"), vector("1", warnings=["x"]))) == ("sampled", promql_causes.ANSWER_PARTIAL)


@pytest.mark.parametrize(("seconds", "when"), [(-300, "ago"), (300, "in our future")])
async def test_an_old_answer_or_a_clock_that_is_wrong(seconds: float, when: str) -> None:
    """An answer kept by a cache is as old as the evaluation; its samples were fresh then."""
    then = time.time() + seconds
    result = await asked(vector("1", at=then), vector(f"{then - 1:.3f}", at=then))
    assert fell(result) == ("sampled", promql_causes.CLOCKS_APART)
    assert when in result.detail
    assert result.outcome is Outcome.UNKNOWN


async def test_an_answer_that_was_kept_makes_its_samples_older() -> None:
    then = time.time() - 100
    result = await asked(vector("1", at=then), vector(f"{then - 50:.3f}", at=then), fresh="2m")
    assert fell(result) == ("sampled", promql_causes.SAMPLE_STALE)


async def test_values_that_cannot_be_judged() -> None:
    assert fell(await asked(vector("NaN"), expect={"min": 0})) == ("value", promql_causes.SAMPLE_NOT_A_NUMBER)
    result = await asked(vector("0.5"))
    assert fell(result) == ("value", promql_causes.SAMPLE_NEITHER_TRUE_NOR_FALSE)
    assert result.outcome is Outcome.UNKNOWN


# An engine that cannot be asked --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "stage", "told"),
    [
        (listening_then_closing, "response", "closed_early"),
        (resetting, "response", "reset"),
        (silent, "response", "timeout"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", then=closing), "response", "closed_early"),
        (saying(b"SSH-2.0-x\r\n"), "response", "garbage"),
        (trickling(b"HTTP/1.1 200 OK\r\n", 0.2), "response", "timeout"),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "response", "too_long"),
    ],
)
async def test_an_engine_that_does_not_answer_says_nothing_of_the_flow(peer: Handler, stage: str, told: str) -> None:
    async with serving(peer) as port:
        result = await climb(settings(Promql, url=f"http://127.0.0.1:{port}", query=RESTORED), deadline=0.7)
    assert fell(result) == (stage, promql_causes.ENGINE_UNREACHABLE)
    assert result.detail.startswith(told)
    assert result.outcome is Outcome.UNKNOWN


async def test_an_engine_that_is_stopped() -> None:
    result = await climb(settings(Promql, url=f"http://127.0.0.1:{closed_port()}", query=RESTORED))
    assert fell(result) == ("connect", promql_causes.ENGINE_UNREACHABLE)
    assert result.detail.startswith("refused")
    assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("peer", "told"), [(silent, "timeout"), (closing, "response: closed_early")])
async def test_an_engine_that_stops_between_the_two_queries(peer: Handler, told: str) -> None:
    result = await asked(vector("1"), peer, deadline=0.5)
    assert fell(result) == ("sampled", promql_causes.ENGINE_UNREACHABLE)
    assert result.detail.startswith(told)
    assert result.outcome is Outcome.UNKNOWN


async def test_an_engine_whose_certificate_nobody_knows(tmp_path: Path) -> None:
    async with engine(vector("1"), tls=self_signed(tmp_path)) as running:
        result = await climb(settings(Promql, url=running.url, query=RESTORED))
    assert fell(result) == ("tls", promql_causes.ENGINE_UNREACHABLE)
    assert result.detail.startswith("cert_self_signed")


async def test_a_proxy_that_refuses_us_says_nothing_of_the_flow() -> None:
    async with proxy(denies=page("no", status="403 Forbidden")) as way:
        probe = settings(Promql, url="http://prom.test:9090", query=RESTORED, proxy="main", context=_proxies(way.url))
        result = await climb(probe)
    assert fell(result) == ("response", promql_causes.ENGINE_UNREACHABLE)
    assert result.detail.startswith("proxy_denied")
    assert result.outcome is Outcome.UNKNOWN


async def test_an_endless_answer_is_cut(authority: trustme.CA) -> None:
    flood = saying(b"HTTP/1.1 200 OK\r\n\r\n", then=endless(b" " * 65_536))
    tracemalloc.start()
    try:
        result = await asked(flood, deadline=8)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fell(result) == ("evaluated", promql_causes.QUERY_TOO_BROAD)
    assert peak < 8_000_000


def test_no_engine_and_no_query_of_ours_is_ever_a_failure() -> None:
    failed = [cause for cause in promql_causes.CAUSES if cause.verdict is not Verdict.UNKNOWN]
    assert failed == [promql_causes.UNEXPECTED_VALUE]


# Asked by another kind ----------------------------------------------------------------------------------------------


def query(running: Engine, text: str = RESTORED) -> PromqlQuery:
    return PromqlQuery(url=running.url, query=text)


async def test_another_kind_asks_on_a_rung_of_its_own() -> None:
    async with engine(vector("1")) as running:
        answer = await promql.ask(query(running))
        promql.judge(answer, query(running).expect)
    assert [sample.value for sample in answer.samples] == [1.0]
    assert 0.9 < answer.age < 10


async def test_another_kind_is_told_on_which_step_it_fell() -> None:
    async with engine(vector("1"), sampled(500)) as running:
        with pytest.raises(Fall) as raised:
            await promql.ask(query(running))
    assert raised.value.cause is promql_causes.SAMPLE_STALE
    assert raised.value.detail.startswith("sampled: 500 s old")
    dead = PromqlQuery(url=f"http://127.0.0.1:{closed_port()}", query="up")
    with pytest.raises(Fall) as raised:
        await promql.ask(dead)
    assert raised.value.cause is promql_causes.ENGINE_UNREACHABLE
    assert raised.value.detail.startswith("connect: refused")


async def test_another_kind_ends_its_asking_by_its_own_deadline() -> None:
    ladder = Ladder((stages.CONTENT,))
    async with engine(silent) as running:
        with pytest.raises(TimeoutError), ladder.rung(stages.CONTENT):
            async with asyncio.timeout(0.2):
                await promql.ask(query(running))
    assert ladder.fallen is not None
    assert ladder.fallen.cause is causes.TIMEOUT


# Settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("up", True),
        (" job:rate:5m ", True),
        ('up{job="lab"}', True),
        ('up{job="lab",site=~"rennes|brest",}', True),
        ('{__name__=~"a|b"}', True),
        ('{"my.metric", site!="x"}', True),
        ("up{a='}', b=`\\`}", True),
        ('up{a="\\""}', True),
        ("up == 1", False),
        ('up{a="b"} or vector(1)', False),
        ("sum(up)", False),
        ("up offset 5m", False),
        ("up[5m]", False),
        ("vector(1)", False),
        ("1", False),
        ("{}", False),
        ('up{a="b"', False),
        ("up # up", False),
    ],
)
def test_a_plain_selector_is_known(text: str, plain: bool) -> None:
    assert is_selector(text) is plain


def test_a_hostile_text_is_judged_in_linear_time() -> None:
    began = time.perf_counter()
    is_selector("{" + "a='b'," * 1000 + "!")
    is_selector("a" * 8000 + "{" + " " * 8000)
    is_selector('{"' + "\\" * 8000)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"query": "up == 1"}, "name in samples the series"),
        ({"query": "up == 1", "samples": "sum(up)"}, "samples is a plain selector"),
        ({"url": "http://prom:9090/api/v1/query"}, "without /api/v1/query"),
        ({"url": "http://prom:9090/?x=1"}, "without a query"),
        ({"user": "probe"}, "user and password come together"),
        ({"user": "p", "password": {"env": "A"}, "bearer": {"env": "B"}}, "exclude each other"),
        ({"tls": {"mode": "none"}}, "tls.mode none means nothing"),
        ({"expect": {"equals": 1, "min": 1}}, "equals stands alone"),
        ({"expect": {"min": 2, "max": 1}}, "min (2) is above max (1)"),
        ({"expect": {"min": float("nan")}}, "finite"),
        ({"expect": {"series": 0}}, "greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_be(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(Promql, **({"url": "http://prom:9090", "query": "up"} | keys))
    assert told in str(raised.value)


def test_what_is_unwise_and_what_must_be_open() -> None:
    probe = settings(Promql, url="http://prom.chu.example/metrics/", query="up", bearer={"env": "TOKEN"})
    assert list(probe.openings()) == [("prom.chu.example", 80, "tcp")]
    assert any("in clear" in warning for warning in probe.warnings())
    assert list(probe.faults()) == []
    probe = settings(Promql, url="https://p.example", query="up", proxy="main", context=_proxies("http://proxy:3128"))
    assert list(probe.openings()) == [("proxy", 3128, "tcp")]
    assert list(probe.warnings()) == []


def test_a_daemon_that_does_not_know_is_not_to_be_taken_for_a_flow_that_failed() -> None:
    hasty = settings(Promql, url="https://p.example", query=RESTORED)
    assert any("while that daemon does not know" in warning for warning in hasty.warnings())
    query = f'{RESTORED} unless on(flow) retabli_flow_state{{state="unknown"}} == 1'
    careful = settings(Promql, url="https://p.example", query=query, samples=RESTORED)
    assert list(careful.warnings()) == []


async def test_the_engine_may_live_below_a_path() -> None:
    async with site({"/prometheus/api/v1/query": vector("1")}) as running:
        result = await climb(settings(Promql, url=running.url("/prometheus/"), query=RESTORED))
    assert fell(result) == ("sampled", promql_causes.SAMPLE_STALE)  # this one's timestamp is 1 too: it was asked there
