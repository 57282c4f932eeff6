"""An outlet that falls: it alone misses something, nobody else does, and it is shown again until it has it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from retabli.metrics import Figures, Metrics
from retabli.model.flow import UnitName
from retabli.model.record import Entry, FlowPicture
from retabli.model.result import Result
from retabli.model.states import State
from retabli.pipeline import Pipeline
from retabli.pipeline.pipeline import AGAIN
from retabli.pipeline.showing import TRIES
from retabli.view import Site, View
from tests.restoration.worlds import Asked, Shown, World, flow


@dataclass
class Falling(Shown):
    """Falls over the next so many calls of each method for which this is said."""

    left: dict[str, int] = field(default_factory=dict)
    runs: list[tuple[UnitName, Result]] = field(default_factory=list)

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        self._stumble("show")
        super().show(picture, changed, result)
        if changed is not None and result is not None:
            self.runs.append((changed, result))

    def state(self) -> State:
        return self.pictures["mail-out"].state

    def skipped(self, picture: FlowPicture, name: UnitName) -> None:
        self._stumble("skipped")
        super().skipped(picture, name)

    def forget(self, flow: str) -> None:
        self._stumble("forget")
        super().forget(flow)

    def logged(self, entry: Entry) -> None:
        self._stumble("logged")
        super().logged(entry)

    def _stumble(self, name: str) -> None:
        if self.left.get(name, 0) > 0:
            self.left[name] -= 1
            raise MemoryError


def with_outlets(world: World, *outlets: Any) -> World:
    world.pipeline = Pipeline(
        world.memory, outlets, Asked(world), clock=lambda: world.now, wall=lambda: world.wall_time
    )
    return world


async def before_its_drop(*flows: Any) -> tuple[World, Falling]:
    """The flow is restored, and one failure away from its drop; the first outlet falls when told, the world's never."""
    falling = Falling()
    world = World(*(flows or (flow(soak=0, every=900.0),)))
    world = await with_outlets(world, falling, world.shown).begin()
    await world.ok(4, apart=900.0)
    await world.fail(2, apart=900.0)
    return world, falling


async def test_a_drop_that_an_outlet_could_not_show_is_shown_by_it_seconds_later_without_any_run() -> None:
    world, falling = await before_its_drop()
    falling.left["show"] = 2
    await world.fail()
    assert falling.state() is State.RESTORED
    assert world.pages() == 1
    await world.pass_time(1.0)
    await world.pass_time(AGAIN)
    assert falling.state() is State.DROPPED


async def test_what_one_outlet_falls_over_is_shown_by_the_others_at_once() -> None:
    world, falling = await before_its_drop()
    falling.left = {"show": 1, "logged": 1}
    await world.fail()
    assert world.state() is State.DROPPED
    assert [entry.event for entry in world.shown.entries] == [entry.event for entry in world.memory.entries]


async def test_a_child_is_shown_though_its_parent_could_not_be() -> None:
    world, falling = await before_its_drop(
        flow("proxy", soak=0, every=900.0), flow(soak=0, every=900.0, parents=("proxy",))
    )
    await world.ok(4, of="proxy")
    await world.fail(2, of="proxy")
    await world.fail()
    assert falling.pictures["mail-out"].standing.because == "proxy"
    await world.ok(of="proxy")  # the child waits no more
    await world.fail(2, of="proxy")
    falling.left["show"] = 1
    await world.ok(of="proxy")
    assert falling.pictures["mail-out"].standing.because is None


async def test_whoever_brings_a_result_hears_nothing_of_it_so_that_confirmations_begin() -> None:
    world, falling = await before_its_drop()
    falling.left = {"show": 1, "logged": 1, "skipped": 1}
    await world.fail()
    world.pipeline.skipped(UnitName("mail-out", "p0"))


async def test_rows_of_the_log_that_an_outlet_missed_are_told_to_it_again_in_their_order_and_once() -> None:
    world, falling = await before_its_drop()
    falling.left["logged"] = 5
    await world.fail()
    assert len(falling.entries) < len(world.memory.entries)
    for _ in range(3):
        await world.pass_time(AGAIN)
    assert falling.entries == world.memory.entries


async def test_a_run_that_an_outlet_missed_is_counted_by_it_once_and_the_latest_picture_is_shown_last() -> None:
    world, falling = await before_its_drop()
    before = len(falling.runs)
    falling.left["show"] = 2  # the failure, and the failure again when the next one comes
    await world.fail()
    await world.ok()
    assert falling.state() is State.RECOVERING
    for _ in range(3):
        await world.pass_time(AGAIN)
    assert [result.outcome.value for _, result in falling.runs[before:]] == ["ok", "failed"]
    assert falling.state() is State.RECOVERING


