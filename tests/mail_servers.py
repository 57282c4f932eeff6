"""Small SMTP and IMAP servers on 127.0.0.1 that misbehave as a test says, and certificates good and bad for them."""

import asyncio
import base64
import ipaddress
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"


class Hangup(Exception):
    """The server closes the connection here."""


# What a server may do instead of answering; an answer is bytes, sent as they are.
Fault = Callable[["Peer"], Awaitable[None]]
Answer = bytes | Fault


async def closes(peer: "Peer") -> None:
    raise Hangup


async def stays_silent(peer: "Peer") -> None:
    await peer.reader.read()  # until the client goes
    raise Hangup


async def answers_in_clear(peer: "Peer") -> None:
    """Waits for something to be said, and answers as if it had been a line of text."""
    await peer.reader.read(1)
    await peer.send(b"500 what was that?\r\n")
    await stays_silent(peer)


async def floods_one_line(peer: "Peer") -> None:
    while True:
        await peer.send(b"2" * 65_536)


async def floods_a_reply(peer: "Peer") -> None:
    while True:
        await peer.send(b"220-and there is more\r\n" * 1000)


async def drips_a_reply(peer: "Peer") -> None:
    """Never silent for long, and never done: a timeout for each read would never fall."""
    while True:
        await peer.send(b"220-wait\r\n")
        await asyncio.sleep(0.01)


async def floods_untagged(peer: "Peer") -> None:
    while True:
        await peer.send(b"* OK still alive\r\n" * 1000)


def after(first: bytes, fault: Fault) -> Fault:
    """Says something, and then shows the fault."""

    async def both(peer: "Peer") -> None:
        await peer.send(first)
        await fault(peer)

    return both


@dataclass
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    session: ssl.SSLObject | None = None
    outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    pump: asyncio.Task[None] | None = None

    async def send(self, data: bytes) -> None:
        if self.session is not None:
            self.session.write(data)
            data = self.outgoing.read()
        self.writer.write(data)
        await self.writer.drain()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """TLS by hand: asyncio's own server hangs up on a bad handshake without sending the alert that says why."""
        wire, self.outgoing, incoming = self.reader, ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, self.outgoing, server_side=True)
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                incoming.write(await wire.read(65_536) or _hang_up())
            except ssl.SSLError:
                await self._flush()
                raise Hangup from None
        await self._flush()
        self.session, self.reader = session, asyncio.StreamReader()
        self.pump = asyncio.create_task(_pump(wire, incoming, session, self.reader))

    async def _flush(self) -> None:
        self.writer.write(self.outgoing.read())
        await self.writer.drain()

    async def answer(self, what: Answer) -> None:
        await (self.send(what) if isinstance(what, bytes) else what(self))

    async def line(self) -> bytes:
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise Hangup
        return line.rstrip(b"\r\n")


def _hang_up() -> bytes:
    raise Hangup


async def _pump(
    wire: asyncio.StreamReader, incoming: ssl.MemoryBIO, session: ssl.SSLObject, plain: asyncio.StreamReader
) -> None:
    try:
        while True:
            try:
                if not (data := session.read(65_536)):
                    break
                plain.feed_data(data)
            except ssl.SSLWantReadError:
                if not (data := await wire.read(65_536)):
                    break
                incoming.write(data)
    except OSError:  # ssl.SSLError is one
        pass
    finally:
        plain.feed_eof()


