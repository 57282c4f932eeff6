"""The kind `apicrypt`: each cause by a trust server and a maildrop on loopback that really do it."""

import asyncio
import json
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import retabli.net.mail
from probes.apicrypt import Apicrypt
from retabli.model.result import Outcome, Result
from retabli.net.mail import pop, tokens
from retabli.net.mail.mail_ledger import in_flight
from retabli.net.mail.maildrop_reader import NEWEST
from retabli.net.mail.tokens import Purpose
from simulator.imap import Account, Folder
from simulator.pop import PopServer as SimulatedPop
from simulator.post import delivery_status
from simulator.serving import Serving
from simulator.smtp import Envelope
from simulator.smtp import SmtpServer as SimulatedSmtp
from tests.climbing import climb, settings
from tests.mail_servers import (
    Answer,
    Peer,
    after,
    answers_in_clear,
    closes,
    drips_a_reply,
    floods_one_line,
    server_context,
    stays_silent,
    trusting,
)
from tests.net.peers import closed_port
from tests.pop_server import NOTE, PopServer
from tests.said import counts, told

FROM, TO = "probe@chu.example", "probe@trust.example"
KEY = b"the key of these tests"
SENDING = ["resolve", "connect", "greeting", "ehlo", "auth", "envelope", "accepted"]
READING = ["pop_connect", "pop_greeting", "pop_auth", "pop_stat", "delivered", "on_time"]


@dataclass
class Trust:
    """A trust server: what is handed over lands in the maildrop, as POP's server of the test shows it."""

    folder: Path
    server: PopServer = field(default_factory=PopServer)
    inbox: Folder = field(default_factory=Folder)
    held: list[Envelope] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    holds: bool = False
    copies: int = 1
    pop_port: int = 0

    def __post_init__(self) -> None:
        for name, content in (("key", KEY), ("password", b"secret\n"), ("wrong", b"guess\n")):
            (self.folder / name).write_bytes(content)
        self.smtp = SimulatedSmtp("trust.example", self._take, accounts={"probe": "secret"})
        self.submission = Serving(self.smtp.talk)

    async def _take(self, envelope: Envelope) -> str:
        if self.holds:
            self.held.append(envelope)
        else:
            for _ in range(self.copies):
                self.deliver(envelope.message)
        self.came.set()
        return "250 2.0.0 Ok: queued as 4F1A2B3C"

    def deliver(self, message: bytes) -> None:
        self.inbox.append(message)
        stored = self.inbox.messages[-1]
        self.server.messages[f"uid{stored.uid}"] = stored.raw

    def secret(self, name: str = "password") -> dict[str, str]:
        return {"file": str(self.folder / name)}

    def account(self, port: int, password: str = "password", **more: Any) -> dict[str, Any]:  # noqa: S107 - a file's name
        given = {"host": "127.0.0.1", "port": port, "tls": {"mode": "none"}, "user": "probe"}
        return given | {"password": self.secret(password)} | more

    def probe(self, **keys: Any) -> Apicrypt:
        given: dict[str, Any] = {
            "submit": self.account(self.submission.port or closed_port()),
            "mail_from": FROM,
            "rcpt_to": TO,
            "key": self.secret("key"),
            "pop": self.account(self.pop_port or closed_port()),
            "within": "5s",
            "timeout": "3s",
        }
        return settings(Apicrypt, **(given | keys))

    @asynccontextmanager
    async def listening(self, server: PopServer | None = None) -> AsyncIterator[None]:
        if server is not None:
            server.messages = self.server.messages
            self.server = server
        async with self.server.listening() as self.pop_port:
            yield


@pytest.fixture
async def trust(tmp_path: Path) -> AsyncIterator[Trust]:
    made = Trust(tmp_path)
    async with made.submission:
        yield made


def rungs(result: Result) -> list[str]:
    return [rung.stage.id for rung in result.rungs]


# What holds ---------------------------------------------------------------------------------------------------------


