"""Climbs of the kind `dicom` that several of its tests make."""

from typing import Any

from probes.dicom import Dicom
from retabli.model.result import Result
from tests.climbing import climb, settings
from tests.net.dicom_partners import Archive, a_free_port, accepting, carrying, pdu, response
from tests.net.peers import Handler, serving

STEPS = ("echo", "negotiate", "store", "find", "move")
ECHO_RSP, STORE_RSP, FIND_RSP, MOVE_RSP = 0x8030, 0x8001, 0x8020, 0x8021
HEALTHY = (accepting(0), carrying(response(ECHO_RSP, 0)), pdu(6, bytes(4)))


def partner(port: int, *verify: str, **keys: Any) -> Dicom:
    given = {"host": "127.0.0.1", "called_ae": "ARCHIVE", "verify": list(verify or ("echo",)), "timeout": "5s", **keys}
    return settings(Dicom, port=port, **given)


async def probed(peer: Archive | Handler, *verify: str, deadline: float | None = None, **keys: Any) -> Result:
    if isinstance(peer, Archive):
        with peer.serving() as port:
            return await climb(partner(port, *verify, **keys), deadline=deadline)
    async with serving(peer) as port:
        return await climb(partner(port, *verify, **keys), deadline=deadline)


async def retrieved(archive: Archive, *, deadline: float | None = None, title: str = "US", **keys: Any) -> Result:
    """One whole round with that archive, which knows our receiver as US."""
    with a_free_port() as own:
        archive.destinations.setdefault("US", own)
        given = {"move_to": title, "receive": f"127.0.0.1:{own}", **keys}
        return await probed(archive, *STEPS, deadline=deadline, **given)
