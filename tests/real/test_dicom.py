"""The kind `dicom` against Orthanc and dcmtk, in network namespaces: they listen on every interface. Needs root."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.net.peers import client_files
from tests.real.servers import Server
from tests.real.test_firewalls import Namespace

ORTHANC = shutil.which("Orthanc")
DCMTK = shutil.which("storescp")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(ORTHANC is None or DCMTK is None, reason="orthanc or dcmtk is not installed"),
]

PORT, OWN_PORT, SECOND_PORT, NOBODYS_PORT = 11112, 11113, 11114, 11119
STEPS = ["echo", "negotiate", "store", "find", "move"]
OWN = {"calling_ae": "RETABLI", "move_to": "RETABLI_IN", "receive": f"127.0.0.1:{OWN_PORT}"}


@contextmanager
def _network(name: str) -> Iterator[Namespace]:
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        network = Namespace(name)
        network.run("ip", "link", "set", "lo", "up")
        yield network
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    with _network(f"retabli-dicom-{os.getpid()}") as network:
        yield network


@pytest.fixture
def dcmtk_network() -> Iterator[Namespace]:
    """A network of its own, in which nobody has the port yet."""
    with _network(f"retabli-dcmtk-{os.getpid()}") as network:
        yield network


@contextmanager
def serving(network: Namespace, folder: Path, *command: str, port: int = PORT) -> Iterator[Server]:
    """A server of DICOM in that network."""

    def listens() -> bool:
        return bool(network.run("ss", "-Hltn", f"sport = :{port}").strip())

    server = Server(["ip", "netns", "exec", network.name, *command], listens, folder / "log")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def orthanc(network: Namespace, folder: Path, **more: Any) -> Iterator[Server]:
    """Orthanc as ORTHANC, which knows us, two destinations of ours, and somebody who may only echo."""
    narrow = {"AllowStore": False, "AllowFind": False, "AllowMove": False}
    modalities = {
        "us": {"AET": "RETABLI", "Host": "127.0.0.1", "Port": OWN_PORT},
        "back": {"AET": "RETABLI_IN", "Host": "127.0.0.1", "Port": OWN_PORT},
        "dead": {"AET": "DEAD", "Host": "127.0.0.1", "Port": NOBODYS_PORT},
        "narrow": {"AET": "NARROW", "Host": "127.0.0.1", "Port": OWN_PORT, **narrow},
    }
    allowed = {f"DicomAlwaysAllow{what}": False for what in ("Echo", "Store", "Find", "Get", "Move")}
    configuration = {
        "StorageDirectory": str(folder / "images"),
        "IndexDirectory": str(folder / "images"),
        "Plugins": [],
        "HttpServerEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomPort": PORT,
        "DicomCheckCalledAet": True,
        "DicomModalities": modalities,
        **allowed,
        **more,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    port = more.get("DicomPort", PORT)
    with serving(network, folder, str(ORTHANC), str(folder / "orthanc.json"), port=port) as server:
        yield server


@pytest.fixture(scope="module")
def archive(network: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with orthanc(network, tmp_path_factory.mktemp("orthanc")) as server:
        yield server


def climbed(network: Namespace, *verify: str, **keys: Any) -> dict[str, Any]:
    given = {"host": "127.0.0.1", "port": PORT, "called_ae": "ORTHANC", **OWN, **keys}
    return network.climb("dicom", verify=list(verify or STEPS), **given)


def fell(seen: dict[str, Any], stage: str, cause: str) -> None:
    assert (seen["stage"], seen["cause"]) == (stage, cause), seen


# Orthanc --------------------------------------------------------------------------------------------------------------


def test_orthanc_takes_finds_and_sends_back_our_image(network: Namespace, archive: Server) -> None:
    seen = climbed(network)
    assert (seen["outcome"], seen["stage"]) == ("ok", "retrieved"), seen
    assert [rung["stage"] for rung in seen["rungs"]][2:] == [
        "association",
        "context",
        "c_echo",
        "negotiate",
        "store",
        "found",
        "retrieved",
    ]
    network.run("echoscu", "-aet", "RETABLI", "-aec", "ORTHANC", "127.0.0.1", str(PORT))
    query = ["-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=RETABLI-TEST", "-k", "PatientName"]
    found = network.run("sh", "-c", f"findscu -S -aet RETABLI -aec ORTHANC {' '.join(query)} 127.0.0.1 {PORT} 2>&1")
    assert found.count("[RETABLI^TEST") == 1, found


def test_orthanc_takes_every_kind_of_image_of_ours(network: Namespace, archive: Server) -> None:
    seen = climbed(network, "negotiate", modalities=["CT", "MR", "CR", "DX", "MG", "US", "XA", "NM", "PT", "SC"])
    assert seen["outcome"] == "ok", seen


def test_orthanc_rejects_whom_it_does_not_know(network: Namespace, archive: Server) -> None:
    fell(climbed(network, "echo", calling_ae="STRANGER"), "association", "calling_ae_unknown")


def test_orthanc_rejects_whoever_calls_it_by_another_name(network: Namespace, archive: Server) -> None:
    fell(climbed(network, "echo", called_ae="OLDNAME"), "association", "called_ae_unknown")


def test_orthanc_aborts_the_storage_of_whoever_may_only_echo(network: Namespace, archive: Server) -> None:
    assert climbed(network, "echo", calling_ae="NARROW")["outcome"] == "ok"
    fell(climbed(network, "echo", "store", calling_ae="NARROW"), "store", "association_aborted")


@pytest.mark.parametrize("destination", ["NOWHERE", "DEAD"])
def test_orthanc_cannot_send_to_a_destination_unknown_or_dead(
    network: Namespace, archive: Server, destination: str
) -> None:
    seen = climbed(network, move_to=destination)
    fell(seen, "retrieved", "suboperations_failed")
    assert seen["detail"] == "C000; nobody came to our receiver"


def test_an_orthanc_that_answers_before_it_sends_is_waited_for(network: Namespace, tmp_path: Path) -> None:
    with orthanc(network, tmp_path, DicomPort=SECOND_PORT, SynchronousCMove=False):
        seen = climbed(network, port=SECOND_PORT)
    assert (seen["outcome"], seen["stage"]) == ("ok", "retrieved"), seen


def test_an_orthanc_that_is_frozen_is_told_from_one_that_is_stopped(network: Namespace, tmp_path: Path) -> None:
    with orthanc(network, tmp_path, DicomPort=SECOND_PORT) as server:
        server.freeze()
        seen = climbed(network, "echo", port=SECOND_PORT, timeout="700ms")
        server.thaw()
        fell(seen, "association", "association_silent")
        assert seen["side"] == "partner_down"
        assert climbed(network, "echo", port=SECOND_PORT)["outcome"] == "ok"
        server.stop()
        fell(climbed(network, "echo", port=SECOND_PORT), "connect", "refused")


def test_a_firewall_that_drops_what_comes_back_is_silence_on_the_retrieval(network: Namespace, archive: Server) -> None:
    """Orthanc waits for our receiver, which nothing reaches; we wait for Orthanc."""
    network.refuse(f"tcp dport {OWN_PORT} drop")
    try:
        seen = climbed(network, timeout="3s")
    finally:
        network.run("nft", "flush", "ruleset")
    fell(seen, "retrieved", "dimse_silent")
    assert seen["detail"] == "nobody came to our receiver"


def test_a_port_on_which_we_may_not_listen_says_nothing_of_the_partner(
    network: Namespace, archive: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as own:
        own.delenv("PYTEST_CURRENT_TEST")  # what it reaches is noted in a folder that nobody may write to
        seen = climbed(network, receive="127.0.0.1:113", as_nobody=True)
    assert (seen["outcome"], seen["stage"], seen["cause"]) == ("unknown", "retrieved", "local_permission"), seen


# Orthanc over TLS -----------------------------------------------------------------------------------------------------


def test_orthanc_over_mutual_tls(network: Namespace, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("localhost")
    (tmp_path / "orthanc.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(tmp_path / "orthanc.key")
    for folder in ("good", "bad"):
        (tmp_path / folder).mkdir()
    good = client_files(authority.issue_cert("probe.test"), tmp_path / "good")
    bad = client_files(stranger.issue_cert("probe.test"), tmp_path / "bad")
    tls = {"ca": str(tmp_path / "ca.pem")}
    options = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(tmp_path / "orthanc.pem"),
        "DicomTlsPrivateKey": str(tmp_path / "orthanc.key"),
        "DicomTlsTrustedCertificates": str(tmp_path / "ca.pem"),
        "DicomPort": SECOND_PORT,
    }
    steps = ["echo", "negotiate", "store", "find"]
    with orthanc(network, tmp_path, **options):
        keys = {"host": "localhost", "port": SECOND_PORT}
        seen = climbed(network, *steps, **keys, tls={**tls, **good})
        assert (seen["outcome"], seen["stage"]) == ("ok", "found"), seen
        assert climbed(network, "echo", **keys, tls=tls)["cause"] == "client_cert_missing"
        assert climbed(network, "echo", **keys, tls={**tls, **bad})["cause"] == "client_cert_refused"
        seen = climbed(network, "echo", **keys)
        assert seen["stage"] == "association"
        assert seen["cause"] in ("dicom_over_tls", "closed_without_answer"), seen


def test_orthanc_in_clear_is_not_tls(network: Namespace, archive: Server) -> None:
    seen = climbed(network, "echo", tls={"mode": "implicit"})
    assert seen["stage"] == "tls"
    assert seen["cause"] in ("not_tls", "closed_early", "reset"), seen


# dcmtk ----------------------------------------------------------------------------------------------------------------


def storescp(network: Namespace, folder: Path, *options: str) -> Any:
    return serving(network, folder, str(DCMTK), "-od", str(folder), "-aet", "STORE", *options, str(PORT))


def test_storescp_takes_our_image_and_offers_no_search(dcmtk_network: Namespace, tmp_path: Path) -> None:
    with storescp(dcmtk_network, tmp_path):
        seen = climbed(dcmtk_network, "echo", "negotiate", "store", called_ae="STORE")
        assert (seen["outcome"], seen["stage"]) == ("ok", "store"), seen
        [stored] = tmp_path.glob("CT.2.25.*")
        dumped = subprocess.run(["dcmdump", str(stored)], check=True, capture_output=True, text=True).stdout
        assert "[RETABLI-TEST]" in dumped
        fell(climbed(dcmtk_network, "store", "find", called_ae="STORE"), "found", "abstract_syntax_unsupported")


@pytest.mark.parametrize(
    ("options", "stage", "cause"),
    [
        (["--refuse"], "association", "association_refused"),
        (["--abort-after"], "store", "association_aborted"),
        (["--abort-during"], "store", "association_aborted"),
        (["--sleep-during", "9"], "store", "dimse_silent"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_storescp_that_refuses_aborts_or_sleeps(
    dcmtk_network: Namespace, tmp_path: Path, options: list[str], stage: str, cause: str
) -> None:
    with storescp(dcmtk_network, tmp_path, *options):
        fell(climbed(dcmtk_network, "echo", "store", called_ae="STORE", timeout="1500ms"), stage, cause)


def test_storescp_on_a_full_disk_is_out_of_resources(dcmtk_network: Namespace, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(tmp_path / "full")], check=True)
    try:
        with storescp(dcmtk_network, tmp_path, "-od", str(tmp_path / "full")):
            seen = climbed(dcmtk_network, "echo", "store", called_ae="STORE")
    finally:
        subprocess.run(["umount", str(tmp_path / "full")], check=True)
    fell(seen, "store", "out_of_resources")


CONFIGURATION = """
NetworkTCPPort  = {port}
MaxPDUSize      = 16384
MaxAssociations = 16
HostTable BEGIN
us   = (RETABLI, localhost, {own})
back = (RETABLI_IN, localhost, {own})
dead = (DEAD, localhost, {nobodys})
all  = us, back, dead
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
ARCHIVE {folder} RW (9, 64mb) all
AETable END
"""


def test_dcmqrscp_for_the_whole_ladder_and_its_faults(dcmtk_network: Namespace, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    text = CONFIGURATION.format(port=PORT, own=OWN_PORT, nobodys=NOBODYS_PORT, folder=tmp_path / "images")
    (tmp_path / "dcmqrscp.cfg").write_text(text)
    with serving(dcmtk_network, tmp_path, "dcmqrscp", "-c", str(tmp_path / "dcmqrscp.cfg")):
        seen = climbed(dcmtk_network, called_ae="ARCHIVE")
        assert (seen["outcome"], seen["stage"]) == ("ok", "retrieved"), seen
        fell(climbed(dcmtk_network, called_ae="ARCHIVE", move_to="NOWHERE"), "retrieved", "move_destination_unknown")
        fell(climbed(dcmtk_network, called_ae="ARCHIVE", move_to="DEAD"), "retrieved", "suboperations_failed")
        fell(climbed(dcmtk_network, "echo", called_ae="OLDNAME"), "association", "called_ae_unknown")
        stranger = climbed(dcmtk_network, "echo", called_ae="ARCHIVE", calling_ae="STRANGER")
        fell(stranger, "association", "called_ae_unknown")  # it says so of a stranger too
