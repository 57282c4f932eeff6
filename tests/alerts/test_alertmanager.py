"""Every member of a cluster is told, one is enough, and whatever a member does is bounded."""

import socket
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import ValidationError

from retabli.alerts.channels.alertmanager_alerts import SOON, STANDS
from retabli.alerts.channels.channel import NotAccepted
from retabli.model.record import Message
from tests.alerts.hooks import SENT, Answer, Hook, endless, hangs, hangs_up, receiving, says, talks_garbage
from tests.alerts.members import (
    IN_A_WEEK,
    LABELS,
    NOW,
    OPENED,
    TOLD,
    asked,
    channel,
    holding,
    message,
    posted,
    settings,
    takes,
)
from tests.alerts.test_message import page, picture

# What an alert is ------------------------------------------------------------------------------------------------


async def test_an_alert_is_what_cannot_change_and_says_the_rest_beside_it() -> None:
    async with receiving(takes) as member, channel(member) as am:
        await am.send(message())
        ((alert,),) = posted(member)
    assert alert["labels"] == LABELS
    assert (alert["startsAt"], alert["endsAt"]) == (OPENED, IN_A_WEEK)
    assert alert["generatorURL"] == "https://retabli.chu.example/flows/mail-out"
    body = page(picture())
    kept = ("title", "state", "since", "restored_at", "probe", "stage", "cause", "side", "runbook", "acknowledge_url")
    assert {key: alert["annotations"][key] for key in kept} == {key: body[key] for key in kept}
    assert (alert["annotations"]["summary"], alert["annotations"]["description"]) == (body["summary"], body["text"])


async def test_a_reminder_and_a_resolve_speak_of_the_same_alert_though_cause_and_owner_are_others_now() -> None:
    async with receiving(takes) as member, channel(member) as am:
        await am.send(message())
        await am.send(message("reminder", cause="timeout", side="network", owner="Téléphonie", criticality="high"))
        await am.send(message("resolved", "removed", owner=None, title="?"))
        (first,), (second,), (third,) = posted(member)
    assert first["labels"] == second["labels"] == third["labels"] == LABELS
    assert first["startsAt"] == second["startsAt"] == third["startsAt"]
    assert (second["annotations"]["cause"], second["endsAt"]) == ("timeout", IN_A_WEEK)
    assert third["endsAt"] == TOLD
    assert "Retiré de la surveillance" in third["annotations"]["summary"]


@pytest.mark.parametrize(
    ("reason", "name", "severity"),
    [
        ("dropped", "FlowDropped", "page"),
        ("breached", "FlowBreached", "page"),
        ("unknown", "FlowUnknown", "page"),
        ("degraded", "FlowDegraded", "warning"),
        ("channel_fails", "RetabliChannelFails", "page"),
    ],
)
async def test_an_alerts_name_says_why(reason: str, name: str, severity: str) -> None:
    async with receiving(takes) as member, channel(member) as am:
        await am.send(replace(message(), body={**message().body, "reason": reason}))
        ((alert,),) = posted(member)
    assert (alert["labels"]["alertname"], alert["labels"]["severity"]) == (name, severity)


async def test_a_test_and_a_heartbeat_end_by_themselves_and_no_test_hides_the_next_one() -> None:
    async with receiving(takes) as member, channel(member) as am:
        for key, status in (("t1", "test"), ("t2", "test"), ("h", "heartbeat")):
            body = {"status": status, "key": key, "text": "Essai\nrien", "site": "CHU", "flow": None, "every": 60.0}
            await am.send(Message(key, "am", "", body))
        (first,), (second,), (beat,) = posted(member)
    assert first["labels"] == {"alertname": "RetabliTest", "severity": "page", "site": "CHU", "incident": "t1"}
    assert second["labels"]["incident"] == "t2"
    assert first["annotations"]["summary"] == "Essai"
    assert beat["labels"] == {"alertname": "RetabliHeartbeat", "severity": "none", "site": "CHU"}
    assert {alert["startsAt"] for alert in (first, second, beat)} == {TOLD}
    assert {alert["endsAt"] for alert in (first, second, beat)} == {"2023-11-14T22:18:20Z"}
    assert (SOON, STANDS) == (300.0, 7 * 86400.0)


