"""Delivery status notifications: the bounce is tied to its token, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.net.mail import dsn, mail_messages, tokens
from retabli.net.mail.dsn import Action
from retabli.net.mail.tokens import Purpose, Token

KEY = b"key"
TOKEN = tokens.sign(KEY, Purpose.LOOP, "0123456789ab", 12, 1_688_371_200_000)
OURS = mail_messages.compose(TOKEN, "probe@chu.example", "probe@outside.example").decode()


def notification(
    returned: str = OURS,
    *,
    returned_type: str = "message/rfc822",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <probe@outside.example>: Recipient address rejected: User unknown",
) -> bytes:
    """As Postfix words it."""
    text = f"""\
From: MAILER-DAEMON@chu.example (Mail Delivery System)
To: probe@chu.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

This is the mail system at host relay.chu.example.
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.chu.example
Arrival-Date: Mon,  3 Jul 2023 10:00:00 +0200

Final-Recipient: rfc822; probe@outside.example
Action: {action}
Status: {status}
Remote-MTA: dns; mx.outside.example
Diagnostic-Code: {diagnostic}

--b1
Content-Type: {returned_type}

{returned}
--b1--
"""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def test_a_bounce_gives_its_status_its_diagnostic_and_our_token() -> None:
    found = dsn.parse(notification(), KEY)
    assert found is not None
    assert found.bounced
    assert (found.action, found.status) == (Action.FAILED, "5.1.1")
    assert found.diagnostic == "550 5.1.1 <probe@outside.example>: Recipient address rejected: User unknown"
    assert found.token == TOKEN


@pytest.mark.parametrize(
    ("returned", "kind"),
    [
        (OURS.partition("\r\n\r\n")[0], "text/rfc822-headers"),
        (f"Message-ID: <{TOKEN.text}@chu.example>\r\nFrom: probe@chu.example", "text/rfc822-headers"),
        (f"Message-ID:\r\n\t<{TOKEN.text}@chu.example>", "message/global-headers"),
        (f"Message-ID: <{TOKEN.text[:30]}=\r\n{TOKEN.text[30:]}@chu.example>", "text/plain"),
        (f"Subject: =?utf-8?q?x?=\r\n {TOKEN.text.upper()}", "text/rfc822-headers"),
    ],
    ids=["headers only", "message-id only", "folded", "quoted-printable", "upper case"],
)
def test_a_bounce_is_tied_to_its_token_however_little_it_returns(returned: str, kind: str) -> None:
    found = dsn.parse(notification(returned, returned_type=kind), KEY)
    assert found is not None
    assert found.token == TOKEN


def test_a_bounce_wrapped_in_another_message_is_found() -> None:
    inner = notification().decode()
    head = 'Content-Type: multipart/mixed; boundary="o"\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n'
    outer = f"{head}{inner}\r\n--o--\r\n"
    found = dsn.parse(outer.encode(), KEY)
    assert found is not None
    assert (found.token, found.status) == (TOKEN, "5.1.1")


def test_a_delay_is_no_bounce() -> None:
    found = dsn.parse(notification(action="delayed", status="4.4.1"), KEY)
    assert found is not None
    assert not found.bounced


def test_a_delivery_reported_back_is_no_bounce() -> None:
    found = dsn.parse(notification(action="delivered", status="2.0.0"), KEY)
    assert found is not None
    assert not found.bounced


def test_a_bounce_of_somebody_elses_mail_has_no_token() -> None:
    found = dsn.parse(notification("Message-ID: <other@chu.example>"), KEY)
    assert found is not None
    assert found.token is None


def test_a_mail_that_only_speaks_of_a_bounce_is_none() -> None:
    assert dsn.parse(OURS.encode(), KEY) is None
    assert dsn.parse(b"Subject: Undelivered\r\n\r\n550 5.1.1 User unknown", KEY) is None
    quoted = notification().replace(b"message/delivery-status", b"text/plain").replace(b"multipart/report", b"text/x")
    assert dsn.parse(quoted, KEY) is None


def test_a_status_is_read_from_the_diagnostic_when_it_is_missing() -> None:
    found = dsn.parse(notification(status="", diagnostic="smtp; 554 5.7.1 Blocked by policy"), KEY)
    assert found is not None
    assert found.status == "5.7.1"


def test_control_characters_and_endless_diagnostics_are_cut() -> None:
    found = dsn.parse(notification(diagnostic="smtp; 550 \x1b[31mred\x00" + "x" * 5000), KEY)
    assert found is not None
    assert len(found.diagnostic) <= 300
    assert found.diagnostic.isprintable()


def test_status_codes_have_words_also_by_their_class() -> None:
    known, by_class = dsn.status_words("5.1.1"), dsn.status_words("5.7.99")
    assert known is not None
    assert by_class is not None
    assert known.en == "unknown recipient"
    assert by_class.fr == "refusé par une règle de sécurité"
    assert dsn.status_words("") is None


def test_parts_nested_without_end_are_no_notification() -> None:
    nested = "".join(
        f'Content-Type: multipart/mixed; boundary="b{depth}"\r\n\r\n--b{depth}\r\n' for depth in range(2500)
    )
    assert dsn.parse(nested.encode(), KEY) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(message: bytes) -> None:
    dsn.parse(b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n" + message, KEY)
    dsn.parse(b"Content-Type: message/delivery-status\r\n\r\n" + message, KEY)


def returned_token(message: bytes) -> Token | None:
    found = dsn.parse(message, KEY)
    return found.token if found else None


def test_a_forged_bounce_is_tied_to_nothing() -> None:
    forged = tokens.sign(b"another key", Purpose.LOOP, "0123456789ab", 12, TOKEN.sent)
    assert returned_token(notification(OURS.replace(TOKEN.text, forged.text))) is None


def disposition(original: str, *, kind: str = "message/disposition-notification", how: str = "displayed") -> bytes:
    """As mail readers word it (RFC 8098, section 9)."""
    text = f"""\
From: probe@outside.example
To: probe@chu.example
Subject: Disposition notification
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="b1"

--b1
Content-Type: text/plain

The message was read.
--b1
Content-Type: {kind}

Reporting-UA: pc.outside.example; Reader 1.0
Final-Recipient: rfc822; probe@outside.example
Original-Message-ID: {original}
Disposition: manual-action/MDN-sent-manually; {how}

--b1--
"""
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("how", "kind", "read"),
    [
        ("displayed", "displayed", True),
        ("processed", "processed", True),
        ("dispatched", "dispatched", True),
        ("displayed/error", "displayed", False),
        ("deleted", "deleted", False),
        ("denied", "denied", False),
    ],
)
def test_a_disposition_notification_says_whether_the_message_was_taken_in(how: str, kind: str, read: bool) -> None:
    found = dsn.parse(disposition(f"<{TOKEN.text}@chu.example>", how=how), KEY)
    assert found is not None
    assert (found.action, found.token, found.bounced) == (Action.DISPOSED, TOKEN, False)
    assert found.disposition is not None
    assert (found.disposition.kind, found.disposition.read) == (kind, read)


def test_a_disposition_of_another_s_message_is_not_about_ours() -> None:
    found = dsn.parse(disposition("<somebody@outside.example>"), KEY)
    assert found is not None
    assert found.token is None
    assert dsn.parse(disposition(f"<{TOKEN.text}@chu.example>", kind="text/plain"), KEY) is None


def test_a_delivery_status_never_says_disposed() -> None:
    found = dsn.parse(notification(action="disposed", status="2.0.0"), KEY)
    assert found is not None
    assert found.action is not Action.DISPOSED
