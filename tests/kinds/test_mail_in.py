"""The kind `mail_in` in its three forms, over real servers on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from probes.mail_beacon import MailBeacon
from probes.mail_in import MailIn
from retabli.net.descriptors import KEPT_FROM_PROBES
from retabli.net.mail import mail_messages, tokens
from retabli.net.mail.tokens import Purpose
from simulator.imap import Folder
from tests.climbing import climb, run, settings
from tests.faults.short_of_files import FILES_BUT_NO_PROBES, in_a_child, shortage
from tests.mail_servers import ImapServer, SmtpServer, stays_silent
from tests.mail_world import INSIDE, KEY, OUTSIDE, REFLECTOR, MailWorld, mail_world
from tests.said import counts, told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MailWorld]:
    async with mail_world(tmp_path) as made:
        yield made


def mail_in(world: MailWorld, form: str, **keys: Any) -> MailIn:
    given: dict[str, Any] = {"mailbox": "inside", "key": world.key, "within": "5s", "timeout": "3s", "from_": form}
    if form == "beacon":
        given |= {"witness": "witness", "every": "10s"}
    else:
        to = REFLECTOR if form == "reflector" else INSIDE
        given |= {"submit": world.submit, "mail_from": INSIDE if form == "reflector" else OUTSIDE, "rcpt_to": to}
    return settings(MailIn, context=world.context, **(given | keys))


class Sender:
    """The Retabli outside."""

    def __init__(self, world: MailWorld) -> None:
        self.world = world
        self.memory: dict[str, Any] = {}
        self.probe = settings(
            MailBeacon, submit=world.submit, mail_from=OUTSIDE, rcpt_to=INSIDE, copy_to=OUTSIDE, key=world.key
        )

    async def send(self, *, here: bool = True) -> None:
        """One beacon, and wait until its copies are where they go."""
        there = self.world.witness["INBOX"]
        inside = len(self.world.inside["INBOX"].messages) + len(self.world.inside["Junk"].messages) + 1
        copies = len(there.messages) + 1
        await climb(self.probe, memory=self.memory)
        async with asyncio.timeout(5):
            while len(there.messages) < copies or (here and self._inside() < inside):
                await asyncio.sleep(0.01)

    def _inside(self) -> int:
        return len(self.world.inside["INBOX"].messages) + len(self.world.inside["Junk"].messages)


# from: beacon ------------------------------------------------------------------------------------------------------


async def test_a_beacon_that_arrives_climbs_the_whole_ladder(world: MailWorld) -> None:
    await Sender(world).send()
    result = await climb(mail_in(world, "beacon"))
    assert told(result) == ("ok", "on_time", None)
    assert [rung.stage.id for rung in result.rungs] == ["mailbox", "delivered", "clean", "content", "on_time"]
    assert counts(result) == {"sent": 1, "received": 1}
    assert result.properties["beacon"] == "1"
    assert result.properties["transit"].endswith(" s")


async def test_a_look_removes_nothing_so_that_the_daemon_sees_it_too(world: MailWorld) -> None:
    await Sender(world).send()
    await climb(mail_in(world, "beacon"))
    assert len(world.inside["INBOX"].messages) == len(world.witness["INBOX"].messages) == 1
    assert told(await climb(mail_in(world, "beacon"))) == ("ok", "on_time", None)


async def test_what_is_past_lost_after_is_removed_here_and_there(world: MailWorld) -> None:
    probe = mail_in(world, "beacon", within="300ms", lost_after="400ms")
    memory: dict[str, Any] = {}
    await climb(probe, memory=memory)
    await Sender(world).send()
    world.inside["INBOX"].append(b"Subject: somebody's\r\n\r\nx")
    await climb(probe, memory=memory)
    await asyncio.sleep(0.45)
    await climb(probe, memory=memory)
    assert [message.raw for message in world.inside["INBOX"].messages] == [b"Subject: somebody's\r\n\r\nx"]
    assert world.witness["INBOX"].messages == []


async def test_there_but_not_here_is_not_delivered(world: MailWorld) -> None:
    world.inside_mx.lossy = True
    probe = mail_in(world, "beacon", within="300ms")
    memory: dict[str, Any] = {}
    await climb(probe, memory=memory)
    await Sender(world).send(here=False)
    first = await climb(probe, memory=memory)
    assert told(first) == ("unknown", "delivered", "no_beacon")
    await asyncio.sleep(0.35)
    result = await climb(probe, memory=memory)
    assert told(result) == ("failed", "delivered", "not_delivered")
    assert "number 1" in result.detail


async def test_a_closed_entrance_is_not_delivered_though_the_sender_is_refused(world: MailWorld) -> None:
    world.inside_mx.closed = True
    probe = mail_in(world, "beacon", within="200ms")
    memory: dict[str, Any] = {}
    await climb(probe, memory=memory)
    await climb(Sender(world).probe)
    async with asyncio.timeout(5):
        while len(world.witness["INBOX"].messages) < 2:  # the copy, and the notification of the refusal
            await asyncio.sleep(0.01)
    await climb(probe, memory=memory)
    await asyncio.sleep(0.25)
    assert told(await climb(probe, memory=memory)) == ("failed", "delivered", "not_delivered")


async def test_a_silent_sender_is_unknown_and_no_failure(world: MailWorld) -> None:
    result = await climb(mail_in(world, "beacon"))
    assert told(result) == ("unknown", "delivered", "no_beacon")


async def test_a_beacon_that_grows_old_is_no_proof_any_more(world: MailWorld) -> None:
    await Sender(world).send()
    probe = mail_in(world, "beacon", every="500ms", timeout="500ms", within="100ms")
    memory: dict[str, Any] = {}
    assert told(await climb(probe, memory=memory))[0] == "ok"
    await asyncio.sleep(0.7)
    assert told(await climb(probe, memory=memory)) == ("unknown", "delivered", "no_beacon")


async def test_without_a_witness_silence_is_unknown_and_check_warns(world: MailWorld) -> None:
    probe = mail_in(world, "beacon", witness=None)
    assert told(await climb(probe)) == ("unknown", "delivered", "no_beacon")
    assert any("witness" in warning for warning in probe.warnings())
    assert list(mail_in(world, "beacon").warnings()) == []


async def test_an_unreadable_witness_spoils_no_arrival_and_leaves_a_silence_unjudged(world: MailWorld) -> None:
    async with ImapServer(answers={"SELECT": stays_silent}, accounts={"witness": "secret"}).listening() as port:
        probe = mail_in(world, "beacon", witness=world.mailbox("witness", port=port), timeout="400ms")
        silent = await climb(probe)
        await Sender(world).send()
        arrived = await climb(probe)
    assert told(silent) == ("unknown", "delivered", "witness_unreadable")
    assert told(arrived) == ("ok", "on_time", None)
    assert "timeout" in arrived.properties["witness"]


async def test_a_witness_that_we_could_not_ask_for_want_of_a_file_is_not_the_one_to_look_at(world: MailWorld) -> None:
    probe = mail_in(world, "beacon")

    async def work() -> list[str | None]:
        with shortage(KEPT_FROM_PROBES + 1):  # our own mailbox is asked first, and takes the last one
            result = await run(probe)
        return [*told(result), result.detail.split(": ")[0], *told(await run(probe))]

    lacking = ["unknown", "delivered", "local_resources", "witness"]
    assert await in_a_child(work) == [*lacking, "unknown", "delivered", "no_beacon"]


async def test_a_witness_whose_password_we_cannot_read_is_not_the_one_to_look_at(world: MailWorld) -> None:
    witness = world.mailbox("witness", password={"file": str(world.folder / "gone")})
    silent = await climb(mail_in(world, "beacon", witness=witness))
    assert told(silent) == ("unknown", "delivered", "secret_unreadable")


async def test_nothing_is_lost_while_our_mailbox_cannot_be_read(world: MailWorld) -> None:
    probe = mail_in(world, "beacon", within="100ms", lost_after="200ms")
    memory: dict[str, Any] = {}
    world.inside_mx.lossy = True
    await climb(probe, memory=memory)
    await Sender(world).send(here=False)
    await climb(probe, memory=memory)
    await asyncio.sleep(0.25)
    unreadable = mail_in(
        world, "beacon", within="100ms", lost_after="200ms", mailbox=world.mailbox("inside", folder="Probes")
    )
    assert counts(await climb(unreadable, memory=memory)) == {}
    assert counts(await climb(probe, memory=memory)) == {"lost": 1}


async def test_an_unreadable_mailbox_of_ours_is_unknown(world: MailWorld) -> None:
    await Sender(world).send()
    async with ImapServer(answers={"SELECT": stays_silent}, accounts={"inside": "secret"}).listening() as port:
        hangs = mail_in(world, "beacon", mailbox=world.mailbox("inside", port=port), timeout="400ms")
        assert told(await climb(hangs)) == ("unknown", "mailbox", "mailbox_unreadable")
    gone = mail_in(world, "beacon", mailbox=world.mailbox("inside", folder="Probes"))
    assert told(await climb(gone)) == ("unknown", "mailbox", "mailbox_unreadable")
    await world.imap.stop()
    assert told(await climb(mail_in(world, "beacon"))) == ("unknown", "mailbox", "mailbox_unreadable")


@pytest.mark.parametrize("way", ["beacon", "account"])
async def test_what_our_own_machine_lacked_is_nothing_to_look_for_at_a_server(world: MailWorld, way: str) -> None:
    probe = mail_in(world, way)

    async def work() -> list[str | None]:
        with shortage(FILES_BUT_NO_PROBES):
            return list(told(await run(probe)))

    stage = {"beacon": "mailbox", "account": "connect"}[way]
    assert await in_a_child(work) == ["unknown", stage, "local_resources"]


async def test_a_mailbox_whose_password_we_cannot_read_is_unknown_by_that(world: MailWorld) -> None:
    mailbox = world.mailbox("inside", password={"file": str(world.folder / "gone")})
    result = await climb(mail_in(world, "account", mailbox=mailbox, within="300ms"))
    assert told(result) == ("unknown", "delivered", "secret_unreadable")


async def test_a_refused_login_is_unknown_and_not_tried_again_at_once(world: MailWorld) -> None:
    wrong = {"file": str(world.folder / "wrong")}
    server = ImapServer(accounts={"inside": "secret"})
    async with server.listening() as port:
        probe = mail_in(world, "beacon", mailbox=world.mailbox("inside", port=port, password=wrong), witness=None)
        memory: dict[str, Any] = {}
        results = [await climb(probe, memory=memory) for _ in range(3)]
    assert {told(result) for result in results} == {("unknown", "mailbox", "mailbox_auth_refused")}
    assert sum(command.startswith("AUTHENTICATE") for command in server.commands) == 1


async def test_a_stripped_attachment_is_seen(world: MailWorld) -> None:
    token = tokens.sign(KEY, Purpose.BEACON, tokens.new_series(), 1, _now())
    whole = mail_messages.compose(token, OUTSIDE, INSIDE)
    world.inside["INBOX"].append(whole.replace(b"attachment;", b"inline;"))
    assert told(await climb(mail_in(world, "beacon"))) == ("failed", "content", "attachment_stripped")


async def test_a_beacon_in_the_junk_folder_is_in_spam(world: MailWorld) -> None:
    world.inside_mx.boxes[INSIDE] = world.inside["Junk"]
    await Sender(world).send()
    assert told(await climb(mail_in(world, "beacon"))) == ("failed", "clean", "in_spam")


async def test_a_beacon_that_comes_long_after_its_copy_shows_a_relay_that_holds(world: MailWorld) -> None:
    probe = mail_in(world, "beacon", within="300ms")
    memory: dict[str, Any] = {}
    await climb(probe, memory=memory)
    token = tokens.sign(KEY, Purpose.BEACON, tokens.new_series(), 1, _now())
    world.witness["INBOX"].append(mail_messages.compose(token, OUTSIDE, OUTSIDE))
    await climb(probe, memory=memory)
    await asyncio.sleep(0.4)
    assert told(await climb(probe, memory=memory)) == ("failed", "delivered", "not_delivered")
    world.inside["INBOX"].append(mail_messages.compose(token, OUTSIDE, INSIDE))
    result = await climb(probe, memory=memory)
    assert told(result) == ("ok", "mailbox", "relay_holding")
    assert not result.whole
    assert counts(result) == {"late": 1}


async def test_one_missing_beacon_among_those_that_arrive_is_told(world: MailWorld) -> None:
    probe = mail_in(world, "beacon", within="300ms")
    memory: dict[str, Any] = {}
    sender = Sender(world)
    await climb(probe, memory=memory)
    world.inside_mx.lossy = True
    await sender.send(here=False)
    world.inside_mx.lossy = False
    await sender.send()
    await climb(probe, memory=memory)
    await asyncio.sleep(0.35)
    result = await climb(probe, memory=memory)
    assert told(result) == ("ok", "on_time", "beacons_missing")


async def test_without_a_witness_a_difference_of_clocks_is_said_and_no_failure(world: MailWorld) -> None:
    probe = mail_in(world, "beacon", witness=None)
    memory: dict[str, Any] = {}
    await climb(probe, memory=memory)
    token = tokens.sign(KEY, Purpose.BEACON, tokens.new_series(), 1, _now() - 600_000)
    world.inside["INBOX"].append(mail_messages.compose(token, OUTSIDE, INSIDE))
    result = await climb(probe, memory=memory)
    assert told(result) == ("ok", "on_time", "clocks_disagree")
    assert not result.whole


async def test_forged_and_duplicate_beacons_are_told_apart_from_true_ones(world: MailWorld) -> None:
    probe = mail_in(world, "beacon")
    memory: dict[str, Any] = {}
    forged = tokens.sign(b"another key", Purpose.BEACON, tokens.new_series(), 1, _now())
    world.inside["INBOX"].append(mail_messages.compose(forged, OUTSIDE, INSIDE))
    result = await climb(probe, memory=memory)
    assert told(result) == ("unknown", "delivered", "no_beacon")
    assert counts(result) == {"forged": 1}
    await Sender(world).send()
    world.inside["INBOX"].append(world.inside["INBOX"].messages[-1].raw)
    result = await climb(probe, memory=memory)
    assert told(result) == ("ok", "on_time", None)
    assert counts(result) == {"sent": 1, "received": 1, "duplicate": 1}


async def test_a_token_of_a_mail_loop_is_no_beacon(world: MailWorld) -> None:
    token = tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 1, _now())
    world.inside["INBOX"].append(mail_messages.compose(token, OUTSIDE, INSIDE))
    assert told(await climb(mail_in(world, "beacon"))) == ("unknown", "delivered", "no_beacon")
    assert len(world.inside["INBOX"].messages) == 1


# from: account -----------------------------------------------------------------------------------------------------


async def test_an_account_outside_proves_the_way_in_to_its_end(world: MailWorld) -> None:
    result = await climb(mail_in(world, "account"))
    assert told(result) == ("ok", "on_time", None)
    assert [rung.stage.id for rung in result.rungs][-6:] == [
        *("envelope", "accepted", "delivered", "clean", "content", "on_time")
    ]
    assert result.rung == result.of
    assert counts(result) == {"sent": 1, "received": 1}
    assert world.inside["INBOX"].messages == []


@pytest.mark.parametrize("fault", ["gone", "refused", "login"])
async def test_a_submission_that_fails_says_nothing_of_inbound_mail(world: MailWorld, fault: str) -> None:
    keys: dict[str, Any] = {}
    if fault == "gone":
        await world.submission.stop()
        expected = ("unknown", "connect", "submission_failed", "refused")
    elif fault == "refused":
        world.relay_server.judge = lambda _sender, _recipient: "550 5.7.1 no"
        expected = ("unknown", "envelope", "submission_failed", "")
    else:
        world.relay_server.accounts = {"probe": "other"}
        keys = {"submit": world.submit | {"user": "probe", "password": {"file": str(world.folder / "password")}}}
        expected = ("unknown", "auth", "submission_auth_refused", "auth_refused")
    result = await climb(mail_in(world, "account", **keys))
    assert told(result) == expected[:3]
    assert expected[3] in result.detail
    assert result.cause is not None
    assert result.cause.credential is (fault == "login")


async def test_a_submission_that_hangs_says_nothing_of_inbound_mail(world: MailWorld) -> None:
    async with SmtpServer(answers={"BANNER": stays_silent}).listening() as port:
        submit = {"host": "127.0.0.1", "port": port}
        result = await climb(mail_in(world, "account", submit=submit, timeout="300ms"))
    assert told(result) == ("unknown", "greeting", "submission_failed")
    assert "timeout" in result.detail


async def test_accepted_outside_and_not_here_is_a_failure(world: MailWorld) -> None:
    world.inside_mx.lossy = True
    result = await climb(mail_in(world, "account", within="400ms"))
    assert told(result) == ("failed", "delivered", "nothing_arrives")


async def test_a_rejection_by_our_entrance_comes_back_to_the_account(world: MailWorld) -> None:
    world.inside_mx.closed = True
    result = await climb(mail_in(world, "account", witness="witness"))
    assert told(result) == ("failed", "delivered", "rejected")
    assert "5.7.1" in result.detail
    assert counts(result) == {"sent": 1, "bounced": 1}


async def test_an_attachment_that_our_entrance_strips_is_seen(world: MailWorld) -> None:
    class Stripping(Folder):
        def append(self, raw: bytes) -> None:
            Folder.append(self, raw.replace(b"attachment;", b"inline;"))

    world.inside["INBOX"] = stripping = Stripping()
    world.inside_mx.boxes[INSIDE] = stripping
    assert told(await climb(mail_in(world, "account"))) == ("failed", "content", "attachment_stripped")


async def test_an_unreadable_mailbox_leaves_the_accounts_mail_unjudged(world: MailWorld) -> None:
    await world.imap.stop()
    result = await climb(mail_in(world, "account", within="300ms"))
    assert told(result) == ("unknown", "delivered", "mailbox_unreadable")


# from: reflector ---------------------------------------------------------------------------------------------------


async def test_a_reflectors_answer_proves_both_ways(world: MailWorld) -> None:
    result = await climb(mail_in(world, "reflector"))
    assert told(result) == ("ok", "on_time", None)
    assert result.rung == result.of
    assert counts(result) == {"sent": 1, "received": 1}
    assert world.inside["INBOX"].messages == []


async def test_a_silent_reflector_is_unknown(world: MailWorld) -> None:
    world.outside_mx.lossy = True
    probe = mail_in(world, "reflector", within="300ms")
    assert told(await climb(probe)) == ("unknown", "delivered", "no_answer")
    assert any("reflector" in warning for warning in probe.warnings())


async def test_a_bounce_of_the_way_out_is_unknown_for_the_way_in(world: MailWorld) -> None:
    result = await climb(mail_in(world, "reflector", rcpt_to="nobody@outside.example"))
    assert told(result) == ("unknown", "delivered", "no_answer")
    assert "5.1.1" in result.detail


async def test_a_way_out_that_is_shut_is_unknown_for_the_way_in(world: MailWorld) -> None:
    await world.submission.stop()
    assert told(await climb(mail_in(world, "reflector"))) == ("unknown", "connect", "submission_failed")


# settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "keys", "sentence"),
    [
        ("account", {"submit": None}, "needs submit"),
        ("reflector", {"rcpt_to": None}, "needs rcpt_to"),
        ("beacon", {"rcpt_to": INSIDE}, "rcpt_to is not used"),
        ("beacon", {"witness": "inside"}, "witness is the mailbox itself"),
        ("reflector", {"witness": "witness"}, "witness is not used"),
        ("beacon", {"within": "2h"}, "longer than lost_after"),
    ],
)
def test_what_is_wrong_together_is_told(tmp_path: Path, form: str, keys: dict[str, Any], sentence: str) -> None:
    faults = list(mail_in(MailWorld(tmp_path), form, **keys).faults())
    assert len(faults) == 1
    assert sentence in faults[0]


@pytest.mark.parametrize(("form", "in_flight", "rungs"), [("beacon", 1, 5), ("account", 4, 10), ("reflector", 4, 9)])
def test_each_form_has_its_rhythm_and_its_ladder(tmp_path: Path, form: str, in_flight: int, rungs: int) -> None:
    probe = mail_in(MailWorld(tmp_path), form, every="60s", within="3m", timeout="10s")
    assert list(probe.faults()) == []
    assert (probe.patience, probe.in_flight) == (180.0, in_flight)
    assert len(probe.climbs()) == rungs
    assert set(probe.climbs()) <= set(MailIn.LADDER)


def test_every_cause_has_advice_in_both_languages() -> None:
    assert all(cause.advice("fr") and cause.advice("en") for cause in MailIn.CAUSES)


def _now() -> int:
    return int(time.time() * 1000)
