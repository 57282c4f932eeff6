"""A small IMAP server (RFC 3501, with UIDPLUS and IDLE) over mailboxes in memory, for the simulated world."""

import asyncio
import base64
import binascii
import email
import email.policy
import email.utils
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message as Mail

LITERAL = 1 << 16
CAPABILITIES = "IMAP4rev1 UIDPLUS IDLE LITERAL+ AUTH=PLAIN"


@dataclass(slots=True)
class Stored:
    uid: int
    raw: bytes
    flags: set[str] = field(default_factory=set)
    internal_date: str = field(default_factory=lambda: email.utils.formatdate())

    @property
    def mail(self) -> Mail:
        return email.message_from_bytes(self.raw, policy=email.policy.compat32)


@dataclass(slots=True)
class Folder:
    """One mailbox's folder. Whoever idles on it is told when something arrives."""

    messages: list[Stored] = field(default_factory=list)
    next_uid: int = 1
    _waiting: set[asyncio.Event] = field(default_factory=set)

    def append(self, raw: bytes) -> None:
        self.messages.append(Stored(self.next_uid, re.sub(rb"(?<!\r)\n", b"\r\n", raw)))
        self.next_uid += 1
        for event in self._waiting:
            event.set()

    def watch(self, event: asyncio.Event) -> Callable[[], None]:
        self._waiting.add(event)
        return lambda: self._waiting.discard(event)


@dataclass(slots=True)
class Account:
    password: str
    folders: dict[str, Folder]


@dataclass(slots=True)
class ImapServer:
    """`accounts` by user name. `position`: "answers", "bye" (refuses at the greeting) or "silent"."""

    accounts: dict[str, Account]
    starttls: ssl.SSLContext | None = None
    position: str = "answers"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.position == "silent":
            await asyncio.sleep(3600)
        if self.position == "bye":
            writer.write(b"* BYE Simulated server is closed for maintenance\r\n")
            await writer.drain()
            return
        await _Conversation(self, reader, writer).run()


