"""Our own archive, asked which studies of a partner it holds: over the web (QIDO-RS) or by C-FIND.

Of an answer only the dates, the times and the attribute that names the partner are read. An archive asked over the web
adds what the standard has it add (DICOM PS3.18, 10.6.3.3), patients' names among it: that is neither kept nor shown.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import AfterValidator

from retabli.model.ladder import Ladder
from retabli.model.settings import did_you_mean
from retabli.net.dicom.association import Partner
from retabli.net.dicom.dicom_json import STUDY_DATE, STUDY_TIME, text_of, texts_of
from retabli.net.dicom.dicomweb import Visit
from retabli.net.dicom.find import find
from retabli.net.dicom.newest import Page
from retabli.net.dicom.receive_causes import as_our_archives
from retabli.net.dicom.received import Seen

# By which attribute a study may name the partner that it is from: none of these names a person.
TAGS: Mapping[str, str] = {
    "InstitutionName": "00080080",
    "InstitutionalDepartmentName": "00081040",
    "StationName": "00081010",
    "IssuerOfPatientID": "00100021",
    "AccessionNumber": "00080050",
    "StudyDescription": "00081030",
}


def check_attribute(keyword: str) -> str:
    """One of TAGS, by its keyword.

    Raises:
        ValueError: it is none, as a sentence for the operator.
    """
    if keyword not in TAGS:
        raise ValueError(f'"{keyword}" is not one of {", ".join(TAGS)}{did_you_mean(keyword, TAGS)}')
    return keyword


Attribute = Annotated[str, AfterValidator(check_attribute)]


def widened(partner: str, kept: str) -> str:
    """The partner as it is searched for: what is not surely understood stands as `*`. Who is meant is judged of the
    answers (`received.is_of`), so that more of them do no harm.

    `kept` is a class of characters. Over the web these are the ones that need no percent: a widespread archive does
    not decode it, and finds nobody with a blank or an accent in the name. In C-FIND it is ASCII: an accent depends on
    both sides' character sets.
    """
    return re.sub(f"[^{kept}]+", "*", partner.strip())


class ByWeb:
    """Asked by QIDO-RS (PS3.18, 10.6) at the study level."""

    def __init__(self, visit: Visit, partner: str, attribute: str, limit: int) -> None:
        self._visit = visit
        self._partner = partner
        self._tag = TAGS[attribute]
        self._limit = limit

    async def studies(self, first: date, last: date, after: str | None = None) -> Page:
        asked = {
            self._tag: widened(self._partner, "A-Za-z0-9._~*?-"),
            "StudyDate": f"{first:%Y%m%d}-{last:%Y%m%d}",
            "includefield": self._tag,
            "limit": str(self._limit),
        }
        if after is not None:
            asked["StudyTime"] = f"{after}-"
        with self._visit.ladder.told_as(as_our_archives):
            found = await self._visit.query("studies", **asked)
        seen = [
            Seen(
                text_of(dataset, STUDY_DATE),
                text_of(dataset, STUDY_TIME),
                tuple(text for text in texts_of(dataset, self._tag) if text),
            )
            for dataset in found.datasets
        ]
        return Page(seen, found.more or len(seen) >= self._limit)


class ByFind:
    """Asked by C-FIND (PS3.4, C.4.1), each question on an association of its own."""

    def __init__(self, ladder: Ladder, archive: Partner, partner: str, attribute: str, limit: int) -> None:
        self._ladder = ladder
        self._archive = archive
        self._partner = partner
        self._attribute = attribute
        self._limit = limit

    async def studies(self, first: date, last: date, after: str | None = None) -> Page:
        identifier = {
            "QueryRetrieveLevel": "STUDY",
            "StudyDate": f"{first:%Y%m%d}-{last:%Y%m%d}",
            "StudyTime": "" if after is None else f"{after}-",
            self._attribute: widened(self._partner, " -~"),
        }
        with self._ladder.told_as(as_our_archives):
            answers = await find(self._ladder, self._archive, identifier, limit=self._limit)
        seen = []
        for match in answers.matches:
            named = match.get(self._attribute, "")
            seen.append(Seen(match.get("StudyDate"), match.get("StudyTime"), (named,) if named else ()))
        return Page(seen, not answers.whole)
