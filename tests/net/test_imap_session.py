"""The IMAP session as mail probes use it: searching, fetching, waiting, and removing only what is ours."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Mailbox
from retabli.net.connect import open_connection
from retabli.net.mail.imap import ImapSession, mailbox_stages, open_mailbox
from tests.mail_servers import HOST, ImapServer, Peer, closes, stays_silent


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")


def mailbox(port: int) -> Mailbox:
    given = {"imap": HOST, "port": port, "tls": {"mode": "none"}, "user": "probe", "password": {"env": "PASSWORD"}}
    return Mailbox.model_validate(given, context={"folder": Path()})


@asynccontextmanager
async def session_with(server: ImapServer) -> AsyncIterator[ImapSession]:
    async with server.listening() as port:
        session = await open_mailbox(mailbox(port))
        async with session:
            yield session


async def test_without_a_ladder_a_failure_is_a_fall_that_names_its_step() -> None:
    async with ImapServer(accounts={}).listening() as port:
        with pytest.raises(Fall) as fall:
            await open_mailbox(mailbox(port))
    assert fall.value.cause.code == "auth_refused"
    assert fall.value.detail.startswith("auth: NO [AUTHENTICATIONFAILED]")
    with pytest.raises(Fall) as fall:
        await open_mailbox(mailbox(port))
    assert fall.value.cause.code == "refused"
    assert fall.value.detail.startswith("connect: ")


async def test_without_a_ladder_the_caller_s_deadline_stays_a_cancellation() -> None:
    async with ImapServer(greeting=stays_silent).listening() as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await open_mailbox(mailbox(port))


async def test_a_session_in_clear_with_another_machine_never_sends_the_password() -> None:
    server = ImapServer()
    async with server.listening() as port:
        ladder = Ladder(mailbox_stages(mailbox(port)))
        connection = await open_connection(ladder, HOST, port)
        connection.address = "192.0.2.1"  # as if it were elsewhere
        with pytest.raises(Fall) as fall:
            async with ImapSession(connection) as session:
                await session.begin(ladder, mailbox(port))
    assert fall.value.cause.code == "credentials_in_clear"
    assert server.commands == ["CAPABILITY"]


async def test_a_folder_is_selected_and_searched() -> None:
    server = ImapServer()
    async with session_with(server) as session:
        selected = await session.select("INBOX")
        found = await session.search(["HEADER", "X-Token", 'a "b"', "SINCE", date(2023, 7, 3)])
    assert (selected.exists, selected.uid_validity, selected.uid_next) == (2, 7, 13)
    assert found == [4, 12]
    assert 'UID SEARCH HEADER X-Token "a \\"b\\"" SINCE 3-Jul-2023' in server.commands


async def test_a_search_for_words_beyond_ascii_sends_a_literal() -> None:
    server = ImapServer()
    async with session_with(server) as session:
        await session.search(["OR", ["SUBJECT", "rétabli"], "UNSEEN"])
    assert "UID SEARCH CHARSET UTF-8 OR (SUBJECT rétabli) UNSEEN" in server.commands


FETCHED = (
    b"* 9 FETCH (FLAGS (\\Seen))\r\n"  # somebody else's, unasked
    b"* 2 FETCH (UID 12 FLAGS (\\Recent $Own) RFC822.SIZE 26 "
    b'INTERNALDATE " 3-Jul-2023 09:00:00 +0200" BODY[]<0> {26}\r\nSubject: (x\r\n\r\nhello "you")\r\n'
    b"* 1 FETCH (BODY[]<0> {5}\r\nfirst UID 4 RFC822.SIZE 900 FLAGS () INTERNALDATE NIL)\r\n"
    b"* 5 FETCH (UID 77 BODY[]<0> {3}\r\nnot FLAGS ())\r\n"
    b"%s OK done\r\n"
)


async def test_messages_are_fetched_whatever_the_order_and_nobody_else_s() -> None:
    server = ImapServer(answers={"UID FETCH": FETCHED})
    async with session_with(server) as session:
        first, second = await session.fetch([12, 4], body_limit=100)
    assert (first.uid, first.content, first.whole, first.arrived) == (4, b"first", False, 0.0)
    assert second.content == b'Subject: (x\r\n\r\nhello "you"'
    assert (second.uid, second.size, second.whole) == (12, 26, True)
    assert second.flags == {"\\Recent", "$Own"}
    assert second.arrived == 1688367600.0
    assert "UID FETCH 4,12 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[]<0.100>)" in server.commands


async def test_a_literal_beyond_what_was_asked_is_refused_before_it_is_read() -> None:
    answer = b"* 1 FETCH (UID 4 BODY[]<0> {3000000000}\r\n"
    async with ImapServer(answers={"UID FETCH": answer}).listening() as port:
        session = await open_mailbox(mailbox(port))
        with pytest.raises(Fall) as fall:
            async with session:
                await session.fetch([4], body_limit=100)
    assert fall.value.cause.code == "too_long"
    assert "3000000000" in fall.value.detail


async def test_only_ours_are_expunged() -> None:
    server = ImapServer()
    async with session_with(server) as session:
        assert await session.delete([3, 1, 2, 9])
    assert server.commands[-3:-1] == ["UID STORE 1:3,9 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 1:3,9"]


async def test_without_uidplus_nothing_is_expunged_while_others_are_marked() -> None:
    server = ImapServer(offers="IMAP4rev1")  # its search always finds 4 and 12
    async with session_with(server) as session:
        assert not await session.delete([4])
        assert "EXPUNGE" not in server.commands
        assert await session.delete([4, 12])
        assert "EXPUNGE" in server.commands


async def _new_mail_soon(peer: Peer) -> None:
    await peer.send(b"+ idling\r\n* OK still here\r\n")
    await asyncio.sleep(0.02)
    await peer.send(b"* 3 EXISTS\r\n")
    assert await peer.line() == b"DONE"
    await peer.send(b"R4 OK done\r\n")


async def test_waiting_ends_when_mail_comes() -> None:
    async with session_with(ImapServer(answers={"IDLE": _new_mail_soon})) as session:
        began = time.monotonic()
        assert await session.idle(5.0)
        assert time.monotonic() - began < 2.0
        assert session.exists == 3


async def test_waiting_in_vain_ends_in_time_and_the_conversation_goes_on() -> None:
    async with session_with(ImapServer()) as session:
        assert not await session.idle(0.05)
        assert await session.search(["ALL"]) == [4, 12]


async def test_a_server_that_goes_while_we_wait_is_a_fall() -> None:
    async with ImapServer(answers={"IDLE": closes}).listening() as port:
        session = await open_mailbox(mailbox(port))
        with pytest.raises(Fall) as fall:
            async with session:
                await session.idle(5.0)
    assert fall.value.cause.code == "closed_early"


async def test_a_deadline_that_falls_while_we_wait_leaves_no_task_behind() -> None:
    async with ImapServer().listening() as port:
        session = await open_mailbox(mailbox(port))
        before = len(asyncio.all_tasks())
        with pytest.raises(TimeoutError):
            async with session, asyncio.timeout(0.05):
                await session.idle(5.0)
        assert len(asyncio.all_tasks()) <= before


async def test_without_idle_it_looks_again_until_mail_comes() -> None:
    looks = 0

    async def third_time(peer: Peer) -> None:
        nonlocal looks
        looks += 1
        await peer.send((b"* 5 EXISTS\r\n" if looks == 2 else b"") + f"R{looks + 3} OK\r\n".encode())

    async with session_with(ImapServer(offers="IMAP4rev1", answers={"NOOP": third_time})) as session:
        assert await session.idle(10.0)
    assert looks == 2


async def test_a_server_that_never_answers_logout_costs_no_failure() -> None:
    async with session_with(ImapServer(answers={"LOGOUT": stays_silent})) as session:
        await session.noop()
