"""Inbound mail, proven from outside: by a beacon's arrival, a reflector's answer, or an account outside."""

import math
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal, NoReturn

from pydantic import Field

from retabli.model import stages
from retabli.model.causes import Cause, Side
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.probe import Probe
from retabli.model.settings import Duration, Mailbox, MailboxRef, SecretRef, Submit
from retabli.model.stages import Stage
from retabli.net.mail import mail_causes, mail_in_causes, smtp
from retabli.net.mail.arrival_verdict import bounce_detail, fall_from, hold, judge_on_time, silence_detail
from retabli.net.mail.beacon_watch import BeaconWatch
from retabli.net.mail.beacons import Rhythm
from retabli.net.mail.fates import End, Fate
from retabli.net.mail.imap import mailbox_faults
from retabli.net.mail.mailbox_reader import MailboxReader
from retabli.net.mail.round_trip import GRACE, Patience, RoundTrip
from retabli.net.mail.smtp_addresses import Address
from retabli.net.mail.tokens import Purpose

ARRIVAL = (stages.DELIVERED, stages.CLEAN, stages.CONTENT, stages.ON_TIME)


class MailIn(Probe):
    """`from: beacon` watches another Retabli's beacons arrive in `mailbox`. The beacon that is in the `witness`
    mailbox outside, but not here, is a failure; neither there nor here is unknown, and so is any silence without a
    witness: the sender may be the silent one.

    `from: account` sends from an account outside. What fails there is unknown: it says nothing of the way in. Accepted
    there and not here is a failure; `witness` is then that account's mailbox, where a rejection comes back.

    `from: reflector` sends to an address that answers. An answer proves both ways; no answer, or a bounce, is unknown:
    the way out may be the closed one. Where a silence must be a failure, use a beacon with a witness.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.GREETING,
        stages.EHLO,
        stages.STARTTLS,
        stages.TLS,
        stages.AUTH,
        stages.ENVELOPE,
        stages.ACCEPTED,
        stages.MAILBOX,
        *ARRIVAL,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        *smtp.CAUSES,
        mail_causes.RELAY_HOLDING,
        mail_causes.LATE,
        mail_causes.IN_SPAM,
        mail_causes.ATTACHMENT_STRIPPED,
        mail_causes.MAILBOX_UNREADABLE,
        mail_causes.MAILBOX_AUTH_REFUSED,
        *mail_in_causes.WATCHING,
        *mail_in_causes.SENDING,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Le courrier venu de l'extérieur arrive dans une boîte de l'établissement, pièce jointe comprise.",
        "Mail from outside arrives in a mailbox of the establishment, its attachment included.",
    )
    EVERY: ClassVar[str | None] = "60s"

    kind: Literal["mail_in"]
    from_: Literal["beacon", "reflector", "account"] = Field(alias="from")
    every: Duration = 60.0  # of a beacon: the sender's rhythm
    mailbox: MailboxRef
    witness: MailboxRef | None = None
    key: SecretRef
    within: Duration = 180.0
    lost_after: Duration = 3600.0
    submit: Submit | None = None  # of an account or a reflector
    mail_from: Address | None = None
    rcpt_to: Address | None = None
    contact: str | None = None

    def climbs(self) -> tuple[Stage, ...]:
        if self.from_ == "beacon" or self.submit is None:
            return (stages.MAILBOX, *ARRIVAL)
        sending = (*smtp.submission_stages(self.submit), stages.ENVELOPE, stages.ACCEPTED)
        if self.from_ == "reflector":  # its answer is its own: nothing of our message can be looked for in it
            return (*sending, stages.DELIVERED, stages.CLEAN, stages.ON_TIME)
        return (*sending, *ARRIVAL)

    @property
    def patience(self) -> float:
        return self.within

    @property
    def deadline(self) -> float:
        if self.from_ == "beacon":  # it looks, and does not wait
            return self.timeout + GRACE
        return self.timeout + self.within + self.timeout + GRACE

    @property
    def in_flight(self) -> int:
        return 1 if self.from_ == "beacon" else math.ceil(self.within / self.every) + 1

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        for mailbox in self._mailboxes():
            yield from mailbox_faults(mailbox)
        if self.within > self.lost_after:
            yield f"within ({self.within:g}s) is longer than lost_after ({self.lost_after:g}s)"
        given = {"submit": self.submit, "mail_from": self.mail_from, "rcpt_to": self.rcpt_to}
        if self.from_ == "beacon":
            yield from (f"{name} is not used by from: beacon" for name, value in given.items() if value is not None)
        else:
            yield from (f"from: {self.from_} needs {name}" for name, value in given.items() if value is None)
        if self.submit is not None:
            yield from smtp.submission_faults(self.submit)
        if self.witness is not None and _same(self.witness, self.mailbox):
            yield "witness is the mailbox itself: it must be another one, outside"
        if self.from_ == "reflector" and self.witness is not None:
            yield "witness is not used by from: reflector"

    def warnings(self) -> Iterator[str]:
        if self.from_ == "beacon" and self.witness is None:
            yield "mail_in without a witness: when nothing arrives, a silent sender looks like a closed flow (unknown)"
        if self.from_ == "reflector":
            yield "mail_in from a reflector: when no answer comes, neither way can be blamed (unknown)"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        if self.submit is not None:
            yield self.submit.host, self.submit.port, "tcp"
        for mailbox in self._mailboxes():
            yield mailbox.imap, mailbox.port, "tcp"

    def _mailboxes(self) -> tuple[Mailbox, ...]:
        return (self.mailbox,) if self.witness is None else (self.mailbox, self.witness)

    async def run(self, ladder: Ladder) -> None:
        key = self.key.read()
        if self.from_ == "beacon":
            here, *there = (self._reader(mailbox, ladder, key) for mailbox in self._mailboxes())
            rhythm = Rhythm(self.every, self.within, self.lost_after)
            await BeaconWatch(ladder, here, there[0] if there else None, rhythm).look()
            return
        await self._send_and_await(ladder, key)

    def _reader(self, mailbox: Mailbox, ladder: Ladder, key: bytes) -> MailboxReader:
        return MailboxReader(
            mailbox,
            ladder,
            key,
            timeout=self.timeout,
            every=self.every,
            resolver=self.resolver,
            bodies=self.from_ != "reflector",
        )

    # Sending -------------------------------------------------------------------------------------------------------

    async def _send_and_await(self, ladder: Ladder, key: bytes) -> None:
        readers = [self._reader(mailbox, ladder, key) for mailbox in self._mailboxes()]
        patience = Patience(self.timeout, self.within, self.lost_after, self.every)
        reflected = self.from_ == "reflector"
        purpose = Purpose.REFLECTOR if reflected else Purpose.ACCOUNT
        trip = RoundTrip(ladder, key, purpose, readers, patience, answered_by=self.rcpt_to if reflected else None)
        async with trip:
            await self._send(ladder, trip)
            self._judge(ladder, await trip.fate())

    async def _send(self, ladder: Ladder, trip: RoundTrip) -> None:
        """Whatever fails here says nothing of inbound mail."""
        if self.submit is None or self.mail_from is None or self.rcpt_to is None:
            raise Fall(mail_in_causes.SUBMISSION_FAILED, "submit, mail_from and rcpt_to are needed")
        try:
            open_session = partial(smtp.open_session, ladder, self.submit, resolver=self.resolver)
            await trip.send(open_session, self.mail_from, self.rcpt_to, contact=self.contact)
        except (Fall, OSError) as error:
            _submission_fell(ladder, error)

    def _judge(self, ladder: Ladder, fate: Fate) -> None:
        if fate.end is End.HELD:
            ladder.impair(mail_causes.RELAY_HOLDING, silence_detail(self.within, fate, ladder.language))
            return
        if fate.arrival is None:
            fall_from(ladder, stages.DELIVERED, fate.seconds, self._verdict(fate, ladder.language))
        hold(ladder, stages.DELIVERED, fate.seconds)
        arrival = fate.arrival
        with ladder.rung(stages.CLEAN):
            if arrival.authentication:
                ladder.describe("authentication", arrival.authentication)
            if arrival.junk:
                raise Fall(mail_causes.IN_SPAM)
        if self.from_ == "account":
            with ladder.rung(stages.CONTENT):
                if arrival.intact is False:
                    raise Fall(mail_causes.ATTACHMENT_STRIPPED)
        judge_on_time(ladder, fate.seconds, self.within)

    def _verdict(self, fate: Fate, language: str) -> Fall:
        if fate.fault is not None:
            return fate.fault
        bounced = fate.end is End.BOUNCED
        detail = bounce_detail(fate, language) if bounced else silence_detail(self.within, fate, language)
        if self.from_ == "reflector":
            return Fall(mail_in_causes.NO_ANSWER, detail)
        return Fall(mail_in_causes.REJECTED if bounced else mail_in_causes.NOTHING_ARRIVES, detail)


def _submission_fell(ladder: Ladder, error: Fall | OSError) -> NoReturn:
    """The same rung, with the cause that it is for inbound mail; its own stands in the detail. What we lacked ourselves
    is told as it is: there is nothing to look for at the service that sends."""
    found = cause_of(error)
    if found is None or found.side is Side.PROBE:
        raise error
    fallen = ladder.fallen
    refused = found.credential
    cause = mail_in_causes.SUBMISSION_AUTH_REFUSED if refused else mail_in_causes.SUBMISSION_FAILED
    detail = f"{found.code}: {detail_of(error)}".removesuffix(": ")
    fall_from(ladder, fallen.stage if fallen is not None else stages.ACCEPTED, 0.0, Fall(cause, detail))


def _same(one: Mailbox, other: Mailbox) -> bool:
    return (one.imap, one.port, one.user, one.folder) == (other.imap, other.port, other.user, other.folder)
