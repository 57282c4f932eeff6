"""A small SMTP server (RFC 5321) for the simulated world: relays, mail exchangers and submission services."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

LINE = 4096
MESSAGE = 1 << 22  # bytes of one message

Judge = Callable[[str, str], str | None]  # (sender, recipient) → a refusing reply, or None
Take = Callable[["Envelope"], Awaitable[str]]  # → the final reply


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: str
    recipients: tuple[str, ...]
    message: bytes
    account: str | None = None


@dataclass(slots=True)
class SmtpServer:
    """What one server offers. `banner` may be a refusing reply (`554 …`), which then ends the conversation."""

    name: str
    take: Take
    judge: Judge = lambda _sender, _recipient: None
    tls: ssl.SSLContext | None = None
    accounts: dict[str, str] = field(default_factory=dict)  # user → password; not empty: AUTH is demanded
    banner: str | None = None
    silent: bool = False  # accepts connections and says nothing

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            await asyncio.sleep(3600)
        await _Conversation(self, reader, writer).run()


class _Conversation:
    def __init__(self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.encrypted = False
        self.account: str | None = None
        self.sender: str | None = None
        self.recipients: list[str] = []

    async def run(self) -> None:
        banner = self.server.banner or f"220 {self.server.name} ESMTP simulated"
        await self.say(banner)
        if not banner.startswith("220"):
            return
        verbs = {
            "EHLO": self.ehlo,
            "HELO": self.helo,
            "STARTTLS": self.starttls,
            "AUTH": self.auth,
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "RSET": self.rset,
            "NOOP": self.noop,
        }
        while True:
            line = await self.hear()
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                await self.say("221 2.0.0 Bye")
                return
            handler = verbs.get(verb.upper())
            await (handler(rest) if handler else self.say("502 5.5.2 Command not recognised"))

    async def hear(self) -> str:
        line = await self.reader.readuntil(b"\n")
        if len(line) > LINE:
            raise ValueError("line too long")
        return line.decode("utf-8", "replace").rstrip("\r\n")

    async def say(self, *lines: str) -> None:
        for number, line in enumerate(lines):
            last = number == len(lines) - 1
            text = line if last or line[3] == "-" else line[:3] + "-" + line[4:]
            self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def ehlo(self, _rest: str) -> None:
        await self.rset_state()
        lines = [f"250 {self.server.name}", f"250 SIZE {MESSAGE}", "250 8BITMIME", "250 ENHANCEDSTATUSCODES"]
        if self.server.tls and not self.encrypted:
            lines.append("250 STARTTLS")
        if self.server.accounts and (self.encrypted or not self.server.tls):
            lines.append("250 AUTH PLAIN LOGIN")
        await self.say(*lines)

    async def helo(self, _rest: str) -> None:
        await self.rset_state()
        await self.say(f"250 {self.server.name}")

    async def starttls(self, _rest: str) -> None:
        if self.server.tls is None or self.encrypted:
            await self.say("502 5.5.1 TLS not available")
            return
        await self.say("220 2.0.0 Ready to start TLS")
        await self.writer.start_tls(self.server.tls)
        self.encrypted = True
        await self.rset_state()

    async def auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            if not initial:
                await self.say("334 ")
                initial = await self.hear()
            _, user, password = (*_decode(initial).split("\0"), "", "", "")[:3]
        elif mechanism.upper() == "LOGIN":
            await self.say("334 VXNlcm5hbWU6")
            user = _decode(await self.hear())
            await self.say("334 UGFzc3dvcmQ6")
            password = _decode(await self.hear())
        else:
            await self.say("504 5.5.4 Unrecognised mechanism")
            return
        if self.server.accounts.get(user) != password:
            await self.say("535 5.7.8 Authentication credentials invalid")
            return
        self.account = user
        await self.say("235 2.7.0 Authentication successful")

    async def mail(self, rest: str) -> None:
        if self.server.accounts and self.account is None:
            await self.say("530 5.7.0 Authentication required")
            return
        self.sender = _address(rest)
        self.recipients = []
        await self.say("250 2.1.0 Ok")

    async def rcpt(self, rest: str) -> None:
        if self.sender is None:
            await self.say("503 5.5.1 MAIL first")
            return
        recipient = _address(rest)
        refusal = self.server.judge(self.sender, recipient)
        if refusal is None:
            self.recipients.append(recipient)
        await self.say(refusal or "250 2.1.5 Ok")

    async def data(self, _rest: str) -> None:
        if self.sender is None or not self.recipients:
            await self.say("503 5.5.1 RCPT first")
            return
        await self.say("354 End data with <CR><LF>.<CR><LF>")
        lines: list[bytes] = []
        size = 0
        while (line := await self.reader.readuntil(b"\n")).rstrip(b"\r\n") != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
            size += len(line)
            if size > MESSAGE:
                raise ValueError("message too large")
        envelope = Envelope(self.sender, tuple(self.recipients), b"".join(lines), self.account)
        await self.rset_state()
        await self.say(await self.server.take(envelope))

    async def rset(self, _rest: str) -> None:
        await self.rset_state()
        await self.say("250 2.0.0 Ok")

    async def noop(self, _rest: str) -> None:
        await self.say("250 2.0.0 Ok")

    async def rset_state(self) -> None:
        self.sender = None
        self.recipients = []


def _address(rest: str) -> str:
    _, _, after = rest.partition("<")
    return after.partition(">")[0].lower()


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""
