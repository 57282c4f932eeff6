"""A search in a partner's archive, for the kinds that build upon it."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import Iterator
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.net.dicom import dicom_causes
from retabli.net.dicom.association import ASSOCIATION, CONTEXT, Partner
from retabli.net.dicom.find import SEARCH, Answers, climbed_by_find, find
from retabli.net.dicom.syntaxes import STUDY_ROOT_FIND
from tests.net.dicom_partners import accepting, answering, carrying, response
from tests.net.peers import Handler, endless, serving

ASKED = {"QueryRetrieveLevel": "STUDY", "StudyDate": "20230701-20230703", "StudyTime": "", "InstitutionName": ""}


def study(day: int) -> Dataset:
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 100"
    found.StudyDate, found.StudyTime = f"202307{day:02}", "101500"
    found.InstitutionName = "Hôpital d'essai"
    found.ModalitiesInStudy = ["CT", "SR"]
    found.NumberOfStudyRelatedInstances = day
    found.add_new(0x00091001, "UN", b"\x01private")
    return found


@contextlib.contextmanager
def archive(*studies: Dataset, asked: list[Dataset] | None = None) -> Iterator[int]:
    def search(event: Event) -> Iterator[tuple[int, Dataset]]:
        if asked is not None:
            asked.append(event.identifier)
        for each in studies:
            yield 0xFF00, each

    ae = AE("ARCHIVE")
    ae.add_supported_context(STUDY_ROOT_FIND)
    handlers: list[Any] = [(evt.EVT_C_FIND, search)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        for association in ae.active_associations:
            association.join(1)


async def found(port: int, **keys: Any) -> Answers:
    partner = Partner("127.0.0.1", port, "RETABLI", "ARCHIVE")
    return await find(Ladder(climbed_by_find(partner)), partner, {**ASKED, **keys.pop("more", {})}, **keys)


async def fall(handler: Handler) -> tuple[Any, Cause]:
    """Where a search falls, and why."""
    async with serving(handler) as port:
        partner = Partner("127.0.0.1", port, "RETABLI", "ARCHIVE")
        ladder = Ladder(climbed_by_find(partner))
        with contextlib.suppress(Fall, TimeoutError):
            async with asyncio.timeout(0.5):
                await find(ladder, partner, ASKED)
        assert ladder.fallen is not None
        assert ladder.fallen.cause is not None
        return ladder.fallen.stage, ladder.fallen.cause


async def test_every_match_comes_as_text_by_keyword() -> None:
    asked: list[Dataset] = []
    more = {"ModalitiesInStudy": "", "NumberOfStudyRelatedInstances": "", "PatientID": ""}
    with archive(study(1), study(2), asked=asked) as port:
        answers = await found(port, more=more)
    assert answers.whole
    assert [match["StudyDate"] for match in answers.matches] == ["20230701", "20230702"]
    assert answers.matches[1] == {
        "StudyDate": "20230702",
        "StudyTime": "101500",
        "ModalitiesInStudy": "CT\\SR",
        "InstitutionName": "Hôpital d'essai",
        "NumberOfStudyRelatedInstances": "2",
    }
    assert {element.keyword for element in asked[0]} == {*ASKED, *more}
    assert (asked[0].QueryRetrieveLevel, asked[0].StudyDate) == ("STUDY", "20230701-20230703")
    assert not asked[0].StudyTime


async def test_an_archive_without_a_match_gives_none_and_that_is_whole() -> None:
    with archive() as port:
        assert await found(port) == Answers((), whole=True)


async def test_a_search_takes_no_more_than_its_bound_and_says_so() -> None:
    with archive(*(study(day) for day in range(1, 21))) as port:
        answers = await found(port, limit=5)
        assert len(answers.matches) == 5
        assert not answers.whole
        assert (await found(port, limit=20)).whole


async def test_what_is_asked_for_may_be_no_ascii() -> None:
    asked: list[Dataset] = []
    with archive(asked=asked) as port:
        await found(port, more={"InstitutionName": "Hôpital"})
    assert asked[0].InstitutionName == "Hôpital"


async def test_the_rungs_are_those_that_it_says() -> None:
    with archive(study(1)) as port:
        partner = Partner("127.0.0.1", port, "RETABLI", "ARCHIVE")
        ladder = Ladder(climbed_by_find(partner))
        await find(ladder, partner, ASKED)
    result = ladder.finish(beat=0.0, started=0.0)
    assert tuple(rung.stage for rung in result.rungs) == climbed_by_find(partner)
    assert climbed_by_find(partner) == (stages.RESOLVE, stages.CONNECT, ASSOCIATION, CONTEXT, SEARCH)


async def test_a_search_that_fails_says_where() -> None:
    assert await fall(answering(accepting(3))) == (CONTEXT, dicom_causes.ABSTRACT_SYNTAX_UNSUPPORTED)
    assert await fall(answering(accepting(0))) == (SEARCH, dicom_causes.DIMSE_SILENT)
    refused = carrying(response(0x8020, 0x0124))
    assert await fall(answering(accepting(0), b"", refused)) == (SEARCH, dicom_causes.DICOM_NOT_AUTHORISED)


async def test_a_match_that_cannot_be_read_is_garbage() -> None:
    pending = carrying(response(0x8020, 0xFF00, data_set=1)) + carrying(b"\x08\0\x18", control=2)
    assert await fall(answering(accepting(0), b"", pending)) == (SEARCH, causes.GARBAGE)


async def test_answers_without_end_are_too_long() -> None:
    large = b"\x08\0\x81\0" + (16_000).to_bytes(4, "little") + bytes(16_000)
    pending = carrying(response(0x8020, 0xFF00, data_set=1)) + carrying(large, control=2)
    assert await fall(answering(accepting(0), b"", then=endless(pending))) == (SEARCH, causes.TOO_LONG)


async def test_a_value_that_claims_more_than_there_is_takes_no_more_than_there_is() -> None:
    """Two gigabytes of a study's date, of which four bytes came."""
    claimed = b"\x08\0\x20\0\xff\xff\xff\x7f2023"
    pending = carrying(response(0x8020, 0xFF00, data_set=1)) + carrying(claimed, control=2)
    tracemalloc.start()
    try:
        async with serving(answering(accepting(0), b"", pending + carrying(response(0x8020, 0)))) as port:
            with contextlib.suppress(Fall):
                assert all(len("".join(match.values())) < 100 for match in (await found(port)).matches)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
