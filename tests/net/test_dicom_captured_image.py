"""The synthetic image that goes over the web: sound DICOM, nobody's, and known again when it comes back."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from retabli.net.dicom.captured_image import (
    PATIENT_ID,
    ROOT,
    SIDE,
    fresh_uids,
    is_ours,
    pixels,
    same_uids,
    synthetic_image,
    what_differs,
)
from retabli.net.dicom.marked_image import Uids
from retabli.net.dicom.multipart import first_part, written

CHECKOUT = Path(__file__).parents[2]
NOW = 1_688_371_200.25
UIDS = fresh_uids(PATIENT_ID, NOW)
FILE = synthetic_image(UIDS, now=NOW)


def test_it_is_sound_and_marked_wherever_people_look() -> None:
    image = dcmread(BytesIO(FILE))
    assert image.SOPInstanceUID == image.file_meta.MediaStorageSOPInstanceUID == UIDS.instance
    assert (image.StudyInstanceUID, image.SeriesInstanceUID) == (UIDS.study, UIDS.series)
    assert (image.StudyDate, image.StudyTime, image.TimezoneOffsetFromUTC) == ("20230703", "080000", "+0000")
    assert len(image.PixelData) == image.Rows * image.Columns == SIDE * SIDE
    for keyword in ("PatientID", "PatientName", "StudyDescription", "SeriesDescription", "InstitutionName"):
        assert "RETABLI" in str(image[keyword].value)
    assert image.PatientBirthDate == ""


def test_its_identifiers_lie_under_one_root_and_are_short_enough() -> None:
    for uids in (UIDS, same_uids(PATIENT_ID), fresh_uids("RETABLI-9", 9_999_999_999.0)):
        for uid in (uids.study, uids.series, uids.instance):
            assert len(uid) <= 64
            assert is_ours(uid)
            assert all(part == "0" or not part.startswith("0") for part in uid.split("."))  # PS3.5, 9.1
    assert not is_ours(f"{ROOT}1.2")


def test_a_study_has_one_patient_and_one_day() -> None:
    assert fresh_uids(PATIENT_ID, NOW).study == UIDS.study
    assert fresh_uids("RETABLI-OTHER", NOW).study != UIDS.study
    assert fresh_uids(PATIENT_ID, NOW + 86_400).study != UIDS.study
    assert len({fresh_uids(PATIENT_ID, NOW + number).instance for number in range(1000)}) == 1000
    assert same_uids(PATIENT_ID) == same_uids(PATIENT_ID) != same_uids("RETABLI-OTHER")


def test_it_is_known_again_in_either_encoding_and_with_more_attributes() -> None:
    assert what_differs(FILE, UIDS) is None
    image = dcmread(BytesIO(FILE))
    image.PatientName = "RETABLI^COERCED"
    image.StationName = "ADDED"
    for syntax in (image.file_meta.TransferSyntaxUID, ImplicitVRLittleEndian):
        image.file_meta.TransferSyntaxUID = syntax
        rewritten = BytesIO()
        image.save_as(rewritten, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
        assert what_differs(rewritten.getvalue(), UIDS) is None


@pytest.mark.parametrize(
    ("file", "word"),
    [
        (b"", "no DICOM file"),
        (b"x" * 5000, "no DICOM file"),
        (FILE[:-1], "pixels"),
        (FILE.replace(pixels()[:64], bytes(64)), "1.2.840.10008.1.2.1"),
        (FILE.replace(UIDS.instance.encode(), b"1" * len(UIDS.instance)), "SOP Instance UID"),
        (synthetic_image(Uids(UIDS.study, UIDS.series, same_uids(PATIENT_ID).instance)), "SOP Instance UID"),
        (bytes(128) + b"DICM" + bytes(3000), "SOP Instance UID"),
    ],
)
def test_what_is_not_our_image_is_told(file: bytes, word: str) -> None:
    assert word in (what_differs(file, UIDS) or "")


def test_one_file_travels_as_a_part_and_comes_out_as_it_went_in() -> None:
    content_type, body = written(FILE)
    assert first_part(body, content_type) == FILE
    assert first_part(b"a preamble\r\n" + body + b"an epilogue", content_type) == FILE
    assert first_part(FILE, "application/dicom") == FILE


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--b\r\n\r\nx\r\n--b--", "multipart/related"),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/related; boundary=c"),
        (b"--b\r\nno end of the head", "multipart/related; boundary=b"),
        (b"--b\r\n\r\nno end of the part", "multipart/related; boundary=b"),
        (b"", "multipart/related; boundary=b"),
        (b"", "multipart/related; boundary=\N{SNOWMAN}"),
    ],
)
def test_a_broken_frame_holds_nothing(body: bytes, content_type: str) -> None:
    assert first_part(body, content_type) is None


TOGETHER = """
import asyncio
from retabli.net.dicom import services
from retabli.net.dicom.captured_image import PATIENT_ID, fresh_uids, synthetic_image

async def main():
    uids = fresh_uids(PATIENT_ID)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(services.load())
            group.create_task(asyncio.to_thread(synthetic_image, uids))

asyncio.run(main())
"""


def test_probes_that_need_the_libraries_at_the_same_moment_all_get_them_whole() -> None:
    """Threads that import parts of one package at once are given halves of it: a daemon's first second is just that."""
    done = subprocess.run([sys.executable, "-c", TOGETHER], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


LACKING = """
import os, resource, sys
from retabli.model.ladder import cause_of
from retabli.net.dicom import libraries
from retabli.net.dicom.captured_image import PATIENT_ID, fresh_uids, synthetic_image

before = resource.getrlimit(resource.RLIMIT_NOFILE)
lacking = True

def lack(event, what):
    if lacking and event == "import" and what[0] == sys.argv[1]:
        free = os.open("/", os.O_PATH)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))

sys.addaudithook(lack)
try:
    libraries.load()
except Exception as error:
    print(cause_of(error))
lacking = False
resource.setrlimit(resource.RLIMIT_NOFILE, before)
libraries.load()
from pynetdicom.dsutils import encode
print(len(synthetic_image(fresh_uids(PATIENT_ID))) > 0)
"""


@pytest.mark.parametrize("at", ["pydicom.uid", "pydicom.filewriter"])
def test_libraries_that_were_half_imported_when_files_ran_short_are_whole_the_next_time(at: str) -> None:
    command = [sys.executable, "-c", LACKING, at]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["local_resources", "True"], "")