async def test_a_mail_that_comes_back_climbs_the_whole_ladder_and_stays_where_it_is(trust: Trust) -> None:
    server = SimulatedPop({"probe": Account("secret", {"INBOX": trust.inbox})})
    trust.inbox.append(NOTE)
    memory: dict[str, Any] = {}
    async with Serving(server.talk) as serving:
        trust.pop_port = serving.port
        result = await climb(trust.probe(), memory=memory)
    assert told(result) == ("ok", "on_time", None)
    assert rungs(result) == [*SENDING, *READING] == [stage.id for stage in trust.probe().climbs()]
    assert result.rung == result.of
    assert result.whole
    assert counts(result) == {"sent": 1, "received": 1}
    assert result.properties["encryption"] == "not verified"
    assert result.properties["messages"] == "2"
    assert in_flight(memory) == 0
    assert len(trust.inbox.messages) == 2
    assert server.commands == {"CAPA", "AUTH", "STAT", "UIDL", "TOP", "QUIT"}
    assert server.inside == set()


async def test_without_pop_acceptance_is_all_that_is_proven(trust: Trust) -> None:
    memory: dict[str, Any] = {}
    probe = trust.probe(pop=None)
    result = await climb(probe, memory=memory)
    assert told(result) == ("ok", "accepted", None)
    assert rungs(result) == SENDING == [stage.id for stage in probe.climbs()]
    assert counts(result) == {"sent": 1}
    assert in_flight(memory) == 0
    assert probe.deadline < 7
    assert result.properties["encryption"] == "not verified"
    assert any("does not prove that it arrives" in warning for warning in probe.warnings())


async def test_the_message_does_not_claim_to_be_deleted(trust: Trust) -> None:
    await climb(trust.probe(pop=None))
    text = trust.inbox.messages[0].raw.decode()
    assert "[Retabli probe]" in text
    assert "deleted" not in text
    assert "effac" not in text


async def test_a_message_is_looked_at_once_in_its_life(trust: Trust) -> None:
    memory: dict[str, Any] = {}
    for _ in range(3):
        trust.deliver(NOTE)
    async with trust.listening():
        for _ in range(2):
            result = await climb(trust.probe(), memory=memory)
            assert told(result) == ("ok", "on_time", None)
            memory = json.loads(json.dumps(memory))
    tops = [command for command in trust.server.commands if command.startswith("TOP")]
    assert sorted(tops) == [f"TOP {number} 0" for number in range(1, 6)]
    assert tops[0] == "TOP 4 0"  # the newest first
    assert not any(command.startswith(("DELE", "RETR", "RSET")) for command in trust.server.commands)


def test_there_is_no_command_that_deletes() -> None:
    folder = Path(retabli.net.mail.__path__[0])
    sources = [Path(pop.__file__), *folder.glob("pop_*.py"), *folder.glob("maildrop_*.py")]
    assert len(sources) > 4
    assert not any(re.search(rb"\bDELE\b", path.read_bytes()) for path in sources)


async def test_what_retention_took_away_is_forgotten(trust: Trust) -> None:
    memory: dict[str, Any] = {}
    for _ in range(20):
        trust.deliver(NOTE)
    async with trust.listening():
        await climb(trust.probe(), memory=memory)
        long = len(memory["maildrop"]["seen"])
        trust.server.messages.clear()
        assert told(await climb(trust.probe(), memory=memory))[0] == "ok"
    assert len(memory["maildrop"]["seen"]) < long / 5


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
async def test_the_maildrop_is_entered_over_tls(trust: Trust, mode: str) -> None:
    tls = trusting(trust.folder, mode)
    async with trust.listening(PopServer(implicit=mode == "implicit")):
        probe = trust.probe(pop=trust.account(trust.pop_port, tls=tls))
        result = await climb(probe)
    assert told(result) == ("ok", "on_time", None)
    assert rungs(result) == [stage.id for stage in probe.climbs()]
    assert "pop_tls" in rungs(result)
    first = [command.split(" ")[0] for command in trust.server.commands][:4]
    assert first[:4] == (["CAPA", "AUTH", "STAT", "UIDL"] if mode == "implicit" else ["CAPA", "STLS", "CAPA", "AUTH"])


@pytest.mark.parametrize(
    ("offers", "commands"),
    [
        ("TOP UIDL USER", ["CAPA", "USER probe", "PASS secret"]),
        ("UIDL SASL_LOGIN USER", ["CAPA", "USER probe", "PASS secret"]),
        (None, ["CAPA", "USER probe", "PASS secret"]),
        ("TOP UIDL SASL_PLAIN", ["CAPA", "AUTH PLAIN AHByb2JlAHNlY3JldA=="]),
    ],
)
async def test_one_login_as_the_server_offers_it(trust: Trust, offers: str | None, commands: list[str]) -> None:
    async with trust.listening(PopServer(offers=offers)):
        assert told(await climb(trust.probe())) == ("ok", "on_time", None)
    assert trust.server.commands[: len(commands)] == commands
    reads = {command.split(" ")[0] for command in trust.server.commands} & {"TOP", "RETR"}
    assert reads == ({"RETR"} if offers is not None and "TOP" not in offers else {"TOP"})


