"""A small DICOM archive for the simulated world: echo, storage, searches, and images sent back (PS3.7, PS3.8).

pynetdicom reads and writes its messages; sockets and time are asyncio's, so that it needs no thread.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, dimse_messages
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_FIND, C_MOVE, C_STORE
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, A_RELEASE_RP, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    A_RELEASE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
TRANSFERS = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
APPLICATION = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION = UID("2.25.312652045614984821673557964589666255335")

KEPT = 100  # images: probes send a new one each time
GREATEST = 16_384  # bytes of a PDU
MESSAGE = 1 << 20  # bytes of one message
SUCCESS, PENDING, OUT_OF_RESOURCES, DESTINATION_UNKNOWN, SUBOPERATION_FAILED = 0x0000, 0xFF00, 0xA700, 0xA801, 0xA702
REJECTIONS = {"not_recognised": (1, 1, 3), "congested": (2, 3, 1)}  # result, source, reason (PS3.8, table 9-21)


@dataclass(frozen=True, slots=True)
class Image:
    """One that was stored, as it came."""

    data: bytes
    transfer: UID
    study: str
    instance: str


@dataclass(slots=True)
class DicomArchive:
    """One partner's archive.

    `position`: "accepts"; "not_recognised" and "congested" reject every association; "no_ct" takes no CT image;
    "full" refuses storage (A700); "forgets" takes images and keeps none; "silent" accepts connections and says
    nothing. `destinations`: the loopback port of each AE title that images can be sent to.
    """

    title: str
    destinations: Mapping[str, int] = field(default_factory=dict)
    position: str = "accepts"
    images: dict[str, Image] = field(default_factory=dict)
    studies: list[Dataset] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.position == "silent":
            await asyncio.sleep(3600)
        await _Conversation(self, reader, writer).run()

    def add_study(self, when: datetime, institution: str) -> None:
        """A study that the partner made at that time; of nobody."""
        study = Dataset()
        study.StudyInstanceUID = f"2.25.{when.timestamp():.0f}"
        study.StudyDate, study.StudyTime = when.strftime("%Y%m%d"), when.strftime("%H%M%S")
        study.InstitutionName, study.ModalitiesInStudy = institution, "CT"
        study.PatientID, study.PatientName = "RETABLI-TEST", "RETABLI^TEST"
        self.studies.append(study)

    def takes(self, abstract: str) -> bool:
        return abstract in (VERIFICATION, MR, FIND, MOVE) or (abstract == CT and self.position != "no_ct")

    def matches(self, asked: Dataset) -> Iterator[Dataset]:
        """What answers a search: images by their UID, studies by a date or a range of dates (PS3.4, C.2.2.2.5)."""
        if asked.get("QueryRetrieveLevel") == "IMAGE":
            image = self.images.get(str(asked.get("SOPInstanceUID", "")))
            if image is not None:
                found = Dataset()
                found.QueryRetrieveLevel = "IMAGE"
                found.StudyInstanceUID, found.SOPInstanceUID = image.study, image.instance
                yield found
            return
        first, dash, last = str(asked.get("StudyDate") or "-").partition("-")
        last = (last or "9") if dash else first
        for study in self.studies:
            if first <= study.StudyDate <= last:
                found = Dataset()
                for element in asked:
                    setattr(found, element.keyword, study.get(element.keyword))
                found.QueryRetrieveLevel = "STUDY"
                yield found


class _Conversation:
    def __init__(self, archive: DicomArchive, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.archive = archive
        self.peer = _Peer(reader, writer)
        self.transfers: dict[int, UID] = {}

    async def run(self) -> None:
        if not await self.associated():
            return
        while (message := await self.peer.message()) is not None:
            await self.answer(message, message.message_to_primitive())

    async def associated(self) -> bool:
        kind, data = await self.peer.pdu()
        if kind != 1:
            return False
        request = A_ASSOCIATE_RQ()
        request.decode(data)
        asked = request.to_primitive()
        rejection = REJECTIONS.get(self.archive.position)
        if rejection is not None:
            asked.result, asked.result_source, asked.diagnostic = rejection
            refusal = A_ASSOCIATE_RJ()
            refusal.from_primitive(asked)
            await self.peer.send(refusal.encode())
            return False
        results = [self.judge(context) for context in asked.presentation_context_definition_list]
        self.transfers = {
            context.context_id: context.transfer_syntax[0]
            for context in results
            if context.result == 0 and context.context_id is not None
        }
        asked.presentation_context_definition_results_list = results
        asked.result, asked.user_information = 0, _user_information()
        acceptance = A_ASSOCIATE_AC()
        acceptance.from_primitive(asked)
        await self.peer.send(acceptance.encode())
        return True

    def judge(self, asked: PresentationContext) -> PresentationContext:
        abstract = str(asked.abstract_syntax)
        transfer = next((known for known in TRANSFERS if known in asked.transfer_syntax), None)
        answer = build_context(abstract, transfer or ImplicitVRLittleEndian)
        answer.context_id = asked.context_id
        answer.result = 3 if not self.archive.takes(abstract) else 4 if transfer is None else 0
        return answer

    async def answer(self, message: DIMSEMessage, asked: Any) -> None:
        context = message.context_id or 0
        services: Mapping[type, Callable[[int, Any], Any]] = {
            C_ECHO: self.echo,
            C_STORE: self.store,
            C_FIND: self.find,
            C_MOVE: self.move,
        }
        await services[type(asked)](context, asked)

    async def echo(self, context: int, asked: C_ECHO) -> None:
        await self.respond(context, asked, SUCCESS)

    async def store(self, context: int, asked: C_STORE) -> None:
        assert asked.DataSet is not None  # noqa: S101 - a C-STORE without its image is none
        data = asked.DataSet.getvalue()
        image = decode(BytesIO(data), self.transfers[context].is_implicit_VR, True)
        if self.archive.position == "full":
            await self.respond(context, asked, OUT_OF_RESOURCES)
            return
        if self.archive.position != "forgets":
            instance = str(asked.AffectedSOPInstanceUID)
            self.archive.images[instance] = Image(data, self.transfers[context], str(image.StudyInstanceUID), instance)
            while len(self.archive.images) > KEPT:
                del self.archive.images[next(iter(self.archive.images))]
        await self.respond(context, asked, SUCCESS)

    async def find(self, context: int, asked: C_FIND) -> None:
        implicit = self.transfers[context].is_implicit_VR
        for match in self.archive.matches(_identifier(asked, implicit)):
            await self.respond(context, asked, PENDING, Identifier=BytesIO(encode(match, implicit, True) or b""))
        await self.respond(context, asked, SUCCESS)

    async def move(self, context: int, asked: C_MOVE) -> None:
        wanted = _identifier(asked, self.transfers[context].is_implicit_VR)
        port = self.archive.destinations.get(str(asked.MoveDestination))
        if port is None:
            await self.respond(context, asked, DESTINATION_UNKNOWN)
            return
        image = self.archive.images.get(str(wanted.get("SOPInstanceUID", "")))
        counts = {f"NumberOf{what}Suboperations": 0 for what in ("Completed", "Failed", "Warning")}
        if image is not None:
            sent = await _send_to(port, self.archive.title, str(asked.MoveDestination), image)
            if not sent:
                await self.respond(context, asked, SUBOPERATION_FAILED)
                return
            counts["NumberOfCompletedSuboperations"] = 1
        await self.respond(context, asked, SUCCESS, **counts)

    async def respond(self, context: int, asked: Any, status: int, **more: Any) -> None:
        answer = type(asked)()
        answer.MessageIDBeingRespondedTo = asked.MessageID
        answer.AffectedSOPClassUID = asked.AffectedSOPClassUID
        if isinstance(asked, C_STORE):
            answer.AffectedSOPInstanceUID = asked.AffectedSOPInstanceUID
        answer.Status = status
        for name, value in more.items():
            setattr(answer, name, value)
        await self.peer.say(context, getattr(dimse_messages, f"{type(asked).__name__}_RSP")(), answer)


class _Peer:
    """The other end of an association, in either role: its PDUs and messages, within bounds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def pdu(self) -> tuple[int, bytes]:
        head = await self.reader.readexactly(6)
        length = int.from_bytes(head[2:])
        if length > 2 * GREATEST:
            raise ValueError("a PDU beyond all bounds")
        return head[0], head + await self.reader.readexactly(length)

    async def message(self) -> DIMSEMessage | None:
        """The next message, or None at the end of the association."""
        message, size = DIMSEMessage(), 0
        while True:
            kind, data = await self.pdu()
            if kind == 5:
                farewell = A_RELEASE_RP()
                farewell.from_primitive(A_RELEASE())
                await self.send(farewell.encode())
            if kind != 4:
                return None
            size += len(data)
            if size > MESSAGE:
                raise ValueError("a message beyond all bounds")
            values = P_DATA_TF()
            values.decode(data)
            if message.decode_msg(values.to_primitive()):
                return message

    async def say(self, context: int, message: DIMSEMessage, primitive: Any) -> None:
        message.primitive_to_message(primitive)
        for value in message.encode_msg(context, GREATEST):
            pdu = P_DATA_TF()
            pdu.from_primitive(value)
            self.writer.write(pdu.encode())
        await self.writer.drain()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


