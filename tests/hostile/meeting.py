"""How servers are met: one that stands there by itself, or a relay that breaks one turn of a partner that is well."""

from collections.abc import Callable

from retabli.model.result import Result
from tests.hostile.cells import Cell, Meet, run
from tests.hostile.grounds import Grounds
from tests.hostile.tampering import Fault, relay
from tests.hostile.ways import Way
from tests.net.peers import Handler, serving


def alone(way: Way, handler: Callable[[], Handler]) -> Meet:
    """That server is the partner."""

    async def meeting(grounds: Grounds) -> Result:
        ready = await way.ready(grounds)
        port = await grounds.stack.enter_async_context(serving(handler()))
        return await run(way, ready, port)

    return meeting


def between(way: Way, fault: Fault, turn: int) -> Meet:
    """A partner that is well, but for one turn."""

    async def meeting(grounds: Grounds) -> Result:
        ready = await way.ready(grounds)
        assert ready.well is not None, way.name
        port = await grounds.stack.enter_async_context(serving(relay(ready.well, fault, turn)))
        return await run(way, ready, port)

    return meeting


def cell(
    family: str,
    server: str,
    way: Way,
    meet: Meet,
    *,
    heavy: bool = False,
    at: int | None = None,
    denies: bool = False,
) -> Cell:
    name = way.name if at is None else f"{way.name}@{at}"
    return Cell(family, server, name, way.kind, meet, heavy, denies)
