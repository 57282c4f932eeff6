"""The kind `dicom` once associated: what the services answer, and images that do not come back."""

import asyncio
import functools
import resource
import socket
from typing import Any

import pytest

from probes.dicom import ECHO, FOUND, RETRIEVED, STORE
from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.result import Outcome
from retabli.model.stages import Stage
from retabli.net.dicom import dicom_causes
from tests.climbing import climb
from tests.kinds.dicom_climbs import (
    FIND_RSP,
    MOVE_RSP,
    STEPS,
    STORE_RSP,
    partner,
    probed,
    retrieved,
)
from tests.net.dicom_partners import (
    Archive,
    a_free_port,
    accepting,
    answering,
    carrying,
    element,
    response,
)
from tests.net.peers import (
    closed_port,
    serving,
    silent,
)
from tests.said import assert_fell

STATUSES = [
    (0x0122, dicom_causes.SOP_CLASS_UNSUPPORTED),
    (0x0124, dicom_causes.DICOM_NOT_AUTHORISED),
    (0xA700, dicom_causes.OUT_OF_RESOURCES),
    (0xA900, dicom_causes.DATA_SET_MISMATCH),
    (0x0110, dicom_causes.DIMSE_FAILED),
    (0x0211, dicom_causes.DIMSE_FAILED),
]
CANNOT_UNDERSTAND = (0xC001, dicom_causes.CANNOT_UNDERSTAND)


@pytest.mark.parametrize(("status", "cause"), [*STATUSES, CANNOT_UNDERSTAND])
async def test_each_status_of_a_storage_has_its_cause(status: int, cause: Cause) -> None:
    result = await probed(Archive(statuses={"store": status}, comment="no room\nleft"), "store")
    assert_fell(result, STORE, cause)
    assert result.detail == f"{status:04X} (no room left)"


@pytest.mark.parametrize(("status", "cause"), [*STATUSES[:2], *STATUSES[4:]])
async def test_each_status_of_an_echo_has_its_cause(status: int, cause: Cause) -> None:
    assert_fell(await probed(Archive(statuses={"echo": status})), ECHO, cause)


BROKEN_OFF = (0xFE00, dicom_causes.SEARCH_BROKEN_OFF)


@pytest.mark.parametrize(("status", "cause"), [*STATUSES, CANNOT_UNDERSTAND, BROKEN_OFF])
async def test_each_status_of_a_search_has_its_cause(status: int, cause: Cause) -> None:
    assert_fell(await probed(Archive(statuses={"find": status}), "store", "find"), FOUND, cause)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        *STATUSES,
        (0xC001, dicom_causes.SUBOPERATIONS_FAILED),
        (0xA702, dicom_causes.SUBOPERATIONS_FAILED),
        (0xA801, dicom_causes.MOVE_DESTINATION_UNKNOWN),
    ],
)
async def test_each_status_of_a_retrieval_has_its_cause(status: int, cause: Cause) -> None:
    result = await retrieved(Archive(statuses={"move": status}))
    assert_fell(result, RETRIEVED, cause)
    assert result.detail == f"{status:04X}; the partner came, sent nothing that was awaited, and left"


@pytest.mark.parametrize(("service", "stage"), [("echo", ECHO), ("store", STORE), ("find", FOUND), ("move", RETRIEVED)])
async def test_an_archive_that_falls_silent_is_told_where(service: str, stage: Stage) -> None:
    result = await retrieved(Archive(hangs=service), deadline=1.5)
    assert_fell(result, stage, dicom_causes.DIMSE_SILENT)
    assert result.seconds < 2


@pytest.mark.parametrize(("service", "stage"), [("echo", ECHO), ("store", STORE), ("find", FOUND), ("move", RETRIEVED)])
async def test_an_archive_that_aborts_is_told_where(service: str, stage: Stage) -> None:
    assert_fell(await retrieved(Archive(aborts=service)), stage, dicom_causes.ASSOCIATION_ABORTED)


