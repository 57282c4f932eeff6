"""The kind `report_loop` over engines, a relay and mailboxes on loopback: each cause reached by one that does it."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from probes.report_loop import ReportLoop
from retabli.model.causes import Side
from retabli.net.mail import tokens
from retabli.net.mail.mail_ledger import in_flight
from retabli.net.mail.tokens import Purpose
from simulator import imap
from simulator.engine import field_of, xdm_archive
from simulator.post import delivery_status
from simulator.smtp import Envelope
from tests.climbing import climb, settings
from tests.mail_world import INSIDE, KEY, OUTSIDE, MailWorld
from tests.net.hl7_engines import Engine, acking, write
from tests.net.peers import closed_port, closing, server_context, serving, serving_tls
from tests.net.xdm_archives import archive, bomb, cda, metadata
from tests.report_world import REPORT, World, mail, report_world, token_of
from tests.said import climbed, counts, told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with report_world(tmp_path) as made:
        yield made


# Arriving -----------------------------------------------------------------------------------------------------------


async def test_a_report_that_arrives_whole_climbs_the_ladder_and_is_removed(world: World) -> None:
    memory: dict[str, Any] = {}
    world.mail.witness["INBOX"].append(b"Subject: somebody's\r\n\r\nleave me")
    result = await climb(world.loop(), memory=memory)
    assert told(result) == ("ok", "on_time", None)
    assert climbed(result) == [*("resolve", "connect", "framed", "acknowledged", "delivered", "content", "on_time")]
    assert (result.rung == result.of, result.whole) == (True, True)
    assert counts(result) == {"sent": 1, "received": 1}
    assert len(result.roundtrips) == 1
    assert world.inbox == [b"Subject: somebody's\r\n\r\nleave me"]
    assert in_flight(memory) == 0
    json.dumps(memory)


async def test_the_placeholders_of_the_message_are_filled_in(world: World) -> None:
    seen: list[bytes] = []

    def make(message: bytes) -> EmailMessage:
        seen.append(message)
        return mail(token_of(message), attached=xdm_archive("x"))

    world.compose(make)
    assert told(await climb(world.loop()))[0] == "ok"
    control = field_of(seen[0], 10)
    assert field_of(seen[0], 1, segment=b"ZRE") == control
    assert re.fullmatch("RT[0-9a-f]{18}", control)
    assert (field_of(seen[0], 2, segment=b"ZRE"), field_of(seen[0], 3, segment=b"ZRE")) == (INSIDE, OUTSIDE)
    assert b"{" not in seen[0]


PLACES: list[Callable[[str], EmailMessage]] = [
    lambda mark: mail(f"[TEST] {mark}", attached=xdm_archive("x")),
    lambda mark: mail(text=f"number {mark}.", attached=xdm_archive("x")),
    lambda mark: mail(attached=b"%PDF-1.4 synthetic", name=f"report-{mark}.pdf", kind="application/pdf"),
    lambda mark: mail(attached=archive(documents={"DOC0001.XML": cda(mark)})),
    lambda mark: mail(attached=archive(content=metadata(DOC0001=cda("x")) + f"<!--{mark}-->".encode())),
    lambda mark: mail(attached=b"%PDF-1.4 " + mark.encode(), name="report.pdf", kind="application/pdf"),
    lambda mark: mail(X_Report_Id=mark, attached=xdm_archive("x")),
]


@pytest.mark.parametrize("place", PLACES, ids=["subject", "text", "name", "document", "metadata", "pdf", "header"])
@pytest.mark.parametrize("what", ["token", "control id"])
async def test_a_report_is_found_by_its_mark_wherever_the_engine_puts_it(
    world: World, place: Callable[[str], EmailMessage], what: str
) -> None:
    world.compose(lambda message: place(token_of(message) if what == "token" else field_of(message, 10)))
    result = await climb(world.loop())
    assert told(result) == ("ok", "on_time", None), result.detail
    assert world.inbox == []


async def test_a_mark_in_capitals_or_folded_is_found(world: World) -> None:
    world.compose(lambda message: mail(field_of(message, 10).upper(), attached=xdm_archive("x")))
    assert told(await climb(world.loop()))[0] == "ok"

    def folded(message: bytes) -> bytes:
        raw = mail("SUBJECT", attached=xdm_archive("x")).as_bytes()
        return raw.replace(b"SUBJECT", b"Compte rendu\r\n " + token_of(message).encode())

    world.compose(folded)
    assert told(await climb(world.loop()))[0] == "ok"


async def test_runs_that_overlap_share_one_memory_and_each_report_ends_once(world: World) -> None:
    memory: dict[str, Any] = {}
    results = await asyncio.gather(*(climb(world.loop(), memory=memory) for _ in range(4)))
    assert [told(result) for result in results] == [("ok", "on_time", None)] * 4
    assert [counts(result) for result in results] == [{"sent": 1, "received": 1}] * 4
    assert in_flight(memory) == 0


async def test_a_report_that_comes_twice_is_a_duplicate(world: World) -> None:
    memory: dict[str, Any] = {}
    kept: list[EmailMessage] = []

    def make(message: bytes) -> EmailMessage:
        kept.append(mail(token_of(message), attached=xdm_archive("x")))
        return kept[-1]

    world.compose(make)
    assert told(await climb(world.loop(), memory=memory))[0] == "ok"
    world.mail.witness["INBOX"].append(kept[0].as_bytes())
    assert counts(await climb(world.loop(), memory=memory)) == {"sent": 1, "received": 1, "duplicate": 1}


async def test_a_commit_is_enough_where_it_is_expected_since_the_mail_proves_the_rest(world: World) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Engine(lambda message: [*committing(message)])(reader, writer)

    def committing(message: bytes) -> list[bytes]:
        world.engine.post(Envelope(INSIDE, (OUTSIDE,), mail(token_of(message), attached=xdm_archive("x")).as_bytes()))
        return acking("CA")(message)

    async with serving(answer) as port:
        result = await climb(world.loop(submit={"port": port, "expect": ["CA"]}))
    assert told(result) == ("ok", "on_time", None)


# Handing over by MLLP -----------------------------------------------------------------------------------------------


async def test_a_stopped_engine_refuses_and_nothing_counts_as_sent(world: World) -> None:
    memory: dict[str, Any] = {}
    result = await climb(world.loop(submit={"port": closed_port()}), memory=memory)
    assert told(result) == ("failed", "connect", "refused")
    assert (counts(result), in_flight(memory)) == ({}, 0)


async def test_a_stopped_channel_is_silent(world: World) -> None:
    world.engine.mllp.position = "silent"
    result = await climb(world.loop(timeout="300ms"))
    assert told(result) == ("failed", "framed", "silent")
    assert result.seconds < 3


async def test_an_engine_that_hangs_up_closed_early(world: World) -> None:
    world.engine.mllp.position = "closes"
    assert told(await climb(world.loop())) == ("failed", "framed", "closed_early")


async def test_a_refused_integration_is_content_and_no_drop_of_the_network(world: World) -> None:
    world.engine.mllp.position = "refuses"
    result = await climb(world.loop())
    assert told(result) == ("failed", "acknowledged", "application_error")
    assert result.cause is not None
    assert result.cause.side is Side.CONTENT
    assert result.detail == "207 application internal error (E)"
    world.engine.mllp.position = "rejects"
    memory: dict[str, Any] = {}
    rejected = await climb(world.loop(), memory=memory)
    assert told(rejected) == ("unknown", "acknowledged", "application_rejected")
    assert (counts(rejected), memory["mail"]["open"]) == ({}, {})


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (acking("CA"), "no_application_ack"),
        (acking("CE"), "commit_error"),
        (acking("CR"), "commit_rejected"),
        (acking("XX"), "unknown_ack_code"),
        (lambda _: [b"\x0bhello\x1c\r"], "not_hl7"),
        (lambda message: acking("AA")(message.replace(b"|RT", b"|ZZ")), "wrong_control_id"),
    ],
)
async def test_what_is_no_acceptance_is_told(world: World, answer: Any, cause: str) -> None:
    async with serving(Engine(answer, then=closing)) as port:
        assert told(await climb(world.loop(submit={"port": port})))[1:] == ("acknowledged", cause)


async def test_what_the_wire_shows_is_told_as_by_the_kind_that_only_speaks_hl7(
    world: World, authority: trustme.CA, ca_file: Path
) -> None:
    for said, cause in ((b"220 mail.example", "bad_frame"), (b"\x0b\x15\x1c\r", "mllp_nak")):
        async with serving(Engine(lambda _, said=said: [said])) as port:  # type: ignore[misc]
            assert told(await climb(world.loop(submit={"port": port})))[1:] == ("framed", cause)
    async with serving_tls(server_context(authority.issue_cert("localhost"))) as port:
        assert told(await climb(world.loop(submit={"port": port}))) == ("failed", "framed", "tls_wanted")
    tls = {"tls": {"ca": str(ca_file)}}
    assert told(await climb(world.loop(submit=tls, timeout="300ms"))) == ("failed", "tls", "tls_unanswered")


async def test_an_old_arrival_does_not_stay_green_when_the_hand_over_fails(world: World) -> None:
    memory: dict[str, Any] = {}
    assert told(await climb(world.loop(), memory=memory))[0] == "ok"
    await world.serving.stop()
    assert told(await climb(world.loop(), memory=memory)) == ("failed", "connect", "refused")


async def test_a_message_that_became_a_real_one_is_never_handed_over(world: World) -> None:
    probe = world.loop()
    write(world.folder, REPORT.replace(b"|T|", b"|P|"))
    assert told(await climb(probe)) == ("unknown", "resolve", "not_a_test")
    assert world.inbox == []


# Not arriving ---------------------------------------------------------------------------------------------------------


async def test_a_stuck_engine_is_late_then_lost(world: World) -> None:
    world.engine.position = "stuck"
    memory: dict[str, Any] = {}
    probe = world.loop(within="400ms", lost_after="500ms")
    first = await climb(probe, memory=memory)
    assert told(first) == ("failed", "delivered", "late")
    assert counts(first) == {"sent": 1}
    assert counts(await climb(probe, memory=memory)) == {"sent": 1, "lost": 1}


async def test_an_older_report_that_comes_late_shows_that_something_holds(world: World) -> None:
    memory: dict[str, Any] = {}
    held: list[bytes] = []
    sent = asyncio.Event()

    async def keep(message: bytes) -> None:
        held.append(mail(token_of(message), attached=xdm_archive("x")).as_bytes())
        sent.set()

    world.engine.take = keep  # type: ignore[method-assign]
    probe = world.loop(within="700ms")
    assert told(await climb(probe, memory=memory)) == ("failed", "delivered", "late")
    sent.clear()
    second = asyncio.create_task(climb(probe, memory=memory))
    await sent.wait()
    await asyncio.sleep(0.2)  # a look after the present one was sent and before the old one comes
    world.mail.witness["INBOX"].append(held[0])
    result = await second
    assert told(result) == ("ok", "acknowledged", "relay_holding")
    assert counts(result) == {"sent": 1, "late": 1}
    assert not result.whole


def slow_whole(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the mailboxes' server take so long for each whole message."""
    fetch = imap._Conversation.fetch

    async def slow(self: imap._Conversation, tag: str, rest: list[str]) -> None:
        if "BODY.PEEK[]" in rest[1]:
            await asyncio.sleep(seconds)
        await fetch(self, tag, rest)

    monkeypatch.setattr(imap._Conversation, "fetch", slow)


