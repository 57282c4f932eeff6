"""From an open page to messages: to whom it goes now, and in which words. Pure; the pipeline calls it within its step.

By level rather than by edge: whoever should know of an open page and has not been told is told now. So a page reaches
the day's team when its hours begin, another team when the cause turns out to be on its side, the next in line when
nobody has acknowledged it, and another road when the one it was sent by has fallen meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from retabli.alerts.message import Letterhead, compose
from retabli.alerts.routes import PAGES, About, Route, taken, to_whom
from retabli.model.record import FlowPicture, Incident, Message
from retabli.own_link import ID as OWN_LINK
from retabli.paging import BREACHED, DEGRADED, Following, Notice, Status, Telling

LOOK = 60.0  # seconds between two looks at whether somebody's hours have begun

Stands = Callable[[str], bool]  # whether a flow, and all it depends on, carries messages as far as is known


@dataclass(frozen=True, slots=True)
class Teller:
    """`channels` are those that the configuration has, in its order, each with the flows that carry its messages."""

    letterhead: Letterhead
    channels: Mapping[str, tuple[str, ...]]
    routes: Sequence[Route] = ()

    def warns(self, picture: FlowPicture, at: float) -> bool:
        """Whether anybody wants to know that this flow is degraded. `at` in wall seconds."""
        return bool(to_whom(self.routes, self.channels, _about(picture, DEGRADED, at)))

    def resolve(self, picture: FlowPicture, notice: Notice, at: float) -> list[Message]:
        """To the channels that were told of the page, or to those in their place if none of them is left."""
        told = notice.incident.channels
        still = tuple(channel for channel in told if channel in self.channels)
        if not still and told:
            still = self._named(picture, _about(picture, notice.incident.reason, at))
        body = compose(picture, notice.incident, notice.status.value, notice.reason, self.letterhead, at)
        return _messages(picture, body, still)

    def follow(self, picture: FlowPicture, *, now: float, at: float, stands: Stands) -> Following:
        """What is to be told now of this flow's open page. `now` in monotonic, `at` in wall seconds.

        A page that is acknowledged, or whose flow is silenced, is told to nobody further; a breach is never silenced.
        """
        incident = picture.standing.incident
        assert incident is not None  # noqa: S101 - it is asked of open pages only
        taken_by = incident.acknowledged
        if taken_by is not None and taken_by.holds(now, at):
            return Following(incident, again=float("inf") if taken_by.ends is None else taken_by.ends)
        if picture.standing.silence is not None and incident.reason != BREACHED:
            return Following(incident)  # its end is looked for anyway
        about = _about(picture, incident.reason, at)
        routes = taken(self.routes, about)
        first = self._roads(self._named(picture, about), about, stands)
        further = self._further(routes, incident, now)
        late = tuple(channel for channel in first if channel not in incident.told)
        called = tuple(channel for channel in further if channel not in incident.told and channel not in first)
        reminded = tuple(c for c, every in self._rhythms(routes, further) if self._due(incident, c, every, now))
        return self._tell(picture, late, called, reminded, routes, now=now, at=at)

    # to whom --------------------------------------------------------------------------------------------------

    def _named(self, picture: FlowPicture, about: About) -> tuple[str, ...]:
        """The page of our own way out goes to every channel: nobody knows which one still gets through."""
        if picture.flow.id == OWN_LINK:
            return tuple(self.channels)
        return to_whom(self.routes, self.channels, about)

    def _roads(self, named: tuple[str, ...], about: About, stands: Stands) -> tuple[str, ...]:
        """A page for which every channel travels on a flow that has fallen goes by others too: those that stand."""

        def stand(channel: str) -> bool:
            return all(stands(flow) for flow in self.channels[channel])

        if about.reason not in PAGES or any(stand(channel) for channel in named):
            return named
        others = tuple(channel for channel in self.channels if stand(channel)) or tuple(self.channels)
        return tuple(channel for channel in self.channels if channel in named or channel in others)

    def _further(self, routes: Sequence[Route], incident: Incident, now: float) -> tuple[str, ...]:
        """Those who are called because nobody has acknowledged the page in time."""
        named = {
            channel
            for route in routes
            if route.escalate is not None and now >= incident.opened + route.escalate.after
            for channel in route.escalate.to
        }
        return tuple(channel for channel in self.channels if channel in named)

    def _rhythms(self, routes: Sequence[Route], further: Sequence[str]) -> Iterator[tuple[str, float]]:
        """How often each channel is reminded, in seconds: the shortest of its routes'."""
        for channel in self.channels:
            every = [
                route.remind
                for route in routes
                if route.remind is not None
                and (channel in route.to or (channel in further and channel in route.channels()))
            ]
            if every:
                yield channel, min(every)

    def _due(self, incident: Incident, channel: str, every: float, now: float) -> bool:
        return channel in incident.told and now >= incident.told[channel] + every

    # what -----------------------------------------------------------------------------------------------------

    def _tell(
        self,
        picture: FlowPicture,
        late: tuple[str, ...],
        called: tuple[str, ...],
        reminded: tuple[str, ...],
        routes: Sequence[Route],
        *,
        now: float,
        at: float,
    ) -> Following:
        incident = picture.standing.incident
        assert incident is not None  # noqa: S101 - see `follow`
        told = {**incident.told, **dict.fromkeys((*late, *called, *reminded), now)}
        noted = replace(incident, told=told, reminders=incident.reminders + bool(reminded))
        tellings = [
            Telling(status, tuple(self._written(picture, noted, status, at, channels, escalated=escalated)), escalated)
            for status, channels, escalated in (
                (Status.FIRING, late, False),
                (Status.FIRING, called, True),
                (Status.REMINDER, reminded, False),
            )
            if channels
        ]
        return Following(noted, tuple(tellings), self._again(noted, routes, now))

    def _written(
        self,
        picture: FlowPicture,
        incident: Incident,
        status: Status,
        at: float,
        channels: Sequence[str],
        *,
        escalated: bool,
    ) -> list[Message]:
        body = compose(picture, incident, status.value, incident.reason, self.letterhead, at, escalated=escalated)
        return _messages(picture, body, channels)

    def _again(self, incident: Incident, routes: Sequence[Route], now: float) -> float:
        """When time alone may next change who is to be told, on the monotonic clock."""
        calls = [incident.opened + route.escalate.after for route in routes if route.escalate is not None]
        reminders = [
            incident.told[channel] + every
            for channel, every in self._rhythms(routes, self._further(routes, incident, now))
            if channel in incident.told
        ]
        hours = [now + LOOK] if any(route.hours is not None for route in self.routes) else []
        return min((instant for instant in (*calls, *reminders, *hours) if instant > now), default=float("inf"))


def _about(picture: FlowPicture, reason: str, at: float) -> About:
    cause = picture.deciding.result.cause if picture.deciding else None
    return About(reason, picture.flow.criticality, picture.flow.owner, cause.side if cause else None, at)


def _messages(picture: FlowPicture, body: Mapping[str, object], channels: Sequence[str]) -> list[Message]:
    return [Message(str(body["key"]), channel, picture.flow.id, body) for channel in channels]
