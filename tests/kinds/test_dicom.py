"""The kind `dicom`: what holds, and what its settings say."""

import asyncio
import gc
import os
import threading
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from probes.dicom import ECHO, FOUND, NEGOTIATE, RETRIEVED, STORE, Dicom
from retabli.model import stages
from retabli.model.result import Outcome
from retabli.model.stages import Stage
from retabli.net.dicom import dicom_causes
from retabli.net.dicom.association import ASSOCIATION, CONTEXT
from tests.climbing import climb, settings
from tests.kinds.dicom_climbs import (
    STEPS,
    partner,
    probed,
    retrieved,
)
from tests.net.dicom_partners import (
    Archive,
    a_free_port,
)

FIRST = (stages.RESOLVE, stages.CONNECT, ASSOCIATION, CONTEXT)


# What holds ---------------------------------------------------------------------------------------------------------


async def test_an_answered_echo_is_ok() -> None:
    archive = Archive()
    result = await probed(archive)
    assert (result.outcome, result.stage, result.rung, result.of) == (Outcome.OK, ECHO, 5, 5)
    assert archive.asked == ["echo"]


async def test_a_negotiation_proves_what_the_partner_takes_and_sends_nothing() -> None:
    archive = Archive()
    result = await probed(archive, "negotiate")
    assert (result.outcome, result.stage) == (Outcome.OK, NEGOTIATE)
    assert archive.asked == []


async def test_an_image_is_sent_found_and_sent_back() -> None:
    archive = Archive()
    result = await retrieved(archive)
    assert (result.outcome, result.stage, result.rung, result.of) == (Outcome.OK, RETRIEVED, 9, 9), result
    assert archive.asked == ["echo", "store", "find", "move"]
    assert result.whole


async def test_the_image_says_in_every_field_that_it_is_of_nobody() -> None:
    archive = Archive()
    await probed(archive, "store")
    [image] = archive.images.values()
    assert (image.PatientID, str(image.PatientName)) == ("RETABLI-TEST", "RETABLI^TEST")
    assert image.QualityControlImage == "YES"
    assert (image.PatientBirthDate, image.PatientSex) == ("", "")
    assert "NOT OF A PATIENT" in image.ImageComments
    for identifier in (image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID):
        assert identifier.is_valid
        assert identifier.startswith("2.25.")
    assert len(image.PixelData) == image.Rows * image.Columns * 2


async def test_an_archive_that_loses_what_it_takes_is_not_green_by_an_earlier_copy() -> None:
    archive = Archive()
    with archive.serving() as port, a_free_port() as own:
        archive.destinations["US"] = own
        probe = partner(port, *STEPS, move_to="US", receive=f"127.0.0.1:{own}", found_within="300ms")
        assert (await climb(probe)).outcome is Outcome.OK
        archive.forgets = True  # and still answers success
        lost = await climb(probe)
    assert (lost.outcome, lost.stage, lost.cause) == (Outcome.FAILED, FOUND, dicom_causes.IMAGE_NOT_FOUND)


async def test_each_run_sends_an_image_of_its_own_within_one_study() -> None:
    archive = Archive()
    with archive.serving() as port:
        for _ in range(3):
            await climb(partner(port, "store"))
    assert len(archive.images) == 3
    assert len({(each.StudyInstanceUID, each.SeriesInstanceUID) for each in archive.images.values()}) == 1


async def test_where_the_same_image_is_wanted_it_is_sent_until_it_is_renewed() -> None:
    archive = Archive()
    with archive.serving() as port:
        for _ in range(2):
            await climb(partner(port, "store", image="same"))
        assert len(archive.images) == 1
        await climb(partner(port, "store", image="same", calling_ae="OTHER"))
        assert len(archive.images) == 2  # another probe has an image of its own
        for _ in range(2):
            await climb(partner(port, "store", image="same", renew="1ms"))
        assert len(archive.images) == 4


