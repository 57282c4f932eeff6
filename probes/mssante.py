"""Secure health mail between operators (MSSanté): a white list, mutual TLS, and mail that really passes."""

import math
from collections.abc import Iterator
from functools import cached_property, partial
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.hosts import Host
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Ciphers, Duration, Mailbox, MailboxRef, Port, SecretRef, SmtpTls, Submit
from retabli.model.stages import Stage
from retabli.model.words import Words
from retabli.net.mail import mail_causes, smtp
from retabli.net.mail.arrival_verdict import fall_from, judge_answer, judge_delivered, judge_on_time
from retabli.net.mail.fates import End
from retabli.net.mail.imap import mailbox_faults
from retabli.net.mail.mailbox_book import mailboxes_of
from retabli.net.mail.mailbox_reader import MailboxReader
from retabli.net.mail.round_trip import GRACE, Patience, RoundTrip
from retabli.net.mail.smtp_addresses import Address
from retabli.net.mail.tokens import Purpose
from retabli.net.mssante import mssante_causes
from retabli.net.mssante.mssante_causes import OWN_CERTIFICATE, OWN_DOMAIN, PARTNER, WHITE_LIST
from retabli.net.mssante.operator_session import SUITES, Partner, open_operator_session
from retabli.net.mssante.own_certificate import judge_own_certificate, judge_own_domain
from retabli.net.mssante.revocation import Documents, Lists, RevocationShelf
from retabli.net.mssante.white_list import Listing
from retabli.net.mssante.white_list_copy import MailDomain, WhiteListRef, current_listing, doubt_listing
from retabli.net.web.http_settings import web_openings

DAY = 86_400
UNVERIFIED = Words(
    "non vérifiée : rien n'est tenté avec ce partenaire au-delà d'EHLO",
    "unverified: nothing beyond EHLO is tried with this partner",
)
SHARE = 1 / 3  # of `timeout`: what the white list may take, and what the revocation lists may, before the partner


