"""The picture in memory: what the API shows of it, and what those who listen are told."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from retabli.model import causes
from retabli.model.record import Closure, Entry, Event, Incident
from retabli.model.result import Outcome
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.view import Feed, Logged, Site, View, feed
from tests.view.pictures import NOW, Containment, MailLoop, Smtp, flow, name, picture, result

SITE = Site("CHU de Rennes", "fr", standpoint="inside")


def view(**keys: Any) -> View:
    return View(SITE, wall=lambda: NOW, **keys)


async def listed(shown: View) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(b"".join([piece async for piece in shown.forms()]))
    return value


async def test_a_flow_has_the_keys_that_the_contract_promises() -> None:
    loop = MailLoop()
    of = flow(title=Words("Émission", "Outbound"), probes={"loop": loop}, declared_since=NOW - 60)
    shown = view()
    shown.show(
        picture(of, State.RESTORED, [result(loop, seconds=3.2)], restored_at=NOW - 10, first_restored_at=NOW - 99),
        None,
        None,
    )
    value = await listed(shown)
    assert (value["site"], value["standpoint"]) == ("CHU de Rennes", "inside")
    assert value["generated_at"] == "2023-07-03T08:00:00.000Z"
    [form] = value["flows"]
    probe = form.pop("probes")[0]
    rungs = probe.pop("rungs")
    expected = {
        "id": "mail-out",
        "title": "Émission",
        "intent": "open",
        "state": "restored",
        "standing": "restored",
        "since": "2023-07-03T07:00:00.000Z",
        "first_restored_at": "2023-07-03T07:58:21.000Z",
        "restored_at": "2023-07-03T07:59:50.000Z",
        "declared_since": "2023-07-03T07:59:00.000Z",
        "drops": 0,
        "because": None,
        "units": {"ok": 1, "failed": 0, "unknown": 0, "of": 1},
        "verified": {"stage": "on_time", "rung": 11, "of": 11},
        "cause": None,
        "incident": None,
    }
    assert {key: form[key] for key in expected} == expected
    wanted = {
        "id": "loop",
        "kind": "mail_loop",
        "target": None,
        "outcome": "ok",
        "at": "2023-07-03T08:00:00.000Z",
        "seconds": 3.2,
        "stage": "on_time",
        "cause": None,
        "side": None,
        "detail": "",
    }
    assert {key: probe[key] for key in wanted} == wanted
    assert rungs[0] == {"stage": "resolve", "seconds": pytest.approx(0.290909), "cause": None}


async def test_a_failing_flow_names_its_cause_and_its_open_page() -> None:
    fell = result(Smtp(), Outcome.FAILED, cause=causes.TIMEOUT, fell=1, detail="no answer")
    shown = view()
    shown.show(picture(flow(), State.DROPPED, [fell], incident=Incident("i-1", "dropped", NOW)), None, None)
    [form] = (await listed(shown))["flows"]
    assert form["cause"] == {
        "probe": "p",
        "target": None,
        "stage": "connect",
        "cause": "timeout",
        "side": "network",
        "detail": "no answer",
        "words": {
            "stage": "connexion",
            "cause": "aucune réponse dans le délai",
            "side": "réseau",
            "advice": "Regarder le chemin : routage, pare-feu intermédiaires, lien de l'opérateur.",
        },
    }
    assert form["incident"] == "i-1"
    assert form["page"] == {
        "incident": "i-1",
        "reason": "dropped",
        "opened_at": "2023-07-03T08:00:00.000Z",
        "reminders": 0,
        "channels": [],
        "acknowledged": None,
    }
    assert form["probes"][0]["side"] == "network"


async def test_a_unit_that_never_ran_is_unknown_and_has_no_rung() -> None:
    shown = view()
    shown.show(picture(flow(), State.UNKNOWN), None, None)
    [form] = (await listed(shown))["flows"]
    probe = form["probes"][0]
    assert (probe["outcome"], probe["at"], probe["rungs"], probe["fresh"]) == ("unknown", None, [], False)
    assert form["units"]["unknown"] == 1


async def test_a_closed_flow_says_whether_its_closure_is_proven() -> None:
    of = flow("internet", intent=Intent.CLOSED, probes={"out": Containment()})
    shown = view()
    shown.show(picture(of, State.CONTAINED, [result(Containment())], closure=Closure(True, True, None)), None, None)
    [form] = (await listed(shown))["flows"]
    assert form["closure"] == {"proven": True, "path": True, "alive": None, "declared": False}


async def test_a_change_is_in_the_next_answer_and_a_removed_flow_is_not() -> None:
    shown = view()
    shown.show(picture(flow(), State.DOWN), None, None)
    assert b'"down"' in (shown.form("mail-out") or b"")
    shown.show(picture(flow(), State.RECOVERING), None, None)
    assert b'"recovering"' in (shown.form("mail-out") or b"")
    shown.forget("mail-out")
    assert shown.form("mail-out") is None
    assert (await listed(shown))["flows"] == []


async def test_stamps_are_mapped_and_what_people_declared_is_not() -> None:
    shown = view(stamp=lambda instant: instant + 86_400)
    shown.show(picture(flow(declared_since=NOW), State.DOWN, [result(Smtp())], since=NOW), None, None)
    value = await listed(shown)
    [form] = value["flows"]
    assert value["generated_at"] == "2023-07-04T08:00:00.000Z"
    assert form["since"] == form["probes"][0]["at"] == "2023-07-04T08:00:00.000Z"
    assert form["declared_since"] == "2023-07-03T08:00:00.000Z"


def test_the_last_rows_of_the_log_are_kept_newest_first_and_no_more_than_so_many() -> None:
    shown = view(entries=3)
    for number in range(5):
        shown.logged(Entry(NOW + number, Event.STATE, "a" if number % 2 else "b"), number)
    assert [each.number for each in shown.entries()] == [4, 3, 2]
    assert [each.number for each in shown.entries(flow="a")] == [3]
    assert [each.number for each in shown.entries(since=NOW + 3)] == [4, 3]
    assert [each.number for each in shown.entries(limit=1)] == [4]


def test_what_the_log_held_before_comes_before_what_was_logged_since() -> None:
    shown = view(entries=3)
    shown.logged(Entry(NOW, Event.START), 9)
    shown.fill([Logged(Entry(NOW - each, Event.STOP), 9 - each) for each in (4, 3, 2, 1)])
    assert [each.number for each in shown.entries()] == [9, 8, 7]


def encode(changed: Sequence[str], logged: Sequence[tuple[Entry, int | None]]) -> bytes:
    return ",".join([*changed, *(entry.event for entry, _ in logged)]).encode()


async def first(chunks: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(5):
        return await anext(chunks)


async def test_a_reader_is_told_once_of_changes_that_come_together() -> None:
    shown = view()
    told = shown.feed(encode)
    with told.subscribe() as reader:
        chunks = reader.chunks()
        for _ in range(10):
            shown.show(picture(flow(), State.DOWN), None, None)
        shown.show(picture(flow("b"), State.DOWN), None, None)
        shown.logged(Entry(NOW, Event.CONFIG))
        assert await first(chunks) == b"mail-out,b,config"


async def test_a_change_of_state_is_told_sooner_than_routine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PAUSE", 60.0)
    shown = view()
    of = flow()
    run = result(Smtp())
    shown.show(picture(of, State.RESTORED, [run]), None, None)
    told = shown.feed(encode)
    with told.subscribe() as reader:
        chunks = reader.chunks()
        shown.show(picture(of, State.RESTORED, [run]), name(of), run)
        shown.show(picture(of, State.DROPPED, [run]), name(of), run)
        assert await first(chunks) == b"mail-out"


async def test_silence_is_broken_by_a_comment() -> None:
    with Feed(encode).subscribe() as reader:
        assert (await first(reader.chunks(keep_alive=0.01))).startswith(b":")


async def test_a_slow_reader_loses_what_waits_and_is_told_so() -> None:
    told = Feed(encode)
    with told.subscribe() as reader:
        for _ in range(100):
            reader.give(b"x" * 10_000)
        got = []
        chunks = reader.chunks(keep_alive=0.01)
        while not (chunk := await first(chunks)).startswith(b":"):
            got.append(chunk)
    assert sum(map(len, got)) <= feed.WAITING
    assert feed.RESYNC in got


async def test_nothing_is_encoded_while_nobody_listens() -> None:
    calls: list[object] = []

    def counted(changed: Sequence[str], logged: Sequence[tuple[Entry, int | None]]) -> bytes:
        calls.append(changed)
        return b""

    shown = view()
    told = shown.feed(counted)
    shown.show(picture(flow(), State.DOWN), None, None)
    with told.subscribe():
        pass
    shown.show(picture(flow(), State.RESTORED), None, None)
    await asyncio.sleep(feed.HASTE * 2)
    assert calls == []


async def test_a_feed_that_closes_sends_its_readers_away() -> None:
    shown = view()
    told = shown.feed(encode)
    with told.subscribe() as reader:
        asyncio.get_running_loop().call_soon(shown.close)
        assert [chunk async for chunk in reader.chunks()] == []
    assert told.full


async def test_a_full_feed_says_so() -> None:
    told = Feed(encode, readers=1)
    fullness = [told.full]
    with told.subscribe():
        fullness.append(told.full)
    assert [*fullness, told.full] == [False, True, False]