async def test_of_two_reports_in_one_slow_sweep_none_is_missed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    memory: dict[str, Any] = {}
    world.engine.position = "stuck"
    assert told(await climb(world.loop(within="300ms"), memory=memory)) == ("failed", "delivered", "late")

    async def take(message: bytes) -> None:
        for _ in range(2):  # the newer one is somebody's
            mark = token_of(message) if not world.inbox else "somebody's"
            world.mail.witness["INBOX"].append(mail(mark, attached=xdm_archive("x")).as_bytes())

    world.engine.take = take  # type: ignore[method-assign]
    slow_whole(monkeypatch, 0.9)
    result = await climb(world.loop(timeout="1500ms"), memory=memory)
    assert told(result) == ("ok", "on_time", None), result.detail
    assert counts(result) == {"sent": 1, "received": 1}
    assert len(world.inbox) == 1


async def test_a_report_that_came_in_time_is_on_time_however_late_it_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take(message: bytes) -> None:
        for mark in (token_of(message), "somebody's"):
            world.mail.witness["INBOX"].append(mail(mark, attached=xdm_archive("x")).as_bytes())

    world.engine.take = take  # type: ignore[method-assign]
    slow_whole(monkeypatch, 0.9)
    result = await climb(world.loop(timeout="1500ms", within="800ms"))
    assert told(result) == ("ok", "on_time", None), result.detail
    assert counts(result) == {"sent": 1, "received": 1}


