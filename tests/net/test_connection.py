"""A conversation: bounded in all it reads, explained when it ends badly, fair to others, closed whatever happens."""

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, cause_of
from retabli.model.settings import Tls
from retabli.net.attempts import connect
from retabli.net.connection import Connection
from tests.net.peers import (
    Conversation,
    Handler,
    client_files,
    closing,
    demanding_context,
    echo,
    echoing,
    endless,
    hang_up,
    resetting,
    saying,
    server_context,
    serving,
    serving_tls,
    silent,
    trickling,
)


def trusting(ca_file: Path, **more: Any) -> Tls:
    return Tls.model_validate({"ca": ca_file, **more})


async def secured(port: int, tls: Tls) -> Connection:
    connection = await connect(["127.0.0.1"], port)
    try:
        await connection.start_tls(None, tls, "localhost")
    except BaseException:
        connection.abort()
        raise
    return connection


# Lines and lengths --------------------------------------------------------------------------------------------------


async def test_lines_are_read_one_by_one_however_they_arrive() -> None:
    async with serving(saying(b"one\r\ntw", b"o\nthr", b"ee\r\n", b"rest")) as port:
        async with await connect(["127.0.0.1"], port) as connection:
            lines = [await connection.read_line() for _ in range(3)]
            rest = await connection.read_exactly(4)
    assert lines == [b"one\r\n", b"two\n", b"three\r\n"]
    assert rest == b"rest"


async def test_a_line_of_exactly_the_limit_is_read_and_one_byte_more_is_too_long() -> None:
    async with serving(saying(b"x" * 98 + b"\r\n" + b"y" * 99 + b"\r\n")) as port:
        async with await connect(["127.0.0.1"], port) as connection:
            assert len(await connection.read_line(100)) == 100
            with pytest.raises(Fall) as fallen:
                await connection.read_line(100)
    assert fallen.value.cause is causes.TOO_LONG


async def test_an_endless_line_is_too_long_and_little_of_it_is_kept() -> None:
    async with serving(endless(b"x" * 65536)) as port:
        async with await connect(["127.0.0.1"], port) as connection:
            with pytest.raises(Fall) as fallen:
                await connection.read_line(8192)
            assert len(connection._buffer) <= 8192 + 65536
    assert fallen.value.cause is causes.TOO_LONG


@pytest.mark.parametrize(
    ("handler", "cause"),
    [(closing, causes.CLOSED_EARLY), (saying(b"220 mai", then=closing), causes.CLOSED_EARLY)],
    ids=["nothing", "half a line"],
)
async def test_an_end_before_the_lines_end_is_closed_early(handler: Handler, cause: Cause) -> None:
    async with serving(handler) as port, await connect(["127.0.0.1"], port) as connection:
        with pytest.raises(Fall) as fallen:
            await connection.read_line()
    assert fallen.value.cause is cause


async def test_an_end_within_a_length_is_closed_early() -> None:
    async with serving(saying(b"abc", then=closing)) as port, await connect(["127.0.0.1"], port) as connection:
        with pytest.raises(Fall) as fallen:
            await connection.read_exactly(10)
    assert fallen.value.cause is causes.CLOSED_EARLY
    assert fallen.value.detail == "after 3 of 10 bytes"


async def test_a_reset_is_told_from_an_end() -> None:
    async with serving(resetting) as port, await connect(["127.0.0.1"], port) as connection:
        await connection.send(b"hello\r\n")
        with pytest.raises(ConnectionResetError) as error:
            await connection.read_line()
    assert cause_of(error.value) is causes.RESET


@pytest.mark.parametrize("handler", [silent, trickling(b"220 mail", 0.02)], ids=["silent", "trickling"])
async def test_a_peer_that_never_ends_its_line_is_ended_by_the_deadline(handler: Handler) -> None:
    async with serving(handler) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                async with await connect(["127.0.0.1"], port) as connection:
                    await connection.read_line()


@asynccontextmanager
async def others() -> AsyncIterator[list[int]]:
    """What else there is to do in the loop: one more in the list at each turn that it has had."""
    turns: list[int] = []

    async def go_on() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(go_on())
    yield turns
    task.cancel()
    await asyncio.wait({task})


