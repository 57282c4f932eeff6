"""The shipped dashboards over a real Prometheus that scrapes a real daemon: healthy, flows cut, the daemon dead."""

import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import httpx
import pytest

from deploy.grafana.looks import CLOSED, COLOURS, GOOD, NO_NEWS
from retabli.model.states import STATE_WORDS, State
from tests.daemon.living import Life, Post
from tests.deploy.blackbox_queries import STOCK, STOCK_ICMP, stock
from tests.deploy.dashboards import asked, filled
from tests.deploy.shipped import alerts, rules
from tests.real.alerting import Stack, Told
from tests.real.watched_hospital import ALL, DAEMON, NAMED, World, watched_hospital

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]

# What rightly gives nothing while all is well, and must give something once flows are cut.
EMPTY_WHEN_HEALTHY = {
    "restoration: Les flux F": "a cause, while a unit fails",
    "restoration: Pages ouvertes maintenant A": "the pages that are open",
    "flow: Les unités et leur échelon F": "a cause, while a unit fails",
    "flow: En échec, et pourquoi A": "a cause, while a unit fails",
    "flow: Échecs par cause depuis le démarrage A": "failures are counted from the first one on",
}
# Why nothing is proven: an attempt that answers is a breach, which has no cause of its own.
EMPTY_UNTIL_NOT_JUDGED = {"confinement: Les flux fermés G": "a control that fails"}

