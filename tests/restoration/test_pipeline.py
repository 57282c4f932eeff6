"""The road from a result to what is remembered, told and shown: what is wanted, what is dropped, what is logged."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retabli.model import causes
from retabli.model.flow import UnitName
from retabli.model.record import Entry, Event, Message
from retabli.model.result import Outcome
from retabli.model.states import Intent, State
from tests.restoration.worlds import Memory, Told, World, flow

UNIT = UnitName("mail-out", "p0")


# What confirmations may be run ---------------------------------------------------------------------------------------


async def test_a_restored_flow_wants_as_many_failures_as_would_drop_it() -> None:
    world = await World(flow(soak=0, fall=3)).begin()
    assert world.pipeline.wanted(UNIT) == 0
    await world.ok(2)
    assert world.pipeline.wanted(UNIT) == 0  # recovering
    await world.ok()
    assert world.pipeline.wanted(UNIT) == 3
    await world.fail()
    assert world.pipeline.wanted(UNIT) == 2
    await world.fail(2)
    assert world.pipeline.wanted(UNIT) == 0  # dropped


async def test_a_degraded_flow_is_confirmed_as_a_restored_one() -> None:
    world = await World(flow(soak=0)).begin()
    await world.ok(3)
    await world.ok(3, whole=False)
    assert world.pipeline.wanted(UNIT) == 3


async def test_a_unit_that_does_not_count_is_never_confirmed() -> None:
    world = await World(flow(probes={"p0": Told(), "extra": Told(counts=False)}, soak=0)).begin()
    await world.ok(3)
    await world.fail(unit="extra")
    assert world.pipeline.wanted(UnitName("mail-out", "extra")) == 0


async def test_an_answer_of_a_closed_flow_is_tried_again_once() -> None:
    world = await World(flow("internet", intent=Intent.CLOSED)).begin()
    name = UnitName("internet", "p0")
    await world.ok(of="internet")
    assert world.pipeline.wanted(name) == 0
    await world.fail(of="internet")
    assert world.pipeline.wanted(name) == 1
    await world.fail(of="internet")
    assert world.pipeline.wanted(name) == 0


async def test_nothing_is_wanted_of_a_unit_that_left() -> None:
    world = await World(flow()).begin()
    assert world.pipeline.wanted(UnitName("gone", "p0")) == 0
    assert world.pipeline.wanted(UnitName("mail-out", "gone")) == 0


# What is dropped -----------------------------------------------------------------------------------------------------


async def test_a_result_of_a_probe_that_was_changed_while_it_ran_says_nothing() -> None:
    world = await World(flow(soak=0, probes={"p0": Told(every=30.0)})).begin()
    await world.ok(3)
    old = world.flows["mail-out"]
    await world.adopt(flow(soak=0, probes={"p0": Told(every=60.0)}), changed=("mail-out",))
    world.flows = {"mail-out": old}
    await world.fail(9)
    assert world.picture().units[0].record.fails == 0


async def test_a_result_of_a_flow_that_left_is_dropped() -> None:
    world = await World(flow(), flow("other")).begin()
    gone = world.flows["mail-out"]
    await world.adopt(flow("other"))
    world.flows = {"mail-out": gone}
    await world.fail()
    assert "mail-out" not in world.shown.pictures


async def test_a_unit_that_left_is_forgotten_and_one_that_stays_keeps_its_memory() -> None:
    world = await World(flow(units=2)).begin()
    world.pipeline.memory(UNIT)["series"] = "s1"
    await world.ok(unit="p0")
    await world.ok(unit="p1")
    await world.adopt(flow(units=1), changed=("mail-out",))
    assert set(world.memory.units) == {UNIT}
    assert world.pipeline.memory(UNIT) == {"series": "s1"}
    other = await world.restart()
    assert other.pipeline.memory(UNIT) == {"series": "s1"}


# What is shown and logged --------------------------------------------------------------------------------------------


async def test_skipped_beats_are_shown_for_known_units_only() -> None:
    world = await World(flow()).begin()
    world.pipeline.skipped(UNIT)
    world.pipeline.skipped(UnitName("mail-out", "gone"))
    world.pipeline.skipped(UnitName("gone", "p0"))
    assert world.shown.skips == [UNIT]


async def test_every_change_of_what_is_shown_is_one_entry_with_its_cause() -> None:
    world = await World(flow(soak=0)).begin()
    await world.fail(because=causes.CERT_EXPIRED, rung=1)
    await world.ok(3)
    await world.fail(3, because=causes.REFUSED)
    assert world.states_logged() == ["down", "recovering", "restored", "dropped"]
    entries = [entry.data for entry in world.memory.entries if entry.event is Event.STATE]
    assert (entries[0]["cause"], entries[0]["side"], entries[0]["stage"]) == ("cert_expired", "partner_down", "connect")
    assert "cause" not in entries[2]
    assert (entries[3]["was"], entries[3]["probe"], entries[3]["cause"]) == ("restored", "p0", "refused")
    assert world.shown.entries == world.memory.entries


async def test_going_blind_and_seeing_again_are_entries_too() -> None:
    world = await World(flow(soak=0)).begin()
    await world.ok(3)
    await world.pass_time(91)
    await world.ok()
    assert world.states_logged() == ["recovering", "restored", "unknown", "restored"]


async def test_an_entry_names_the_parent_that_explains_it() -> None:
    world = await World(flow("resolver", soak=0), flow(parents=("resolver",), soak=0)).begin()
    for _ in range(3):
        await world.ok(of="resolver")
        await world.ok()
    await world.fail(3, of="resolver")
    await world.fail(3)
    dropped = [e for e in world.memory.entries if e.flow == "mail-out" and e.data.get("now") == "dropped"]
    assert dropped[0].data["because"] == "resolver"


async def test_a_flow_is_shown_with_its_new_state_only_after_that_is_remembered() -> None:
    seen: list[State] = []

    class Watching(Memory):
        async def commit(
            self,
            *,
            standings: Mapping[str, Mapping[str, Any] | None],
            units: Mapping[UnitName, Mapping[str, Any] | None],
            entries: Sequence[Entry],
            messages: Sequence[Message],
        ) -> None:
            if "mail-out" in world.shown.pictures:
                seen.append(world.state())
            await super().commit(standings=standings, units=units, entries=entries, messages=messages)

    world = World(flow(soak=0), memory=Watching())
    await world.begin()
    await world.ok(3)
    await world.fail(3)
    assert world.state() is State.DROPPED
    assert seen[-1] is State.RESTORED


async def test_rounds_are_noted_without_a_transaction() -> None:
    world = await World(flow(soak=0)).begin()
    await world.ok(3)
    entries = len(world.memory.entries)
    await world.ok(5)
    assert len(world.memory.entries) == entries
    assert world.memory.standings["mail-out"]["rounds"] == "+++++"


async def test_the_sweep_leaves_flows_alone_whose_evidence_is_fresh() -> None:
    world = await World(flow(soak=0, every=30.0)).begin()
    await world.ok(3)
    for _ in range(20):
        await world.pass_time(30)
        await world.ok()
    assert world.states_logged() == ["recovering", "restored"]


async def test_the_sweep_sees_the_first_of_several_units_grow_stale() -> None:
    world = await World(flow(probes={"p0": Told(every=10.0), "p1": Told(every=600.0)}, soak=0)).begin()
    for _ in range(3):
        await world.ok(unit="p1")
        await world.ok(unit="p0")
    assert world.state() is State.RESTORED
    await world.pass_time(31)
    assert world.state() is State.UNKNOWN
    assert world.picture().counts() == {"ok": 1, "failed": 0, "unknown": 1, "of": 2}


async def test_what_could_not_be_judged_is_counted_and_shown_as_unknown() -> None:
    world = await World(flow()).begin()
    await world.run(Outcome.UNKNOWN)
    assert world.picture().counts() == {"ok": 0, "failed": 0, "unknown": 1, "of": 1}
    deciding = world.picture().deciding
    assert deciding is not None
    assert deciding.result.cause is causes.PROBE_DEFECT


# A disk that takes its time -----------------------------------------------------------------------------------------


@dataclass
class SlowDisk(Memory):
    """Its transactions end in their order, and only when the test lets them."""

    slow: bool = False
    under_way: list[asyncio.Future[None]] = field(default_factory=list)

    async def commit(self, **what: Any) -> None:
        if self.slow:
            self.under_way.append(done := asyncio.get_running_loop().create_future())
            await done
        await super().commit(**what)

    async def let_one_end(self) -> None:
        self.under_way.pop(0).set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)


async def started(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_a_result_that_moves_nothing_does_not_show_what_an_earlier_one_has_yet_to_have_remembered() -> None:
    disk = SlowDisk()
    world = await World(flow(soak=0, fall=1), memory=disk).begin()
    await world.ok(3)
    disk.slow = True
    falls = await started(world.fail())
    says_nothing = await started(world.unknown())
    assert world.state() is State.RESTORED
    await disk.let_one_end()
    assert world.state() is State.DROPPED
    await disk.let_one_end()
    await asyncio.gather(falls, says_nothing)
    assert world.memory.standings["mail-out"]["state"] == "dropped"


async def test_of_two_steps_that_are_being_remembered_the_first_shows_its_own_and_not_the_seconds() -> None:
    disk = SlowDisk()
    world = await World(flow(soak=0, rise=2), memory=disk).begin()
    await world.fail()
    disk.slow = True
    steps = [await started(world.ok()), await started(world.ok())]
    assert world.state() is State.DOWN
    await disk.let_one_end()
    assert world.state() is State.RECOVERING
    await disk.let_one_end()
    assert world.state() is State.RESTORED
    await asyncio.gather(*steps)


async def test_a_reload_shows_nothing_before_it_is_remembered_and_forgets_nothing_sooner() -> None:
    disk = SlowDisk()
    world = await World(flow(soak=0), flow("other", soak=0), memory=disk).begin()
    await world.ok(3)
    disk.slow = True
    reload = await started(world.adopt(flow(intent=Intent.CLOSED), changed=("mail-out",)))
    assert world.state() is State.RESTORED
    assert world.state("other") is State.UNKNOWN
    result = await started(world.unknown())
    assert world.picture().flow.intent is Intent.OPEN
    await disk.let_one_end()
    assert world.picture().flow.intent is Intent.CLOSED
    assert "other" not in world.shown.pictures
    await disk.let_one_end()
    await asyncio.gather(reload, result)


async def test_what_the_probe_gave_before_its_settings_were_changed_is_not_shown_as_its_own() -> None:
    world = await World(flow(soak=0, probes={"p0": Told(every=30.0), "p1": Told()})).begin()
    await world.ok()
    await world.ok(unit="p1")
    await world.adopt(flow(soak=0, probes={"p0": Told(every=60.0), "p1": Told()}), changed=("mail-out",))
    assert [unit.outcome for unit in world.picture().units] == [None, Outcome.OK]