async def test_a_flood_of_short_lines_does_not_own_the_loop() -> None:
    """Whoever parses them pays for each: 64 kilobytes of them lie in the buffer, and are read without the kernel."""
    ours, peer = socket.socketpair()
    with peer:
        ours.setblocking(False)
        peer.sendall(b"x\n" * 4096)
        async with Connection(ours, "127.0.0.1", "127.0.0.1", 1) as connection:
            await connection.read_line()
            async with others() as turns:
                for _ in range(2000):
                    await connection.read_line()
                for _ in range(2000):
                    await connection.read_exactly(1)
        assert sum(turns) >= 10


async def test_who_is_given_a_closed_connections_number_at_once_goes_on_reading() -> None:
    """asyncio takes a cancelled read off the loop one turn later, by the number that the socket had."""
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    connection = Connection(ours, "127.0.0.1", "127.0.0.1", 1)
    number = ours.fileno()
    reading = asyncio.create_task(connection.receive())
    await asyncio.sleep(0)
    reading.cancel()
    connection.abort()
    heard = asyncio.Event()
    with peer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        assert other.fileno() == number
        other.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(other, heard.set)
        await asyncio.gather(reading, return_exceptions=True)
        other.sendto(b"x", other.getsockname())
        async with asyncio.timeout(2):
            await heard.wait()
        asyncio.get_running_loop().remove_reader(other)