class _Conversation:
    def __init__(self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.account: Account | None = None
        self.folder: Folder | None = None
        self.told = 0  # how many messages the guest knows of
        self.leaving = False

    async def run(self) -> None:
        self.say(f"* OK [CAPABILITY {self.capabilities}] simulated IMAP ready")
        while not self.leaving:
            await self.writer.drain()
            tag, words = await self.hear()
            if not words:
                self.say(f"{tag} BAD empty command")
                continue
            await self.obey(tag, words)
        await self.writer.drain()

    @property
    def capabilities(self) -> str:
        return CAPABILITIES + (" STARTTLS" if self.server.starttls else "")

    def say(self, line: str) -> None:
        self.writer.write(line.encode() + b"\r\n")

    async def hear(self) -> tuple[str, list[str]]:
        """A command's tag and words; literals are asked for and read."""
        words: list[str] = []
        while True:
            line = (await self.reader.readuntil(b"\r\n"))[:-2].decode("utf-8", "replace")
            match = re.search(r"\{(\d+)(\+?)\}$", line)
            words += _split(line[: match.start()] if match else line)
            if match is None:
                break
            if int(match[1]) > LITERAL:
                raise ValueError("literal too long")
            if not match[2]:
                self.say("+ go ahead")
                await self.writer.drain()
            words.append((await self.reader.readexactly(int(match[1]))).decode("utf-8", "replace"))
        return (words[0] if words else "*"), words[1:]

    async def obey(self, tag: str, words: list[str]) -> None:
        verb, rest = words[0].upper(), words[1:]
        if verb == "UID" and rest:
            verb, rest = f"UID {rest[0].upper()}", rest[1:]
        anybody = {"CAPABILITY": self.capability, "NOOP": self.noop, "LOGOUT": self.logout}
        stranger = {"LOGIN": self.login, "AUTHENTICATE": self.authenticate, "STARTTLS": self.start_tls}
        known = {"SELECT": self.select, "EXAMINE": self.select}
        selected = {
            "UID SEARCH": self.search,
            "UID FETCH": self.fetch,
            "UID STORE": self.store,
            "UID EXPUNGE": self.expunge,
            "EXPUNGE": self.expunge,
            "IDLE": self.idle,
            "CLOSE": self.close,
        }
        allowed = anybody | stranger
        if self.account is not None:
            allowed = anybody | known | (selected if self.folder is not None else {})
        handler = allowed.get(verb)
        if handler is None:
            self.say(f"{tag} BAD {verb} is not possible now")
            return
        await handler(tag, rest)

    async def capability(self, tag: str, _rest: list[str]) -> None:
        self.say(f"* CAPABILITY {self.capabilities}")
        self.say(f"{tag} OK done")

    async def noop(self, tag: str, _rest: list[str]) -> None:
        self.tell()
        self.say(f"{tag} OK done")

    async def logout(self, tag: str, _rest: list[str]) -> None:
        self.say("* BYE see you")
        self.say(f"{tag} OK done")
        self.leaving = True

    async def start_tls(self, tag: str, _rest: list[str]) -> None:
        if self.server.starttls is None:
            self.say(f"{tag} NO no TLS here")
            return
        self.say(f"{tag} OK begin TLS")
        await self.writer.drain()
        await self.writer.start_tls(self.server.starttls)

    async def login(self, tag: str, rest: list[str]) -> None:
        self.enter(tag, *[*rest, "", ""][:2])

    async def authenticate(self, tag: str, rest: list[str]) -> None:
        initial = rest[1] if len(rest) > 1 else None
        if initial is None:
            self.say("+ ")
            await self.writer.drain()
            initial = (await self.reader.readuntil(b"\r\n"))[:-2].decode()
        try:
            _, user, password = base64.b64decode(initial, validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            self.say(f"{tag} BAD not PLAIN")
            return
        self.enter(tag, user, password)

    def enter(self, tag: str, user: str, password: str) -> None:
        account = self.server.accounts.get(user)
        if account is None or account.password != password:
            self.say(f"{tag} NO [AUTHENTICATIONFAILED] Authentication failed")
            return
        self.account = account
        self.say(f"{tag} OK [CAPABILITY {self.capabilities}] Logged in")

    async def select(self, tag: str, rest: list[str]) -> None:
        folder = self.account.folders.get(rest[0]) if self.account and rest else None
        if folder is None:
            self.folder = None
            self.say(f"{tag} NO [NONEXISTENT] no such mailbox")
            return
        self.folder = folder
        self.told = len(folder.messages)
        self.say("* FLAGS (\\Seen \\Deleted \\Answered \\Flagged \\Draft)")
        self.say(f"* {self.told} EXISTS")
        self.say("* 0 RECENT")
        self.say("* OK [UIDVALIDITY 1] valid")
        self.say(f"* OK [UIDNEXT {folder.next_uid}] next")
        self.say(f"{tag} OK [READ-WRITE] selected")

    async def close(self, tag: str, _rest: list[str]) -> None:
        self.folder = None
        self.say(f"{tag} OK closed")

    def tell(self) -> None:
        if self.folder is not None and len(self.folder.messages) != self.told:
            self.told = len(self.folder.messages)
            self.say(f"* {self.told} EXISTS")

    @property
    def messages(self) -> list[Stored]:
        return self.folder.messages if self.folder else []

    async def search(self, tag: str, rest: list[str]) -> None:
        wanted = list(rest)
        if wanted[:1] and wanted[0].upper() == "CHARSET":
            wanted = wanted[2:]
        found = [message.uid for message in self.messages if _matches(message, wanted)]
        self.tell()
        self.say("* SEARCH" + "".join(f" {uid}" for uid in found))
        self.say(f"{tag} OK done")

    async def fetch(self, tag: str, rest: list[str]) -> None:
        items = " ".join(rest[1:])
        for number, message in enumerate(self.messages, 1):
            if message.uid in _numbers(rest[0], self.messages):
                parts = _items(message, items)
                self.writer.write(f"* {number} FETCH (UID {message.uid}".encode())
                for name, data in parts:
                    self.writer.write(f" {name} ".encode() + data)
                self.writer.write(b")\r\n")
        self.say(f"{tag} OK done")

    async def store(self, tag: str, rest: list[str]) -> None:
        flags = set(re.findall(r"\\?\w+", " ".join(rest[2:])))
        for message in self.messages:
            if message.uid in _numbers(rest[0], self.messages):
                if rest[1].startswith("-"):
                    message.flags -= flags
                else:
                    message.flags |= flags
        self.say(f"{tag} OK done")

    async def expunge(self, tag: str, rest: list[str]) -> None:
        chosen = _numbers(rest[0], self.messages) if rest else {message.uid for message in self.messages}
        if self.folder is not None:
            self.folder.messages = [
                message
                for message in self.folder.messages
                if not (message.uid in chosen and "\\Deleted" in message.flags)
            ]
            self.told = min(self.told, len(self.folder.messages))
            self.say(f"* {len(self.folder.messages)} EXISTS")
        self.say(f"{tag} OK done")

    async def idle(self, tag: str, _rest: list[str]) -> None:
        self.say("+ idling")
        await self.writer.drain()
        arrived = asyncio.Event()
        leave = self.folder.watch(arrived) if self.folder else lambda: None
        done = asyncio.ensure_future(self.reader.readuntil(b"\r\n"))
        try:
            while not done.done():
                self.tell()
                await self.writer.drain()
                arrived.clear()
                news = asyncio.ensure_future(arrived.wait())
                await asyncio.wait({done, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
            await done
        finally:
            leave()
            done.cancel()
        self.say(f"{tag} OK idle done")


def _split(line: str) -> list[str]:
    """Words of a command: atoms, quoted strings, and parentheses or brackets kept with what they hold."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\((?:[^()]|\([^()]*\))*\)|(?:[^\s"\[(]|\[[^\]]*\]|<[^>]*>)+)', line)
    return [atom or re.sub(r"\\(.)", r"\1", quoted) for quoted, atom in words]


def _numbers(text: str, messages: Sequence[Stored]) -> set[int]:
    highest = max((message.uid for message in messages), default=0)
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition(":")
        first = highest if low == "*" else int(low)
        last = first if not high else highest if high == "*" else int(high)
        low_uid, high_uid = min(first, last), max(first, last)
        found |= {message.uid for message in messages if low_uid <= message.uid <= high_uid}
    return found


def _matches(message: Stored, wanted: list[str]) -> bool:
    """All criteria together; those that this server does not know match everything."""
    words = [word.strip("()") for word in wanted]
    place = 0
    while place < len(words):
        word = words[place].upper()
        if word == "HEADER":
            value = message.mail.get(words[place + 1])
            if value is None or words[place + 2].lower() not in str(value).lower():
                return False
            place += 3
        elif word in ("SUBJECT", "FROM", "TO"):
            if words[place + 1].lower() not in str(message.mail.get(word, "")).lower():
                return False
            place += 2
        elif word == "UID":
            if message.uid not in _numbers(words[place + 1], [message]):
                return False
            place += 2
        elif word in ("SINCE", "BEFORE", "ON", "LARGER", "SMALLER"):
            place += 2
        elif word == "OR":
            return True
        else:
            if (word == "UNDELETED" and "\\Deleted" in message.flags) or (
                word == "UNSEEN" and "\\Seen" in message.flags
            ):
                return False
            place += 1
    return True


def _literal(data: bytes) -> bytes:
    return b"{%d}\r\n%s" % (len(data), data)


def _items(message: Stored, items: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    upper = items.upper()
    if "FLAGS" in upper:
        found.append(("FLAGS", f"({' '.join(sorted(message.flags))})".encode()))
    if "RFC822.SIZE" in upper:
        found.append(("RFC822.SIZE", str(len(message.raw)).encode()))
    if "INTERNALDATE" in upper:
        found.append(("INTERNALDATE", f'"{_internal(message.internal_date)}"'.encode()))
    for match in re.finditer(r"BODY(?:\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", items, re.IGNORECASE):
        data = _section(message, match[1])
        name = f"BODY[{match[1]}]"
        if match[2] is not None:
            start = int(match[2])
            data = data[start : start + int(match[3])]
            name += f"<{start}>"
        found.append((name, _literal(data)))
    return found


def _section(message: Stored, section: str) -> bytes:
    head, _, body = message.raw.partition(b"\r\n\r\n")
    upper = section.upper()
    if upper == "":
        return message.raw
    if upper == "HEADER":
        return head + b"\r\n\r\n"
    if upper == "TEXT":
        return body
    if upper.startswith("HEADER.FIELDS"):
        wanted = {name.strip('"').lower() for name in section[section.index("(") + 1 : section.index(")")].split()}
        lines = re.split(rb"\r\n(?![ \t])", head)
        kept = [line for line in lines if line.split(b":", 1)[0].decode("latin-1").strip().lower() in wanted]
        return b"".join(line + b"\r\n" for line in kept) + b"\r\n"
    return b""


def _internal(date: str) -> str:
    parsed = email.utils.parsedate_to_datetime(date)
    return parsed.strftime("%d-%b-%Y %H:%M:%S +0000")
