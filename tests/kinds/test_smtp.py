"""Each cause of the kind `smtp` is reached by a server that really does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from probes.smtp import Smtp
from retabli.model.causes import Verdict
from retabli.model.result import Measure, Outcome, Result
from tests.climbing import climb, settings
from tests.mail_servers import (
    HOST,
    Answer,
    SmtpServer,
    after,
    answers_in_clear,
    authority,
    closes,
    drips_a_reply,
    floods_a_reply,
    floods_one_line,
    other_authority,
    server_context,
    stays_silent,
    trusting,
)
from tests.said import where_and_why

ENVELOPE: dict[str, Any] = {"mail_from": "probe@chu.test", "rcpt_to": "probe@outside.test"}
TLS_OFFERED = ("8BITMIME", "STARTTLS")


async def run(server: SmtpServer, *, deadline: Any = 5.0, **keys: Any) -> Result:
    async with server.listening() as port:
        return await climb(settings(Smtp, host=HOST, port=port, **keys), deadline=deadline)


async def test_an_envelope_that_is_taken_is_ok_and_nothing_is_ever_sent() -> None:
    server = SmtpServer()
    result = await run(server, **ENVELOPE)
    assert result.outcome is Outcome.OK
    assert result.whole
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "greeting", "ehlo", "envelope"]
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"]
    assert server.messages == []


async def test_the_whole_ladder_holds_with_starttls_and_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    server = SmtpServer((*TLS_OFFERED, "AUTH PLAIN"), context=server_context(), accounts={"probe": "secret"})
    keys: dict[str, Any] = {"tls": trusting(tmp_path), "user": "probe", "password": {"env": "PASSWORD"}}
    result = await run(server, **keys, **ENVELOPE)
    assert result.outcome is Outcome.OK, result
    assert tuple(rung.stage for rung in result.rungs) == Smtp.LADDER
    assert result.rung == result.of == 8
    assert Measure.CERT_EARLIEST_EXPIRY in result.measures


async def test_implicit_tls_comes_before_the_greeting(tmp_path: Path) -> None:
    result = await run(SmtpServer(context=server_context(), implicit=True), tls=trusting(tmp_path, "implicit"))
    assert result.outcome is Outcome.OK
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "tls", "greeting", "ehlo"]


@pytest.mark.parametrize(
    ("banner", "cause"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not_smtp"),
        (b"HTTP/1.1 400 Bad Request\r\n", "not_smtp"),
        (b"250 hello\r\n", "not_smtp"),
        (b"\x00\xff\xfe\r\n", "not_smtp"),
        (closes, "no_banner"),
        (after(b"220 half a li", closes), "no_banner"),
        (b"421 4.3.2 too busy\r\n", "banner_busy"),
        (b"554 5.7.1 no service for you\r\n", "banner_refused"),
        (b"554-your address\r\n554 is not welcome\r\n", "banner_refused"),
        (floods_one_line, "too_long"),
        (floods_a_reply, "too_long"),
    ],
)
async def test_a_greeting_that_is_none_gets_its_cause(banner: Answer, cause: str) -> None:
    result = await run(SmtpServer(answers={"BANNER": banner}))
    assert where_and_why(result) == ("greeting", cause)


async def test_a_server_that_accepts_and_says_nothing_is_a_timeout_on_the_greeting() -> None:
    result = await run(SmtpServer(answers={"BANNER": stays_silent}), deadline=0.2)
    assert where_and_why(result) == ("greeting", "timeout")
    assert result.outcome is Outcome.FAILED


async def test_a_reply_that_drips_without_end_is_ended_by_the_deadline() -> None:
    assert where_and_why(await run(SmtpServer(answers={"BANNER": drips_a_reply}), deadline=0.2)) == (
        "greeting",
        "timeout",
    )


async def test_a_busy_greeting_is_temporary_and_a_refusal_is_not() -> None:
    busy = await run(SmtpServer(answers={"BANNER": b"421 busy\r\n"}))
    refused = await run(SmtpServer(answers={"BANNER": b"554 no\r\n"}))
    assert (busy.outcome, refused.outcome) == (Outcome.UNKNOWN, Outcome.FAILED)


@pytest.mark.parametrize(
    ("answers", "cause"),
    [
        ({"EHLO": b"550 5.7.1 Helo command rejected: go away\r\n"}, "not_authorised"),
        ({"EHLO": b"451 4.3.0 later\r\n"}, "temporary_failure"),
        ({"EHLO": b"504 5.5.2 need a fully-qualified name\r\n"}, "permanent_failure"),
        ({"EHLO": b"250-mail.test\r\nwhat is this\r\n"}, "garbage"),
        ({"EHLO": b"354 go on\r\n"}, "garbage"),
        ({"EHLO": closes}, "closed_early"),
        ({"EHLO": after(b"250-mail.test\r\n", closes)}, "closed_early"),
        ({"EHLO": floods_a_reply}, "too_long"),
        ({"EHLO": b"502 no\r\n", "HELO": b"550 5.7.1 no\r\n"}, "not_authorised"),
    ],
)
async def test_an_ehlo_that_is_not_answered_well_gets_its_cause(answers: Mapping[str, Answer], cause: str) -> None:
    assert where_and_why(await run(SmtpServer(answers=answers))) == ("ehlo", cause)


async def test_an_old_server_that_only_knows_helo_is_fine_without_tls() -> None:
    result = await run(SmtpServer(answers={"EHLO": b"500 what?\r\n"}), **ENVELOPE)
    assert result.outcome is Outcome.OK


@dataclass(frozen=True)
class StarttlsCase:
    cause: str
    offers: tuple[str, ...] = TLS_OFFERED
    answers: Mapping[str, Answer] = field(default_factory=dict)
    stage: str = "starttls"


@pytest.mark.parametrize(
    "case",
    [
        StarttlsCase("starttls_not_offered", offers=("8BITMIME",)),
        StarttlsCase("starttls_not_offered", answers={"EHLO": b"502 what?\r\n"}),
        StarttlsCase("starttls_stripped", offers=("8BITMIME", "XXXXXXXX")),
        StarttlsCase("starttls_stripped", offers=("8BITMIME", "XXXXXXXA")),
        StarttlsCase("starttls_stripped", offers=("SIZE",), answers={"BANNER": b"220 ********************0*2****\r\n"}),
        StarttlsCase("starttls_stripped", answers={"STARTTLS": b'500 5.5.1 unrecognized command "XXXXXXXX"\r\n'}),
        StarttlsCase("starttls_unavailable", answers={"STARTTLS": b"454 4.7.0 TLS not available\r\n"}),
        StarttlsCase("starttls_refused", answers={"STARTTLS": b"554 5.7.1 not for you\r\n"}),
        StarttlsCase("closed_early", answers={"STARTTLS": closes}),
        StarttlsCase("starttls_injected", answers={"STARTTLS": b"220 go\r\n250 from somebody else\r\n"}, stage="tls"),
        StarttlsCase("closed_early", answers={"STARTTLS": after(b"220 go\r\n", closes)}, stage="tls"),
        StarttlsCase("not_tls", answers={"STARTTLS": after(b"220 go\r\n", answers_in_clear)}, stage="tls"),
    ],
    ids=lambda case: f"{case.cause}",
)
async def test_a_starttls_that_does_not_come_off_gets_its_cause(case: StarttlsCase, tmp_path: Path) -> None:
    server = SmtpServer(case.offers, case.answers, context=server_context())
    result = await run(server, tls=trusting(tmp_path), **ENVELOPE)
    assert where_and_why(result) == (case.stage, case.cause)
    assert not any(command.startswith("MAIL") for command in server.commands), "nothing goes on in clear"


@pytest.mark.parametrize("fault", ["expired", "not_yet_valid", "name_mismatch", "unknown_ca", "self_signed"])
async def test_a_bad_certificate_after_starttls_gets_its_cause(fault: str, tmp_path: Path) -> None:
    result = await run(SmtpServer(TLS_OFFERED, context=server_context(fault)), tls=trusting(tmp_path))
    assert where_and_why(result) == ("tls", f"cert_{fault}")
    assert Measure.CERT_EARLIEST_EXPIRY in result.measures


async def test_a_demanded_client_certificate_that_we_lack_is_told_on_the_tls_rung(tmp_path: Path) -> None:
    result = await run(SmtpServer(TLS_OFFERED, context=server_context(client=True)), tls=trusting(tmp_path))
    assert where_and_why(result) == ("tls", "client_cert_missing")


async def test_a_client_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    server = SmtpServer(TLS_OFFERED, context=server_context(client=True))
    result = await run(server, tls=trusting(tmp_path, client=other_authority()))
    assert where_and_why(result) == ("tls", "client_cert_refused")


async def test_a_client_certificate_that_is_trusted_passes(tmp_path: Path) -> None:
    server = SmtpServer(TLS_OFFERED, context=server_context(client=True))
    result = await run(server, tls=trusting(tmp_path, client=authority()), **ENVELOPE)
    assert result.outcome is Outcome.OK


@pytest.mark.parametrize(("shown", "cause"), [(False, "client_cert_missing"), (True, "client_cert_refused")])
async def test_a_client_certificate_that_is_refused_in_words_after_the_handshake_is_told(
    shown: bool, cause: str, tmp_path: Path
) -> None:
    said = {"MAIL": b"421 4.7.1 mail.test Error: Client certificate not trusted\r\n"}
    server = SmtpServer(TLS_OFFERED, after_tls=said, context=server_context())
    keys = trusting(tmp_path, client=other_authority() if shown else None)
    assert where_and_why(await run(server, tls=keys, **ENVELOPE)) == ("envelope", cause)


@dataclass(frozen=True)
class AuthCase:
    cause: str
    offers: str = "AUTH PLAIN LOGIN"
    answers: Mapping[str, Answer] = field(default_factory=dict)


@pytest.mark.parametrize(
    "case",
    [
        AuthCase("auth_refused"),
        AuthCase("auth_refused", offers="AUTH LOGIN"),
        AuthCase("auth_refused", offers="AUTH=LOGIN"),
        AuthCase("auth_refused", answers={"AUTH": b"432 4.7.12 A password transition is needed\r\n"}),
        AuthCase("auth_refused", answers={"AUTH": b"550 5.7.1 account locked\r\n"}),
        AuthCase("auth_unavailable", answers={"AUTH": b"454 4.7.0 Temporary authentication failure\r\n"}),
        AuthCase("auth_not_offered", offers="AUTH GSSAPI"),
        AuthCase("auth_not_offered", offers="HELP"),
        AuthCase("auth_not_offered", answers={"AUTH": b"504 5.5.4 unrecognized mechanism\r\n"}),
        AuthCase("auth_not_offered", answers={"AUTH": b"538 5.7.11 encryption required\r\n"}),
        AuthCase("starttls_required", answers={"AUTH": b"530 5.7.0 Must issue a STARTTLS command first\r\n"}),
        AuthCase("closed_early", answers={"AUTH": closes}),
        AuthCase("garbage", answers={"AUTH": b"250 hm\r\n"}),
    ],
    ids=lambda case: f"{case.cause}-{case.offers}-{'hangs up' if closes in case.answers.values() else case.answers}",
)
async def test_a_login_that_fails_gets_its_cause(case: AuthCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "wrong-password")
    server = SmtpServer((case.offers,), case.answers, accounts={"probe": "secret"})
    result = await run(server, user="probe", password={"env": "PASSWORD"}, **ENVELOPE)
    assert where_and_why(result) == ("auth", case.cause)
    assert "wrong-password" not in result.detail


async def test_a_refused_login_is_marked_as_one_and_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "wrong")
    server = SmtpServer(("AUTH PLAIN LOGIN",), accounts={"probe": "secret"})
    result = await run(server, user="probe", password={"env": "PASSWORD"})
    assert result.cause is not None
    assert result.cause.credential
    assert sum(command.startswith("AUTH") for command in server.commands) == 1


async def test_a_server_that_quotes_our_password_does_not_put_it_in_the_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2")
    server = SmtpServer(("AUTH LOGIN",), {"AUTH": b"535 5.7.8 wrong: hunter2\r\n"})
    result = await run(server, user="probe", password={"env": "PASSWORD"})
    assert where_and_why(result) == ("auth", "auth_refused")
    assert result.detail == "535 5.7.8"


async def test_a_secret_that_cannot_be_read_is_our_defect_and_sends_nothing() -> None:
    server = SmtpServer(("AUTH PLAIN",))
    result = await run(server, user="probe", password={"env": "RETABLI_NOT_SET"})
    assert where_and_why(result) == ("auth", "secret_unreadable")
    assert result.outcome is Outcome.UNKNOWN
    assert not any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize(
    ("verb", "reply", "cause"),
    [
        ("RCPT", b"554 5.7.1 <x@y.test>: Relay access denied", "relay_denied"),
        ("RCPT", b"550 5.1.1 <x@y.test>: Recipient address rejected: User unknown", "unknown_recipient"),
        ("RCPT", b"450 4.7.1 Greylisted, see you in 300 seconds", "greylisted"),
        ("RCPT", b"450 4.2.0 <x@y.test>: Recipient address rejected: Greylisted", "greylisted"),
        ("RCPT", b"451 4.7.1 too many messages, slow down", "rate_limited"),
        ("MAIL", b"421 4.7.0 rate limit exceeded", "rate_limited"),
        ("RCPT", b"554 5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org", "block_listed"),
        ("MAIL", b"550 5.1.8 Sender address rejected: Domain not found", "sender_refused"),
        ("MAIL", b"550 5.7.23 SPF validation failed", "sender_unproven"),
        ("RCPT", b"552 5.2.2 over quota", "mailbox_full"),
        ("RCPT", b"452 4.2.2 over quota", "mailbox_full"),
        ("MAIL", b"552 5.3.4 message size exceeds the limit", "too_big"),
        ("RCPT", b"550 5.7.1 you are not authorised to mail here", "not_authorised"),
        ("MAIL", b"530 5.7.0 Authentication required", "auth_required"),
        ("MAIL", b"530 5.7.0 Must issue a STARTTLS command first", "starttls_required"),
        ("RCPT", b"451 4.3.0 queue file write error", "temporary_failure"),
        ("RCPT", b"500 5.5.2 what?", "permanent_failure"),
    ],
)
async def test_a_refused_envelope_gets_its_cause(verb: str, reply: bytes, cause: str) -> None:
    result = await run(SmtpServer(answers={verb: reply + b"\r\n"}), **ENVELOPE)
    assert where_and_why(result) == ("envelope", cause)
    assert result.outcome is (Outcome.UNKNOWN if reply.startswith(b"4") else Outcome.FAILED)
    assert reply[:3].decode() in result.detail


async def test_a_full_mailbox_is_temporary_by_4xx_and_failed_by_5xx() -> None:
    temporary = await run(SmtpServer(answers={"RCPT": b"452 4.2.2 full\r\n"}), **ENVELOPE)
    lasting = await run(SmtpServer(answers={"RCPT": b"552 5.2.2 full\r\n"}), **ENVELOPE)
    assert temporary.cause is not None
    assert lasting.cause is not None
    assert (temporary.cause.verdict, lasting.cause.verdict) == (Verdict.TEMPORARY, Verdict.FAILED)


@pytest.mark.parametrize(
    ("reply", "cause", "whole"),
    [(b"250 fine by me\r\n", "catch_all", False), (b"550 5.1.1 no\r\n", None, True), (b"450 4.7.1 no\r\n", None, True)],
)
async def test_a_made_up_recipient_that_is_taken_makes_the_server_a_catch_all(
    reply: bytes, cause: str | None, whole: bool
) -> None:
    server = SmtpServer(answers={"RCPT TO:<made-up@outside.test>": reply})
    result = await run(server, **ENVELOPE, refuses="made-up@outside.test")
    assert result.outcome is Outcome.OK
    assert (result.cause and result.cause.code, result.whole) == (cause, whole)
    assert "made_up_recipient" in result.properties


async def test_an_international_address_needs_a_server_that_takes_it() -> None:
    keys: dict[str, Any] = {"mail_from": "sonde@chu.test", "rcpt_to": "médecin@hôpital.test"}
    assert where_and_why(await run(SmtpServer(), **keys)) == ("envelope", "address_unsupported")
    server = SmtpServer(("SMTPUTF8",))
    assert (await run(server, **keys)).outcome is Outcome.OK
    assert "RCPT TO:<médecin@xn--hpital-ixa.test>" in server.commands


async def test_a_server_that_never_answers_quit_costs_no_failure() -> None:
    result = await run(SmtpServer(answers={"QUIT": stays_silent}), **ENVELOPE)
    assert result.outcome is Outcome.OK


async def test_a_refused_port_is_told_from_a_silent_one() -> None:
    async with SmtpServer().listening() as port:
        pass
    assert where_and_why(await climb(settings(Smtp, host=HOST, port=port))) == ("connect", "refused")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"user": "probe"}, "user and password come together: one of them is missing"),
        ({"mail_from": "a@b.test"}, "mail_from and rcpt_to come together: one of them is missing"),
        (
            {"user": "probe", "password": {"env": "X"}},
            "user and password would travel in clear to relay.test: set tls.mode to starttls or implicit",
        ),
        (
            {"port": 465, "tls": {"mode": "starttls"}},
            "port 465 speaks TLS from the first byte: set tls.mode to implicit (RFC 8314, section 3.3)",
        ),
        ({"refuses": "a@b.test"}, "refuses needs mail_from and rcpt_to"),
        (
            {**ENVELOPE, "refuses": ENVELOPE["rcpt_to"]},
            "refuses is the recipient that must be accepted (rcpt_to): give a made-up one",
        ),
    ],
)
def test_settings_that_cannot_go_together_are_faults(keys: dict[str, Any], sentence: str) -> None:
    assert list(settings(Smtp, host="relay.test", **keys).faults()) == [sentence]


def test_a_login_in_clear_is_allowed_towards_this_machine_only() -> None:
    keys: dict[str, Any] = {"user": "probe", "password": {"env": "X"}}
    assert not list(settings(Smtp, host="localhost", **keys).faults())
    assert not list(settings(Smtp, host="127.0.0.1", **keys).faults())
    assert list(settings(Smtp, host="10.0.0.1", **keys).faults())


@pytest.mark.parametrize("address", ["nobody", "a@b>\r\nDATA", "a b@c.test", "<a@b.test>", "@b.test", "a..b@c.test"])
def test_what_is_no_address_is_refused_with_the_configuration(address: str) -> None:
    with pytest.raises(ValueError, match="is not a mail address"):
        settings(Smtp, host="relay.test", mail_from=address, rcpt_to="a@b.test")


def test_the_opening_it_needs_is_its_server() -> None:
    assert list(settings(Smtp, host="relay.test").openings()) == [("relay.test", 25, "tcp")]