async def test_an_image_that_is_taken_and_not_kept_is_not_found() -> None:
    archive = Archive(forgets=True)
    result = await probed(archive, "store", "find", found_within="400ms")
    assert_fell(result, FOUND, dicom_causes.IMAGE_NOT_FOUND)
    assert archive.asked.count("find") >= 2  # it may have been filing it
    assert result.detail == "nothing is found after 0.4 s"


async def test_an_archive_that_answers_with_everything_it_has_does_not_heed_the_question() -> None:
    other = element(0, b"")[:0] + b"\x08\x00\x18\x00\x04\x00\x00\x001.2\0"
    match = carrying(response(FIND_RSP, 0xFF00, message=2, data_set=1), context=3) + carrying(
        other, context=3, control=2
    )
    stored = carrying(response(STORE_RSP, 0))
    few = match + carrying(response(FIND_RSP, 0, message=2), context=3)
    peer = answering(accepting(0, 0), b"", stored, b"", few)
    result = await probed(peer, "store", "find", found_within="0s")
    assert_fell(result, FOUND, dicom_causes.IMAGE_NOT_FOUND)
    assert result.detail.startswith("1 others")
    result = await probed(answering(accepting(0, 0), b"", stored, b"", match * 9), "store", "find")
    assert_fell(result, FOUND, dicom_causes.IMAGE_NOT_FOUND)
    assert "more than 8" in result.detail


# Retrieval ------------------------------------------------------------------------------------------------------------


async def test_a_destination_that_the_archive_does_not_know_is_told() -> None:
    assert_fell(await retrieved(Archive(), title="ELSEWHERE"), RETRIEVED, dicom_causes.MOVE_DESTINATION_UNKNOWN)


async def test_an_archive_that_cannot_reach_us_says_so() -> None:
    assert_fell(
        await retrieved(Archive(destinations={"US": closed_port()})), RETRIEVED, dicom_causes.MOVE_DESTINATION_UNKNOWN
    )


async def test_an_image_that_comes_back_altered_is_told() -> None:
    assert_fell(await retrieved(Archive(alters=True)), RETRIEVED, dicom_causes.IMAGE_ALTERED)


async def test_an_object_that_is_not_ours_is_not_taken() -> None:
    result = await retrieved(Archive(sends="1.2.3.4"))
    assert_fell(result, RETRIEVED, dicom_causes.SUBOPERATIONS_FAILED)
    assert "not ours was sent: 1.2.3.4" in result.detail


async def test_somebody_else_may_not_send_us_anything() -> None:
    result = await retrieved(Archive(sends_as="STRANGER"))
    assert (result.outcome, result.stage) == (Outcome.FAILED, RETRIEVED)
    assert "STRANGER" in result.detail


async def test_an_archive_that_says_it_sent_what_never_comes_is_told() -> None:
    moved = carrying(response(MOVE_RSP, 0, message=2, extra=element(0x1021, b"\1\0")), context=3)
    peer = answering(accepting(0, 0), b"", carrying(response(STORE_RSP, 0)), b"", moved)
    with a_free_port() as own:
        result = await probed(peer, "store", "move", move_to="US", receive=f"127.0.0.1:{own}")
    assert_fell(result, RETRIEVED, dicom_causes.IMAGE_NOT_RETRIEVED)
    assert result.detail == "0000, 1 sent, 0 failed; nobody came to our receiver"


async def test_failed_suboperations_are_told_from_a_failed_retrieval() -> None:
    counted = element(0x1021, b"\0\0") + element(0x1022, b"\1\0")
    moved = carrying(response(MOVE_RSP, 0xB000, message=2, extra=counted), context=3)
    pending = carrying(response(MOVE_RSP, 0xFF00, message=2), context=3)
    peer = answering(accepting(0, 0), b"", carrying(response(STORE_RSP, 0)), b"", pending * 3 + moved)
    with a_free_port() as own:
        result = await probed(peer, "store", "move", move_to="US", receive=f"127.0.0.1:{own}")
    assert_fell(result, RETRIEVED, dicom_causes.SUBOPERATIONS_FAILED)
    assert result.detail == "B000, 0 sent, 1 failed; nobody came to our receiver"


