"""The kinds `dicomweb` and `dicom_receive` against Orthanc and its DICOMweb plugin. Needs root."""

import contextlib
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trustme

from probes.dicom_receive import DicomReceive
from probes.dicomweb import Dicomweb
from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.result import Outcome, Result
from retabli.net.dicom import dicom_causes, dicomweb_causes, receive_causes
from retabli.net.dicom.association import ASSOCIATION
from retabli.net.dicom.dicomweb import AUTHORISED, GIVEN_BACK, QUERY, STORED
from retabli.net.dicom.newest import NEWEST, RECENT
from retabli.net.web.http_causes import HTTP_CLIENT_ERROR, HTTP_SERVER_ERROR
from tests.climbing import settings
from tests.real.archives import DICOM, PASSWORD, PLUGIN, SECURE, TITLE, USER, WEB, Orthanc, front, orthanc

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        shutil.which("Orthanc") is None or not PLUGIN.exists(), reason="orthanc-dicomweb is not installed"
    ),
]

ALL = ["query", "store", "retrieve"]
PARTNER = "CH PARTENAIRE"
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc() as running:
        yield running


@pytest.fixture
def account(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "password").write_text(PASSWORD)
    return {"user": USER, "password": {"file": "password"}, "context": {"folder": tmp_path}}


def visiting(*verify: str, root: str = "dicom-web", scheme: str = "http", **keys: Any) -> Dicomweb:
    return settings(Dicomweb, url=f"{scheme}://127.0.0.1:{WEB}/{root}/", verify=list(verify) or ["query"], **keys)


def fell(result: Result) -> tuple[Any, Cause | None]:
    return result.stage, result.cause


# dicomweb ------------------------------------------------------------------------------------------------------------


def test_orthanc_is_searched_given_an_image_and_gives_it_back(archive: Orthanc, account: dict[str, Any]) -> None:
    result = archive.climb(visiting(*ALL, **account))
    assert (result.outcome, result.stage, result.rung) == (Outcome.OK, GIVEN_BACK, 8), result
    again = archive.climb(visiting("query", "retrieve", **account))
    assert (again.outcome, again.stage) == (Outcome.OK, GIVEN_BACK), again
    for _ in range(2):
        same = archive.climb(visiting("store", "retrieve", image="same", **account))
        assert same.outcome is Outcome.OK, same


def test_an_empty_orthanc_has_nothing_of_ours(account: dict[str, Any]) -> None:
    with orthanc() as empty:
        assert empty.climb(visiting(**account)).outcome is Outcome.OK
        result = empty.climb(visiting("query", "retrieve", **account))
        assert fell(result) == (GIVEN_BACK, dicomweb_causes.NOTHING_OF_OURS)
        result = empty.climb(visiting("retrieve", study="1.2.3", **account))
        assert fell(result) == (GIVEN_BACK, dicomweb_causes.IMAGE_MISSING)


def test_a_study_of_the_archives_own_is_described_and_not_fetched(archive: Orthanc, account: dict[str, Any]) -> None:
    archive.receive("PHANTOM", datetime(2020, 1, 1, 12, tzinfo=PARIS))
    result = archive.climb(visiting("retrieve", study="2.25.1577876400", **account))
    assert (result.outcome, result.stage) == (Outcome.OK, GIVEN_BACK), result


def test_who_is_not_let_in_learns_why(archive: Orthanc, account: dict[str, Any], tmp_path: Path) -> None:
    assert fell(archive.climb(visiting())) == (AUTHORISED, causes.AUTH_REQUIRED)
    (tmp_path / "password").write_text("wrong")
    assert fell(archive.climb(visiting(**account))) == (AUTHORISED, causes.AUTH_REFUSED)


