"""The synthetic image that goes over the web: a Secondary Capture of a pattern of grey.

Its UIDs lie under one fixed root (DICOM PS3.5, B.2: 2.25 and a UUID), so that whoever keeps an archive finds all of
them, and them alone.
"""

import random
import re
import time
import zlib
from datetime import UTC, datetime
from io import BytesIO

from retabli.net.dicom import libraries
from retabli.net.dicom.dicom_settings import MARK
from retabli.net.dicom.marked_image import Uids, mark

ROOT = "2.25.262540895257375716689961052877733710102"
PATIENT_ID = f"{MARK}-TEST"
PATIENT_NAME = f"{MARK}^SYNTHETIC"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
SIDE = 32  # pixels
TRANSFER_SYNTAX = re.compile(rb"\x02\x00\x10\x00UI(..)([0-9.]{1,64})", re.DOTALL)


def same_uids(patient_id: str) -> Uids:
    """The same image every time: an archive that holds it grows by nothing."""
    study = f"{ROOT}.3.{_patients(patient_id)}"
    return Uids(study, f"{study}.1", f"{study}.1.1")


def fresh_uids(patient_id: str, now: float | None = None) -> Uids:
    """A new image, in one study and series a day (of UTC). `now` is Unix seconds."""
    now = time.time() if now is None else now
    study = f"{ROOT}.1.{_patients(patient_id)}.{datetime.fromtimestamp(now, UTC):%Y%m%d}"
    instance = f"{int(now * 1000)}{random.randrange(1000):03}"  # noqa: S311 - apart from another daemon's, no secret
    return Uids(study, f"{study}.1", f"{ROOT}.2.{instance}")


def _patients(patient_id: str) -> int:
    """A number for a patient: a study with two patients would be refused. A UID has 64 characters at most."""
    return zlib.crc32(patient_id.encode()) % 10_000


def is_ours(uid: str) -> bool:
    return uid.startswith(f"{ROOT}.")


def pixels() -> bytes:
    """Stripes and a ramp, one byte a pixel: what is cut, shifted or filled with one value differs from it."""
    return bytes((7 * row + 3 * column) % 256 for row in range(SIDE) for column in range(SIDE))


def synthetic_image(uids: Uids, *, patient_id: str = PATIENT_ID, now: float | None = None) -> bytes:
    """A DICOM file (PS3.10) of a Secondary Capture image (PS3.3, A.8.1), 8-bit grey, Explicit VR Little Endian.

    `now` is the study's date and time, in Unix seconds.
    """
    libraries.load()
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.filewriter import dcmwrite
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(SECONDARY_CAPTURE)
    meta.MediaStorageSOPInstanceUID = UID(uids.instance)
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE_ENDIAN)
    image = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    mark(image, uids, patient_id, PATIENT_NAME, time.time() if now is None else now)
    image.SOPClassUID = SECONDARY_CAPTURE
    image.Modality, image.ConversionType = "OT", "SYN"
    image.PatientOrientation = ""
    image.BurnedInAnnotation = "NO"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = SIDE
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.PixelData = pixels()
    written = BytesIO()
    dcmwrite(written, image, enforce_file_format=True)
    return written.getvalue()


def what_differs(file: bytes, uids: Uids) -> str | None:
    """How a DICOM file that came back differs from our image, or None: whose it is, and every pixel.

    Attributes may have been added or coerced (PS3.18, 10.5.3). It is looked for byte by byte, not parsed: what comes
    from elsewhere may be made to hurt a parser.
    """
    if file[128:132] != b"DICM":
        return f"{len(file)} bytes that are no DICOM file"
    if not _holds(file, 0x0008, 0x0018, (b"UI",), uids.instance.encode("ascii")):
        return "another SOP Instance UID"
    if not _holds(file, 0x7FE0, 0x0010, (b"OB", b"OW"), pixels()):
        match = TRANSFER_SYNTAX.search(file, 132, 1024)
        encoding = match[2].decode("ascii") if match is not None else "unknown"
        return f"the pixels are not those that were stored (transfer syntax {encoding})"
    return None


def _holds(file: bytes, group: int, element: int, kinds: tuple[bytes, ...], value: bytes) -> bool:
    """Whether an element has this value, in Explicit or Implicit VR Little Endian (PS3.5, 7.1.2 and 7.1.3)."""
    tag = group.to_bytes(2, "little") + element.to_bytes(2, "little")
    value += b"\0" * (len(value) % 2)
    long, short = len(value).to_bytes(4, "little"), len(value).to_bytes(2, "little")
    written = [tag + long + value, *(tag + kind + short + value for kind in kinds)]
    written += [tag + kind + b"\0\0" + long + value for kind in kinds]
    return any(each in file for each in written)
