"""Whatever falls within a step before the store has taken it: the step is undone, and what was due is told once."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from retabli.alerts import teller
from retabli.alerts.routes import Route
from retabli.model.flow import Flow
from retabli.model.record import Event, FlowPicture
from retabli.model.states import Intent, State
from retabli.paging import Following
from retabli.pipeline import Pipeline, live_flows, taking_up
from retabli.pipeline import pipeline as pipeline_module
from retabli.pipeline.writing import Writing
from retabli.store import Store, StoreFailed
from retabli.store import store as store_module
from retabli.store import writer as writer_module
from tests.restoration.worlds import TELL, Asked, Memory, World, flow
from tests.store.making import sql

PLACES = {
    "the words of the message": (teller, "compose"),
    "the standing as values": (pipeline_module, "dump_standing"),
    "the unit's record as values": (pipeline_module, "dump_record"),
    "the kept result as a row": (store_module, "as_row"),
    "the row of the log": (store_module, "as_line"),
    "the message for the outbox": (store_module, "encoded"),
    "the work for the writer": (writer_module, "Work"),
}
anywhere = pytest.mark.parametrize("place", PLACES)


@asynccontextmanager
async def daemon(path: Path, *flows: Flow, now: float = 1000.0) -> AsyncIterator[World]:
    """A life of the pipeline over the state in this file; `now` in monotonic seconds."""
    store = Store.open(path)
    world = World(*flows, now=now, wall=1_000_000.0 + now)
    world.pipeline = Pipeline(store, [world.shown], Asked(world), clock=lambda: world.now, wall=lambda: world.wall_time)
    found = store.load()
    try:
        await world.pipeline.begin(world.flows, found.standings, found.units, dict.fromkeys(world.flows, "same"))
        yield world
    finally:
        await store.close()


def told(path: Path, of: str = "mail-out") -> list[str]:
    """The statuses of what is in the outbox, in turn."""
    return [
        json.loads(body)["status"]
        for flow, body in sql(path, "SELECT flow, body FROM outbox ORDER BY id")
        if flow == of
    ]


def logged(path: Path, event: Event, of: str | None = "mail-out") -> list[dict[str, Any]]:
    rows = sql(path, "SELECT event, flow, data FROM log ORDER BY number")
    return [json.loads(data) for found, flow, data in rows if (found, flow) == (event.value, of)]


def states(path: Path, of: str = "mail-out") -> list[str]:
    return [row["now"] for row in logged(path, Event.STATE, of)]


def falls_once(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, at: int = 1) -> None:
    """For want of memory, at this call of it."""
    real: Callable[..., Any] = getattr(module, name)
    left = itertools.count(at, -1)

    def falling(*given: Any, **more: Any) -> Any:
        if next(left) > 1:
            return real(*given, **more)
        monkeypatch.setattr(module, name, real)
        raise MemoryError

    monkeypatch.setattr(module, name, falling)


# A page and its end ---------------------------------------------------------------------------------------------------


@anywhere
async def test_a_page_whose_step_fell_is_told_once_by_the_sweep_with_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow(soak=0)) as world:
        await world.ok(3)
        await world.fail(2)
        falls_once(monkeypatch, *PLACES[place])
        await world.fail()
        assert (told(path), states(path)) == ([], ["recovering", "restored"])
        assert world.state() is State.RESTORED
        await world.pass_time(5.1)
        assert (told(path), states(path)) == (["firing"], ["recovering", "restored", "dropped"])
        assert world.state() is State.DROPPED
        await world.fail(3, apart=30.0)
        world_now = world.now
    async with daemon(path, flow(soak=0), now=world_now) as world:
        await world.fail(3, apart=30.0)
        assert world.picture().standing.drops == 1
    assert (told(path), states(path)) == (["firing"], ["recovering", "restored", "dropped"])
    assert len(logged(path, Event.PAGE)) == 1
    assert len(sql(path, "SELECT at FROM results")) == 12  # each run once


@anywhere
async def test_the_next_result_tells_it_if_that_is_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow(soak=0)) as world:
        await world.ok(3)
        await world.fail(2)
        falls_once(monkeypatch, *PLACES[place])
        await world.fail(2)
        assert (told(path), states(path)[-1]) == (["firing"], "dropped")
        await world.restore()
    assert (told(path), states(path)[2:]) == (["firing", "resolved"], ["dropped", "recovering", "restored"])


@anywhere
async def test_a_restart_before_that_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow(soak=0)) as world:
        await world.ok(3)
        await world.fail(2)
        falls_once(monkeypatch, *PLACES[place])
        await world.fail()
    async with daemon(path, flow(soak=0), now=1001.0) as world:
        assert world.state() is State.DROPPED
        await world.fail(3, apart=30.0)
    assert (told(path), states(path)) == (["firing"], ["recovering", "restored", "dropped"])


@anywhere
async def test_the_end_of_a_page_whose_step_fell_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow(soak=0)) as world:
        await world.ok(3)
        await world.fail(3)
        await world.ok(2)
        falls_once(monkeypatch, *PLACES[place])
        await world.ok()
        assert (told(path), states(path)[-1]) == (["firing"], "recovering")
        await world.pass_time(5.1)
        await world.ok(3, apart=30.0)
    assert (told(path), states(path)[-2:]) == (["firing", "resolved"], ["recovering", "restored"])
    assert len(logged(path, Event.RESOLVE)) == 1


async def test_a_round_that_ended_in_a_step_that_fell_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await World(flow(soak=0, units=2)).begin()
    for _ in range(3):
        await world.ok(unit="p0")
        await world.ok(unit="p1")
    await world.ok(unit="p0", whole=False)
    before = world.memory.standings["mail-out"]["rounds"]
    falls_once(monkeypatch, pipeline_module, "dump_standing")
    await world.ok(unit="p1")
    restarted = await world.restart()
    for each in (world, restarted):
        await each.pass_time(5.1)
        assert "".join("+" if whole else "-" for whole in each.picture().standing.rounds) == before + "-"


async def test_a_flow_that_goes_on_falling_is_looked_at_again_and_no_other_waits_for_it() -> None:
    world = World(flow("bad", soak=0), flow(soak=0))

    class Defect(teller.Teller):
        def follow(self, picture: FlowPicture, **more: Any) -> Following:
            if picture.flow.id == "bad":
                raise ValueError("nobody foresaw this")
            return super().follow(picture, **more)

    await world.begin()
    for of in world.flows:
        await world.ok(3, of=of)
    world.use(Defect(TELL.letterhead, TELL.channels))
    for of in world.flows:
        await world.fail(2, of=of)
    await world.pass_time(3600)
    await world.fail(of="bad")
    await world.fail()
    assert (world.pages("bad"), world.pages()) == (0, 1)
    world.use(TELL)
    await world.pass_time(5.1)
    assert (world.pages("bad"), world.pages()) == (1, 1)


# Time alone -----------------------------------------------------------------------------------------------------------


async def test_a_flow_that_fell_in_the_sweep_is_swept_again_and_the_others_are_swept_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await World(flow("first", soak=0), flow("second", soak=0)).begin()
    for of in world.flows:
        await world.ok(3, of=of)
    falls_once(monkeypatch, pipeline_module, "advance")
    await world.pass_time(91)
    assert {world.state(of) for of in world.flows} == {State.RESTORED, State.UNKNOWN}
    await world.pass_time(5.1)
    assert {world.state(of) for of in world.flows} == {State.UNKNOWN}
    assert all(world.states_logged(of).count("unknown") == 1 for of in world.flows)


async def test_a_reminder_whose_step_fell_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    duty = Route.model_validate({"states": ["dropped"], "to": ["duty"], "remind": "30m"})
    async with daemon(path, flow(soak=0)) as world:
        world.use(teller.Teller(TELL.letterhead, TELL.channels, [duty]))
        await world.ok(3)
        await world.fail(3)
        falls_once(monkeypatch, store_module, "encoded")
        await world.pass_time(1801)
        assert told(path) == ["firing"]
        for _ in range(60):
            await world.pass_time(5.1)
    assert told(path) == ["firing", "reminder"]


# Others that move with it ---------------------------------------------------------------------------------------------


async def test_a_child_that_falls_keeps_neither_its_parent_nor_its_siblings_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    children = [f"c{number}" for number in range(4)]
    flows = [flow("net", soak=0), *(flow(each, soak=0, parents=("net",)) for each in children)]
    async with daemon(path, *flows) as world:
        for of in world.flows:
            await world.ok(3, of=of)
        for of in world.flows:
            await world.fail(3, of=of)
        assert [told(path, of) for of in children] == [[]] * 4
        await world.ok(2, of="net")
        falls_once(monkeypatch, pipeline_module, "dump_standing", at=3)  # net's, c0's, c1's: what c1 is told is noted
        await world.ok(of="net")
        assert states(path, "net")[-1] == "restored"
        assert [told(path, of) for of in children] == [["firing"], [], ["firing"], ["firing"]]
        await world.pass_time(5.1)
        assert [told(path, of) for of in children] == [["firing"]] * 4
        for of in children:
            await world.fail(3, of=of, apart=5.0)
    assert [told(path, of) for of in children] == [["firing"]] * 4
    assert told(path, "net") == ["firing", "resolved"]


@pytest.mark.parametrize("place", [(store_module, "encoded"), (Writing, "take")], ids=["its words", "its parts"])
async def test_children_that_were_to_be_told_in_a_transaction_that_fell_are_told_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    path = tmp_path / "state.db"
    flows = [flow("net", soak=0), flow("a", soak=0, parents=("net",)), flow("b", soak=0, parents=("net",))]
    async with daemon(path, *flows) as world:
        for of in world.flows:
            await world.ok(3, of=of)
        for of in world.flows:
            await world.fail(3, of=of)
        await world.ok(2, of="net")
        falls_once(monkeypatch, *place)
        await world.ok(of="net")
        assert [told(path, of) for of in world.flows] == [["firing"], [], []]
        assert states(path, "net")[-1] == "recovering"
        await world.pass_time(5.1)
        assert [told(path, of) for of in world.flows] == [["firing", "resolved"], ["firing"], ["firing"]]


@asynccontextmanager
async def a_child_that_waits(path: Path) -> AsyncIterator[World]:
    """It is down, and is told of once its parent's first failure is refuted."""
    async with daemon(path, flow("net", soak=0), flow(soak=0, parents=("net",))) as world:
        for of in world.flows:
            await world.ok(3, of=of)
        await world.fail(of="net")
        await world.fail(3)
        yield world


