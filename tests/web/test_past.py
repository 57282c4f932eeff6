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
from tests.view.pictures import NOW, Http, Smtp, flow, name, picture, result
from tests.web.runs import Shelf, runs_of
from tests.web.serving import serving


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


# As JSON -------------------------------------------------------------------------------------------------------------


async def test_the_history_is_given_as_json_the_newest_first_with_instants_in_utc() -> None:
    shelf = Shelf({UnitName("mail-in", "beacon"): runs_of(Smtp(), "..x")})
    async with serving(history=shelf) as served:
        answer = await served.client.get("/api/v1/flows/mail-in/history?limit=2")
        given = answer.json()
    assert given["flow"] == "mail-in"
    assert [run["outcome"] for run in given["runs"]] == ["failed", "ok"]
    assert given["runs"][0]["at"] == "2023-07-03T08:00:00.000Z"


async def test_the_history_s_instants_are_mapped_where_all_others_are() -> None:
    async with serving(history=Shelf({UnitName("mail-in", "beacon"): runs_of(Smtp(), "..")})) as served:
        served.view.stamp = lambda wall: wall + 86_400.0
        given = (await served.client.get("/api/v1/flows/mail-in/history")).json()
        page = (await served.client.get("/flows/mail-in?lang=en")).text
    assert given["runs"][0]["at"] == "2023-07-04T08:00:00.000Z"
    assert "2023-07-03T" not in page, "not a single instant of the page is one of another world"


async def test_a_history_that_cannot_be_had_is_refused_as_the_api_refuses() -> None:
    async with serving(history=Shelf(refuses=True)) as served:
        for path, status in (
            ("/api/v1/flows/nothing/history", 404),
            ("/api/v1/flows/mail-in/history?limit=0", 400),
            ("/api/v1/flows/mail-in/history?limit=1001", 400),
            ("/api/v1/flows/mail-in/history?limit=ten", 400),
            ("/api/v1/flows/mail-in/history", 503),
        ):
            answer = await served.client.get(path)
            assert answer.status_code == status, path
            assert set(answer.json()) == {"error"}, path
            assert "disk" not in answer.text, "what is wrong with the disk is the log's to say"


async def test_without_a_state_the_history_is_the_latest_run_of_each_unit() -> None:
    async with serving() as served:
        runs = (await served.client.get("/api/v1/flows/websites/history")).json()["runs"]
    assert len(runs) == 12
    assert [run["at"] for run in runs] == sorted((run["at"] for run in runs), reverse=True)


async def test_the_description_of_the_api_knows_the_history() -> None:
    async with serving(history=Shelf({UnitName("mail-in", "beacon"): runs_of(Smtp(), ".")})) as served:
        described = (await served.client.get("/api/v1/openapi.json")).json()
    path = described["paths"]["/api/v1/flows/{id}/history"]["get"]
    assert set(path["responses"]) == {"200", "400", "401", "403", "404", "429", "503"}
    wanted = set(described["components"]["schemas"]["Run"]["required"])
    assert set(result(Smtp()).as_json({"id": "p", "target": None})) == wanted
