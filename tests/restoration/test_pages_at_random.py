"""Whatever happens, and in whatever order: no page is lost, none is told twice, and each is ended where it was told."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retabli.alerts.message import Letterhead
from retabli.alerts.routes import Route
from retabli.alerts.teller import Teller
from retabli.model import causes
from retabli.model.record import Event
from retabli.model.states import Criticality, Intent, State
from retabli.paging import NotNow
from tests.restoration.worlds import World, flow

PARENT, CHILD, SHUT = "proxy", "mail-out", "internet"
FLOWS = (PARENT, CHILD, SHUT)
ROUTES = [
    {"states": ["dropped", "breached"], "to": ["duty"], "remind": "30m", "escalate": {"after": "15m", "to": ["sms"]}},
    {"states": ["dropped"], "to": ["mail"], "side": ["ours"], "hours": ["mon-sun 06:00-18:00"]},
    {"states": ["degraded", "unknown"], "to": ["mail"], "remind": "2h"},
]
CAUSES = (causes.REFUSED, causes.CERT_EXPIRED, causes.TIMEOUT)

Step = Callable[[World], Coroutine[Any, Any, World]]


def teller(routes: int) -> Teller:
    made = [Route.model_validate(each) for each in ROUTES[:routes]]
    return Teller(Letterhead("CHU"), {"duty": (), "sms": (), "mail": (CHILD,)}, made)


def flows() -> tuple[Any, ...]:
    return (
        flow(PARENT, soak=0),
        flow(CHILD, soak=0, parents=(PARENT,), criticality=Criticality.HIGH),
        flow(SHUT, soak=0, intent=Intent.CLOSED),
    )


async def refused(asked: Coroutine[Any, Any, Any]) -> None:
    try:
        await asked
    except NotNow:
        pass


async def step(world: World, what: str, of: str, number: int) -> World:
    match what:
        case "ok":
            await world.ok(number, of=of, whole=number != 4)
        case "fail":
            await world.fail(number, of=of, because=CAUSES[number % 3])
        case "unknown":
            await world.unknown(number, of=of)
        case "time":
            await world.pass_time(number * 400.0)
        case "jump":
            world.wall_time += (number - 3) * 3600.0
        case "restart":
            world = await world.restart(gap=number * 100.0, reboot=number % 2 == 0)
        case "routes":
            world.use(teller(number % 4))
            await world.adopt(*flows())
        case "silence":
            await refused(
                world.pipeline.silence(of, until=world.wall_time + number * 900.0, by="someone", why="planned")
            )
        case "unsilence":
            await refused(world.pipeline.unsilence(of, by="someone"))
        case _:
            await refused(world.pipeline.acknowledge(of, by="someone", until=world.wall_time + number * 900.0))
    return world


EVENTS = (
    *("ok", "ok", "fail", "fail", "unknown", "time", "time", "jump"),
    *("restart", "routes", "silence", "unsilence", "acknowledge"),
)
STEPS = st.tuples(st.sampled_from(EVENTS), st.sampled_from(FLOWS), st.integers(1, 5))


def look(world: World) -> None:
    """What must be true at every moment."""
    for id_ in FLOWS:
        standing = world.picture(id_).standing
        incident = standing.incident
        if standing.state is State.BREACHED:
            assert incident is not None
            assert incident.reason == "breached", "a breach is told whatever else is"
        if standing.state is State.DROPPED:
            held = standing.silence is not None or standing.because is not None
            assert (incident is not None and incident.reason == "dropped") or (held and standing.deferred == "dropped")
        if incident is not None and incident.reason != "degraded":
            assert incident.told, "somebody was told of every page that is open"
    messages = Counter((each.channel, each.key) for each in world.memory.messages)
    assert set(messages.values()) <= {1}, "nothing is put into the outbox twice"
    fired = {(each.channel, each.body["incident"]) for each in world.memory.messages if each.body["status"] == "firing"}
    others = [each for each in world.memory.messages if each.body["status"] != "firing"]
    assert {(each.channel, each.body["incident"]) for each in others} <= fired, "nobody is reminded of what is news"


async def live(steps: list[tuple[str, str, int]]) -> None:
    world = await World(*flows(), tell=teller(3)).begin()
    for id_ in FLOWS:
        await world.ok(3, of=id_)
    for what, of, number in steps:
        world = await step(world, what, of, number)
        look(world)
    for id_ in FLOWS:
        await refused(world.pipeline.unsilence(id_, by="someone"))
    for _ in range(30):
        for id_ in FLOWS:
            await world.ok(of=id_)
        await world.pass_time(31.0)
    look(world)
    for id_ in FLOWS:
        assert world.picture(id_).standing.incident is None
    fired = {(each.channel, each.body["incident"]) for each in world.memory.messages if each.body["status"] == "firing"}
    ended = {
        (each.channel, each.body["incident"]) for each in world.memory.messages if each.body["status"] == "resolved"
    }
    assert fired == ended, "whoever was told of a page is told of its end"
    opened = {entry.data["incident"] for entry in world.memory.entries if entry.event is Event.PAGE}
    resolved = [entry.data["incident"] for entry in world.memory.entries if entry.event is Event.RESOLVE]
    assert sorted(opened) == sorted(resolved)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=5, max_size=40))
def test_no_page_is_lost_or_told_twice_and_each_is_ended_where_it_was_told(steps: list[tuple[str, str, int]]) -> None:
    asyncio.run(live(steps))
