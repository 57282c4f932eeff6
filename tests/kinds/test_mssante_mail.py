"""The deep form of the kind `mssante`: a message handed over between operators, until it is delivered and answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from probes.mssante import MsSante
from retabli.model.result import Outcome
from retabli.model.settings import Mailbox
from simulator.imap import Account, Folder, ImapServer
from simulator.mssante import disposition
from simulator.post import delivery_status
from simulator.serving import Serving
from simulator.smtp import Envelope, SmtpServer
from tests.climbing import climb
from tests.mail_servers import HOST, stays_silent
from tests.mail_servers import SmtpServer as ScriptedServer
from tests.mssante_world import ENVELOPE, Space, space
from tests.net.peers import closed_port
from tests.said import counts, where_and_why


@dataclass
class Partner:
    """A partner's server that does with what it takes as the test says, and the mailboxes on both sides."""

    space: Space
    theirs: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder(), "Junk": Folder()})
    ours: Folder = field(default_factory=Folder)
    into: str | None = "INBOX"
    answers: bool = True
    disposition: bytes = b"processed"
    bounces: bool = False
    kept: list[Envelope] = field(default_factory=list)
    port: int = 0
    imap: int = 0

    async def take(self, envelope: Envelope) -> str:
        self.kept.append(envelope)
        if self.bounces:
            recipient = envelope.recipients[0]
            self.ours.append(delivery_status("mx.partner.test", envelope, recipient, "5.2.2", "552 5.2.2 mailbox full"))
        elif self.into is not None:
            self.theirs[self.into].append(envelope.message)
            notice = disposition("mx.partner.test", envelope, envelope.recipients[0])
            if self.answers and notice is not None:
                self.ours.append(notice.replace(b"; processed", b"; " + self.disposition))
        return "250 2.0.0 Ok: queued as MSS00001"

    def probe(self, port: int | None = None, *, imap: int | None = None, user: str = "theirs", **keys: Any) -> MsSante:
        usual = {**ENVELOPE, "mailbox": user, "bounces": "ours", "key": {"file": str(self.space.folder / "key")}}
        usual |= {"within": "2s", "timeout": "3s"}
        mailboxes = {name: self._mailbox(name, imap or self.imap) for name in ("theirs", "ours", "stranger")}
        return self.space.probe(port or self.port, context={"mailboxes": mailboxes}, **(usual | keys))

    def _mailbox(self, name: str, port: int) -> Mailbox:
        keys = {"name": name, "imap": HOST, "port": port, "user": name, "tls": {"mode": "none"}}
        return Mailbox.model_validate({**keys, "password": {"file": str(self.space.folder / "password")}})


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[Partner]:
    made = Partner(space(tmp_path))
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "key").write_text("the key of these tests\n")
    server = SmtpServer("mx.partner.test", take=made.take, tls=made.space.server_context())
    imap = ImapServer({"theirs": Account("secret", made.theirs), "ours": Account("secret", {"INBOX": made.ours})})
    async with AsyncExitStack() as stack:
        made.port = (await stack.enter_async_context(Serving(server.talk))).port
        made.imap = (await stack.enter_async_context(Serving(imap.talk))).port
        yield made


async def test_a_message_that_arrives_in_time_is_the_whole_ladder(partner: Partner) -> None:
    memory: dict[str, Any] = {}
    result = await climb(partner.probe(), memory=memory)
    assert where_and_why(result) == ("on_time", None)
    assert (result.outcome, result.whole) == (Outcome.OK, True)
    assert [rung.stage.id for rung in result.rungs][-4:] == ["envelope", "accepted", "delivered", "on_time"]
    assert result.rung == result.of == 14
    assert counts(result) == {"sent": 1, "received": 1}
    assert result.properties["queue_id"] == "MSS00001"
    assert not partner.theirs["INBOX"].messages
    assert set(memory) >= {"mail", "white_list"}


async def test_a_disposition_notification_is_the_answer(partner: Partner) -> None:
    result = await climb(partner.probe(mdn=True))
    assert where_and_why(result) == ("on_time", None)
    assert [rung.stage.id for rung in result.rungs][-3:] == ["delivered", "answered", "on_time"]
    assert b"Disposition-Notification-To: sonde@chu.mssante.example" in partner.kept[0].message
    assert not partner.ours.messages, "the notification is removed"
    await climb(partner.probe())
    assert b"Disposition-Notification-To" not in partner.kept[1].message


