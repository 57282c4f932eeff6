"""The channel `alertmanager` against real ones: what is open burns on every member, what is over on none, and an
Alertmanager never tells of a recovery that nobody has seen.
"""

import asyncio
import hashlib
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from retabli.alerts.channels.alertmanager import AlertmanagerChannel
from retabli.model.record import Message
from retabli.model.stamps import iso
from tests.alerts.members import message, settings
from tests.daemon.living import Life, Post
from tests.real.alertmanagers import Alertmanager, Receiver, alertmanager, cluster, needs_alertmanager, receiver

pytestmark = [pytest.mark.real, pytest.mark.timeout(90), needs_alertmanager]

LONG = 3.5  # seconds: three times the resolve_timeout of these Alertmanagers, and many rounds


@dataclass
class Watched:
    """A daemon that tells Alertmanager of one flow, which it has seen restored."""

    life: Life
    told: Receiver

    def write(
        self, *members: Alertmanager, owner: str = "network", channel: str = "", flows: str | None = None
    ) -> None:
        port = self.life.watched.port
        flow = (
            f"  port: {{title: Port, intent: open, criticality: vital, owner: {owner}, "
            f"probes: {{p: {{kind: tcp, host: 127.0.0.1, port: {port}}}}}}}\n"
        )
        urls = ", ".join(f'"{member.url}/"' for member in members)
        self.life.config.write_text(
            "site: {name: 'CHU \"de\" Rennes, essai', language: en}\nstandpoint: inside\nstate: state.db\n"
            f'web: {{listen: "127.0.0.1:{self.life.port}"}}\n'
            "defaults: {every: 200ms, timeout: 200ms, rise: 3, soak: 400ms, fall: 3, confirm: 50ms}\n"
            "alerts: {channels: {am: {kind: alertmanager, resend: 300ms, timeout: 1s, "
            f"urls: [{urls}]{channel}}}}}}}\nflows:\n{flow if flows is None else flows}"
        )

    async def restored(self, *members: Alertmanager, **given: Any) -> None:
        self.write(*members, **given)
        await self.life.watched.start()
        await self.life.start()
        await self.life.until_state("restored")

    async def cut(self) -> dict[str, Any]:
        await self.life.watched.stop()
        return await self.life.until_state("dropped")

    async def repaired(self) -> None:
        await self.life.watched.start()
        await self.life.until_state("restored")

    @property
    def statuses(self) -> list[str]:
        return self.told.statuses(flow="port")

    async def until(self, *statuses: str) -> None:
        try:
            await self.told.until(lambda: self.statuses == list(statuses))
        except TimeoutError:
            raise AssertionError(f"told {self.statuses}") from None


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with receiver() as told:
        life = Life(tmp_path, Post(), told)
        try:
            yield Watched(life, told)
        finally:
            if life.process is not None:
                await life.end(signal.SIGTERM)  # which shows whether it had a defect
            await life.watched.stop()


def burns(alerts: list[dict[str, Any]]) -> bool:
    return len(alerts) == 1


def out(alerts: list[dict[str, Any]]) -> bool:
    return not alerts


async def test_a_page_and_its_resolve_reach_whoever_alertmanager_tells(watched: Watched, tmp_path: Path) -> None:
    with alertmanager(tmp_path, watched.told.url) as am:
        await watched.restored(am)
        began = time.monotonic()
        dropped = await watched.cut()
        await watched.until("firing")
        assert time.monotonic() - began < 5
        (seen,) = am.amtool("alert", "query", "flow=port", "severity=page")
        assert seen["labels"] == {
            "alertname": "FlowDropped",
            "flow": "port",
            "reason": "dropped",
            "severity": "page",
            "criticality": "vital",
            "owner": "network",
            "site": 'CHU "de" Rennes, essai',
            "standpoint": "inside",
            "incident": dropped["incident"],
        }
        assert seen["annotations"]["summary"].startswith("Dropped: Port")
        assert seen["annotations"]["cause"] == "refused"
        assert seen["generatorURL"] == f"http://127.0.0.1:{watched.life.port}/flows/port"
        await watched.repaired()
        await watched.until("firing", "resolved")
        assert await am.alerts() == []
        resolved = watched.told.alerts[-1]
        assert resolved["annotations"]["summary"].startswith("Restored: Port")
        assert resolved["startsAt"] == seen["startsAt"].replace(".000Z", "Z")


