"""The SMTP session as mail probes use it: a message handed over, and what the server says to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from retabli.model import stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Outcome, Result
from retabli.model.settings import Secret, Submit, Tls
from retabli.net.connect import open_connection
from retabli.net.mail.credentials import clear_fault, refuse_clear
from retabli.net.mail.smtp import SmtpSession, open_session, submission_stages
from tests.mail_servers import HOST, Answer, SmtpServer, closes

MESSAGE = b"Subject: probe\n\n.one leading dot\n\n.\nlast line"


async def hand_over(port: int, message: bytes = MESSAGE) -> tuple[Result, str]:
    submit = Submit(host=HOST, port=port)
    ladder = Ladder((*submission_stages(submit), stages.ENVELOPE, stages.ACCEPTED))
    queue_id, error = "", None
    try:
        async with await open_session(ladder, submit) as session:
            await session.envelope(ladder, "probe@chu.test", ["a@outside.test", "b@outside.test"], len(message))
            queue_id = await session.data(ladder, message)
    except (Fall, OSError) as left:
        error = left
    return ladder.finish(beat=0.0, started=0.0, error=error), queue_id


class Keeper:
    """Keeps what aiosmtpd, a server that is not ours, was given."""

    def __init__(self) -> None:
        self.kept: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        self.kept.append(envelope)
        return "250 2.0.0 Ok: queued as ABCDEF12"


@asynccontextmanager
async def another_server(keeper: Keeper) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keeper, enable_SMTPUTF8=True, loop=loop), HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


async def test_another_s_server_is_given_the_message_byte_for_byte() -> None:
    keeper = Keeper()
    async with another_server(keeper) as port:
        result, queue_id = await hand_over(port)
    assert result.outcome is Outcome.OK
    assert queue_id == "ABCDEF12"
    (envelope,) = keeper.kept
    assert envelope.content == b"Subject: probe\r\n\r\n.one leading dot\r\n\r\n.\r\nlast line\r\n"
    assert (envelope.mail_from, envelope.rcpt_tos) == ("probe@chu.test", ["a@outside.test", "b@outside.test"])


@pytest.mark.parametrize(
    ("answers", "stage", "cause"),
    [
        ({"DATA": b"554 5.5.1 no valid recipients\r\n"}, "accepted", "message_refused"),
        ({"DATA": b"250 what\r\n"}, "accepted", "garbage"),
        ({"DATA": closes}, "accepted", "closed_early"),
        ({"END": b"554 5.7.1 message content rejected\r\n"}, "accepted", "message_refused"),
        ({"END": b"550 5.7.1 blocked by policy: spamhaus\r\n"}, "accepted", "block_listed"),
        ({"END": b"552 5.3.4 too big\r\n"}, "accepted", "too_big"),
        ({"END": b"552 5.2.2 over quota\r\n"}, "accepted", "mailbox_full"),
        ({"END": b"451 4.7.1 greylisted\r\n"}, "accepted", "greylisted"),
        ({"END": b"451 4.3.0 disk\r\n"}, "accepted", "temporary_failure"),
        ({"END": closes}, "accepted", "closed_early"),
        ({"RCPT TO:<b@outside.test>": b"550 5.1.1 no\r\n"}, "envelope", "unknown_recipient"),
    ],
)
async def test_a_message_that_is_not_taken_gets_its_cause(answers: dict[str, Answer], stage: str, cause: str) -> None:
    async with SmtpServer(answers=answers).listening() as port:
        result, _ = await hand_over(port)
    assert result.stage is not None
    assert result.cause is not None
    assert (result.stage.id, result.cause.code) == (stage, cause)


async def test_a_message_beyond_the_announced_size_is_not_even_offered() -> None:
    server = SmtpServer(("SIZE 10",))
    async with server.listening() as port:
        result, _ = await hand_over(port)
    assert result.cause is not None
    assert result.cause.code == "too_big"
    assert not any(command.startswith("MAIL") for command in server.commands)


async def test_the_size_is_told_where_the_server_takes_it() -> None:
    server = SmtpServer()
    async with server.listening() as port:
        await hand_over(port)
    assert f"MAIL FROM:<probe@chu.test> SIZE={len(MESSAGE)} BODY=8BITMIME" in server.commands


async def test_the_queue_id_is_the_server_s_own() -> None:
    async with SmtpServer().listening() as port:
        result, queue_id = await hand_over(port)
    assert (result.outcome, queue_id) == (Outcome.OK, "4F1A2B3C")


async def test_a_bounce_s_null_sender_is_written_as_such() -> None:
    server = SmtpServer()
    async with server.listening() as port:
        submit = Submit(host=HOST, port=port)
        ladder = Ladder((*submission_stages(submit), stages.ENVELOPE))
        async with await open_session(ladder, submit, ehlo_name="probe.chu.test") as session:
            await session.envelope(ladder, "", ["a@outside.test"])
    assert server.commands[0] == "EHLO probe.chu.test"
    assert "MAIL FROM:<> BODY=8BITMIME" in server.commands


def test_a_password_is_held_back_from_a_clear_connection_to_another_machine() -> None:
    with pytest.raises(Fall) as fall:
        refuse_clear(encrypted=False, peer="10.0.0.1")
    assert fall.value.cause.code == "credentials_in_clear"
    refuse_clear(encrypted=False, peer="127.0.0.1")
    refuse_clear(encrypted=False, peer="::1")
    refuse_clear(encrypted=True, peer="10.0.0.1")


async def test_a_session_in_clear_with_another_machine_never_sends_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    server = SmtpServer(("AUTH PLAIN",), accounts={"probe": "secret"})
    async with server.listening() as port:
        submit = Submit(host=HOST, port=port, user="probe", password=Secret(env="PASSWORD"))
        ladder = Ladder(submission_stages(submit))
        connection = await open_connection(ladder, HOST, port)
        connection.address = "192.0.2.1"  # as if it were elsewhere
        session = SmtpSession(connection, submit.tls, "probe.chu.test")
        with pytest.raises(Fall) as fall:
            async with session:
                await session.begin(ladder, submit)
    assert fall.value.cause.code == "credentials_in_clear"
    assert server.commands == ["EHLO probe.chu.test"]


def test_a_name_is_this_machine_only_when_nothing_else_can_be_meant() -> None:
    clear = Tls(mode="none")
    assert clear_fault(clear, "127.0.0.1") is None
    assert clear_fault(clear, "[::1]") is None
    assert clear_fault(clear, "localhost.") is None
    assert clear_fault(clear, "127.0.0.1.example") is not None
    assert clear_fault(clear, "localhost.example") is not None
    assert clear_fault(Tls(mode="starttls"), "relay.test") is None