async def test_a_flow_that_left_while_an_outlet_fell_is_gone_there_too_seconds_later() -> None:
    world, falling = await before_its_drop(flow(soak=0, every=900.0), flow("other"))
    falling.left["forget"] = 1
    await world.adopt(flow("other"))
    assert "mail-out" in falling.pictures
    await world.pass_time(AGAIN)
    assert "mail-out" not in falling.pictures


async def test_a_flow_that_is_back_before_an_outlet_has_forgotten_it_stays() -> None:
    world, falling = await before_its_drop(flow(soak=0, every=900.0), flow("other"))
    falling.left["forget"] = 1
    await world.adopt(flow("other"))
    await world.adopt(flow(soak=0, every=900.0), flow("other"))
    await world.pass_time(AGAIN)
    assert "mail-out" in falling.pictures


async def test_a_run_of_before_a_reload_is_not_shown_after_it() -> None:
    world, falling = await before_its_drop()
    falling.left["show"] = 1
    await world.fail()
    before = len(falling.runs)
    changed = flow(soak=0, every=600.0)
    await world.adopt(changed, changed=("mail-out",))
    assert falling.pictures["mail-out"].flow is changed
    await world.pass_time(AGAIN)
    assert len(falling.runs) == before


async def test_a_row_that_an_outlet_falls_over_for_ever_is_given_up_and_the_latest_picture_never_is() -> None:
    world, falling = await before_its_drop()
    falling.left = {"logged": TRIES * 2, "show": 40}
    await world.fail()
    for _ in range(50):
        await world.pass_time(AGAIN)
    assert falling.state() is State.DROPPED
    assert falling.left["logged"] == 0
    assert len(falling.entries) == len(world.memory.entries) - 2  # the drop and its page


async def test_it_is_logged_which_outlet_could_not_be_shown_what(caplog: pytest.LogCaptureFixture) -> None:
    world, falling = await before_its_drop()
    falling.left["show"] = 1
    with caplog.at_level(logging.ERROR):
        await world.fail()
    assert "Falling: mail-out could not be shown" in caplog.text


async def test_a_picture_that_cannot_be_made_is_made_seconds_later(monkeypatch: pytest.MonkeyPatch) -> None:
    world, falling = await before_its_drop()
    live = world.pipeline._flows["mail-out"]
    real: Callable[..., FlowPicture] = type(live).picture

    def once(*given: Any) -> FlowPicture:
        if len(given) == 3:  # the one that is shown
            monkeypatch.setattr(type(live), "picture", real)
            raise MemoryError
        return real(*given)

    monkeypatch.setattr(type(live), "picture", once)
    await world.fail()
    assert falling.state() is State.RESTORED
    await world.pass_time(AGAIN + 0.1)
    assert falling.state() is State.DROPPED


@pytest.mark.parametrize("place", ["courses", "feeds"])
async def test_the_wall_has_a_row_once_that_it_fell_over_half_way(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    world = World(flow(soak=0))
    view = View(Site("CHU"), wall=lambda: world.wall_time)
    world = await with_outlets(world, view, world.shown).begin()
    await world.ok(3)
    await world.fail(2)
    feed = view.feed(lambda _changed, _logged: b"")
    broken, name = (view._courses, "follow") if place == "courses" else (feed, "log")
    real = getattr(broken, name)

    def once(*given: Any) -> None:
        monkeypatch.setattr(broken, name, real)
        raise MemoryError

    monkeypatch.setattr(broken, name, once)
    await world.fail()
    await world.pass_time(AGAIN)
    assert [each.entry for each in view.entries()][::-1] == world.memory.entries
    assert [span.state for span in view.course("mail-out").spans()][-1] is State.DROPPED


async def test_the_metrics_count_a_run_that_they_fell_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(flow(soak=0))
    metrics = Metrics(Figures(CollectorRegistry(), version="1", standpoint="inside"))
    world = await with_outlets(world, metrics, world.shown).begin()
    await world.ok(3)
    await world.fail(2)
    real = metrics._take_up
    shown = metrics._shown.pop("mail-out")

    def once(*_: Any) -> None:
        monkeypatch.setattr(metrics, "_take_up", real)
        metrics._shown["mail-out"] = shown
        raise MemoryError

    monkeypatch.setattr(metrics, "_take_up", once)
    await world.fail()
    await world.pass_time(AGAIN)
    page = b"".join([piece async for piece in metrics.page()]).decode()
    assert 'retabli_flow_state{flow="mail-out",state="dropped"} 1' in page
    assert 'outcome="failed"} 3\n' in page
