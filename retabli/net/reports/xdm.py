"""An IHE XDM archive as it must arrive: it opens, METADATA.XML describes documents, they are there, one is a CDA.

IHE ITI TF-2 section 3.32.4.1.2: `IHE_XDM/<submission set>/METADATA.XML` and the documents beside it. Sizes, counts and
paths are checked, as declared and as they are, before anything is unpacked.
"""

import hashlib
import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from retabli.model.ladder import Fall
from retabli.net.reports import report_causes
from retabli.net.reports.xml_outline import CLINICAL_DOCUMENT, SUBMISSION, Described, Refused, outline

NAME = "ihe_xdm.zip"
DIRECTORY = 65_536  # bytes of the archive's table of contents
MOST_ENTRIES = 100
LARGEST_ENTRY = 4_194_304  # bytes unpacked
LARGEST = 12_582_912  # bytes unpacked, all together
DEEPEST = 5  # folders within one another
MOST_SETS = 5

# What `zipfile` raises over an archive that is damaged, encrypted, or packed in a way it does not know.
UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, OSError)

_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_END_SIZE = 22


def judge(archive: bytes, see: Callable[[bytes], None]) -> None:
    """That the archive is well-formed. `see` is shown what is unpacked of it: METADATA.XML and documents.

    It blocks (unpacks and parses up to LARGEST bytes): to be called in a thread.

    Raises:
        Fall: `archive_broken`, `archive_bomb`, `metadata_missing`, `metadata_broken`, `document_missing`,
            `document_altered`, `document_not_cda`. No detail holds a name or a text of the archive.
    """
    _check_directory(archive)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = _checked(opened.infolist())
            _judge(opened, entries, see)
    except UNREADABLE as error:
        told = f"it cannot be unpacked as it declares ({type(error).__name__})"
        raise Fall(report_causes.ARCHIVE_BROKEN, told) from error


def _check_directory(archive: bytes) -> None:
    """The table of contents is read whole by `zipfile`: its size is looked at before, where `zipfile` will find it.

    ZIP64 is for archives of gigabytes and is refused.
    """
    place = len(archive) - _END_SIZE
    if place < 0 or archive[place : place + 4] != _END or archive[-2:] != b"\0\0":
        place = archive.rfind(_END, max(0, len(archive) - _END_SIZE - 65_536))
    if place < 0 or len(archive) < place + _END_SIZE:
        raise Fall(report_causes.ARCHIVE_BROKEN, "it is no ZIP archive")
    entries = int.from_bytes(archive[place + 10 : place + 12], "little")
    size = int.from_bytes(archive[place + 12 : place + 16], "little")
    if entries > MOST_ENTRIES or size > DIRECTORY or archive[max(0, place - 20) : place].startswith(_END_64):
        raise Fall(report_causes.ARCHIVE_BOMB, f"{entries} entries in a table of {size} bytes")


def _checked(infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The entries by their path in upper case, every declared size and path within bounds."""
    if len(infos) > MOST_ENTRIES:
        raise Fall(report_causes.ARCHIVE_BOMB, f"{len(infos)} entries")
    if sum(info.file_size for info in infos) > LARGEST or any(info.file_size > LARGEST_ENTRY for info in infos):
        raise Fall(report_causes.ARCHIVE_BOMB, "it declares more than may be unpacked")
    for info in infos:
        parts = info.filename.replace("\\", "/").rstrip("/").split("/")
        if info.filename.startswith("/") or ".." in parts or ":" in parts[0] or len(parts) > DEEPEST + 1:
            raise Fall(report_causes.ARCHIVE_BOMB, "a path leaves the archive's folder, or is nested too deep")
    return {info.filename.replace("\\", "/").upper(): info for info in infos if not info.filename.endswith("/")}


def _judge(opened: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], see: Callable[[bytes], None]) -> None:
    sets = [path for path in entries if re.fullmatch(r"IHE_XDM/[^/]+/METADATA\.XML", path)][:MOST_SETS]
    if not sets:
        raise Fall(report_causes.METADATA_MISSING, f"{len(entries)} entries")
    clinical = False
    unpacked = 0
    for path in sets:
        for described in _described(_unpacked(opened, entries[path]), see):
            content = _document(opened, entries, posixpath.dirname(path), described)
            unpacked += len(content)
            if unpacked > LARGEST:
                raise Fall(report_causes.ARCHIVE_BOMB, "it describes the same documents again and again")
            see(content)
            clinical = clinical or _is_clinical(content)
    if not clinical:
        raise Fall(report_causes.DOCUMENT_NOT_CDA)


def _described(metadata: bytes, see: Callable[[bytes], None]) -> Iterator[Described]:
    see(metadata)
    try:
        found = outline(metadata)
    except Refused as error:
        raise Fall(report_causes.METADATA_BROKEN, str(error)) from error
    if found.root != SUBMISSION:
        raise Fall(report_causes.METADATA_BROKEN, "its root is no SubmitObjectsRequest of ebXML 3.0")
    if not found.documents or len(found.documents) > MOST_ENTRIES:
        raise Fall(report_causes.METADATA_BROKEN, f"it describes {len(found.documents)} documents")
    if any(not described.slots.get("uri") for described in found.documents):
        raise Fall(report_causes.METADATA_BROKEN, "a document has no URI")
    yield from found.documents


def _document(opened: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], folder: str, described: Described) -> bytes:
    name = re.sub(r"^\d+\|", "", described.slots["uri"]).replace("\\", "/").upper()
    info = entries.get(posixpath.normpath(posixpath.join(folder, name)))
    if info is None:
        raise Fall(report_causes.DOCUMENT_MISSING)
    content = _unpacked(opened, info)
    size, digest = described.slots.get("size", ""), described.slots.get("hash", "").lower()
    if size.isdigit() and int(size[:12]) != len(content):
        raise Fall(report_causes.DOCUMENT_ALTERED, f"{len(content)} bytes")
    if re.fullmatch(r"[0-9a-f]{40}", digest) and hashlib.sha1(content, usedforsecurity=False).hexdigest() != digest:
        raise Fall(report_causes.DOCUMENT_ALTERED, "another SHA-1")
    return content


def _unpacked(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Never more than it declares, which was checked: `zipfile` stops there, and its checksum then does not fit."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Fall(report_causes.ARCHIVE_BROKEN, "a compression that XDM does not know")
    with opened.open(info) as entry:
        content = entry.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise Fall(report_causes.ARCHIVE_BROKEN, "an entry has not the size that it declares")
    return content


def _is_clinical(content: bytes) -> bool:
    try:
        return outline(content).root == CLINICAL_DOCUMENT
    except Refused:
        return False