async def test_a_report_that_is_there_and_unread_is_not_late_and_is_received_by_a_later_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory: dict[str, Any] = {}
    assert told(await climb(world.loop(), memory=memory))[0] == "ok"
    engine = world.engine.take

    async def take(message: bytes) -> None:
        world.mail.witness["INBOX"].append(mail(token_of(message), attached=xdm_archive("x")).as_bytes())
        for _ in range(4):
            world.mail.witness["INBOX"].append(mail(attached=xdm_archive("x")).as_bytes())

    world.engine.take = take  # type: ignore[method-assign]
    with monkeypatch.context() as patch:
        slow_whole(patch, 0.9)
        result = await climb(world.loop(timeout="1500ms", within="700ms"), memory=memory)
    assert told(result) == ("unknown", "delivered", "mailbox_unreadable"), result.detail
    assert result.detail == "witness: messages that came meanwhile are not read"
    assert (counts(result), in_flight(memory)) == ({"sent": 1}, 1)
    world.engine.take = engine  # type: ignore[method-assign]
    assert counts(await climb(world.loop(), memory=memory)) == {"sent": 1, "received": 2}
    assert in_flight(memory) == 0


async def test_a_backlog_from_before_a_run_does_not_hide_that_its_report_is_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory: dict[str, Any] = {}
    assert told(await climb(world.loop(), memory=memory))[0] == "ok"
    world.engine.position = "stuck"
    slow_whole(monkeypatch, 0.9)
    keys: dict[str, Any] = {"timeout": "1500ms", "within": "700ms"}
    run = asyncio.create_task(climb(world.loop(**keys), memory=memory))
    for _ in range(6):
        world.mail.witness["INBOX"].append(mail(attached=xdm_archive("x")).as_bytes())
    assert told(await run) == ("unknown", "delivered", "mailbox_unreadable")
    assert told(await climb(world.loop(**keys), memory=memory)) == ("failed", "delivered", "late")


