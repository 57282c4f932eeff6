"""Pages, API, health and metrics, asked through a real server on loopback."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from xml.etree import ElementTree

import httpx
import pytest
from markupsafe import escape

from retabli.model import causes, stages
from retabli.model.record import Entry, Event
from retabli.model.result import Outcome
from retabli.model.states import STATE_WORDS, State
from retabli.model.words import Words
from retabli.store import LogRow, Which
from retabli.web import Web, build
from retabli.web.seams import Reloaded
from tests.view.pictures import NOW, Http, Smtp, flow, name, picture, result
from tests.web.books import Book
from tests.web.hearing import events
from tests.web.hospital import outlets, pictures
from tests.web.serving import Served, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        yield server


async def test_the_page_shows_every_flow_with_shape_and_word_without_any_script(served: Served) -> None:
    page = (await served.client.get("/")).text
    assert "<script>" not in page
    for each in pictures():
        assert each.flow.title["fr"].replace("'", "&#39;") in page
        assert f'data-flow="{each.flow.id}" data-state="{each.state.value}"' in page
    for state in State:
        assert f'href="#s-{state.value}"' in page, "its shape"
        assert f"<span>{STATE_WORDS[state]['fr']}</span>" in page, "its word"
    assert "3 flux rétablis sur 8" in page
    assert "DNS vers l&#39;extérieur\u00a0: isolement rompu" in page
    assert page.index("\u00a0: isolement rompu") < page.index("1 retombé"), "nothing matters more than a breach"
    assert "Doit rester fermé" in page
    assert "Téléphoner aux correspondants." in page, "the notice of a flow that is not restored"
    assert "aucune réponse dans le délai" in page, "the cause, in plain words"


async def test_the_reader_chooses_the_language(served: Served) -> None:
    page = (await served.client.get("/?lang=en")).text
    assert '<html lang="en">' in page
    assert "3 of 8 flows restored" in page
    assert "/flows/mail-in?lang=en" in page, "and keeps it"
    assert '<html lang="fr">' in (await served.client.get("/?lang=xx")).text


async def test_every_answer_carries_the_policy_that_forbids_inline_script(served: Served) -> None:
    for path in ("/", "/flows/mail-in", "/log", "/public", "/nothing", "/api/v1/flows", "/metrics", "/static/live.js"):
        headers = (await served.client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path


async def test_pages_need_nothing_from_outside_and_nothing_inline(served: Served) -> None:
    for path in ("/", "/flows/mail-in", "/flows/websites", "/log", "/public", "/nothing"):
        page = (await served.client.get(path)).text
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", page), path
        for link in re.findall(r'(?:src|href)="([^"]*)"', page):
            if not link.startswith(("/", "#", "?")):
                assert link == "https://wiki.chu.example/mail-out", link
        for script in re.findall(r"<script[^>]*>", page):
            assert 'src="/static/' in script
        for asset in re.findall(r'"(/static/[^"]*)"', page):
            got = await served.client.get(asset)
            assert got.status_code == 200, asset
            assert "immutable" in got.headers["cache-control"], asset


async def test_a_flow_s_page_draws_its_ladder_and_says_what_to_look_at(served: Served) -> None:
    page = (await served.client.get("/flows/mail-in")).text
    assert re.findall(r'<li class="(\w+)">', page) == ["held"] * 8 + ["fell"] + ["open"] * 2
    assert "no message with our token" in page
    assert escape(causes.TIMEOUT.advice("fr")) in page
    assert "Astreinte appelée" in page, "its latest entries"
    assert (await served.client.get("/flows/nothing")).status_code == 404


async def test_a_rung_that_a_good_run_had_no_need_of_is_not_called_unreached(served: Served) -> None:
    of, run = flow("mail-in", probes={"site": Http()}), result(Http())
    plain = replace(run, rungs=tuple(rung for rung in run.rungs if rung.stage is not stages.TLS))
    served.view.show(picture(of, State.RESTORED, [plain]), name(of), plain)
    page = (await served.client.get("/flows/mail-in?lang=en")).text
    assert "not needed" in page
    assert "not reached" not in page
    fell = result(Http(), Outcome.FAILED, fell=1)
    served.view.show(picture(of, State.DROPPED, [fell]), name(of), fell)
    page = (await served.client.get("/flows/mail-in?lang=en")).text
    assert "not reached" in page
    assert "not needed" not in page


async def test_an_answer_where_there_must_be_none_is_not_shown_as_ok(served: Served) -> None:
    page = (await served.client.get("/flows/dns-tunnel")).text
    assert '<em class="outcome">répond</em>' in page
    assert 'data-outcome="failed"' in page


async def test_the_public_page_tells_no_host_no_detail_and_no_other_flow(served: Served) -> None:
    page = (await served.client.get("/public")).text
    assert "Messagerie\u00a0: réception" in page
    assert "RUBIS" not in page
    for secret in (
        "example",
        "Équipe",
        "token",
        "inside",
        "aucune réponse",
        "isolement",
        "astreinte",
        "beacon",
        "/live",
    ):
        assert secret not in page, secret
    assert "Suspendu sur décision" in page


async def test_the_log_is_a_page_with_a_filter(served: Served) -> None:
    page = (await served.client.get("/log")).text
    assert "rétabli → retombé — message remis : aucune réponse dans le délai (réseau)" in page
    assert "Sans surveillance pendant 5\u00a0min" in page
    only = (await served.client.get("/log?flow=mail-out")).text
    assert "rétabli → retombé" not in only
    assert "en reprise → rétabli" in only


async def test_the_feed_is_well_formed_and_has_one_entry_a_change(served: Served) -> None:
    answer = await served.client.get("/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.content)  # noqa: S314 - ours
    space = "{http://www.w3.org/2005/Atom}"
    entries = feed.findall(f"{space}entry")
    assert len(entries) == 4
    ids = [entry.findtext(f"{space}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    assert (await served.client.get("/feed.atom")).content == answer.content, "ids do not change from time to time"


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egpj.exe\x1b[31m\x00 ]]> &amp;"


async def test_whatever_a_remote_says_is_inert_on_every_page_and_in_the_feed(served: Served) -> None:
    of = flow(
        "hostile",
        title=Words.same(HOSTILE),
        notice=Words.same(HOSTILE),
        group=HOSTILE,
        owner=HOSTILE,
        runbook="javascript:alert(3)",
        public=True,
    )
    run = result(Smtp(), Outcome.FAILED, cause=causes.GARBAGE, fell=2, detail=HOSTILE, properties={"issuer": HOSTILE})
    served.view.show(picture(of, State.DROPPED, [run]), name(of), run)
    served.view.logged(Entry(NOW, Event.STATE, "hostile", {"was": HOSTILE, "now": "dropped", "cause": HOSTILE}))
    for path in ("/", "/flows/hostile", "/log", "/public", "/feed.atom", "/?lang=en", "/log?flow=" + "%3Cscript%3E"):
        page = (await served.client.get(path)).text
        assert "<script>" not in page, path
        assert "<img" not in page, path
        assert "javascript:" not in page, path
        for char in "\u202e\x1b\x00":
            assert char not in page, path
    ElementTree.fromstring((await served.client.get("/feed.atom")).content)  # noqa: S314 - ours
    form = (await served.client.get("/api/v1/flows/hostile")).json()
    assert form["title"] == HOSTILE, "JSON has its own escapes"


async def test_the_api_gives_flows_one_flow_and_its_own_description(served: Served) -> None:
    answer = await served.client.get("/api/v1/flows")
    assert answer.headers["cache-control"] == "no-store"
    assert {each["id"] for each in answer.json()["flows"]} == {each.flow.id for each in pictures()}
    assert (await served.client.get("/api/v1/flows/mail-in")).json()["state"] == "dropped"
    missing = await served.client.get("/api/v1/flows/nothing")
    assert (missing.status_code, missing.json()) == (404, {"error": "there is no such flow"})
    assert (await served.client.post("/api/v1/flows")).status_code == 405
    described = (await served.client.get("/api/v1/openapi.json")).json()
    schema = described["components"]["schemas"]
    form = (await served.client.get("/api/v1/flows/mail-in")).json()
    assert set(form) == set(schema["Flow"]["properties"]), "all that is given is described"
    assert set(form["probes"][0]) == set(schema["Probe"]["properties"])


async def test_the_api_reads_the_log_since_a_date_of_a_flow(served: Served) -> None:
    entries = (await served.client.get("/api/v1/log", params={"since": "2023-07-03T06:00:00+00:00"})).json()["entries"]
    assert [each["event"] for each in entries] == ["state", "page", "state"]
    only = (await served.client.get("/api/v1/log?flow=mail-in&limit=1")).json()["entries"]
    assert [(each["flow"], each["event"]) for each in only] == [("mail-in", "page")]
    for wrong in ("since=yesterday", "limit=0", "limit=-1", "limit=9999999", "limit=x"):
        answer = await served.client.get(f"/api/v1/log?{wrong}")
        assert answer.status_code == 400, wrong
        assert "error" in answer.json()


async def test_the_api_reads_further_back_where_a_reader_is_given() -> None:
    book = Book([LogRow(number, NOW, "start", None, {}, "") for number in (8, 7, 6)])
    async with serving(log=book) as served:
        asking = "/api/v1/log?since=5&until=9&flow=a&event=start&event=stop&limit=1&before=8"
        entries = (await served.client.get(asking)).json()["entries"]
    assert book.asked == [Which(5.0, 9.0, "a", ("start", "stop"))]
    assert entries == [{"number": 7, "at": "2023-07-03T08:00:00.000Z", "event": "start", "flow": None, "data": {}}]


async def test_metrics_come_in_the_format_that_is_asked_for_and_compressed(served: Served) -> None:
    answer = await served.client.get("/metrics", headers={"accept": "application/openmetrics-text;version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.endswith("# EOF\n")
    plain = await served.client.get("/metrics", headers={"accept": "*/*", "accept-encoding": "identity"})
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "content-encoding" not in plain.headers
    assert 'retabli_flow_state{flow="mail-in",state="dropped"} 1' in plain.text


async def test_probe_gives_blackbox_s_form_and_refuses_what_it_does_not_know(served: Served) -> None:
    assert "probe_success 0" in (await served.client.get("/probe?target=mail-in/beacon")).text
    assert (await served.client.get("/probe?target=mail-in/nothing")).status_code == 404
    assert (await served.client.get("/probe")).status_code == 400


async def test_health_readiness_and_what_is_not_there() -> None:
    why_not = ["the first round is under way"]
    async with serving(ready=lambda: why_not[0] if why_not else None) as served:
        assert (await served.client.get("/-/healthy")).status_code == 200
        answer = await served.client.get("/-/ready")
        assert (answer.status_code, answer.text) == (503, "the first round is under way\n")
        why_not.clear()
        assert (await served.client.get("/-/ready")).status_code == 200
        for path in ("/report", "/api/v1/flows/mail-in/acknowledge", "/static/../app.py", "/demo/switch"):
            assert (await served.client.post(path)).status_code in (404, 405), path
        assert "text/html" in (await served.client.get("/report")).headers["content-type"]


async def test_a_daemon_that_does_not_really_work_is_not_healthy_and_says_why() -> None:
    why_not = ["the scheduler has stood still for 20 s: nothing is watched"]
    async with serving(healthy=lambda: why_not[0] if why_not else None) as served:
        answer = await served.client.get("/-/healthy")
        assert (answer.status_code, answer.text) == (503, f"{why_not[0]}\n")
        why_not.clear()
        answer = await served.client.get("/-/healthy")
        assert (answer.status_code, answer.text) == (200, "healthy\n")


async def test_reload_gives_the_faults_and_is_refused_to_other_sites() -> None:
    faults: list[str] = []

    async def reload(_by: str) -> Reloaded:
        return Reloaded(faults)

    async with serving(reload=reload, hosts=["retabli.chu.example"]) as served:
        own = served.web.url
        assert (await served.client.get("/-/reload")).status_code == 405
        assert (await served.client.post("/-/reload")).json() == {"reloaded": True, "faults": []}
        faults.append("retabli.yaml:3: flows: nothing")
        answer = await served.client.post("/-/reload", headers={"origin": own, "sec-fetch-site": "same-origin"})
        assert (answer.status_code, answer.json()["faults"]) == (400, faults)
        faults.clear()
        for foreign in (
            {"host": "retabli.chu.example", "origin": "http://retabli.chu.example"},  # a name of ours, and nobody known
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site", "origin": own},
            {"host": "rebound.evil.example", "origin": "http://rebound.evil.example"},
        ):
            assert (await served.client.post("/-/reload", headers=foreign)).status_code == 403, foreign


async def test_a_daemon_that_cannot_reload_says_so(served: Served) -> None:
    assert (await served.client.post("/-/reload")).status_code == 503


async def test_the_stream_tells_flows_as_the_api_shows_them(served: Served) -> None:
    async with asyncio.timeout(10), served.client.stream("GET", "/api/v1/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        of = flow("mail-out")
        served.view.show(picture(of, State.DROPPED, [result(Smtp(), Outcome.FAILED)]), None, None)
        served.view.logged(Entry(NOW, Event.PAGE, "mail-out"), 12)
        said = await events(answer.aiter_lines(), "flow", "log")
    told = dict(said)
    assert told["flow"] == json.loads(served.view.form("mail-out") or b"")
    assert told["log"]["number"] == 12


async def test_a_reader_that_comes_back_after_missing_something_is_told_to_read_again(served: Served) -> None:
    headers = {"last-event-id": "41"}
    async with asyncio.timeout(10), served.client.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert await events(answer.aiter_lines(), "resync") == [("resync", {})]


async def test_an_open_page_is_given_the_rows_that_changed_since_it_was_rendered(served: Served) -> None:
    rendered = re.search(r'data-revision="(\d+)"', (await served.client.get("/")).text)
    assert rendered is not None
    of = flow("mssante", title=Words.same("MSSanté"))
    served.view.show(picture(of, State.DROPPED, [result(Smtp(), Outcome.FAILED)]), None, None)
    async with asyncio.timeout(10), served.client.stream("GET", f"/live?lang=fr&since={rendered[1]}") as answer:
        lines = answer.aiter_lines()
        said = await events(lines, "beat", "row", "top")
        rows = [data for kind, data in said if kind == "row"]
        assert [row["id"] for row in rows] == ["mssante"], "and no other"
        assert 'data-state="dropped"' in rows[0]["html"]
        run = result(Smtp(), Outcome.FAILED, at=NOW + 30)
        served.view.show(picture(of, State.DROPPED, [run]), name(of), run)
        assert ("seen", {"mssante": "2023-07-03T08:00:30.000Z"}) in await events(lines, "seen")
        served.view.forget("mssante")
        assert ("gone", {"id": "mssante"}) in await events(lines, "gone")


async def test_a_page_is_told_of_a_state_that_an_earlier_reader_was_already_shown(served: Served) -> None:
    of = flow("mssante")
    dropped = picture(of, State.DROPPED, [result(Smtp(), Outcome.FAILED)])
    async with asyncio.timeout(10):
        async with served.client.stream("GET", "/live?lang=fr&since=99") as answer:
            lines = answer.aiter_lines()
            await events(lines, "beat")
            served.view.show(dropped, None, None)
            await events(lines, "row")
        served.view.show(picture(of, State.RECOVERING, [result(Smtp())]), None, None)
        rendered = served.view.revision  # the page that is opened now shows it recovering
        async with served.client.stream("GET", f"/live?lang=fr&since={rendered}") as answer:
            lines = answer.aiter_lines()
            await events(lines, "beat")
            served.view.show(dropped, None, None)
            rows = [data["id"] for kind, data in await events(lines, "row") if kind == "row"]
    assert rows == ["mssante"]


async def test_the_server_leaves_within_seconds_though_somebody_still_listens() -> None:
    async with serving() as served:
        async with served.client.stream("GET", "/api/v1/stream") as answer:
            loop = asyncio.get_running_loop()
            began = loop.time()
            served.task.cancel()
            await asyncio.gather(served.task, return_exceptions=True)
            assert loop.time() - began < 2
            rest = [line async for line in answer.aiter_lines()]
    assert "retry: 3000" in rest


async def test_a_server_that_died_takes_the_same_address_again() -> None:
    view, metrics = outlets()
    web = Web(build(view, metrics), "127.0.0.1", 0)
    url = web.bind()
    for _ in range(2):
        task = asyncio.create_task(web.run())
        await web.up.wait()
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{url}/-/healthy")).status_code == 200
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_address_that_is_taken_is_told_before_anything_starts() -> None:
    view, metrics = outlets()
    first = Web(build(view, metrics), "127.0.0.1", 0)
    port = int(first.bind().rpartition(":")[2])
    task = asyncio.create_task(first.run())
    await first.up.wait()
    with pytest.raises(OSError):
        Web(build(view, metrics), "127.0.0.1", port).bind()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