def test_another_root_or_an_archive_without_the_plugin_has_no_dicomweb(
    archive: Orthanc, account: dict[str, Any]
) -> None:
    assert fell(archive.climb(visiting(root="wado", **account))) == (QUERY, dicomweb_causes.DICOMWEB_ABSENT)
    with orthanc(plugged=False) as bare:
        assert fell(bare.climb(visiting(**account))) == (QUERY, dicomweb_causes.DICOMWEB_ABSENT)
        result = bare.climb(visiting("store", **account))
        assert fell(result) == (STORED, dicomweb_causes.STOW_ABSENT)


def test_orthancs_own_interface_is_no_dicomweb(archive: Orthanc, account: dict[str, Any]) -> None:
    """Its REST interface has /studies too."""
    result = archive.climb(settings(Dicomweb, url=f"http://127.0.0.1:{WEB}", **account))
    assert fell(result) == (QUERY, HTTP_CLIENT_ERROR)


def test_a_frozen_and_a_stopped_orthanc_are_told_apart(account: dict[str, Any]) -> None:
    with orthanc() as archive:
        archive.server.freeze()
        result = archive.climb(visiting(timeout="2s", **account))
        assert fell(result) == (stages.RESPONSE, causes.TIMEOUT)
        archive.server.thaw()
        assert archive.climb(visiting(**account)).outcome is Outcome.OK
        archive.server.stop()
        assert fell(archive.climb(visiting(**account))) == (stages.CONNECT, causes.REFUSED)


def test_an_orthanc_whose_disk_is_full_says_that_it_stored_and_does_not_give_the_image_back(
    account: dict[str, Any],
) -> None:
    """It answers 200 to the store. With its cache in memory it would give the image back for a while, too."""
    with orthanc(disk="200k", MaximumStorageCacheSize=0) as archive:
        assert archive.climb(visiting(*ALL, **account)).outcome is Outcome.OK
        filler = archive.folder / "storage" / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        assert archive.climb(visiting("store", **account)).outcome is Outcome.OK
        result = archive.climb(visiting(*ALL, **account))
        assert fell(result) == (GIVEN_BACK, dicom_causes.IMAGE_ALTERED), result
        assert result.detail == "0 bytes that are no DICOM file"


