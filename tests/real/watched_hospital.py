"""A part of the simulated hospital, a daemon of its own process over it, a Prometheus over that; and what the shipped
dashboards then show."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.grafana import restoration
from deploy.grafana.looks import CLOSED, GOOD, MARKS
from retabli.model.states import STATE_WORDS, State
from simulator.configuration import write
from simulator.hospital import Hospital
from tests.daemon.living import Life, Post
from tests.deploy.dashboards import Asked, asked, filled
from tests.real.alerting import Stack, Told

FLOWS = ("mail-out", "mail-in", "websites", "internet", "card-payment", "appointments", "resolver", "proxy")
ADDED = ("health", "ping")
SHOWN = ("mail-out", "websites", "card-payment", "health", "ping")  # what a dashboard of one flow is looked at for
DAEMON = "retabli-inside"  # as the example calls it
ALL = (*FLOWS, *ADDED)  # of which one must stay closed
# The panel that counts the flows in each state: its title begins with the state's mark.
COUNTING = {
    state: f"restoration: {panel.title.fr} A"
    for state in State
    for panel in restoration.NUMBERS
    if panel.title.fr.startswith(MARKS[state])
}
NAMED = {each.name: each for each in asked()}


@dataclass(frozen=True, slots=True)
class World:
    hospital: Hospital
    life: Life
    stack: Stack
    client: httpx.AsyncClient

    async def states(self) -> dict[str, str]:
        """Every flow's, as the daemon itself says; the daemon's own link is one on a machine that has a gateway."""
        return {flow["id"]: flow["state"] for flow in (await self.life.get("/api/v1/flows"))["flows"]}

    async def until_states(self, wanted: Mapping[str, str], within: float = 90) -> None:
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(within):
                while any(found.get(flow) != state for flow, state in wanted.items()):
                    found = await self.states()
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

    async def without_data(self, exprs: Iterable[str]) -> list[str]:
        return [expr for expr in exprs if not await self.ask(expr)]

    async def counted_otherwise(self) -> dict[str, list[float]]:
        """The panels that count something else than the daemon itself."""
        states = Counter((await self.states()).values())
        return await self.other({name: states[state.value] for state, name in COUNTING.items()})

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


@asynccontextmanager
async def watched_hospital(folder: Path) -> AsyncIterator[World]:
    """A part of the simulated hospital, a daemon of its own process over it, Prometheus and Alertmanager over that."""
    place = folder / "hospital"
    place.mkdir()
    stack_place = folder / "stack"
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
            stack.start()
            yield World(hospital, life, stack, client)
        finally:
            stack.stop()
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