@pytest.mark.parametrize("transfer", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"], ids=["implicit", "explicit"])
async def test_the_partner_chooses_the_encoding(transfer: str) -> None:
    result = await retrieved(Archive(transfers=[transfer]))
    assert result.outcome is Outcome.OK, result


async def test_a_partner_that_holds_the_image_already_has_it() -> None:
    result = await probed(Archive(statuses={"store": 0x0111}), "store", "find")
    assert (result.outcome, result.whole) == (Outcome.OK, True)
    assert result.properties["store_status"] == "0111"


async def test_an_image_that_is_taken_with_a_warning_is_not_whole() -> None:
    result = await probed(Archive(statuses={"store": 0xB007}), "store")
    assert (result.outcome, result.whole, result.cause) == (Outcome.OK, False, dicom_causes.STORED_WITH_WARNING)
    assert result.detail == "B007"
    assert (await probed(Archive(statuses={"store": 0xB000}), "store")).whole  # patients are reconciled everywhere


@pytest.mark.parametrize(
    ("keys", "climbed"),
    [
        ({}, (*FIRST, ECHO)),
        ({"verify": ["negotiate"]}, (*FIRST, NEGOTIATE)),
        ({"verify": ["store", "echo"]}, (*FIRST, ECHO, NEGOTIATE, STORE)),
        ({"verify": [*STEPS]}, (*FIRST, ECHO, NEGOTIATE, STORE, FOUND, RETRIEVED)),
        ({"tls": {"mode": "implicit"}}, (*FIRST[:2], stages.TLS, *FIRST[2:], ECHO)),
    ],
    ids=lambda value: ",".join(value.get("verify", value)) if isinstance(value, dict) else "",
)
def test_the_ladder_follows_the_settings(keys: dict[str, Any], climbed: tuple[Stage, ...]) -> None:
    assert partner(104, **keys).climbs() == climbed if "verify" not in keys else True
    assert settings(Dicom, host="h.test", called_ae="X", **keys).climbs() == climbed


# Ourselves ------------------------------------------------------------------------------------------------------------


async def test_fifty_whole_rounds_leave_no_thread_and_no_descriptor_and_never_block_the_loop() -> None:
    archive = Archive()
    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        probe = partner(port, *STEPS, move_to="US", receive=f"127.0.0.1:{own}")
        await climb(probe)  # what is imported and made once
        before = len(os.listdir("/proc/self/fd"))
        names = {thread.name for thread in threading.enumerate() if "pynetdicom" not in thread.name}
        for number in range(50):
            result = await climb(probe, deadline=0.02 if number % 5 == 4 else None)
            assert result.outcome is Outcome.OK or number % 5 == 4, result
        del result
        gc.collect()
        ours = {
            thread.name
            for thread in threading.enumerate()
            if not thread.name.startswith(("AcceptorThread", "RequestorThread", "AcceptorServer"))
        }
        assert {name for name in ours if not name.startswith("Thread-")} <= names
        deadline = asyncio.get_running_loop().time() + 5
        while len(os.listdir("/proc/self/fd")) > before and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)  # the archive's own ends of the connections
        assert len(os.listdir("/proc/self/fd")) <= before


async def test_a_round_never_blocks_the_loop() -> None:
    archive = Archive()
    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        probe = partner(port, *STEPS, move_to="US", receive=f"127.0.0.1:{own}")
        await climb(probe)
        with blockbuster_ctx():
            result = await climb(probe)
    assert result.outcome is Outcome.OK, result


def test_importing_the_kind_imports_no_heavy_library() -> None:
    import subprocess
    import sys

    code = "import sys, probes.dicom; sys.exit(any(name in sys.modules for name in ('pydicom', 'pynetdicom')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Settings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {"patient_id": "123456"},
        {"patient_name": "DUPONT^JEAN"},
        {"patient_id": "RETABLI\\1"},
        {"calling_ae": "SEVENTEEN LETTERS"},
        {"called_ae": " X"},
        {"called_ae": ""},
        {"move_to": "A\\B"},
        {"receive": "11112"},
        {"receive": "0.0.0.0:0"},
        {"receive": "here.test:11112"},
        {"verify": []},
        {"verify": ["delete"]},
        {"modalities": ["XX"]},
    ],
    ids=str,
)
def test_what_no_partner_or_patient_may_bear_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(Dicom, host="pacs.test", **{"called_ae": "X", **keys})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"verify": ["find"]}, "add store"),
        ({"verify": ["echo", "move"], "move_to": "US", "receive": "0.0.0.0:11112"}, "add store"),
        ({"verify": ["store"], "modalities": ["MR"]}, "add CT"),
        ({"verify": ["store", "move"]}, "move_to"),
        ({"verify": ["store", "move"], "move_to": "US"}, "receive"),
        ({"tls": {"mode": "starttls"}}, "starttls"),
        ({"timeout": "2m"}, "longer than every"),
        ({"renew": "0s"}, "renew"),
        ({"verify": ["store", "find"], "found_within": "10s"}, "found_within"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_together_are_faults(keys: dict[str, Any], said: str) -> None:
    faults = list(settings(Dicom, host="pacs.test", called_ae="X", **keys).faults())
    assert any(said in fault for fault in faults), faults


def test_sound_settings_have_no_faults_and_name_their_opening() -> None:
    probe_keys: dict[str, Any] = {
        "host": "pacs.test",
        "called_ae": "X",
        "verify": [*STEPS],
        "move_to": "US",
        "receive": "[::]:11112",
    }
    probe = settings(Dicom, renew="30s", **probe_keys)
    assert list(probe.faults()) == []
    warnings = " ".join(probe.warnings())
    assert "a new study every 30s fills" in warnings
    assert "2880 images a day" in warnings
    assert "copy" not in warnings
    assert "copy" in " ".join(settings(Dicom, **(probe_keys | {"image": "same"})).warnings())
    assert list(probe.openings()) == [("pacs.test", 104, "tcp")]