async def test_a_child_that_waited_for_a_parent_s_confirmation_is_told_with_the_next_though_nothing_else_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    async with a_child_that_waits(path) as world:
        falls_once(monkeypatch, store_module, "encoded")
        await world.ok(of="net")
        assert told(path) == []
        await world.pass_time(5.1)
        assert told(path) == ["firing"]


async def test_a_child_that_is_to_be_looked_at_again_still_is_when_another_step_that_judged_it_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    async with a_child_that_waits(path) as world:
        falls_once(monkeypatch, teller, "compose")
        await world.ok(of="net")
        falls_once(monkeypatch, store_module, "as_row")
        await world.fail(of="net")
        await world.ok(of="net")
        assert told(path) == []
        await world.pass_time(5.1)
        assert told(path) == ["firing"]


async def test_what_moves_within_its_state_in_a_step_that_moves_another_is_remembered_with_it(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow("net", soak=0, fall=1), flow(soak=0, parents=("net",))) as world:
        await world.ok(3, of="net")
        await world.fail()
        await world.fail(of="net")
        assert world.picture().standing.because == "net"
    with Store.read(path) as reader:
        assert reader.remembered().standings["mail-out"]["because"] == "net"


def test_a_flow_that_moved_and_is_judged_again_in_the_same_step_is_remembered_as_it_was_last() -> None:
    step, part = Writing(standings={"mail-out": {"rounds": "+"}}), Writing(notes={"mail-out": {"rounds": "+-"}})
    step.take(part)
    assert (step.standings, step.notes) == ({"mail-out": {"rounds": "+-"}}, {})