async def test_a_receiver_whose_port_is_taken_cannot_judge() -> None:
    async with serving(silent) as taken:
        result = await probed(
            Archive(destinations={"US": taken}), *STEPS, move_to="US", receive=f"127.0.0.1:{taken}", timeout="900ms"
        )
    assert_fell(result, RETRIEVED, dicom_causes.RECEIVER_TAKEN)


async def test_two_probes_may_share_a_receiver() -> None:
    archive = Archive()
    with a_free_port() as own, archive.serving() as port:
        archive.destinations["US"] = own
        keys: dict[str, Any] = {"move_to": "US", "receive": f"127.0.0.1:{own}"}
        probes = [partner(port, *STEPS, calling_ae=name, **keys) for name in ("ONE", "TWO", "THREE")]
        results = await asyncio.gather(*map(climb, probes))
    assert [result.outcome for result in results] == [Outcome.OK] * 3, results


async def test_what_a_deadline_means_depends_on_what_was_awaited() -> None:
    stored = (accepting(0, 0), b"", carrying(response(STORE_RSP, 0)), b"")
    nothing = carrying(response(FIND_RSP, 0, message=2), context=3)
    searching = await probed(answering(*stored, nothing), "store", "find", found_within="4s", deadline=0.15)
    assert_fell(searching, FOUND, dicom_causes.IMAGE_NOT_FOUND)  # it answered, and was not asked again yet
    moved = carrying(response(MOVE_RSP, 0, message=2), context=3)
    with a_free_port() as own:
        keys: dict[str, Any] = {"move_to": "US", "receive": f"127.0.0.1:{own}", "deadline": 0.3}
        assert_fell(
            await probed(answering(*stored, moved), "store", "move", **keys),
            RETRIEVED,
            dicom_causes.IMAGE_NOT_RETRIEVED,
        )
        assert_fell(await probed(answering(*stored), "store", "move", **keys), RETRIEVED, dicom_causes.DIMSE_SILENT)
    async with serving(silent) as taken:
        keys["receive"] = f"127.0.0.1:{taken}"
        assert_fell(await probed(answering(*stored), "store", "move", **keys), RETRIEVED, dicom_causes.RECEIVER_TAKEN)


async def test_a_place_where_this_machine_cannot_listen_says_nothing_of_the_partner() -> None:
    result = await retrieved(Archive(), receive="192.0.2.7:11112")
    assert_fell(result, RETRIEVED, causes.LOCAL_RESOURCES)
    assert result.detail.startswith("192.0.2.7 port 11112: Cannot assign")


async def test_a_machine_without_descriptors_for_the_image_says_nothing_of_the_partner() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def come_in_vain(own: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with socket.create_connection(("127.0.0.1", own)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (1, most[1]))
            await asyncio.sleep(0.05)  # until our receiver has tried to accept
            resource.setrlimit(resource.RLIMIT_NOFILE, most)
            writer.write(carrying(response(MOVE_RSP, 0xA702, message=2), context=3))
            await reader.read(1)

    stored = (accepting(0, 0), b"", carrying(response(STORE_RSP, 0)), b"", b"")
    try:
        with a_free_port() as own:
            peer = answering(*stored, then=functools.partial(come_in_vain, own))
            result = await probed(peer, "store", "move", move_to="US", receive=f"127.0.0.1:{own}")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert_fell(result, RETRIEVED, causes.LOCAL_RESOURCES)


async def test_a_partner_may_bring_the_image_under_another_title() -> None:
    assert (await retrieved(Archive(sends_as="CARRIER"), move_from="CARRIER")).outcome is Outcome.OK
