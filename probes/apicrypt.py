"""A mail handed to the trust server of a health mail network, and awaited in a maildrop there (APICRYPT)."""

import math
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Duration, SecretRef, Submit
from retabli.model.stages import Stage, stage
from retabli.model.words import Words
from retabli.net.mail import mail_causes, pop_causes, smtp
from retabli.net.mail.arrival_verdict import fall_from, hold, judge_on_time, not_arrived, silence_detail
from retabli.net.mail.fates import End, Fate
from retabli.net.mail.maildrop_reader import MaildropReader
from retabli.net.mail.pop import Maildrop, maildrop_faults
from retabli.net.mail.round_trip import GRACE, Patience, RoundTrip
from retabli.net.mail.smtp_addresses import Address
from retabli.net.mail.tokens import Purpose

POP_CONNECT = stage("pop_connect", fr="POP : connexion", en="POP: connection")
POP_GREETING = stage("pop_greeting", fr="POP : bannière d'accueil", en="POP: greeting")
POP_TLS = stage("pop_tls", fr="POP : TLS", en="POP: TLS")
POP_AUTH = stage("pop_auth", fr="POP : authentification", en="POP: authentication")
POP_STAT = stage("pop_stat", fr="POP : contenu de la boîte", en="POP: maildrop counted")

# The rungs of a session of its own, by what they are called on this ladder.
OF_SESSION = {
    stages.RESOLVE: POP_CONNECT,
    stages.CONNECT: POP_CONNECT,
    stages.GREETING: POP_GREETING,
    stages.STARTTLS: POP_TLS,
    stages.TLS: POP_TLS,
    stages.AUTH: POP_AUTH,
    stages.MAILBOX: POP_STAT,
    stages.DELIVERED: stages.DELIVERED,
}

# Each look is a login at somebody else's server: seconds between the first ones, and then between all others.
PAUSES = ((0.5, 1.0, 2.0, 4.0), 10.0)
DAY = 86_400.0  # seconds
NOT_VERIFIED = Words("non vérifié", "not verified")
CROWDED = 1000  # messages beyond which the account is not being emptied


