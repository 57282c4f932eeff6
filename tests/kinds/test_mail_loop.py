"""The kind `mail_loop` over a relay and mailboxes on loopback: each cause reached by a server that really does it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from probes.mail_loop import MailLoop
from retabli.model.result import Outcome
from retabli.net.mail import mail_messages, tokens
from retabli.net.mail.mail_ledger import in_flight
from retabli.net.mail.tokens import HEADER, Purpose
from simulator.imap import Folder
from simulator.post import delivery_status
from simulator.smtp import Envelope
from tests.climbing import climb, settings
from tests.mail_servers import ImapServer, SmtpServer, stays_silent
from tests.mail_world import INSIDE, KEY, OUTSIDE, MailWorld, mail_world
from tests.said import counts, told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MailWorld]:
    async with mail_world(tmp_path) as made:
        yield made


def loop(world: MailWorld, **keys: Any) -> MailLoop:
    given: dict[str, Any] = {
        "submit": world.submit,
        "mail_from": INSIDE,
        "rcpt_to": OUTSIDE,
        "mailbox": "witness",
        "key": world.key,
        "within": "5s",
        "lost_after": "1h",
        "timeout": "3s",
    }
    return settings(MailLoop, context=world.context, **(given | keys))


def stored(folder: Folder) -> list[bytes]:
    return [message.raw for message in folder.messages]


class Held:
    """What the exchanger outside got is kept here until it is released."""

    def __init__(self, world: MailWorld) -> None:
        self.world = world
        self.envelopes: list[Envelope] = []
        self.came = asyncio.Event()
        self.deliver = world.outside_mx.take
        world.exchangers["outside.example"]._talk = self._server()

    def _server(self) -> Any:
        server = self.world.outside_mx.server()
        server.take = self._keep
        return server.talk

    async def _keep(self, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        self.came.set()
        return "250 2.0.0 Ok"

    async def release(self) -> None:
        for envelope in self.envelopes:
            await self.deliver(envelope)
        self.envelopes.clear()


async def test_a_mail_that_arrives_climbs_the_whole_ladder(world: MailWorld) -> None:
    memory: dict[str, Any] = {}
    result = await climb(loop(world), memory=memory)
    assert told(result) == ("ok", "on_time", None)
    assert [rung.stage.id for rung in result.rungs] == [
        *("resolve", "connect", "greeting", "ehlo", "envelope", "accepted", "delivered", "clean", "on_time")
    ]
    assert result.rung == result.of
    assert result.whole
    assert counts(result) == {"sent": 1, "received": 1}
    assert len(result.roundtrips) == 1
    assert result.roundtrips[0] < 2
    assert result.properties["authentication"] == "spf=pass dkim=pass dmarc=pass"
    assert result.properties["queue_id"].startswith("SIM")
    assert in_flight(memory) == 0


async def test_its_own_message_is_removed_and_no_other(world: MailWorld) -> None:
    world.witness["INBOX"].append(b"Subject: somebody's\r\n\r\nleave me")
    await climb(loop(world))
    assert stored(world.witness["INBOX"]) == [b"Subject: somebody's\r\n\r\nleave me"]


async def test_the_memory_can_be_kept_as_json_and_numbers_go_on(world: MailWorld) -> None:
    memory: dict[str, Any] = {}
    await climb(loop(world), memory=memory)
    memory = json.loads(json.dumps(memory))
    series = memory["mail"]["series"]
    await climb(loop(world), memory=memory)
    assert memory["mail"]["next"] == 3
    assert memory["mail"]["series"] == series


async def test_a_failing_send_is_a_failing_probe_and_sends_nothing(world: MailWorld) -> None:
    await world.submission.stop()
    memory: dict[str, Any] = {}
    result = await climb(loop(world), memory=memory)
    assert told(result) == ("failed", "connect", "refused")
    assert counts(result) == {}
    assert in_flight(memory) == 0


async def test_a_refused_recipient_is_a_failing_probe_and_its_number_is_given_again(world: MailWorld) -> None:
    world.relay_server.judge = lambda _sender, _recipient: "550 5.1.1 User unknown"
    memory: dict[str, Any] = {}
    result = await climb(loop(world), memory=memory)
    assert told(result) == ("failed", "envelope", "unknown_recipient")
    assert (counts(result), memory["mail"]["next"]) == ({}, 1)


async def test_a_refused_message_was_never_sent(world: MailWorld) -> None:
    async def refuse(_: Envelope) -> str:
        return "554 5.7.1 message content rejected"

    world.relay_server.take = refuse
    memory: dict[str, Any] = {}
    result = await climb(loop(world), memory=memory)
    assert (result.outcome, result.stage and result.stage.id) == (Outcome.FAILED, "accepted")
    assert (counts(result), in_flight(memory)) == ({}, 0)


async def test_a_silent_relay_is_a_timeout_on_its_rung_and_ends_with_the_timeout(world: MailWorld) -> None:
    world.relay_server.silent = True
    result = await climb(loop(world, timeout="300ms", within="30s"))
    assert told(result) == ("failed", "greeting", "timeout")
    assert result.seconds < 3


async def test_a_server_slow_to_say_goodbye_does_not_unsend_the_message(world: MailWorld) -> None:
    async with SmtpServer(answers={"QUIT": stays_silent}).listening() as port:
        submit = {"host": "127.0.0.1", "port": port}
        result = await climb(loop(world, submit=submit, timeout="300ms", within="800ms"))
    assert told(result) == ("failed", "delivered", "late")
    assert counts(result) == {"sent": 1}


async def test_an_old_arrival_does_not_stay_green_when_the_send_fails(world: MailWorld) -> None:
    memory: dict[str, Any] = {}
    assert (await climb(loop(world), memory=memory)).outcome is Outcome.OK
    await world.submission.stop()
    assert (await climb(loop(world), memory=memory)).outcome is Outcome.FAILED


async def test_a_mail_that_does_not_come_is_late_at_within(world: MailWorld) -> None:
    world.outside_mx.lossy = True
    memory: dict[str, Any] = {}
    result = await climb(loop(world, within="600ms"), memory=memory)
    assert told(result) == ("failed", "delivered", "late")
    assert 0.6 <= result.seconds < 3
    assert counts(result) == {"sent": 1}
    assert in_flight(memory) == 1
    assert result.properties["in_flight"] == "1"
    assert [rung.stage.id for rung in result.rungs if rung.cause is None][-1] == "accepted"


async def test_a_token_that_never_came_is_lost_after_lost_after(world: MailWorld) -> None:
    world.outside_mx.lossy = True
    probe = loop(world, within="300ms", lost_after="500ms")
    memory: dict[str, Any] = {}
    await climb(probe, memory=memory)
    result = await climb(probe, memory=memory)
    assert counts(result) == {"sent": 1, "lost": 1}
    assert in_flight(memory) == 1


async def test_an_older_mail_that_comes_late_shows_a_relay_that_holds_and_proves_nothing(world: MailWorld) -> None:
    held = Held(world)
    probe = loop(world, within="700ms")
    memory: dict[str, Any] = {}
    assert told(await climb(probe, memory=memory)) == ("failed", "delivered", "late")
    old = list(held.envelopes)
    held.came.clear()
    second = asyncio.create_task(climb(probe, memory=memory))
    await held.came.wait()
    await asyncio.sleep(0.2)  # a look after the present one was sent and before the old one comes
    for envelope in old:
        await held.deliver(envelope)
    result = await second
    assert told(result) == ("ok", "accepted", "relay_holding")
    assert not result.whole
    assert result.cause is not None
    assert not result.cause.proves
    assert counts(result) == {"sent": 1, "late": 1}
    assert result.rung < result.of


async def test_runs_that_overlap_share_one_memory_and_each_token_ends_once(world: MailWorld) -> None:
    held = Held(world)
    memory: dict[str, Any] = {}
    runs = [asyncio.create_task(climb(loop(world), memory=memory)) for _ in range(4)]
    while len(held.envelopes) < 4:
        await asyncio.sleep(0.01)
    assert in_flight(memory) == 4
    await held.release()
    results = await asyncio.gather(*runs)
    assert [result.outcome for result in results] == [Outcome.OK] * 4
    assert [counts(result) for result in results] == [{"sent": 1, "received": 1}] * 4
    assert stored(world.witness["INBOX"]) == []
    assert in_flight(memory) == 0


async def test_a_mail_that_comes_twice_is_a_duplicate(world: MailWorld) -> None:
    held = Held(world)
    memory: dict[str, Any] = {}
    run = asyncio.create_task(climb(loop(world), memory=memory))
    await held.came.wait()
    again = list(held.envelopes)
    await held.release()
    result = await run
    assert told(result) == ("ok", "on_time", None)
    await held.deliver(again[0])
    world.exchangers["outside.example"]._talk = world.outside_mx.server().talk
    later = await climb(loop(world), memory=memory)
    assert counts(later) == {"sent": 1, "received": 1, "duplicate": 1}
    assert stored(world.witness["INBOX"]) == []


async def test_a_forged_token_is_counted_once_left_alone_and_no_arrival(world: MailWorld) -> None:
    world.outside_mx.lossy = True
    forged = tokens.sign(b"another key", Purpose.LOOP, tokens.new_series(), 1, 1_688_371_200_000)
    world.witness["INBOX"].append(mail_messages.compose(forged, INSIDE, OUTSIDE))
    memory: dict[str, Any] = {}
    probe = loop(world, within="300ms")
    first = await climb(probe, memory=memory)
    second = await climb(probe, memory=memory)
    assert told(first) == ("failed", "delivered", "late")
    assert (counts(first), counts(second)) == ({"sent": 1, "forged": 1}, {"sent": 1})
    assert len(stored(world.witness["INBOX"])) == 1


async def test_a_token_quoted_in_somebody_elses_mail_is_no_arrival_and_is_left_alone(world: MailWorld) -> None:
    held = Held(world)
    memory: dict[str, Any] = {}
    run = asyncio.create_task(climb(loop(world, within="500ms"), memory=memory))
    await held.came.wait()
    found = re.search(rb"v1\.[0-9a-f.]+", held.envelopes[0].message)
    assert found is not None
    text = found[0].decode()
    reply = f"Subject: Re: [Retabli probe] {text}\r\nIn-Reply-To: <{text}@chu.example>\r\n\r\nWhat is this? {text}"
    copied = f"{HEADER}: {text}\r\nReferences: <{text}@chu.example>\r\nSubject: Fwd\r\n\r\nmine"
    for message in (reply, copied):
        world.witness["INBOX"].append(message.encode())
    assert told(await run) == ("failed", "delivered", "late")
    assert len(stored(world.witness["INBOX"])) == 2


async def test_another_units_tokens_are_left_alone(world: MailWorld) -> None:
    others = [
        tokens.sign(KEY, purpose, tokens.new_series(), 1, 4_102_444_800_000)
        for purpose in (Purpose.LOOP, Purpose.BEACON)
    ]
    for token in others:
        world.witness["INBOX"].append(mail_messages.compose(token, INSIDE, OUTSIDE))
    result = await climb(loop(world))
    assert counts(result) == {"sent": 1, "received": 1}
    assert len(stored(world.witness["INBOX"])) == 2


async def test_what_nobody_awaits_any_more_is_cleared_away_by_its_signature(world: MailWorld) -> None:
    old = tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 1, 1_688_371_200_000)
    forged = tokens.sign(b"another key", Purpose.LOOP, tokens.new_series(), 1, 1_688_371_200_000)
    inbox = world.witness["INBOX"]
    for token in (old, forged, old):
        inbox.append(mail_messages.compose(token, INSIDE, OUTSIDE))
    for message in inbox.messages[:2]:
        message.internal_date = "Mon, 03 Jul 2023 10:00:00 +0000"
    await climb(loop(world))
    left = [message.uid for message in inbox.messages]
    assert left == [2, 3]  # not the forged one, nor the one that came just now


async def test_a_mail_in_the_junk_folder_is_in_spam(world: MailWorld) -> None:
    world.outside_mx.boxes[OUTSIDE] = world.witness["Junk"]
    result = await climb(loop(world))
    assert told(result) == ("failed", "clean", "in_spam")
    assert counts(result) == {"sent": 1, "received": 1}
    assert stored(world.witness["Junk"]) == []


@pytest.mark.parametrize(
    ("findings", "keys", "outcome"),
    [
        ("spf=fail; dkim=fail; dmarc=fail", {}, ("failed", "clean", "dmarc_fail")),
        ("spf=fail; dkim=none", {}, ("ok", "on_time", "spf_fail")),
        ("spf=pass; dkim=fail", {}, ("ok", "on_time", "dkim_fail")),
        ("spf=softfail; dkim=pass; dmarc=pass", {}, ("ok", "on_time", None)),
        ("spf=pass", {"expect_authenticated": ["spf", "dkim"]}, ("failed", "clean", "not_authenticated")),
        ("spf=pass; dkim=pass", {"expect_authenticated": ["spf", "dkim"]}, ("ok", "on_time", None)),
    ],
)
async def test_what_the_receiving_server_found_is_judged(
    world: MailWorld, findings: str, keys: dict[str, Any], outcome: tuple[str, str, str | None]
) -> None:
    held = Held(world)
    run = asyncio.create_task(climb(loop(world, **keys)))
    await held.came.wait()
    head = f"Authentication-Results: mx.outside.example; {findings}\r\nAuthentication-Results: forged; dmarc=pass\r\n"
    world.witness["INBOX"].append(head.encode() + held.envelopes[0].message)
    result = await run
    assert told(result) == outcome
    assert result.whole is (outcome[2] is None)


async def test_a_server_that_says_nothing_is_not_judged_unless_something_is_expected(world: MailWorld) -> None:
    held = Held(world)
    for keys, outcome in (({}, "ok"), ({"expect_authenticated": ["dmarc"]}, "failed")):
        held.came.clear()
        run = asyncio.create_task(climb(loop(world, **keys)))
        await held.came.wait()
        world.witness["INBOX"].append(held.envelopes.pop().message)
        assert (await run).outcome == outcome


async def test_a_bounce_ends_the_run_with_its_status_and_words(world: MailWorld) -> None:
    result = await climb(loop(world, rcpt_to="nobody@outside.example", bounces="inside"))
    assert told(result) == ("failed", "delivered", "bounced")
    assert result.detail.startswith("5.1.1 unknown recipient: 550 5.1.1")
    assert counts(result) == {"sent": 1, "bounced": 1}
    assert result.seconds < 3
    assert stored(world.inside["INBOX"]) == []


async def test_a_refusal_by_policy_comes_back_as_the_partners_own_explanation(world: MailWorld) -> None:
    world.outside_mx.closed = True
    result = await climb(loop(world, bounces="inside"))
    assert told(result) == ("failed", "delivered", "bounced")
    assert "5.7.1" in result.detail
    assert "Refused by policy" in result.detail


async def test_a_bounce_that_comes_after_the_run_ends_the_token_as_bounced(world: MailWorld) -> None:
    held = Held(world)
    memory: dict[str, Any] = {}
    probe = loop(world, within="400ms", bounces="inside")
    await climb(probe, memory=memory)
    notice = delivery_status("mx", held.envelopes[0], OUTSIDE, "5.4.7", "delivery time expired")
    world.inside["INBOX"].append(notice)
    result = await climb(probe, memory=memory)
    assert counts(result) == {"sent": 1, "bounced": 1}


async def test_somebody_elses_bounces_are_left_alone(world: MailWorld) -> None:
    other = Envelope(INSIDE, (OUTSIDE,), b"Message-ID: <other@chu.example>\r\nSubject: x\r\n\r\nx")
    for _ in range(30):
        world.inside["INBOX"].append(delivery_status("mx", other, OUTSIDE, "5.1.1", "unknown"))
    result = await climb(loop(world, bounces="inside"))
    assert told(result) == ("ok", "on_time", None)
    assert len(stored(world.inside["INBOX"])) == 30


async def test_a_delay_that_a_server_reports_is_no_bounce_and_is_told(world: MailWorld) -> None:
    held = Held(world)
    run = asyncio.create_task(climb(loop(world, within="600ms", bounces="inside")))
    await held.came.wait()
    notice = delivery_status("mx", held.envelopes[0], OUTSIDE, "4.4.1", "no answer from host")
    world.inside["INBOX"].append(notice.replace(b"Action: failed", b"Action: delayed"))
    result = await run
    assert told(result) == ("failed", "delivered", "late")
    assert "4.4.1" in result.detail


# A mailbox that cannot be read never looks like lost mail, and never hides the sending -----------------------------


async def test_a_mailbox_that_is_down_leaves_the_arrival_unjudged(world: MailWorld) -> None:
    await world.imap.stop()
    memory: dict[str, Any] = {}
    result = await climb(loop(world, within="400ms", lost_after="400ms"), memory=memory)
    assert told(result) == ("unknown", "delivered", "mailbox_unreadable")
    assert "refused" in result.detail
    assert [rung.stage.id for rung in result.rungs if rung.cause is None][-1] == "accepted"
    again = await climb(loop(world, within="400ms", lost_after="400ms"), memory=memory)
    assert "lost" not in counts(again)


async def test_a_mailbox_that_hangs_leaves_the_arrival_unjudged(world: MailWorld) -> None:
    async with ImapServer(answers={"SELECT": stays_silent}, accounts={"witness": "secret"}).listening() as port:
        result = await climb(loop(world, mailbox=world.mailbox("witness", port=port), timeout="400ms", within="300ms"))
    assert told(result) == ("unknown", "delivered", "mailbox_unreadable")


async def test_a_deadline_that_falls_while_an_arrival_is_awaited_says_nothing_of_the_mail(world: MailWorld) -> None:
    async with ImapServer(answers={"SELECT": stays_silent}, accounts={"witness": "secret"}).listening() as port:
        cut = await climb(loop(world, mailbox=world.mailbox("witness", port=port)), deadline=0.5)
    assert told(cut) == ("unknown", "delivered", "mailbox_unreadable")
    assert cut.detail == "the deadline came first"


async def test_a_refused_mailbox_login_leaves_the_arrival_unjudged_and_is_not_repeated(world: MailWorld) -> None:
    wrong = {"file": str(world.folder / "wrong")}
    server = ImapServer(accounts={"witness": "secret"})
    async with server.listening() as port:
        probe = loop(world, mailbox=world.mailbox("witness", port=port, password=wrong), within="5s")
        memory: dict[str, Any] = {}
        first = await climb(probe, memory=memory)
        second = await climb(probe, memory=memory)
    assert told(first) == told(second) == ("unknown", "delivered", "mailbox_auth_refused")
    assert sum(command.startswith("AUTHENTICATE") for command in server.commands) == 1
    assert first.seconds < 3
    assert not (first.cause and first.cause.credential), "the sending goes on at its rhythm"


async def test_a_changed_password_lifts_the_wait_after_a_refusal(world: MailWorld) -> None:
    wrong = {"file": str(world.folder / "wrong")}
    probe = loop(world, mailbox=world.mailbox("witness", password=wrong))
    memory: dict[str, Any] = {}
    assert told(await climb(probe, memory=memory))[2] == "mailbox_auth_refused"
    (world.folder / "wrong").write_bytes(b"secret")
    assert told(await climb(probe, memory=memory)) == ("ok", "on_time", None)


async def test_a_missing_folder_leaves_the_arrival_unjudged_and_a_missing_junk_folder_does_not(
    world: MailWorld,
) -> None:
    gone = loop(world, mailbox=world.mailbox("witness", folder="Probes"), within="300ms")
    assert told(await climb(gone)) == ("unknown", "delivered", "mailbox_unreadable")
    del world.witness["Junk"]
    assert told(await climb(loop(world))) == ("ok", "on_time", None)


async def test_a_failing_send_is_not_hidden_by_a_mailbox_that_cannot_be_read(world: MailWorld) -> None:
    await world.imap.stop()
    await world.submission.stop()
    assert told(await climb(loop(world))) == ("failed", "connect", "refused")


async def test_a_mailbox_that_comes_back_during_the_run_is_read(world: MailWorld, monkeypatch: Any) -> None:
    monkeypatch.setattr("retabli.net.mail.round_trip.LOGIN_AGAIN", 0.1)
    await world.imap.stop()
    run = asyncio.create_task(climb(loop(world)))
    await asyncio.sleep(0.3)
    await world.imap.open()
    assert told(await run) == ("ok", "on_time", None)


async def test_a_conversation_that_breaks_while_it_waits_is_begun_anew(world: MailWorld, monkeypatch: Any) -> None:
    monkeypatch.setattr("retabli.net.mail.round_trip.LOGIN_AGAIN", 0.1)
    held = Held(world)
    run = asyncio.create_task(climb(loop(world)))
    await held.came.wait()
    await asyncio.sleep(0.3)
    await world.imap.stop()
    await world.imap.open()
    await held.release()
    assert told(await run) == ("ok", "on_time", None)


async def test_a_mailbox_full_of_other_messages_is_read_within_bounds_and_that_is_told(world: MailWorld) -> None:
    for number in range(600):
        world.witness["INBOX"].append(b"Subject: %d\r\n\r\nx" % number)
    memory: dict[str, Any] = {}
    result = await climb(loop(world), memory=memory)
    assert told(result) == ("ok", "on_time", None)
    assert result.properties["passed_over"] == "400"
    assert len(json.dumps(memory)) < 5000


async def test_a_flood_of_others_messages_does_not_hide_our_own(world: MailWorld) -> None:
    held = Held(world)
    memory: dict[str, Any] = {}
    world.witness["INBOX"].append(b"Subject: before\r\n\r\nx")
    run = asyncio.create_task(climb(loop(world), memory=memory))
    await held.came.wait()
    await held.release()
    for number in range(300):
        world.witness["INBOX"].append(b"Subject: Undeliverable %d\r\n\r\nx" % number)
    assert told(await run) == ("ok", "on_time", None)


async def test_hostile_messages_are_passed_over(world: MailWorld) -> None:
    hostile = [
        f"{HEADER}: ".encode() + b"v1." * 200_000 + b"\r\n\r\n",
        f"{HEADER}:\r\n =?utf-8?b?////?=\r\nSubject: \x00\xff\xfe\r\n\r\n".encode("latin-1"),
        b"Content-Type: multipart/report; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: multipart/mixed\r\n\r\n" * 3000,
        b"\r\n\r\n",
        b"X" * 100_000,
    ]
    for message in hostile:
        world.witness["INBOX"].append(message)
    assert told(await climb(loop(world))) == ("ok", "on_time", None)
    assert len(stored(world.witness["INBOX"])) == len(hostile)


async def test_a_cancelled_run_leaves_its_token_to_the_next(world: MailWorld) -> None:
    held = Held(world)
    memory: dict[str, Any] = {}
    run = asyncio.create_task(climb(loop(world, within="20s"), memory=memory))
    await held.came.wait()
    await asyncio.sleep(0.2)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert in_flight(memory) == 1
    await held.release()
    world.exchangers["outside.example"]._talk = world.outside_mx.server().talk
    result = await climb(loop(world), memory=memory)
    assert counts(result) == {"sent": 1, "received": 2}
    assert in_flight(memory) == 0


def test_its_rhythm_and_patience_follow_from_its_settings(tmp_path: Path) -> None:
    world = MailWorld(tmp_path)
    probe = loop(world, every="60s", within="90s", timeout="10s")
    assert (probe.patience, probe.in_flight) == (90.0, 3)
    assert probe.deadline > 110
    assert list(probe.faults()) == []


def test_what_is_wrong_together_is_told(tmp_path: Path) -> None:
    world = MailWorld(tmp_path)
    faults = list(loop(world, within="2h", timeout="2m", every="1m").faults())
    assert len(faults) == 2
    assert any("lost_after" in fault for fault in faults)


def test_it_names_the_openings_it_needs(tmp_path: Path) -> None:
    world = MailWorld(tmp_path)
    assert list(loop(world, bounces="inside").openings()) == [
        ("127.0.0.1", 25, "tcp"),
        ("127.0.0.1", 993, "tcp"),
        ("127.0.0.1", 993, "tcp"),
    ]


def test_every_cause_of_an_arrival_has_advice_in_both_languages() -> None:
    for cause in MailLoop.CAUSES:
        assert cause.advice("fr")
        assert cause.advice("en")