async def test_a_flood_does_not_own_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there already is read without a pause; others must have their turn all the same."""
    monkeypatch.setattr("retabli.net.connection.FAIR", 4096)
    ours, peer = socket.socketpair()
    with peer:
        ours.setblocking(False)
        peer.sendall(b"x" * 65536)
        async with others() as turns, Connection(ours, "host.test", "192.0.2.1", 25) as connection:
            for _ in range(64):
                await connection.receive(1024)
    assert 10 <= sum(turns) <= 20


async def test_what_was_received_is_given_back_in_pieces_of_the_wanted_size() -> None:
    async with serving(saying(b"line\r\n0123456789")) as port, await connect(["127.0.0.1"], port) as connection:
        await connection.read_line()
        await asyncio.sleep(0.01)
        pieces = b""
        while len(pieces) < 10:
            piece = await connection.receive(4)
            assert 1 <= len(piece) <= 4
            pieces += piece
    assert pieces == b"0123456789"


# TLS ----------------------------------------------------------------------------------------------------------------


async def test_megabytes_pass_through_tls_both_ways(authority: trustme.CA, ca_file: Path) -> None:
    text = bytes(range(256)) * 8192
    async with serving_tls(server_context(authority.issue_cert("localhost"))) as port:
        async with await secured(port, trusting(ca_file)) as connection:
            sending = asyncio.create_task(connection.send(text))
            back = await connection.read_exactly(len(text))
            await sending
    assert back == text


async def test_a_plain_conversation_is_turned_into_tls(authority: trustme.CA, ca_file: Path) -> None:
    def starting(sock: ssl.SSLSocket) -> None:
        sock.sendall(b"220 ready\r\n")
        with server_context(authority.issue_cert("localhost")).wrap_socket(sock, server_side=True) as secure:
            echo(secure)

    async with serving_tls(None, starting) as port, await connect(["127.0.0.1"], port) as connection:
        assert await connection.read_line() == b"220 ready\r\n"
        await connection.start_tls(None, trusting(ca_file), "localhost")
        assert connection.tls is not None
        await connection.send(b"EHLO\r\n")
        assert await connection.read_line() == b"EHLO\r\n"


async def test_an_answer_smuggled_in_before_tls_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    async with serving(saying(b"220 ready\r\n250 AUTH PLAIN\r\n")) as port:
        async with await connect(["127.0.0.1"], port) as connection:
            await connection.read_line()
            with pytest.raises(Fall) as fallen:
                await connection.start_tls(None, trusting(ca_file), "localhost")
    assert fallen.value.cause is causes.GARBAGE


async def test_an_end_without_goodbye_is_marked_as_a_cut(authority: trustme.CA, ca_file: Path) -> None:
    def cutting(sock: ssl.SSLSocket) -> None:
        sock.sendall(b"half")
        sock.shutdown(socket.SHUT_RDWR)

    def leaving(sock: ssl.SSLSocket) -> None:
        sock.sendall(b"half")
        sock.unwrap()

    for conversation, cut in ((cutting, True), (leaving, False)):
        async with serving_tls(server_context(authority.issue_cert("localhost")), conversation) as port:
            async with await secured(port, trusting(ca_file)) as connection:
                assert await connection.receive() == b"half"
                assert await connection.receive() == b""
                assert connection.cut is cut


@pytest.mark.parametrize("own", ["none", "rogue"])
async def test_a_client_certificate_that_is_refused_after_the_handshake_is_told_at_the_next_read(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path, own: str
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority, only=ssl.TLSVersion.TLSv1_3)
    files = client_files(stranger.issue_cert("probe.test"), tmp_path) if own == "rogue" else {}
    files = {name: Path(path) for name, path in files.items()}
    async with serving_tls(context) as port, await secured(port, trusting(ca_file, **files)) as connection:
        with pytest.raises(Fall) as fallen:
            await connection.read_line()
    assert fallen.value.cause is (causes.CLIENT_CERT_REFUSED if own == "rogue" else causes.CLIENT_CERT_MISSING)


async def test_a_refusal_is_also_told_when_it_shows_at_the_next_write(authority: trustme.CA, ca_file: Path) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority, only=ssl.TLSVersion.TLSv1_3)
    async with serving_tls(context) as port, await secured(port, trusting(ca_file)) as connection:
        with pytest.raises(Fall) as fallen:
            for _ in range(1000):  # until the kernel knows that the peer has gone
                await connection.send(b"EHLO\r\n")
                await asyncio.sleep(0.001)
    assert fallen.value.cause is causes.CLIENT_CERT_MISSING


async def test_what_comes_while_we_wait_for_a_refusal_is_kept(authority: trustme.CA, ca_file: Path) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority, only=ssl.TLSVersion.TLSv1_3)
    context.verify_mode = ssl.CERT_OPTIONAL

    def greeting(sock: ssl.SSLSocket) -> None:
        sock.sendall(b"220 mail\r\n")
        echo(sock)

    async with serving_tls(context, greeting) as port, await secured(port, trusting(ca_file)) as connection:
        await connection.settle(1)
        assert await connection.read_line() == b"220 mail\r\n"


async def test_waiting_for_a_refusal_costs_nothing_where_none_can_come(authority: trustme.CA, ca_file: Path) -> None:
    async with serving_tls(server_context(authority.issue_cert("localhost"))) as port:
        async with await secured(port, trusting(ca_file)) as connection:
            async with asyncio.timeout(1):
                await connection.settle(30)


@pytest.mark.parametrize("conversation", [echo, hang_up], ids=["echo", "hang up"])
@pytest.mark.parametrize("steps", range(0, 24, 3))
async def test_a_cancellation_at_any_step_of_a_handshake_leaves_nothing_open(
    authority: trustme.CA, ca_file: Path, steps: int, conversation: Conversation
) -> None:
    async with serving_tls(server_context(authority.issue_cert("localhost")), conversation) as port:
        task = asyncio.create_task(secured(port, trusting(ca_file)))
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        try:
            (await task).abort()
        except asyncio.CancelledError:
            pass
    gc.collect()  # an unclosed socket would be a ResourceWarning, and fail this test


async def test_closing_twice_and_after_the_peer_has_gone_is_quiet(authority: trustme.CA, ca_file: Path) -> None:
    async with serving_tls(server_context(authority.issue_cert("localhost")), hang_up) as port:
        connection = await secured(port, trusting(ca_file))
        await asyncio.sleep(0.02)
        await connection.close()
        await connection.close()
        connection.abort()


async def test_an_echo_comes_back_in_clear() -> None:
    async with serving(echoing) as port, await connect(["127.0.0.1"], port) as connection:
        await connection.send(b"hello\n")
        assert await connection.read_line() == b"hello\n"


# What the peer's kernel says ------------------------------------------------------------------------------------------


async def test_what_a_program_leaves_unread_is_acknowledged_by_its_kernel_nevertheless() -> None:
    async with serving(silent) as port:
        async with await connect(["127.0.0.1"], port) as connection:
            await connection.send(b"x" * 1000)
            async with asyncio.timeout(5):
                while connection.unacknowledged(resent=0):
                    await asyncio.sleep(0.01)
    assert not connection.unacknowledged(resent=0)


async def test_nothing_is_unacknowledged_where_nothing_is_lost_even_if_the_peer_reads_no_more() -> None:
    async with serving(silent) as port:
        connection = await connect(["127.0.0.1"], port, host="x")
        assert connection.unacknowledged() == 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await connection.send(bytes(50_000_000))
        assert connection.unacknowledged() == 0
        connection.abort()
    assert connection.unacknowledged() == 0