async def test_a_grouped_message_is_one_post_with_all_its_pages_and_so_is_its_resolve() -> None:
    pages = [{**message().body, "incident": f"{number}a", "flow": f"f{number}"} for number in range(500)]
    group: dict[str, Any] = {"key": "storm", "status": "firing", "flow": None, "text": "500", "pages": pages}
    over = [{**each, "status": "resolved"} for each in pages]
    async with receiving(takes) as member, channel(member) as am:
        await am.send(Message("storm", "am", "", group))
        await am.send(Message("calm", "am", "", group | {"status": "resolved", "pages": over}))
        fires, ends = posted(member)
    assert [alert["labels"]["flow"] for alert in fires] == [f"f{number}" for number in range(500)]
    assert [alert["labels"] for alert in ends] == [alert["labels"] for alert in fires]
    assert {alert["endsAt"] for alert in ends} == {TOLD}


# Members ---------------------------------------------------------------------------------------------------------


async def test_every_member_is_told() -> None:
    async with receiving(takes) as one, receiving(takes) as two, channel(one, two) as am:
        await am.send(message())
        await two.until(1)
        assert posted(one) == posted(two)


@pytest.mark.parametrize("bad", [hangs, hangs_up, says(500), says(302, b"", "Location: /elsewhere"), talks_garbage])
async def test_a_member_that_does_not_take_it_holds_nothing_back(bad: Answer) -> None:
    async with receiving(bad) as one, receiving(takes) as two, channel(one, two, timeout="30s") as am:
        began = time.monotonic()
        await am.send(message())
        assert time.monotonic() - began < 3
        for _ in range(20):  # a storm: one that hangs is not waited for each time
            await am.send(message("resolved"))
        assert time.monotonic() - began < 4
        assert len(posted(two)) == 21


async def test_a_member_that_nobody_listens_at_holds_nothing_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = Hook([], port=closed.getsockname()[1])
    async with receiving(takes) as two, channel(dead, two) as am:
        await am.send(message())
        assert len(posted(two)) == 1


