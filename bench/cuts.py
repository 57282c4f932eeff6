"""One cut of one flow as on-call hears of it, by each of the three roads."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from bench.doors import Door, Kind
from tests.daemon.living import Post

OWN, METRICS, BLACKBOX = "Retabli", "Retabli → Prometheus", "blackbox → Prometheus"
ALERTS = {"FlowDropped": METRICS, "FlowBreached": METRICS, "ProbeFailed": BLACKBOX}
PATIENCE = 420.0  # seconds after which a page or a resolve that has not come is given up


@dataclass
class Cut:
    """One flow, its port, and what each road told of it. Monotonic seconds."""

    flow: str
    door: Door
    at: float = 0.0
    repaired: float = 0.0
    seen: float | None = None  # of a breach: when the probe that saw it knocked …
    again: float | None = None  # … and when the one that confirmed it did
    paged: dict[str, float] = field(default_factory=dict)
    resolved: dict[str, float] = field(default_factory=dict)
    too_soon: list[str] = field(default_factory=list)  # roads that told of an end before the repair
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def roads(self) -> tuple[str, ...]:
        return (OWN, METRICS) if self.door.kind is Kind.BREACH else (OWN, METRICS, BLACKBOX)

    def hear(self, road: str, status: str, now: float) -> None:
        """The first page and the first resolve of each road count: later ones are repeats."""
        if status == "firing" and self.at:
            self.paged.setdefault(road, now)
        elif status == "resolved" and self.repaired:
            self.resolved.setdefault(road, now)
        elif status == "resolved" and self.at:
            self.too_soon.append(road)
        self.news.set()

    async def until(self, heard: dict[str, float]) -> None:
        """Until every road has been heard of, or patience is at its end."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not heard.keys() >= set(self.roads):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            print(f"{self.flow}: heard by {', '.join(heard) or 'nobody'} alone", flush=True)


@dataclass
class OnCall(Post):
    """The webhook at the end of all three roads."""

    cuts: dict[str, Cut] = field(default_factory=dict)
    grouped: int = 0

    def took(self, body: dict[str, Any]) -> None:
        now = time.monotonic()
        if "alerts" in body:
            for alert in body["alerts"]:
                self._alerted(alert, now)
            return
        self.grouped += "pages" in body
        for page in body.get("pages", [body]):
            cut = self.cuts.get(page.get("flow") or "")
            if cut is not None:
                cut.hear(OWN, page["status"], now)

    def _alerted(self, alert: dict[str, Any], now: float) -> None:
        labels = alert["labels"]
        road = ALERTS.get(labels["alertname"])
        by_port = {f"127.0.0.1:{cut.door.port}": cut for cut in self.cuts.values()}
        cut = by_port.get(labels["instance"]) if road is BLACKBOX else self.cuts.get(labels.get("flow", ""))
        if road is not None and cut is not None:
            cut.hear(road, alert["status"], now)
