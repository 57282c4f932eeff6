"""A row of the log as pages and feeds show it."""

import uuid
from dataclasses import dataclass

from retabli.model.record import Event
from retabli.model.states import State
from retabli.view import Logged, View
from retabli.view.times import clock
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.sentences import sentence

# After or during which nobody watched, or of which nothing is known any more: shown with unknown's shape.
BLIND = (Event.GAP, Event.STOP, Event.COPY)


@dataclass(frozen=True, slots=True)
class EntryRow:
    """`state` is what the flow became, of a row that says so; `id` is the same whenever the row is shown."""

    when: When
    clock: str  # the hour of the day, to the second
    event: str
    flow: str
    title: str
    said: str
    state: str
    id: str


def entry_row(logged: Logged, view: View, language: str) -> EntryRow:
    entry = logged.entry
    picture = view.pictures.get(entry.flow) if entry.flow else None
    title = inert(picture.flow.title[language]) if picture else inert(entry.flow or "")
    state = str(entry.data.get("now", "")) if entry.event is Event.STATE else ""
    unique = f"retabli:{view.site.name}/{entry.at!r}/{entry.flow}/{entry.event}/{state}"
    return EntryRow(
        when=when(entry.at, view, language),
        clock=clock(view.stamp(entry.at), view.site.zone, language, seconds=True),
        event=str(entry.event),
        flow=entry.flow or "",
        title=title,
        said=inert(sentence(entry, view, language), 600),
        state=State.UNKNOWN.value if entry.event in BLIND else state if state in tuple(State) else "",
        id=uuid.uuid5(uuid.NAMESPACE_URL, unique).urn,
    )