async def _send_to(port: int, own: str, title: str, image: Image) -> bool:
    """C-STORE that image to whoever listens there under that title; whether it was taken."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    peer = _Peer(reader, writer)
    try:
        await peer.send(_request(own, title, image))
        kind, _ = await peer.pdu()
        if kind != 2:
            return False
        store = C_STORE()
        store.MessageID, store.Priority = 1, 0
        store.AffectedSOPClassUID, store.AffectedSOPInstanceUID = CT, image.instance
        store.DataSet = BytesIO(image.data)
        await peer.say(1, dimse_messages.C_STORE_RQ(), store)
        answer = await peer.message()
        return answer is not None and getattr(answer.message_to_primitive(), "Status", None) == SUCCESS
    except (OSError, EOFError, ValueError):
        return False
    finally:
        writer.close()


def _request(own: str, title: str, image: Image) -> bytes:
    context = build_context(CT, image.transfer)
    context.context_id = 1
    asked = A_ASSOCIATE()
    asked.application_context_name = APPLICATION
    asked.calling_ae_title, asked.called_ae_title = own, title
    asked.presentation_context_definition_list = [context]
    asked.user_information = _user_information()
    request = A_ASSOCIATE_RQ()
    request.from_primitive(asked)
    return request.encode()


def _user_information() -> list[Any]:
    greatest, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    greatest.maximum_length_received = GREATEST
    implementation.implementation_class_uid = IMPLEMENTATION
    return [greatest, implementation]


def _identifier(asked: C_FIND | C_MOVE, implicit: bool) -> Dataset:
    return decode(asked.Identifier or BytesIO(), implicit, True)
