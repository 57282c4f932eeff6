"""The runs that a flow's page shows: read once in a while, within bounds, and given as JSON too."""

import asyncio
import time

import pytest

from retabli.model import causes
from retabli.model.flow import UnitName
from retabli.model.result import Outcome
from retabli.model.states import State
from retabli.store import Past
from retabli.web.past import Recent, unit_past
from tests.view.pictures import NOW, Http, flow, name, picture, result
from tests.web.runs import Shelf, runs_of


async def test_the_runs_of_a_flow_are_read_once_in_a_while_however_many_ask() -> None:
    now = [0.0]
    shelf = Shelf({UnitName("f", "p"): runs_of(Http(), "...")})
    recent = Recent(shelf, clock=lambda: now[0])
    await asyncio.gather(*(recent.of("f") for _ in range(50)))
    now[0] = 4.9
    await recent.of("f")
    assert shelf.reads == 1
    now[0] = 5.1
    await recent.of("f")
    assert shelf.reads == 2


async def test_a_read_that_hangs_keeps_no_page_waiting_and_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retabli.web.past.PATIENCE", 0.05)
    shelf = Shelf(hangs=asyncio.Event())
    recent = Recent(shelf)
    assert await recent.of("f") is None
    began = time.monotonic()
    assert await recent.of("f") is None
    assert time.monotonic() - began < 1
    assert shelf.reads == 1
    assert shelf.hangs is not None
    shelf.hangs.set()
    assert await recent.of("f") is not None


async def test_flows_that_nobody_looks_at_any_more_leave_the_memory() -> None:
    shelf = Shelf()
    recent = Recent(shelf)
    for number in range(200):
        await recent.of(f"f{number}")
    assert len(recent._at_hand) <= 64


async def test_a_run_that_is_not_written_yet_is_the_newest_that_is_shown() -> None:
    fell = result(Http(), Outcome.FAILED, cause=causes.REFUSED, fell=1, at=NOW + 2)
    of = flow("one", probes={"p": Http()})
    shown = picture(of, State.RESTORED, [fell])
    kept = Past({name(of): list(reversed(runs_of(Http(), "...")))}, {})
    past = unit_past(shown.units[0], None, kept)
    assert [run.outcome.value for run in past.runs] == ["ok", "ok", "ok", "failed"]
