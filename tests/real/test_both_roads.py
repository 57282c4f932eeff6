"""Both roads into one Alertmanager with the shipped files: the daemon's webhook, its channel `alertmanager`, and
Prometheus on its metrics. A person is paged once by each road, and hears of no end that was not seen.

With `-s` each test prints what was heard, and when.
"""

import shutil
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.daemon.living import Life, Post
from tests.real.alerting import Stack, Told

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("prometheus-alertmanager") is None,
        reason="prometheus or prometheus-alertmanager is not installed",
    ),
]

DUTY = "duty-and-sms"  # whom pages of a vital flow go to
ROUNDS = "[5s:1s]"  # looks of Prometheus, within which it would have said more

OPEN = "{{title: Porte, intent: open, criticality: vital, probes: {{p: {{kind: tcp, host: 127.0.0.1, port: {port}}}}}}}"
CLOSED = (
    "{{title: Internet, intent: closed, criticality: vital, probes: {{p: {{kind: containment, every: 1s, timeout: 1s, "
    "attempts: [{{to: 127.0.0.1, port: {port}}}], "
    "control: {{path: {{to: 127.0.0.1, port: {hook}}}, alive: {{declared: true}}}}}}}}}}"
)


BOTH = {("FlowDropped", "firing", "the channel"), ("FlowDropped", "firing", "the rules")}


@dataclass
class Both:
    """One flow, a daemon that has both channels, and what each road said of it."""

    life: Life
    stack: Stack
    told: Told
    moments: list[tuple[float, str]] = field(default_factory=list)

    async def begin(self, flow: str, state: str) -> None:
        port, hook = self.life.watched.port, self.life.hook.port
        self.life.write(flows=flow.format(port=port, hook=hook))
        webhook = f'{{duty: {{kind: webhook, url: "http://127.0.0.1:{hook}/"}}'
        am = f'am: {{kind: alertmanager, resend: 1s, urls: ["http://127.0.0.1:{self.stack.am_port}"]}}}}'
        text = self.life.config.read_text().replace("name: Test,", "name: CHU de Rennes,")
        self.life.config.write_text(text.replace(f"{webhook}}}", f"{webhook}, {am}"))
        self.stack.start()
        await self.life.start()
        await self.life.until_state(state)
        await self.stack.until("retabli:flow_page_open:held == 0")

    def did(self, what: str) -> None:
        self.moments.append((time.monotonic(), what))

    async def until_closed_on_both(self) -> None:
        await self.stack.until("max(retabli:flow_page_open:held) == 0 and max(retabli_flow_page_open) == 0")
        for name in ("FlowDropped", "FlowBreached"):
            await self.stack.until_held(name, none=True)

    async def rounds(self) -> None:
        """Five looks of Prometheus and as many of Alertmanager, from now on."""
        since = time.time()
        await self.stack.until(
            f'(vector(time()) > {since} + 5) and on () count_over_time(up{{job="retabli"}}{ROUNDS}) >= 4'
        )

    async def post(self, word: str, **fields: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"http://127.0.0.1:{self.life.port}/api/v1/flows/port/{word}", json=fields)
        assert answer.is_success, answer.text

    def own(self) -> list[str]:
        return [body["status"] for body in self.life.hook.bodies]

    def heard(self, receiver: str = DUTY) -> list[tuple[str, str, str]]:
        """Of each alert in each of Alertmanager's messages: its name and status, and the road that it came by."""
        return [each for to, said in self._said() if to == receiver for each in said]

    def messages(self, receiver: str = DUTY) -> list[set[tuple[str, str, str]]]:
        """The same, message by message."""
        return [set(said) for to, said in self._said() if to == receiver]

    def _said(self) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
        for to, body in self.told.messages:
            yield (
                to,
                [(alert["labels"]["alertname"], alert["status"], _road(alert["labels"])) for alert in body["alerts"]],
            )

    def timeline(self) -> str:
        hook = self.life.hook
        told = [
            *self.moments,
            *(
                (at, f"webhook of Retabli: {b['status']} {b['reason']}")
                for at, b in zip(hook.times, hook.bodies, strict=True)
            ),
            *self._by_alertmanager(),
        ]
        zero = self.moments[0][0]
        return "\n".join(f"{at - zero:7.2f} s  {what}" for at, what in sorted(told) if at >= zero)

    def _by_alertmanager(self) -> Iterator[tuple[float, str]]:
        for at, (to, said) in zip(self.told.times, self._said(), strict=True):
            if to != "dead-man":
                words = ", ".join(f"{name} {status} ({road})" for name, status, road in said)
                yield at, f"Alertmanager to {to}: {words}"


