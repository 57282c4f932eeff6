"""The kind `mail_beacon`: numbered beacons to a mailbox and to its witness, each one's fate told apart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from probes.mail_beacon import MailBeacon
from retabli.model.result import Outcome
from retabli.net.mail import mail_messages, tokens
from retabli.net.mail.imap_messages import Fetched
from retabli.net.mail.mail_ledger import in_flight
from retabli.net.mail.sightings import Place, sight
from retabli.net.mail.tokens import Purpose, Token
from simulator.imap import Folder
from tests.climbing import climb, settings
from tests.mail_servers import SmtpServer, closes, stays_silent
from tests.mail_world import INSIDE, KEY, OUTSIDE, MailWorld, mail_world
from tests.said import told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MailWorld]:
    async with mail_world(tmp_path) as made:
        yield made


def beacon(world: MailWorld, **keys: Any) -> MailBeacon:
    given: dict[str, Any] = {
        "submit": world.submit,
        "mail_from": "beacon@outside.example",
        "rcpt_to": INSIDE,
        "copy_to": OUTSIDE,
        "key": world.key,
        "timeout": "3s",
    }
    return settings(MailBeacon, **(given | keys))


async def received(folder: Folder, number: int) -> list[Token]:
    async with asyncio.timeout(5):
        while len(folder.messages) < number:
            await asyncio.sleep(0.01)
    found = []
    for message in folder.messages:
        token = tokens.find(KEY, message.raw.decode("utf-8", "replace"))
        assert token is not None
        assert mail_messages.attachment_intact(message.raw, token)
        found.append(token)
    return found


async def test_a_beacon_goes_to_the_mailbox_and_to_the_witness_with_one_number(world: MailWorld) -> None:
    memory: dict[str, Any] = {}
    for _ in range(3):
        assert told(await climb(beacon(world), memory=memory)) == ("ok", "accepted", None)
    here, there = await received(world.inside["INBOX"], 3), await received(world.witness["INBOX"], 3)
    assert [token.number for token in here] == [token.number for token in there] == [1, 2, 3]
    assert [token.text for token in here] == [token.text for token in there]
    assert {token.purpose for token in here} == {Purpose.BEACON}
    assert len({token.series for token in here}) == 1
    assert in_flight(memory) == 0


async def test_the_watcher_knows_it_for_a_beacon(world: MailWorld) -> None:
    await climb(beacon(world))
    await received(world.inside["INBOX"], 1)
    raw = world.inside["INBOX"].messages[0].raw
    seen = sight(Fetched(1, frozenset(), len(raw), 0.0, raw), KEY, Place("inside", "INBOX"), None)
    assert seen.token is not None
    assert seen.token.purpose is Purpose.BEACON


async def test_a_refused_mailbox_fails_and_the_witness_still_gets_its_copy(world: MailWorld) -> None:
    world.relay_server.judge = lambda _sender, recipient: "550 5.7.1 refused" if recipient == INSIDE else None
    result = await climb(beacon(world))
    assert (result.outcome, result.stage and result.stage.id) == (Outcome.FAILED, "envelope")
    assert result.mail == {}
    assert len(await received(world.witness["INBOX"], 1)) == 1
    assert world.inside["INBOX"].messages == []


async def test_a_refused_witness_is_told_and_the_flow_is_not_whole(world: MailWorld) -> None:
    world.relay_server.judge = lambda _sender, recipient: "550 5.1.1 unknown" if recipient == OUTSIDE else None
    result = await climb(beacon(world))
    assert told(result) == ("ok", "accepted", "witness_refused")
    assert not result.whole
    assert "unknown_recipient" in result.properties["witness"]
    assert len(await received(world.inside["INBOX"], 1)) == 1


async def test_a_number_that_nobody_got_is_given_again_and_leaves_no_gap(world: MailWorld) -> None:
    memory: dict[str, Any] = {}
    world.relay_server.judge = lambda _sender, _recipient: "550 5.7.1 closed"
    assert (await climb(beacon(world), memory=memory)).outcome is Outcome.FAILED
    world.relay_server.judge = lambda _sender, _recipient: None
    assert (await climb(beacon(world), memory=memory)).outcome is Outcome.OK
    assert [token.number for token in await received(world.inside["INBOX"], 1)] == [1]


async def test_a_server_that_is_gone_fails_on_its_rung(world: MailWorld) -> None:
    await world.submission.stop()
    assert told(await climb(beacon(world))) == ("failed", "connect", "refused")


async def test_a_server_that_hangs_up_at_the_message_fails_there(world: MailWorld) -> None:
    async with SmtpServer(answers={"DATA": closes}).listening() as port:
        result = await climb(beacon(world, submit={"host": "127.0.0.1", "port": port}))
    assert told(result) == ("failed", "accepted", "closed_early")
    assert result.mail == {}


async def test_a_witness_whose_copy_hangs_does_not_unsend_the_beacon(world: MailWorld) -> None:
    async with SmtpServer(answers={f"RCPT TO:<{OUTSIDE}>": stays_silent}).listening() as port:
        result = await climb(beacon(world, submit={"host": "127.0.0.1", "port": port}, timeout="300ms"))
    assert told(result) == ("ok", "accepted", "witness_refused")
    assert result.properties["witness"].startswith("timeout")


async def test_a_server_slow_to_say_goodbye_does_not_unsend_the_beacon(world: MailWorld) -> None:
    async with SmtpServer(answers={"QUIT": stays_silent}).listening() as port:
        result = await climb(beacon(world, submit={"host": "127.0.0.1", "port": port}, timeout="300ms"))
    assert told(result) == ("ok", "accepted", None)


async def test_without_a_witness_only_one_message_is_sent_and_check_warns(world: MailWorld) -> None:
    probe = beacon(world, copy_to=None)
    assert (await climb(probe)).outcome is Outcome.OK
    await received(world.inside["INBOX"], 1)
    assert world.witness["INBOX"].messages == []
    assert list(probe.warnings()) == ["no copy_to: without a witness outside, a silent sender looks like a closed flow"]
    assert list(beacon(world).warnings()) == []


def test_a_witness_that_is_the_mailbox_itself_is_a_fault(tmp_path: Path) -> None:
    assert len(list(beacon(MailWorld(tmp_path), copy_to=INSIDE).faults())) == 1
