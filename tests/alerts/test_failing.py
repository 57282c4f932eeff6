"""A channel that accepts nothing for long is reported by the others, once, until it accepts again; never by itself."""

import asyncio
import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from commands._alerting import Counted
from retabli.alerts.outbox import failing
from retabli.metrics import Figures as Gauges
from retabli.model.record import Event
from tests.alerts.test_storm import GATHERING, Phone, draining, page, pages, put

pytestmark = pytest.mark.looptime


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


async def test_the_others_are_told_after_five_minutes_and_told_the_end(state: Path) -> None:
    duty, mail, sms = Phone(), Phone(down=True), Phone()
    async with draining(state, {"duty": duty, "mail": mail, "sms": sms}) as (outbox, drain):
        await put(outbox, drain, page("port", channel="mail"), page("web", channel="mail"))
        await asyncio.sleep(299)
        assert not duty.taken
        await asyncio.sleep(2)
        ((at, told),) = duty.taken
        assert [message for _, message in sms.taken] == [type(told)(told.key, "sms", told.flow, told.body)]
        assert round(at) == 300
        body = told.body
        assert (body["status"], body["reason"], body["flow"]) == ("firing", "channel_failing", None)
        assert body["incident"] == "channel-mail-20231114T221320Z"
        assert (body["detail"], body["waiting"]) == ("answers 500", 2)
        mail.down = False
        await asyncio.sleep(600)
        assert [message.key for _, message in duty.taken] == [
            "channel-mail-20231114T221320Z-firing",
            "channel-mail-20231114T221320Z-resolved",
        ]
        rows = [row for row in await outbox.entries() if row.event in (Event.PAGE, Event.RESOLVE)]
        assert await outbox.failing() == {}
    assert [(row.flow, row.data["channel"], row.data["channels"]) for row in rows] == [
        (None, "mail", ["duty", "sms"])
    ] * 2
    assert not [message for message in mail.tried if message.body["reason"] == "channel_failing"]


async def test_a_channel_that_accepts_anything_meanwhile_does_not_fail(state: Path) -> None:
    class Picky(Phone):
        async def send(self, message: object) -> None:
            self.down = "port" in str(message)
            await super().send(message)  # type: ignore[arg-type]

    duty, mail = Phone(), Picky()
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        for each in range(30):
            await put(outbox, drain, page("port", channel="mail"), page(f"web-{each}", channel="mail"))
            await asyncio.sleep(60)
    assert not duty.taken


async def test_one_message_that_is_refused_for_ever_is_reported_each_hour_at_most_while_others_are_taken(
    state: Path,
) -> None:
    class Picky(Phone):
        async def send(self, message: object) -> None:
            self.down = "port" in str(message)
            await super().send(message)  # type: ignore[arg-type]

    duty, mail = Phone(), Picky()
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        await put(outbox, drain, page("port", channel="mail"))
        for each in range(36):  # six hours
            await asyncio.sleep(600)
            await put(outbox, drain, page(f"web-{each}", channel="mail"))
        assert [message.body["status"] for _, message in duty.taken] == ["firing", "resolved"]  # before the first other
        await asyncio.sleep(3700)
    assert [message.body["status"] for _, message in duty.taken] == ["firing", "resolved", "firing"]


async def test_it_is_known_across_a_restart_and_not_told_twice(state: Path) -> None:
    duty, mail = Phone(), Phone(down=True)
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        await put(outbox, drain, page("port", channel="mail"))
        await asyncio.sleep(200)
    async with draining(state, {"duty": duty, "mail": mail}):
        await asyncio.sleep(110)
        assert [message.body["status"] for _, message in duty.taken] == ["firing"]
    async with draining(state, {"duty": duty, "mail": mail}):
        await asyncio.sleep(1000)
        mail.down = False
    async with draining(state, {"duty": duty, "mail": mail}):
        await asyncio.sleep(5)
    assert [message.body["status"] for _, message in duty.taken] == ["firing", "resolved"]


