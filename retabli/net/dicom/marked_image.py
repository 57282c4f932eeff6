"""What every synthetic image says of itself, of whatever kind it is: which one it is, and that it is of no patient."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from retabli.net.dicom.dicom_settings import MARK

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, slots=True)
class Uids:
    """Which image it is: its study, series and instance."""

    study: str
    series: str
    instance: str


def mark(image: "Dataset", uids: Uids, patient_id: str, patient_name: str, made_at: float) -> None:
    """Give it the attributes of its patient, study and series (PS3.3, C.7.1 to C.7.3), marked wherever people look.

    `made_at` is Unix seconds. What no patient has stays empty.
    """
    made = datetime.fromtimestamp(made_at, UTC)
    image.SpecificCharacterSet = "ISO_IR 100"
    image.TimezoneOffsetFromUTC = "+0000"
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = uids.study, uids.series, uids.instance
    image.StudyDate = image.SeriesDate = image.ContentDate = made.strftime("%Y%m%d")
    image.StudyTime = image.SeriesTime = image.ContentTime = made.strftime("%H%M%S")
    image.PatientID, image.PatientName = patient_id, patient_name
    image.PatientBirthDate = image.PatientSex = ""
    image.AccessionNumber = image.ReferringPhysicianName = ""
    image.StudyID = image.InstitutionName = image.Manufacturer = MARK
    image.StudyDescription = image.SeriesDescription = f"{MARK} SYNTHETIC IMAGE - NOT A PATIENT"
    image.ImageComments = "SYNTHETIC TEST IMAGE, NOT OF A PATIENT"
    image.QualityControlImage = "YES"
    image.SeriesNumber = image.InstanceNumber = 1
