"""DICOM's protocol data units on a connection: framed, read within bounds, told apart (PS3.8, section 9.3)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.connection import Connection
from retabli.net.dicom import dicom_causes

MAXIMUM = 16_384  # bytes of a PDU's variable part: what we announce, and the most that we read of any PDU
HEADER = struct.Struct("!BxI")
VALUE = struct.Struct("!IBB")  # length of what follows it, context, control header (9.3.5.1 and E.2)
COMMAND, LAST = 1, 2
TLS_ALERT = b"\x15\x03"  # how a server that waits for TLS answers what is none (RFC 8446, section 5.1)


class Kind(IntEnum):
    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


KINDS = frozenset(Kind)
OF_FOUR_BYTES = (Kind.ASSOCIATE_RJ, Kind.RELEASE_RQ, Kind.RELEASE_RP, Kind.ABORT)


@dataclass(frozen=True, slots=True)
class Pdu:
    """One protocol data unit, without its header."""

    kind: Kind
    body: bytes


@dataclass(frozen=True, slots=True)
class Value:
    """One presentation data value: a fragment of a command or of a data set, in a presentation context."""

    context: int
    command: bool
    last: bool
    data: bytes


async def read_pdu(connection: Connection) -> Pdu | None:
    """The next PDU, or None when the peer has hung up before another began.

    Raises:
        Fall: `garbage`, or `too_long`: both told by the header, before anything more is read. `dicom_over_tls` when
            the peer answers by a TLS alert.
    """
    began = await connection.receive(HEADER.size)
    if not began:
        return None
    if began == TLS_ALERT[:1]:
        began += await connection.receive(1)  # its second byte tells
    if began[:2] == TLS_ALERT:
        raise Fall(dicom_causes.DICOM_OVER_TLS)
    if began[0] not in KINDS:
        raise Fall(causes.GARBAGE, began)
    kind, length = HEADER.unpack(began + await connection.read_exactly(HEADER.size - len(began)))
    if length > MAXIMUM:
        raise Fall(causes.TOO_LONG, f"a PDU of {length} bytes, where we announced {MAXIMUM} at most")
    if kind in OF_FOUR_BYTES and length != 4:
        raise Fall(causes.GARBAGE, f"a PDU of type {kind} with {length} bytes instead of 4")
    return Pdu(Kind(kind), await connection.read_exactly(length))


def pdu(kind: Kind, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def rejection(result: int, source: int, reason: int) -> bytes:
    return pdu(Kind.ASSOCIATE_RJ, bytes((0, result, source, reason)))


def abort(source: int, reason: int) -> bytes:
    return pdu(Kind.ABORT, bytes((0, 0, source, reason)))


RELEASE_RQ = pdu(Kind.RELEASE_RQ, bytes(4))
RELEASE_RP = pdu(Kind.RELEASE_RP, bytes(4))


def data_pdus(context: int, data: bytes, *, command: bool, maximum: int) -> Iterator[bytes]:
    """The P-DATA-TF PDUs that carry a command or a data set to a peer that takes `maximum` bytes in each (0: any)."""
    room = (maximum or MAXIMUM) - VALUE.size
    for place in range(0, len(data), room):
        piece = data[place : place + room]
        control = (COMMAND if command else 0) | (LAST if place + room >= len(data) else 0)
        yield pdu(Kind.DATA, VALUE.pack(len(piece) + 2, context, control) + piece)


def values_in(body: bytes) -> Iterator[Value]:
    """The values of a P-DATA-TF PDU.

    Raises:
        Fall: `garbage` when a value claims more than the PDU holds, or there is none.
    """
    if not body:
        raise Fall(causes.GARBAGE, "a P-DATA-TF PDU without a value")
    place = 0
    while place < len(body):
        if len(body) - place < VALUE.size:
            raise Fall(causes.GARBAGE, f"{len(body) - place} bytes are no presentation data value")
        length, context, control = VALUE.unpack_from(body, place)
        end = place + 4 + length
        if length < 2 or end > len(body):
            raise Fall(causes.GARBAGE, f"a value of {length} bytes in a PDU of {len(body)}")
        yield Value(context, bool(control & COMMAND), bool(control & LAST), body[place + VALUE.size : end])
        place = end
