"""The shipped dashboards over a real Prometheus that scrapes a real daemon: healthy, flows cut, the daemon dead."""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.grafana.looks import CLOSED, COLOURS, GOOD, MARKS, NO_NEWS
from retabli.model.states import STATE_WORDS, State
from simulator.configuration import write
from simulator.hospital import Hospital
from tests.daemon.living import Life, Post
from tests.deploy.dashboards import Asked, asked, filled
from tests.deploy.shipped import alerts, rules
from tests.real.alerting import Stack, Told

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]

FLOWS = ("mail-out", "mail-in", "websites", "internet", "card-payment", "appointments", "resolver", "proxy")
ADDED = ("health", "ping", "own_link")  # the last by the daemon itself
SHOWN = ("mail-out", "websites", "card-payment", "health", "ping")  # what a dashboard of one flow is looked at for
DAEMON = "retabli-inside"  # as the example calls it

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

ALL = (*FLOWS, *ADDED)  # of which one must stay closed
HEALTHY: Mapping[str, float] = {
    "restoration: ● Rétablis A": len(ALL) - 1,
    "restoration: ▼ Retombés A": 0,
    "restoration: ? Inconnus A": 0,
    "restoration: Part des flux ouverts rétablis A": 1,
    "restoration: Pages ouvertes A": 0,
    "confinement: ■ Isolés, prouvés A": 1,
    "confinement: ? Non prouvés A": 0,
}
CUT: Mapping[str, float] = {
    "restoration: ● Rétablis A": len(ALL) - 3,
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

# What dashboards for blackbox_exporter ask, as found in public ones (a mixin, 7587 and its kin, 16293), with its
# `instance` from either of the example's jobs.
STOCK = [
    "probe_success",
    'count(probe_success{job="$job"})',
    'count(probe_success{job="$job"} == 1)',
    '(count(probe_success{job="$job"} == 1) or vector(0)) / count(probe_success{job="$job"})',
    'max by (instance) (probe_success{instance=~"$target"})',
    'avg_over_time(probe_success{instance=~"$target"}[1h]) * 100',
    'probe_duration_seconds{instance=~"$target"}',
    'avg(probe_duration_seconds{instance=~"$target"}) by (instance)',
    'avg_over_time(probe_duration_seconds{instance=~"$target"}[1m])',
    'probe_http_duration_seconds{instance=~"$target"}',
    'sum(probe_http_duration_seconds{instance=~"$target"}) by (instance)',
    'sum by (instance) (avg by (phase, instance) (probe_http_duration_seconds{instance=~"$target"}))',
    'avg(probe_http_duration_seconds{instance=~"$target"}) by (phase)',
    *(
        f'probe_http_duration_seconds{{instance=~"$target",phase="{phase}"}}'
        for phase in ("resolve", "connect", "tls", "processing", "transfer")
    ),
    'probe_http_status_code{instance=~"$target"}',
    'max by (instance) (probe_http_version{instance=~"$target"})',
    'probe_http_ssl{instance=~"$target"}',
    'count(probe_http_ssl{job="$job"} == 1) / count(probe_http_version{job="$job"})',
    'probe_http_redirects{instance=~"$target"}',
    'probe_ssl_earliest_cert_expiry{instance=~"$target"} - time()',
    'probe_ssl_earliest_cert_expiry{instance=~"$target"} * 1000',
    'min by (instance) (probe_ssl_earliest_cert_expiry{instance=~"$target"} - time()) / 86400',
    'max by (instance, version) (probe_tls_version_info{instance=~"$target"})',
    'avg by (instance) (probe_dns_lookup_time_seconds{instance=~"$target"})',
    'probe_ip_protocol{instance=~"$target"}',
]
STOCK_ICMP = [
    'avg(probe_icmp_duration_seconds{instance=~"$target"}) by (phase)',
    *(f'probe_icmp_duration_seconds{{instance=~"$target",phase="{each}"}}' for each in ("resolve", "setup", "rtt")),
    'sum without (phase) (probe_icmp_duration_seconds{instance=~"$target"})',
]


@dataclass(frozen=True, slots=True)
class World:
    hospital: Hospital
    life: Life
    stack: Stack
    client: httpx.AsyncClient

    async def state(self, flow: str) -> str:
        return str((await self.life.get(f"/api/v1/flows/{flow}"))["state"])

    async def until_states(self, wanted: Mapping[str, str], within: float = 90) -> None:
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(within):
                while any(found.get(flow) != state for flow, state in wanted.items()):
                    found = {flow: await self.state(flow) for flow in wanted}
                    await asyncio.sleep(0.2)  # another process: there is nothing here to await
        except TimeoutError:
            raise AssertionError(f"still {found}") from None

    async def answers(self, each: Asked) -> list[tuple[dict[str, str], float]]:
        """What the panel's query gives now, over all flows where it is about one."""
        flows = SHOWN if "$flow" in each.expr else ("",)
        found = []
        for flow in flows:
            found += await self.ask(filled(each.expr, instance=DAEMON, flow=flow))
        return found

    async def ask(self, expr: str) -> list[tuple[dict[str, str], float]]:
        return [(one["metric"], float(one["value"][1])) for one in await self.stack.query(expr, self.client)]

    async def until(self, wanted: Callable[[], Awaitable[object]], within: float = 60) -> None:
        """Until nothing is left that is not as wanted. On a slow machine a scrape fails now and then, and for that
        second nothing is known of anything."""
        end = time.monotonic() + within
        while (left := await wanted()) and time.monotonic() < end:
            await asyncio.sleep(0.5)  # another process: there is nothing here to await
        assert not left, left

    async def empty(self, wanted: Iterable[str]) -> list[str]:
        return [name for name in wanted if not await self.answers(NAMED[name])]

    async def full(self, wanted: Iterable[str]) -> list[str]:
        return [name for name in wanted if await self.answers(NAMED[name])]

    async def other(self, wanted: Mapping[str, float]) -> dict[str, list[float]]:
        """Of these panels, those that show another value, and what they show."""
        shown = {name: [value for _, value in await self.answers(NAMED[name])] for name in wanted}
        return {name: values for name, values in shown.items() if values != [wanted[name]]}

    async def listed_otherwise(self, wanted: Mapping[str, tuple[str, str]]) -> dict[str, object]:
        """Of these flows, those that the table shows in other words or another colour."""
        table = NAMED["restoration: Les flux A"]
        shown = {labels["flow"]: table.looks(value) for labels, value in await self.answers(table)}
        return {flow: shown.get(flow) for flow, looks in wanted.items() if shown.get(flow) != looks}

    async def green(self) -> list[str]:
        """The queries of which Grafana would draw something as restored or contained, or say so."""
        told = tuple(f"{MARKS[state]} {STATE_WORDS[state].fr}" for state in (State.RESTORED, State.CONTAINED))
        found = []
        for each in asked():
            for _, value in await self.answers(each):
                text, colour = each.looks(value)
                if colour in (GOOD, CLOSED) or text in told:
                    found.append(each.name)
                    break
        return found


NAMED = {each.name: each for each in asked()}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A part of the simulated hospital, a daemon of its own process over it, and a Prometheus over that."""
    place = tmp_path / "hospital"
    place.mkdir()
    stack_place = tmp_path / "stack"
    stack_place.mkdir()
    async with Hospital(place) as hospital, httpx.AsyncClient(trust_env=False) as client:
        life = Life(place, Post(), Post())
        life.config.unlink()
        life.config = write(hospital)
        read = yaml.safe_load(life.config.read_text())
        life.config.write_text(yaml.safe_dump(fitted(read, hospital, life.port), allow_unicode=True))
        stack = Stack(stack_place, life.port, Told(), probe="health/page")
        try:
            await life.start()
            stack.prometheus.start()
            yield World(hospital, life, stack, client)
        finally:
            stack.prometheus.stop()
            await life.leave()


def fitted(read: dict[str, Any], hospital: Hospital, port: int) -> dict[str, Any]:
    """Fewer flows than the hospital has; a page over HTTP, a ping and a heartbeat that it has not."""
    ca = hospital.ground.ca
    page = f"https://www.ars.example:{hospital.port('sites')}/"
    read["flows"] = {name: read["flows"][name] for name in FLOWS}
    for flow in read["flows"].values():
        flow["depends_on"] = [each for each in flow.get("depends_on", []) if each in FLOWS]
    read["flows"] |= {
        "health": {
            "title": "Page",
            "intent": "open",
            "probes": {"page": {"kind": "http", "url": page, "tls": {"ca": ca}}},
        },
        "ping": {"title": "Ping", "intent": "open", "probes": {"ping": {"kind": "icmp", "host": "127.0.0.1"}}},
    }
    read["alerts"]["heartbeat"] = {"every": "1s", "to": "duty"}
    read["web"] = {"listen": f"127.0.0.1:{port}"}
    return read


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
    await world.life.end(signal.SIGKILL)
    await world.stack.until(f'up{{job="retabli",instance="{DAEMON}"}} == 0')
    await dead(world)


async def healthy(world: World) -> None:
    silent = EMPTY_WHEN_HEALTHY | EMPTY_UNTIL_NOT_JUDGED
    assert set(silent) <= set(NAMED)
    await world.until(lambda: world.empty(name for name in NAMED if name not in silent), 120)
    await world.until(lambda: world.full(name for name in silent if "depuis le démarrage" not in name))
    await world.until(lambda: world.other(HEALTHY))
    assert "restoration: Les flux A" in await world.green()
    for job in ("retabli", "retabli-probe"):
        await world.until(lambda job=job: without_data(world, [stock(expr, job) for expr in STOCK]))
    await world.until(lambda: without_data(world, [stock(expr, "retabli") for expr in STOCK_ICMP]))


async def without_data(world: World, exprs: Iterable[str]) -> list[str]:
    return [expr for expr in exprs if not await world.ask(expr)]


def stock(expr: str, job: str) -> str:
    chosen = expr.replace("$job", job).replace("$target", ".+")
    return chosen.replace('instance=~".+"', f'instance=~".+",job="{job}"')


async def cut(world: World) -> None:
    await world.until(lambda: world.empty(EMPTY_WHEN_HEALTHY))
    await world.until(lambda: world.other(CUT))
    await world.until(lambda: world.listed_otherwise(LISTED_WHEN_CUT))
    causes = {labels["flow"]: labels["cause"] for labels, _ in await world.answers(NAMED["restoration: Les flux F"])}
    assert causes["mail-out"] == "refused"
    assert "confinement: Les flux fermés A" not in await world.green()
    firing = {"FlowDropped", "FlowBreached", "Watchdog"}
    for rule in rules():
        await world.stack.query(rule.expr)
    await world.until(lambda: without_data(world, [rule.expr for rule in rules() if not rule.alerts]))
    # The other alerts are of what takes hours, or of neither state: the rules' own tests reach each of them.
    await world.until(lambda: without_data(world, [rule.expr for rule in alerts() if rule.name in firing]))


async def dead(world: World) -> None:
    assert await world.green() == []
    for board in ("restoration", "flow", "confinement", "itself"):
        shown = NAMED[f"{board}: Retabli répond-il\u00a0? A"]
        assert {shown.looks(value) for _, value in await world.answers(shown)} == {
            ("NE RÉPOND PLUS", COLOURS[State.DROPPED])
        }
    assert await world.full(["restoration: ● Rétablis A", "confinement: ■ Isolés, prouvés A"]) == []
    assert await world.other({"restoration: ? Inconnus A": len(ALL), "confinement: ? Non prouvés A": 1}) == {}
    listed = await world.answers(NAMED["restoration: Les flux A"])
    assert {labels["flow"] for labels, _ in listed} == set(ALL), "they stay listed, and nothing is said of them"
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
