"""However few open files are left, a run judges nobody by it, keeps none of them, and the next one is well."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from probes import kind
from retabli.net.descriptors import KEPT_FROM_PROBES
from tests.climbing import run, settings
from tests.faults.short_of_files import Came, twice
from tests.hostile.cells import SHORT, Said, grounds
from tests.hostile.grounds import Ready
from tests.hostile.ways import Way, every
from tests.kinds.test_ntp import telling, time_server
from tests.net.name_server import name_server
from tests.net.peers import closed_port

PLENTY = KEPT_FROM_PROBES + 200
# None at all; one too few for a probe; one that its connection takes, and none for what comes after.
PROBES_FIND = (0, KEPT_FROM_PROBES, KEPT_FROM_PROBES + 1)


async def climbed(ready: Ready, port: int, left: int) -> Came:
    probe = ready.probe(port)
    target = ready.target(port) if ready.target is not None else None

    async def once() -> str:
        return str(Said.of(await run(probe, target=target, memory=ready.memory)))

    return await twice(left, once)


async def judge(ready: Ready, port: int) -> None:
    usual = await climbed(ready, port, PLENTY)
    assert usual.within == usual.after
    assert usual.open == []
    for left in PROBES_FIND:
        came = await climbed(ready, port, left)
        assert came.within.startswith("unknown") or (left and came.within == usual.within), left
        assert came.after == usual.after, left
        assert came.open == [], left


@pytest.mark.parametrize("way", every(), ids=lambda way: way.name)
async def test_a_run_judges_nobody_keeps_nothing_open_and_is_well_again(way: Way) -> None:
    async with grounds(SHORT) as given:
        ready = await way.ready(given)
        await judge(ready, ready.well or closed_port())


@contextlib.asynccontextmanager
async def dns() -> AsyncIterator[tuple[int, dict[str, Any]]]:
    async with name_server() as server:
        yield server.port, {"name": "chu.test", "resolver": {"nameservers": ["127.0.0.1"], "port": server.port}}


@contextlib.asynccontextmanager
async def ntp() -> AsyncIterator[tuple[int, dict[str, Any]]]:
    async with time_server(telling()) as (port, _):
        yield port, {"host": "127.0.0.1", "port": port}


@contextlib.asynccontextmanager
async def program() -> AsyncIterator[tuple[int, dict[str, Any]]]:
    yield 0, {"command": ["/bin/true"]}


@pytest.mark.parametrize("partner", [("dns", dns), ("ntp", ntp), ("exec", program)], ids=lambda partner: partner[0])
async def test_so_does_one_that_asks_by_datagrams_or_runs_a_program(
    partner: tuple[str, Callable[[], AbstractAsyncContextManager[tuple[int, dict[str, Any]]]]],
) -> None:
    name, serving = partner
    async with serving() as (port, keys):
        await judge(Ready(lambda _: settings(kind(name), **keys)), port)
