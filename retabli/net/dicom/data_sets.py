"""Data sets as they travel: made and read by pydicom, after every length in them is checked (PS3.5, chapter 7)."""

import struct
import warnings
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.dicom.syntaxes import IMPLICIT

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

HEADER = struct.Struct("<HHI")
# Value representations whose explicit form has its length in four bytes (PS3.5, table 7.1-1)
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
DEPTH = 8  # sequences within one another


def unreadable() -> tuple[type[Exception], ...]:
    """What pydicom raises at bytes that are no values; an OSError too, when a file in memory ends."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        NotImplementedError,
        EOFError,
        RecursionError,
        ArithmeticError,
        OSError,
        struct.error,
        BytesLengthException,
        InvalidDicomError,
    )


def read(data: bytes, transfer: str) -> "Dataset":
    """A data set of as many bytes as are there. An element that is looked at may still raise one of `unreadable`.

    Raises:
        Fall: `garbage`, when an element claims more than there is, or sequences have no end or too much depth.
    """
    from pynetdicom.dsutils import decode

    _elements(data, 0, transfer == IMPLICIT, 0)
    try:
        return decode(BytesIO(data), transfer == IMPLICIT, True)
    except unreadable() as error:
        raise Fall(causes.GARBAGE, f"a data set that cannot be read ({type(error).__name__})") from error


def texts(data: bytes, transfer: str, wanted: Collection[str]) -> dict[str, str]:
    """Of the elements with these keywords, those that the data set has, as text; no sequences.

    Raises:
        Fall: `garbage`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a partner's archive holds is seldom faultless
        try:
            found = read(data, transfer)
            elements = [found[keyword] for keyword in wanted if keyword in found]
            return {element.keyword: _text(element) for element in elements if element.VR != "SQ"}
        except unreadable() as error:
            raise Fall(causes.GARBAGE, f"an element that cannot be read ({type(error).__name__})") from error


def written(data_set: "Dataset", transfer: str) -> bytes:
    """A data set of ours in that transfer syntax, which is one of UNCOMPRESSED."""
    from pynetdicom.dsutils import encode

    data = encode(data_set, transfer == IMPLICIT, True)
    if data is None:
        raise Fall(causes.PROBE_DEFECT, "a data set of ours cannot be encoded")
    return data


def identifier(asked: Mapping[str, str], transfer: str) -> bytes:
    """What a search or a retrieval is for, by DICOM keyword."""
    from pydicom import Dataset

    made = Dataset()
    if not "".join(asked.values()).isascii():
        made.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
    for keyword, value in asked.items():
        setattr(made, keyword, value)
    return written(made, transfer)


def _text(element: "DataElement") -> str:
    value = element.value
    if isinstance(value, bytes):
        return value.decode("latin-1").rstrip("\0 ")
    return "\\".join(map(str, value)) if element.VM > 1 else str("" if value is None else value)


# Lengths --------------------------------------------------------------------------------------------------------------


def _elements(data: bytes, place: int, implicit: bool, depth: int) -> int:
    """Where the elements that begin there end: with the data, or past the delimiter of the item that they are in."""
    while place < len(data):
        tag, length, start = _header(data, place, implicit)
        if tag == ITEM_END and depth:
            return start
        if length == UNDEFINED:
            place = _items(data, start, implicit, depth + 1)
        else:
            place = _past(data, start, length)
    return place


def _items(data: bytes, place: int, implicit: bool, depth: int) -> int:
    if depth > DEPTH:
        raise Fall(causes.GARBAGE, f"sequences more than {DEPTH} deep")
    while place < len(data):
        tag, length, start = _header(data, place, implicit=True)
        if tag == SEQUENCE_END:
            return start
        if tag != ITEM:
            raise Fall(causes.GARBAGE, "a sequence of what are no items")
        place = _elements(data, start, implicit, depth) if length == UNDEFINED else _past(data, start, length)
    raise Fall(causes.GARBAGE, "a sequence without an end")


def _header(data: bytes, place: int, implicit: bool) -> tuple[tuple[int, int], int, int]:
    """An element's tag and length, and where its value begins."""
    if len(data) - place < HEADER.size:
        raise Fall(causes.GARBAGE, f"{len(data) - place} bytes are no element of a data set")
    group, element, length = HEADER.unpack_from(data, place)
    start = place + HEADER.size
    if implicit or group == ITEM[0]:
        return (group, element), length, start
    if data[place + 4 : place + 6] not in LONG:
        return (group, element), length >> 16, start
    if len(data) - start < 4:
        raise Fall(causes.GARBAGE, "an element without a length")
    return (group, element), int.from_bytes(data[start : start + 4], "little"), start + 4


def _past(data: bytes, start: int, length: int) -> int:
    if length > len(data) - start:
        raise Fall(causes.GARBAGE, f"an element of {length} bytes, where {len(data) - start} are left")
    return start + length