EVERY = 2.0  # seconds: the rhythm of the simulated hospital's probes
HEALTHY: Mapping[str, float] = {
    "restoration: ▼ Retombés A": 0,
    "restoration: ✖ Isolements rompus A": 0,
    "restoration: Pages ouvertes A": 0,
    "confinement: ■ Isolés, prouvés A": 1,
    "confinement: ? Non prouvés A": 0,
}
CUT: Mapping[str, float] = {
    "restoration: ▼ Retombés A": 2,
    "restoration: ✖ Isolements rompus A": 1,
    "restoration: ■ Isolés A": 0,
    "restoration: Pages ouvertes A": 3,
    "confinement: ✖ Isolements rompus A": 1,
}
LISTED_WHEN_CUT = {
    "mail-out": ("▼ retombé", COLOURS[State.DROPPED]),
    "internet": ("✖ isolement rompu", COLOURS[State.BREACHED]),
    "ping": ("● rétabli", COLOURS[State.RESTORED]),
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with watched_hospital(tmp_path) as world:
        yield world


async def test_every_query_tells_the_truth_healthy_cut_and_dead(world: World) -> None:
    await world.until_states({flow: "contained" if flow == "internet" else "restored" for flow in ALL})
    await healthy(world)
    world.hospital.switches["mail-out"].set("stopped")
    world.hospital.switches["websites"].set("error")
    world.hospital.switches["internet"].set("open")
    await world.until_states({"mail-out": "dropped", "websites": "dropped", "internet": "breached"})
    await cut(world)
    world.hospital.switches["internet"].set("canary_dead")
    await world.until(lambda: world.empty(EMPTY_UNTIL_NOT_JUDGED))
    await world.until(lambda: world.other({"confinement: ■ Isolés, prouvés A": 0}))
    flows = set(await world.states())
    await world.life.end(signal.SIGKILL)
    await world.stack.until(f'up{{job="retabli",instance="{DAEMON}"}} == 0')
    await dead(world, flows)


async def healthy(world: World) -> None:
    silent = EMPTY_WHEN_HEALTHY | EMPTY_UNTIL_NOT_JUDGED
    assert set(silent) <= set(NAMED)
    await world.until(lambda: world.empty(name for name in NAMED if name not in silent), 120)
    await world.until(lambda: world.full(name for name in silent if "depuis le démarrage" not in name))
    await world.until(lambda: world.other(HEALTHY))
    await world.until(world.counted_otherwise)
    assert "restoration: Les flux A" in await world.green()
    for job in ("retabli", "retabli-probe"):
        await world.until(partial(world.without_data, [stock(expr, job) for expr in STOCK]))
    await world.until(partial(world.without_data, [stock(expr, "retabli") for expr in STOCK_ICMP]))


async def cut(world: World) -> None:
    await world.until(lambda: world.empty(EMPTY_WHEN_HEALTHY))
    await world.until(lambda: world.other(CUT))
    await world.until(world.counted_otherwise)
    await world.until(lambda: world.listed_otherwise(LISTED_WHEN_CUT))
    causes = {labels["flow"]: labels["cause"] for labels, _ in await world.answers(NAMED["restoration: Les flux F"])}
    assert causes["mail-out"] == "refused"
    assert "confinement: Les flux fermés A" not in await world.green()
    await world.until(partial(proven_of_late, world))
    firing = {"FlowDropped", "FlowBreached", "Watchdog"}
    for rule in rules():
        await world.stack.query(rule.expr)
    await world.until(partial(world.without_data, [rule.expr for rule in rules() if not rule.alerts]))
    # The other alerts are of what takes hours, or of neither state: the rules' own tests reach each of them.
    await world.until(partial(world.without_data, [rule.expr for rule in alerts() if rule.name in firing]))


async def proven_of_late(world: World) -> list[float]:
    """A breach is no proof, however often it is tried: the age of the last one goes on rising."""
    ages = [age for _, age in await world.answers(NAMED["confinement: Preuve la plus ancienne, il y a A"])]
    return [age for age in ages if age < 5 * EVERY] if ages else [0.0]


async def dead(world: World, flows: set[str]) -> None:
    assert await world.green() == []
    for board in ("restoration", "flow", "confinement", "itself"):
        shown = NAMED[f"{board}: Retabli répond-il\u00a0? A"]
        assert {shown.looks(value) for _, value in await world.answers(shown)} == {
            ("NE RÉPOND PLUS", COLOURS[State.DROPPED])
        }
    assert await world.full(["restoration: ● Rétablis A", "confinement: ■ Isolés, prouvés A"]) == []
    assert await world.other({"restoration: ? Inconnus A": len(flows), "confinement: ? Non prouvés A": 1}) == {}
    listed = await world.answers(NAMED["restoration: Les flux A"])
    assert {labels["flow"] for labels, _ in listed} == flows, "they stay listed, and nothing is said of them"
    assert {NAMED["restoration: Les flux A"].looks(value)[0] for _, value in listed} == {f"? {NO_NEWS.fr}"}
    assert all(labels["title"] for labels, _ in listed)


async def test_what_died_while_prometheus_was_away_is_not_shown_as_it_was(tmp_path: Path) -> None:
    """Prometheus marks nothing as stale that it did not see end: the last samples go on for five minutes."""
    watched, hook, told = Post(), Post(), Told()
    await watched.start()
    await hook.start()
    life = Life(tmp_path, watched, hook)
    (tmp_path / "stack").mkdir()
    stack = Stack(tmp_path / "stack", life.port, told)
    listed = NAMED["restoration: Les flux A"]
    client = httpx.AsyncClient(trust_env=False)
    try:
        await life.start()
        await life.until_state("restored")
        stack.prometheus.start()
        await stack.until("retabli_flow_restored == 1")
        stack.prometheus.kill()
        await life.end(signal.SIGKILL)
        stack.prometheus.start()
        await stack.until('up{job="retabli"} == 0')
        assert await stack.query("retabli_flow_restored == 1"), "a naive query still says so"
        for each in asked():
            for found in await stack.query(filled(each.expr, instance=DAEMON, flow="port"), client):
                text, colour = each.looks(float(found["value"][1]))
                assert colour not in (GOOD, CLOSED), each.name
                assert STATE_WORDS[State.RESTORED].fr not in text, each.name
        (row,) = (
            one
            for one in await stack.query(filled(listed.expr, instance=DAEMON, flow=""))
            if one["metric"]["flow"] == "port"
        )
        assert listed.looks(float(row["value"][1]))[0] == f"? {NO_NEWS.fr}"
    finally:
        stack.prometheus.stop()
        await life.leave()
        await watched.stop()
        await hook.stop()
        await client.aclose()