async def test_a_long_password_is_sent_after_the_command(trust: Trust) -> None:
    (trust.folder / "password").write_text("s" * 300)
    trust.smtp.accounts["probe"] = "s" * 300
    async with trust.listening(PopServer(accounts={"probe": "s" * 300})):
        assert told(await climb(trust.probe()))[0] == "ok"
    assert "AUTH PLAIN" in trust.server.commands


# Sending ------------------------------------------------------------------------------------------------------------


async def test_a_password_that_the_trust_server_refuses(trust: Trust) -> None:
    async with trust.listening():
        result = await climb(trust.probe(submit=trust.account(trust.submission.port, "wrong")))
    assert told(result) == ("failed", "auth", "auth_refused")
    assert result.cause is not None
    assert result.cause.credential
    assert counts(result) == {}
    assert trust.server.commands == []


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ("554 5.7.1 <probe@trust.example>: Relay access denied", "relay_denied"),
        ("550 5.1.1 <probe@trust.example>: User unknown", "unknown_recipient"),
        ("553 5.7.1 Sender address rejected: not owned by user probe", "sender_refused"),
    ],
)
async def test_an_envelope_that_the_trust_server_refuses(trust: Trust, reply: str, cause: str) -> None:
    trust.smtp.judge = lambda _sender, _recipient: reply
    async with trust.listening():
        assert told(await climb(trust.probe())) == ("failed", "envelope", cause)


async def test_a_maildrop_that_is_down_never_hides_a_send_that_fails(trust: Trust) -> None:
    trust.pop_port = closed_port()
    await trust.submission.stop()
    assert told(await climb(trust.probe())) == ("failed", "connect", "refused")


# The maildrop that cannot be read -----------------------------------------------------------------------------------

ERR = b"-ERR [%s] sorry\r\n"


