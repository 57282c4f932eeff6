"""A test report handed to the engine that sends reports, and awaited in the mailbox of a test prescriber."""

import asyncio
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Duration, Mailbox, MailboxRef, SecretRef
from retabli.model.stages import Stage, stage
from retabli.model.words import Words
from retabli.net.disk import disk
from retabli.net.folders.listing import is_ours
from retabli.net.hl7 import hl7_causes
from retabli.net.hl7.exchange import ACKNOWLEDGED, FRAMED, Exchange, open_engine
from retabli.net.hl7.message_file import PatientMark
from retabli.net.hl7.messages import Message
from retabli.net.mail import mail_causes
from retabli.net.mail.arrival_verdict import fall_from, judge_answer, judge_delivered, judge_on_time
from retabli.net.mail.fates import End, Fate
from retabli.net.mail.imap import mailbox_faults
from retabli.net.mail.mailbox_book import mailboxes_of
from retabli.net.mail.mailbox_reader import MailboxReader
from retabli.net.mail.round_trip import GRACE, Patience, RoundTrip
from retabli.net.mail.smtp_addresses import Address
from retabli.net.mail.tokens import Purpose, Token
from retabli.net.reports import report_causes
from retabli.net.reports.hand_over import Deposit, hung, judge_unsent
from retabli.net.reports.report_book import ReportBook
from retabli.net.reports.report_mail import Form, ReportReading, finding_of
from retabli.net.reports.report_settings import ReportSubmit, Unsent

UNSENT = stage("unsent", fr="comptes rendus en attente", en="reports waiting")
WRITTEN = stage("written", fr="fichier déposé", en="file handed over")
TAKEN = stage("taken", fr="fichier pris en charge", en="file taken")


