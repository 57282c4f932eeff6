"""DICOM's numbers for services, kinds of images and encodings, and what people call them (PS3.4, PS3.5)."""

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"

# Storage SOP classes (PS3.4, annex B.5)
STORAGE: dict[str, str] = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
}

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
UNCOMPRESSED = (EXPLICIT, IMPLICIT)  # implicit VR little endian is every partner's (PS3.5, section 10.1)

_NAMES = {VERIFICATION: "C-ECHO", STUDY_ROOT_FIND: "C-FIND", STUDY_ROOT_MOVE: "C-MOVE"} | {
    number: f"{modality} images" for modality, number in STORAGE.items()
}


def name_of(abstract: str) -> str:
    """What people call that service or kind of object; the number itself for one that we do not use."""
    return _NAMES.get(abstract, abstract)