class MsSante(Probe):
    """Climbs from the white list to the EHLO over mutual TLS, and no further unless the partner has `authorised` it:
    that the partner would take our mail is then shown as unverified.

    With `authorised`, `mail_from` and `rcpt_to` an envelope is offered and withdrawn. With `mailbox` and `key` besides,
    a marked message is sent and must arrive there `within`; or, `delivered_by: dsn`, the notification of its delivery
    must. With `mdn` whoever reads it must say so, in `bounces` or `mailbox`.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        WHITE_LIST,
        OWN_DOMAIN,
        PARTNER,
        OWN_CERTIFICATE,
        stages.RESOLVE,
        stages.CONNECT,
        stages.GREETING,
        stages.EHLO,
        stages.STARTTLS,
        stages.TLS,
        stages.AUTH,
        stages.ENVELOPE,
        stages.ACCEPTED,
        stages.DELIVERED,
        stages.ANSWERED,
        stages.ON_TIME,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        *mssante_causes.CAUSES,
        *smtp.CAUSES,
        *mail_causes.ARRIVAL,
        *mail_causes.ANSWERS,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un opérateur MSSanté est sur la liste blanche, l'authentification est mutuelle, le courrier passe si convenu.",
        "A MSSanté operator is on the white list, authentication is mutual, and mail passes where that is agreed.",
    )
    EVERY: ClassVar[str | None] = "60s"

    kind: Literal["mssante"]
    every: Duration = 60.0
    white_list: WhiteListRef = Field(description="a path or an address; or {file | url, max_age, refresh, proxy, tls}")
    max_age: Duration = Field(default=2.0 * DAY, description="of the list: beyond it, it says nothing any more")
    domain: MailDomain = Field(description="our mail domain")
    partner: MailDomain = Field(description="the partner's mail domain")
    host: Host | None = Field(default=None, description="the partner's server; the domain's MX by default")
    port: Port = 25
    tls: SmtpTls = Field(description="starttls with ca, client_cert and client_key")
    ciphers: Ciphers = Field(
        default=(),
        description="the only suites allowed; by default ECDHE-RSA with AES, and those of TLS 1.3 with AES-GCM",
    )
    crl: Documents = Field(default=(), description="revocation lists: paths or addresses; none: it is not judged")
    min_days: int = Field(default=15, ge=0, description="days our certificate must still be valid, else not whole")
    authorised: bool = Field(default=False, description="the partner agrees to test envelopes; else EHLO is the end")
    user: str | None = None
    password: SecretRef | None = None
    mail_from: Address | None = None
    rcpt_to: Address | None = None
    mailbox: MailboxRef | None = Field(default=None, description="where the message, or word of it, must arrive")
    delivered_by: Literal["mailbox", "dsn"] = Field(
        default="mailbox", description="what proves it: the message in mailbox, or the partner's notification there"
    )
    bounces: MailboxRef | None = Field(default=None, description="where notifications to mail_from arrive")
    key: SecretRef | None = None
    within: Duration = 90.0
    lost_after: Duration = 3600.0
    mdn: bool = Field(default=False, description="the message's disposition notification is awaited too")
    contact: str | None = None

    # Settings ------------------------------------------------------------------------------------------------------

    @property
    def envelope(self) -> tuple[str, str] | None:
        """Sender and recipient, when both are given and may be used."""
        if not self.authorised or self.mail_from is None or self.rcpt_to is None:
            return None
        return self.mail_from, self.rcpt_to

    @property
    def sends(self) -> bool:
        return self.envelope is not None and self.mailbox is not None and self.key is not None

    def climbs(self) -> tuple[Stage, ...]:
        return (
            WHITE_LIST,
            OWN_DOMAIN,
            PARTNER,
            OWN_CERTIFICATE,
            *smtp.submission_stages(self._submit),
            *((stages.ENVELOPE,) if self.envelope else ()),
            *((stages.ACCEPTED, stages.DELIVERED) if self.sends else ()),
            *((stages.ANSWERED,) if self.sends and self.mdn else ()),
            *((stages.ON_TIME,) if self.sends else ()),
        )

    @property
    def patience(self) -> float:
        return self.within if self.sends else 0.0

    @property
    def deadline(self) -> float:
        # The lists take nothing from the partner's time; a message is sent, awaited, and looked for a last time.
        lists = 2 * SHARE * self.timeout
        return lists + self.timeout + (self.within + self.timeout + GRACE if self.sends else 0.0)

    @property
    def in_flight(self) -> int:
        return math.ceil(self.within / self.every) + 1 if self.sends else 1

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if not self.sends and self.deadline > self.every >= self.timeout:
            longest = f"timeout and what the lists may take besides ({self.deadline:g}s)"
            yield f"{longest} are longer than every ({self.every:g}s)"
        yield from smtp.submission_faults(self._submit)
        if self.tls.mode != "starttls":
            yield f"tls.mode {self.tls.mode} is not how operators speak: set it to starttls"
        if self.tls.client_cert is None:
            yield "tls.client_cert is missing: operators show each other a certificate"
        if self.tls.min_version in ("1.0", "1.1"):
            yield f"tls.min_version {self.tls.min_version} is not allowed between operators: 1.2 at least"
        if self.tls.ciphers or self.tls.crl:
            yield "ciphers and crl are keys of this kind itself: put them beside tls"
        if self.domain == self.partner:
            yield "partner is our own domain"
        yield from self._sending_faults()
        for mailbox in self._mailboxes():
            yield from mailbox_faults(mailbox)

    def _sending_faults(self) -> Iterator[str]:
        if (self.mail_from is None) != (self.rcpt_to is None):
            yield "mail_from and rcpt_to come together: one of them is missing"
        if (self.mailbox is None) != (self.key is None):
            yield "mailbox and key come together: one of them is missing"
        if self.mailbox is not None and (self.mail_from is None or self.rcpt_to is None):
            yield "mailbox needs mail_from and rcpt_to"
        if self.mdn and self.bounces is None and self.delivered_by == "mailbox":
            yield "mdn needs bounces: the mailbox of mail_from, where the notification arrives"
        if self.bounces is not None and self.mailbox is None:
            yield "bounces needs mailbox and key"
        if self.within > self.lost_after:
            yield f"within ({self.within:g}s) is longer than lost_after ({self.lost_after:g}s)"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        if self.mail_from is not None and not self.authorised:
            yield "mail_from and rcpt_to are not used: authorised is false, and EHLO is the end"
        if self.authorised and self.mail_from is None:
            yield "authorised does nothing without mail_from and rcpt_to"
        if self.white_list.url is not None and self.white_list.url.lower().startswith("http:"):
            yield "white_list comes in clear: whoever stands between could put anybody on it"
        for document in (self.white_list, *self.crl):
            if document.file is not None and not document.file.is_file():
                yield f"{document.file}: there is no such file now"
        if not self.crl:
            yield "crl is missing: a certificate that was revoked is not told from a good one"
        if self.tls.ca is None:
            yield "tls.ca is missing: the system's authorities are judged by, not that of the trusted space"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host or f"{self.partner} (MX)", self.port, "tcp"
        for document in (self.white_list, *self.crl):
            if document.url is not None:
                yield from web_openings((document.url,), document.proxy)
        for mailbox in self._mailboxes():
            yield mailbox.imap, mailbox.port, "tcp"

    @property
    def _submit(self) -> Submit:
        return Submit(
            host=self.host or self.partner, port=self.port, tls=self.tls, user=self.user, password=self.password
        )

    def _mailboxes(self) -> tuple[Mailbox, ...]:
        return mailboxes_of(self.mailbox, self.bounces) if self.mailbox is not None else ()

    @cached_property
    def _shelf(self) -> RevocationShelf:
        return RevocationShelf()

    # Climbing ------------------------------------------------------------------------------------------------------

    async def run(self, ladder: Ladder) -> None:
        try:
            await self._climb(ladder)
        except Fall as fall:
            if fall.cause in mssante_causes.UNLISTED:
                doubt_listing(ladder.memory)
            raise

    async def _climb(self, ladder: Ladder) -> None:
        listing = await self._listed(ladder)
        lists = await self._own_certificate(ladder)
        partner = self._partner(listing, lists)
        if self.envelope is None:
            ladder.describe("authorisation", UNVERIFIED[ladder.language])
        if self.sends:
            await self._send(ladder, partner)
            return
        async with await open_operator_session(ladder, partner) as session:
            if self.envelope is not None:
                mail_from, rcpt_to = self.envelope
                await session.envelope(ladder, mail_from, [rcpt_to])
                await session.reset()

    async def _listed(self, ladder: Ladder) -> Listing:
        with ladder.told_as(_as_white_list), ladder.rung(WHITE_LIST):
            listing = await current_listing(
                ladder,
                self.white_list,
                (self.domain, self.partner),
                max_age=self.max_age if self.white_list.max_age is None else self.white_list.max_age,
                patience=self.timeout * SHARE,
                resolver=self.resolver,
            )
        with ladder.told_as(_as_stall), ladder.rung(OWN_DOMAIN):
            await judge_own_domain(listing, self.domain, self.tls)
        with ladder.rung(PARTNER):
            if self.partner not in listing.names:
                raise Fall(mssante_causes.PARTNER_UNLISTED, f"{self.partner}, among {listing.entries} entries")
            if support := listing.support.get(self.partner):
                ladder.describe("partner_support", support)
        return listing

    async def _own_certificate(self, ladder: Ladder) -> Lists:
        """The revocation lists that can be used; what they and OpenSSL say of our own certificate."""
        with ladder.told_as(_as_stall), ladder.rung(OWN_CERTIFICATE):
            lists = await self._shelf.lists(self.crl, ladder, patience=self.timeout * SHARE, resolver=self.resolver)
            await judge_own_certificate(ladder, self.tls, lists, self.min_days)
        return lists

    def _partner(self, listing: Listing, lists: Lists) -> Partner:
        return Partner(
            domain=self.partner,
            host=self.host,
            port=self.port,
            names=listing.names[self.partner],
            tls=self.tls.model_copy(update={"ciphers": self.ciphers or SUITES, "crl": lists.paths}),
            user=self.user,
            password=self.password,
            resolver=self.resolver,
            patience=self.timeout,
        )

    async def _send(self, ladder: Ladder, partner: Partner) -> None:
        assert self.key is not None  # noqa: S101 - what sends has all of these
        assert self.mailbox is not None  # noqa: S101
        assert self.envelope is not None  # noqa: S101
        key = self.key.read()
        readers = [
            MailboxReader(mailbox, ladder, key, timeout=self.timeout, every=self.every, resolver=self.resolver)
            for mailbox in self._mailboxes()
        ]
        patience = Patience(self.timeout, self.within, self.lost_after, self.every)
        reported = self.delivered_by == "dsn"
        async with RoundTrip(ladder, key, Purpose.LOOP, readers, patience, reported=reported) as trip:
            await trip.send(
                partial(open_operator_session, ladder, partner),
                *self.envelope,
                contact=self.contact,
                disposition=self.mdn,
            )
            fate = await trip.fate()
            if fate.end is End.SILENT and trip.relayed:
                fall_from(ladder, stages.DELIVERED, fate.seconds, Fall(mssante_causes.ONLY_RELAYED))
            if judge_delivered(ladder, fate, self.within, spam_counts=False) is None:
                return
            if self.mdn:
                await judge_answer(ladder, trip, trip.answer, readers[-1], self.within)
            judge_on_time(ladder, fate.seconds, self.within)


def _as_white_list(found: Cause, detail: str) -> tuple[Cause, str]:
    """The deadline that falls here is the list's, not the partner's."""
    if found is not causes.TIMEOUT:
        return found, detail
    return mssante_causes.WHITE_LIST_UNREACHABLE, detail or "no answer within the run's time"


def _as_stall(found: Cause, detail: str) -> tuple[Cause, str]:
    """Nothing is waited for here without a patience of its own: a deadline that falls here is our machine's."""
    return (causes.LOCAL_STALL, detail) if found is causes.TIMEOUT else (found, detail)
