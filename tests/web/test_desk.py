"""Taking a page in hand, and silence for planned work: by the API and by forms, asked through a real server."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from retabli.model.record import Entry, Event, Incident
from retabli.model.states import State
from retabli.model.words import Words
from retabli.view import Site, View
from retabli.web.instants import unstamped, written
from retabli.web.sentences import sentence
from retabli.web.words import TEXTS
from tests.view.pictures import NOW, flow, picture
from tests.web.hearing import events
from tests.web.hospital import SITE
from tests.web.serving import Served, serving
from tests.web.test_web import HOSTILE

HOUR, DAY = 3600.0, 86_400.0
API = "/api/v1/flows/mail-in"
PAGE = "/flows/mail-in"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(desk=True) as server:
        yield server


# the API --------------------------------------------------------------------------------------------------------------


async def test_a_page_is_taken_by_json_and_the_flow_comes_back(served: Served) -> None:
    answer = await served.client.post(f"{API}/acknowledge", json={"by": "Jeanne", "note": "appelé le partenaire"})
    assert answer.status_code == 200
    taken = answer.json()["page"]["acknowledged"]
    assert (taken["by"], taken["note"], taken["until"]) == ("Jeanne", "appelé le partenaire", None)
    assert answer.json() == (await served.client.get(API)).json()


async def test_a_page_is_taken_by_a_plain_form_until_a_moment(served: Served) -> None:
    fields = {"by": "Jeanne", "until": "2023-07-03T12:30:00+02:00"}
    answer = await served.client.post(f"{API}/acknowledge", data=fields)
    assert answer.json()["page"]["acknowledged"]["until"] == "2023-07-03T10:30:00.000Z"


async def test_what_curl_sends_is_read_as_what_it_is(served: Served) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await served.client.post(f"{API}/acknowledge", content=b'{"by": "Jeanne"}', headers=form)
    assert answer.json()["page"]["acknowledged"]["by"] == "Jeanne"


@pytest.mark.parametrize(
    ("until", "seconds"),
    [("2h", 2 * HOUR), ("30m", HOUR / 2), ("2023-07-03T12:00:00+02:00", 2 * HOUR), ("2023-07-03T10:00:00Z", 2 * HOUR)],
)
async def test_a_silence_ends_at_an_instant_or_after_a_while(served: Served, until: str, seconds: float) -> None:
    answer = await served.client.post(f"{API}/silence", json={"by": "Karim", "why": "travaux", "until": until})
    assert answer.status_code == 200
    assert served.board.heard == [("silence", {"by": "Karim", "why": "travaux", "until": NOW + seconds})]
    assert answer.json()["silence"]["why"] == "travaux"


async def test_a_plus_that_nobody_escaped_is_still_an_offset(served: Served) -> None:
    fields = b"by=Karim&why=travaux&until=2023-07-03T12:00:00+02:00"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await served.client.post(f"{API}/silence", content=fields, headers=form)).status_code == 200
    assert served.board.heard[0][1]["until"] == NOW + 2 * HOUR


async def test_a_silence_is_ended(served: Served) -> None:
    await served.client.post(f"{API}/silence", json={"by": "Karim", "why": "travaux", "until": "1h"})
    answer = await served.client.post(f"{API}/unsilence", json={"by": "Jeanne"})
    assert (answer.status_code, answer.json()["silence"]) == (200, None)


async def test_what_cannot_be_done_as_things_stand_is_a_sentence(served: Served) -> None:
    for path, fields in (
        ("/api/v1/flows/mail-out/acknowledge", {"by": "Jeanne"}),
        (f"{API}/unsilence", {"by": "Jeanne"}),
        (f"{API}/silence", {"by": "Jeanne", "why": "x", "until": "2001-01-01T00:00:00Z"}),
        (f"{API}/silence", {"by": "Jeanne", "why": "x", "until": "31d"}),
    ):
        answer = await served.client.post(path, json=fields)
        assert answer.status_code == 409, fields
        assert " " in answer.json()["error"]


async def test_every_fault_is_told_at_once(served: Served) -> None:
    fields = {"by": " \u202e\x07 ", "why": "x" * 301, "until": "2023-07-03T12:00:00", "wyh": "?"}
    answer = await served.client.post(f"{API}/silence", json=fields)
    assert answer.status_code == 400
    assert answer.json()["faults"] == [
        'wyh is not known (did you mean "why"?)',
        "by is missing",
        "why is longer than 300 characters",
        "until is neither an instant with its offset (2026-11-25T18:30:00+01:00) nor a duration (2h, 30m)",
    ]
    assert answer.json()["error"] == "; ".join(answer.json()["faults"])
    assert served.board.heard == []


@pytest.mark.parametrize(
    "until",
    ["soon", "2h30", "9" * 40 + "h", "99999999999999d", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "-2h"],
)
async def test_no_instant_that_no_calendar_has_gets_through(served: Served, until: str) -> None:
    for doing, more in (("silence", {"why": "x"}), ("acknowledge", {})):
        answer = await served.client.post(f"{API}/{doing}", json={"by": "Jeanne", "until": until, **more})
        assert answer.status_code == 400, doing
    assert served.board.heard == []


async def test_nobody_has_a_page_in_hand_for_longer_than_a_month(served: Served) -> None:
    answer = await served.client.post(f"{API}/acknowledge", json={"by": "Jeanne", "until": "31d"})
    assert (answer.status_code, answer.json()["faults"]) == (400, ["until is more than 30 days away"])


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[" * 16_000, "application/json", 400),
        (b'["by"]', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"by": ["Jeanne"]}', "application/json", 400),
        (b'{"by": {"x": "Jeanne"}, "until": 7}', "application/json", 400),
        (b'{"by": "\\ud800"}', "application/json", 400),
        (b"by=Jeanne", "multipart/form-data; boundary=x", 400),
        (b"by=%ff", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 60, "application/x-www-form-urlencoded", 400),
        (b"", "application/json", 400),
        (b"", "", 400),
        (b"x" * 17_000, "application/json", 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_and_changes_nothing(
    served: Served, body: bytes, kind: str, status: int
) -> None:
    answer = await served.client.post(f"{API}/acknowledge", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert served.board.heard == []


async def test_control_characters_are_taken_out_and_markup_is_inert(served: Served) -> None:
    await served.client.post(f"{API}/acknowledge", json={"by": HOSTILE[:60], "note": HOSTILE})
    await served.client.post(f"{API}/silence", json={"by": HOSTILE[:60], "why": HOSTILE, "until": "1h"})
    assert not set(str(served.board.heard[0][1]["note"])) & set("\u202e\x1b\x00")
    for path in ("/", PAGE, "/log", "/feed.atom", f"{PAGE}?lang=en", "/public"):
        page = (await served.client.get(path)).text
        assert "<script>" not in page, path
        assert "<img" not in page, path
        assert not set(page) & set("\u202e\x1b\x00"), path
    assert "alert(1)" not in (await served.client.get("/public")).text, "what people on call say is not for the public"


async def test_a_flow_that_there_is_not_and_a_request_from_another_site_are_refused(served: Served) -> None:
    own = served.web.url
    for prefix in ("/api/v1", ""):
        for doing in ("acknowledge", "silence", "unsilence"):
            missing = await served.client.post(f"{prefix}/flows/nothing/{doing}", json={"by": "Jeanne"})
            assert missing.status_code == 404, doing
            for foreign in (
                {"origin": "http://evil.example"},
                {"sec-fetch-site": "cross-site"},
                {"host": "rebound.evil.example", "origin": "http://rebound.evil.example"},
            ):
                fields = {"by": "Mallory", "why": "x", "until": "1h"}
                answer = await served.client.post(f"{prefix}{PAGE}/{doing}", data=fields, headers=foreign)
                assert answer.status_code == 403, (doing, foreign)
    assert served.board.heard == []
    same = {"origin": own, "sec-fetch-site": "same-origin"}
    assert (await served.client.post(f"{API}/acknowledge", data={"by": "Jeanne"}, headers=same)).status_code == 200


async def test_a_get_never_changes_anything(served: Served) -> None:
    for doing in ("acknowledge", "silence", "unsilence"):
        assert (await served.client.get(f"{API}/{doing}?by=Jeanne&until=1h&why=x")).status_code == 405
        answer = await served.client.get(f"{PAGE}/{doing}?by=Jeanne&until=1h&why=x&lang=en")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?lang=en#page")
    assert served.board.heard == []


async def test_a_daemon_with_nobody_to_hear_it_offers_no_form() -> None:
    async with serving() as served:
        assert "<form" not in (await served.client.get(PAGE)).text
        assert (await served.client.post(f"{API}/acknowledge", json={"by": "Jeanne"})).status_code == 404


async def test_the_description_tells_of_all_three_and_of_their_bounds(served: Served) -> None:
    described = (await served.client.get("/api/v1/openapi.json")).json()["paths"]
    for doing, wanted in (("acknowledge", ["by"]), ("silence", ["until", "by", "why"]), ("unsilence", ["by"])):
        post = described[f"/api/v1/flows/{{id}}/{doing}"]["post"]
        schema = post["requestBody"]["content"]["application/json"]["schema"]
        assert schema["required"] == wanted
        assert set(post["responses"]) == {"200", "400", "401", "403", "404", "409", "413", "429"}
        for name, each in schema["properties"].items():
            given = {"by": "x", "why": "x", "until": "1h"} | {name: "x" * (each["maxLength"] + 1)}
            answer = await served.client.post(f"{API}/{doing}", json={key: given[key] for key in {*wanted, name}})
            assert answer.status_code == 400, (doing, name)


# the page -------------------------------------------------------------------------------------------------------------


async def test_a_form_takes_the_page_and_leads_back_to_it(served: Served) -> None:
    page = (await served.client.get(PAGE)).text
    assert f'<form method="post" action="{PAGE}/acknowledge">' in page
    assert 'id="page"' in page, "where the link of a message leads"
    assert "J&#39;ai pris en charge" in page
    assert "pas encore prise en charge" in page
    answer = await served.client.post(f"{PAGE}/acknowledge", data={"by": "Jeanne Martin", "note": "je regarde"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#page")
    page = (await served.client.get(PAGE)).text
    assert "prise en charge par <b><bdi>Jeanne Martin</bdi></b>" in page
    assert "je regarde" in page
    assert "pas encore prise en charge" not in page
    assert "prise en charge par <b><bdi>Jeanne Martin</bdi></b>" in (await served.client.get("/")).text


async def test_the_name_is_remembered_by_a_cookie_that_no_script_and_no_other_site_sees(served: Served) -> None:
    answer = await served.client.post(f"{PAGE}/acknowledge?lang=en", data={"by": 'Zoé "Z" <b>'})
    assert answer.headers["location"] == f"{PAGE}?lang=en#page"
    cookie = SimpleCookie(answer.headers["set-cookie"])["retabli_by"]
    assert (cookie["samesite"].lower(), bool(cookie["httponly"]), cookie["path"]) == ("strict", True, "/flows")
    page = (await served.client.get("/flows/mail-out")).text
    assert page.count('value="Zoé &#34;Z&#34; &lt;b&gt;"') == 1, "no page is open there: one form"
    foreign = (await served.client.get(PAGE, headers={"cookie": f"retabli_by={'%3Cscript%3E' * 60}"})).text
    assert "<script>" not in foreign


async def test_a_silence_says_what_it_does_and_is_ended_by_a_button(served: Served) -> None:
    page = (await served.client.get(PAGE)).text
    assert "Les sondes continuent" in page
    assert "de toute façon" in page
    answer = await served.client.post(f"{PAGE}/silence", data={"by": "Karim", "why": "bascule", "for": "4h"})
    assert answer.status_code == 303
    page = (await served.client.get(PAGE)).text
    assert "en silence jusqu&#39;au 3\u00a0juil. à 14\u00a0h\u00a000 · <bdi>Karim</bdi>\u00a0: <bdi>bascule" in page
    assert f'action="{PAGE}/silence"' not in page
    assert f'action="{PAGE}/unsilence"' in page
    assert "en silence jusqu&#39;au" in (await served.client.get("/")).text
    await served.client.post(f"{PAGE}/unsilence", data={"by": "Jeanne"})
    assert "en silence" not in (await served.client.get("/")).text


@pytest.mark.parametrize(
    ("chosen", "local"),
    [
        ({"for": "1h", "until": "2023-07-09T18:30"}, "2023-07-03T11:00"),
        ({"for": "tomorrow", "until": ""}, "2023-07-04T08:00"),
        ({"for": "until", "until": "2023-07-09T18:30"}, "2023-07-09T18:30"),
    ],
)
async def test_the_button_that_is_pressed_says_until_when(served: Served, chosen: dict[str, str], local: str) -> None:
    answer = await served.client.post(f"{PAGE}/silence", data={"by": "Karim", "why": "bascule", **chosen})
    assert answer.status_code == 303
    until = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Paris")).timestamp()
    assert served.board.heard == [("silence", {"by": "Karim", "why": "bascule", "until": until})]


async def test_what_is_not_taken_is_told_in_the_reader_s_words_and_nothing_has_to_be_written_again(
    served: Served,
) -> None:
    answer = await served.client.post(f"{PAGE}/silence", data={"by": "", "why": "bascule <3", "for": "until"})
    assert answer.status_code == 400
    assert re.findall(r"<li>([^<]*)</li>", answer.text) == [
        "Qui\u00a0: à renseigner",
        "Jusqu&#39;à quand\u00a0: à renseigner",
    ]
    assert 'value="bascule &lt;3"' in answer.text
    assert "data-kept" in answer.text, "no live change takes it away"
    for path, fields, said in (
        ("/flows/mail-out/acknowledge", {"by": "Jeanne"}, "Aucune alerte n&#39;est ouverte pour ce flux."),
        (f"{PAGE}/unsilence", {"by": "Jeanne"}, "Ce flux n&#39;est pas en silence."),
        (
            f"{PAGE}/silence",
            {"by": "x", "why": "y", "for": "until", "until": "2001-01-01T00:00"},
            "Cet instant est passé.",
        ),
    ):
        answer = await served.client.post(path, data=fields)
        assert answer.status_code == 409, path
        assert said in answer.text


async def test_our_own_way_out_is_taken_in_hand_and_never_silenced(served: Served) -> None:
    shown = picture(flow("mail-in"), State.RESTORED)
    served.view.show(replace(shown, flow=replace(shown.flow, id="own_link")), None, None)
    page = (await served.client.get("/flows/own_link")).text
    assert "/flows/own_link/silence" not in page
    assert "/flows/mail-in/silence" in (await served.client.get(PAGE)).text


async def test_what_is_given_back_to_be_mended_is_inert(served: Served) -> None:
    for body in ({"by": HOSTILE * 3, "why": HOSTILE}, {"by": "\ud800\x1b", "why": ["\u202e"], "<b>": "x"}):
        answer = await served.client.post(f"{PAGE}/silence", content=json.dumps(body))
        assert answer.status_code == 400
        assert "<script>" not in answer.text
        assert "<img" not in answer.text
        assert "<b>\u00a0" not in answer.text
        assert not set(answer.text) & set("\u202e\x1b\x00")
    assert served.board.heard == []


async def test_enter_in_a_field_silences_nothing(served: Served) -> None:
    """A browser submits by the first button there is, and that one is disabled."""
    page = (await served.client.get(PAGE)).text
    form = page[page.index(f'action="{PAGE}/silence"') :]
    assert form[: form.index("name=")].count("<button disabled hidden>") == 1


async def test_without_a_script_a_page_that_is_filled_in_is_not_taken_away(served: Served) -> None:
    page = (await served.client.get(PAGE)).text
    assert 'http-equiv="refresh"' not in page
    assert "<noscript>" in page
    assert "Recharger" in page
    assert 'http-equiv="refresh"' in (await served.client.get("/")).text


async def test_a_page_that_waits_says_for_what_and_a_warning_asks_nobody_to_take_it(served: Served) -> None:
    parent = flow("proxy", title=Words.same("Proxy web"))
    child = flow("child", parents=("proxy",))
    for each in (
        picture(parent, State.DROPPED),
        picture(child, State.DROPPED, because="proxy", deferred="dropped"),
        picture(flow("slow"), State.DEGRADED, incident=Incident("i", "degraded", NOW, told={"team": 0.0})),
    ):
        served.view.show(each, None, None)
    assert "alerte retenue à cause de\u00a0: Proxy web" in (await served.client.get("/flows/child")).text
    page = (await served.client.get("/flows/slow")).text
    assert "équipe avertie" in page
    assert "pas encore prise en charge" not in page
    await served.board.silence("child", until=NOW + HOUR, by="K", why="y")
    shown = served.view.pictures["child"]
    served.view.show(replace(shown, standing=replace(shown.standing, because=None)), None, None)
    assert "alerte retenue jusqu&#39;à la fin du silence" in (await served.client.get("/")).text


async def test_what_has_ended_by_the_clock_is_not_shown_as_running(served: Served) -> None:
    await served.board.acknowledge("mail-in", by="Jeanne", until=NOW)
    await served.board.silence("mail-out", until=NOW + 0.5, by="Karim", why="x")
    served.view._wall = lambda: NOW + 1.0
    page = (await served.client.get("/")).text
    assert "Jeanne" not in page
    assert "Karim" not in page


async def test_open_pages_are_told_of_who_took_it_and_of_a_silence(served: Served) -> None:
    since = served.view.revision
    async with asyncio.timeout(10), served.client.stream("GET", f"/live?lang=fr&since={since}") as answer:
        lines = answer.aiter_lines()
        await events(lines, "beat")
        for doing, fields, said in (
            ("silence", {"by": "Karim", "why": "x", "until": "1h"}, "en silence"),
            ("acknowledge", {"by": "Jeanne"}, "prise en charge par"),
            ("unsilence", {"by": "Karim"}, "Jeanne"),
        ):
            await served.client.post(f"{API}/{doing}", json=fields)
            rows = [data for kind, data in await events(lines, "row") if kind == "row"]
            assert [row["id"] for row in rows] == ["mail-in"]
            assert said in rows[0]["html"]
        assert "en silence" not in rows[0]["html"]


# instants and sentences -----------------------------------------------------------------------------------------------


def test_in_a_world_with_other_stamps_what_is_written_is_in_shown_time_and_durations_are_real() -> None:
    shifted = View(SITE, wall=lambda: NOW, stamp=lambda wall: wall - 1000 * DAY)
    assert written("2020-10-06T09:00:00Z", shifted) == NOW + HOUR
    assert written("1h", shifted) == NOW + HOUR
    fast = View(SITE, wall=lambda: NOW, stamp=lambda wall: NOW + (wall - NOW) * 60.0)
    assert unstamped(NOW + 60.0, fast) == pytest.approx(NOW + 1.0)


def said(event: str, data: dict[str, Any], language: str = "fr") -> str:
    view = View(Site("CHU", "fr", ZoneInfo("Europe/Paris")), wall=lambda: NOW)
    return sentence(Entry(NOW, event, "mail-in", data), view, language).replace("\u00a0", " ")


def test_rows_of_on_call_are_sentences() -> None:
    until = "2023-07-03T10:00:00Z"
    for event, data, french in (
        (Event.ACKNOWLEDGE, {"by": "Jeanne", "note": "", "until": None}, "Alerte prise en charge par Jeanne"),
        (
            Event.ACKNOWLEDGE,
            {"by": "Jeanne", "note": "vu", "until": until},
            "Alerte prise en charge par Jeanne jusqu'au 3 juil. à 12 h 00 — vu",
        ),
        (
            Event.SILENCE,
            {"by": "Karim", "why": "bascule", "until": until},
            "En silence jusqu'au 3 juil. à 12 h 00 — Karim : bascule",
        ),
        (Event.SILENCE, {"by": "Karim", "ended": True}, "Fin du silence, levé par Karim"),
        (Event.SILENCE, {"ended": True}, "Fin du silence"),
        (
            Event.DEFERRED,
            {"reason": "dropped", "because": None, "silenced_by": "Karim", "until": until},
            "Alerte retenue — flux retombé — en silence par Karim jusqu'au 3 juil. à 12 h 00",
        ),
        (
            Event.PAGE,
            {"reason": "dropped", "status": "reminder", "channels": ["duty"]},
            "Rappel à l'astreinte — flux retombé → duty",
        ),
        (
            Event.PAGE,
            {"reason": "dropped", "escalated": True, "channels": ["chief"]},
            "Personne n'a pris en charge, d'autres sont appelés — flux retombé → chief",
        ),
        (Event.PAGE, {"reason": "degraded", "channels": ["team"]}, "Équipe avertie — flux dégradé → team"),
        (
            Event.ASIDE,
            {"channel": "duty", "error": "410", "left_to": ["sms"], "status": "firing"},
            "Message mis de côté — duty : 410 → sms",
        ),
    ):
        assert said(event, data) == french
        assert said(event, data, "en") != french


@pytest.mark.parametrize("event", [*Event, "rung-of-tomorrow"])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"until": "soon", "by": None, "why": 7, "channels": "duty", "left_to": "sms", "ended": 0, "status": {}},
        {"until": 10**30, "by": ["x"], "note": {"a": 1}, "reason": "of tomorrow", "seconds": "?", "was": 1, "side": 2},
    ],
)
def test_no_row_of_another_version_breaks_a_page(event: str, data: dict[str, Any]) -> None:
    for language in ("fr", "en"):
        assert said(event, json.loads(json.dumps(data)), language)


def test_french_texts_have_their_no_break_spaces() -> None:
    for key, words in TEXTS.items():
        assert not re.search(r" [:;?!»]", words.fr), key