@pytest.mark.parametrize(
    ("server", "stage", "cause", "detail"),
    [
        (PopServer(greeting=closes), "pop_greeting", "mailbox_unreadable", "no_banner"),
        (PopServer(greeting=stays_silent), "pop_greeting", "mailbox_unreadable", "timeout"),
        (PopServer(greeting=drips_a_reply), "pop_greeting", "not_pop", "220-wait"),
        (PopServer(greeting=floods_one_line), "pop_greeting", "not_pop", "more than 4096 bytes"),
        (PopServer(greeting=b"* OK IMAP4rev1 ready\r\n"), "pop_greeting", "not_pop", "IMAP4rev1"),
        (PopServer(greeting=b"+OKAY\r\n"), "pop_greeting", "not_pop", "+OKAY"),
        (PopServer(greeting=b"-ERR go away\r\n"), "pop_greeting", "pop_turned_away", "go away"),
        (PopServer(greeting=b"-ERR [SYS/TEMP] soon\r\n"), "pop_greeting", "pop_unavailable", "soon"),
        (PopServer(greeting=after(b"+OK", closes)), "pop_greeting", "mailbox_unreadable", "closed_early"),
        (PopServer(answers={"CAPA": closes}), "pop_greeting", "mailbox_unreadable", "closed_early"),
        (PopServer(answers={"CAPA": b"what?\r\n"}), "pop_greeting", "not_pop", "what?"),
        (PopServer(offers="TOP UIDL SASL_GSSAPI"), "pop_auth", "pop_login_disabled", "SASL"),
        (PopServer(accounts={}), "pop_auth", "mailbox_auth_refused", "[AUTH] no"),
        (PopServer(answers={"AUTH": b"-ERR no\r\n"}), "pop_auth", "mailbox_auth_refused", "no"),
        (PopServer(answers={"AUTH": b"-ERR account is locked\r\n"}), "pop_auth", "mailbox_auth_refused", "locked"),
        (PopServer(answers={"AUTH": ERR % b"IN-USE"}), "pop_auth", "maildrop_locked", "[IN-USE] sorry"),
        (PopServer(answers={"AUTH": b"-ERR maildrop already locked\r\n"}), "pop_auth", "maildrop_locked", "already"),
        (PopServer(answers={"STAT": ERR % b"in-use"}), "pop_stat", "maildrop_locked", "STAT"),
        (PopServer(answers={"AUTH": ERR % b"LOGIN-DELAY"}), "pop_auth", "pop_login_delayed", "LOGIN-DELAY"),
        (PopServer(answers={"AUTH": ERR % b"SYS/TEMP"}), "pop_auth", "pop_unavailable", "SYS/TEMP"),
        (PopServer(answers={"AUTH": ERR % b"SYS/PERM"}), "pop_auth", "pop_broken", "SYS/PERM"),
        (PopServer(offers=None, answers={"USER": b"-ERR\r\n"}), "pop_auth", "mailbox_auth_refused", "auth_refused"),
        (PopServer(offers=None, answers={"PASS": closes}), "pop_auth", "mailbox_unreadable", "closed_early"),
        (PopServer(answers={"STAT": b"+OK many\r\n"}), "pop_stat", "mailbox_unreadable", "garbage: STAT: many"),
        (PopServer(answers={"STAT": b"+OK 5001 9\r\n"}), "pop_stat", "maildrop_overfull", "5001 messages"),
        (PopServer(answers={"STAT": b"+OK 3000000 9\r\n"}), "pop_stat", "maildrop_overfull", "3000000"),
        (PopServer(answers={"UIDL": b"-ERR unknown command\r\n"}), "pop_stat", "pop_refused", "UIDL: unknown"),
        (PopServer(answers={"UIDL": b"+OK\r\none two\r\n.\r\n"}), "pop_stat", "mailbox_unreadable", "garbage"),
        (PopServer(answers={"UIDL": after(b"+OK\r\n1 a\r\n", closes)}), "pop_stat", "mailbox_unreadable", "closed"),
        (PopServer(answers={"TOP": ERR % b"SYS/TEMP"}), "delivered", "pop_unavailable", "SYS/TEMP"),
        (PopServer(answers={"TOP": closes}), "delivered", "mailbox_unreadable", "closed_early"),
        (PopServer(answers={"TOP": stays_silent}), "delivered", "mailbox_unreadable", "timeout"),
    ],
)
async def test_a_maildrop_that_cannot_be_read_leaves_the_arrival_unjudged(
    trust: Trust, server: PopServer, stage: str, cause: str, detail: str
) -> None:
    memory: dict[str, Any] = {}
    async with trust.listening(server):
        result = await climb(trust.probe(within="400ms", timeout="400ms"), memory=memory)
    assert told(result) == ("unknown", stage, cause)
    assert detail in result.detail
    assert "secret" not in result.detail
    assert "probe@127.0.0.1: " in result.detail
    assert counts(result) == {"sent": 1}
    assert in_flight(memory) == 1
    assert rungs(result)[: len(SENDING)] == SENDING


@pytest.mark.parametrize(
    ("server", "tls", "stage", "detail"),
    [
        (PopServer(offers="TOP UIDL USER"), {}, "pop_tls", "starttls_not_offered"),
        (PopServer(offers=None), {}, "pop_tls", "starttls_not_offered"),
        (PopServer(answers={"STLS": b"-ERR not now\r\n"}), {}, "pop_tls", "starttls_refused: not now"),
        (PopServer(answers={"STLS": b"+OK\r\n+OK injected\r\n"}), {}, "pop_tls", "starttls_injected"),
        (PopServer(answers={"STLS": after(b"+OK\r\n", answers_in_clear)}), {}, "pop_tls", "not_tls"),
        (PopServer(context=server_context("expired")), {}, "pop_tls", "cert_expired"),
        (PopServer(context=server_context("name_mismatch")), {}, "pop_tls", "cert_name_mismatch"),
        (PopServer(), {"mode": "implicit"}, "pop_tls", "not_tls"),
        (PopServer(implicit=True, context=server_context("unknown_ca")), {"mode": "implicit"}, "pop_tls", "cert"),
    ],
)
async def test_a_maildrop_whose_tls_fails_is_never_sent_a_password(
    trust: Trust, server: PopServer, tls: dict[str, str], stage: str, detail: str
) -> None:
    async with trust.listening(server):
        probe = trust.probe(pop=trust.account(trust.pop_port, tls=trusting(trust.folder) | tls), within="300ms")
        result = await climb(probe)
    assert told(result) == ("unknown", stage, "mailbox_unreadable")
    assert detail in result.detail
    assert not any(command.startswith(("USER", "PASS", "AUTH")) for command in server.commands)


