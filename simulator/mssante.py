"""The simulated trusted space: a partner operator that demands mutual TLS, and whoever publishes the white list."""

import asyncio
import email
import email.policy
import email.utils
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from simulator import http
from simulator.authority import Authority, Identity
from simulator.imap import Folder
from simulator.smtp import Envelope, SmtpServer

OWN_NAME = "CN=mx.chu.mssante.example,OU=310000000,O=CHU simulé,ST=Ille-et-Vilaine (35),C=FR"
PARTNER_NAME = "CN=mx.partenaire.mssante.example,OU=320000000,O=Partenaire simulé,ST=Paris (75),C=FR"
STRANGER_NAME = "CN=mx.autre.mssante.example,OU=330000000,O=Autre simulé,ST=Paris (75),C=FR"


class Operators:
    """The space's authority and its two operators: `own` is what the probe presents, `partner` what answers it.

    `revocation_list` is a file, in DER. `boxes` are the partner's mailboxes; notifications to us go to `returns`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        domain: str = "chu.mssante.example",
        partner_domain: str = "partenaire.mssante.example",
        boxes: Mapping[str, Folder] | None = None,
        returns: Folder | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.authority = Authority(folder, "Simulated health authority")
        hosts = ("127.0.0.1", "localhost", f"mx.{partner_domain}")
        self.own = self.authority.issue(f"mx.{domain}", subject=OWN_NAME, rsa=True)
        partner = self.authority.issue(*hosts, subject=PARTNER_NAME, rsa=True)
        stranger = self.authority.issue(*hosts, subject=STRANGER_NAME, rsa=True)
        self.revocation_list = folder / "authority.crl"
        self.revocation_list.write_bytes(self.authority.revocation_list())
        self.partner = PartnerOperator(
            f"mx.{partner_domain}",
            mutual=_context(partner, self.authority),
            one_sided=_context(partner, None),
            unlisted=_context(stranger, self.authority),
            boxes=boxes or {},
            returns=returns or Folder(),
        )
        self.white_list = WhiteListSite({domain: [OWN_NAME], partner_domain: [PARTNER_NAME]}, domain)
        self.white_list_tls = _context(self.authority.issue("127.0.0.1", "localhost"), None)


def _context(identity: Identity, clients: Authority | None) -> ssl.SSLContext:
    context = identity.server_context()
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.ca)
    return context


class PartnerOperator:
    """The partner's server. `position`: "open", "refuses" (us, at the recipient), "unlisted" (shows a certificate that
    the white list does not give), "one_sided" (asks for no certificate), "no_tls"."""

    def __init__(
        self,
        name: str,
        *,
        mutual: ssl.SSLContext,
        one_sided: ssl.SSLContext,
        unlisted: ssl.SSLContext,
        boxes: Mapping[str, Folder],
        returns: Folder,
    ) -> None:
        self.position = "open"
        self.boxes = boxes
        self.returns = returns
        self.name = name
        self._contexts = {"unlisted": unlisted, "one_sided": one_sided, "no_tls": None}
        self._mutual = mutual

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = self._contexts.get(self.position, self._mutual)
        await SmtpServer(self.name, take=self.take, judge=self.judge, tls=tls).talk(reader, writer)

    def judge(self, _sender: str, recipient: str) -> str | None:
        if self.position == "refuses":
            return "554 5.7.1 Sender's operator is not authorised here"
        return None if recipient in self.boxes else "550 5.1.1 Recipient address rejected: User unknown"

    async def take(self, envelope: Envelope) -> str:
        """Deliver, and say to whoever asked that the message was taken up."""
        for recipient in envelope.recipients:
            self.boxes[recipient].append(f"Return-Path: <{envelope.sender}>\r\n".encode() + envelope.message)
            notice = disposition(self.name, envelope, recipient)
            if notice is not None:
                self.returns.append(notice)
        return "250 2.0.0 Ok: delivered"


def disposition(name: str, envelope: Envelope, recipient: str) -> bytes | None:
    """A disposition notification (RFC 8098) as machines send it, or None when none was asked for."""
    asked = email.message_from_bytes(envelope.message, policy=email.policy.SMTP)
    to = asked.get("Disposition-Notification-To")
    if to is None:
        return None
    boundary = f"simulated-{time.time_ns():x}"
    head = (
        f"From: <{recipient}>\r\nTo: <{to}>\r\nSubject: Disposition: {asked.get('Subject', '')}\r\n"
        f"Date: {email.utils.formatdate()}\r\nMessage-ID: {email.utils.make_msgid(domain=name)}\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=disposition-notification; boundary="{boundary}"\r\n\r\n'
    )
    words = f"--{boundary}\r\nContent-Type: text/plain\r\n\r\nYour message was taken up.\r\n"
    report = (
        f"--{boundary}\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"Reporting-UA: {name}; simulated\r\nFinal-Recipient: rfc822; {recipient}\r\n"
        f"Original-Message-ID: {asked.get('Message-ID', '')}\r\n"
        "Disposition: automatic-action/MDN-sent-automatically; processed\r\n\r\n"
    )
    return (head + words + report + f"--{boundary}--\r\n").encode()


class WhiteListSite:
    """Publishes the white list. `position`: "good", "broken" (its closing root tag is missing), "without_us", "stale"
    (a week old)."""

    def __init__(self, listed: Mapping[str, Sequence[str]], own_domain: str) -> None:
        self.position = "good"
        self._listed = listed
        self._own_domain = own_domain

    def content(self) -> str:
        age = timedelta(days=7) if self.position == "stale" else timedelta(hours=6)
        entries = "".join(
            f"  <Domaine><Nom>{escape(domain)}</Nom><DNCertificatOperateur>{escape(name)}</DNCertificatOperateur>"
            f"<SupportContact>support@{escape(domain)}</SupportContact><DateMAJ>2023-06-01</DateMAJ></Domaine>\n"
            for domain, names in self._listed.items()
            for name in names
            if self.position != "without_us" or domain != self._own_domain
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListeBlanche>\n'
            f"  <DateDeGeneration>{datetime.now(UTC) - age:%Y-%m-%dT%H:%M:%SZ}</DateDeGeneration>\n{entries}"
        ) + ("" if self.position == "broken" else "</ListeBlanche>\n")

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await http.read_request(reader)
        await http.say(writer, 200, self.content().encode(), "application/xml")
