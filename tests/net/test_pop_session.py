"""The POP3 session: what it never sends, what it reads of a server's words, and where it stops reading."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.net.connect import open_connection
from retabli.net.mail import pop_causes
from retabli.net.mail.maildrop_book import MaildropBook, digest
from retabli.net.mail.moments import Moment
from retabli.net.mail.pop import MOST, Maildrop, PopSession, maildrop_stages, open_maildrop
from retabli.net.mail.pop_replies import of_login, reply_of
from tests.mail_servers import HOST
from tests.pop_server import NOTE, PopServer


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")


def maildrop(port: int) -> Maildrop:
    given = {"host": HOST, "port": port, "tls": {"mode": "none"}, "user": "probe", "password": {"env": "PASSWORD"}}
    return Maildrop.model_validate(given, context={"folder": Path()})


@asynccontextmanager
async def session_with(server: PopServer) -> AsyncIterator[PopSession]:
    async with server.listening() as port:
        session = await open_maildrop(maildrop(port), Ladder(maildrop_stages(maildrop(port))))
        async with session:
            yield session


async def test_a_session_in_clear_with_another_machine_never_sends_the_password() -> None:
    server = PopServer()
    async with server.listening() as port:
        ladder = Ladder(maildrop_stages(maildrop(port)))
        connection = await open_connection(ladder, HOST, port)
        connection.address = "192.0.2.1"  # as if it were elsewhere
        with pytest.raises(Fall) as fall:
            async with PopSession(connection) as session:
                await session.begin(ladder, maildrop(port))
    assert fall.value.cause.code == "credentials_in_clear"
    assert server.commands == ["CAPA"]


async def test_a_maildrop_is_counted_listed_and_read_without_its_stuffed_dots() -> None:
    server = PopServer(messages={"one": NOTE, "two": b"Subject: x\r\n.X-Odd: header\r\n\r\n..\r\n"})
    async with session_with(server) as session:
        assert await session.count() == 2
        assert await session.list_uids() == [(1, b"one"), (2, b"two")]
        assert await session.read(1) == NOTE.partition(b".dots")[0]
        assert await session.read(1, 1) == NOTE.partition(b"body\r\n")[0]
        assert await session.read(2, 5) == server.messages["two"]
        assert await session.read(1, keep=10) == NOTE[:10]
        assert await session.read(2) is not None  # in step after what was not kept
    assert server.commands[-1] == "QUIT"


async def test_an_unheard_of_message_is_none_and_a_failing_server_is_told() -> None:
    gone = PopServer(answers={"TOP 1 0": b"-ERR gone\r\n", "TOP 2 0": b"-ERR [SYS/TEMP] disk\r\n"})
    async with session_with(gone) as session:
        assert await session.read(1) is None
        with pytest.raises(Fall) as fall:
            await session.read(2)
    assert fall.value.cause is pop_causes.POP_UNAVAILABLE


async def test_a_list_beyond_the_bound_is_not_read_to_its_end() -> None:
    async with session_with(PopServer(messages={f"u{number}": NOTE for number in range(MOST + 2)})) as session:
        with pytest.raises(Fall) as fall:
            await session.list_uids()
    assert fall.value.cause is causes.TOO_LONG


@pytest.mark.parametrize(
    ("offers", "seconds"),
    [
        ("TOP", 0),
        ("LOGIN-DELAY", 0),
        ("LOGIN-DELAY_60", 60),
        ("login-delay_60_USER", 60),
        ("LOGIN-DELAY_-5", 0),
        ("LOGIN-DELAY_١٢", 0),
        ("LOGIN-DELAY_99999999999999999999", 0),
    ],
)
async def test_a_delay_between_logins_is_a_number_of_seconds(offers: str, seconds: float) -> None:
    async with session_with(PopServer(offers=f"SASL_PLAIN {offers}")) as session:
        assert session.login_delay == seconds


@pytest.mark.parametrize(
    ("line", "ok", "code"),
    [
        (b"+OK\r\n", True, ""),
        (b"+OK \r\n", True, ""),
        (b"+OK ready <1@x>\n", True, ""),
        (b"-ERR [IN-USE] locked\r\n", False, "IN-USE"),
        (b"-ERR [sys/temp] disk\r\n", False, "SYS/TEMP"),
        (b"-ERR [LOGIN-DELAY 30 s] wait\r\n", False, "LOGIN-DELAY"),
        (b"-ERR no [AUTH] in front\r\n", False, ""),
        (b"-ERR [" + b"A" * 500 + b"]\r\n", False, ""),
        (b"-ERR \xff\xfe\r\n", False, ""),
    ],
)
def test_a_status_line_is_taken_apart(line: bytes, ok: bool, code: str) -> None:
    reply = reply_of(line)
    assert (reply.ok, reply.code) == (ok, code)


@pytest.mark.parametrize(
    "line", [b"\r\n", b"+OKAY\r\n", b"+ok\r\n", b"-ERRor\r\n", b"220 smtp\r\n", b"\x15\x03\x01\r\n"]
)
def test_what_is_no_status_line_is_not_pop(line: bytes) -> None:
    with pytest.raises(Fall) as fall:
        reply_of(line)
    assert fall.value.cause is pop_causes.NOT_POP


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Authentication failed.", causes.AUTH_REFUSED),
        ("[AUTH] Authentication failed.", causes.AUTH_REFUSED),
        ("[UNHEARD-OF] no", causes.AUTH_REFUSED),
        ("maildrop already locked", pop_causes.MAILDROP_LOCKED),
        ("unable to lock maildrop: mailbox is in use", pop_causes.MAILDROP_LOCKED),
        ("your mailbox is locked: account suspended", causes.AUTH_REFUSED),
        ("mailbox locked after too many failed logins", causes.AUTH_REFUSED),
        ("[AUTH] mailbox locked", causes.AUTH_REFUSED),
        ("[IN-USE] account busy", pop_causes.MAILDROP_LOCKED),
        ("[SYS/PERM] call us", pop_causes.POP_BROKEN),
    ],
)
def test_a_refused_login_is_the_password_unless_something_else_is_said(text: str, cause: Cause) -> None:
    assert of_login(reply_of(f"-ERR {text}\r\n".encode())) is cause


# What is remembered ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [{}, {"maildrop": 7}, {"maildrop": {"label": "other"}}])
def test_a_memory_of_another_maildrop_or_of_none_begins_anew(memory: dict[str, object]) -> None:
    book = MaildropBook(memory, "probe@pop.test")
    assert book.seen == frozenset()
    assert book.since is None
    assert book.must_wait(Moment(0, 0)) == 0


@pytest.mark.parametrize("seen", ["?", 7, None, "AAAA", "é"])
def test_a_damaged_memory_is_none(seen: object) -> None:
    book = MaildropBook({"maildrop": {"label": "x", "seen": seen, "login": [seen, 3], "since": seen}}, "x")
    assert digest(b"uid") not in book.seen
    assert (book.since, book.must_wait(Moment(0, 0))) == (None, 0)


def test_what_was_seen_is_remembered_in_a_few_bytes_each() -> None:
    memory: dict[str, object] = {}
    uids = frozenset(digest(f"uid{number}".encode()) for number in range(MOST))
    MaildropBook(memory, "x").note_seen(uids, Moment(1, 2))
    assert MaildropBook(memory, "x").seen == uids
    assert len(str(memory)) < 8 * MOST