async def test_a_mailbox_in_which_the_answer_may_lie_unread_leaves_it_unjudged(partner: Partner) -> None:
    """The notification has come, and it is we who cannot read it."""
    result = await climb(partner.probe(mdn=True, within="1s", bounces="stranger"))
    assert (result.outcome, *where_and_why(result)) == (Outcome.UNKNOWN, "answered", "mailbox_auth_refused")


async def test_a_deadline_that_falls_while_an_answer_is_awaited_is_the_mailboxs(partner: Partner) -> None:
    partner.answers = False
    cut = await climb(partner.probe(mdn=True, within="30s"), deadline=2.0)
    assert (cut.outcome, *where_and_why(cut)) == (Outcome.UNKNOWN, "answered", "mailbox_unreadable")


async def test_no_disposition_notification_is_a_fault_of_content(partner: Partner) -> None:
    partner.answers = False
    result = await climb(partner.probe(mdn=True, within="1s"))
    assert where_and_why(result) == ("answered", "no_mdn")
    assert counts(result) == {"sent": 1, "received": 1}


@pytest.mark.parametrize("said", ["deleted", "displayed/error", "denied", "failed"])
async def test_a_notification_that_the_message_was_not_taken_in_is_told(partner: Partner, said: str) -> None:
    partner.disposition = said.encode()
    result = await climb(partner.probe(mdn=True))
    assert where_and_why(result) == ("answered", "mdn_refused")
    assert result.detail == said.partition("/")[0]


async def test_a_mailbox_of_notifications_that_cannot_be_read_says_nothing_of_the_partner(partner: Partner) -> None:
    result = await climb(partner.probe(mdn=True, bounces="stranger", within="1s"))
    assert where_and_why(result) == ("answered", "mailbox_auth_refused")


async def test_the_notification_of_another_message_is_no_answer(partner: Partner) -> None:
    memory: dict[str, Any] = {}
    assert where_and_why(await climb(partner.probe(mdn=True), memory=memory)) == ("on_time", None)
    partner.answers = False
    notice = disposition("mx.partner.test", partner.kept[0], partner.kept[0].recipients[0])
    assert notice is not None
    partner.ours.append(notice)
    result = await climb(partner.probe(mdn=True, within="1s"), memory=memory)
    assert where_and_why(result) == ("answered", "no_mdn")


async def test_a_message_that_does_not_arrive_is_late(partner: Partner) -> None:
    partner.into = None
    result = await climb(partner.probe(within="1s"))
    assert where_and_why(result) == ("delivered", "late")
    assert counts(result) == {"sent": 1}


async def test_an_old_message_that_comes_late_tells_of_something_that_holds_it_back(partner: Partner) -> None:
    memory: dict[str, Any] = {}
    partner.into = None
    await climb(partner.probe(within="1s"), memory=memory)

    async def release_first(envelope: Envelope) -> str:
        # Once this run has looked, and not found it.
        asyncio.get_running_loop().call_later(0.4, partner.theirs["INBOX"].append, partner.kept[0].message)
        return await Partner.take(partner, envelope)

    server = SmtpServer("mx.partner.test", take=release_first, tls=partner.space.server_context())
    async with Serving(server.talk) as holding:
        result = await climb(partner.probe(holding.port, within="1s"), memory=memory)
    assert where_and_why(result) == ("accepted", "relay_holding")
    assert (result.outcome, result.whole) == (Outcome.OK, False)


async def test_a_message_that_comes_back_is_bounced_with_the_partner_s_own_words(partner: Partner) -> None:
    partner.bounces = True
    result = await climb(partner.probe())
    assert where_and_why(result) == ("delivered", "bounced")
    assert "mailbox full" in result.detail
    assert counts(result) == {"sent": 1, "bounced": 1}


async def test_a_message_in_the_junk_folder_is_not_delivered(partner: Partner) -> None:
    partner.into = "Junk"
    assert where_and_why(await climb(partner.probe())) == ("delivered", "in_spam")


async def test_a_mailbox_that_cannot_be_read_leaves_the_arrival_unjudged(partner: Partner) -> None:
    result = await climb(partner.probe(imap=closed_port(), within="1s", bounces=None))
    assert where_and_why(result) == ("delivered", "mailbox_unreadable")
    assert result.outcome is Outcome.UNKNOWN
    result = await climb(partner.probe(user="stranger", within="1s", bounces=None))
    assert where_and_why(result) == ("delivered", "mailbox_auth_refused")
    assert result.outcome is Outcome.UNKNOWN


