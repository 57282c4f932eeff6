"""An SMTP conversation on the ladder's connection, from the greeting to the message's acceptance (RFC 5321)."""

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Resolver, Submit, Tls
from retabli.model.stages import Stage
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.farewell import part
from retabli.net.mail import smtp_causes
from retabli.net.mail.credentials import clear_fault, refuse_clear
from retabli.net.mail.smtp_addresses import is_international, path
from retabli.net.mail.smtp_auth import authenticate
from retabli.net.mail.smtp_replies import (
    Capabilities,
    Reply,
    Step,
    banner_masked,
    cause_of_refusal,
    command_masked,
    parse_capabilities,
    read_reply,
)
from retabli.net.mail.starttls import session_stages, start_tls_after_agreement

CAUSES = smtp_causes.CAUSES
Judge = Callable[[Connection], None]


def submission_stages(submit: Submit) -> tuple[Stage, ...]:
    """The rungs that `open_session` climbs with these settings, in order."""
    entered = (stages.AUTH,) if submit.user is not None else ()
    return (*session_stages(submit.tls, stages.EHLO), *entered)


def submission_faults(submit: Submit) -> Iterator[str]:
    """What these settings have wrong together, as sentences for `check`."""
    if (submit.user is None) != (submit.password is None):
        yield "user and password come together: one of them is missing"
    elif submit.user is not None and (fault := clear_fault(submit.tls, submit.host)):
        yield fault
    if submit.tls.mode == "starttls" and submit.port == 465:
        yield "port 465 speaks TLS from the first byte: set tls.mode to implicit (RFC 8314, section 3.3)"


async def open_session(
    ladder: Ladder,
    submit: Submit,
    *,
    resolver: Resolver | None = None,
    ehlo_name: str | None = None,
    judge: Judge | None = None,
) -> "SmtpSession":
    """A session ready for an envelope; climbs the rungs of `submission_stages`.

    The caller ends it, by `async with session:` (which says QUIT, or just closes when something went wrong).
    `ehlo_name`: the name we give; this machine's full name by default, or its address (RFC 5321, section 4.1.4).
    `judge` is shown the connection on the rung TLS, before anything is said over it, and may raise a Fall.

    Raises:
        Fall: one of CAUSES or a common cause; other errors as the ladder's table knows them.
    """
    connection = await open_connection(ladder, submit.host, submit.port, resolver=resolver, tls=submit.tls)
    session = SmtpSession(connection, submit.tls, ehlo_name or _own_name(connection))
    try:
        await session.begin(ladder, submit, judge)
    except BaseException:
        connection.abort()
        raise
    return session


def _own_name(connection: Connection) -> str:
    name = socket.gethostname()
    if "." in name.strip("."):
        return name
    family = socket.AF_INET6 if connection.family == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as way:  # sends nothing: the kernel tells the address it would use
        way.setblocking(False)
        way.connect((connection.address, connection.port))
        address = way.getsockname()[0].partition("%")[0]
    return f"[IPv6:{address}]" if connection.family == 6 else f"[{address}]"