async def test_an_alertmanager_that_is_killed_has_the_page_again_and_tells_of_no_recovery(
    watched: Watched, tmp_path: Path
) -> None:
    with alertmanager(tmp_path, watched.told.url) as am:
        await watched.restored(am)
        await watched.cut()
        (before,) = await am.until(burns)
        await watched.until("firing")
        am.kill()
        await asyncio.sleep(1)  # rounds that fail
        am.start()
        (after,) = await am.until(burns, within=3)
        assert (after["fingerprint"], after["startsAt"]) == (before["fingerprint"], before["startsAt"])
        await asyncio.sleep(LONG)
        assert set(watched.statuses) == {"firing"}
        await watched.repaired()
        await watched.told.until(lambda: watched.told.statuses()[-1] == "resolved")
        assert watched.statuses.count("resolved") == 1
        failed = await metric(watched, 'retabli_alerts_failed_total{channel="am"}')
        assert failed >= 1
        async with asyncio.timeout(10):
            while await metric(watched, 'retabli_alerts_sent_total{channel="am"}') < 2:
                await asyncio.sleep(0.05)


async def test_alertmanager_tells_of_no_recovery_while_nobody_watches(watched: Watched, tmp_path: Path) -> None:
    with alertmanager(tmp_path, watched.told.url) as am:
        await watched.restored(am)
        await watched.cut()
        await watched.until("firing")
        await watched.life.end(signal.SIGKILL)
        await asyncio.sleep(LONG)
        assert watched.statuses == ["firing"]
        assert burns(await am.alerts())
        await watched.life.watched.start()
        await asyncio.sleep(1)
        assert watched.statuses == ["firing"]
        await watched.life.start()
        await watched.until("firing", "resolved")


async def test_the_resolve_reaches_a_member_that_was_away(watched: Watched, tmp_path: Path) -> None:
    with cluster(tmp_path, watched.told.url) as (first, second):
        await watched.restored(first, second)
        await watched.cut()
        await first.until(burns)
        await second.until(burns)
        await watched.told.until(lambda: "firing" in watched.statuses)
        second.freeze()
        await watched.repaired()
        await first.until(out)
        await watched.told.until(lambda: watched.statuses[-1] == "resolved")
        second.thaw()
        await second.until(out)
        await asyncio.sleep(LONG)
        assert watched.statuses[-1] == "resolved"
        assert out(await second.alerts())


async def test_a_daemon_killed_after_a_resolve_that_one_member_missed_has_it_there_once_it_is_back(
    watched: Watched, tmp_path: Path
) -> None:
    with cluster(tmp_path, watched.told.url) as (first, second):
        await watched.restored(first, second)
        await watched.cut()
        await second.until(burns)
        second.freeze()
        await watched.repaired()
        await first.until(out)
        await watched.life.end(signal.SIGKILL)
        second.thaw()
        await asyncio.sleep(1)
        assert burns(await second.alerts())
        await watched.life.start()
        await second.until(out)


async def test_a_page_is_taken_though_a_member_is_dead_and_burns_there_once_it_lives(
    watched: Watched, tmp_path: Path
) -> None:
    with cluster(tmp_path, watched.told.url) as (first, second):
        second.kill()
        await watched.restored(first, second)
        await watched.cut()
        await watched.until("firing")
        assert await metric(watched, 'retabli_alerts_pending{channel="am"}') == 0
        second.start()
        await second.until(burns)
        await asyncio.sleep(1)
        assert set(watched.statuses) == {"firing"}


async def test_what_this_daemon_does_not_know_to_be_over_is_left_alone(watched: Watched, tmp_path: Path) -> None:
    """Another Retabli at the same place, or this one before its state was lost."""
    labels = {"alertname": "FlowDropped", "flow": "other", "incident": "4f" * 10}
    place = {"site": 'CHU "de" Rennes, essai', "standpoint": "inside"}
    with alertmanager(tmp_path, watched.told.url) as am:
        await watched.restored(am)
        assert (await am.post({"labels": labels | place, "endsAt": "2100-01-01T00:00:00Z"})).is_success
        await watched.cut()
        await am.until(lambda alerts: len(alerts) == 2)
        await watched.repaired()
        await am.until(burns)
        await asyncio.sleep(1)
        (left,) = await am.alerts()
        assert left["labels"]["flow"] == "other"


