"""A daemon that is killed -9 at random moments of a drop's life, and what on-call hears of it by each road."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.daemon.living import Life, Post

PATIENCE = 45.0  # seconds that a message may take, a start of the daemon included


class Window(StrEnum):
    """When the daemon is killed: between …"""

    CUT = "cut and page"
    PAGE = "page and repair"
    REPAIR = "repair and resolve"
    PAGE_UNTOLD = "page and its acceptance"  # the receiver is away meanwhile
    RESOLVE_UNTOLD = "resolve and its acceptance"


# The latest moments of each window at which a kill is tried, in seconds: about as long as it lasts.
LASTS: Mapping[Window, float] = {
    Window.CUT: 1.2,
    Window.PAGE: 0.5,
    Window.REPAIR: 2.0,
    Window.PAGE_UNTOLD: 0.5,
    Window.RESOLVE_UNTOLD: 0.5,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a receiver got it: `at` is monotonic, `page` what it speaks of, `key` what it repeats."""

    at: float
    status: str
    page: str
    key: str


def own(body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a message of Retabli's webhook says of flows, one by one or grouped: status, page, key."""
    for page in body.get("pages", [body]):
        if page.get("flow") is not None:
            yield page["status"], page["incident"], page["key"]


def alertmanagers(body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a message of Alertmanager's webhook says of the flow: one alert is one page from its start to its end."""
    for alert in body["alerts"]:
        if alert["labels"]["alertname"] == "FlowDropped":
            page = f"{alert['fingerprint']} {alert['startsAt']}"
            yield alert["status"], page, f"{page} {alert['status']}"


@dataclass
class Road:
    """One way to on-call, by its receiver at the end."""

    name: str
    hook: Post
    read: Callable[[Mapping[str, Any]], Iterator[tuple[str, str, str]]] = own

    @property
    def heard(self) -> list[Heard]:
        pairs = list(zip(self.hook.times, self.hook.bodies, strict=False))
        return [Heard(at, *said) for at, body in pairs for said in self.read(body)]

    def pages(self, status: str) -> dict[str, float]:
        """The pages of which that was said, and when it was said first."""
        found: dict[str, float] = {}
        for each in self.heard:
            if each.status == status:
                found.setdefault(each.page, each.at)
        return found

    @property
    def repeats(self) -> int:
        """How many messages came again, under the key of the first."""
        return len(self.heard) - len({each.key for each in self.heard})

    async def until(self, status: str, number: int) -> float:
        """When the so-maniest page had that said of it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self.pages(status)) < number:
                    self.hook.news.clear()
                    await self.hook.news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name}: not {number} × {status}: {self.heard}") from None
        return list(self.pages(status).values())[number - 1]


@dataclass(frozen=True, slots=True)
class Kill:
    """A drop's life with a kill in it. Seconds: `after` the window began; each road's to page and resolve."""

    number: int
    window: Window
    after: float
    paged: tuple[float, ...]
    resolved: tuple[float, ...]


@dataclass
class Killings:
    """Drops one after the other, each with a kill in it. The first road is the daemon's own."""

    life: Life
    roads: Sequence[Road]
    chance: random.Random
    kills: list[Kill] = field(default_factory=list)

    async def drop(self, window: Window) -> Kill:
        """From restored to restored, told by every road."""
        number, after = len(self.kills) + 1, 0.0
        if window is Window.PAGE_UNTOLD:
            await self.roads[0].hook.stop()
        cut = time.monotonic()
        await self.life.watched.stop()
        if window is Window.CUT:
            after = await self._kill_before("firing", number, window)
        elif window is Window.PAGE_UNTOLD:
            await self.life.until(lambda flow: flow["incident"] is not None)
            after = await self._kill_untold(window)
        paged = [await road.until("firing", number) - cut for road in self.roads]
        if window is Window.PAGE:
            after = await self._sleep_in(window)
            await self._kill()
        elif window is Window.RESOLVE_UNTOLD:
            await self.roads[0].hook.stop()
        repaired = time.monotonic()
        await self.life.watched.start()
        if window is Window.REPAIR:
            after = await self._kill_before("resolved", number, window)
        elif window is Window.RESOLVE_UNTOLD:
            await self.life.until(lambda flow: flow["incident"] is None)
            after = await self._kill_untold(window)
        resolved = [await road.until("resolved", number) - repaired for road in self.roads]
        await self.life.until_state("restored")
        self.kills.append(Kill(number, window, after, tuple(paged), tuple(resolved)))
        return self.kills[-1]

    async def _sleep_in(self, window: Window) -> float:
        after = self.chance.uniform(0.0, LASTS[window])
        await asyncio.sleep(after)
        return after

    async def _kill_untold(self, window: Window) -> float:
        """The message is remembered, and nobody has it; the receiver comes back when the daemon is dead."""
        after = await self._sleep_in(window)
        await self._kill(self.roads[0].hook.start)
        return after

    async def _kill_before(self, status: str, number: int, window: Window) -> float:
        """At a random moment, or in the very one in which that message has arrived and is not accepted yet."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.chance.uniform(0.0, LASTS[window])):
                await self.roads[0].until(status, number)
        except TimeoutError:
            pass
        after = time.monotonic() - began
        await self._kill()
        return after

    async def _kill(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        """And start again, after a while in which nobody watches."""
        await self.life.end(signal.SIGKILL)
        if meanwhile is not None:
            await meanwhile()
        await asyncio.sleep(self.chance.uniform(0.0, 0.5))
        await self.life.start()

    def table(self) -> str:
        names = " | ".join(f"{road.name}: page | resolve" for road in self.roads)
        lines = [f"| kill | between | after | {names} |", "|---" * (3 + 2 * len(self.roads)) + "|"]
        for kill in self.kills:
            told = [f"{page:.1f} s | {end:.1f} s" for page, end in zip(kill.paged, kill.resolved, strict=True)]
            lines.append(f"| {kill.number} | {kill.window} | {kill.after:.2f} s | {' | '.join(told)} |")
        lines.append("")
        for road in self.roads:
            pages, ends = len(road.pages("firing")), len(road.pages("resolved"))
            lines.append(f"{road.name}: {pages} pages, {ends} resolves, {road.repeats} repeats under the same key")
        return "\n".join(lines)


def watching(life: Life) -> str:
    """The flow, in the words of the configuration: quick, but slow enough for a kill to come in between."""
    probe = f"{{kind: tcp, host: 127.0.0.1, port: {life.watched.port}}}"
    return f"{{title: Port, intent: open, confirm: 300ms, probes: {{p: {probe}}}}}"