# A reload -------------------------------------------------------------------------------------------------------------


RELOADS = {
    "a flow is taken up": (taking_up, "dump_standing"),
    "a flow is weighed": (pipeline_module, "advance"),
    "its children are found": (live_flows, "_children"),
    "it is written": (store_module, "as_line"),
}


@pytest.mark.parametrize("place", RELOADS)
async def test_a_reload_that_falls_leaves_the_flows_that_there_are_and_their_looks_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = tmp_path / "state.db"
    old = (flow("gone", soak=0), flow(soak=0, parents=("gone",)))
    async with daemon(path, *old) as world:
        await world.ok(3, of="gone")
        await world.ok(3)
        falls_once(monkeypatch, *RELOADS[place])
        with pytest.raises(MemoryError):
            await world.adopt(flow(soak=0, intent=Intent.CLOSED), flow("new"), changed=("mail-out",))
        assert logged(path, Event.CONFIG) == [{"change": "added", "intent": "open"}]
        world.flows = {each.id: each for each in old}
        await world.fail(3)
        assert told(path) == ["firing"]
        await world.pass_time(91)
        assert {world.state(of) for of in world.flows} == {State.UNKNOWN}
        await world.adopt(flow(soak=0), flow("new"))
        assert set(world.shown.pictures) == {"mail-out", "new"}
    assert told(path) == ["firing"]
    assert len(logged(path, Event.CONFIG, "new")) == 1