async def test_an_answer_that_is_there_and_unread_is_not_missed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    memory: dict[str, Any] = {}
    answering(world, "displayed")
    assert told(await climb(world.loop(mdn=True, bounces="inside"), memory=memory))[0] == "ok"
    take = world.engine.take

    async def flooded(message: bytes) -> None:
        await take(message)
        for _ in range(4):
            world.mail.inside["INBOX"].append(MALFORMED_NOTIFICATION)

    world.engine.take = flooded  # type: ignore[method-assign]
    slow_whole(monkeypatch, 0.9)
    keys: dict[str, Any] = {"timeout": "1500ms", "within": "1700ms"}
    result = await climb(world.loop(mdn=True, bounces="inside", **keys), memory=memory)
    assert told(result) == ("unknown", "answered", "mailbox_unreadable"), result.detail


async def test_a_report_in_the_junk_folder_is_in_spam(world: World) -> None:
    world.mail.outside_mx.boxes[OUTSIDE] = world.mail.witness["Junk"]
    assert told(await climb(world.loop())) == ("failed", "delivered", "in_spam")


async def test_a_bounce_is_the_partners_own_explanation_also_by_the_control_id_alone(world: World) -> None:
    world.mail.outside_mx.closed = True
    world.compose(lambda message: mail(field_of(message, 10), attached=xdm_archive("x")))
    result = await climb(world.loop(bounces="inside"))
    assert told(result) == ("failed", "delivered", "bounced")
    assert "5.7.1" in result.detail
    assert counts(result) == {"sent": 1, "bounced": 1}
    assert world.mail.inside["INBOX"].messages == []