async def test_an_owner_that_changes_while_a_page_is_open_makes_no_second_alert(
    watched: Watched, tmp_path: Path
) -> None:
    with alertmanager(tmp_path, watched.told.url) as am:
        await watched.restored(am)
        await watched.cut()
        await watched.until("firing")
        watched.write(am, owner="telephony")
        await reload(watched)
        await asyncio.sleep(1)
        (alert,) = await am.alerts()
        assert alert["labels"]["owner"] == "network"
        await watched.life.end(signal.SIGKILL)
        await watched.life.start()
        await asyncio.sleep(1)
        (alert,) = await am.alerts()
        assert alert["labels"]["owner"] == "network"
        await watched.repaired()
        await watched.until("firing", "resolved")
        assert out(await am.alerts())


async def test_the_page_of_a_flow_that_is_removed_burns_no_longer(watched: Watched, tmp_path: Path) -> None:
    other = "  other: {title: Other, intent: open, probes: {p: {kind: tcp, host: 127.0.0.1, port: 9}}}\n"
    with alertmanager(tmp_path, watched.told.url) as am:
        await watched.restored(am)
        await watched.cut()
        await watched.until("firing")
        await watched.life.end(signal.SIGKILL)  # nothing of it is known by heart
        watched.write(am, flows=other)
        await watched.life.start()
        await watched.until("firing", "resolved")
        assert "no longer watched" in watched.told.alerts[-1]["annotations"]["summary"].lower()


async def test_an_end_that_lies_in_its_future_is_no_end_for_alertmanager(watched: Watched, tmp_path: Path) -> None:
    """Why a resolve bears an instant that is past by the member's own clock."""
    labels = {"alertname": "FlowDropped", "flow": "port"}
    with alertmanager(tmp_path, watched.told.url) as am:
        alert = {"labels": labels, "startsAt": iso(time.time() - 10)}
        await am.post(alert | {"endsAt": "2100-01-01T00:00:00Z"})
        await am.post(alert | {"endsAt": iso(time.time() + 2)})
        await asyncio.sleep(3)
        assert burns(await am.alerts())


async def test_a_storm_too_large_to_be_read_at_once_burns_and_is_put_out(watched: Watched, tmp_path: Path) -> None:
    names = [hashlib.sha256(bytes([number // 256, number % 256])).hexdigest()[:20] for number in range(1500)]
    pages = [{**message().body, "incident": name, "flow": f"f{number}"} for number, name in enumerate(names)]
    storm: dict[str, Any] = {"status": "firing", "flow": None, "pages": pages}
    calm = storm | {"status": "resolved", "pages": [each | {"status": "resolved"} for each in pages]}
    with alertmanager(tmp_path, watched.told.url) as am:
        channel = AlertmanagerChannel(settings(am.url))
        await channel.send(Message("storm", "am", "*storm", storm))
        assert len(await am.alerts()) == 1500
        again = AlertmanagerChannel(settings(am.url))  # which knows none of them
        for page in calm["pages"]:
            page["reason"] = "removed"
        await again.send(Message("calm", "am", "*storm", calm))
        assert out(await am.alerts())
        await channel.close()
        await again.close()


async def test_a_password_and_a_path_of_its_own(watched: Watched, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"between us", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{retabli: '{hashed}'}}\n")
    (tmp_path / "word").write_text("between us\n")
    (tmp_path / "word").chmod(0o600)
    more = (f"--web.config.file={tmp_path}/web.yml", "--web.route-prefix=/am")
    access = f", user: retabli, password: {{file: {tmp_path}/word}}"
    with alertmanager(tmp_path, watched.told.url, *more) as am:
        watched.write(am, channel=access)
        text = watched.life.config.read_text()
        watched.life.config.write_text(text.replace(f'"{am.url}/"', f'"{am.url}/am/"'))
        await watched.life.watched.start()
        await watched.life.start()
        await watched.life.until_state("restored")
        await watched.cut()
        await watched.until("firing")
        await watched.repaired()
        await watched.until("firing", "resolved")


async def reload(watched: Watched) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"http://127.0.0.1:{watched.life.port}/-/reload")).is_success


async def metric(watched: Watched, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{watched.life.port}/metrics")).text
    return float(next(line for line in text.splitlines() if line.startswith(name)).rpartition(" ")[2])