class SmtpSession:
    """One conversation. `banner` is the greeting; `offered` is what the latest EHLO offered."""

    def __init__(self, connection: Connection, tls: Tls, ehlo_name: str) -> None:
        self.connection = connection
        self.banner = Reply(220, (b"",))
        self.offered = Capabilities({})
        self._tls = tls
        self._ehlo_name = ehlo_name.encode("ascii")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            await self.quit()
        else:
            self.connection.abort()

    # Climbing ------------------------------------------------------------------------------------------------------

    async def begin(self, ladder: Ladder, submit: Submit, judge: Judge | None = None) -> None:
        """GREETING, EHLO, and STARTTLS, TLS and AUTH where the settings want them."""
        with ladder.rung(stages.GREETING):
            await self._greeting()
        with ladder.rung(stages.EHLO):
            await self._ehlo()
        if submit.tls.mode == "starttls":
            with ladder.rung(stages.STARTTLS):
                await self._starttls()
            await self._tls_rung(ladder, submit, judge)
        if submit.user is not None:
            with ladder.rung(stages.AUTH):
                refuse_clear(self.connection.tls is not None, self.connection.address)
                password = submit.password.text() if submit.password else ""
                await authenticate(self.ask, self.offered, submit.user, password)

    async def envelope(
        self,
        ladder: Ladder,
        mail_from: str,
        rcpt_to: Sequence[str],
        size: int | None = None,
        *,
        report_delivery: bool = False,
    ) -> None:
        """MAIL and one RCPT for each recipient, all of which must be accepted; climbs ENVELOPE.

        `size` is the message's, in bytes, told to the server where it takes it (RFC 1870). "" sends from `<>`.
        `report_delivery`: a notification is asked for when it has been delivered, too (RFC 3461, section 4.1).
        """
        with ladder.rung(stages.ENVELOPE):
            international = any(is_international(address) for address in (mail_from, *rcpt_to))
            if international and "SMTPUTF8" not in self.offered:
                raise Fall(smtp_causes.ADDRESS_UNSUPPORTED)
            if report_delivery and "DSN" not in self.offered:
                raise Fall(smtp_causes.DSN_NOT_OFFERED)
            await self.sender(mail_from, size, international=international)
            for address in rcpt_to:
                self._must(await self.recipient(address, report_delivery=report_delivery), Step.RCPT)

    async def sender(self, mail_from: str, size: int | None = None, *, international: bool = False) -> None:
        """MAIL, which must be accepted: an envelope is begun.

        Raises:
            Fall: as `envelope`.
        """
        limit = self.offered.size
        if size is not None and limit is not None and size > limit:
            raise Fall(smtp_causes.TOO_BIG, f"{size} bytes, the server takes {limit} (SIZE)")
        words = [b"MAIL FROM:" + path(mail_from)]
        words += [b"SIZE=%d" % size] if size is not None and "SIZE" in self.offered else []
        words += [b"BODY=8BITMIME"] if "8BITMIME" in self.offered else []
        words += [b"SMTPUTF8"] if international else []
        self._must(await self.ask(b" ".join(words)), Step.MAIL)

    async def recipient(self, address: str, *, report_delivery: bool = False) -> Reply:
        """What the server answers to one RCPT, within an envelope."""
        notify = b" NOTIFY=SUCCESS,FAILURE,DELAY" if report_delivery else b""
        return await self.ask(b"RCPT TO:" + path(address) + notify)

    async def data(self, ladder: Ladder, message: bytes) -> str:
        """Hand the message over; climbs ACCEPTED. The queue id by which the server's log knows it, or ""."""
        with ladder.rung(stages.ACCEPTED):
            reply = await self.ask(b"DATA")
            if reply.code != 354:
                raise Fall(self.cause_of(reply, Step.DATA), str(reply))
            await self._say(transparent(message))
            reply = await self._reply()
            self._must(reply, Step.END)
            return queue_id(reply)

    async def reset(self) -> None:
        """RSET: the envelope is forgotten, nothing is sent."""
        await self.ask(b"RSET")

    async def quit(self) -> None:
        """QUIT, waiting a moment at most for the answer, and close."""
        await part(self.connection, lambda: self.ask(b"QUIT"))

    # Talking -------------------------------------------------------------------------------------------------------

    async def ask(self, command: bytes) -> Reply:
        """Send one command, and await its reply.

        Raises:
            Fall: `garbage` when a reply lies there already: every later one would be taken for another command's, and a
                refusal for the acceptance that came before it.
        """
        await self._say(command + b"\r\n")
        return await self._reply()

    async def _say(self, data: bytes) -> None:
        """Send, unless the server has spoken out of turn: but for 421, which it may say at any time (RFC 5321, 3.8)."""
        unread = self.connection.unread
        if unread and not unread.startswith(b"421"):
            raise Fall(causes.GARBAGE, b"said out of turn: " + unread[:200])
        await self.connection.send(data)

    async def _reply(self) -> Reply:
        return await read_reply(self.connection)

    def cause_of(self, reply: Reply, step: Step) -> causes.Cause:
        """What a refusal means in this session."""
        return cause_of_refusal(reply, step, client_cert=self._tls.client_cert is not None)

    def _must(self, reply: Reply, step: Step) -> None:
        if not 200 <= reply.code < 300:
            raise Fall(self.cause_of(reply, step), str(reply))

    async def _greeting(self) -> None:
        try:
            self.banner = await read_reply(self.connection, garbage=smtp_causes.NOT_SMTP)
        except Fall as fall:
            if fall.cause is causes.CLOSED_EARLY:
                raise Fall(smtp_causes.NO_BANNER, fall.detail) from fall
            raise
        if self.banner.code != 220:
            good = self.banner.good
            raise Fall(smtp_causes.NOT_SMTP if good else self.cause_of(self.banner, Step.GREETING), str(self.banner))

    async def _ehlo(self) -> None:
        """EHLO; where a server does not know it, HELO (RFC 5321, section 3.2), which offers nothing."""
        reply = await self.ask(b"EHLO " + self._ehlo_name)
        if reply.code in (500, 502) and self.connection.tls is None:
            reply = await self.ask(b"HELO " + self._ehlo_name)
            self._must(reply, Step.EHLO)
            self.offered = Capabilities({})
            return
        self._must(reply, Step.EHLO)
        self.offered = parse_capabilities(reply)

    async def _starttls(self) -> None:
        if "STARTTLS" not in self.offered:
            if masked := self.offered.masked:
                raise Fall(smtp_causes.STARTTLS_STRIPPED, f"EHLO offers {masked} in its place")
            if banner_masked(self.banner):
                raise Fall(smtp_causes.STARTTLS_STRIPPED, f"the banner is masked: {self.banner}")
            raise Fall(smtp_causes.STARTTLS_NOT_OFFERED)
        reply = await self.ask(b"STARTTLS")
        if reply.code == 220:
            return
        if command_masked(reply):
            raise Fall(smtp_causes.STARTTLS_STRIPPED, str(reply))
        raise Fall(smtp_causes.STARTTLS_UNAVAILABLE if reply.temporary else smtp_causes.STARTTLS_REFUSED, str(reply))

    async def _tls_rung(self, ladder: Ladder, submit: Submit, judge: Judge | None) -> None:
        """TLS, and EHLO over it: a client certificate is refused after the handshake (always so under TLS 1.3), so
        the rung holds once the server has spoken over TLS."""
        try:
            with ladder.rung(stages.TLS):
                await start_tls_after_agreement(self.connection, submit.tls, submit.host)
                if judge is not None:
                    judge(self.connection)
                await self._first_words_over_tls()
        finally:
            self.connection.note(ladder)

    async def _first_words_over_tls(self) -> None:
        """EHLO. Some servers that do not like our certificate say nothing, not even an alert."""
        try:
            await self._ehlo()
        except Fall as fall:
            facts = self.connection.tls
            shown = facts is not None and facts.client_certificate_asked and facts.presented
            if fall.cause is causes.CLOSED_EARLY and not fall.detail and shown:
                raise Fall(fall.cause, "closed without a word once our client certificate was shown") from fall
            raise


# Messages --------------------------------------------------------------------------------------------------------


def transparent(message: bytes) -> bytes:
    """A message as DATA sends it: CRLF line ends, leading dots doubled, the final dot (RFC 5321, section 4.5.2)."""
    message = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"


# As Postfix, Exim, Exchange, Sendmail and OpenSMTPD, qmail, Haraka say it.
_QUEUE_IDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"queued as ([\w.-]{4,64})",
        r"\bid=([\w.-]{4,64})",
        r"InternalId=(\d{1,32})",
        r"^(?:ok:? )?([\w.-]{6,64}) message accepted for delivery",
        r"ok \d+ qp (\d+)",
        r"message queued \(([\w.-]{4,64})\)",
    )
)


def queue_id(reply: Reply) -> str:
    """The server's own name for an accepted message, or "" when its reply tells none that we know."""
    return next((match[1] for pattern in _QUEUE_IDS if (match := pattern.search(reply.text))), "")
