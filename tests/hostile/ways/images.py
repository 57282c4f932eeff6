"""How the kinds of imaging come to an archive: by DICOM associations, and over the web."""

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from probes.dicom import Dicom
from probes.dicom_receive import DicomReceive
from probes.dicomweb import Dicomweb
from simulator.dicomweb import ImageArchive
from simulator.serving import Serving
from tests.climbing import settings
from tests.hostile.grounds import HERE, Grounds, Ready
from tests.hostile.ways import Way
from tests.kinds.dicom_climbs import FIND_RSP, HEALTHY
from tests.kinds.test_dicom_receive import PARTNER, Shelf, ago, by_web
from tests.net.dicom_partners import accepting, answering, carrying, pdu, response
from tests.net.peers import serving

PARIS = "Europe/Paris"


async def dicom(grounds: Grounds) -> Ready:
    well = await grounds.stack.enter_async_context(serving(answering(*HEALTHY)))
    keys: dict[str, Any] = {"called_ae": "ARCHIVE", "verify": ["echo"], "timeout": grounds.timeout}
    return Ready(lambda port: settings(Dicom, host=HERE, port=port, **keys), well)


async def dicom_tls(grounds: Grounds) -> Ready:
    keys: dict[str, Any] = {
        "called_ae": "ARCHIVE",
        "verify": ["echo"],
        "timeout": grounds.timeout,
        "tls": grounds.trust(),
    }
    return Ready(lambda port: settings(Dicom, host=HERE, port=port, **keys))


def _one_match() -> bytes:
    """A study of ten minutes ago, and the end of the search (PS3.4, C.4.1)."""
    made = ago(minutes=10).made
    values = {(0x0008, 0x0020): f"{made:%Y%m%d}", (0x0008, 0x0030): f"{made:%H%M%S}", (0x0008, 0x0080): PARTNER + " "}
    found = b"".join(
        group.to_bytes(2, "little") + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value.encode()
        for (group, number), value in values.items()
    )
    pending = carrying(response(FIND_RSP, 0xFF00, data_set=1)) + carrying(found, control=2)
    return pending + carrying(response(FIND_RSP, 0))


async def receive(grounds: Grounds, *, by_dicom: bool) -> Ready:
    if by_dicom:
        well = await grounds.stack.enter_async_context(serving(answering(accepting(0), _one_match(), pdu(6, bytes(4)))))
    else:
        where = await grounds.stack.enter_async_context(by_web(Shelf([ago(minutes=10)])))
        well = int(where["url"].split(":")[2].partition("/")[0])
    usual = {"partner": PARTNER, "max_age": "2h", "timeout": grounds.timeout}

    def probe(port: int) -> DicomReceive:
        by = {"host": HERE, "port": port, "called_ae": "ARCHIVE"} if by_dicom else {"url": f"http://{HERE}:{port}/x"}
        return settings(DicomReceive, context={"timezone": PARIS}, **usual, **by)

    return Ready(probe, well)


async def dicomweb(grounds: Grounds) -> Ready:
    archive = ImageArchive("CLINIQUE SIMULEE", ZoneInfo(PARIS))
    well = await grounds.stack.enter_async_context(Serving(archive.talk))
    keys: dict[str, Any] = {"verify": ["query", "store", "retrieve"], "timeout": grounds.timeout}
    return Ready(lambda port: settings(Dicomweb, url=f"http://{HERE}:{port}/dicom-web", **keys), well.port)


WAYS = (
    Way("dicom", "dicom", "dicom", dicom, 2),
    Way("dicom_tls", "dicom", "dicom", dicom_tls, 0, tls=True),
    Way("dicom_receive", "dicom_receive", "dicom", partial(receive, by_dicom=True), 2),
    Way("dicom_receive_web", "dicom_receive", "http", partial(receive, by_dicom=False), 1),
    Way("dicomweb", "dicomweb", "http", dicomweb, 3),
)
