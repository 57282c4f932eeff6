"""Whether a flow has a page open, and whether that is to be told. Pure, and by level rather than by edge.

A page is due as long as its reason lasts, so none is lost to a restart, a silence or a parent: what was deferred is
looked at again each time, and pages if it is still due. A warning (`degraded`) is kept alike, and gives way to a page.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from retabli.model.flow import Flow
from retabli.model.record import Incident, Message, Standing
from retabli.model.states import Criticality, Intent, State
from retabli.model.words import Words

DROPPED, BREACHED, UNKNOWN, DEGRADED = "dropped", "breached", "unknown", "degraded"
SUPERSEDED = "superseded"  # why a warning ends when a page takes its place


class NotNow(Exception):
    """What somebody asks for cannot be done as things stand. `words` say why; the message is the English one."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


class Status(StrEnum):
    FIRING = "firing"
    REMINDER = "reminder"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Notice:
    """A page that opens, or ends. `reason` is why (the end's may be `removed`, `intent_changed` or `superseded`)."""

    status: Status
    reason: str
    incident: Incident


@dataclass(frozen=True, slots=True)
class Parent:
    """What a child needs to know of a flow it depends on. `doubted`: failing, and under confirmation."""

    standing: Standing
    doubted: bool

    @property
    def excuses(self) -> bool:
        """Whether the child's page waits. A parent that is merely down or unknown excuses nobody."""
        incident = self.standing.incident
        paged = incident is not None and incident.reason == DROPPED
        return paged or self.standing.deferred == DROPPED or self.doubted

    def holds_back(self, flow: Flow) -> bool:
        """Whether the page of this child waits. Where a silence is all that keeps the parent's own page back, nobody
        has been told of anything: a vital flow does not wait for that."""
        muted = self.standing.incident is None and self.standing.silence is not None and not self.doubted
        return self.excuses and not (muted and flow.criticality is Criticality.VITAL)


@dataclass(frozen=True, slots=True)
class Telling:
    """The same message to one or several channels, under one status. `escalated`: nobody had acknowledged the page."""

    status: Status
    messages: tuple[Message, ...]
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Following:
    """What is to be told now of an open page, the incident with that noted, and when to look again (monotonic)."""

    incident: Incident
    tellings: tuple[Telling, ...] = ()
    again: float = float("inf")


def due(flow: Flow, standing: Standing, now: float) -> str | None:
    """The reason for which a page should be open, or None. `now` in monotonic seconds."""
    if standing.state is State.BREACHED:
        return BREACHED
    if standing.state is State.DROPPED:
        return DROPPED
    if standing.shown is not State.UNKNOWN or standing.unknown_from is None:
        return None
    if now - standing.unknown_from < flow.policy.page_unknown_after:
        return None
    if flow.intent is Intent.CLOSED:
        return UNKNOWN if standing.state is State.CONTAINED else None
    matters = flow.criticality in (Criticality.VITAL, Criticality.HIGH)
    # One that dropped, answered once and went blind has not come back: its page may have waited until now.
    fell = standing.state is State.RECOVERING and standing.before is State.DROPPED
    return UNKNOWN if matters and (fell or standing.state in (State.RESTORED, State.DEGRADED)) else None


def over(standing: Standing, incident: Incident) -> bool:
    """Whether what was paged has ended. A dropped flow's page ends when it is restored, not when it first answers."""
    if incident.reason == DROPPED:
        return standing.state in (State.RESTORED, State.DEGRADED)
    if incident.reason == BREACHED:
        return standing.state is State.CONTAINED
    if incident.reason == DEGRADED:
        return standing.state is not State.DEGRADED
    return standing.shown is not State.UNKNOWN


def page(
    flow: Flow, standing: Standing, parents: Mapping[str, Parent], *, now: float, at: float, warn: bool = False
) -> tuple[Standing, tuple[Notice, ...]]:
    """What there is to tell. `now` in monotonic seconds, `at` in wall seconds; `warn`: somebody wants warnings."""
    standing = _count_unknown(standing, now)
    if standing.silence is not None and not standing.silence.holds(now, at):
        standing = replace(standing, silence=None)
    reason = due(flow, standing, now)
    standing, notices = _end(standing, reason)
    excuse = next((name for name, parent in parents.items() if parent.holds_back(flow)), None)
    because = excuse if _not_well(standing) else None
    if standing.because != because or standing.deferred is not None:
        standing = replace(standing, because=because, deferred=None)
    if reason is None and warn and standing.shown is State.DEGRADED:
        reason = DEGRADED
    if reason is None or standing.incident is not None:
        return standing, notices
    if reason != BREACHED and (excuse is not None or standing.silence is not None):
        return replace(standing, deferred=reason), notices
    opened = Incident(_identity(flow.id, reason, now, at, standing), reason, at, now)
    return replace(standing, incident=opened), (*notices, Notice(Status.FIRING, reason, opened))


def _end(standing: Standing, reason: str | None) -> tuple[Standing, tuple[Notice, ...]]:
    """The page that is open ends: what it was about has, or there is a graver one. `reason` is that of what is due."""
    incident = standing.incident
    if incident is None:
        return standing, ()
    graver = incident.reason == DEGRADED and reason is not None
    if not graver and not over(standing, incident):
        return standing, ()
    notice = Notice(Status.RESOLVED, SUPERSEDED if graver else incident.reason, incident)
    return replace(standing, incident=None), (notice,)


def _count_unknown(standing: Standing, now: float) -> Standing:
    if standing.shown is not State.UNKNOWN:
        return standing if standing.unknown_from is None else replace(standing, unknown_from=None)
    return standing if standing.unknown_from is not None else replace(standing, unknown_from=now)


def _not_well(standing: Standing) -> bool:
    return standing.shown in (State.DROPPED, State.UNKNOWN, State.DEGRADED, State.DOWN)


def _identity(flow: str, reason: str, now: float, at: float, standing: Standing) -> str:
    """The same for a page, its reminders and its resolve; another for the next one, also if the clock was set back."""
    seed = f"{flow} {reason} {now:.6f} {at:.6f} {standing.drops} {standing.breaches}"
    return hashlib.sha256(seed.encode()).hexdigest()[:20]
