"""The synthetic image that goes by C-STORE: a CT slice of nobody, marked wherever a person reads."""

import uuid
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retabli.model import causes
from retabli.model.ladder import Fall, cause_of
from retabli.net.dicom import data_sets
from retabli.net.dicom.marked_image import Uids, mark
from retabli.net.dicom.syntaxes import STORAGE

if TYPE_CHECKING:
    from pydicom import Dataset

CT = STORAGE["CT"]
SIDE = 64  # pixels
OWN = uuid.UUID("7f3a0c5e-6d0b-4f6e-9a51-3f0d7c1b2a94")  # the fixed root of every UID that we make


def uid(*parts: object) -> str:
    """A UID of ours, always the same for the same parts: `2.25.` and a name-based UUID (PS3.5, annex B.2)."""
    return f"2.25.{uuid.uuid5(OWN, '|'.join(map(str, parts))).int}"


@dataclass(frozen=True, slots=True)
class SyntheticImage:
    """One image: which it is, whose it claims to be, and when it was made (Unix seconds)."""

    uids: Uids
    patient_id: str
    patient_name: str
    made_at: float

    @property
    def keys(self) -> dict[str, str]:
        """What finds this very image in the study root (PS3.4, annex C.6.2.1)."""
        return {
            "QueryRetrieveLevel": "IMAGE",
            "StudyInstanceUID": self.uids.study,
            "SeriesInstanceUID": self.uids.series,
            "SOPInstanceUID": self.uids.instance,
        }

    @property
    def pixels(self) -> bytes:
        """Sixteen bits each: a cross on a checkered ground that no scanner makes."""
        rows = (
            (1000 if x in (y, SIDE - 1 - y) else 600 if (x // 8 + y // 8) % 2 else 300)
            for y in range(SIDE)
            for x in range(SIDE)
        )
        return b"".join(value.to_bytes(2, "little") for value in rows)

    def encoded(self, transfer: str) -> bytes:
        """The data set as a C-STORE carries it, in that transfer syntax (uncompressed, little endian)."""
        return data_sets.written(self._data_set(), transfer)

    def is_in(self, data: bytes, transfer: str) -> bool:
        """Whether that data set is this image, by its identifiers and its pixels.

        Raises:
            Fall, OSError: our own machine lacked what it takes to read it.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = data_sets.read(data, transfer)
                instance, pixels = str(found.SOPInstanceUID), bytes(found.PixelData)
        except Exception as error:
            if isinstance(error, (Fall, *data_sets.unreadable())) and cause_of(error) is not causes.LOCAL_RESOURCES:
                return False
            raise  # whatever it is, we could not read it
        return instance == self.uids.instance and pixels == self.pixels

    def _data_set(self) -> "Dataset":
        """The modules of a CT image that are mandatory (PS3.3, table A.3-1); what is unknown stays empty."""
        from pydicom import Dataset

        image = Dataset()
        mark(image, self.uids, self.patient_id, self.patient_name, self.made_at)
        image.SOPClassUID, image.Modality = CT, "CT"
        image.AcquisitionNumber = image.KVP = None
        image.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        image.PatientPosition = "HFS"
        image.FrameOfReferenceUID, image.PositionReferenceIndicator = self.uids.series, ""
        image.PixelSpacing, image.SliceThickness = [1, 1], 1
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 0]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.Rows = image.Columns = SIDE
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
        image.RescaleIntercept, image.RescaleSlope = 0, 1
        image.PixelData = self.pixels
        return image


def synthetic_image(
    patient_id: str, patient_name: str, now: float, renew: float, *between: object, only: str = ""
) -> SyntheticImage:
    """An image of the study of this period of `renew` seconds, by Unix time; `between` tells its users apart.

    `only`: whose image it is within that study. Without it the identifiers follow from the others alone, and whoever
    stores it again stores the same.
    """
    period = int(now // renew)
    study = (patient_id, *between, renew, period)
    uids = Uids(uid("study", *study), uid("series", *study), uid("instance", *study, only))
    return SyntheticImage(uids, patient_id, patient_name, period * renew)
