"""The sender outside: signed, numbered beacons at a known rhythm, for another Retabli to watch them arrive."""

import asyncio
from collections.abc import Iterator
from typing import ClassVar, Literal

from retabli.model import stages
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.probe import Probe
from retabli.model.result import Mail
from retabli.model.settings import Duration, SecretRef, Submit
from retabli.model.stages import Stage
from retabli.model.words import Words
from retabli.net.mail import mail_messages, smtp
from retabli.net.mail.mail_ledger import Ledger
from retabli.net.mail.moments import Moment
from retabli.net.mail.smtp_addresses import Address
from retabli.net.mail.tokens import Purpose, Token

WITNESS_REFUSED = cause(
    "witness_refused",
    Side.CONTENT,
    fr="le témoin n'a pas reçu sa copie : un silence ne pourra être jugé",
    en="the witness got no copy: a silence cannot be judged",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Vérifier l'adresse copy_to et sa boîte : sans elle, la balise ne prouve que la moitié.",
        "Check the address copy_to and its mailbox: without it the beacon proves only half.",
    ),
)
FAREWELL = 1.0  # seconds
SENDING = (stages.ENVELOPE, stages.ACCEPTED)


class MailBeacon(Probe):
    """Each beacon goes to `rcpt_to`, and in a message of its own to `copy_to`, so that each one's fate is told apart.

    The copy is sent also when the other is refused: "there, but not here" is what the watcher must see.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.GREETING,
        stages.EHLO,
        stages.STARTTLS,
        stages.TLS,
        stages.AUTH,
        *SENDING,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (*smtp.CAUSES, WITNESS_REFUSED)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Envoie des balises signées et numérotées, depuis l'extérieur, que mail_in voit arriver.",
        "Sends signed, numbered beacons from outside, which mail_in watches arrive.",
    )
    EVERY: ClassVar[str | None] = "60s"

    kind: Literal["mail_beacon"]
    every: Duration = 60.0
    submit: Submit
    mail_from: Address
    rcpt_to: Address
    copy_to: Address | None = None  # the witness mailbox outside
    key: SecretRef
    contact: str | None = None

    def climbs(self) -> tuple[Stage, ...]:
        return (*smtp.submission_stages(self.submit), *SENDING)

    @property
    def deadline(self) -> float:
        return self.timeout + self.timeout + FAREWELL

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from smtp.submission_faults(self.submit)
        if self.copy_to == self.rcpt_to:
            yield "copy_to is rcpt_to itself: the witness must be another mailbox, outside"

    def warnings(self) -> Iterator[str]:
        if self.copy_to is None:
            yield "no copy_to: without a witness outside, a silent sender looks like a closed flow"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.submit.host, self.submit.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        ledger = Ledger(ladder.memory, self.key.read(), Purpose.BEACON)
        async with asyncio.timeout(self.timeout) as limit:
            session = await smtp.open_session(ladder, self.submit, resolver=self.resolver)
            async with session:
                token = ledger.issue(Moment.now(ladder))
                ladder.describe("number", str(token.number))
                try:
                    await self._send(ladder, session, ledger, token, limit)
                finally:
                    ledger.forget(token)

    async def _send(
        self, ladder: Ladder, session: smtp.SmtpSession, ledger: Ledger, token: Token, limit: asyncio.Timeout
    ) -> None:
        """To the mailbox, and whatever comes of that, to the witness: neither the copy nor the farewell, which have a
        patience of their own, undo what was handed over."""
        try:
            queue_id = await self._message(ladder, session, token, self.rcpt_to)
            limit.reschedule(None)
        except (Fall, OSError) as error:
            limit.reschedule(None)
            unsent = ladder.fallen is not None and ladder.fallen.stage is stages.ENVELOPE
            if not await self._copy(ladder, session, token):
                ledger.withdraw(token, unsent=unsent)
            raise error from None
        ladder.count(Mail.SENT)
        ladder.describe("queue_id", queue_id)
        if self.copy_to is not None and not await self._copy(ladder, session, token):
            ladder.impair(WITNESS_REFUSED, self.copy_to)

    async def _copy(self, ladder: Ladder, session: smtp.SmtpSession, token: Token) -> bool:
        """Send the witness its copy, on a ladder of its own: it says nothing of the rungs. Whether it was taken."""
        if self.copy_to is None:
            return False
        aside = Ladder(SENDING, clock=ladder.clock, wall=ladder.wall)
        try:
            async with asyncio.timeout(self.timeout):
                await session.reset()
                await self._message(aside, session, token, self.copy_to)
        except (Fall, OSError) as error:
            found = cause_of(error)
            if found is None:
                raise
            ladder.describe("witness", f"{found.code} {detail_of(error)}")
            return False
        return True

    async def _message(self, ladder: Ladder, session: smtp.SmtpSession, token: Token, rcpt_to: str) -> str:
        message = mail_messages.compose(token, self.mail_from, rcpt_to, self.contact)
        await session.envelope(ladder, self.mail_from, [rcpt_to], len(message))
        return await session.data(ladder, message)
