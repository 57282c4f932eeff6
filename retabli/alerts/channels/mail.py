"""A channel that hands each message to a mail relay: plain text, threaded by incident, marked so that nobody answers.

Whoever has the message is not sent it again by this process (`receivers.py`); a repeat carries the same Message-ID.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from retabli.alerts.channels.channel import ATTEMPT, ChannelSettings, Timeout, because_of
from retabli.alerts.channels.mail_form import compose
from retabli.alerts.channels.receivers import Receivers, Refusal
from retabli.model import stages
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.record import Message
from retabli.model.settings import Port, Secret, SecretRef, SmtpTls, Submit, Tls, format_duration
from retabli.model.words import Words
from retabli.net.descriptors import telling
from retabli.net.mail.smtp import SmtpSession, open_session, submission_faults, submission_stages
from retabli.net.mail.smtp_addresses import Address, is_international
from retabli.net.mail.smtp_replies import Step

MOST_RECIPIENTS = 100  # RFC 5321, section 4.5.3.1.8: what every server takes


def _own_address() -> str:
    return f"retabli@{socket.gethostname()}"


class Smtp(ChannelSettings):
    """Accepted once each recipient took it; who is refused for good, or for ten minutes, while others took it, is told
    in the log as an error. `timeout` bounds one whole attempt. A password is never sent in clear to another machine.
    """

    SUMMARY: ClassVar[tuple[str, str]] = (
        "Chaque message est remis à un relais de messagerie, en texte simple, les messages d'une alerte se suivant.",
        "Each message is handed to a mail relay, as plain text, those of one page threaded.",
    )

    kind: Literal["smtp"]
    host: str = Field(min_length=1)
    port: Port = 25
    tls: SmtpTls = Tls(mode="none")
    user: str | None = None
    password: SecretRef | None = None
    mail_from: Address = Field(
        default_factory=_own_address, description="retabli@ and this machine's name, if it is not given"
    )
    to: tuple[Address, ...] = Field(
        min_length=1, max_length=MOST_RECIPIENTS, strict=False, description="everybody who is told"
    )
    timeout: Timeout = Field(default=30.0, description=ATTEMPT)

    @property
    def submit(self) -> Submit:
        return Submit(host=self.host, port=self.port, tls=self.tls, user=self.user, password=self.password)

    def build(self) -> "SmtpChannel":
        return SmtpChannel(self)

    def secrets(self) -> Iterator[Secret]:
        if self.password is not None:
            yield self.password

    def faults(self) -> Iterator[str]:
        yield from submission_faults(self.submit)
        for place, address in (("mail_from", self.mail_from), *((f"to[{n}]", each) for n, each in enumerate(self.to))):
            if is_international(address):
                yield f'{place}: "{address}" needs more than ASCII before its @, which few servers take'

    def warnings(self) -> Iterator[str]:
        domain = self.mail_from.rpartition("@")[2]
        if "mail_from" not in self.model_fields_set and "." not in domain:
            yield f"mail_from is {self.mail_from}, as this machine has no full name: many relays refuse that; give one"


class SmtpChannel:
    """One conversation a message; who has it already is remembered."""

    def __init__(self, settings: Smtp, *, wall: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._wall = wall
        self.receivers = Receivers(settings.to)

    async def send(self, message: Message) -> None:
        """
        Raises:
            NotAccepted: nobody took it, or somebody is to be tried again.
        """
        left = self.receivers.left(message)
        submit = self._settings.submit
        ladder = Ladder((*submission_stages(submit), stages.ENVELOPE, stages.ACCEPTED))
        try:
            async with asyncio.timeout(self._settings.timeout) as deadline:
                with telling():
                    session = await open_session(ladder, submit)
                async with session:
                    refused = await self._hand_over(ladder, session, message, left)
                    deadline.reschedule(None)  # it is accepted, whatever becomes of the farewell
        except (Fall, OSError, EOFError) as error:
            refused = dict.fromkeys(left, Refusal(self._why(ladder, error), for_good=False))
        self.receivers.settle(message, left, refused)

    async def close(self) -> None:
        """Conversations end with their message."""

    async def _hand_over(
        self, ladder: Ladder, session: SmtpSession, message: Message, left: Sequence[str]
    ) -> dict[str, Refusal]:
        """Who refused it. The message is handed over for those who did not."""
        mail = compose(message, self._settings.mail_from, self._settings.to, self._wall())
        with ladder.rung(stages.ENVELOPE):
            await session.sender(self._settings.mail_from, len(mail))
            refused = {}
            for address in left:
                reply = await session.recipient(address)
                if not 200 <= reply.code < 300:
                    fall = Fall(session.cause_of(reply, Step.RCPT), str(reply))
                    refused[address] = Refusal(because_of(fall).words, for_good=reply.code >= 500)
        if len(refused) < len(left):
            await session.data(ladder, mail)
        return refused

    def _why(self, ladder: Ladder, error: Exception) -> Words:
        if isinstance(error, TimeoutError):
            span, rung = format_duration(self._settings.timeout), ladder.fallen
            at = rung.stage.words if rung is not None else Words.same("?")
            return Words(f"pas de réponse en {span} (« {at.fr} »)", f"no answer within {span} (“{at.en}”)")
        cause = cause_of(error)
        return because_of(Fall(cause, detail_of(error))).words if cause is not None else Words.same(str(error))
