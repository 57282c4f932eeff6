"""The channel `smtp`: what arrives, who is given it again, and what relays do that refuse, hang or flood."""

import email
import email.policy
import logging
import tracemalloc
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from retabli.alerts.channels import CHANNELS, build, receivers
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.channels.mail import Smtp, SmtpChannel
from retabli.alerts.channels.mail_form import compose, message_id
from retabli.model.record import Message
from tests.alerts.messages import PAGE, grouped, heartbeat, page
from tests.alerts.test_message import page as composed_body
from tests.alerts.test_message import picture
from tests.mail_servers import (
    Answer,
    SmtpServer,
    closes,
    drips_a_reply,
    floods_a_reply,
    floods_one_line,
    server_context,
    stays_silent,
    trusting,
)

DUTY, SECOND, THIRD = "duty@chu.test", "second@chu.test", "third@chu.test"
FROM = "retabli@chu.test"


def channel(port: int, **given: Any) -> Smtp:
    keys = {"kind": "smtp", "host": "127.0.0.1", "port": port, "to": [DUTY], "mail_from": FROM} | given
    settings = CHANNELS["smtp"].model_validate(keys, context={"folder": Path("/")})
    assert isinstance(settings, Smtp)
    return settings


async def send(server: SmtpServer, message: Message | None = None, **given: Any) -> EmailMessage:
    """What arrived."""
    async with server.listening() as port:
        await build(channel(port, **given)).send(message or page())
    return taken(server.messages[-1])


def taken(data: bytes) -> EmailMessage:
    """As a server reads what follows DATA (RFC 5321, section 4.5.2)."""
    return read(data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))


def text_of(mail: EmailMessage) -> str:
    content: str = mail.get_content()
    return content.replace("\r\n", "\n")


