"""Pages, reminders and resolves, acknowledgements and silences: what of them is written by one step of the pipeline."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from retabli.model.record import Acknowledgement, Entry, Event, FlowPicture, Incident, Message, Silence, Standing
from retabli.model.stamps import iso
from retabli.model.states import State
from retabli.model.words import Words
from retabli.paging import Following, Notice, NotNow, Status
from retabli.pipeline.live import LiveFlow
from retabli.pipeline.writing import Writing

LONGEST = 30 * 86400.0  # seconds that a silence may last: one that nobody ends is a page that nobody gets
LENGTH = 400  # characters of what people write

Stands = Callable[[str], bool]


class Teller(Protocol):
    """Turns an open page into messages, one for each channel that is to get it. Pure."""

    def warns(self, picture: FlowPicture, at: float) -> bool:
        """Whether anybody wants to know that this flow is degraded."""

    def follow(self, picture: FlowPicture, *, now: float, at: float, stands: Stands) -> Following:
        """What is to be told now of this flow's open page."""

    def resolve(self, picture: FlowPicture, notice: Notice, at: float) -> Sequence[Message]:
        """The page has ended."""


class Announcer:
    """`tell` is asked each time: a reload may have given it other channels and routes."""

    def __init__(self, tell: Teller) -> None:
        self._tell = tell

    # what the machine says ------------------------------------------------------------------------------------

    def warned(self, live: LiveFlow, now: float, at: float) -> bool:
        """Whether a warning of this flow is to be kept: only asked where it makes a difference."""
        standing = live.standing
        return (
            standing.state is State.DEGRADED and standing.incident is None and self._tell.warns(live.picture(now), at)
        )

    def ended(self, live: LiveFlow, notice: Notice, now: float, at: float, writing: Writing) -> None:
        messages = self._tell.resolve(live.picture(now), notice, at)
        data = {
            "incident": notice.incident.id,
            "reason": notice.reason,
            "channels": [message.channel for message in messages],
        }
        writing.entries.append(Entry(at, Event.RESOLVE, live.flow.id, data))
        writing.messages.extend(messages)

    def deferred(self, live: LiveFlow, before: Standing, at: float, writing: Writing) -> None:
        """A page that would be due waits: for whom, and since when, is a row of its own."""
        standing = live.standing
        if standing.deferred is None or standing.deferred == before.deferred:
            return
        data: dict[str, Any] = {"reason": standing.deferred, "because": standing.because}
        if standing.silence is not None:
            data |= {"silenced_by": standing.silence.by, "until": iso(standing.silence.until)}
        writing.entries.append(Entry(at, Event.DEFERRED, live.flow.id, data))

    def silence_ran_out(self, live: LiveFlow, before: Standing, at: float, writing: Writing) -> None:
        if before.silence is not None and live.standing.silence is None:
            writing.entries.append(Entry(at, Event.SILENCE, live.flow.id, {"ended": True}))

    def follow(self, live: LiveFlow, now: float, at: float, stands: Stands, writing: Writing, *, opened: bool) -> bool:
        """Tell whoever is to be told now of the page that is open; whether there was anything to write.

        A page that opens is a row even if nobody is told of it.
        """
        if live.standing.incident is None:
            live.follow_up = float("inf")
            return False
        following = self._tell.follow(live.picture(now), now=now, at=at, stands=stands)
        live.follow_up = following.again
        incident = following.incident
        live.standing = replace(live.standing, incident=incident)
        for telling in following.tellings:
            data: dict[str, Any] = {
                "incident": incident.id,
                "reason": incident.reason,
                "channels": [message.channel for message in telling.messages],
            }
            if telling.status is Status.REMINDER:
                data["status"] = telling.status.value
            if telling.escalated:
                data["escalated"] = True
            writing.entries.append(Entry(at, Event.PAGE, live.flow.id, data))
            writing.messages.extend(telling.messages)
        if opened and not following.tellings:
            nobody: dict[str, Any] = {"incident": incident.id, "reason": incident.reason, "channels": []}
            writing.entries.append(Entry(at, Event.PAGE, live.flow.id, nobody))
        return opened or bool(following.tellings)

    # what people say ------------------------------------------------------------------------------------------

    def acknowledge(
        self, live: LiveFlow, now: float, at: float, writing: Writing, *, by: str, note: str, until: float | None
    ) -> Incident:
        """
        Raises:
            NotNow: no page is open, or `until` is past.
        """
        incident = live.standing.incident
        if incident is None:
            raise NotNow(Words("aucune alerte n'est ouverte pour ce flux", "no page of this flow is open"))
        ends = None if until is None else _ahead(until, now, at)
        taken = Acknowledgement(by[:LENGTH], at, note[:LENGTH], until, ends)
        incident = replace(incident, acknowledged=taken)
        live.standing = replace(live.standing, incident=incident)
        data = {
            "incident": incident.id,
            "reason": incident.reason,
            "by": taken.by,
            "note": taken.note,
            "until": None if until is None else iso(until),
        }
        writing.entries.append(Entry(at, Event.ACKNOWLEDGE, live.flow.id, data))
        return incident

    def silence(
        self, live: LiveFlow, now: float, at: float, writing: Writing, *, until: float, by: str, why: str
    ) -> Silence:
        """
        Raises:
            NotNow: `until` is past, or too far away.
        """
        silence = Silence(by[:LENGTH], why[:LENGTH], at, until, _ahead(until, now, at))
        live.standing = replace(live.standing, silence=silence)
        data = {"by": silence.by, "why": silence.why, "until": iso(until)}
        writing.entries.append(Entry(at, Event.SILENCE, live.flow.id, data))
        return silence

    def unsilence(self, live: LiveFlow, at: float, writing: Writing, *, by: str) -> None:
        """
        Raises:
            NotNow: this flow is not silenced.
        """
        if live.standing.silence is None:
            raise NotNow(Words("ce flux n'est pas en silence", "this flow is not silenced"))
        live.standing = replace(live.standing, silence=None)
        writing.entries.append(Entry(at, Event.SILENCE, live.flow.id, {"by": by[:LENGTH], "ended": True}))


def _ahead(until: float, now: float, at: float) -> float:
    """The monotonic time of a wall time that is yet to come."""
    if until <= at:
        raise NotNow(Words("cet instant est passé", f"{iso(until)} is past"))
    if until - at > LONGEST:
        days = f"{LONGEST / 86400:g}"
        raise NotNow(Words(f"c'est dans plus de {days} jours", f"{iso(until)} is more than {days} days away"))
    return now + (until - at)