async def test_somebody_elses_bounces_and_reports_are_left_alone(world: World) -> None:
    other = Envelope(INSIDE, (OUTSIDE,), b"Message-ID: <other@chu.example>\r\nSubject: x\r\n\r\nx")
    world.mail.inside["INBOX"].append(delivery_status("mx", other, OUTSIDE, "5.1.1", "unknown"))
    stranger = tokens.sign(KEY, Purpose.REPORT, tokens.new_series(), 1, 4_102_444_800_000)
    for subject in (stranger.text, "RT0123456789abcdef01", "nothing"):
        world.mail.witness["INBOX"].append(mail(subject, attached=xdm_archive("x")).as_bytes())
    result = await climb(world.loop(bounces="inside"))
    assert counts(result) == {"sent": 1, "received": 1}
    assert (len(world.inbox), len(world.mail.inside["INBOX"].messages)) == (3, 1)
    assert result.properties["unknown_reports"] == "2"


async def test_a_report_that_somebody_forwards_or_answers_is_no_arrival(world: World) -> None:
    def make(message: bytes) -> bytes:
        mark = token_of(message)
        for quoting in (
            mail(f"Re: {mark}", attached=xdm_archive(mark), In_Reply_To="<x@chu.example>"),
            mail(f"Fwd: {mark}", attached=xdm_archive(mark)),
        ):
            if "In-Reply-To" not in quoting:
                quoting.replace_header("From", "someone@outside.example")
            world.mail.witness["INBOX"].append(quoting.as_bytes())
        return mail("nothing").as_bytes()

    world.compose(make)
    result = await climb(world.loop(within="600ms"))
    assert told(result) == ("failed", "delivered", "late")
    assert len(world.inbox) == 3


async def test_only_what_the_sender_sent_is_ever_looked_into(world: World) -> None:
    """Others' mail in either mailbox stays unread, as far as more than its headers goes."""
    asked: list[str] = []
    talk = world.mail.imap_server.talk

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read = reader.readuntil

        async def overheard(separator: bytes = b"\n") -> bytes:
            line = await read(separator)
            asked.append(line.decode("latin-1"))
            return line

        reader.readuntil = overheard  # type: ignore[method-assign,assignment]
        await talk(reader, writer)

    world.mail.imap._talk = listen
    other = mail("private", attached=xdm_archive("x"))
    other.replace_header("From", "someone@outside.example")
    world.mail.witness["INBOX"].append(other.as_bytes())
    world.mail.inside["INBOX"].append(other.as_bytes())
    assert told(await climb(world.loop(bounces="inside")))[0] == "ok"
    whole = [line for line in asked if "BODY.PEEK[]" in line]
    assert len(whole) == 1, whole


async def test_a_mailbox_that_cannot_be_read_leaves_the_arrival_unjudged(world: World) -> None:
    await world.mail.imap.stop()
    result = await climb(world.loop(within="300ms"))
    assert told(result) == ("unknown", "delivered", "mailbox_unreadable")
    await world.serving.stop()
    assert told(await climb(world.loop(within="300ms"))) == ("failed", "connect", "refused")


async def test_a_refused_mailbox_login_leaves_the_arrival_unjudged(world: World) -> None:
    wrong = world.mail.mailbox("witness", password={"file": str(world.folder / "wrong")})
    assert told(await climb(world.loop(mailbox=wrong))) == ("unknown", "delivered", "mailbox_auth_refused")


