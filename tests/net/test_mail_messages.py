"""The probe's message: marked for people and machines, and its attachment checked."""

import email
import email.policy
import hashlib

from retabli.net.mail import mail_messages, tokens
from retabli.net.mail.tokens import HEADER, Purpose

TOKEN = tokens.sign(b"key", Purpose.LOOP, "0123456789ab", 1_234_567, 1_688_371_200_000)
MESSAGE = mail_messages.compose(TOKEN, "probe@chu.example", "probe@outside.example")


def test_the_token_stands_whole_in_header_subject_and_message_id() -> None:
    lines = MESSAGE.split(b"\r\n")
    assert f"{HEADER}: {TOKEN.text}".encode() in lines
    assert f"Subject: [Retabli probe] {TOKEN.text}".encode() in lines
    assert f"Message-ID: <{TOKEN.text}@chu.example>".encode() in lines


def test_no_robot_answers_it_and_people_read_in_both_languages_what_it_is() -> None:
    parsed = email.message_from_bytes(MESSAGE, policy=email.policy.default)
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["X-Auto-Response-Suppress"] == "All"
    body = parsed.get_body()
    assert body is not None
    text = body.get_content()
    assert "aucune donnée de patient" in text
    assert "no patient data" in text
    assert "probe@chu.example" in text


def test_it_can_be_sent_as_it_is() -> None:
    assert MESSAGE.isascii()
    assert all(len(line) < 998 for line in MESSAGE.split(b"\r\n"))
    assert b"\n" not in MESSAGE.replace(b"\r\n", b"")


def test_the_attachment_is_intact_and_its_checksum_is_told() -> None:
    assert mail_messages.attachment_intact(MESSAGE, TOKEN)
    checksum = hashlib.sha256(mail_messages.attachment(TOKEN)).hexdigest()
    assert f"X-Retabli-Attachment: sha256={checksum}".encode() in MESSAGE


def test_a_change_of_line_ends_on_the_way_leaves_it_intact() -> None:
    assert mail_messages.attachment_intact(MESSAGE.replace(b"\r\n", b"\n"), TOKEN)


def test_a_stripped_and_a_replaced_attachment_are_seen() -> None:
    parsed = email.message_from_bytes(MESSAGE, policy=email.policy.default)
    text = parsed.get_body()
    assert text is not None
    assert not mail_messages.attachment_intact(text.as_bytes(), TOKEN)
    replaced = MESSAGE.replace(b"filename=", b"renamed=").replace(b"attachment;", b"inline;")
    assert not mail_messages.attachment_intact(replaced, TOKEN)


def test_the_attachment_of_another_token_is_not_ours() -> None:
    other = tokens.sign(b"key", Purpose.LOOP, "0123456789ab", 2, TOKEN.sent)
    assert not mail_messages.attachment_intact(MESSAGE, other)
