"""What the pages say of on-call: a page that is open and who has taken it, a silence, a page that waits."""

from dataclasses import dataclass

from retabli.model.record import Acknowledgement, FlowPicture
from retabli.view import View
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.words import text

WARNING = "degraded"  # an incident that warns and is no page
_NEVER = float("-inf")  # monotonic: what is shown ends by the wall clock, as it is written beside it


@dataclass(frozen=True, slots=True)
class Taken:
    by: str
    when: When
    note: str
    until: When | None  # None: as long as the page is open


@dataclass(frozen=True, slots=True)
class Paged:
    """`what`: that on-call was called, that nobody could be, or that this is but a warning."""

    what: str
    when: When
    reminders: str  # how many there were, in words
    taken: Taken | None
    takes: bool  # whether it is a page, which somebody has to take


@dataclass(frozen=True, slots=True)
class Silenced:
    by: str
    why: str
    when: When
    until: When


def paged(picture: FlowPicture, view: View, language: str) -> Paged | None:
    incident = picture.standing.incident
    if incident is None:
        return None
    warning = incident.reason == WARNING
    told = "page_warning" if warning else "page_open"
    number = incident.reminders
    return Paged(
        what=text(told if incident.channels else "page_untold", language),
        when=when(incident.opened_at, view, language),
        reminders=text("reminders", language, n=number, s="s" if number > 1 else "") if number else "",
        taken=_taken(incident.acknowledged, view, language),
        takes=not warning,
    )


def _taken(said: Acknowledgement | None, view: View, language: str) -> Taken | None:
    if said is None or not said.holds(_NEVER, view.unstamped_now):
        return None
    until = when(said.until, view, language) if said.until is not None else None
    return Taken(inert(said.by), when(said.at, view, language), inert(said.note, 600), until)


def silenced(picture: FlowPicture, view: View, language: str) -> Silenced | None:
    said = picture.standing.silence
    if said is None or not said.holds(_NEVER, view.unstamped_now):
        return None
    return Silenced(
        inert(said.by), inert(said.why, 600), when(said.at, view, language), when(said.until, view, language)
    )


def deferred(picture: FlowPicture, view: View, language: str) -> str:
    """What a page that is due waits for: a parent, else a silence."""
    standing = picture.standing
    if standing.deferred is None:
        return ""
    if standing.because is not None:
        parent = view.pictures.get(standing.because)
        title = inert(parent.flow.title[language]) if parent else inert(standing.because)
        return f"{text('deferred_parent', language)}{text('colon', language)} {title}"
    return text("deferred_silence" if standing.silence is not None else "deferred", language)
