"""A maildrop read by POP3 on the ladder's connection: opened, counted, listed, looked into (RFC 1939, 2449, 2595).

Nothing is ever removed: there is no such command in here. A server that deletes what was read (`EXPIRE 0`, RFC 2449,
section 6.7) does so by its own rule.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Annotated, Self

from pydantic import Field

from retabli.model import causes, stages
from retabli.model.hosts import Host
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Port, Resolver, SecretRef, Settings, Tls
from retabli.model.stages import Stage
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.farewell import part
from retabli.net.mail import pop_causes
from retabli.net.mail.credentials import clear_fault, encode, plain, refuse_clear
from retabli.net.mail.pop_replies import Reply, cause_of, of_login, reply_of
from retabli.net.mail.session_causes import NO_BANNER, STARTTLS_NOT_OFFERED, STARTTLS_REFUSED
from retabli.net.mail.starttls import session_stages, start_tls_after_agreement

LINE = 65_536  # bytes of one line; RFC 5322 allows 998, mail in the wild does not keep to it
STATUS_LINE = 4096  # RFC 2449, section 4, allows 512
CAPABILITY_LINES = 200
MOST = 5000  # messages that are listed
HEADER_LIMIT = 65_536  # bytes of a message that are kept
MESSAGE_LIMIT = 4_194_304  # bytes of a message that are read through
MESSAGE_LINES = 100_000
FAIR = 1000  # lines taken apart without a pause, after which others have their turn
COMMAND_LINE = 255  # RFC 2449, section 4


class Maildrop(Settings):
    """A maildrop that belongs to the probe alone: POP3 is exclusive, and would lock everybody else out."""

    host: Host
    port: Port = 995
    tls: Tls = Tls()
    user: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]
    password: SecretRef

    @property
    def label(self) -> str:
        return f"{self.user}@{self.host}"


def maildrop_stages(maildrop: Maildrop) -> tuple[Stage, ...]:
    """The rungs that `open_maildrop` climbs with these settings, in order."""
    return (*session_stages(maildrop.tls), stages.AUTH)


def maildrop_faults(maildrop: Maildrop) -> Iterator[str]:
    """What these settings have wrong together, as sentences for `check`."""
    if fault := clear_fault(maildrop.tls, maildrop.host):
        yield fault
    if maildrop.tls.mode == "starttls" and maildrop.port == 995:
        yield "port 995 speaks TLS from the first byte: set tls.mode to implicit (RFC 8314, section 3.1)"


async def open_maildrop(maildrop: Maildrop, ladder: Ladder, *, resolver: Resolver | None = None) -> "PopSession":
    """A session that is logged in. The caller ends it, by `async with session:`.

    Raises:
        Fall: one of pop_causes.CAUSES, `auth_refused`, a cause of every session or a common one; other errors as the
            ladder's table knows them.
    """
    connection = await open_connection(ladder, maildrop.host, maildrop.port, resolver=resolver, tls=maildrop.tls)
    session = PopSession(connection)
    try:
        await session.begin(ladder, maildrop)
    except BaseException:
        connection.abort()
        raise
    return session


class PopSession:
    """One conversation. Every method is bounded in what it reads; time is bounded by the run's deadline.

    `offered` is what CAPA told (name → its arguments), None of a server that does not know CAPA. Messages are numbered
    from 1, for this session only.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.offered: Mapping[str, tuple[str, ...]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            await self.quit()
        else:
            self.connection.abort()

    @property
    def login_delay(self) -> float:
        """Seconds that the server wants between two logins (RFC 2449, section 6.5); 0 when it does not say."""
        words = (self.offered or {}).get("LOGIN-DELAY", ())
        return float(words[0]) if words and words[0].isascii() and words[0].isdigit() and len(words[0]) < 7 else 0.0

    # Opening -------------------------------------------------------------------------------------------------------

    async def begin(self, ladder: Ladder, maildrop: Maildrop) -> None:
        """GREETING, STARTTLS and TLS where the settings want them, and AUTH."""
        with ladder.rung(stages.GREETING):
            await self._greeting()
            await self._capabilities()
        if maildrop.tls.mode == "starttls":
            with ladder.rung(stages.STARTTLS):
                await self._stls()
            with ladder.rung(stages.TLS):
                await start_tls_after_agreement(self.connection, maildrop.tls, maildrop.host)
                await self._capabilities()  # what was said in clear does not count
        with ladder.rung(stages.AUTH):
            await self._log_in(maildrop)

    async def _greeting(self) -> None:
        try:
            reply = await self._reply()
        except Fall as fall:
            if fall.cause is causes.CLOSED_EARLY and not fall.detail:
                raise Fall(NO_BANNER) from fall
            if fall.cause is causes.TOO_LONG:
                raise Fall(pop_causes.NOT_POP, fall.detail) from fall
            raise
        if not reply.ok:
            raise Fall(cause_of(reply, pop_causes.POP_TURNED_AWAY), str(reply))

    async def _capabilities(self) -> None:
        """CAPA (RFC 2449, section 5); the server need not know it."""
        self.offered = None
        if not (await self._ask(b"CAPA")).ok:
            return
        lines = (await self._text(HEADER_LIMIT, HEADER_LIMIT, CAPABILITY_LINES)).decode("ascii", "replace").upper()
        self.offered = {words[0]: tuple(words[1:]) for line in lines.splitlines() if (words := line.split())}

    async def _stls(self) -> None:
        if "STLS" not in (self.offered or {}):
            raise Fall(STARTTLS_NOT_OFFERED)
        reply = await self._ask(b"STLS")
        if not reply.ok:
            raise Fall(STARTTLS_REFUSED, str(reply))

    async def _log_in(self, maildrop: Maildrop) -> None:
        """One attempt; never in clear to another machine. No detail holds what we sent.

        By SASL PLAIN where it is offered (RFC 5034), else by USER and PASS. APOP is not spoken: its MD5 would have to
        be trusted to hide the password on a line in clear, where TLS is at hand (RFC 6151).
        """
        refuse_clear(self.connection.tls is not None, self.connection.address)
        user, password = maildrop.user, maildrop.password.text()
        if "PLAIN" in (self.offered or {}).get("SASL", ()):
            reply = await self._sasl_plain(plain(user, password))
        elif self.offered is not None and "USER" not in self.offered:
            raise Fall(pop_causes.POP_LOGIN_DISABLED, " ".join(sorted(self.offered)))
        else:
            reply = await self._user_and_pass(user, password, maildrop.password.place)
        if not reply.ok:
            secrets = (password, encode(password).decode(), plain(user, password).decode())
            quoted = any(secret in reply.text for secret in secrets)
            raise Fall(of_login(reply), reply.code if quoted else str(reply))

    async def _sasl_plain(self, secret: bytes) -> Reply:
        whole = b"AUTH PLAIN " + secret
        if len(whole) + 2 <= COMMAND_LINE:
            return await self._ask(whole)
        await self.connection.send(b"AUTH PLAIN\r\n")
        line = await self.connection.read_line(STATUS_LINE)
        return await self._ask(secret) if line.startswith((b"+ ", b"+\r")) else reply_of(line)

    async def _user_and_pass(self, user: str, password: str, place: str) -> Reply:
        if re.search(r"[\x00\r\n]", password):
            raise Fall(causes.SECRET_UNREADABLE, f"{place} holds a line break, which PASS cannot send")
        reply = await self._ask(b"USER " + user.encode())
        return await self._ask(b"PASS " + password.encode()) if reply.ok else reply

    # Reading -------------------------------------------------------------------------------------------------------

    async def count(self) -> int:
        """How many messages the maildrop holds (STAT)."""
        words = str(await self._must(b"STAT")).split()
        if not words or not re.fullmatch(r"[0-9]{1,12}", words[0]):
            raise Fall(causes.GARBAGE, f"STAT: {' '.join(words)}")
        return int(words[0])

    async def list_uids(self) -> list[tuple[int, bytes]]:
        """Each message's number and unique id, at most MOST of them (UIDL)."""
        await self._must(b"UIDL")
        lines = (await self._text(MOST * 128, MOST * 128, MOST + 1)).splitlines()
        found = []
        for line in lines:
            match = re.fullmatch(rb"([0-9]{1,9}) +([\x21-\x7e]{1,128}) *", line)  # RFC 1939 allows 70
            if match is None:
                raise Fall(causes.GARBAGE, b"UIDL: " + line)
            found.append((int(match[1]), match[2]))
        return found

    async def read(self, number: int, lines: int = 0, keep: int = HEADER_LIMIT) -> bytes | None:
        """A message's header and so many lines of its body, of which the first `keep` bytes are kept. None: it
        cannot be had.

        By TOP, which leaves no mark; by RETR where the server has no TOP.

        Raises:
            Fall: `too_long` beyond MESSAGE_LIMIT: the conversation is then of no more use.
        """
        if self.offered is None or "TOP" in self.offered:
            reply = await self._ask(b"TOP %d %d" % (number, lines))
        else:
            reply = await self._ask(b"RETR %d" % number)
        if reply.ok:
            return await self._text(keep, MESSAGE_LIMIT, MESSAGE_LINES)
        if reply.code:
            raise Fall(cause_of(reply, pop_causes.POP_REFUSED), str(reply))
        return None

    # Ending --------------------------------------------------------------------------------------------------------

    async def quit(self) -> None:
        """QUIT, waiting a moment at most for the answer, and close."""
        await part(self.connection, lambda: self._ask(b"QUIT"))

    # Talking -------------------------------------------------------------------------------------------------------

    async def _ask(self, command: bytes) -> Reply:
        await self.connection.send(command + b"\r\n")
        return await self._reply()

    async def _must(self, command: bytes) -> Reply:
        reply = await self._ask(command)
        if not reply.ok:
            raise Fall(cause_of(reply, pop_causes.POP_REFUSED), f"{command.decode()}: {reply}")
        return reply

    async def _reply(self) -> Reply:
        return reply_of(await self.connection.read_line(STATUS_LINE))

    async def _text(self, keep: int, most: int, lines: int) -> bytes:
        """A multi-line response without its stuffed dots (RFC 1939, section 3): the first `keep` bytes of `most`."""
        kept, size = bytearray(), 0
        for number in range(lines + 1):
            if number % FAIR == FAIR - 1:  # they may all lie in the buffer already
                await asyncio.sleep(0)
            line = await self.connection.read_line(LINE)
            if line.rstrip(b"\r\n") == b".":
                return bytes(kept)
            size += len(line)
            if size > most:
                raise Fall(causes.TOO_LONG, f"more than {most} bytes")
            if len(kept) < keep:
                kept += line[line.startswith(b".") :][: keep - len(kept)]
        raise Fall(causes.TOO_LONG, f"more than {lines} lines")
