"""How results and reports come to an engine that takes HL7 messages over MLLP."""

from typing import Any

from probes.hl7_mllp import Hl7Mllp
from probes.report_loop import ReportLoop
from tests.climbing import settings
from tests.hostile.grounds import HERE, Grounds, Ready
from tests.hostile.ways import Way
from tests.net.hl7_engines import Engine, acking, write
from tests.net.peers import serving
from tests.report_world import report_world


async def hl7(grounds: Grounds) -> Ready:
    well = await grounds.stack.enter_async_context(serving(Engine(acking("AA"))))
    message = write(grounds.folder)
    return Ready(lambda port: settings(Hl7Mllp, host=HERE, port=port, message=message, timeout=grounds.timeout), well)


async def hl7_tls(grounds: Grounds) -> Ready:
    keys: dict[str, Any] = {"message": write(grounds.folder), "timeout": grounds.timeout, "tls": grounds.trust()}
    return Ready(lambda port: settings(Hl7Mllp, host=HERE, port=port, **keys))


async def report(grounds: Grounds) -> Ready:
    world = await grounds.stack.enter_async_context(report_world(grounds.folder))
    times: dict[str, Any] = {"within": grounds.timeout, "timeout": grounds.timeout}

    def probe(port: int) -> ReportLoop:
        return world.loop(submit={"port": port}, **times)

    return Ready(probe, world.serving.port)


WAYS = (
    Way("hl7_mllp", "hl7_mllp", "mllp", hl7, 1),
    Way("hl7_mllp_tls", "hl7_mllp", "mllp", hl7_tls, 0, tls=True),
    Way("report_loop", "report_loop", "mllp", report, 1),
)
