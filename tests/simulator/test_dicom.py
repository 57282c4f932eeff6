"""The simulated archive is one: seen by pynetdicom's own client, and by the kind `dicom` in each position."""

import asyncio
import contextlib
import os
import resource
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE

from probes.dicom import Dicom
from retabli.model.ladder import Ladder
from retabli.model.result import Outcome, Result
from retabli.net.dicom.association import Partner
from retabli.net.dicom.find import climbed_by_find, find
from simulator.dicom import CT, FIND, VERIFICATION, DicomArchive
from simulator.serving import Serving
from tests.climbing import climb, settings
from tests.net.dicom_partners import a_free_port

STEPS = ["echo", "negotiate", "store", "find", "move"]


async def probed(archive: DicomArchive, port: int, own: int, **keys: Any) -> Result:
    given = {"verify": STEPS, "move_to": "US", "receive": f"127.0.0.1:{own}", "timeout": "5s", **keys}
    return await climb(settings(Dicom, host="127.0.0.1", port=port, called_ae=archive.title, **given))


async def test_an_image_goes_there_and_back() -> None:
    with a_free_port() as own:
        archive = DicomArchive("PARTNER", {"US": own})
        async with Serving(archive.talk) as serving:
            result = await probed(archive, serving.port, own)
            assert (result.outcome, result.rung, result.of) == (Outcome.OK, 9, 9), result
            assert len(archive.images) == 1
            assert (await probed(archive, serving.port, own, move_to="NOBODY")).cause.code == "move_destination_unknown"  # type: ignore[union-attr]


async def test_a_daemon_with_over_a_thousand_descriptors_takes_no_healthy_partner_for_a_dead_one() -> None:
    """select() knows none above 1023, and pynetdicom's own reactor then takes every partner for one that aborts."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
    with contextlib.ExitStack() as many, a_free_port() as own:
        many.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        for _ in range(1100):
            many.enter_context(Path(os.devnull).open("rb"))
        archive = DicomArchive("PARTNER", {"US": own})
        async with Serving(archive.talk) as serving:
            result = await probed(archive, serving.port, own)
    assert (result.outcome, result.rung) == (Outcome.OK, 9), result


@pytest.mark.parametrize(
    ("position", "stage", "cause"),
    [
        ("not_recognised", "association", "calling_ae_unknown"),
        ("congested", "association", "association_congested"),
        ("silent", "association", "association_silent"),
        ("no_ct", "negotiate", "abstract_syntax_unsupported"),
        ("full", "store", "out_of_resources"),
        ("forgets", "found", "image_not_found"),
    ],
)
async def test_each_position_is_a_fault_of_its_own_and_heals(position: str, stage: str, cause: str) -> None:
    with a_free_port() as own:
        archive = DicomArchive("PARTNER", {"US": own})
        async with Serving(archive.talk) as serving:
            archive.position = position
            result = await probed(archive, serving.port, own, timeout="800ms", found_within="100ms")
            assert (str(result.stage), str(result.cause)) == (stage, cause), result
            archive.position = "accepts"
            assert (await probed(archive, serving.port, own)).outcome is Outcome.OK
            await serving.stop()
            assert str((await probed(archive, serving.port, own)).cause) == "refused"


async def test_a_search_gives_the_studies_of_its_days() -> None:
    archive = DicomArchive("PARTNER")
    for day in (1, 2, 3):
        archive.add_study(datetime(2023, 7, day, 10, 15, tzinfo=UTC), "Partner of the tests")
    async with Serving(archive.talk) as serving:
        partner = Partner("127.0.0.1", serving.port, "RETABLI", archive.title)
        asked = {"QueryRetrieveLevel": "STUDY", "StudyDate": "20230702-", "StudyTime": "", "InstitutionName": ""}
        answers = await find(Ladder(climbed_by_find(partner)), partner, asked)
    assert answers.whole
    assert [(match["StudyDate"], match["StudyTime"]) for match in answers.matches] == [
        ("20230702", "101500"),
        ("20230703", "101500"),
    ]
    assert answers.matches[0]["InstitutionName"] == "Partner of the tests"


async def test_pynetdicoms_own_client_understands_it() -> None:
    archive = DicomArchive("PARTNER")
    archive.add_study(datetime(2023, 7, 3, 9, tzinfo=UTC), "Partner of the tests")

    def ask(port: int) -> tuple[int, int, list[int]]:
        client = AE("CLIENT")
        for abstract in (VERIFICATION, CT, FIND):
            client.add_requested_context(abstract)
        association = client.associate("127.0.0.1", port)
        asked = Dataset()
        asked.QueryRetrieveLevel, asked.StudyDate = "STUDY", "20230703"
        found = [status.Status for status, _ in association.send_c_find(asked, FIND)]
        accepted = len(association.accepted_contexts)
        echoed = association.send_c_echo().Status
        association.release()
        return accepted, echoed, found

    async with Serving(archive.talk) as serving:
        assert await asyncio.to_thread(ask, serving.port) == (3, 0, [0xFF00, 0])
