"""The DICOM JSON model (DICOM PS3.18, annex F), read within bounds. What it holds of patients is never quoted."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.dicom.dicomweb_causes import NOT_DICOM_JSON
from retabli.net.own_threads import in_thread

LARGE = 65_536  # bytes that are taken apart beside the loop rather than in it
MOST_DATA_SETS = 2_000
TAG = re.compile(r"[0-9A-Fa-f]{8}")

Dataset = Mapping[str, Any]

STUDY_DATE = "00080020"
STUDY_TIME = "00080030"
SOP_INSTANCE = "00080018"
PATIENT_ID = "00100020"
STUDY = "0020000D"
SERIES = "0020000E"


async def datasets_in(body: bytes, content_type: str) -> list[Dataset]:
    """The data sets of an answer to a query: a JSON array of objects (PS3.18, F.2); none for an empty body.

    Raises:
        Fall: `not_dicom_json`, `too_long`. The detail quotes type and size alone: the rest may be a patient's.
    """
    if not body.strip():
        return []
    read = await in_thread(_read, body) if len(body) > LARGE else _read(body)
    what = f"{len(body)} bytes of {content_type or 'no type'}"
    if not isinstance(read, list):
        raise Fall(NOT_DICOM_JSON, f"{what}: no array")
    if len(read) > MOST_DATA_SETS:
        raise Fall(causes.TOO_LONG, f"{what}: more than {MOST_DATA_SETS} data sets")
    if not all(is_dataset(each) for each in read):
        raise Fall(NOT_DICOM_JSON, f"{what}: an array of something else than data sets")
    return read


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def read_dataset(body: bytes) -> Dataset | None:
    """One data set, as an answer to a store is; None when it is none."""
    read = _read(body)
    return read if is_dataset(read) else None


def is_dataset(value: object) -> TypeGuard[Dataset]:
    """Whether it is an object of tags, each with its VR (PS3.18, F.2.2)."""
    return isinstance(value, dict) and all(
        TAG.fullmatch(tag) and isinstance(element, dict) and isinstance(element.get("vr"), str)
        for tag, element in value.items()
    )


def text_of(dataset: Dataset, tag: str) -> str | None:
    """The first value of an element as text; None when it has none, or one that is no text or number."""
    values = texts_of(dataset, tag)
    return values[0] if values else None


def texts_of(dataset: Dataset, tag: str) -> list[str]:
    found = _values(dataset, tag)
    return [str(value).strip(" \0") for value in found if isinstance(value, str | int | float)]


def items_of(dataset: Dataset, tag: str) -> list[Dataset]:
    """The items of a sequence."""
    return [item for item in _values(dataset, tag) if is_dataset(item)]


def _values(dataset: Dataset, tag: str) -> Sequence[Any]:
    element = dataset.get(tag) or dataset.get(tag.lower()) or {}
    values = element.get("Value")
    return values if isinstance(values, list) else ()