# What people say ------------------------------------------------------------------------------------------------------


async def test_whoever_is_told_that_it_fell_has_changed_nothing_and_may_say_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow(soak=0)) as world:
        await world.ok(3)
        await world.fail(3)
        on_call = world.pipeline
        until = world.wall_time + 3600

        def incident_taken_by() -> list[str]:
            return [row["by"] for row in logged(path, Event.ACKNOWLEDGE)]

        falls_once(monkeypatch, store_module, "as_line")
        with pytest.raises(MemoryError):
            await on_call.acknowledge("mail-out", by="Ada")
        await world.fail()
        incident = world.picture().standing.incident
        assert incident is not None
        assert incident.acknowledged is None
        await on_call.acknowledge("mail-out", by="Ada")
        assert incident_taken_by() == ["Ada"]

        falls_once(monkeypatch, store_module, "as_line")
        with pytest.raises(MemoryError):
            await on_call.silence("mail-out", until=until, by="Ada", why="work")
        await world.fail()
        assert world.picture().standing.silence is None
        await on_call.silence("mail-out", until=until, by="Ada", why="work")

        falls_once(monkeypatch, store_module, "as_line")
        with pytest.raises(MemoryError):
            await on_call.unsilence("mail-out", by="Ada")
        await world.fail()
        assert world.picture().standing.silence is not None
        await on_call.unsilence("mail-out", by="Ada")
    assert [row.get("ended", False) for row in logged(path, Event.SILENCE)] == [False, True]


async def test_what_is_due_by_time_alone_is_due_as_before_when_what_somebody_said_fell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    duty = Route.model_validate({"states": ["dropped"], "to": ["duty"], "remind": "30m"})
    async with daemon(path, flow(soak=0)) as world:
        world.use(teller.Teller(TELL.letterhead, TELL.channels, [duty]))
        await world.ok(3)
        await world.fail(3)
        world.now, world.wall_time = world.now + 91, world.wall_time + 91  # not swept: it is not yet seen as stale
        falls_once(monkeypatch, store_module, "as_line")
        with pytest.raises(MemoryError):
            await world.pipeline.acknowledge("mail-out", by="Ada")
        await world.pass_time(0.1)
        assert world.state() is State.UNKNOWN
        falls_once(monkeypatch, store_module, "as_line")
        with pytest.raises(MemoryError):
            await world.pipeline.acknowledge("mail-out", by="Ada")
        await world.pass_time(1801)
        assert told(path) == ["firing", "reminder"]


# What the store has taken ---------------------------------------------------------------------------------------------


async def test_a_step_that_the_store_has_taken_is_not_undone_though_nobody_waits_for_it_any_more(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    async with daemon(path, flow(soak=0)) as world:
        await world.ok(3)
        await world.fail(2)
        step = asyncio.create_task(world.fail())
        await asyncio.sleep(0)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        await world.fail(3, apart=30.0)
    assert (told(path), states(path)) == (["firing"], ["recovering", "restored", "dropped"])


async def test_a_state_that_can_no_longer_be_written_ends_the_step_as_before() -> None:
    class Unwritable(Memory):
        async def commit(self, **what: Any) -> None:
            if what["messages"]:
                raise StoreFailed("the state can no longer be written")
            await super().commit(**what)

    world = await World(flow(soak=0), memory=Unwritable()).begin()
    await world.ok(3)
    await world.fail(2)
    with pytest.raises(StoreFailed):
        await world.fail()