def test_images_that_are_altered_or_gone_from_the_disk_are_seen(account: dict[str, Any]) -> None:
    with orthanc(MaximumStorageCacheSize=0) as archive:
        assert archive.climb(visiting("store", **account)).outcome is Outcome.OK
        files = [file for file in (archive.folder / "storage").rglob("*") if file.is_file()]
        for file in files:
            content = file.read_bytes()
            if content[128:132] == b"DICM":
                file.write_bytes(content[:-500] + bytes(500))
        result = archive.climb(visiting("query", "retrieve", **account))
        assert fell(result) == (GIVEN_BACK, dicom_causes.IMAGE_ALTERED), result
        for file in files:
            file.unlink()
        result = archive.climb(visiting("query", "retrieve", **account))
        assert (result.outcome, result.stage, result.cause) == (Outcome.FAILED, QUERY, HTTP_SERVER_ERROR), result


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_over_tls_the_certificate_is_judged_and_a_dead_archive_behind_a_living_front_is_seen(
    account: dict[str, Any], authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    url = f"https://127.0.0.1:{SECURE}/dicom-web"
    trusting = settings(Dicomweb, url=url, verify=ALL, tls={"ca": str(ca_file)}, **account)
    with orthanc() as archive, front(archive, tmp_path / "both.pem"):
        result = archive.climb(trusting)
        assert (result.outcome, result.rung) == (Outcome.OK, 9), result
        result = archive.climb(settings(Dicomweb, url=url, **account))
        assert fell(result) == (stages.TLS, causes.CERT_UNKNOWN_CA)
        archive.server.stop()
        result = archive.climb(trusting)
        assert fell(result) == (QUERY, HTTP_SERVER_ERROR)
        assert result.detail.startswith("502")


# dicom_receive -------------------------------------------------------------------------------------------------------


def by_web(account: dict[str, Any], max_age: str = "2h", **keys: Any) -> DicomReceive:
    context = account["context"] | {"timezone": "Europe/Paris"}
    given = {"url": f"http://127.0.0.1:{WEB}/dicom-web", "partner": PARTNER, "max_age": max_age}
    return settings(DicomReceive, **{**given, **account, **keys, "context": context})


def by_find(_: dict[str, Any], max_age: str = "2h", **keys: Any) -> DicomReceive:
    given = {"host": "127.0.0.1", "port": DICOM, "called_ae": TITLE, "partner": PARTNER, "max_age": max_age}
    return settings(DicomReceive, **{**given, **keys}, context={"timezone": "Europe/Paris"})


ROADS = pytest.mark.parametrize("road", [by_web, by_find], ids=["QIDO", "C-FIND"])


@ROADS
def test_a_partners_studies_are_fresh_late_or_were_never_received(road: Any, account: dict[str, Any]) -> None:
    now = datetime.now(PARIS)
    with orthanc() as archive:
        result = archive.climb(road(account))
        assert fell(result) == (NEWEST, receive_causes.NEVER_RECEIVED)
        archive.receive("SOMEBODY ELSE", now)
        archive.receive(PARTNER, now - timedelta(days=3))
        result = archive.climb(road(account))
        assert (result.outcome, *fell(result)) == (Outcome.FAILED, RECENT, receive_causes.NO_NEW_STUDY), result
        archive.receive(PARTNER, now - timedelta(minutes=20))
        result = archive.climb(road(account))
        assert (result.outcome, result.stage) == (Outcome.OK, RECENT), result
        assert archive.climb(road(account, max_age="10m")).cause is receive_causes.NO_NEW_STUDY
        assert archive.climb(road(account, partner="CH PART*")).outcome is Outcome.OK


@ROADS
def test_an_orthanc_that_caps_its_answers_is_asked_until_nothing_newer_comes(
    road: Any, account: dict[str, Any]
) -> None:
    now = datetime.now(PARIS)
    with orthanc(LimitFindResults=2) as archive:
        for minutes in range(100, 30, -10):
            archive.receive(PARTNER, now - timedelta(minutes=minutes))
        result = archive.climb(road(account, max_age="45m"))
        assert result.outcome is Outcome.OK, result
        result = archive.climb(road(account, max_age="39m"))
        assert result.cause is receive_causes.NO_NEW_STUDY, result
        assert "40m ago" in result.detail


@ROADS
def test_an_archive_of_ours_that_is_frozen_or_stopped_says_nothing_of_the_partner(
    road: Any, account: dict[str, Any]
) -> None:
    with orthanc() as archive:
        archive.server.freeze()
        result = archive.climb(road(account, timeout="2s"))
        assert (result.outcome, result.cause) == (Outcome.UNKNOWN, receive_causes.ARCHIVE_UNASKED)
        archive.server.thaw()
        archive.server.stop()
        result = archive.climb(road(account))
        assert (result.outcome, *fell(result)) == (Outcome.UNKNOWN, stages.CONNECT, receive_causes.ARCHIVE_UNASKED)


def test_who_is_not_let_in_by_our_own_archive_says_nothing_of_the_partner(
    account: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("wrong")
    with orthanc(DicomAlwaysAllowFind=False, DicomCheckCalledAet=True) as archive:
        result = archive.climb(by_web(account))
        assert (result.outcome, result.cause) == (Outcome.UNKNOWN, receive_causes.ARCHIVE_LOGIN_REFUSED)
        result = archive.climb(by_find(account))
        assert result.outcome is Outcome.UNKNOWN
        assert result.cause in (receive_causes.ARCHIVE_REFUSES, receive_causes.ARCHIVE_UNASKED), result
        result = archive.climb(by_find(account, called_ae="OTHER"))
        assert fell(result) == (ASSOCIATION, receive_causes.ARCHIVE_REFUSES)
        assert "called_ae_unknown" in result.detail