class ReportLoop(Probe):
    """The message is marked as a test for a test patient (MSH-11 = T), or it is not handed over.

    Its control id (MSH-10) is ours and, like `{token}` in its file, finds the mail again: in the subject, the text, an
    attachment's name, or inside the archive. A hand-over that fails is a failing probe; what arrives broken is a fault
    of content, and no drop of the network.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        UNSENT,
        stages.RESOLVE,
        stages.CONNECT,
        stages.TLS,
        FRAMED,
        ACKNOWLEDGED,
        WRITTEN,
        TAKEN,
        stages.DELIVERED,
        stages.CONTENT,
        stages.ANSWERED,
        stages.ON_TIME,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        *hl7_causes.CAUSES,
        *mail_causes.ARRIVAL,
        *mail_causes.ANSWERS,
        *report_causes.CAUSES,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un compte rendu de test est remis au moteur d'envoi et doit arriver, lisible, chez un prescripteur de test.",
        "A test report is handed to the sending engine and must arrive, readable, at a test prescriber's.",
    )
    EVERY: ClassVar[str | None] = "5m"

    kind: Literal["report_loop"]
    every: Duration = 300.0
    submit: ReportSubmit
    mailbox: MailboxRef = Field(description="the test prescriber's")
    key: SecretRef
    within: Duration = 180.0
    lost_after: Duration = 3600.0
    patient_mark: PatientMark | None = Field(default=None, description="as in hl7_mllp")
    mail_from: Address | None = Field(
        default=None, description="whom reports are sent from; a report that comes from elsewhere is no arrival"
    )
    rcpt_to: Address | None = Field(default=None, description="the test prescriber's address, for {rcpt_to}")
    bounces: MailboxRef | None = Field(default=None, description="where notifications to mail_from arrive")
    unsent: Unsent | None = None
    expect: Annotated[tuple[Form, ...], Field(strict=False, min_length=1)] = Field(
        default=("xdm", "pdf"), description="what the mail must bring: an IHE_XDM.zip, a PDF, or either"
    )
    mdn: bool = Field(default=False, description="whether a disposition notification must come back to bounces")

    def climbs(self) -> tuple[Stage, ...]:
        by_mllp = self.submit.directory is None
        left_out = {WRITTEN, TAKEN} if by_mllp else {stages.RESOLVE, stages.CONNECT, FRAMED, ACKNOWLEDGED}
        if not by_mllp or self.submit.tls.mode == "none":
            left_out.add(stages.TLS)
        if self.unsent is None:
            left_out.add(UNSENT)
        if not self.mdn:
            left_out.add(stages.ANSWERED)
        return tuple(stage for stage in self.LADDER if stage not in left_out)

    @property
    def patience(self) -> float:
        return self.within

    @property
    def deadline(self) -> float:
        # To look at what is unsent, to hand over, to have it taken, to await, and to look a last time.
        taken = self.submit.consumed_within if self.submit.directory is not None else 0.0
        steps = 2 if self.unsent is None else 3
        return steps * self.timeout + taken + self.within + GRACE

    @property
    def in_flight(self) -> int:
        return math.ceil(self.within / self.every) + 1

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from self.submit.faults()
        yield from self.submit.message.faults(self.patient_mark)
        for mailbox in self._mailboxes():
            yield from mailbox_faults(mailbox)
        if self.within > self.lost_after:
            yield f"within ({self.within:g}s) is longer than lost_after ({self.lost_after:g}s)"
        if self.mdn and self.bounces is None:
            yield "mdn wants bounces: the mailbox to which the notification comes back"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        yield from self.submit.message.warnings(self.submit.expect)
        if self.submit.directory is not None and not is_ours(self.submit.file_name):
            yield "submit.file_name has no RETABLI in it: a file_drop on that directory takes our file for an arrival"
        if self.mail_from is None:
            yield "without mail_from a report that somebody forwards may pass for one that arrived"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        if self.submit.host is not None:
            yield self.submit.host, self.submit.port, "tcp"
        for mailbox in self._mailboxes():
            yield mailbox.imap, mailbox.port, "tcp"

    def _mailboxes(self) -> tuple[Mailbox, ...]:
        return mailboxes_of(self.mailbox, self.bounces)

    # Running -------------------------------------------------------------------------------------------------------

    async def run(self, ladder: Ladder) -> None:
        key = self.key.read()
        message = await disk().within(self.timeout / 2, partial(self.submit.message.load, self.patient_mark))
        if self.unsent is not None:
            await self._look_at_unsent(ladder, self.unsent)
        book = ReportBook(ladder.memory, key)
        reading = ReportReading(book, sender=self.mail_from, expect=self.expect)
        returns = ReportReading(book, sender=self.mail_from, expect=self.expect, arrivals=False)
        readers = [
            MailboxReader(
                mailbox, ladder, key, timeout=self.timeout, every=self.every, resolver=self.resolver, reading=how
            )
            for mailbox, how in zip(self._mailboxes(), (reading, returns), strict=False)
        ]
        patience = Patience(self.timeout, self.within, self.lost_after, self.every)
        async with RoundTrip(ladder, key, Purpose.REPORT, readers, patience) as trip:
            token = await trip.hand_over(partial(self._hand_over, ladder, book, message))
            fate = await trip.fate()
            if reading.unknown:
                ladder.describe("unknown_reports", str(reading.unknown))
            if fate.end is End.SILENT and await self._set_aside(book.give(token)):
                fall_from(ladder, stages.DELIVERED, fate.seconds, Fall(report_causes.HAND_OVER_REJECTED))
            self._judge(ladder, fate)
            if self.mdn and fate.arrival is not None:
                await judge_answer(ladder, trip, partial(book.answer, token), readers[-1], self.within)
            if fate.arrival is not None:
                judge_on_time(ladder, fate.seconds, self.within)

    async def _look_at_unsent(self, ladder: Ladder, unsent: Unsent) -> None:
        with ladder.told_as(hung), ladder.rung(UNSENT):
            async with asyncio.timeout(self.timeout):
                waiting = await judge_unsent(unsent.directory, unsent.pattern, unsent.max_age, ladder.wall())
        files, oldest = waiting.files, f"{waiting.oldest:.0f} s"
        said = Words(f"{files} fichiers, le plus ancien depuis {oldest}", f"{files} files, the oldest for {oldest}")
        ladder.describe("unsent", said[ladder.language])

    # Handing over --------------------------------------------------------------------------------------------------

    async def _hand_over(self, ladder: Ladder, book: ReportBook, message: Message, token: Token) -> None:
        control_id = book.give(token)
        values = {"token": token.text, "control_id": control_id}
        values |= {name: value for name in ("mail_from", "rcpt_to") if (value := getattr(self, name)) is not None}
        content = message.made(control_id, ladder.wall(), values)
        ladder.describe("control_id", control_id)
        if self.submit.directory is None:
            async with asyncio.timeout(self.timeout):
                await self._by_mllp(ladder, control_id, content)
        else:
            await self._by_file(ladder, self._deposit(self.submit.directory, control_id), content)

    async def _by_mllp(self, ladder: Ladder, control_id: str, content: bytes) -> None:
        submit = self.submit
        async with await open_engine(
            ladder, submit.host or "", submit.port, submit.tls, resolver=self.resolver
        ) as connection:
            exchange = Exchange(connection, control_id)
            with ladder.told_as(exchange.overdue):
                with ladder.rung(FRAMED):
                    answer = await exchange.first(content)
                with ladder.rung(ACKNOWLEDGED):
                    found = await exchange.ours(await exchange.acknowledged(answer))
                    await exchange.answered(ladder, found, stored_is_enough="CA" in submit.expect)

    async def _by_file(self, ladder: Ladder, deposit: Deposit, content: bytes) -> None:
        try:
            with ladder.told_as(hung), ladder.rung(WRITTEN):
                async with asyncio.timeout(self.timeout):
                    where = await deposit.write(content)
            with ladder.rung(TAKEN):
                await deposit.consumed(where, self.submit.consumed_within)
        except BaseException:
            await deposit.withdraw()
            raise

    def _deposit(self, directory: Path, control_id: str) -> Deposit:
        return Deposit(
            directory / self.submit.file_name.replace("{control_id}", control_id), self.submit.error_directory
        )

    async def _set_aside(self, control_id: str) -> bool:
        """Whether the engine, after it had taken our file, has put it among its errors."""
        if self.submit.directory is None:
            return False
        try:
            await self._deposit(self.submit.directory, control_id).check_errors()
        except Fall as fall:
            return fall.cause is report_causes.HAND_OVER_REJECTED
        return False

    # Judging -------------------------------------------------------------------------------------------------------

    def _judge(self, ladder: Ladder, fate: Fate) -> None:
        """DELIVERED and CONTENT."""
        arrival = judge_delivered(ladder, fate, self.within, spam_counts=False)
        if arrival is None:
            return
        with ladder.rung(stages.CONTENT):
            broken = finding_of(arrival.finding)
            if broken is not None:
                raise broken
