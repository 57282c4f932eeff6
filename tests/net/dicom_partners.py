"""DICOM partners on loopback: a whole archive by pynetdicom, and servers of bytes that do one thing each."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)
from pynetdicom.transport import AssociationSocket

from tests.net.peers import Handler, silent

ABSTRACT = {
    "echo": Verification,
    "store": CTImageStorage,
    "find": StudyRootQueryRetrieveInformationModelFind,
    "move": StudyRootQueryRetrieveInformationModelMove,
}


def _shut(self: AssociationSocket) -> None:
    """pynetdicom's own leaves the socket open when the other end has gone first."""
    ended = self.socket  # two of its threads may come here
    if ended is not None:
        with contextlib.suppress(OSError):
            ended.shutdown(socket.SHUT_RDWR)
        ended.close()


AssociationSocket._shutdown_socket = _shut  # type: ignore[method-assign]


@dataclass
class Archive:
    """An archive with an AE title, which does as its fields say. `statuses`: what each service answers instead."""

    title: str = "ARCHIVE"
    offers: tuple[str, ...] = ("echo", "store", "find", "move")
    transfers: list[str] | None = None
    calling: list[str] = field(default_factory=list)  # the only titles it knows, unless empty
    require_called: bool = False
    at_most: int | None = None  # associations
    statuses: dict[str, int] = field(default_factory=dict)
    comment: str = ""
    aborts: str = ""  # the service at which it aborts
    hangs: str = ""  # the service at which it says no more
    forgets: bool = False  # takes images and keeps none
    alters: bool = False  # sends other pixels back than it was given
    sends: str | None = None  # another object's identifier than the one that is asked for
    sends_as: str | None = None  # the title by which it comes to a destination
    destinations: dict[str, int] = field(default_factory=dict)
    images: dict[str, Dataset] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # the services, in order
    released: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Serve on a free port, which it gives."""
        ae = AE(self.title)
        for service in self.offers:
            ae.add_supported_context(ABSTRACT[service], self.transfers)
        ae.require_calling_aet = self.calling
        ae.require_called_aet = self.require_called
        if self.at_most is not None:
            ae.maximum_associations = self.at_most
        ae.add_requested_context(CTImageStorage)
        handlers: list[Any] = [
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_MOVE, self._move),
        ]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        assert server is not None
        try:
            yield server.server_address[1]
        finally:
            self.released.set()
            server.shutdown()
            for association in ae.active_associations:
                association.abort()
                association.join(1)

    def _met(self, service: str, event: Event) -> int | Dataset:
        self.asked.append(service)
        if self.aborts == service:
            event.assoc.abort()
        if self.hangs == service:
            self.released.wait(20)
        status = self.statuses.get(service, 0)
        if not self.comment:
            return status
        answer = Dataset()
        answer.Status, answer.ErrorComment = status, self.comment
        return answer

    def _echo(self, event: Event) -> int | Dataset:
        return self._met("echo", event)

    def _store(self, event: Event) -> int | Dataset:
        status = self._met("store", event)
        image = event.dataset
        image.file_meta = event.file_meta
        if not self.forgets:
            self.images[str(image.SOPInstanceUID)] = image
        return status

    def _find(self, event: Event) -> Iterator[tuple[int | Dataset, Dataset | None]]:
        status = self._met("find", event)
        if status:
            yield status, None
            return
        for instance in self.images:
            if instance == event.identifier.SOPInstanceUID:
                answer = Dataset()
                answer.QueryRetrieveLevel, answer.SOPInstanceUID = "IMAGE", instance
                yield 0xFF00, answer

    def _move(self, event: Event) -> Iterator[Any]:
        status = self._met("move", event)
        port = self.destinations.get(event.move_destination or "")
        if port is None:
            yield None, None
            return
        if self.sends_as is not None:
            event.assoc.ae.ae_title = self.sends_as
        yield "127.0.0.1", port, {"ae_title": event.move_destination}
        found = self.images.get(event.identifier.SOPInstanceUID)
        yield 0 if found is None else 1
        if status:
            yield status, None
            return
        if found is not None:
            if self.alters:
                found.PixelData = bytes(len(found.PixelData))
            if self.sends is not None:
                found.SOPInstanceUID = self.sends
            yield 0xFF00, found


# Servers of bytes --------------------------------------------------------------------------------------------------


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    return bytes((kind, 0)) + (len(body) if length is None else length).to_bytes(4) + body


def item(kind: int, body: bytes, length: int | None = None) -> bytes:
    return bytes((kind, 0)) + (len(body) if length is None else length).to_bytes(2) + body


def accepting(*results: int, transfer: bytes = b"1.2.840.10008.1.2", maximum: int = 16384, extra: bytes = b"") -> bytes:
    """An A-ASSOCIATE-AC that answers contexts 1, 3, 5… with these results."""
    body = b"\0\1\0\0" + b"THEM".ljust(16) + b"US".ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for place, result in enumerate(results):
        body += item(0x21, bytes((2 * place + 1, 0, result, 0)) + item(0x40, transfer))
    return pdu(2, body + item(0x50, item(0x51, maximum.to_bytes(4))) + extra)


def rejecting(result: int, source: int, reason: int) -> bytes:
    return pdu(3, bytes((0, result, source, reason)))


def aborting(source: int, reason: int) -> bytes:
    return pdu(7, bytes((0, 0, source, reason)))


def element(number: int, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return b"\0\0" + number.to_bytes(2, "little") + size.to_bytes(4, "little") + value


def response(
    command: int, status: int | None, *, message: int = 1, data_set: int = 0x0101, extra: bytes = b""
) -> bytes:
    """A command set that answers a message."""
    body = element(0x0100, command.to_bytes(2, "little")) + element(0x0120, message.to_bytes(2, "little"))
    body += element(0x0800, data_set.to_bytes(2, "little"))
    if status is not None:
        body += element(0x0900, status.to_bytes(2, "little"))
    return body + extra


def carrying(data: bytes, *, context: int = 1, control: int = 3, length: int | None = None) -> bytes:
    """A P-DATA-TF PDU of one value."""
    size = len(data) + 2 if length is None else length
    return pdu(4, size.to_bytes(4) + bytes((context, control)) + data)


async def one_pdu(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(6)
    return head[0], await reader.readexactly(int.from_bytes(head[2:]))


def answering(*answers: bytes, then: Handler = silent) -> Handler:
    """Answers each PDU that it gets with the next of these, and goes on as told."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in answers:
            await one_pdu(reader)
            writer.write(each)
            await writer.drain()
        await then(reader, writer)

    return answer


@contextlib.contextmanager
def a_free_port() -> Iterator[int]:
    """A port that nobody else is given while this is open, and on which somebody may listen."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