async def test_when_every_channel_fails_it_is_logged_and_told_as_soon_as_one_stands(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    duty, mail = Phone(down=True), Phone(down=True)
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        await put(outbox, drain, page("port"), page("port", channel="mail"))
        await asyncio.sleep(301)
        hopeless = drain.hopeless
        said = [each.getMessage() for each in caplog.records if each.levelno == logging.CRITICAL]
        assert said == [
            "channel duty fails (answers 500), and no other channel is left to tell it",
            "channel mail fails (answers 500), and no other channel is left to tell it",
        ]
        duty.down = False
        await asyncio.sleep(600)
        assert (hopeless, drain.hopeless) == (True, False)
    assert [message.key.split("-")[:2] for _, message in duty.taken[1:]] == [["channel", "mail"]]
    assert not [message for message in mail.tried if message.body["reason"] == "channel_failing"]


async def test_a_failing_channel_that_is_removed_ends_its_page_and_is_not_said_to_work(state: Path) -> None:
    duty, mail = Phone(), Phone(down=True)
    async with draining(state, {"duty": duty, "mail": mail}) as (outbox, drain):
        await put(outbox, drain, page("port", channel="mail"))
        await asyncio.sleep(310)
        drain.use({"duty": duty}, GATHERING)
        await asyncio.sleep(5)
    assert [(each.body["status"], each.body["reason"]) for _, each in duty.taken if each.body["flow"] is None] == [
        ("firing", "channel_failing"),
        ("resolved", "removed"),
    ]


async def test_a_channel_that_is_removed_is_shown_as_failing_no_more_and_with_what_waits_for_it_until_it_is_settled(
    state: Path,
) -> None:
    gauges = Gauges(CollectorRegistry(), version="1", standpoint="inside")

    def exported() -> list[float | None]:
        names = ("retabli_alerts_pending", "retabli_alerts_failing")
        return [gauges.registry.get_sample_value(name, {"channel": "sms"}) for name in names]

    duty, sms = Phone(), Phone(down=True)
    gauges.channels(["duty", "sms"])
    async with draining(state, {"duty": duty, "sms": sms}, Counted(gauges)) as (outbox, drain):
        await put(outbox, drain, *(page(flow, channel="sms") for flow in ("port", "web", "mail")))
        await asyncio.sleep(310)
        assert exported() == [3, 1]
        gauges.channels([])
        drain.use({}, GATHERING)
        await asyncio.sleep(60)
        assert exported() == [3, None], "it waits for a configuration that has a channel"
        gauges.channels(["duty"])
        drain.use({"duty": duty}, GATHERING)
        await asyncio.sleep(5)
        assert exported() == [None, None]
    assert len(duty.taken) >= 3


async def test_what_a_gone_channel_was_to_say_of_another_is_never_given_to_that_other(state: Path) -> None:
    duty, mail, sms = Phone(), Phone(down=True), Phone()
    async with draining(state, {"duty": duty, "mail": mail, "sms": sms}) as (outbox, drain):
        await put(outbox, drain, page("port", channel="mail"))
        await asyncio.sleep(299.5)
        duty.down = True  # it is given the news, and does not take it
        await asyncio.sleep(1)
        drain.use({"mail": mail, "sms": sms}, GATHERING)
        await asyncio.sleep(5)
    assert [message.body["reason"] for _, message in sms.taken] == ["channel_failing"]
    assert {message.body["reason"] for message in mail.tried} == {"dropped"}


async def test_what_waited_is_tried_at_once_when_a_channel_works_again(state: Path) -> None:
    duty = Phone(down=True)
    async with draining(state, {"duty": duty}) as (outbox, drain):
        await put(outbox, drain, *pages(4))
        await asyncio.sleep(900)  # their next attempts are minutes away
        duty.down = False
        await put(outbox, drain, page("new"))
        await asyncio.sleep(1)
        assert await outbox.pending() == {}


def test_it_is_said_in_both_languages() -> None:
    trouble = failing.Trouble(0.0, 1688371200.0, "answers 500", incident="channel-mail-x")
    french = GATHERING.letterhead.__class__("CHU de Rennes", "inside", "fr", url="https://r.example/")
    body = failing.words("mail", trouble, "firing", "channel_failing", french, 1688371600.0, 12)
    assert body["text"].splitlines() == [
        "Canal d'alerte en panne\u00a0: mail",
        "CHU de Rennes (vu de l'intérieur)",
        "N'accepte rien depuis le 3\u00a0juillet 2023 à\u00a08\u00a0h\u00a000\u00a0; 12 messages attendent.",
        "Dernière raison\u00a0: answers 500",
        "Rien n'est perdu\u00a0: chaque message est présenté de nouveau jusqu'à ce qu'il soit accepté.",
        "À faire d'abord\u00a0: vérifier ce qui reçoit ces messages, puis son adresse dans la configuration.",
        "https://r.example/",
    ]
    assert len(body["summary"]) <= 160
    english = failing.words("mail", trouble, "resolved", "channel_failing", GATHERING.letterhead, 1688371600.0, 0)
    assert english["text"].splitlines() == [
        "An alert channel works again: mail",
        "CHU (seen from inside)",
        "It had failed since 3 July 2023 at 08:00.",
    ]
