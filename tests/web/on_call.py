"""Those on call, over a view: what the pipeline does with what they say, without a pipeline."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from retabli.model.record import Acknowledgement, Entry, Event, FlowPicture, Incident, Silence, Standing
from retabli.model.words import Words
from retabli.paging import NotNow
from retabli.view import View
from tests.view.pictures import NOW

LONGEST = 30 * 86_400.0


def stamp(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


@dataclass
class Board:
    """Shows at once what it was told, and writes the row of the log."""

    view: View
    at: float = NOW
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def acknowledge(self, flow: str, *, by: str, note: str = "", until: float | None = None) -> Incident:
        self.heard.append(("acknowledge", {"by": by, "note": note, "until": until}))
        picture = self._picture(flow)
        if picture.standing.incident is None:
            raise NotNow(Words("aucune alerte n'est ouverte pour ce flux", "no page of this flow is open"))
        said = Acknowledgement(by, self.at, note, until, until)
        incident = replace(picture.standing.incident, acknowledged=said)
        data = {"incident": incident.id, "reason": incident.reason, "by": by, "note": note, "until": stamp(until)}
        self._show(picture, replace(picture.standing, incident=incident), Event.ACKNOWLEDGE, data)
        return incident

    async def silence(self, flow: str, *, until: float, by: str, why: str) -> Silence:
        self.heard.append(("silence", {"by": by, "why": why, "until": until}))
        picture = self._picture(flow)
        if not self.at < until <= self.at + LONGEST:
            raise NotNow(Words("cet instant est passé", "this instant is past"))
        silence = Silence(by, why, self.at, until, until)
        data = {"by": by, "why": why, "until": stamp(until)}
        self._show(picture, replace(picture.standing, silence=silence), Event.SILENCE, data)
        return silence

    async def unsilence(self, flow: str, *, by: str) -> None:
        self.heard.append(("unsilence", {"by": by}))
        picture = self._picture(flow)
        if picture.standing.silence is None:
            raise NotNow(Words("ce flux n'est pas en silence", "this flow is not silenced"))
        self._show(picture, replace(picture.standing, silence=None), Event.SILENCE, {"by": by, "ended": True})

    def _picture(self, flow: str) -> FlowPicture:
        return self.view.pictures[flow]

    def _show(self, picture: FlowPicture, standing: Standing, event: Event, data: dict[str, Any]) -> None:
        self.view.show(replace(picture, standing=standing), None, None)
        self.view.logged(Entry(self.at, event, picture.flow.id, data))
