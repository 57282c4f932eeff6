"""SMTP replies are read within bounds, and each refusal is told by what it says."""

from collections.abc import Coroutine
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.model import causes
from retabli.model.causes import Verdict
from retabli.model.ladder import Fall
from retabli.net.mail import smtp_causes
from retabli.net.mail.smtp import queue_id, transparent
from retabli.net.mail.smtp_replies import (
    LINE_LIMIT,
    LINES_LIMIT,
    REPLY_LIMIT,
    Reply,
    Step,
    banner_masked,
    cause_of_refusal,
    parse_capabilities,
    read_reply,
)

T = TypeVar("T")


class Canned:
    """Lines that were received beforehand; `taken` counts the bytes that were read of them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.taken = 0

    async def read_line(self, limit: int) -> bytes:
        end = self._data.find(b"\n", self.taken, self.taken + limit)
        if end < 0:
            raise Fall(causes.TOO_LONG if len(self._data) - self.taken >= limit else causes.CLOSED_EARLY)
        line, self.taken = self._data[self.taken : end + 1], end + 1
        return line


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    raise AssertionError("it waited")


def read(data: bytes) -> Reply:
    return finished(read_reply(Canned(data)))


def refusal(text: str) -> Reply:
    return read(text.encode() + b"\r\n")


def test_a_reply_of_several_lines_is_one_reply() -> None:
    reply = read(b"550-5.1.1 No such\r\n550 5.1.1 user here\r\n250 not of it\r\n")
    assert (reply.code, reply.enhanced, reply.text) == (550, "5.1.1", "No such user here")
    assert str(reply) == "550 5.1.1 No such user here"


def test_a_bare_code_is_a_reply_and_a_line_feed_is_enough() -> None:
    assert read(b"250\n").code == 250


def test_an_enhanced_code_of_another_class_is_not_believed() -> None:
    assert read(b"550 2.1.1 odd\r\n").enhanced == ""
    assert read(b"250 2.1.10 fine\r\n").enhanced == "2.1.10"
    assert read(b"250 2.1.1000 a sentence\r\n").enhanced == ""


def test_what_a_remote_says_is_cleaned_before_it_is_shown() -> None:
    told = str(read(b"550 5.1.1 \x1b[31mred\x00\xff\xe2\x80\xaetext\x07\r\n"))
    assert told.isprintable()
    assert "\u202e" not in told
    assert len(str(read(b"550 " + b"x" * 2000 + b"\r\n"))) <= 300


@pytest.mark.parametrize("line", [b"hello", b"99 x", b"150 x", b"650 x", b"25O x", b"250_x", b"", b"\xb2\xb2\xb0 x"])
def test_what_is_no_reply_is_garbage(line: bytes) -> None:
    with pytest.raises(Fall) as fall:
        read(line + b"\r\n")
    assert fall.value.cause.code == "garbage"


def test_a_reply_is_bounded_in_lines_and_bytes() -> None:
    for flood in (b"220-x\r\n" * 10_000, (b"220-" + b"x" * 2000 + b"\r\n") * 1000, b"2" * 100_000):
        lines = Canned(flood)
        with pytest.raises(Fall) as fall:
            finished(read_reply(lines))
        assert fall.value.cause.code == "too_long"
        assert lines.taken <= REPLY_LIMIT + LINE_LIMIT


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(
            st.builds(
                lambda code, sep, text: code + sep + text + b"\r\n",
                st.sampled_from([b"220", b"250", b"550", b"421", b"9", b""]),
                st.sampled_from([b"-", b" ", b"", b"\x00"]),
                st.binary(max_size=60),
            ),
            max_size=250,
        ).map(b"".join),
    )
)
def test_no_bytes_raise_anything_but_a_fall_or_are_read_beyond_the_bound(data: bytes) -> None:
    lines = Canned(data)
    reply: Reply | Fall
    try:
        reply = finished(read_reply(lines))
    except Fall as fall:
        reply = fall
    if isinstance(reply, Fall):
        assert reply.cause.code in ("garbage", "too_long", "closed_early")
    else:
        assert 200 <= reply.code <= 599
        assert len(reply.lines) <= LINES_LIMIT
        assert str(reply).isprintable()
        parse_capabilities(reply)
        for step in Step:
            cause_of_refusal(reply, step)
    assert lines.taken <= REPLY_LIMIT + LINE_LIMIT


def test_capabilities_are_read_in_any_case_and_old_style() -> None:
    offered = parse_capabilities(
        read(b"250-mail.test\r\n250-size 1000\r\n250-AUTH=LOGIN\r\n250-auth plain\r\n250-\r\n250 StartTLS\r\n")
    )
    assert offered.size == 1000
    assert set(offered.mechanisms) == {"LOGIN", "PLAIN"}
    assert "STARTTLS" in offered
    assert offered.masked is None
    assert "MAIL.TEST" not in offered


@pytest.mark.parametrize("words", ["SIZE", "SIZE 0", "SIZE many", "SIZE " + "9" * 50])
def test_a_size_that_says_nothing_is_none(words: str) -> None:
    assert parse_capabilities(read(f"250-mail.test\r\n250 {words}\r\n".encode())).size is None


def test_a_firewall_s_mask_is_recognised_and_a_proud_banner_is_not() -> None:
    assert banner_masked(read(b"220 ***************************0*2******200**0\r\n"))
    assert not banner_masked(read(b"220 mail.test ESMTP *** welcome ***\r\n"))
    assert not banner_masked(read(b"220 2002 2002 2002\r\n"))


# As real servers say it: Postfix, Exim, Exchange and Exchange Online, Gmail, Sendmail, qmail, postgrey, Proofpoint…
@pytest.mark.parametrize(
    ("step", "said", "cause"),
    [
        (Step.RCPT, "554 5.7.1 <a@b.fr>: Relay access denied", "relay_denied"),
        (Step.RCPT, "454 4.7.1 <a@b.fr>: Relay access denied", "relay_denied"),
        (Step.RCPT, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "relay_denied"),
        (Step.RCPT, "550 5.7.1 Unable to relay", "relay_denied"),
        (Step.RCPT, "550 relay not permitted", "relay_denied"),
        (Step.RCPT, "550 5.7.1 <a@b.fr>... Relaying denied. IP name lookup failed", "relay_denied"),
        (Step.RCPT, "553 sorry, that domain isn't allowed to be relayed thru this MTA", "relay_denied"),
        (Step.RCPT, "550 5.1.1 <a@b.fr>: Recipient address rejected: User unknown in virtual mailbox table", None),
        (Step.RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", None),
        (Step.RCPT, "550-5.1.1 The email account that you tried to reach does not exist.", None),
        (Step.RCPT, "550 No such user here", None),
        (Step.RCPT, "550 Invalid recipient", None),
        (Step.RCPT, "553 5.3.0 <a@b.fr>... No such user", None),
        (Step.RCPT, "550 5.2.1 The account that you tried to reach is disabled", None),
        (Step.RCPT, "550 5.1.2 <a@b.fr>: Recipient address rejected: Domain not found", None),
        (Step.RCPT, "450 4.2.0 <a@b.fr>: Recipient address rejected: Greylisted, see http://postgrey", "greylisted"),
        (Step.RCPT, "451 4.7.1 Greylisting in action, please come back later", "greylisted"),
        (Step.END, "451 4.7.1 Gray-listed", "greylisted"),
        (Step.RCPT, "450 4.7.1 Error: too much mail from 1.2.3.4", "rate_limited"),
        (Step.MAIL, "421 4.7.28 Our system has detected an unusual rate of unsolicited mail", "rate_limited"),
        (Step.MAIL, "451 4.7.500 Server busy. Please try again later: throttled", "rate_limited"),
        (Step.RCPT, "452 4.5.3 Too many recipients", "rate_limited"),
        (Step.RCPT, "554 5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org", "block_listed"),
        (Step.MAIL, "550 5.7.606 Access denied, banned sending IP [1.2.3.4]", "block_listed"),
        (Step.END, "554 5.7.1 Message refused: 1.2.3.4 is listed at b.barracudacentral.org", "block_listed"),
        (Step.RCPT, "550 5.1.8 <a@b.fr>: Sender address rejected: Domain not found", "sender_refused"),
        (Step.RCPT, "554 5.7.1 <a@b.fr>: Sender address rejected: Access denied", "sender_refused"),
        (Step.MAIL, "553 5.1.7 <x>: Sender address rejected", "sender_refused"),
        (Step.MAIL, "550 not from there", "sender_refused"),
        (Step.END, "550 5.7.26 This mail has been blocked because the sender is unauthenticated", "sender_unproven"),
        (Step.END, "550 5.7.1 rejected by DMARC policy of chu.example", "sender_unproven"),
        (Step.MAIL, "550 5.7.23 Rejected because of Sender Policy Framework violation", "sender_unproven"),
        (Step.RCPT, "552 5.2.2 Mailbox size limit exceeded", "mailbox_full"),
        (Step.RCPT, "452 4.2.2 The email account that you tried to reach is over quota", "mailbox_full"),
        (Step.RCPT, "550 Mailbox full", "mailbox_full"),
        (Step.MAIL, "552 5.3.4 Message size exceeds fixed limit", "too_big"),
        (Step.END, "552 message too large", "too_big"),
        (Step.END, "552 5.2.3 Message exceeds maximum fixed size", "too_big"),
        (Step.MAIL, "530 5.7.0 Must issue a STARTTLS command first", "starttls_required"),
        (Step.MAIL, "530 5.7.57 Client not authenticated to send mail", "auth_required"),
        (Step.MAIL, "530 5.7.1 Authentication required", "auth_required"),
        (Step.RCPT, "550 5.7.1 Client host rejected: Access denied", "not_authorised"),
        (Step.RCPT, "554 5.7.1 <a@b.fr>: Recipient address rejected: Access denied", "not_authorised"),
        (Step.END, "554 5.7.1 Message content rejected", "message_refused"),
        (Step.END, "550 5.7.1 virus found", "message_refused"),
        (Step.END, "554 5.6.0 cannot parse", "message_refused"),
        (Step.DATA, "554 5.5.1 Error: no valid recipients", "message_refused"),
        (Step.RCPT, "451 4.3.5 Server configuration error", "temporary_failure"),
        (Step.RCPT, "450 4.7.1 Client host rejected: cannot find your hostname", "temporary_failure"),
        (Step.MAIL, "452 4.3.1 Insufficient system storage", "temporary_failure"),
        (Step.RCPT, "421 4.3.2 shutting down", "temporary_failure"),
        (Step.RCPT, "501 5.1.3 Bad recipient address syntax", None),
        (Step.MAIL, "555 unsupported parameter", "permanent_failure"),
        (Step.RCPT, "554 transaction failed", "permanent_failure"),
        (Step.MAIL, "421 4.7.1 mail.test Error: TLS client certificate not trusted", "client_cert_missing"),
    ],
)  # fmt: skip
def test_a_refusal_means_its_cause(step: Step, said: str, cause: str | None) -> None:
    found = cause_of_refusal(refusal(said.replace("550-", "550 ")), step)
    assert found.code == (cause or "unknown_recipient")


@given(st.text(max_size=100), st.sampled_from(list(Step)), st.integers(400, 499))
def test_a_4xx_is_never_a_failure_but_for_a_certificate_that_no_waiting_mends(text: str, step: Step, code: int) -> None:
    reply = Reply(code, (text.encode("utf-8", "replace"),))
    found = cause_of_refusal(reply, step)
    assert found.verdict is Verdict.TEMPORARY or found.code.startswith("client_cert")


def test_a_cause_that_is_softened_keeps_its_name_and_side() -> None:
    soft = smtp_causes.softened(smtp_causes.RELAY_DENIED)
    assert (soft.code, soft.side) == (smtp_causes.RELAY_DENIED.code, smtp_causes.RELAY_DENIED.side)
    assert soft.verdict is Verdict.TEMPORARY


def test_no_two_causes_share_a_name() -> None:
    codes = [cause.code for cause in smtp_causes.CAUSES]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("250 2.0.0 Ok: queued as 4RTx1k0Zz1z9t", "4RTx1k0Zz1z9t"),
        ("250 OK id=1qGxyz-0001Ab-2C", "1qGxyz-0001Ab-2C"),
        ("250 2.6.0 <x@y> [InternalId=123456789, Hostname=ex1] Queued mail for delivery", "123456789"),
        ("250 2.0.0 3631AbCd012345 Message accepted for delivery", "3631AbCd012345"),
        ("250 ok 1688367600 qp 4711", "4711"),
        ("250 Message Queued (A1B2-C3)", "A1B2-C3"),
        ("250 2.0.0 Ok", ""),
    ],
)
def test_the_queue_id_is_found_where_the_reply_tells_one(said: str, name: str) -> None:
    assert queue_id(refusal(said)) == name


@given(st.binary(max_size=300))
def test_no_message_can_end_itself_early(message: bytes) -> None:
    sent = transparent(message)
    assert sent.endswith(b".\r\n")
    assert sent.count(b"\r\n.\r\n") + sent.startswith(b".\r\n") == 1
    assert b"\r" not in sent.replace(b"\r\n", b"")
    assert b"\n" not in sent.replace(b"\r\n", b"")


def test_leading_dots_are_doubled_and_line_ends_made_whole() -> None:
    assert transparent(b".a\nb\r..c\r\n") == b"..a\r\nb\r\n...c\r\n.\r\n"