async def test_what_fails_before_the_message_is_handed_over_sends_none(partner: Partner) -> None:
    partner.space.listed.popitem()
    partner.space.write_list()
    result = await climb(partner.probe())
    assert where_and_why(result) == ("partner", "partner_unlisted")
    assert counts(result) == {}
    assert partner.kept == []


async def test_a_message_that_is_refused_after_its_data_was_never_sent(partner: Partner) -> None:
    async def refuse(_: Envelope) -> str:
        return "554 5.6.0 message refused"

    server = SmtpServer("mx.partner.test", take=refuse, tls=partner.space.server_context())
    async with Serving(server.talk) as refusing:
        result = await climb(partner.probe(refusing.port))
    assert where_and_why(result) == ("accepted", "message_refused")
    assert counts(result) == {}


async def test_a_notification_of_delivery_proves_it_where_no_mailbox_of_theirs_can_be_read(partner: Partner) -> None:
    scripted = ScriptedServer(("8BITMIME", "DSN", "STARTTLS"), context=partner.space.server_context())

    async def deliver(peer: Any) -> None:
        envelope = Envelope(ENVELOPE["mail_from"], (ENVELOPE["rcpt_to"],), scripted.messages[-1])
        notice = delivery_status("mx.partner.test", envelope, ENVELOPE["rcpt_to"], "2.0.0", "250 2.0.0 delivered")
        partner.ours.append(notice.replace(b"Action: failed", b"Action: delivered"))
        await peer.send(b"250 2.0.0 Ok\r\n")

    scripted.after_tls = {"END": deliver}
    async with scripted.listening() as port:
        result = await climb(partner.probe(port, user="ours", bounces=None, delivered_by="dsn"))
    assert where_and_why(result) == ("on_time", None)
    assert counts(result) == {"sent": 1, "received": 1}
    assert any(command.endswith("NOTIFY=SUCCESS,FAILURE,DELAY") for command in scripted.commands)
    assert not partner.ours.messages


async def test_a_notification_that_only_says_relayed_proves_nothing(partner: Partner) -> None:
    scripted = ScriptedServer(("DSN", "STARTTLS"), context=partner.space.server_context())

    async def relay(peer: Any) -> None:
        envelope = Envelope(ENVELOPE["mail_from"], (ENVELOPE["rcpt_to"],), scripted.messages[-1])
        notice = delivery_status("mx.partner.test", envelope, ENVELOPE["rcpt_to"], "2.0.0", "250 passed on")
        partner.ours.append(notice.replace(b"Action: failed", b"Action: relayed"))
        await peer.send(b"250 2.0.0 Ok\r\n")

    scripted.after_tls = {"END": relay}
    async with scripted.listening() as port:
        keys: dict[str, Any] = {"user": "ours", "bounces": None, "delivered_by": "dsn", "within": "1s"}
        result = await climb(partner.probe(port, **keys))
    assert (result.outcome, *where_and_why(result)) == (Outcome.UNKNOWN, "delivered", "only_relayed")
    assert result.properties["notification"].startswith("relayed")


async def test_a_server_without_notifications_cannot_prove_delivery_by_them(partner: Partner) -> None:
    result = await climb(partner.probe(user="ours", bounces=None, delivered_by="dsn"))
    assert where_and_why(result) == ("envelope", "dsn_not_offered")
    assert result.outcome is Outcome.UNKNOWN
    assert partner.kept == []


async def test_a_partner_that_hangs_ends_the_sending_and_no_more(partner: Partner) -> None:
    scripted = ScriptedServer(("STARTTLS",), context=partner.space.server_context())
    scripted.after_tls = {"MAIL": stays_silent}
    async with scripted.listening() as port:
        result = await climb(partner.probe(port, timeout="1s"))
    assert where_and_why(result) == ("envelope", "timeout")
    assert counts(result) == {}


def test_the_deep_form_allows_for_what_it_awaits(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    probe = Partner(space(tmp_path), port=25, imap=993).probe(within="90s", timeout="10s", every="60s")
    assert list(probe.faults()) == []
    assert probe.patience == 90
    assert probe.in_flight == 3
    assert probe.deadline > 90 + 2 * 10 + 6
    assert [place for place in probe.openings() if place[1] == 993] == [(HOST, 993, "tcp")] * 2
    alone = Partner(space(tmp_path), port=25, imap=993).probe(user="ours")
    assert len(alone._mailboxes()) == 1, "one mailbox is read once"
