"""An HL7 engine that must acknowledge a test message over MLLP: blood test results, and whatever else speaks HL7 v2."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.hosts import Host
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Duration, Port, Tls
from retabli.model.stages import Stage
from retabli.net.disk import disk
from retabli.net.hl7 import hl7_causes
from retabli.net.hl7.exchange import (
    ACKNOWLEDGED,
    APPLIED,
    COMMITTED,
    FRAMED,
    MATCHED,
    PORT,
    Exchange,
    Expected,
    climb_answers,
    open_engine,
    tls_faults,
)
from retabli.net.hl7.message_file import MessageFileRef, PatientMark
from retabli.net.hl7.messages import new_control_id


class Hl7Mllp(Probe):
    """Prefer passive evidence (the age of the newest result, by `file_drop`): an injected result is a hazard.

    An engine may be set to acknowledge on receipt: AA then proves its channel, and not the application behind it.
    What is sent is marked as a test for a test patient (MSH-11 = T, the mark in PID), or it is not sent. MSH-7 and
    MSH-10 are made anew for each send; everything else stays as the file has it.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.TLS,
        FRAMED,
        ACKNOWLEDGED,
        MATCHED,
        COMMITTED,
        APPLIED,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = hl7_causes.CAUSES
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un moteur HL7 acquitte un message de test par MLLP.",
        "An HL7 engine acknowledges a test message over MLLP.",
    )
    EVERY: ClassVar[str | None] = "5m"

    kind: Literal["hl7_mllp"]
    every: Duration = 300.0
    host: Host
    port: Port = PORT
    tls: Tls = Field(default=Tls(mode="none"), description="MLLP over TLS from the first byte; in clear by default")
    message: MessageFileRef = Field(description="a file with one HL7 v2 message; MSH-11 must be T")
    patient_mark: PatientMark | None = Field(
        default=None,
        description="what marks the agreed test patient among PID-2 to PID-5, as a word of its own; "
        "by default one of TEST, ZZTEST, RETABLI, FICTIF, SYNTHETIC",
    )
    expect: Annotated[tuple[Expected, ...], Field(strict=False, min_length=1)] = Field(
        default=("AA",),
        description="AA: the application's acknowledgement; CA: the commit is enough; both: whichever the mode gives, "
        "and after CA also AA where MSH-16 asks for it",
    )

    def climbs(self) -> tuple[Stage, ...]:
        expected = {"CA": COMMITTED, "AA": APPLIED}
        left_out = {expected[code] for code in expected if code not in self.expect}
        if self.tls.mode == "none":
            left_out.add(stages.TLS)
        return tuple(stage for stage in self.LADDER if stage not in left_out)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from tls_faults(self.tls)
        yield from self.message.faults(self.patient_mark)

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        yield from self.message.warnings(self.expect)

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        message = await disk().within(self.timeout / 2, partial(self.message.load, self.patient_mark))
        control_id = new_control_id()
        async with await open_engine(ladder, self.host, self.port, self.tls, resolver=self.resolver) as connection:
            exchange = Exchange(connection, control_id)
            with ladder.told_as(exchange.overdue):
                with ladder.rung(FRAMED):
                    answer = await exchange.first(message.made(control_id, ladder.wall()))
                with ladder.rung(ACKNOWLEDGED):
                    found = await exchange.acknowledged(answer)
                with ladder.rung(MATCHED):
                    found = await exchange.ours(found)
                await climb_answers(ladder, exchange, found, self.expect, awaited=message.asks_for_application)
