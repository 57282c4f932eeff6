"""The simulated maildrop does what a real one does, as seen by Python's own POP3 client."""

import asyncio
import poplib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.authority import Authority
from simulator.imap import Account, Folder
from simulator.pop import PopServer
from simulator.serving import Serving

MESSAGE = b"Subject: one\r\nX-Mark: 17\r\n\r\n.dot\r\nbody\r\n"


@pytest.fixture
def server() -> PopServer:
    inbox = Folder()
    inbox.append(MESSAGE)
    inbox.append(b"Subject: two\r\n\r\nno end of line")
    return PopServer({"probe": Account("secret", {"INBOX": inbox})})


@pytest.fixture
async def port(server: PopServer) -> AsyncIterator[int]:
    async with Serving(server.talk) as serving:
        yield serving.port


async def visit(port: int, visitor: Callable[[poplib.POP3], Any], password: str = "secret") -> Any:  # noqa: S107
    def talk() -> Any:
        client = poplib.POP3("127.0.0.1", port, timeout=5)
        try:
            client.user("probe")
            client.pass_(password)
            return visitor(client)
        finally:
            client.quit()

    return await asyncio.to_thread(talk)


async def test_a_maildrop_is_counted_listed_and_read(server: PopServer, port: int) -> None:
    assert await visit(port, lambda client: client.stat()) == (2, len(MESSAGE) + 30)
    assert await visit(port, lambda client: client.uidl()[1]) == [b"1 00000001", b"2 00000002"]
    assert await visit(port, lambda client: client.list(1)) == b"+OK 1 40"
    assert await visit(port, lambda client: client.top(1, 0)[1]) == [b"Subject: one", b"X-Mark: 17", b""]
    assert await visit(port, lambda client: client.retr(1)[1]) == MESSAGE.splitlines()
    assert "TOP" in await visit(port, lambda client: client.capa())
    assert {"STAT", "UIDL", "LIST", "TOP", "RETR", "CAPA", "QUIT"} <= server.commands


async def test_nothing_can_be_deleted(server: PopServer, port: int) -> None:
    with pytest.raises(poplib.error_proto):
        await visit(port, lambda client: client.dele(1))
    assert await visit(port, lambda client: client.stat()[0]) == 2


async def test_a_session_sees_the_maildrop_as_it_was_and_holds_it(server: PopServer, port: int) -> None:
    def visitor(client: poplib.POP3) -> int:
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            other = poplib.POP3("127.0.0.1", port, timeout=5)
            try:
                other.user("probe")
                other.pass_("secret")
            finally:
                other.close()
        server.accounts["probe"].folders["INBOX"].append(MESSAGE)
        return client.stat()[0]

    assert await visit(port, visitor) == 2
    assert await visit(port, lambda client: client.stat()[0]) == 3


@pytest.mark.parametrize(("position", "word"), [("locked", "IN-USE"), ("refuses", "AUTH")])
async def test_it_can_be_locked_and_it_can_refuse(server: PopServer, port: int, position: str, word: str) -> None:
    server.position = position
    with pytest.raises(poplib.error_proto, match=word):
        await visit(port, lambda client: client.stat())
    server.position = "answers"
    with pytest.raises(poplib.error_proto, match="AUTH"):
        await visit(port, lambda client: client.stat(), "guess")


async def test_it_speaks_tls_after_stls_and_from_the_first_byte(server: PopServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("pop.example").server_context()
    trusted = ssl.create_default_context(cafile=str(authority.ca))
    trusted.check_hostname = False
    server.starttls = certificate

    def starting(port: int) -> tuple[int, int]:
        client = poplib.POP3("127.0.0.1", port, timeout=5)
        client.stls(trusted)
        client.user("probe")
        client.pass_("secret")
        found = client.stat()
        client.quit()
        return found

    async with Serving(server.talk) as serving:
        assert (await asyncio.to_thread(starting, serving.port))[0] == 2

    def implicit(port: int) -> int:
        client = poplib.POP3_SSL("127.0.0.1", port, timeout=5, context=trusted)
        client.user("probe")
        client.pass_("secret")
        found = client.stat()[0]
        client.quit()
        return found

    async with Serving(server.talk, tls=certificate) as serving:
        assert await asyncio.to_thread(implicit, serving.port) == 2
