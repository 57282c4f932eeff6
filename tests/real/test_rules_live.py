"""The shipped rules and examples over a whole daemon, with everything killed in turn: nothing that dies ends a page."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.daemon.living import Life, life_in
from tests.deploy.shipped import rules
from tests.real.alerting import FORGOTTEN, Stack, Told

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("prometheus-alertmanager") is None,
        reason="prometheus or prometheus-alertmanager is not installed",
    ),
]

FLOW = (
    "{{title: Porte, intent: open, criticality: vital, owner: Équipe, "
    "probes: {{p: {{kind: tcp, host: 127.0.0.1, port: {port}}}}}}}"
)
OPEN = "duty-and-sms"  # whom pages of a vital flow go to


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    told = Told()
    await told.start()
    yield told
    await told.stop()


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    """A daemon whose one flow is restored."""
    async with life_in(tmp_path) as life:
        life.write(flows=FLOW.format(port=life.watched.port))
        await life.start()
        await life.until_state("restored")
        yield life


@pytest.fixture
async def stack(tmp_path: Path, life: Life, told: Told) -> AsyncIterator[Stack]:
    folder = tmp_path / "stack"
    folder.mkdir()
    stack = Stack(folder, life.port, told)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


async def every_rule_can_be_evaluated(stack: Stack) -> None:
    for rule in rules():
        await stack.query(rule.expr)
    groups = (await stack.get(f"{stack.port}/api/v1/rules"))["data"]["groups"]
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []


async def test_a_page_survives_the_death_of_everything_and_ends_with_the_repair(
    life: Life, stack: Stack, told: Told
) -> None:
    await told.until(lambda: told.alerts("dead-man", "Watchdog"))
    await stack.until('retabli:flow_page_open:held{flow="port",reason="dropped"} == 0')
    await every_rule_can_be_evaluated(stack)

    # the cut
    await life.watched.stop()
    await told.until(lambda: told.alerts(OPEN, "FlowDropped"))
    page = told.alerts(OPEN, "FlowDropped")[0]
    assert page["labels"] | {"severity": "page", "criticality": "vital", "owner": "Équipe"} == page["labels"]
    assert page["labels"] | {"site": "CHU de Rennes", "standpoint": "inside", "reason": "dropped"} == page["labels"]
    assert (page["annotations"]["title"], page["annotations"]["cause"]) == (
        "Porte",
        "p: connect/refused (partner_down)",
    )
    await told.until(lambda: told.alerts("tickets", "FlowDropped"))
    await every_rule_can_be_evaluated(stack)

    # the daemon dies
    await life.end(signal.SIGKILL)
    await stack.until('up{job="retabli"} == 0')
    assert await stack.query("retabli_build_info") == []
    await stack.until('count_over_time((up{job="retabli"} == 0)[5s:1s]) >= 4')  # and rules were evaluated meanwhile
    assert await stack.query('ALERTS{alertname="FlowDropped"}')
    assert await stack.held("FlowDropped")
    assert told.resolved("tickets") == []
    # Prometheus dies meanwhile, for a moment
    stack.prometheus.kill()
    stack.prometheus.start()
    again = await stack.until('ALERTS{alertname="FlowDropped"}')
    assert {**page["labels"], "alertstate": "firing", "__name__": "ALERTS"} == again[0]["metric"]
    # … and Alertmanager, which then knows nothing, until it is told again
    stack.alertmanager.kill()
    stack.alertmanager.start()
    assert (await stack.until_held("FlowDropped"))[0]["labels"] == page["labels"]
    await told.until(lambda: told.alerts(OPEN, "RetabliDown"), 90)
    await every_rule_can_be_evaluated(stack)
    assert await stack.held("FlowDropped")
    assert told.resolved("tickets") == [], "even who is sent `resolved` heard of none"
    assert all(alert["labels"] == page["labels"] for alert in told.alerts(OPEN, "FlowDropped"))

    # Prometheus stays away for longer than Alertmanager believes it
    stack.prometheus.kill()
    await told.until(lambda: told.resolved("tickets"), FORGOTTEN + 10)
    assert told.resolved(OPEN) == told.alerts(OPEN, "FlowPageClosed") == []
    before = len(told.alerts(OPEN, "FlowDropped"))
    stack.prometheus.start()
    await told.until(lambda: len(told.alerts(OPEN, "FlowDropped")) > before)

    # the daemon is back, and still remembers; then the repair
    await life.start()
    await stack.until('retabli_flow_page_open{reason="dropped"} == 1')
    assert told.alerts(OPEN, "FlowPageClosed") == []
    await life.watched.start()
    await told.until(lambda: told.alerts(OPEN, "FlowPageClosed"))
    closed = told.alerts(OPEN, "FlowPageClosed")[0]
    assert closed["annotations"]["summary"] == "Flux rétabli\u00a0: port"
    assert closed["labels"] | {"flow": "port", "reason": "dropped", "criticality": "vital"} == closed["labels"]
    await stack.until_held("FlowDropped", none=True)
    await told.until(lambda: len(told.resolved("tickets")) > 1)
    assert told.resolved(OPEN) == []
    assert len(told.alerts(OPEN, "FlowPageClosed")) == 1
    await every_rule_can_be_evaluated(stack)


async def test_blackbox_s_dashboards_have_their_instance_and_the_daemon_keeps_its_own(stack: Stack) -> None:
    await stack.until('probe_success{job="retabli"} and on () probe_success{job="retabli-probe"}')

    async def instances(expression: str) -> dict[str, str]:
        return {each["metric"]["job"]: each["metric"]["instance"] for each in await stack.query(expression)}

    assert await instances("probe_success") == {"retabli": "port/p", "retabli-probe": "port/p"}
    assert await instances('up{job!="alertmanager"} == 1') == {"retabli": "retabli-inside", "retabli-probe": "port/p"}
    assert await instances('{__name__=~"retabli_build_info|retabli_flow_restored"}') == {"retabli": "retabli-inside"}
    assert {each["metric"].get("flow") for each in await stack.query('probe_success{job="retabli-probe"}')} == {None}


async def test_what_alertmanager_cannot_deliver_is_counted_where_the_rule_looks(stack: Stack, told: Told) -> None:
    await told.until(lambda: told.alerts("dead-man", "Watchdog"))
    failed = 'sum without (reason) (alertmanager_notifications_failed_total{integration="webhook"})'
    (counted,) = await stack.until(failed)
    wanted = {"job": "alertmanager", "instance": "alertmanager", "site": "CHU de Rennes", "integration": "webhook"}
    assert (counted["metric"], float(counted["value"][1])) == (wanted, 0)
    await told.stop()
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"http://127.0.0.1:{stack.am_port}/api/v2/alerts", json=[alert("RetabliTest", None)])
    await stack.until(f"{failed} > 0", 40)  # it gives up after ten seconds


# Alertmanager alone, told by hand --------------------------------------------------------------------------------

HERE = {"site": "CHU de Rennes", "standpoint": "inside"}
BY_RULES = {"job": "retabli", "instance": "retabli-inside"}


def alert(name: str, flow: str | None = "mail-out", severity: str = "page", **labels: str) -> dict[str, Any]:
    at = {"flow": flow} if flow else {}
    given = {"alertname": name, "severity": severity, **HERE, **at, **labels}
    return {"labels": given, "annotations": {"summary": name}, "startsAt": datetime.now(UTC).isoformat()}


@pytest.mark.parametrize(
    ("source", "target", "inhibits"),
    [
        (alert("RetabliDown", None, **BY_RULES), alert("FlowUnknown", **BY_RULES), True),
        (alert("RetabliDown", None, **BY_RULES), alert("FlowUnknown", job="retabli", instance="other"), False),
        (alert("RetabliDown", None, **BY_RULES), alert("FlowDropped", **BY_RULES), False),
        (alert("RetabliDown", None, **BY_RULES), alert("FlowBreached", **BY_RULES), False),
        (alert("FlowDropped", **BY_RULES), alert("MailLost", severity="warning", **BY_RULES), True),
        (alert("FlowDropped", **BY_RULES), alert("MailLost", "mail-in", "warning", **BY_RULES), False),
        (alert("FlowDropped", **BY_RULES), alert("FlowBreached", **BY_RULES), False),
        (alert("FlowDropped", "own_link", **BY_RULES), alert("FlowDropped", "mail-out", **BY_RULES), False),
        (alert("FlowDropped", incident="i1"), alert("FlowDropped", **BY_RULES), False),
        (alert("FlowDropped", incident="i1"), alert("FlowDropped", "mail-in", **BY_RULES), False),
        (alert("FlowDropped", incident="i1"), alert("FlowUnknown", **BY_RULES), False),
        (alert("FlowBreached", incident="i1"), alert("FlowBreached", **BY_RULES), False),
    ],
)
async def test_what_hides_what(
    tmp_path: Path, told: Told, source: dict[str, Any], target: dict[str, Any], inhibits: bool
) -> None:
    stack = Stack(tmp_path, 9, told)
    stack.alertmanager.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"http://127.0.0.1:{stack.am_port}/api/v2/alerts", json=[source, target])
        await told.until(lambda: sum(len(body["alerts"]) for _, body in told.messages) >= (1 if inhibits else 2))
        states = {
            tuple(sorted(each["labels"].items())): bool(each["status"]["inhibitedBy"])
            for each in await stack.get(f"{stack.am_port}/api/v2/alerts")
        }
        assert states[tuple(sorted(target["labels"].items()))] is inhibits
        assert states[tuple(sorted(source["labels"].items()))] is False
    finally:
        stack.alertmanager.stop()


@pytest.mark.parametrize("name", ["FlowDropped", "FlowBreached", "FlowUnknown"])
async def test_a_page_that_comes_by_both_roads_is_one_group_and_one_message(
    tmp_path: Path, told: Told, name: str
) -> None:
    stack = Stack(tmp_path, 9, told)
    stack.alertmanager.start()
    both = [alert(name, incident="i1", criticality="vital"), alert(name, criticality="vital", **BY_RULES)]
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"http://127.0.0.1:{stack.am_port}/api/v2/alerts", json=both)
        receiver = "security" if name == "FlowBreached" else OPEN
        await told.until(lambda: told.alerts(receiver, name))
        await asyncio.sleep(2.5)  # two more looks at the group
        groups = await stack.get(f"{stack.am_port}/api/v2/alerts/groups?receiver={receiver}")
        assert [len(group["alerts"]) for group in groups] == [2]
        assert groups[0]["labels"] == {"site": HERE["site"], "flow": "mail-out"}
        assert len([1 for to, _ in told.messages if to == receiver]) == 1
        assert len(told.alerts(receiver, name)) == 2  # neither is hidden behind the other
    finally:
        stack.alertmanager.stop()
