"""A-ASSOCIATE requests and acceptances: what is asked for, and what was granted of it (PS3.8, 9.3.2 and 9.3.3)."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.dicom import dicom_causes
from retabli.net.dicom.pdu import MAXIMUM, Kind, pdu

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"  # DICOM's only one (PS3.7, annex A.2.1)
IMPLEMENTATION = b"2.25.284778251109104850817169889943105825613"  # fixed, and ours alone (PS3.7, annex D.3.3.2)
IMPLEMENTATION_NAME = b"RETABLI"
FIXED = struct.Struct("!H2x16s16s32x")  # protocol version, called and calling title
ITEM = struct.Struct("!BxH")
LEAST_MAXIMUM = 64  # bytes: a peer that takes less in a PDU would have us cut an image into crumbs

APPLICATION_ITEM, REQUESTED_ITEM, GRANTED_ITEM, ABSTRACT_ITEM, TRANSFER_ITEM, USER_ITEM = (
    0x10,
    0x20,
    0x21,
    0x30,
    0x40,
    0x50,
)
MAXIMUM_ITEM, IMPLEMENTATION_ITEM, IMPLEMENTATION_NAME_ITEM = 0x51, 0x52, 0x55

ACCEPTANCE = 0
# PS3.8, table 9-18
REFUSALS = {
    1: dicom_causes.CONTEXT_REFUSED_BY_USER,
    2: dicom_causes.CONTEXT_REFUSED,
    3: dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED,
    4: dicom_causes.TRANSFER_SYNTAX_UNSUPPORTED,
}


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context as it was asked for: an odd number, a service or kind of object, and its encodings."""

    number: int
    abstract: str
    transfers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What became of a presentation context: the result (0: accepted) and the encoding that the peer chose."""

    result: int
    transfer: str


@dataclass(frozen=True, slots=True)
class Request:
    """An A-ASSOCIATE-RQ as it was received."""

    called: str
    calling: str
    contexts: tuple[Context, ...]
    maximum: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An A-ASSOCIATE-AC: the grants by context number, and how many bytes the peer takes in a PDU (0: any)."""

    grants: Mapping[int, Grant]
    maximum: int


def request(calling: str, called: str, contexts: Sequence[Context]) -> bytes:
    """An A-ASSOCIATE-RQ PDU."""
    items = [_item(APPLICATION_ITEM, APPLICATION_CONTEXT)]
    for context in contexts:
        inner = _item(ABSTRACT_ITEM, context.abstract.encode())
        inner += b"".join(_item(TRANSFER_ITEM, transfer.encode()) for transfer in context.transfers)
        items.append(_item(REQUESTED_ITEM, bytes((context.number, 0, 0, 0)) + inner))
    return pdu(Kind.ASSOCIATE_RQ, _fixed(called, calling) + b"".join(items) + _user_information())


def acceptance(called: str, calling: str, grants: Mapping[int, Grant]) -> bytes:
    """An A-ASSOCIATE-AC PDU."""
    items = [_item(APPLICATION_ITEM, APPLICATION_CONTEXT)]
    for number, grant in grants.items():
        inner = bytes((number, 0, grant.result, 0)) + _item(TRANSFER_ITEM, grant.transfer.encode())
        items.append(_item(GRANTED_ITEM, inner))
    return pdu(Kind.ASSOCIATE_AC, _fixed(called, calling) + b"".join(items) + _user_information())


def read_acceptance(body: bytes) -> Acceptance:
    """The grants of an A-ASSOCIATE-AC.

    Raises:
        Fall: `garbage`.
    """
    grants: dict[int, Grant] = {}
    maximum = 0
    for kind, content in _items(body[FIXED.size :]):
        if kind == GRANTED_ITEM:
            number, result = _head(content)
            grants[number] = Grant(result, next(_texts(content[4:], TRANSFER_ITEM), ""))
        elif kind == USER_ITEM:
            maximum = _maximum(content)
    return Acceptance(grants, maximum)


def read_request(body: bytes) -> Request:
    """What an A-ASSOCIATE-RQ asks for.

    Raises:
        Fall: `garbage`.
    """
    if len(body) < FIXED.size:
        raise Fall(causes.GARBAGE, f"an A-ASSOCIATE-RQ of {len(body)} bytes")
    _, called, calling = FIXED.unpack_from(body)
    contexts: list[Context] = []
    maximum = 0
    for kind, content in _items(body[FIXED.size :]):
        if kind == REQUESTED_ITEM:
            number, _ = _head(content)
            abstract = next(_texts(content[4:], ABSTRACT_ITEM), "")
            contexts.append(Context(number, abstract, tuple(_texts(content[4:], TRANSFER_ITEM))))
        elif kind == USER_ITEM:
            maximum = _maximum(content)
    return Request(_title(called), _title(calling), tuple(contexts), maximum)


def _item(kind: int, content: bytes) -> bytes:
    return ITEM.pack(kind, len(content)) + content


def _fixed(called: str, calling: str) -> bytes:
    return FIXED.pack(1, called.encode("ascii").ljust(16), calling.encode("ascii").ljust(16))


def _user_information() -> bytes:
    inner = _item(MAXIMUM_ITEM, MAXIMUM.to_bytes(4)) + _item(IMPLEMENTATION_ITEM, IMPLEMENTATION)
    return _item(USER_ITEM, inner + _item(IMPLEMENTATION_NAME_ITEM, IMPLEMENTATION_NAME))


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        if len(data) - place < ITEM.size:
            raise Fall(causes.GARBAGE, f"{len(data) - place} bytes are no item of an association")
        kind, length = ITEM.unpack_from(data, place)
        place += ITEM.size
        if place + length > len(data):
            raise Fall(causes.GARBAGE, f"an item of {length} bytes, where {len(data) - place} are left")
        yield kind, data[place : place + length]
        place += length


def _head(content: bytes) -> tuple[int, int]:
    """A presentation context's number, and its result where it has one."""
    if len(content) < 4:
        raise Fall(causes.GARBAGE, f"a presentation context of {len(content)} bytes")
    return content[0], content[2]


def _texts(data: bytes, wanted: int) -> Iterator[str]:
    return (content.decode("ascii", "replace").rstrip("\0 ") for kind, content in _items(data) if kind == wanted)


def _maximum(user: bytes) -> int:
    """Bytes that the peer takes in a PDU's variable part; 0 for any (PS3.8, annex D.1)."""
    for kind, content in _items(user):
        if kind == MAXIMUM_ITEM:
            maximum = int.from_bytes(content)
            if len(content) != 4 or 0 < maximum < LEAST_MAXIMUM:
                raise Fall(causes.GARBAGE, f"a greatest PDU of {maximum} bytes")
            return maximum
    return 0


def _title(field: bytes) -> str:
    return field.decode("ascii", "replace").strip("\0 ")