def read(content: bytes) -> EmailMessage:
    assert max(map(len, content.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def composed(message: Message, **given: Any) -> EmailMessage:
    keys: dict[str, Any] = {"mail_from": FROM, "to": [DUTY], "at": 1688371200.9} | given
    return read(compose(message, **keys))


async def refusal(server: SmtpServer, **given: Any) -> str:
    async with server.listening() as port:
        with pytest.raises(NotAccepted) as refused:
            await build(channel(port, **given)).send(page())
    return refused.value.reason


# What arrives -------------------------------------------------------------------------------------------------------


async def test_the_text_arrives_whole_under_its_summary() -> None:
    text = "Retombé : œuvre « é »\n.dot\n..\n" + "x" * 3000 + "\nfin  "
    server = SmtpServer()
    mail = await send(server, page(text=text), to=[DUTY, SECOND])
    assert text_of(mail) == text.rstrip() + "\n"
    assert mail["Subject"] == PAGE["summary"]
    assert mail["To"] == f"{DUTY}, {SECOND}"
    assert mail["From"] == FROM
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert [line for line in server.commands if line[:4] in ("MAIL", "RCPT")] == [
        f"MAIL FROM:<{FROM}> SIZE={len(compose(page(text=text), FROM, [DUTY, SECOND], 0.0))} BODY=8BITMIME",
        f"RCPT TO:<{DUTY}>",
        f"RCPT TO:<{SECOND}>",
    ]


def test_programs_answer_nothing_and_a_firing_page_is_urgent() -> None:
    firing, resolved = composed(page()), composed(page("resolved"))
    assert firing["Auto-Submitted"] == "auto-generated"
    assert (firing["X-Retabli-Key"], firing["X-Retabli-Status"]) == ("4f2a-firing", "firing")
    assert (firing["Importance"], firing["X-Priority"], resolved["Importance"]) == ("high", "1", None)
    assert firing["Date"] == "Mon, 03 Jul 2023 08:00:00 +0000"


def test_mail_programs_keep_an_incident_together_and_know_a_repeat() -> None:
    firing, reminder, resolved = (
        composed(page()),
        composed(page("reminder", key="4f2a-reminder2")),
        composed(page("resolved")),
    )
    assert firing["Message-ID"] == composed(page(), at=0.0)["Message-ID"] == "<4f2a-firing@chu.test>"
    assert firing["In-Reply-To"] is None
    for later in (reminder, resolved):
        assert later["In-Reply-To"] == later["References"] == firing["Message-ID"]
    assert len({each["Message-ID"] for each in (firing, reminder, resolved)}) == 3


def test_the_mail_that_later_ones_answer_is_the_one_that_opened_the_incident() -> None:
    opened = composed_body(picture())
    firing = Message(opened["key"], "duty", "mail-out", opened)
    later = composed_body(picture(), "resolved")
    resolved = Message(later["key"], "duty", "mail-out", later)
    assert composed(resolved)["In-Reply-To"] == composed(firing)["Message-ID"]


def test_a_warning_is_not_urgent() -> None:
    assert composed(page(reason="degraded"))["Importance"] is None


def test_several_pages_in_one_mail_refer_to_each_and_a_heartbeat_to_none() -> None:
    storm, beat = composed(grouped()), composed(heartbeat())
    assert storm["References"].split() == ["<4f2a-firing@chu.test>", "<5b3c-firing@chu.test>"]
    assert storm["Message-ID"] == "<storm-7@chu.test>"
    assert beat["References"] is None
    assert beat["Subject"]
    assert beat.get_content().strip()


def test_nothing_in_a_message_adds_a_header_or_a_recipient() -> None:
    evil = "x\r\nBcc: evil@outside.test\r\n\r\nbody\x00\u202e\u2028Subject: other"
    mail = composed(page(**dict.fromkeys(("summary", "title", "reason", "site", "detail", "incident"), evil), key=evil))
    assert mail["Bcc"] is None
    assert len(mail.get_all("Subject", ())) == 1
    assert text_of(mail) == PAGE["text"] + "\n"
    assert mail["Message-ID"] == message_id(evil, FROM)
    assert "\n" not in mail["X-Retabli-Key"]
    bare = composed(Message(evil, "duty", "", {}))
    assert (bare["Bcc"], bare["Subject"].partition(" ")[0]) == (None, "x")


def test_long_and_odd_values_stay_within_what_a_line_takes() -> None:
    mail = composed(
        page(summary="é" * 5000, key="k" * 5000, incident="i" * 190, status="resolved"),
        mail_from=f"retabli@{'d' * 60}.{'e' * 60}.test",
        to=[f"person-{number}@a-domain-of-some-length.chu.test" for number in range(100)],
    )
    assert mail["Subject"].startswith("é" * 50)
    assert len(mail["To"].addresses) == 100
    assert mail["References"].startswith("<iii")


# Who is told again --------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def built(port: int, clock: Clock | None = None, **given: Any) -> SmtpChannel:
    channel_ = SmtpChannel(channel(port, to=[DUTY, SECOND, THIRD], **given))
    if clock is not None:
        channel_.receivers = receivers.Receivers((DUTY, SECOND, THIRD), clock=clock)
    return channel_


def asked(server: SmtpServer) -> list[str]:
    return [line.partition("<")[2].rstrip(">") for line in server.commands if line.startswith("RCPT")]


def refusing(**by: bytes) -> dict[str, Answer]:
    names = {"duty": DUTY, "second": SECOND, "third": THIRD}
    return {f"RCPT TO:<{names[name]}>": answer for name, answer in by.items()}


async def test_who_is_refused_for_now_is_tried_again_alone() -> None:
    server = SmtpServer(answers=refusing(second=b"450 4.2.0 Greylisted\r\n"))
    async with server.listening() as port:
        mail = built(port)
        with pytest.raises(NotAccepted, match=f"{SECOND}: .*450 4.2.0 Greylisted"):
            await mail.send(page())
        server.answers = {}
        await mail.send(page())
        await mail.send(page("resolved"))
    assert asked(server) == [DUTY, SECOND, THIRD, SECOND, DUTY, SECOND, THIRD]
    assert [taken(each)["Message-ID"] for each in server.messages] == [
        "<4f2a-firing@chu.test>",
        "<4f2a-firing@chu.test>",
        "<4f2a-resolved@chu.test>",
    ]


async def test_who_is_refused_for_good_holds_up_nobody_and_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = SmtpServer(answers=refusing(second=b"550 5.1.1 No such user\r\n"))
    async with server.listening() as port:
        with caplog.at_level(logging.ERROR, receivers.__name__):
            await built(port).send(page())
    assert len(server.messages) == 1
    (record,) = caplog.records
    assert "NOT given to everybody" in record.getMessage()
    assert f"{SECOND}: " in record.getMessage()
    assert DUTY not in record.getMessage()


async def test_who_is_refused_for_now_holds_up_the_others_for_ten_minutes_at_most(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = SmtpServer(answers=refusing(second=b"450 4.2.0 Greylisted\r\n", third=b"550 5.1.1 No such user\r\n"))
    clock = Clock()
    async with server.listening() as port:
        mail = built(port, clock)
        with caplog.at_level(logging.ERROR, receivers.__name__):
            for clock.now in (0.0, 300.0, receivers.PATIENCE - 1):
                with pytest.raises(NotAccepted):
                    await mail.send(page())
            assert not caplog.records
            clock.now = receivers.PATIENCE
            await mail.send(page())
    assert asked(server) == [DUTY, SECOND, THIRD, SECOND, SECOND, SECOND]
    assert len(server.messages) == 1, "nobody has it twice"
    assert all(name in caplog.text for name in (SECOND, THIRD))


async def test_what_nobody_took_is_tried_again_for_ever_by_all() -> None:
    for answer in (b"550 5.7.1 Not you\r\n", b"451 4.3.0 Later\r\n"):
        server = SmtpServer(answers={"RCPT": answer})
        clock = Clock()
        async with server.listening() as port:
            mail = built(port, clock)
            for clock.now in (0.0, 1e6):
                with pytest.raises(NotAccepted):
                    await mail.send(page())
        assert asked(server) == [DUTY, SECOND, THIRD] * 2
        assert not server.messages


async def test_a_test_page_is_accepted_by_all_or_not_at_all() -> None:
    server = SmtpServer(answers=refusing(second=b"550 5.1.1 No such user\r\n"))
    async with server.listening() as port:
        with pytest.raises(NotAccepted, match=f"^{SECOND}: .*550 5.1.1 No such user"):
            await built(port).send(page("test"))


# Relays that misbehave ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"BANNER": b"421 4.3.2 Shutting down\r\n"}, "421 4.3.2 Shutting down"),
        ({"BANNER": b"HTTP/1.1 400 Bad Request\r\n"}, "HTTP/1.1 400 Bad Request"),
        ({"BANNER": closes}, "closed"),
        ({"EHLO": b"550 5.7.1 Not you\r\n"}, "550 5.7.1 Not you"),
        ({"MAIL": b"421 4.7.0 Too many connections\r\n"}, "421 4.7.0"),
        ({"MAIL": b"550 5.7.1 Sender rejected\r\n"}, "550 5.7.1"),
        ({"RCPT": b"550 5.1.1 Unknown\r\n"}, "550 5.1.1"),
        ({"RCPT": closes}, "closed"),
        ({"DATA": b"451 4.3.0 No space\r\n"}, "451 4.3.0"),
        ({"END": b"452 4.3.1 Insufficient storage\r\n"}, "452 4.3.1"),
        ({"END": b"554 5.6.0 Content refused\r\n"}, "554 5.6.0"),
        ({"END": closes}, "closed"),
        ({"MAIL": b"banana\r\n"}, "banana"),
    ],
)
async def test_what_a_relay_refuses_is_told_in_its_words(answers: Mapping[str, Answer], said: str) -> None:
    reason = await refusal(SmtpServer(answers=answers), to=[DUTY, SECOND])
    assert said in reason
    assert DUTY not in reason, "what all of them share is said once"


@pytest.mark.parametrize("step", ["BANNER", "EHLO", "MAIL", "RCPT", "DATA", "END"])
async def test_a_relay_that_hangs_has_its_time_and_no_more(step: str) -> None:
    reason = await refusal(SmtpServer(answers={step: stays_silent}), timeout="200ms")
    assert reason.startswith("no answer within 200ms (“")


@pytest.mark.parametrize("fault", [floods_one_line, floods_a_reply, drips_a_reply])
async def test_a_relay_that_never_ends_is_bounded_in_time_and_memory(fault: Answer) -> None:
    tracemalloc.start()
    try:
        assert await refusal(SmtpServer(answers={"BANNER": fault}), timeout="1s")
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


async def test_a_relay_that_hangs_at_the_farewell_has_taken_the_message() -> None:
    server = SmtpServer(answers={"QUIT": stays_silent})
    await send(server, timeout="300ms")
    assert len(server.messages) == 1


async def test_no_relay_at_all_is_told() -> None:
    with pytest.raises(NotAccepted, match="refused"):
        await build(channel(1)).send(page())


async def test_a_message_beyond_what_the_relay_takes_is_not_begun() -> None:
    server = SmtpServer(offers=("SIZE 100",))
    assert "100" in await refusal(server)
    assert not asked(server)


# TLS and passwords --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_it_logs_in_over_tls(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "hush")
    server = SmtpServer(
        ("AUTH PLAIN", "STARTTLS"), context=server_context(), implicit=mode == "implicit", accounts={"retabli": "hush"}
    )
    await send(server, tls=trusting(tmp_path, mode), user="retabli", password={"env": "PASSWORD"})
    assert len(server.messages) == 1


async def test_a_certificate_that_is_bad_or_a_starttls_that_is_not_there_sends_nothing(tmp_path: Path) -> None:
    bad = SmtpServer(("STARTTLS",), context=server_context("unknown_ca"))
    assert await refusal(bad, tls=trusting(tmp_path))
    stripped = SmtpServer()
    assert await refusal(stripped, tls=trusting(tmp_path))
    assert not [line for line in (*bad.commands, *stripped.commands) if line.startswith(("MAIL", "AUTH"))]


async def test_a_password_that_is_refused_or_missing_is_told_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "hush-hush")
    login = {"user": "retabli", "password": {"env": "PASSWORD"}}
    reason = await refusal(SmtpServer(("AUTH PLAIN",)), **login)
    assert "535 5.7.8" in reason
    assert "hush-hush" not in reason
    monkeypatch.delenv("PASSWORD")
    assert "PASSWORD" in await refusal(SmtpServer(("AUTH PLAIN",)), **login)


def test_what_is_wrong_with_its_settings_is_told() -> None:
    login = {"user": "a", "password": {"env": "P"}}
    assert "in clear" in " ".join(channel(25, host="relay.chu.test", **login).faults())
    assert "come together" in " ".join(channel(25, user="a").faults())
    assert "ASCII" in " ".join(channel(25, to=["é@chu.test"]).faults())
    assert not list(channel(25, host="relay.chu.test").faults())
    for to in ([], ["nobody"], ["a@b.test\r\nBcc: c@d.test"]):
        with pytest.raises(ValidationError):
            channel(25, to=to)


def test_a_sender_without_a_full_name_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "bare")
    keys = {"kind": "smtp", "host": "relay.chu.test", "to": [DUTY]}
    settings = CHANNELS["smtp"].model_validate(keys)
    assert isinstance(settings, Smtp)
    assert settings.mail_from == "retabli@bare"
    assert "many relays refuse" in " ".join(settings.warnings())
    assert not list(channel(25).warnings())