@asynccontextmanager
async def serving(talk: Callable[[Peer], Awaitable[None]], context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a free port, which is given; everything is closed and awaited at the end."""
    conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        try:
            if context is not None:
                await peer.start_tls(context)
            await talk(peer)
        except (Hangup, OSError, EOFError):
            pass
        finally:
            if peer.pump is not None:
                peer.pump.cancel()
                await asyncio.gather(peer.pump, return_exceptions=True)
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations[asyncio.get_running_loop().create_task(one(reader, writer))] = writer

    server = await asyncio.start_server(begin, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for _ in range(4):  # a connection that was just accepted becomes a conversation
            await asyncio.sleep(0)
        for task, writer in conversations.items():
            task.cancel()
            writer.transport.abort()
        ended = await asyncio.gather(*conversations, return_exceptions=True)
        await asyncio.sleep(0)
    for error in ended:
        if isinstance(error, Exception):
            raise error  # a defect of the test's server is not passed over


# SMTP --------------------------------------------------------------------------------------------------------------


@dataclass
class SmtpServer:
    """A good server, but for what `answers` says: verb, banner, `END` or `RCPT <address>` → what it does instead.

    `offers` are EHLO's keywords. `after_tls` overrides `answers` once TLS is spoken. `commands` is what it was told.
    """

    offers: tuple[str, ...] = ("8BITMIME", "SIZE 1000000")
    answers: Mapping[str, Answer] = field(default_factory=dict)
    after_tls: Mapping[str, Answer] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    implicit: bool = False
    accounts: Mapping[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        async with serving(self._talk, self.context if self.implicit else None) as port:
            yield port

    async def _talk(self, peer: Peer) -> None:
        answers = dict(self.answers)
        await peer.answer(answers.get("BANNER", b"220 mail.test ESMTP\r\n"))
        while True:
            line = (await peer.line()).decode()
            self.commands.append(line)
            verb = line.split(" ")[0].upper()
            if (special := answers.get(line) or answers.get(verb)) is not None:
                await peer.answer(special)
                if verb == "DATA" and isinstance(special, bytes) and special.startswith(b"354"):
                    await self._message(peer, answers)
                continue
            if verb == "STARTTLS":
                await peer.send(b"220 go ahead\r\n")
                await peer.start_tls(self.context or server_context())
                answers |= self.after_tls
            elif verb == "DATA":
                await peer.send(b"354 go on\r\n")
                await self._message(peer, answers)
            else:
                await peer.answer(await self._usual(peer, verb, line))

    async def _message(self, peer: Peer, answers: Mapping[str, Answer]) -> None:
        data = await peer.reader.readuntil(b"\r\n.\r\n")
        self.messages.append(data)
        await peer.answer(answers.get("END", b"250 2.0.0 Ok: queued as 4F1A2B3C\r\n"))

    async def _usual(self, peer: Peer, verb: str, line: str) -> Answer:
        if verb == "EHLO":
            lines = ["mail.test", *self.offers]
            return "".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode()
        if verb == "AUTH":
            good = await self._login(peer, line)
            return b"235 2.7.0 welcome\r\n" if good else b"535 5.7.8 Error: authentication failed\r\n"
        if verb == "QUIT":
            return after(b"221 bye\r\n", closes)
        return b"250 2.0.0 Ok\r\n"

    async def _login(self, peer: Peer, line: str) -> bool:
        words = line.split(" ")
        if words[1] == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
            return self.accounts.get(user) == password
        told = []
        for question in (b"Username:", b"Password:"):
            await peer.send(b"334 " + base64.b64encode(question) + b"\r\n")
            told.append(base64.b64decode(await peer.line()).decode())
        return self.accounts.get(told[0]) == told[1]


# IMAP --------------------------------------------------------------------------------------------------------------


@dataclass
class ImapServer:
    """A server with one folder of canned answers: verb (`UID SEARCH` is one) → what it does instead of the usual.

    In an answer of bytes, `%s` stands for the tag.
    """

    greeting: Answer = b"* OK ready\r\n"
    offers: str = "IMAP4rev1 UIDPLUS IDLE AUTH=PLAIN SASL-IR STARTTLS"
    answers: Mapping[str, Answer] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    implicit: bool = False
    accounts: Mapping[str, str] = field(default_factory=lambda: {"probe": "secret"})
    commands: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        async with serving(self._talk, self.context if self.implicit else None) as port:
            yield port

    async def _talk(self, peer: Peer) -> None:
        await peer.answer(self.greeting)
        while True:
            line = await self._command(peer)
            tag, _, rest = line.partition(" ")
            self.commands.append(rest)
            words = rest.upper().split(" ")
            verb = " ".join(words[:2]) if words[0] == "UID" else words[0]
            done = f"{tag} OK done\r\n".encode()
            special = self.answers.get(verb)
            if special is not None:
                await peer.answer(special.replace(b"%s", tag.encode()) if isinstance(special, bytes) else special)
            elif verb == "CAPABILITY":
                await peer.send(f"* CAPABILITY {self.offers}\r\n".encode() + done)
            elif verb == "STARTTLS":
                await peer.send(done)
                await peer.start_tls(self.context or server_context())
            elif verb in ("LOGIN", "AUTHENTICATE"):
                good = await self._login(peer, rest)
                refused = f"{tag} NO [AUTHENTICATIONFAILED] Authentication failed.\r\n".encode()
                await peer.send(done if good else refused)
            elif verb in ("SELECT", "EXAMINE"):
                await peer.send(b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 13] ok\r\n" + done)
            elif verb == "UID SEARCH":
                await peer.send(b"* SEARCH 12 4\r\n" + done)
            elif verb == "IDLE":
                await peer.send(b"+ idling\r\n")
                await peer.line()
                await peer.send(done)
            elif verb == "LOGOUT":
                await peer.send(b"* BYE\r\n" + done)
                raise Hangup
            else:
                await peer.send(done)

    async def _command(self, peer: Peer) -> str:
        """A command, its literals put in place."""
        line = (await peer.line()).decode()
        while match := re.search(r"\{(\d+)\}$", line):
            await peer.send(b"+ go on\r\n")
            literal = (await peer.reader.readexactly(int(match[1]))).decode()
            line = line[: match.start()] + literal + (await peer.line()).decode()
        return line

    async def _login(self, peer: Peer, rest: str) -> bool:
        words = rest.split(" ")
        if words[0] == "LOGIN":
            user, password = (word.strip('"') for word in words[1:3])
            return self.accounts.get(user) == password
        if len(words) < 3:
            await peer.send(b"+ \r\n")
            words.append((await peer.line()).decode())
        _, user, password = base64.b64decode(words[2]).decode().split("\0")
        return self.accounts.get(user) == password


# Certificates ------------------------------------------------------------------------------------------------------


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def other_authority() -> trustme.CA:
    return trustme.CA()


def _day(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


@cache
def identity(fault: str = "good") -> tuple[bytes, bytes]:
    """A server's certificate chain and key, in PEM: `good` for 127.0.0.1, or with the fault that is named."""
    if fault == "self_signed":
        return _self_signed()
    issuer = other_authority() if fault == "unknown_ca" else authority()
    leaf = issuer.issue_cert(
        "other.test" if fault == "name_mismatch" else HOST,
        not_before=_day(+2) if fault == "not_yet_valid" else None,
        not_after=_day(-2) if fault == "expired" else None,
    )
    return b"".join(blob.bytes() for blob in leaf.cert_chain_pems), leaf.private_key_pem.bytes()


def _self_signed() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), _day(-1), _day(30))
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@cache
def server_context(fault: str = "good", *, client: bool = False) -> ssl.SSLContext:
    """A server's context with that identity. `client`: it demands a certificate of `authority()` from the client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = identity(fault)
    with tempfile.NamedTemporaryFile() as file:
        file.write(key + certificate)
        file.flush()
        context.load_cert_chain(file.name)
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        authority().configure_trust(context)
    return context


def trusting(folder: Path, mode: str = "starttls", *, client: trustme.CA | None = None) -> dict[str, str]:
    """`tls:` settings which trust `authority()`, and show a client certificate of an authority when one is given."""
    authority().cert_pem.write_to_path(folder / "ca.pem")
    given = {"mode": mode, "ca": str(folder / "ca.pem")}
    if client is not None:
        leaf = client.issue_cert("probe@chu.test")
        leaf.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
        given |= {"client_cert": str(folder / "client.pem")}
    return given
