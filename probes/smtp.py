"""A mail server that must take an envelope; no message is ever sent by this kind."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from retabli.model import stages
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.hosts import Host
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Port, SecretRef, SmtpTls, Submit, Tls
from retabli.model.stages import Stage
from retabli.model.words import Words
from retabli.net.mail import smtp
from retabli.net.mail.smtp_addresses import Address
from retabli.net.mail.smtp_replies import Step

CATCH_ALL = cause(
    "catch_all",
    Side.CONTENT,
    fr="un destinataire inventé est accepté : l'acceptation ne prouve rien",
    en="a made-up recipient is accepted: acceptance proves nothing",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Rétablir le contrôle des destinataires à l'entrée ; l'annuaire est peut-être absent.",
        "Have recipients checked at the entrance again; the directory may be missing.",
    ),
)


class Smtp(Probe):
    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.GREETING,
        stages.EHLO,
        stages.STARTTLS,
        stages.TLS,
        stages.AUTH,
        stages.ENVELOPE,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (*smtp.CAUSES, CATCH_ALL)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un serveur de messagerie accueille, chiffre, et accepte une enveloppe ; aucun message n'est envoyé.",
        "A mail server greets, encrypts and takes an envelope; no message is sent.",
    )

    kind: Literal["smtp"]
    host: Host
    port: Port = 25
    tls: SmtpTls = Tls(mode="none")
    user: str | None = None
    password: SecretRef | None = None
    mail_from: Address | None = None
    rcpt_to: Address | None = None
    refuses: Address | None = None  # a made-up recipient which the server must refuse, or it is a catch-all

    @property
    def submit(self) -> Submit:
        return Submit(host=self.host, port=self.port, tls=self.tls, user=self.user, password=self.password)

    @property
    def envelope(self) -> tuple[str, str] | None:
        """Sender and recipient, when both are given."""
        if self.mail_from is None or self.rcpt_to is None:
            return None
        return self.mail_from, self.rcpt_to

    def climbs(self) -> tuple[Stage, ...]:
        return (*smtp.submission_stages(self.submit), *((stages.ENVELOPE,) if self.envelope else ()))

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from smtp.submission_faults(self.submit)
        if (self.mail_from is None) != (self.rcpt_to is None):
            yield "mail_from and rcpt_to come together: one of them is missing"
        if self.refuses is not None and self.envelope is None:
            yield "refuses needs mail_from and rcpt_to"
        if self.refuses is not None and self.refuses == self.rcpt_to:
            yield "refuses is the recipient that must be accepted (rcpt_to): give a made-up one"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        session = await smtp.open_session(ladder, self.submit, resolver=self.resolver)
        async with session:
            if self.envelope is None:
                return
            mail_from, rcpt_to = self.envelope
            await session.envelope(ladder, mail_from, [rcpt_to])
            if self.refuses is not None:
                with ladder.rung(stages.ENVELOPE):
                    await self._try_made_up(session, ladder, self.refuses)
            await session.reset()

    async def _try_made_up(self, session: smtp.SmtpSession, ladder: Ladder, address: str) -> None:
        """A refusal is what is wanted. A temporary one proves nothing either way, and is only told."""
        reply = await session.recipient(address)
        ladder.describe("made_up_recipient", str(reply))
        if reply.good:
            ladder.impair(CATCH_ALL, str(reply))
        elif reply.code == 421:  # the server hangs up
            raise Fall(session.cause_of(reply, Step.RCPT), str(reply))
