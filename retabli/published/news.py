"""Rows of the log as news for anybody: that something works or does not, or is suspended. Never why, or where."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping

from retabli.model.flow import Flow
from retabli.model.record import Entry, Event
from retabli.model.states import Intent, State
from retabli.own_link import ID as OWN_LINK
from retabli.published.feed import FeedEntry
from retabli.published.typeset import typeset
from retabli.published.words import state_word, text
from retabli.view import Site, iso
from retabli.view.times import heading

SHOWN = 100
_INSIDE = (State.BREACHED, State.CONTAINED)  # of a flow that must stay shut


def public_entries(
    entries: Iterable[Entry],
    flows: Mapping[str, Flow],
    site: Site,
    language: str,
    *,
    stamp: Callable[[float], float],
    link: str,
) -> list[FeedEntry]:
    """The newest first, as `entries` are. `flows` are today's, by id; `stamp` maps to the time that is shown."""
    found: list[FeedEntry] = []
    for entry, said, state in _told(entries, flows, language):
        flow = flows[entry.flow or ""]
        at = stamp(entry.at)
        title = typeset(flow.title[language], language, 200)
        when = typeset(heading(at, site.zone, language), language)
        unique = f"retabli:public/{site.name}/{entry.at!r}/{flow.id}/{entry.event}/{state}"
        found.append(
            FeedEntry(
                id=uuid.uuid5(uuid.NAMESPACE_URL, unique).urn,
                title=f"{title} — {said[:1].lower()}{said[1:]}",
                summary=f"{said}, {when}.",
                at=iso(at) or "",
                link=link,
                state=state,
            )
        )
        if len(found) == SHOWN:
            break
    return found


def _told(entries: Iterable[Entry], flows: Mapping[str, Flow], language: str) -> Iterator[tuple[Entry, str, str]]:
    for entry in entries:
        flow = flows.get(entry.flow or "")
        if flow is None or not flow.public or flow.id == OWN_LINK:
            continue
        was, now = entry.data.get("was"), str(entry.data.get("now"))
        if entry.event == Event.INTENT:
            if now == Intent.CLOSED:
                yield entry, state_word("suspended", language), "suspended"
            elif now == Intent.OPEN:
                yield entry, text("reopened", language), "down"
        elif entry.event == Event.STATE and flow.intent is Intent.OPEN and now in tuple(State) and _told_of(was, now):
            yield entry, state_word(now, language), now


def _told_of(*states: object) -> bool:
    return not any(state in _INSIDE for state in states)
