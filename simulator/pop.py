"""A small POP3 server (RFC 1939, 2449, 2595) over the same folders as the IMAP one, for the simulated world."""

import asyncio
import base64
import binascii
import re
import ssl
from dataclasses import dataclass, field

from simulator.imap import Account, Stored

CAPABILITIES = ("TOP", "UIDL", "USER", "SASL PLAIN", "RESP-CODES", "AUTH-RESP-CODE", "IMPLEMENTATION simulated")


@dataclass(slots=True)
class PopServer:
    """`accounts` by user name; their INBOX is the maildrop. `commands` are the verbs that guests have used.

    `position`: "answers", "locked" (somebody else's session holds every maildrop), "refuses" (every password) or
    "silent". Nothing can be deleted by POP here.
    """

    accounts: dict[str, Account]
    starttls: ssl.SSLContext | None = None
    position: str = "answers"
    commands: set[str] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)  # the accounts whose maildrop a session holds

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.position == "silent":
            await asyncio.sleep(3600)
        conversation = _Conversation(self, reader, writer)
        try:
            await conversation.run()
        finally:
            if conversation.user is not None:
                self.inside.discard(conversation.user)


class _Conversation:
    def __init__(self, server: PopServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.named = ""
        self.user: str | None = None  # whose maildrop this session holds
        self.messages: tuple[Stored, ...] = ()  # as they were when it began

    async def run(self) -> None:
        self.say("+OK simulated POP3 ready")
        anybody = {"CAPA": self.capa, "USER": self.user_name, "PASS": self.password, "AUTH": self.auth}
        anybody |= {"STLS": self.stls} if self.server.starttls is not None else {}
        holder = {
            "CAPA": self.capa,
            "STAT": self.stat,
            "LIST": self.sizes,
            "UIDL": self.uidl,
            "TOP": self.top,
            "RETR": self.retr,
            "NOOP": self.noop,
            "RSET": self.noop,
        }
        while True:
            await self.writer.drain()
            line = (await self.reader.readuntil(b"\r\n"))[:-2].decode("utf-8", "replace")
            verb, _, rest = line.partition(" ")
            self.server.commands.add(verb.upper())
            if verb.upper() == "QUIT":
                self.say("+OK see you")
                await self.writer.drain()
                return
            handler = (anybody if self.user is None else holder).get(verb.upper())
            if handler is None:
                self.say("-ERR not possible here")
            else:
                await handler(rest)

    def say(self, line: str) -> None:
        self.writer.write(line.encode() + b"\r\n")

    def say_text(self, text: bytes) -> None:
        self.say("+OK")
        self.writer.write(re.sub(rb"(?m)^\.", b"..", text) + b".\r\n")

    # Entering ------------------------------------------------------------------------------------------------------

    async def capa(self, _rest: str) -> None:
        offered = CAPABILITIES + (("STLS",) if self.server.starttls is not None else ())
        self.say_text("".join(f"{name}\r\n" for name in offered).encode())

    async def stls(self, _rest: str) -> None:
        if self.server.starttls is None:
            self.say("-ERR no TLS here")
            return
        self.say("+OK begin TLS")
        await self.writer.drain()
        await self.writer.start_tls(self.server.starttls)

    async def user_name(self, rest: str) -> None:
        self.named = rest
        self.say("+OK and the password?")

    async def password(self, rest: str) -> None:
        self.enter(self.named, rest)

    async def auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() != "PLAIN":
            self.say("-ERR unknown mechanism")
            return
        if not initial:
            self.say("+ ")
            await self.writer.drain()
            initial = (await self.reader.readuntil(b"\r\n"))[:-2].decode("ascii", "replace")
        try:
            _, user, password = base64.b64decode(initial, validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            self.say("-ERR not PLAIN")
            return
        self.enter(user, password)

    def enter(self, user: str, password: str) -> None:
        account = self.server.accounts.get(user)
        if account is None or account.password != password or self.server.position == "refuses":
            self.say("-ERR [AUTH] Authentication failed")
        elif self.server.position == "locked" or user in self.server.inside:
            self.say("-ERR [IN-USE] another session holds this maildrop")
        else:
            self.user = user
            self.server.inside.add(user)
            self.messages = tuple(account.folders["INBOX"].messages)
            self.say("+OK logged in")

    # Reading -------------------------------------------------------------------------------------------------------

    async def noop(self, _rest: str) -> None:
        self.say("+OK")

    async def stat(self, _rest: str) -> None:
        self.say(f"+OK {len(self.messages)} {sum(len(message.raw) for message in self.messages)}")

    async def sizes(self, rest: str) -> None:
        self.tell(rest, [str(len(message.raw)) for message in self.messages])

    async def uidl(self, rest: str) -> None:
        self.tell(rest, [f"{message.uid:08x}" for message in self.messages])

    def tell(self, rest: str, facts: list[str]) -> None:
        """One message's fact, or all of them."""
        if not rest:
            self.say_text("".join(f"{number} {fact}\r\n" for number, fact in enumerate(facts, 1)).encode())
        elif self.message(rest) is not None:
            self.say(f"+OK {rest} {facts[int(rest) - 1]}")
        else:
            self.say("-ERR no such message")

    async def top(self, rest: str) -> None:
        number, _, lines = rest.partition(" ")
        message = self.message(number)
        if message is None or not lines.isdecimal():
            self.say("-ERR no such message")
            return
        head, _, body = message.raw.partition(b"\r\n\r\n")
        kept = body.splitlines(keepends=True)[: int(lines)]
        self.say_text(_whole_lines(head + b"\r\n\r\n" + b"".join(kept)))

    async def retr(self, rest: str) -> None:
        message = self.message(rest)
        if message is None:
            self.say("-ERR no such message")
        else:
            self.say_text(_whole_lines(message.raw))

    def message(self, number: str) -> Stored | None:
        found = number.isdecimal() and 1 <= int(number) <= len(self.messages)
        return self.messages[int(number) - 1] if found else None


def _whole_lines(text: bytes) -> bytes:
    return text if text.endswith(b"\r\n") else text + b"\r\n"
