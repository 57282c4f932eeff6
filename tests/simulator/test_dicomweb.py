"""The simulated archive: well by default, and each position is what the probes say of it."""

import asyncio
from zoneinfo import ZoneInfo

import pytest

from probes.dicom_receive import DicomReceive
from probes.dicomweb import Dicomweb
from retabli.model.result import Outcome, Result
from simulator.dicomweb import ImageArchive
from simulator.serving import Serving
from tests.climbing import climb, settings

PARTNER = "CLINIQUE SIMULEE"
PARIS = ZoneInfo("Europe/Paris")


def visiting(port: int) -> Dicomweb:
    url = f"http://127.0.0.1:{port}/dicom-web"
    return settings(Dicomweb, url=url, verify=["query", "store", "retrieve"], timeout="1s")


def receiving(port: int, max_age: str = "1m") -> DicomReceive:
    url = f"http://127.0.0.1:{port}/dicom-web"
    return settings(
        DicomReceive, url=url, partner=PARTNER, max_age=max_age, timeout="1s", context={"timezone": "Europe/Paris"}
    )


def seen(result: Result) -> tuple[Outcome, str | None]:
    return result.outcome, result.cause.code if result.cause else None


@pytest.mark.parametrize(
    ("position", "visited", "received"),
    [
        ("answers", (Outcome.OK, None), (Outcome.OK, None)),
        ("full", (Outcome.FAILED, "out_of_resources"), (Outcome.OK, None)),
        ("forbidden", (Outcome.FAILED, "dicomweb_forbidden"), (Outcome.UNKNOWN, "archive_refuses")),
        ("error", (Outcome.FAILED, "http_server_error"), (Outcome.UNKNOWN, "archive_unasked")),
        ("silent", (Outcome.FAILED, "timeout"), (Outcome.UNKNOWN, "archive_unasked")),
    ],
)
async def test_a_position_is_what_the_probes_say_of_it(
    position: str, visited: tuple[Outcome, str | None], received: tuple[Outcome, str | None]
) -> None:
    archive = ImageArchive(PARTNER, PARIS)
    async with Serving(archive.talk) as serving:
        archive.position = position
        assert seen(await climb(visiting(serving.port))) == visited
        assert seen(await climb(receiving(serving.port))) == received


async def test_a_partner_that_falls_silent_is_late_and_is_well_again_when_its_studies_arrive() -> None:
    archive = ImageArchive(PARTNER, PARIS)
    async with Serving(archive.talk) as serving:
        probe = receiving(serving.port, max_age="1h")
        assert seen(await climb(probe)) == (Outcome.OK, None)
        archive.position = "partner_silent"
        assert seen(await climb(probe)) == (Outcome.FAILED, "no_new_study")
        archive.position = "answers"
        assert seen(await climb(probe)) == (Outcome.OK, None)


async def test_the_archive_forgets_its_oldest_images_rather_than_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.dicomweb.MOST_IMAGES", 3)
    archive = ImageArchive(PARTNER, PARIS)
    async with Serving(archive.talk) as serving:
        results = await asyncio.gather(*(climb(visiting(serving.port)) for _ in range(5)))
    assert len(archive.images) == 3
    assert results[-1].outcome is Outcome.OK
