"""Partners on loopback that do one thing each, most of them wrong; named for what they do."""

import asyncio
import contextlib
import datetime
import itertools
import os
import random
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LONG_AGO = datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC)
PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FUTURE = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)


@contextlib.asynccontextmanager
async def serving(handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """A TCP server on that port, or on a free one, which it gives. Its conversations end with it."""
    conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations[asyncio.get_running_loop().create_task(converse(reader, writer))] = writer

    server = await asyncio.start_server(begin, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for _ in range(4):  # a connection that was just accepted becomes a conversation
            await asyncio.sleep(0)
        for task, writer in conversations.items():
            if task.cancel():
                writer.transport.abort()
        await asyncio.gather(*conversations, return_exceptions=True)
        await asyncio.sleep(0)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


async def listening_then_closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def saying(*pieces: bytes, then: Handler = silent) -> Handler:
    """Says these pieces, one after the other, and goes on as told."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        await then(reader, writer)

    return say


def endless(piece: bytes) -> Handler:
    """Says the same for ever, as fast as it is read."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in itertools.repeat(None):
            writer.write(piece)
            await writer.drain()

    return flood


def trickling(text: bytes, pause: float) -> Handler:
    """Says it byte by byte."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for place in range(len(text)):
            writer.write(text[place : place + 1])
            await writer.drain()
            await asyncio.sleep(pause)
        await silent(reader, writer)

    return trickle


# Outside the range that the kernel gives away; a lane for each worker of the tests. Each number is given once: two
# parts of a test, of which the first listens only later, would else be given the same one now and then.
_LANES = 8
_lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw7").removeprefix("gw")) % _LANES
_nobodys = itertools.cycle(random.SystemRandom().sample(range(15000 + _lane, 30000, _LANES), 15000 // _LANES))


def closed_port() -> int:
    """A port of 127.0.0.1 that nobody has and nobody is given, by TCP and UDP; whoever asked may take it later."""
    for port in _nobodys:
        with contextlib.suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            break
    return port


Conversation = Callable[[Any], None]  # with the socket, plain or TLS


def echo(sock: ssl.SSLSocket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def hang_up(sock: ssl.SSLSocket) -> None:
    pass


@contextlib.asynccontextmanager
async def serving_tls(context: ssl.SSLContext | None, conversation: Conversation = echo) -> AsyncIterator[int]:
    """A TLS server (a plain one without context) on a free port, in threads: asyncio's own server side hangs up
    without sending its alerts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):  # the end of the listener
                while True:
                    threading.Thread(target=_converse, args=(listener.accept()[0], context, conversation)).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            await asyncio.to_thread(thread.join)


def _converse(plain: socket.socket, context: ssl.SSLContext | None, conversation: Conversation) -> None:
    plain.settimeout(5)
    with plain, contextlib.suppress(OSError):
        if context is None:
            conversation(plain)
            return
        with context.wrap_socket(plain, server_side=True) as sock:
            conversation(sock)


# TLS ---------------------------------------------------------------------------------------------------------------


def server_context(certificate: trustme.LeafCert, *, only: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if only is not None:
        context.minimum_version = context.maximum_version = only
    return context


def demanding_context(
    certificate: trustme.LeafCert, clients: trustme.CA, *, only: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """A server that demands a client certificate of that authority."""
    context = server_context(certificate, only=only)
    context.verify_mode = ssl.CERT_REQUIRED
    clients.configure_trust(context)
    return context


def self_signed(folder: Path, name: str = "localhost") -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(PAST)
        .not_valid_after(FUTURE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-signed.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def for_clients_only(authority: trustme.CA, folder: Path, name: str = "localhost") -> ssl.SSLContext:
    """A server whose certificate, by an authority that is trusted, may only be used by clients."""
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    issuer_key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(PAST)
        .not_valid_after(FUTURE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    path = folder / "clients-only.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def client_files(certificate: trustme.LeafCert, folder: Path) -> dict[str, Any]:
    """`client_cert` and `client_key` as the settings name them."""
    cert, key = folder / "client.pem", folder / "client.key"
    cert.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    return {"client_cert": str(cert), "client_key": str(key)}


def revocation_list(authority: trustme.CA, *revoked: trustme.LeafCert, days: tuple[int, int] = (-1, 1)) -> bytes:
    """A list by this authority, in DER, valid between two days from now on."""
    now = datetime.datetime.now(datetime.UTC)
    begin, end = (now + datetime.timedelta(days=day) for day in days)
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject).last_update(begin).next_update(end)
    for leaf in revoked:
        serial = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(PAST).build()
        builder = builder.add_revoked_certificate(entry)
    key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)  # type: ignore[arg-type]
