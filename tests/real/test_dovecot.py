"""IMAP against a real Dovecot, and beside IMAPClient: the same mailbox read by both says the same."""

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from probes.imap import Imap
from retabli.model.result import Outcome, Result
from retabli.model.settings import Mailbox
from retabli.net.mail.imap import open_mailbox
from tests.climbing import climb, settings
from tests.mail_servers import HOST, authority, trusting
from tests.real.servers import Dovecot, dovecot
from tests.said import where_and_why

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

MESSAGES = (
    b"Subject: one\r\nX-Token: abc\r\n\r\nfirst\r\n",
    b'Subject: =?utf-8?q?r=C3=A9tabli?= {12} ( "\r\nX-Token: def\r\n\r\n' + b"second line\r\n" * 500,
    "Subject: brut\r\n\r\ndéjà {3}\r\n)\r\n".encode(),
    b"Subject: four\r\nX-Token: abc\r\n\r\n" + bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")


def oracle(server: Dovecot) -> IMAPClient:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    client = IMAPClient(HOST, server.imaps, ssl=True, ssl_context=context, timeout=10)
    client.login("probe", "secret")
    return client


@pytest.fixture
def folder(server: Dovecot) -> Iterator[str]:
    """A folder with the messages above, put there by IMAPClient, with flags and dates."""
    name = "Boîte & co"
    client = oracle(server)
    client.create_folder(name)
    for place, message in enumerate(MESSAGES):
        flags = [(b"\\Seen", b"$Forwarded"), (), (b"\\Flagged",), (b"\\Answered",)][place]
        client.append(name, message, flags, datetime(2023, 7, 3, 9, place, tzinfo=UTC))
    yield name
    client.delete_folder(name)
    client.logout()


def mailbox(server: Dovecot, tmp_path: Path, **keys: Any) -> Mailbox:
    given = {"imap": HOST, "port": server.imaps, "tls": trusting(tmp_path, "implicit"), "user": "probe"}
    return Mailbox.model_validate(given | {"password": {"env": "PASSWORD"}} | keys, context={"folder": tmp_path})


async def run(box: Mailbox, *, deadline: float = 8.0, **keys: Any) -> Result:
    return await climb(settings(Imap, context={"mailboxes": {"m": box}}, mailbox="m", **keys), deadline=deadline)


async def test_both_clients_find_the_same_messages(server: Dovecot, folder: str, tmp_path: Path) -> None:
    client = oracle(server)
    client.select_folder(folder, readonly=True)
    async with await open_mailbox(mailbox(server, tmp_path)) as session:
        selected = await session.select(folder, read_only=True)
        assert selected.exists == len(MESSAGES)
        for criteria in (["ALL"], ["UNSEEN"], ["HEADER", "X-Token", "abc"], ["SUBJECT", "rétabli"], ["BODY", "déjà"]):
            charset = None if all(word.isascii() for word in criteria) else "UTF-8"
            assert await session.search(criteria) == sorted(client.search(criteria, charset)), criteria
        today = datetime.now(UTC).date()
        assert await session.search(["SINCE", today]) == sorted(client.search(["SINCE", today]))
    client.logout()


@pytest.mark.parametrize("body_limit", [None, 100, 1_000_000])
async def test_both_clients_read_the_same_of_each_message(
    server: Dovecot, folder: str, tmp_path: Path, body_limit: int | None
) -> None:
    client = oracle(server)
    client.select_folder(folder, readonly=True)
    part = b"BODY[HEADER]" if body_limit is None else b"BODY[]"
    theirs = client.fetch(client.search(), [b"FLAGS", b"RFC822.SIZE", b"INTERNALDATE", part.replace(b"Y[", b"Y.PEEK[")])
    async with await open_mailbox(mailbox(server, tmp_path)) as session:
        await session.select(folder)
        ours = await session.fetch(await session.search(["ALL"]), body_limit=body_limit)
    assert [message.uid for message in ours] == sorted(theirs)
    for message in ours:
        told_them = theirs[message.uid]
        assert message.flags - {"\\Recent"} == {flag.decode() for flag in told_them[b"FLAGS"]} - {"\\Recent"}
        assert message.size == told_them[b"RFC822.SIZE"]
        assert message.arrived == told_them[b"INTERNALDATE"].timestamp()
        assert message.content == told_them[part][:body_limit]
        assert message.whole == (body_limit is not None and message.size <= body_limit)
    client.logout()


async def test_reading_marks_nothing_as_seen(server: Dovecot, folder: str, tmp_path: Path) -> None:
    async with await open_mailbox(mailbox(server, tmp_path)) as session:
        await session.select(folder)
        before = await session.search(["UNSEEN"])
        await session.fetch(before, body_limit=1000)
        assert await session.search(["UNSEEN"]) == before != []


async def test_only_ours_are_removed_though_others_are_marked(server: Dovecot, folder: str, tmp_path: Path) -> None:
    client = oracle(server)
    client.select_folder(folder)
    first, second, *rest = client.search()
    client.delete_messages([first])  # somebody's, marked and not yet expunged
    async with await open_mailbox(mailbox(server, tmp_path)) as session:
        await session.select(folder)
        assert await session.delete([second])
        assert await session.search(["ALL"]) == [first, *rest]
    client.logout()


async def test_new_mail_ends_the_wait(server: Dovecot, folder: str, tmp_path: Path) -> None:
    client = oracle(server)
    async with await open_mailbox(mailbox(server, tmp_path)) as session:
        await session.select(folder)
        assert "IDLE" in session.capabilities
        assert not await session.idle(0.1)
        began = time.monotonic()
        client.append(folder, b"Subject: new\r\n\r\nnow\r\n")
        assert await session.idle(10.0)
        assert time.monotonic() - began < 5.0
        assert session.exists == len(MESSAGES) + 1
    client.logout()


async def test_the_whole_ladder_holds_by_starttls(server: Dovecot, folder: str, tmp_path: Path) -> None:
    box = mailbox(server, tmp_path, port=server.imap, tls=trusting(tmp_path), folder=folder)
    result = await run(box, expect={"search": ["HEADER", "X-Token", "abc"], "at_least": 2, "at_most": 2})
    assert result.outcome is Outcome.OK, result
    assert tuple(rung.stage for rung in result.rungs) == Imap.LADDER
    assert result.properties["messages"] == str(len(MESSAGES))


@pytest.mark.parametrize(
    ("keys", "stage", "cause"),
    [
        ({"user": "nobody"}, "auth", "auth_refused"),
        ({"folder": "Nowhere"}, "mailbox", "mailbox_missing"),
        ({"tls": {"mode": "implicit"}}, "tls", "cert_unknown_ca"),
    ],
)
async def test_what_dovecot_refuses_gets_its_cause(
    server: Dovecot, keys: dict[str, Any], stage: str, cause: str, tmp_path: Path
) -> None:
    assert where_and_why(await run(mailbox(server, tmp_path, **keys))) == (stage, cause)


async def test_a_wrong_password_is_refused_and_marked_so(
    server: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "wrong")
    result = await run(mailbox(server, tmp_path))
    assert where_and_why(result) == ("auth", "auth_refused")
    assert result.cause is not None
    assert result.cause.credential


async def test_tls_towards_the_clear_port_is_told(server: Dovecot, tmp_path: Path) -> None:
    assert where_and_why(await run(mailbox(server, tmp_path, port=server.imap)))[0] == "tls"


async def test_a_pop3_server_is_not_imap(server: Dovecot, tmp_path: Path) -> None:
    box = mailbox(server, tmp_path, port=server.pop3, tls=trusting(tmp_path))
    assert where_and_why(await run(box)) == ("greeting", "not_imap")


@pytest.mark.parametrize("fault", ["expired", "self_signed", "name_mismatch"])
async def test_dovecot_s_bad_certificate_gets_its_cause(fault: str, tmp_path: Path) -> None:
    with dovecot(certificate=fault) as server:
        assert where_and_why(await run(mailbox(server, tmp_path))) == ("tls", f"cert_{fault}")


async def test_a_stopped_dovecot_is_told_from_a_frozen_one(tmp_path: Path) -> None:
    with dovecot() as server:
        box = mailbox(server, tmp_path, port=server.imap, tls=trusting(tmp_path))
        server.freeze()
        frozen = await run(box, deadline=0.5)
        server.stop()
        stopped = await run(box)
    assert where_and_why(frozen) == ("greeting", "timeout")
    assert where_and_why(stopped) == ("connect", "refused")