async def test_a_cancelled_run_leaves_its_report_to_the_next(world: World) -> None:
    memory: dict[str, Any] = {}
    held: list[bytes] = []
    sent = asyncio.Event()

    async def keep(message: bytes) -> None:
        held.append(mail(token_of(message), attached=xdm_archive("x")).as_bytes())
        sent.set()

    take = world.engine.take
    world.engine.take = keep  # type: ignore[method-assign]
    run = asyncio.create_task(climb(world.loop(within="20s"), memory=memory))
    await sent.wait()
    await asyncio.sleep(0.2)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert in_flight(memory) == 1
    world.mail.witness["INBOX"].append(held[0])
    world.engine.take = take  # type: ignore[method-assign]
    assert counts(await climb(world.loop(), memory=memory)) == {"sent": 1, "received": 2}


# Content --------------------------------------------------------------------------------------------------------------


def pdf(content: bytes) -> Callable[[str], EmailMessage]:
    return lambda mark: mail(mark, attached=content, name="report.pdf", kind="application/pdf")


BROKEN: dict[str, tuple[Callable[[str], EmailMessage], str]] = {
    "nothing attached": (lambda mark: mail(mark), "archive_missing"),
    "another name": (lambda mark: mail(mark, attached=xdm_archive("x"), name="archive.zip"), "archive_missing"),
    "half": (lambda mark: mail(mark, attached=xdm_archive("x")[:300]), "archive_broken"),
    "bomb": (lambda mark: mail(mark, attached=bomb()), "archive_bomb"),
    "no metadata": (lambda mark: mail(mark, attached=archive(content=None)), "metadata_missing"),
    "metadata no xml": (lambda mark: mail(mark, attached=archive(content=b"<a")), "metadata_broken"),
    "document missing": (
        lambda mark: mail(mark, attached=archive(documents={}, content=metadata(DOC0001=cda("x")))),
        "document_missing",
    ),
    "document altered": (
        lambda mark: mail(
            mark, attached=archive(documents={"DOC0001.XML": cda("y")}, content=metadata(DOC0001=cda("x")))
        ),
        "document_altered",
    ),
    "no cda": (lambda mark: mail(mark, attached=archive(documents={"DOC0001.XML": b"<a/>"})), "document_not_cda"),
    "no pdf": (pdf(b"<html>"), "pdf_broken"),
    "too large": (lambda mark: mail(mark, attached=os.urandom(2_500_000)), "report_too_large"),
    "too many lines": (lambda mark: mail(mark, text="a\n" * 70_000), "report_too_large"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_report_that_arrives_broken_is_a_fault_of_content(world: World, name: str) -> None:
    make, code = BROKEN[name]
    world.compose(lambda message: make(token_of(message)))
    result = await climb(world.loop())
    assert told(result) == ("failed", "content", code), result.detail
    assert result.cause is not None
    assert result.cause.side is Side.CONTENT
    assert counts(result) == {"sent": 1, "received": 1}
    assert world.inbox == []


async def test_a_pdf_is_no_archive_where_an_archive_is_expected_and_the_reverse(world: World) -> None:
    world.compose(lambda message: pdf(b"%PDF-1.4")(token_of(message)))
    assert told(await climb(world.loop(expect=["xdm"]))) == ("failed", "content", "archive_missing")
    assert told(await climb(world.loop(expect=["pdf"]))) == ("ok", "on_time", None)
    world.compose(lambda message: mail(token_of(message), attached=xdm_archive("x")))
    assert told(await climb(world.loop(expect=["pdf"]))) == ("failed", "content", "archive_missing")


MALFORMED_NOTIFICATION = (
    b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/disposition-notification\r\n\r\nDisposition: ;;;;\r\n--b--\r\n"
)


async def test_hostile_mails_are_passed_over(world: World) -> None:
    nested = b"".join(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" for _ in range(150))
    hostile = [
        f"From: {INSIDE}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".encode() + nested,
        f"From: {INSIDE}\r\n".encode() + b"a:b\r\n" * 50_000 + b"\r\n",
        f"From: {INSIDE}\r\n\r\n".encode() + b"RT" * 1_000_000,
        f"From: {INSIDE}\r\n\r\n".encode() + b"v1." * 700_000,
        f"From: {INSIDE}\r\nContent-Type: application/zip; name*0*=x''%ff; name*1=\r\n\r\n".encode(),
        f"From: {INSIDE}\r\nSubject: =?utf-8?b?////?=\r\n\r\n\xff\xfe".encode("latin-1"),
        MALFORMED_NOTIFICATION,
    ]
    for message in hostile:
        world.mail.witness["INBOX"].append(message)
    assert told(await climb(world.loop())) == ("ok", "on_time", None)
    assert len(world.inbox) == len(hostile)


# Answers --------------------------------------------------------------------------------------------------------------


def notification(about: bytes, disposition: str, *, quoting: bool = True) -> bytes:
    """What a mail program sends back about a message (RFC 8098, section 9)."""
    found = re.search(rb"Message-ID: (\S+)", about, re.IGNORECASE)
    assert found is not None
    head = (
        "From: <prescriber@outside.example>\r\nSubject: Disposition notification\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nRead.\r\n"
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\nReporting-UA: outside.example; Test\r\n"
        f"Final-Recipient: rfc822;{OUTSIDE}\r\nOriginal-Message-ID: {found[1].decode()}\r\n"
        f"Disposition: manual-action/MDN-sent-manually; {disposition}\r\n\r\n"
    )
    quoted = b"--b\r\nContent-Type: message/rfc822-headers\r\n\r\n" + about.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    return head.encode() + (quoted if quoting else b"") + b"--b--\r\n"


def answering(
    world: World, disposition: str, *, quoting: bool = True, subject: bool = True, before: bool = False
) -> None:
    async def take(message: bytes) -> None:
        mark = token_of(message)
        made = mail(mark if subject else "report", attached=archive(documents={"DOC0001.XML": cda(mark)})).as_bytes()
        answer = notification(made, disposition, quoting=quoting)
        if before:
            world.mail.inside["INBOX"].append(answer)
            await asyncio.sleep(0.5)
        world.mail.witness["INBOX"].append(made)
        if not before:
            world.mail.inside["INBOX"].append(answer)

    world.engine.take = take  # type: ignore[method-assign]


@pytest.mark.parametrize("quoting", [True, False], ids=["quoting", "by Message-ID alone"])
async def test_an_answered_report_climbs_to_the_end(world: World, quoting: bool) -> None:
    answering(world, "displayed", quoting=quoting)
    result = await climb(world.loop(mdn=True, bounces="inside"))
    assert told(result) == ("ok", "on_time", None)
    assert climbed(result)[-2:] == ["answered", "on_time"]
    assert result.properties["disposition"] == "displayed"
    if quoting:
        assert world.mail.inside["INBOX"].messages == []


async def test_an_answer_that_is_read_before_the_report_counts_too(world: World) -> None:
    answering(world, "processed", quoting=False, subject=False, before=True)
    assert told(await climb(world.loop(mdn=True, bounces="inside"))) == ("ok", "on_time", None)


async def test_a_report_without_answer_is_told(world: World) -> None:
    result = await climb(world.loop(mdn=True, bounces="inside", within="700ms"))
    assert told(result) == ("failed", "answered", "no_mdn")
    assert climbed(result)[-1] == "content"


@pytest.mark.parametrize("disposition", ["deleted", "displayed/error", "failed", "denied"])
async def test_an_answer_that_says_no_is_told(world: World, disposition: str) -> None:
    answering(world, disposition)
    result = await climb(world.loop(mdn=True, bounces="inside"))
    assert told(result) == ("failed", "answered", "mdn_refused")
    assert result.detail == disposition.split("/")[0]


async def test_a_mailbox_of_answers_that_cannot_be_read_leaves_them_unjudged(world: World) -> None:
    gone = world.mail.mailbox("inside", port=closed_port())
    result = await climb(world.loop(mdn=True, bounces=gone, within="700ms"))
    assert told(result) == ("unknown", "answered", "mailbox_unreadable")


# Settings -------------------------------------------------------------------------------------------------------------


def test_what_is_wrong_together_is_told(tmp_path: Path) -> None:
    world = MailWorld(tmp_path)

    def faults(**keys: Any) -> list[str]:
        submit = {"host": "engine.example", "message": write(tmp_path, REPORT), **keys.pop("submit", {})}
        probe = settings(ReportLoop, context=world.context, submit=submit, mailbox="witness", key=world.key, **keys)
        return list(probe.faults())

    assert faults() == []
    submit = {"host": "engine.example", "message": write(tmp_path, REPORT)}
    probe = settings(ReportLoop, context=world.context, submit=submit, mailbox="witness", key=world.key)
    assert "mail_from" in next(probe.warnings())
    named = {"directory": str(tmp_path), "message": submit["message"], "file_name": "{control_id}.txt"}
    unmarked = settings(ReportLoop, context=world.context, submit=named, mailbox="witness", key=world.key)
    assert "RETABLI" in next(unmarked.warnings())
    assert "one of the two" in faults(submit={"directory": "/tmp"})[0]
    assert "one of the two" in faults(submit={"host": None})[0]
    assert "starttls" in faults(submit={"tls": {"mode": "starttls"}})[0]
    assert "lost_after" in faults(within="2h")[0]
    assert "bounces" in faults(mdn=True)[0]
    assert "not the agreed test patient" in faults(patient_mark="999000123")[0]
    real = write(tmp_path, REPORT.replace(b"|T|", b"|P|"), "real.hl7")
    assert "MSH-11" in faults(submit={"message": real})[0]
    with pytest.raises(ValidationError, match="MSH"):
        faults(submit={"message": write(tmp_path, b"hello", "none.hl7")})
    with pytest.raises(ValidationError, match="file_name"):
        faults(submit={"file_name": "../{control_id}"})


def test_its_ladder_rhythm_and_openings_follow_from_its_settings(tmp_path: Path) -> None:
    world = MailWorld(tmp_path)
    submit = {"host": "engine.example", "message": write(tmp_path, REPORT), "tls": {"ca": "ca.pem"}}
    keys: dict[str, Any] = {"mailbox": "witness", "key": world.key}
    probe = settings(ReportLoop, context=world.context, submit=submit, bounces="inside", mdn=True, **keys)
    assert [stage.id for stage in probe.climbs()] == [
        *("resolve", "connect", "tls", "framed", "acknowledged", "delivered", "content", "answered", "on_time")
    ]
    assert list(probe.openings()) == [
        ("engine.example", 2575, "tcp"),
        ("127.0.0.1", 993, "tcp"),
        ("127.0.0.1", 993, "tcp"),
    ]
    assert (probe.every, probe.patience, probe.in_flight) == (300.0, 180.0, 2)
    assert probe.deadline > 200
    submit = {"directory": "/srv/out", "message": write(tmp_path, REPORT)}
    unsent = {"directory": "/srv/queue", "max_age": "1h"}
    by_file = settings(ReportLoop, context=world.context, submit=submit, unsent=unsent, **keys)
    assert [stage.id for stage in by_file.climbs()] == [
        *("unsent", "written", "taken", "delivered", "content", "on_time")
    ]
    assert by_file.deadline > probe.deadline


async def test_the_loop_is_not_blocked(world: World) -> None:
    import hl7  # noqa: F401 - imported when first used

    probe = world.loop()
    with blockbuster_ctx() as bust:
        for function in bust.functions.values():
            function.can_block_in("retabli/model/settings.py", "_raw")  # secrets are a few bytes
            function.can_block_in("retabli/net/mail/mailbox_book.py", "_changed_at")
        assert told(await climb(probe))[0] == "ok"