@pytest.mark.parametrize("error", [MemoryError(), KeyError("phone")])
async def test_what_one_member_accepted_is_accepted_whatever_befalls_us_at_another(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise error

    async with receiving(takes) as one, receiving(takes) as two, channel(one, two) as am:
        monkeypatch.setattr(am._members[0], "post", fails)
        await am.send(message())
        assert len(posted(two)) == 1


async def test_a_message_that_no_member_took_is_not_accepted_and_says_why_of_each() -> None:
    async with receiving(says(503, b"later")) as one, receiving(hangs) as two, channel(one, two, timeout="500ms") as am:
        with pytest.raises(NotAccepted) as refused:
            await am.send(message())
    said = refused.value.reason
    assert f"127.0.0.1:{one.port}: answers 503: later" in said
    assert f"127.0.0.1:{two.port}: no answer within 500ms" in said


async def test_a_redirect_is_never_followed() -> None:
    async with receiving(takes) as elsewhere, receiving(says(307, b"", f"Location: {elsewhere.url}")) as member:
        async with channel(member) as am:
            with pytest.raises(NotAccepted, match="a redirect, which is not followed"):
                await am.send(message())
        assert elsewhere.requests == []


async def test_a_resolve_that_is_taken_is_taken_whatever_the_member_says_of_what_it_holds() -> None:
    odd = b'[1, null, {}, {"labels": [], "startsAt": 1e400}, {"labels": {"incident": "4f2a"}, "startsAt": "soon"}]'
    for said in (b"[[[[", b"[" * 1_000_000, b'{"no": "list"}', odd, b"\xff"):
        async with receiving(takes, says(200), says(200, said)) as member, channel(member) as am:
            await am.send(message())
            await am.send(message("resolved"))
            assert len(posted(member)) == 2 + (said == odd)  # of which one is an alert of that incident


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_of_a_gigabyte_costs_neither_memory_nor_time(status: int) -> None:
    SENT.clear()
    async with receiving(takes, says(200), endless(status)) as member, channel(member, timeout="5s") as am:
        await am.send(message())
        tracemalloc.start()
        began = time.monotonic()
        try:
            await am.send(message("resolved"))
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()
        assert time.monotonic() - began < 5
    assert sum(SENT) < 60_000_000


@pytest.mark.parametrize("said", [b"[" + b"{}," * 600_000 + b"{}]", b"[" + b"[]," * 600_000 + b"[]]"])
async def test_a_small_answer_that_would_be_large_in_memory_is_not_taken_in(said: bytes) -> None:
    async with receiving(takes, says(200), says(200, said)) as member, channel(member, timeout="5s") as am:
        await am.send(message())
        tracemalloc.start()
        await am.send(message("resolved"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20_000_000


# What burns there ------------------------------------------------------------------------------------------------


async def test_a_resolve_whose_page_bears_other_labels_there_puts_out_those() -> None:
    old = LABELS | {"owner": "Téléphonie", "incident": "4f2a"}
    stranger = LABELS | {"incident": "beef"}
    async with receiving(holding(old, stranger)) as member, channel(member) as am:
        await am.send(message("resolved", "removed"))  # which does not say what its page was called
        ((alert,),) = posted(member)
    assert alert["labels"] == old
    assert (alert["startsAt"], alert["endsAt"]) == (OPENED, TOLD)
    assert 'filter=incident="4f2a"' in unquote(asked(member)[0].line)


async def test_the_resolve_of_a_page_whose_name_nobody_knows_any_more_is_tried_until_the_member_says_it() -> None:
    async with receiving(says(500)) as member, channel(member) as am:
        with pytest.raises(NotAccepted, match="answers 500"):
            await am.send(message("resolved", "removed"))


@pytest.mark.parametrize("behind", [0, 1, 3600])
async def test_a_resolve_lies_in_the_past_of_a_member_whose_clock_is_behind(behind: int) -> None:
    """Or it would be lost: Alertmanager keeps the page's end, which is later."""
    async with receiving(holding(date=NOW - behind)) as member, channel(member) as am:
        await am.send(message())
        await am.send(message("resolved"))
        _, (alert,) = posted(member)
    assert alert["endsAt"] == formatted(NOW - behind)


async def test_a_member_whose_clock_is_not_known_yet_is_told_once_more_when_the_page_still_burns() -> None:
    async with receiving(holding(LABELS, date=NOW - 3600)) as member, channel(member) as am:
        await am.send(message("resolved"))
        (first,), (second,) = posted(member)
    assert (first["endsAt"], second["endsAt"]) == (TOLD, formatted(NOW - 3600))
    assert first["labels"] == second["labels"]


async def test_a_page_that_is_younger_than_the_members_present_ends_where_it_starts() -> None:
    async with receiving(holding(date=1_600_000_000.0)) as member, channel(member) as am:
        await am.send(message())
        await am.send(message("resolved"))
        _, (alert,) = posted(member)
    assert alert["startsAt"] == alert["endsAt"] == formatted(1_600_000_000.0)


def formatted(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


# Settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"urls": []}, "at least 1 item"),
        ({"urls": ["am:9093"]}, "is no address"),
        ({"urls": ["http://user:word@am:9093"]}, "a secret is not written in clear"),
        ({"urls": ["http://am:9093/?x=1"]}, "without ? and #"),
        ({"urls": ["http://am:9093/api/v2/alerts"]}, "leave out /api/v2/alerts"),
        ({"urls": ["http://am:9093"], "password": "word"}, "a secret is not written in clear"),
        ({"urls": ["http://am:9093"], "url": "http://am:9093"}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**given) if "urls" not in given else settings(*given.pop("urls"), **given)
    assert said in str(refused.value)


def test_what_settings_have_wrong_together_is_told() -> None:
    found = settings(
        *("http://am", "http://am/"),
        user="retabli",
        headers={"X-Token": "in clear"},
        resend="0s",
    )
    assert list(found.faults()) == [
        "headers.X-Token: a secret is not written in clear: name where it is, as {file: …}",
        "user and password go together: give both or neither",
        "urls: http://am/ stands there twice",
        "resend: must be more than 0s",
    ]
    assert list(found.warnings()) == []
    clear = settings("http://am", user="retabli", password={"env": "WORD"})
    assert list(clear.faults()) == []
    assert list(clear.warnings()) == ["the password travels in clear: give https addresses"]
    assert [secret.env for secret in clear.secrets()] == ["WORD"]


async def test_a_password_is_read_for_each_request_and_one_that_is_missing_is_no_defect(tmp_path: Path) -> None:
    word = tmp_path / "word"
    access = {"user": "retabli", "password": {"file": str(word)}, "headers": {"X-Scope": "chu"}}
    async with receiving(takes) as member, channel(member, **access) as am:
        with pytest.raises(NotAccepted, match="No such file"):
            await am.send(message())
        word.write_text("é\n")
        await am.send(message())
        (request,) = member.requests
    assert request.headers["authorization"] == "Basic cmV0YWJsaTrDqQ=="
    assert request.headers["x-scope"] == "chu"
