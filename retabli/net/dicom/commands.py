"""DIMSE command sets: implicit VR little endian, group 0000 (PS3.7, sections 6.3, 9.3 and annex E)."""

import struct
from collections.abc import Mapping
from enum import IntEnum

from retabli.model import causes
from retabli.model.ladder import Fall

ELEMENT = struct.Struct("<HHI")
NO_DATA_SET = 0x0101

Command = Mapping["Field", bytes]


class Field(IntEnum):
    """Element numbers of group 0000 (PS3.7, table E.1-1)."""

    GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS = 0x0002
    COMMAND = 0x0100
    MESSAGE = 0x0110
    RESPONDING_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    DATA_SET = 0x0800
    STATUS = 0x0900
    OFFENDING = 0x0901
    COMMENT = 0x0902
    AFFECTED_SOP_INSTANCE = 0x1000
    REMAINING = 0x1020
    COMPLETED = 0x1021
    FAILED = 0x1022
    WARNED = 0x1023


class Verb(IntEnum):
    """Values of the command field; a response is its request with the highest bit set."""

    STORE = 0x0001
    FIND = 0x0020
    MOVE = 0x0021
    ECHO = 0x0030
    CANCEL = 0x0FFF

    @property
    def response(self) -> int:
        return self | 0x8000


def encode(fields: Mapping[Field, int | str | bytes]) -> bytes:
    """A command set; numbers are US, texts are UIDs, which are padded to an even length; bytes go as they are."""
    body = b"".join(_element(field, _value(fields[field])) for field in sorted(fields))
    return _element(Field.GROUP_LENGTH, len(body).to_bytes(4, "little")) + body


def decode(data: bytes) -> dict[Field, bytes]:
    """The elements of a command set that we know.

    Raises:
        Fall: `garbage` when an element is of another group, or claims more than there is.
    """
    fields: dict[Field, bytes] = {}
    known = Field.__members__.values()
    place = 0
    while place < len(data):
        if len(data) - place < ELEMENT.size:
            raise Fall(causes.GARBAGE, f"{len(data) - place} bytes are no element of a command")
        group, element, length = ELEMENT.unpack_from(data, place)
        place += ELEMENT.size
        if group != 0 or length > len(data) - place:
            raise Fall(
                causes.GARBAGE, f"element ({group:04x},{element:04x}) of {length} bytes, {len(data) - place} left"
            )
        if element in known:
            fields[Field(element)] = data[place : place + length]
        place += length
    return fields


def number(command: Command, field: Field) -> int | None:
    """An element of two bytes as a number; None where it is missing.

    Raises:
        Fall: `garbage`.
    """
    raw = command.get(field)
    if raw is None:
        return None
    if len(raw) != 2:
        raise Fall(causes.GARBAGE, f"{field.name.lower()} of {len(raw)} bytes")
    return int.from_bytes(raw, "little")


def needed(command: Command, field: Field) -> int:
    """As `number`; a missing element is `garbage` too."""
    found = number(command, field)
    if found is None:
        raise Fall(causes.GARBAGE, f"a command without {field.name.lower()}")
    return found


def text(command: Command, field: Field) -> str:
    """An element as text, "" where it is missing."""
    return command.get(field, b"").decode("ascii", "replace").strip("\0 ")


def _element(field: Field, value: bytes) -> bytes:
    return ELEMENT.pack(0, field, len(value)) + value


def _value(value: int | str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return value.to_bytes(2, "little")
    return value.encode("ascii") + b"\0" * (len(value) % 2)
