"""The post of the simulated world: the hospital's relay with its queue, mail exchangers, bounces, a reflector.

Messages go from server to server by real SMTP, handed over by aiosmtplib.
"""

import asyncio
import contextlib
import email
import email.policy
import email.utils
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage

import aiosmtplib

from simulator.imap import Folder
from simulator.smtp import Envelope, SmtpServer

QUEUE = 5000  # messages a relay holds before it refuses more
RETRY = 2.0  # seconds between two attempts at a destination that was found closed


@dataclass(slots=True)
class Relay:
    """Accepts at once and hands over later, as real relays do; what it cannot hand over waits in its queue.

    After a destination was found closed it is tried again only each `RETRY` seconds, and new mail waits behind the old:
    a flow that has just been re-opened is "open, relay holding". `open` says whether the way out is open; `bounce`
    makes the relay return what it holds as undeliverable.
    """

    name: str
    port_of: Callable[[str], int | None]  # recipient's domain → port of its exchanger
    return_to: Callable[[str], int | None]
    open: bool = True
    queue: deque[Envelope] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def take(self, envelope: Envelope) -> str:
        return self.accept(envelope)

    def accept(self, envelope: Envelope) -> str:
        if len(self.queue) >= QUEUE:
            return "452 4.3.1 Insufficient system storage"
        self.queue.append(envelope)
        self._wake.set()
        return f"250 2.0.0 Ok: queued as SIM{next(self._numbers):06d}"

    async def run(self) -> None:
        """Hand over what is queued, for ever; to be run as a task."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.queue:
                if not await self._hand_over(self.queue[0]):
                    await asyncio.sleep(RETRY)
                    continue
                self.queue.popleft()

    async def _hand_over(self, envelope: Envelope) -> bool:
        """False: not now, try again later. What is refused for good is returned to its sender."""
        if not self.open:
            return False
        for recipient in envelope.recipients:
            port = self.port_of(recipient.rpartition("@")[2])
            if port is None:
                await self._return(envelope, recipient, "5.1.2", "550 5.1.2 no such domain")
                continue
            try:
                await hand_over(envelope.message, envelope.sender, recipient, port)
            except aiosmtplib.SMTPResponseException as refused:
                if refused.code < 500:
                    return False
                await self._return(envelope, recipient, _status(refused.message), f"{refused.code} {refused.message}")
            except (aiosmtplib.SMTPException, OSError):
                return False
        return True

    async def _return(self, envelope: Envelope, recipient: str, status: str, diagnostic: str) -> None:
        """A delivery status notification (RFC 3464) to the sender; never one about one (RFC 5321, section 6.1)."""
        port = self.return_to(envelope.sender.rpartition("@")[2])
        if not envelope.sender or port is None:
            return
        notice = delivery_status(self.name, envelope, recipient, status, diagnostic)
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await hand_over(notice, "", envelope.sender, port)


async def hand_over(message: bytes, sender: str, recipient: str, port: int) -> None:
    """One message to one recipient, by SMTP; an empty sender is the null reverse-path of a notification.

    Raises:
        aiosmtplib.SMTPException, OSError: as aiosmtplib gives them.
    """
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, use_tls=False, timeout=5)
    async with client:
        await client.mail(sender)
        await client.rcpt(recipient)
        await client.data(message)


def _status(text: str) -> str:
    first = text.split(" ", 1)[0]
    return first if first[:1] in "45" and first.count(".") == 2 else "5.0.0"


def delivery_status(name: str, envelope: Envelope, recipient: str, status: str, diagnostic: str) -> bytes:
    original = email.message_from_bytes(envelope.message, policy=email.policy.SMTP)
    headers = b"".join(f"{key}: {value}\r\n".encode() for key, value in original.items())
    boundary = f"simulated-{time.time_ns():x}"
    head = (
        f"From: <MAILER-DAEMON@{name}>\r\nTo: <{envelope.sender}>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Date: {email.utils.formatdate()}\r\nMessage-ID: {email.utils.make_msgid(domain=name)}\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"\r\n\r\n'
    )
    words = f"--{boundary}\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
    report = (
        f"--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {name}\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {diagnostic}\r\n\r\n"
    )
    returned = f"--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    return (head + words + report + returned).encode() + headers + f"\r\n--{boundary}--\r\n".encode()


@dataclass(slots=True)
class Exchanger:
    """A mail exchanger that delivers into mailboxes. `closed` refuses all for policy; `lossy` accepts and forgets."""

    name: str
    boxes: dict[str, Folder]
    closed: bool = False
    lossy: bool = False
    reflect: Callable[[Envelope, str], None] | None = None
    reflectors: frozenset[str] = frozenset()

    def judge(self, _sender: str, recipient: str) -> str | None:
        if self.closed:
            return "550 5.7.1 Refused by policy"
        if recipient in self.boxes or recipient in self.reflectors:
            return None
        return "550 5.1.1 Recipient address rejected: User unknown"

    async def take(self, envelope: Envelope) -> str:
        if not self.lossy:
            for recipient in envelope.recipients:
                self._deliver(envelope, recipient)
        return "250 2.0.0 Ok: delivered"

    def _deliver(self, envelope: Envelope, recipient: str) -> None:
        if recipient in self.reflectors and self.reflect is not None:
            self.reflect(envelope, recipient)
            return
        trace = (
            f"Return-Path: <{envelope.sender}>\r\n"
            f"Authentication-Results: {self.name}; spf=pass smtp.mailfrom={envelope.sender}; dkim=pass; dmarc=pass\r\n"
            f"Received: by {self.name}; {email.utils.formatdate()}\r\n"
        )
        self.boxes[recipient].append(trace.encode() + envelope.message)

    def server(self) -> SmtpServer:
        return SmtpServer(self.name, take=self.take, judge=self.judge)


def reply_to(envelope: Envelope, reflector: str) -> Envelope:
    """What a reflector answers: the same subject and an In-Reply-To (RFC 5322, section 3.6.4), to the sender."""
    asked = email.message_from_bytes(envelope.message, policy=email.policy.SMTP)
    reply = EmailMessage(policy=email.policy.SMTP)
    reply["From"] = reflector
    reply["To"] = envelope.sender
    reply["Subject"] = f"Re: {asked.get('Subject', '')}"
    reply["Date"] = email.utils.formatdate()
    reply["Message-ID"] = email.utils.make_msgid(domain=reflector.rpartition("@")[2])
    for name in ("In-Reply-To", "References"):
        if asked.get("Message-ID"):
            reply[name] = str(asked["Message-ID"])
    reply["Auto-Submitted"] = "auto-replied"
    reply.set_content("Reflected.\n")
    return Envelope(reflector, (envelope.sender,), reply.as_bytes())
