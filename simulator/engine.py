"""Integration engines that speak HL7 over MLLP: one that acknowledges, one that mails a report for each message.

A block is `<VT> message <FS><CR>`; an acknowledgement names the message's control id (HL7 v2.5.1 chapter 2, 2.9.2).
"""

import asyncio
import hashlib
import io
import itertools
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from simulator.smtp import Envelope

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
LONGEST = 65_536  # bytes of a message

# What the engine answers in each position: MSA-1 and the error of table 0357.
ANSWERS = {"refuses": ("AE", "207"), "rejects": ("AR", "200")}

Take = Callable[[bytes], Awaitable[None]]  # a message that was accepted, without its frame


@dataclass(slots=True)
class MllpEngine:
    """`position`: `accepts`, `silent` (its channel is stopped), `refuses` (AE), `rejects` (AR), `closes`."""

    name: str = "SIMULATED"
    position: str = "accepts"
    take: Take | None = None
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heard = await reader.readuntil(FS + CR)
            if self.position == "closes":
                return
            if self.position == "silent":
                continue
            message = heard.partition(VT)[2][: -len(FS + CR)]
            if len(message) > LONGEST or not message.startswith(b"MSH"):
                return
            writer.write(VT + self._answer(message) + FS + CR)
            await writer.drain()
            if self.position == "accepts" and self.take is not None:
                await self.take(message)

    def _answer(self, message: bytes) -> bytes:
        code, error = ANSWERS.get(self.position, ("AA", ""))
        now = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        header = f"MSH|^~\\&|{self.name}|SIMULATED|||{now}||ACK|{next(self._numbers)}|T|2.5.1"
        lines = [header, f"MSA|{code}|{field_of(message, 10)}"]
        if error:
            lines.append(f"ERR|||{error}^^HL70357|E")
        return "".join(f"{line}\r" for line in lines).encode()


@dataclass(slots=True)
class ReportsEngine:
    """Mails each report that it is handed, in an IHE_XDM.zip, to the test prescriber.

    `position`: `sends`, `stuck` (acknowledges, and nothing leaves), `broken_archive`. `post` takes the mail.
    The mail's subject and the document's id are the message's OBR-3, as such engines copy a filler order number.
    """

    post: Callable[[Envelope], object]
    sender: str
    recipient: str
    position: str = "sends"
    mllp: MllpEngine = field(default_factory=lambda: MllpEngine("REPORTS"))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.mllp.take = self.take
        await self.mllp.talk(reader, writer)

    async def take(self, message: bytes) -> None:
        if self.position == "stuck":
            return
        identifier = field_of(message, 3, segment=b"OBR") or field_of(message, 10)
        archive = xdm_archive(identifier)
        if self.position == "broken_archive":
            archive = archive[: len(archive) // 2]
        self.post(Envelope(self.sender, (self.recipient,), self.mail(identifier, archive)))

    def mail(self, identifier: str, archive: bytes) -> bytes:
        message = EmailMessage(policy=SMTP.clone(max_line_length=200))
        message["From"] = self.sender
        message["To"] = self.recipient
        message["Subject"] = f"[TEST] Compte rendu {identifier}"
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message["Disposition-Notification-To"] = self.sender
        message.set_content("Document de test, sans patient. Synthetic document, no patient.\n")
        message.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
        return message.as_bytes()


def field_of(message: bytes, number: int, *, segment: bytes = b"MSH") -> str:
    """Field `number` of the first such segment, or nothing."""
    delimiter = message[3:4]
    for line in message.split(CR):
        fields = line.split(delimiter)
        place = number - 1 if segment == b"MSH" else number
        if fields[0] == segment and len(fields) > place:
            return fields[place].decode("utf-8", "replace")
    return ""


# The archive (IHE ITI TF-2, 3.32.4.1.2) -------------------------------------------------------------------------------

CDA = """<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3"><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<id extension="{identifier}"/><title>Document de test, sans patient</title></ClinicalDocument>
"""
METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
 xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:RegistryObjectList>
<rim:ExtrinsicObject id="Document01" mimeType="text/xml">
<rim:Slot name="URI"><rim:ValueList><rim:Value>DOC0001.XML</rim:Value></rim:ValueList></rim:Slot>
<rim:Slot name="size"><rim:ValueList><rim:Value>{size}</rim:Value></rim:ValueList></rim:Slot>
<rim:Slot name="hash"><rim:ValueList><rim:Value>{digest}</rim:Value></rim:ValueList></rim:Slot>
</rim:ExtrinsicObject></rim:RegistryObjectList></lcm:SubmitObjectsRequest>
"""


def xdm_archive(identifier: str) -> bytes:
    """A well-formed IHE_XDM.zip with one CDA document that bears this identifier."""
    document = CDA.format(identifier=identifier).encode()
    digest = hashlib.sha1(document, usedforsecurity=False).hexdigest()
    metadata = METADATA.format(size=len(document), digest=digest).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.TXT", "Document de test. Synthetic document.\r\n")
        archive.writestr("INDEX.HTM", "<!doctype html><title>Document de test</title>")
        archive.writestr("IHE_XDM/SUBSET01/METADATA.XML", metadata)
        archive.writestr("IHE_XDM/SUBSET01/DOC0001.XML", document)
    return packed.getvalue()