async def test_a_maildrop_that_is_stopped(trust: Trust) -> None:
    trust.pop_port = closed_port()
    result = await climb(trust.probe(within="300ms"))
    assert told(result) == ("unknown", "pop_connect", "mailbox_unreadable")
    assert "refused" in result.detail


async def test_what_was_quoted_of_the_password_is_not_told(trust: Trust) -> None:
    quoting = {"PASS": b"-ERR [AUTH] secret is not the password of probe\r\n"}
    async with trust.listening(PopServer(offers="USER", answers=quoting)):
        result = await climb(trust.probe(within="300ms"))
    assert told(result) == ("unknown", "pop_auth", "mailbox_auth_refused")
    assert "secret" not in result.detail


async def test_a_password_with_a_line_break_is_not_a_second_command(trust: Trust) -> None:
    (trust.folder / "two").write_bytes(b"one\r\nQUIT")
    async with trust.listening(PopServer(offers="USER")):
        result = await climb(trust.probe(pop=trust.account(trust.pop_port, "two"), within="300ms"))
    assert told(result) == ("unknown", "pop_auth", "secret_unreadable")
    assert not any(command.startswith("USER") for command in trust.server.commands)


async def test_a_refused_door_is_knocked_at_once_and_then_left_alone(trust: Trust) -> None:
    memory: dict[str, Any] = {}
    async with trust.listening():
        probe = trust.probe(pop=trust.account(trust.pop_port, "wrong"))
        result = await climb(probe, memory=memory)
        assert told(result) == ("unknown", "pop_auth", "mailbox_auth_refused")
        assert result.seconds < 3  # waiting on cannot help
        assert sum(command.startswith("AUTH") for command in trust.server.commands) == 1
        result = await climb(probe, memory=memory)
        assert told(result) == ("unknown", "pop_auth", "mailbox_auth_refused")
        assert "not tried again yet" in result.detail
        assert sum(command.startswith("AUTH") for command in trust.server.commands) == 1
        assert told(await climb(trust.probe(), memory=memory))[0] == "ok"  # another password


@pytest.mark.parametrize(
    ("position", "cause"),
    [("locked", "maildrop_locked"), ("refuses", "mailbox_auth_refused"), ("silent", "mailbox_unreadable")],
)
async def test_the_simulated_maildrop(trust: Trust, position: str, cause: str) -> None:
    server = SimulatedPop({"probe": Account("secret", {"INBOX": trust.inbox})}, position=position)
    async with Serving(server.talk) as serving:
        trust.pop_port = serving.port
        memory: dict[str, Any] = {}
        result = await climb(trust.probe(within="200ms", timeout="300ms"), memory=memory)
        assert (result.outcome, told(result)[2]) == (Outcome.UNKNOWN, cause)
        assert "messages" not in result.properties, "nobody counted them"
        server.position = "answers"
        memory.pop("logins", None)
        assert told(await climb(trust.probe(), memory=memory))[0] == "ok"


async def test_a_server_that_takes_its_time_to_say_no_has_that_time_on_its_rung(trust: Trust) -> None:
    """As Dovecot does, which waits for a maildrop's lock before it says that it is held."""

    async def slowly(peer: Peer) -> None:
        await asyncio.sleep(0.1)
        await peer.send(ERR % b"IN-USE")

    async with trust.listening(PopServer(answers={"AUTH": slowly})):
        result = await climb(trust.probe(within="100ms", timeout="1s"))
    assert told(result)[1:] == ("pop_auth", "maildrop_locked")
    assert result.rungs[-1].seconds >= 0.1


async def test_a_lock_that_is_released_in_time_is_no_matter(trust: Trust) -> None:
    server = SimulatedPop({"probe": Account("secret", {"INBOX": trust.inbox})}, position="locked")
    async with Serving(server.talk) as serving:
        trust.pop_port = serving.port
        run = asyncio.create_task(climb(trust.probe(within="20s")))
        while "AUTH" not in server.commands:
            await asyncio.sleep(0.01)
        server.position = "answers"
        assert told(await run) == ("ok", "on_time", None)