class Apicrypt(Probe):
    """Ordinary mail, handed over with an account and read back by POP3 where `pop` is given. Without it, acceptance
    is all that is proven.

    It cannot prove the encryption, which the proprietary client does on the way: watch the gateway's queue besides
    (the age of its oldest message, by `file_drop` or `http`), where an expired key shows.

    A maildrop admits one session at a time (RFC 1939, section 4): it must be the probe's own, never that of a service.
    Nothing is ever deleted there: have the account emptied by its own retention. What keeps the maildrop from being
    read leaves the arrival unjudged (unknown), and never hides that the sending failed. Each door is knocked at with
    a password that was refused once a run, and then left alone.
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
        POP_CONNECT,
        POP_GREETING,
        POP_TLS,
        POP_AUTH,
        POP_STAT,
        stages.DELIVERED,
        stages.ON_TIME,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        *smtp.CAUSES,
        mail_causes.LATE,
        mail_causes.BOUNCED,
        mail_causes.RELAY_HOLDING,
        mail_causes.MAILBOX_UNREADABLE,
        mail_causes.MAILBOX_AUTH_REFUSED,
        *pop_causes.CAUSES,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un message marqué part par le serveur de confiance et arrive en boîte POP ; chiffrement non vérifié.",
        "A marked message leaves by the trust server and arrives in a maildrop; encryption is not verified.",
    )
    EVERY: ClassVar[str | None] = "5m"

    kind: Literal["apicrypt"]
    every: Duration = 300.0
    timeout: Duration = 20.0  # Dovecot waits ten seconds for a maildrop's lock before it says that it is held
    submit: Submit
    mail_from: Address
    rcpt_to: Address
    key: SecretRef
    pop: Maildrop | None = Field(default=None, description="where rcpt_to is read; the probe's own account")
    within: Duration = 180.0
    lost_after: Duration = 3600.0
    contact: str | None = Field(default=None, description="whom the message names to people who find it")

    def climbs(self) -> tuple[Stage, ...]:
        sending = (*smtp.submission_stages(self.submit), stages.ENVELOPE, stages.ACCEPTED)
        if self.pop is None:
            return sending
        tls = {
            "implicit": (POP_TLS, POP_GREETING),
            "starttls": (POP_GREETING, POP_TLS),
            "none": (POP_GREETING,),
        }
        maildrop = (POP_CONNECT, *tls[self.pop.tls.mode], POP_AUTH, POP_STAT)
        return (*sending, *maildrop, stages.DELIVERED, stages.ON_TIME)

    @property
    def patience(self) -> float:
        return self.within if self.pop is not None else 0.0

    @property
    def deadline(self) -> float:
        # To send, to await, to end a look that hangs, and to look a last time.
        return self.timeout + (self.within + 2 * self.timeout if self.pop is not None else 0.0) + GRACE

    @property
    def in_flight(self) -> int:
        return math.ceil(self.patience / self.every) + 1

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from smtp.submission_faults(self.submit)
        if self.pop is not None:
            yield from maildrop_faults(self.pop)
        if self.within > self.lost_after:
            yield f"within ({self.within:g}s) is longer than lost_after ({self.lost_after:g}s)"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        if self.pop is None:
            yield "no pop: that a mail was accepted does not prove that it arrives"
        elif DAY / self.every > CROWDED:
            yield f"{DAY / self.every:.0f} messages a day stay in the maildrop: nothing is ever deleted there"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.submit.host, self.submit.port, "tcp"
        if self.pop is not None:
            yield self.pop.host, self.pop.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        ladder.describe("encryption", NOT_VERIFIED[ladder.language])
        key = self.key.read()
        reader = self._reader(ladder, key)
        patience = Patience(self.timeout, self.within, self.lost_after, self.every)
        readers = (reader,) if reader is not None else ()
        trip = RoundTrip(ladder, key, Purpose.APICRYPT, readers, patience, pauses=PAUSES)
        async with trip:
            open_session = partial(smtp.open_session, ladder, self.submit, resolver=self.resolver)
            await trip.send(open_session, self.mail_from, self.rcpt_to, contact=self.contact)
            if reader is None:
                trip.forget()
                return
            self._judge(ladder, reader, await trip.fate(POP_STAT))

    def _reader(self, ladder: Ladder, key: bytes) -> MaildropReader | None:
        if self.pop is None:
            return None
        return MaildropReader(self.pop, ladder, key, timeout=self.timeout, every=self.every, resolver=self.resolver)

    def _judge(self, ladder: Ladder, reader: MaildropReader, fate: Fate) -> None:
        if reader.holds is not None:
            ladder.describe("messages", str(reader.holds))
        if fate.end is End.HELD:  # no rung of its own holds: a late old token is no proof of the present
            ladder.impair(mail_causes.RELAY_HOLDING, silence_detail(self.within, fate, ladder.language))
            return
        _climb_session(ladder, reader, fate)
        if fate.arrival is None:
            fall_from(ladder, stages.DELIVERED, fate.seconds, self._verdict(reader, fate, ladder.language))
        hold(ladder, stages.DELIVERED, fate.seconds)
        judge_on_time(ladder, fate.seconds, self.within)
        if reader.holds is not None and reader.holds > CROWDED:
            ladder.impair(pop_causes.MAILDROP_GROWING, f"{reader.holds} messages")

    def _verdict(self, reader: MaildropReader, fate: Fate, language: str) -> Fall:
        left = reader.unseen + reader.skipped
        if fate.end is End.SILENT and left:  # it may be among them
            return Fall(pop_causes.MAILDROP_OVERFULL, f"{left} messages were not looked at")
        return not_arrived(fate, self.within, language)


def _climb_session(ladder: Ladder, reader: MaildropReader, fate: Fate) -> None:
    """Climb the rungs of the last session in the maildrop, which were timed there.

    Raises:
        Fall: why the maildrop could not be read, on the rung where that showed; on AUTH when nobody knocked.
    """
    fell, seconds_there, spent = POP_AUTH, 0.0, dict[Stage, float]()
    for rung in reader.rungs:
        climbed = OF_SESSION[rung.stage]
        if rung.cause is not None:
            fell, seconds_there = climbed, spent.pop(climbed, 0.0) + rung.seconds
        elif climbed is not stages.DELIVERED:  # which holds when the maildrop was read, whatever was found
            spent[climbed] = spent.get(climbed, 0.0) + rung.seconds
    for each, seconds in spent.items():
        hold(ladder, each, seconds)
    if fate.fault is not None:
        fall_from(ladder, fell, seconds_there, fate.fault)
