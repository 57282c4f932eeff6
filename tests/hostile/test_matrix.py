"""Every hostile server by every way that meets it: the cause that it has, in time, cleanly, and with nothing left."""

import asyncio
import re
import sys

import pytest

from retabli.model.result import Outcome
from tests.hostile import servers, ways
from tests.hostile.cells import expected, grounds, run
from tests.hostile.matrix import Held, leftovers, meet_family
from tests.hostile.tampering import Turns, relay
from tests.net.peers import serving

UNPROVEN = {"containment", "containment_page", "containment_says", "mail_in_witness"}  # well, and yet not ok
PEAK = re.compile(r"grew by (\d+) MB")


FAMILIES = [
    pytest.param(family, marks=[pytest.mark.real] if servers.needs_root(family) else [])
    for family in servers.families()
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("family", FAMILIES)
async def test_each_meeting_ends_as_expected_and_leaves_nothing(family: str) -> None:
    before = Held.now()
    met = await meet_family(family)
    assert met
    faults = [fault for each in met for fault in each.wrong]
    assert faults == []
    assert await leftovers(before) == []


@pytest.mark.parametrize("family", servers.families())
def test_what_is_expected_is_met_and_what_is_met_is_expected(family: str) -> None:
    assert set(expected(family)) == {(cell.server, cell.way) for cell in servers.cells_of(family)}


@pytest.mark.parametrize("way", [way for way in ways.every() if way.turns], ids=lambda way: way.name)
async def test_a_partner_that_is_well_is_ok_and_speaks_as_often_as_its_turns_say(way: ways.Way) -> None:
    """Otherwise a turn that is broken would never come, and a cell would show nothing."""
    async with grounds(5.0) as given:
        ready = await way.ready(given)
        assert ready.well is not None
        turns = Turns()
        port = await given.stack.enter_async_context(serving(relay(ready.well, turns=turns)))
        result = await run(way, ready, port)
    assert (result.outcome is Outcome.OK) is (way.name not in UNPROVEN), result
    assert turns.taken >= way.turns


@pytest.mark.timeout(400)
@pytest.mark.real
async def test_the_whole_matrix_costs_little_memory() -> None:
    """In a process of its own, where the flood of one would show: bombs, endless lines, lists without end.

    What the hostile partners hold, up to 32 at once, and all results are counted with it.
    """
    command = (sys.executable, "-m", "tests.hostile", "--memory")
    running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await running.communicate()
    assert running.returncode == 0, said.decode()[-2000:]
    grown = PEAK.search(said.decode())
    assert grown is not None
    assert int(grown[1]) < 100