async def test_runs_that_overlap_do_not_lock_each_other_out(trust: Trust) -> None:
    server = SimulatedPop({"probe": Account("secret", {"INBOX": trust.inbox})})
    memory: dict[str, Any] = {}
    async with Serving(server.talk) as serving:
        trust.pop_port = serving.port
        results = await asyncio.gather(*(climb(trust.probe(), memory=memory) for _ in range(5)))
    assert [told(result) for result in results] == [("ok", "on_time", None)] * 5
    assert sum(counts(result)["received"] for result in results) == 5
    assert "turn" not in memory["maildrop"]


async def test_a_run_that_never_leaves_the_maildrop_keeps_the_next_one_out(trust: Trust) -> None:
    from retabli.net.mail.maildrop_book import MaildropBook

    memory: dict[str, Any] = {}
    assert MaildropBook(memory, "probe@127.0.0.1").take_turn()
    async with trust.listening():
        result = await climb(trust.probe(within="300ms", timeout="600ms"), memory=memory)
        assert told(result) == ("unknown", "pop_auth", "maildrop_locked")
        assert "another run of this probe" in result.detail
        memory["maildrop"]["turn"] = "another life"  # a process that was killed in the middle
        assert told(await climb(trust.probe(), memory=memory))[0] == "ok"


async def test_a_server_that_wants_time_between_logins_gets_it(trust: Trust) -> None:
    memory: dict[str, Any] = {}
    async with trust.listening(PopServer(offers="TOP UIDL USER LOGIN-DELAY_1")):
        assert told(await climb(trust.probe(), memory=memory))[0] == "ok"
        began = asyncio.get_running_loop().time()
        assert told(await climb(trust.probe(), memory=memory))[0] == "ok"
        assert asyncio.get_running_loop().time() - began > 0.9
    async with trust.listening(PopServer(offers="TOP UIDL USER LOGIN-DELAY_600")):
        assert told(await climb(trust.probe(), memory=memory))[0] == "ok"
        result = await climb(trust.probe(within="300ms"), memory=memory)
    assert told(result) == ("unknown", "pop_auth", "pop_login_delayed")
    assert sum(command.startswith("PASS") for command in trust.server.commands) == 1


# What becomes of a token --------------------------------------------------------------------------------------------


async def test_a_mail_that_does_not_come_is_late_and_then_lost(trust: Trust) -> None:
    trust.holds = True
    memory: dict[str, Any] = {}
    async with trust.listening():
        probe = trust.probe(within="300ms", lost_after="500ms")
        result = await climb(probe, memory=memory)
        assert told(result) == ("failed", "delivered", "late")
        assert rungs(result) == [*SENDING, *READING[:-1]]
        assert result.seconds < 3
        await asyncio.sleep(0.3)
        assert counts(await climb(probe, memory=memory)) == {"sent": 1, "lost": 1}


async def test_an_older_mail_that_comes_late_shows_a_server_that_holds(trust: Trust) -> None:
    trust.holds = True
    memory: dict[str, Any] = {}
    async with trust.listening():
        probe = trust.probe(within="1500ms")
        assert told(await climb(probe, memory=memory)) == ("failed", "delivered", "late")
        old = trust.held.pop()
        trust.came.clear()
        second = asyncio.create_task(climb(probe, memory=memory))
        await trust.came.wait()
        seen = len(trust.server.commands)
        while "QUIT" not in trust.server.commands[seen:]:
            await asyncio.sleep(0.01)
        trust.deliver(old.message)
        result = await second
    assert told(result) == ("ok", "accepted", "relay_holding")
    assert result.cause is not None
    assert not result.cause.proves
    assert counts(result) == {"sent": 1, "late": 1}


async def test_a_mail_that_comes_twice_is_a_duplicate(trust: Trust) -> None:
    trust.copies = 2
    async with trust.listening():
        result = await climb(trust.probe())
    assert told(result) == ("ok", "on_time", None)
    assert counts(result) == {"sent": 1, "received": 1, "duplicate": 1}


async def test_a_notification_in_the_maildrop_is_read(trust: Trust) -> None:
    trust.holds = True
    async with trust.listening():
        run = asyncio.create_task(climb(trust.probe()))
        await trust.came.wait()
        trust.deliver(delivery_status("trust.example", trust.held[0], TO, "5.1.1", "550 5.1.1 no such account"))
        result = await run
    assert told(result) == ("failed", "delivered", "bounced")
    assert "no such account" in result.detail
    assert counts(result) == {"sent": 1, "bounced": 1}


