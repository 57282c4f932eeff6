"""One OPTIONS and its answer, over datagrams or a stream (RFC 3261, section 17.1.2)."""

import asyncio
import socket
from collections.abc import Callable

from retabli.model import causes
from retabli.model.ladder import Fall, cause_of, detail_of
from retabli.net.attempts import open_socket, sockaddr
from retabli.net.connection import Connection
from retabli.net.icmp_errors import listen_for_errors, read_error
from retabli.net.sip.sip_messages import HEAD_BYTES, Question, Reply, body_length, parse, read_start

T1 = 0.5  # seconds until a request is sent again, doubled each time (timer E)
T2 = 4.0  # seconds between repetitions at most, and once a provisional answer has come
STRAYS = 64  # datagrams or messages that answer nothing of ours, after which we stop reading
DATAGRAM = 65_535

Write = Callable[[str], bytes]  # the request, given our own address and port


async def by_datagram(address: str, port: int, question: Question, write: Write) -> Reply:
    """Ask over UDP, again and again until the final answer or the deadline.

    Raises:
        Fall: what ICMP says (`refused`, `admin_prohibited`, `unreachable`), `garbage`, `too_long`.
    """
    family, where = sockaddr(address, port)
    with open_socket(family, socket.SOCK_DGRAM) as sock:
        try:
            listen_for_errors(sock)
            sock.connect(where)
            return await _repeat(sock, question, write(sent_by(sock.getsockname())))
        except OSError as error:
            icmp = read_error(sock)
            if icmp is not None:
                raise Fall(icmp.cause, str(icmp)) from error
            raise Fall(cause_of(error) or causes.UNREACHABLE, detail_of(error)) from error


async def _repeat(sock: socket.socket, question: Question, request: bytes) -> Reply:
    loop = asyncio.get_running_loop()
    interval, strays, again_at = T1, 0, loop.time()
    while True:
        if loop.time() >= again_at:
            sock.send(request)
            again_at = loop.time() + interval
            interval = min(2 * interval, T2)
        try:
            async with asyncio.timeout_at(again_at):
                data = await loop.sock_recv(sock, DATAGRAM)
        except TimeoutError:
            continue
        reply = _read(data, question)
        if reply is not None and reply.status >= 200:
            return reply
        if reply is not None:  # provisional: it was heard
            interval, again_at = T2, loop.time() + T2
        strays += 1
        if strays >= STRAYS:
            raise Fall(causes.GARBAGE, f"{STRAYS} datagrams that answer nothing of ours")


def _read(data: bytes, question: Question) -> Reply | None:
    """An answer to ours; None for any other datagram: a late one, a forged one, a request, a keep-alive."""
    if not data.strip(b"\r\n\0 \t"):
        return None
    head, _, _ = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    reply = parse(head)
    return reply if reply.answers(question) else None


async def by_stream(connection: Connection, question: Question, request: bytes) -> Reply:
    """Ask over TCP or TLS. A stream repeats by itself.

    Raises:
        Fall: `garbage`, `too_long`, `closed_early`, and whatever the connection raises.
    """
    await connection.send(request)
    for _ in range(STRAYS):
        reply = parse(await _head(connection))
        await connection.read_exactly(body_length(reply))
        if reply.answers(question) and reply.status >= 200:
            return reply
    raise Fall(causes.GARBAGE, f"{STRAYS} messages that answer nothing of ours")


async def _head(connection: Connection) -> bytes:
    """One message's head; empty lines before it are keep-alives (RFC 5626, 3.5.1)."""
    line = await connection.read_line()
    for _ in range(STRAYS):
        if line.strip(b"\r\n"):
            break
        line = await connection.read_line()
    read_start(line.decode("utf-8", "replace").rstrip("\r\n"))  # what is no SIP may never send an empty line
    head = line
    while len(head) <= HEAD_BYTES:
        line = await connection.read_line()
        if not line.strip(b"\r\n"):
            return head.rstrip(b"\r\n")
        head += line
    raise Fall(causes.TOO_LONG, f"a header of more than {HEAD_BYTES} bytes")


def sent_by(sockname: tuple[object, ...]) -> str:
    """Our address and port as a Via names them (RFC 3261, 18.1.1)."""
    host, port = str(sockname[0]).partition("%")[0], sockname[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
