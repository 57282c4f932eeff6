"""Each cause of the kind `imap` is reached by a server that really does it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from probes.imap import Imap
from retabli.model.result import Measure, Outcome, Result
from retabli.model.settings import Mailbox
from tests.climbing import climb, settings
from tests.mail_servers import (
    HOST,
    Answer,
    ImapServer,
    after,
    answers_in_clear,
    closes,
    floods_one_line,
    floods_untagged,
    other_authority,
    server_context,
    stays_silent,
    trusting,
)
from tests.said import where_and_why


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")


def mailbox(port: int, **keys: Any) -> Mailbox:
    given = {"imap": HOST, "port": port, "tls": {"mode": "none"}, "user": "probe", "password": {"env": "PASSWORD"}}
    return Mailbox.model_validate(given | keys, context={"folder": Path()})


async def run(server: ImapServer, *, deadline: Any = 5.0, box: Mapping[str, Any] | None = None, **keys: Any) -> Result:
    async with server.listening() as port:
        known = {"mailboxes": {"witness": mailbox(port, **(box or {}))}}
        return await climb(settings(Imap, context=known, mailbox="witness", **keys), deadline=deadline)


async def test_a_mailbox_that_opens_is_ok_and_is_only_looked_at() -> None:
    server = ImapServer()
    result = await run(server)
    assert result.outcome is Outcome.OK
    assert [rung.stage.id for rung in result.rungs] == ["resolve", "connect", "greeting", "auth", "mailbox"]
    assert [command.split(" ")[0] for command in server.commands] == [
        "CAPABILITY",
        "AUTHENTICATE",
        "CAPABILITY",
        "EXAMINE",
        "LOGOUT",
    ]
    assert result.properties["messages"] == "2"


async def test_the_whole_ladder_holds_with_starttls_and_something_expected(tmp_path: Path) -> None:
    server = ImapServer(context=server_context())
    result = await run(server, box={"tls": trusting(tmp_path)}, expect={"search": ["UNSEEN"], "at_least": 2})
    assert result.outcome is Outcome.OK, result
    assert tuple(rung.stage for rung in result.rungs) == Imap.LADDER
    assert "UID SEARCH UNSEEN" in server.commands


async def test_implicit_tls_comes_before_the_greeting(tmp_path: Path) -> None:
    server = ImapServer(context=server_context(), implicit=True)
    result = await run(server, box={"tls": trusting(tmp_path, "implicit")})
    assert result.outcome is Outcome.OK
    assert [rung.stage.id for rung in result.rungs][:4] == ["resolve", "connect", "tls", "greeting"]
    assert Measure.CERT_EARLIEST_EXPIRY in result.measures


@pytest.mark.parametrize("offers", ["IMAP4rev1", "IMAP4rev1 AUTH=PLAIN", "IMAP4rev1 AUTH=PLAIN SASL-IR"])
async def test_it_logs_in_by_what_the_server_offers(offers: str) -> None:
    assert (await run(ImapServer(offers=offers))).outcome is Outcome.OK


async def test_a_server_that_already_knows_us_is_asked_for_no_login() -> None:
    server = ImapServer(greeting=b"* PREAUTH hello\r\n")
    assert (await run(server)).outcome is Outcome.OK
    assert not any(command.startswith(("LOGIN", "AUTHENTICATE")) for command in server.commands)


@pytest.mark.parametrize(
    ("greeting", "cause"),
    [
        (b"220 mail.test ESMTP\r\n", "not_imap"),
        (b"\xff\x00\r\n", "not_imap"),
        (b"+OK POP3 ready\r\n", "not_imap"),
        (b"* 3 EXISTS\r\n", "not_imap"),
        (b"* BYE too many connections\r\n", "imap_bye"),
        (closes, "no_banner"),
        (floods_one_line, "too_long"),
        (b"* LIST {4294967295}\r\n", "too_long"),
    ],
)
async def test_a_greeting_that_is_none_gets_its_cause(greeting: Answer, cause: str) -> None:
    assert where_and_why(await run(ImapServer(greeting=greeting))) == ("greeting", cause)


async def test_a_server_that_accepts_and_says_nothing_is_a_timeout_on_the_greeting() -> None:
    assert where_and_why(await run(ImapServer(greeting=stays_silent), deadline=0.2)) == ("greeting", "timeout")


@pytest.mark.parametrize(
    ("server", "stage", "cause"),
    [
        (ImapServer(offers="IMAP4rev1"), "starttls", "starttls_not_offered"),
        (ImapServer(answers={"STARTTLS": b"%s NO not now\r\n"}), "starttls", "starttls_refused"),
        (ImapServer(answers={"STARTTLS": closes}), "starttls", "closed_early"),
        (ImapServer(answers={"STARTTLS": b"%s OK go\r\n* OK injected\r\n"}), "tls", "starttls_injected"),
        (ImapServer(context=server_context("expired")), "tls", "cert_expired"),
        (ImapServer(context=server_context("unknown_ca")), "tls", "cert_unknown_ca"),
        (ImapServer(context=server_context("name_mismatch")), "tls", "cert_name_mismatch"),
        (ImapServer(context=server_context(client=True)), "tls", "client_cert_missing"),
    ],
)
async def test_a_starttls_that_does_not_come_off_gets_its_cause(
    server: ImapServer, stage: str, cause: str, tmp_path: Path
) -> None:
    assert where_and_why(await run(server, box={"tls": trusting(tmp_path)})) == (stage, cause)
    assert not any(command.startswith(("LOGIN", "AUTHENTICATE")) for command in server.commands), "nothing in clear"


async def test_a_client_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    server = ImapServer(context=server_context(client=True))
    result = await run(server, box={"tls": trusting(tmp_path, client=other_authority())})
    assert where_and_why(result) == ("tls", "client_cert_refused")


@pytest.mark.parametrize(
    ("offers", "answers", "cause"),
    [
        ("AUTH=PLAIN", {"AUTHENTICATE": b"%s NO [AUTHENTICATIONFAILED] no\r\n"}, "auth_refused"),
        ("AUTH=PLAIN", {"AUTHENTICATE": b"%s NO no\r\n"}, "auth_refused"),
        ("AUTH=PLAIN", {"AUTHENTICATE": b"%s NO [UNAVAILABLE] later\r\n"}, "auth_unavailable"),
        ("AUTH=PLAIN", {"AUTHENTICATE": b"%s NO [INUSE] later\r\n"}, "auth_unavailable"),
        ("IMAP4rev1", {"LOGIN": b"%s NO no\r\n"}, "auth_refused"),
        ("IMAP4rev1", {"LOGIN": b"%s BAD what\r\n"}, "login_disabled"),
        ("IMAP4rev1", {"LOGIN": b"%s NO [PRIVACYREQUIRED] use TLS\r\n"}, "login_disabled"),
        ("IMAP4rev1 LOGINDISABLED", {}, "login_disabled"),
        ("AUTH=PLAIN", {"AUTHENTICATE": b"* BYE too many failures\r\n"}, "imap_bye"),
        ("AUTH=PLAIN", {"AUTHENTICATE": closes}, "closed_early"),
        ("AUTH=PLAIN", {"AUTHENTICATE": b"no idea\r\n"}, "garbage"),
        ("AUTH=PLAIN", {"AUTHENTICATE": floods_untagged}, "too_long"),
    ],
)
async def test_a_login_that_fails_gets_its_cause(offers: str, answers: Mapping[str, Answer], cause: str) -> None:
    server = ImapServer(offers=f"IMAP4rev1 {offers}", answers=answers)
    result = await run(server)
    assert where_and_why(result) == ("auth", cause)
    assert sum(command.startswith(("LOGIN", "AUTHENTICATE")) for command in server.commands) <= 1


async def test_a_wrong_password_is_marked_as_a_refused_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "wrong")
    result = await run(ImapServer())
    assert where_and_why(result) == ("auth", "auth_refused")
    assert result.cause is not None
    assert result.cause.credential


async def test_a_server_that_quotes_our_password_does_not_put_it_in_the_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2")
    result = await run(ImapServer(answers={"AUTHENTICATE": b"%s NO hunter2 is wrong\r\n"}))
    assert result.detail == "NO"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"%s NO [NONEXISTENT] Mailbox doesn't exist: Nope\r\n", "mailbox_missing"),
        (b"%s NO no such thing\r\n", "mailbox_missing"),
        (b"%s NO [NOPERM] not yours\r\n", "mailbox_denied"),
        (b"%s NO [INUSE] locked\r\n", "imap_unavailable"),
        (b"%s NO [SERVERBUG] Internal error occurred\r\n", "imap_unavailable"),
        (b"%s BAD what\r\n", "imap_refused"),
        (b"* BYE shutting down\r\n", "imap_bye"),
        (b"+ go on\r\n", "garbage"),
        (b"R99 OK another's\r\n", "garbage"),
        (b"* LIST ((((\r\n", "garbage"),
        (b"* 1 FETCH (BODY[] {4294967295}\r\n", "too_long"),
        (b"* 1 FETCH (BODY[] {99999999999999999999}\r\n", "too_long"),
        (b"* 1 FETCH " + b"(" * 1000 + b")" * 1000 + b"\r\n", "garbage"),
        (floods_untagged, "too_long"),
        (after(b"* 2 EXI", closes), "closed_early"),
    ],
)
async def test_a_folder_that_does_not_open_gets_its_cause(answer: Answer, cause: str) -> None:
    assert where_and_why(await run(ImapServer(answers={"EXAMINE": answer}))) == ("mailbox", cause)


async def test_what_is_temporary_is_unknown_at_first() -> None:
    result = await run(ImapServer(answers={"EXAMINE": b"%s NO [INUSE] locked\r\n"}))
    assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("expect", "held"), [({"at_least": 2}, True), ({"at_least": 3}, False), ({"at_most": 1}, False)]
)
async def test_a_mailbox_that_does_not_hold_what_is_expected_is_a_matter_of_content(
    expect: dict[str, int], held: bool
) -> None:
    result = await run(ImapServer(), expect=expect)
    assert where_and_why(result) == ("content", None if held else "mailbox_content")


async def test_the_folder_s_name_travels_in_modified_utf_7() -> None:
    server = ImapServer()
    await run(server, box={"folder": "Boîte & co"})
    assert 'EXAMINE "Bo&AO4-te &- co"' in server.commands


async def test_text_after_starttls_that_is_no_tls_is_told(tmp_path: Path) -> None:
    server = ImapServer(answers={"STARTTLS": after(b"R2 OK go\r\n", answers_in_clear)})
    assert where_and_why(await run(server, box={"tls": trusting(tmp_path)})) == ("tls", "not_tls")


@pytest.mark.parametrize(
    ("box", "keys", "sentence"),
    [
        (
            {"imap": "imap.test"},
            {},
            "user and password would travel in clear to imap.test: set tls.mode to starttls or implicit",
        ),
        (
            {"tls": {"mode": "starttls"}, "folder": "x"},
            {},
            "port 993 speaks TLS from the first byte: set tls.mode to implicit (RFC 8314, section 3.2)",
        ),
        ({}, {"expect": {"search": ["UNSEEN"]}}, "expect says neither at_least nor at_most"),
        ({}, {"expect": {"at_least": 3, "at_most": 1}}, "expect can never hold: at_least 3, at_most 1"),
    ],
)
def test_settings_that_cannot_go_together_are_faults(box: dict[str, Any], keys: dict[str, Any], sentence: str) -> None:
    known = {"mailboxes": {"witness": mailbox(993, **box)}}
    assert list(settings(Imap, context=known, mailbox="witness", **keys).faults()) == [sentence]


def test_the_opening_it_needs_is_its_mailbox_s_server() -> None:
    known = {"mailboxes": {"witness": mailbox(143)}}
    assert list(settings(Imap, context=known, mailbox="witness").openings()) == [(HOST, 143, "tcp")]