async def test_a_token_of_another_kind_or_signed_by_another_is_not_ours(trust: Trust) -> None:
    trust.holds = True
    for token in (
        tokens.sign(KEY, Purpose.LOOP, tokens.new_series(), 1, 1_688_371_200_000),
        tokens.sign(b"another key", Purpose.APICRYPT, tokens.new_series(), 1, 1_688_371_200_000),
    ):
        trust.deliver(f"{tokens.HEADER}: {token.text}\r\n\r\nx\r\n".encode())
    async with trust.listening():
        result = await climb(trust.probe(within="300ms"))
    assert told(result) == ("failed", "delivered", "late")
    assert counts(result) == {"sent": 1, "forged": 1}


# A maildrop that fills up -------------------------------------------------------------------------------------------


async def test_a_maildrop_that_fills_up_is_told_while_it_works(trust: Trust) -> None:
    memory: dict[str, Any] = {}
    for _ in range(1000):
        trust.deliver(NOTE)
    async with trust.listening():
        result = await climb(trust.probe(), memory=memory)
    assert told(result) == ("ok", "on_time", "maildrop_growing")
    assert not result.whole
    assert result.detail == "1001 messages"
    assert sum(command.startswith("TOP") for command in trust.server.commands) <= 2 * NEWEST
    assert len(json.dumps(memory)) < 10_000


async def test_what_was_not_looked_at_may_hold_the_message(trust: Trust) -> None:
    trust.holds = True
    for _ in range(NEWEST * 4):
        trust.deliver(NOTE)
    async with trust.listening():
        result = await climb(trust.probe(within="200ms"))
        assert told(result) == ("unknown", "delivered", "maildrop_overfull")
        assert re.search(r"[0-9]+ messages were not looked at", result.detail)


async def test_copies_that_share_their_id_are_looked_at_once(trust: Trust) -> None:
    same = b"+OK\r\n1 same\r\n2 same\r\n3 uid1\r\n.\r\n"
    async with trust.listening(PopServer(answers={"UIDL": same, "TOP 2 0": b"+OK\r\nSubject: x\r\n\r\n.\r\n"})):
        trust.deliver(NOTE)
        trust.deliver(NOTE)
        assert told(await climb(trust.probe())) == ("ok", "on_time", None)
    assert "TOP 1 0" not in trust.server.commands


async def test_a_slow_line_gets_further_with_every_look(trust: Trust) -> None:
    async def slow(peer: Peer) -> None:
        await asyncio.sleep(0.04)
        await peer.send(b"+OK\r\nSubject: slow\r\n\r\n.\r\n")

    for _ in range(40):
        trust.deliver(NOTE)
    slow_ones = {f"TOP {number} 0": slow for number in range(1, 41)}
    memory: dict[str, Any] = {}
    async with trust.listening(PopServer(answers=slow_ones)):
        probe = trust.probe(within="300ms", timeout="600ms")
        trust.holds = True
        assert told(await climb(probe, memory=memory)) == ("unknown", "delivered", "maildrop_overfull")
        trust.holds = False
        assert told(await climb(probe, memory=memory))[0] == "ok"
    tops = [command for command in trust.server.commands if command.startswith("TOP")]
    assert len(tops) == len(set(tops))


async def test_what_was_not_looked_for_is_not_lost(trust: Trust) -> None:
    trust.holds = True
    memory: dict[str, Any] = {}
    async with trust.listening():
        probe = trust.probe(within="100ms", lost_after="200ms")
        assert told(await climb(probe, memory=memory)) == ("failed", "delivered", "late")
        await asyncio.sleep(0.2)
        for _ in range(NEWEST * 4):
            trust.deliver(NOTE)
        assert counts(await climb(probe, memory=memory)) == {"sent": 1}
        trust.server.messages.clear()
        result = await climb(probe, memory=memory)
    assert told(result) == ("failed", "delivered", "late"), result.detail
    assert counts(result) == {"sent": 1, "lost": 2}


async def test_a_message_that_cannot_be_had_is_passed_by(trust: Trust) -> None:
    trust.holds = True
    trust.deliver(NOTE)
    memory: dict[str, Any] = {}
    async with trust.listening(PopServer(answers={"TOP 1 0": b"-ERR no such message\r\n"})):
        result = await climb(trust.probe(within="200ms"), memory=memory)
        assert told(result) == ("unknown", "delivered", "maildrop_overfull")
        assert told(await climb(trust.probe(within="200ms"), memory=memory)) == ("failed", "delivered", "late")


