"""A mail sent through the relay and awaited in a mailbox outside: outbound mail, proven to its end."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Duration, Mailbox, MailboxRef, SecretRef, Submit
from retabli.model.stages import Stage
from retabli.net.mail import mail_causes, smtp
from retabli.net.mail.arrival_verdict import Method, judge_clean, judge_delivered, judge_on_time
from retabli.net.mail.fates import Fate
from retabli.net.mail.imap import mailbox_faults
from retabli.net.mail.mailbox_book import mailboxes_of
from retabli.net.mail.mailbox_reader import MailboxReader
from retabli.net.mail.round_trip import GRACE, Patience, RoundTrip
from retabli.net.mail.smtp_addresses import Address
from retabli.net.mail.tokens import Purpose

ARRIVAL = (stages.ENVELOPE, stages.ACCEPTED, stages.DELIVERED, stages.CLEAN, stages.ON_TIME)


class MailLoop(Probe):
    """A failing send is a failing probe. Awaiting an arrival never delays the next send: runs overlap.

    At `within` a run ends: failed (`late`), unless an older token came late meanwhile (`relay_holding`), or unknown
    when the mailbox cannot be read. After `lost_after` a token that never came is lost.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.GREETING,
        stages.EHLO,
        stages.STARTTLS,
        stages.TLS,
        stages.AUTH,
        *ARRIVAL,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (*smtp.CAUSES, *mail_causes.ARRIVAL, *mail_causes.AUTHENTICATION)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un message marqué part par le relais et doit arriver dans une boîte à l'extérieur.",
        "A marked message leaves by the relay and must arrive in a mailbox outside.",
    )
    EVERY: ClassVar[str | None] = "60s"

    kind: Literal["mail_loop"]
    every: Duration = 60.0
    submit: Submit
    mail_from: Address
    rcpt_to: Address
    mailbox: MailboxRef
    bounces: MailboxRef | None = None  # where notifications to mail_from arrive; the mailbox itself is looked at anyway
    key: SecretRef
    within: Duration = 90.0
    lost_after: Duration = 3600.0
    contact: str | None = None  # whom the message names to people who find it; mail_from by default
    expect_authenticated: Annotated[tuple[Method, ...], Field(strict=False)] = ()

    def climbs(self) -> tuple[Stage, ...]:
        return (*smtp.submission_stages(self.submit), *ARRIVAL)

    @property
    def patience(self) -> float:
        return self.within

    @property
    def deadline(self) -> float:
        # To send, to await, and to look a last time: a mailbox that hangs is to be told from a mail that is late.
        return self.timeout + self.within + self.timeout + GRACE

    @property
    def in_flight(self) -> int:
        return math.ceil(self.within / self.every) + 1

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from smtp.submission_faults(self.submit)
        for mailbox in self._mailboxes():
            yield from mailbox_faults(mailbox)
        if self.within > self.lost_after:
            yield f"within ({self.within:g}s) is longer than lost_after ({self.lost_after:g}s)"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.submit.host, self.submit.port, "tcp"
        for mailbox in self._mailboxes():
            yield mailbox.imap, mailbox.port, "tcp"

    def _mailboxes(self) -> tuple[Mailbox, ...]:
        return mailboxes_of(self.mailbox, self.bounces)

    async def run(self, ladder: Ladder) -> None:
        key = self.key.read()
        readers = [
            MailboxReader(mailbox, ladder, key, timeout=self.timeout, every=self.every, resolver=self.resolver)
            for mailbox in self._mailboxes()
        ]
        patience = Patience(self.timeout, self.within, self.lost_after, self.every)
        trip = RoundTrip(ladder, key, Purpose.LOOP, readers, patience, trusted=self.mailbox.trusted_authserv)
        async with trip:
            open_session = partial(smtp.open_session, ladder, self.submit, resolver=self.resolver)
            await trip.send(open_session, self.mail_from, self.rcpt_to, contact=self.contact)
            fate = await trip.fate()
            self._judge(ladder, fate)

    def _judge(self, ladder: Ladder, fate: Fate) -> None:
        arrival = judge_delivered(ladder, fate, self.within)
        if arrival is None:
            return
        judge_clean(ladder, junk=arrival.junk, authentication=arrival.authentication, expect=self.expect_authenticated)
        judge_on_time(ladder, fate.seconds, self.within)