def _road(labels: dict[str, str]) -> str:
    return "the channel" if "incident" in labels else "the rules"


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    watched, hook, told = Post(), Post(), Told()
    await hook.start()
    await told.start()
    life = Life(tmp_path, watched, hook)
    folder = tmp_path / "stack"
    folder.mkdir()
    both = Both(life, Stack(folder, life.port, told), told)
    try:
        yield both
    finally:
        if both.moments:
            print("\n" + both.timeline())  # noqa: T201 - for `-s`
        await life.leave()
        both.stack.stop()
        for post in (watched, hook, told):
            await post.stop()


async def test_a_drop_is_told_once_by_each_road_and_its_end_too(both: Both) -> None:
    await both.life.watched.start()
    await both.begin(OPEN, "restored")
    both.did("cut")
    await both.life.watched.stop()
    await both.told.until(lambda: ("FlowDropped", "firing", "the channel") in both.heard())
    await both.life.hook.told(1)
    await both.stack.until('ALERTS{alertname="FlowDropped"}')
    await both.rounds()
    assert {_road(alert["labels"]) for alert in await both.stack.held("FlowDropped")} == {"the channel", "the rules"}
    groups = await both.stack.get(f"{both.stack.am_port}/api/v2/alerts/groups?receiver={DUTY}")
    assert [group["labels"] for group in groups] == [{"site": "CHU de Rennes", "flow": "port"}]
    assert both.own() == ["firing"]
    first, last = both.messages()[0], both.messages()[-1]
    assert first == {("FlowDropped", "firing", "the channel")}
    assert last == BOTH
    paged = len(both.messages())
    assert paged == 2

    both.did("somebody acknowledges")
    await both.post("acknowledge", by="Jeanne")
    await both.rounds()
    assert len(await both.stack.held("FlowDropped")) == 2, "Alertmanager knows nothing of it"
    both.did("repaired")
    await both.life.watched.start()
    await both.life.hook.told(2)
    await both.told.until(lambda: any(name == "FlowPageClosed" for name, _, _ in both.heard()))
    await both.until_closed_on_both()
    await both.rounds()
    assert both.own() == ["firing", "resolved"]
    assert both.messages()[paged:] == [{("FlowPageClosed", "firing", "the rules")}], (
        "nobody is paged for what is repaired"
    )


async def test_a_breach_is_told_by_each_road_and_hidden_by_none(both: Both) -> None:
    await both.begin(CLOSED, "contained")
    both.did("opened")
    await both.life.watched.start()
    each_told = {("FlowBreached", "firing", "the channel"), ("FlowBreached", "firing", "the rules")}
    await both.told.until(lambda: each_told <= set(both.heard("security")))
    both.did("shut again")
    await both.life.watched.stop()
    await both.told.until(lambda: ("FlowPageClosed", "firing", "the rules") in both.heard("security"))
    await both.until_closed_on_both()
    await both.rounds()
    assert both.own() == ["firing", "resolved"]
    assert set(both.heard("security")) == {*each_told, ("FlowPageClosed", "firing", "the rules")}


async def test_a_silence_given_to_retabli_mutes_both_roads_and_what_is_still_down_is_told_after_it(both: Both) -> None:
    await both.life.watched.start()
    await both.begin(OPEN, "restored")
    await both.post("silence", by="Karim", why="bascule", until="1h")
    both.did("silenced, and cut")
    await both.life.watched.stop()
    await both.life.until_state("dropped")
    await both.stack.until('retabli_flow_state{state="dropped"} == 1')
    await both.rounds()
    assert await both.stack.query("retabli_flow_page_open == 1") == []
    assert both.own() == []
    assert both.heard() == []
    both.did("the silence is lifted")
    await both.post("unsilence", by="Karim")
    await both.life.hook.told(1)
    await both.told.until(both.heard)
    await both.stack.until('ALERTS{alertname="FlowDropped"}')
    assert both.own() == ["firing"]
    assert set(both.heard()) <= BOTH