# Hostile servers -----------------------------------------------------------------------------------------------------


def floods(line: bytes) -> Answer:
    async def flood(peer: Peer) -> None:
        await peer.send(b"+OK\r\n")
        while True:
            await peer.send(line * 1000)

    return flood


@pytest.mark.parametrize(
    ("answers", "stage"),
    [
        ({"CAPA": floods(b"TOP\r\n")}, "pop_greeting"),
        ({"CAPA": floods(b"X" * 1000)}, "pop_greeting"),
        ({"UIDL": floods(b"1 aaaa\r\n")}, "pop_stat"),
        ({"UIDL": floods(b"1" * 1000)}, "pop_stat"),
        ({"TOP": floods(b"X-Header: nothing\r\n")}, "delivered"),
        ({"TOP": floods(b"X" * 1000)}, "delivered"),
        ({"TOP": floods(b"\n")}, "delivered"),
    ],
)
async def test_an_endless_answer_is_cut(trust: Trust, answers: dict[str, Answer], stage: str) -> None:
    async with trust.listening(PopServer(answers=answers)):
        tracemalloc.start()
        try:
            result = await climb(trust.probe(within="100ms", timeout="10s"), deadline=25)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert result.outcome is Outcome.UNKNOWN
    assert told(result)[1] == stage
    assert peak < 20_000_000


async def test_one_hostile_message_does_not_keep_the_others_from_being_read(trust: Trust) -> None:
    trust.deliver(NOTE)
    trust.server.answers = {"TOP 1 0": floods(b"X-Header: nothing\r\n")}
    async with trust.listening():
        assert told(await climb(trust.probe(within="20s", timeout="10s"), deadline=25)) == ("ok", "on_time", None)


async def test_a_server_slow_to_say_goodbye_costs_no_deadline(trust: Trust) -> None:
    async with trust.listening(PopServer(answers={"QUIT": stays_silent})):
        result = await climb(trust.probe())
    assert told(result) == ("ok", "on_time", None)
    assert result.seconds < 4


async def test_a_maildrop_that_hangs_ends_within_the_deadline_and_is_closed(trust: Trust) -> None:
    async with trust.listening(PopServer(answers={"UIDL": stays_silent})):
        probe = trust.probe(within="300ms", timeout="500ms")
        result = await climb(probe)
        assert result.seconds < probe.deadline
        cut = await climb(probe, deadline=0.3)  # the daemon is stopped in the middle
    assert told(result) == ("unknown", "pop_stat", "mailbox_unreadable")
    assert told(cut) == ("unknown", "pop_stat", "mailbox_unreadable")
    assert cut.detail == "the deadline came first"


# Settings -----------------------------------------------------------------------------------------------------------


def test_what_check_says_of_settings(trust: Trust) -> None:
    clear = trust.probe(pop=trust.account(110, host="pop.example"))
    assert any("in clear to pop.example" in fault for fault in clear.faults())
    wrong_port = trust.probe(pop=trust.account(995, tls={"mode": "starttls"}))
    assert any("port 995" in fault for fault in wrong_port.faults())
    assert any("longer than lost_after" in fault for fault in trust.probe(within="2h").faults())
    no_password = trust.probe(submit={"host": "trust.example", "user": "probe"})
    assert any("password" in fault for fault in no_password.faults())
    probe = trust.probe()
    assert list(probe.faults()) == list(probe.warnings()) == []
    assert probe.in_flight == 2
    assert any("1440 messages a day" in warning for warning in trust.probe(every="60s").warnings())
    assert probe.every == 300


def test_what_must_be_open_and_the_usual_port(trust: Trust) -> None:
    given = {"host": "pop.example", "user": "probe", "password": trust.secret()}
    probe = trust.probe(pop=given)
    assert list(probe.openings()) == [("127.0.0.1", trust.submission.port, "tcp"), ("pop.example", 995, "tcp")]
    assert list(trust.probe(pop=None).openings()) == [("127.0.0.1", trust.submission.port, "tcp")]


def test_a_name_that_could_end_its_line_is_none(trust: Trust) -> None:
    with pytest.raises(ValueError, match="pattern"):
        trust.probe(pop=trust.account(995, user="probe\r\nDELE 1"))
