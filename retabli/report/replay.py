"""The situation at any moment, from the log alone: each change of state up to then, in order. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from retabli.model import causes
from retabli.model.causes import Side
from retabli.model.flow import Flow
from retabli.model.record import Event
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.own_link import ID as OWN_LINK
from retabli.report.facts import Gone, Line, Situation
from retabli.view import Site
from retabli.view.course import Row

AHEAD = 10_000  # rows that a clock which was ahead may have dated, at most


@dataclass(frozen=True, slots=True)
class _Dated:
    """A row whose clock was wrong, at a time that it can have been written at."""

    at: float
    event: str
    flow: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Standing:
    """A flow as the rows so far leave it."""

    state: State = State.UNKNOWN
    since: float | None = None
    restored_at: float | None = None
    drops: int = 0
    breaches: int = 0
    was: State | None = None
    intent: str | None = None  # what was decided then, where it was another decision than today's
    why: Mapping[str, Any] | None = None


def replay(
    rows: Iterable[Row],
    flows: Mapping[str, Flow],
    site: Site,
    at: float,
    *,
    last_seen: float | None = None,
    latest: bool = False,
) -> Situation:
    """`rows` from the oldest on; the first after `at` counts only for what it says of the time before (a blind gap).

    `last_seen` is when the daemon last wrote, if it does not any more: nothing is known of what came after it.
    `latest`: `at` is now, so that every row has happened, also one that a clock which was ahead dated later.
    """
    standings: dict[str, _Standing] = {}
    gone: dict[str, Gone] = {}
    blind = None
    for row in _in_time(rows, math.inf if latest else at):
        if row.at > at and not latest:
            if row.event == Event.GAP:  # a daemon was killed; what began after it says since when nobody looked
                blind = _gap_began(row.data, before=at)
            break
        if row.at > at:
            row = _Dated(at, row.event, row.flow, row.data)
        if row.event == Event.STOP:
            blind = row.at
        elif row.event == Event.START:
            blind = None
        elif row.flow is not None:
            _follow(standings, gone, row)
    else:
        if blind is None and last_seen is not None and (last_seen < at or latest):
            blind = min(last_seen, at)
    lines = (_line(flow, standings.get(id_), blind) for id_, flow in flows.items())
    return Situation(site, at, tuple(lines), blind, tuple(gone.values()))


def _in_time(rows: Iterable[Row], at: float) -> Iterator[Row]:
    """What a clock that was ahead dated after `at`, with rows of before it behind, had happened by then, too."""
    ahead: list[Row] = []
    for row in rows:
        if row.at > at:
            ahead.append(row)
            if len(ahead) == AHEAD:
                break
            continue
        yield from (_Dated(min(each.at, at), each.event, each.flow, each.data) for each in ahead)
        ahead.clear()
        yield row
    yield from ahead


def _gap_began(data: Mapping[str, Any], *, before: float) -> float | None:
    try:
        began = datetime.fromisoformat(str(data["from"])).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
    return began if began <= before else None


def _follow(standings: dict[str, _Standing], gone: dict[str, Gone], row: Row) -> None:
    assert row.flow is not None  # noqa: S101 - its caller looked
    before = standings.get(row.flow, _Standing())
    if row.event == Event.CONFIG and row.data.get("change") == "removed":
        standings.pop(row.flow, None)
        if row.flow != OWN_LINK:
            gone[row.flow] = _gone(row.flow, before, row)
        return
    if row.event == Event.INTENT:
        intent = row.data.get("now")
        standings[row.flow] = _Standing(since=row.at, drops=before.drops, breaches=before.breaches, intent=intent)
    elif row.event == Event.CONFIG and row.data.get("change") == "added":
        standings[row.flow] = _Standing(since=row.at, intent=row.data.get("intent"))
    elif row.event == Event.STATE and row.data.get("now") in tuple(State):
        standings[row.flow] = _moved(before, State(row.data["now"]), row)
    if row.flow in standings:
        gone.pop(row.flow, None)


def _gone(flow: str, before: _Standing, row: Row) -> Gone:
    """As the rows before say that it was last measured; its end says `down` also of what never was."""
    state = before.state if before.state is not State.UNKNOWN else before.was
    closed = before.intent == Intent.CLOSED or state in (State.CONTAINED, State.BREACHED)
    return Gone(flow, row.at, state, closed)


def _moved(before: _Standing, state: State, row: Row) -> _Standing:
    known = before.state if before.state is not State.UNKNOWN else before.was
    moved = replace(before, state=state, since=row.at, why=row.data if row.data.get("cause") else None)
    if state is State.UNKNOWN:
        return replace(moved, was=known if known is not State.DOWN else None)
    if state is State.RESTORED and known not in (State.RESTORED, State.DEGRADED):
        moved = replace(moved, restored_at=row.at)
    if state is State.DROPPED and known in (State.RESTORED, State.DEGRADED):
        moved = replace(moved, drops=before.drops + 1)
    if state is State.BREACHED and known is not State.BREACHED:
        moved = replace(moved, breaches=before.breaches + 1)
    return replace(moved, was=None)


def _line(flow: Flow, known_of: _Standing | None, blind: float | None) -> Line:
    standing = known_of or _Standing()
    if standing.intent in tuple(Intent):
        flow = replace(flow, intent=Intent(standing.intent))
    stage, cause, side = _words(flow, standing.why)
    line = Line(
        flow,
        standing.state,
        standing.since,
        standing.restored_at,
        standing.drops,
        standing.was,
        standing.breaches,
        watched=known_of is not None,
    )
    if blind is None:
        return replace(line, stage=stage, cause=cause, side=side)
    known = standing.state if standing.state is not State.UNKNOWN else standing.was
    return replace(line, state=State.UNKNOWN, since=blind, was=known if known is not State.DOWN else None)


def _words(flow: Flow, why: Mapping[str, Any] | None) -> tuple[Words | None, Words | None, Side | None]:
    """What the row's codes mean; a code of a kind that is no longer configured stays as it is written."""
    if why is None:
        return None, None, None
    known = {each.code: each.words for each in causes.COMMON}
    stages: dict[str, Words] = {}
    for probe in flow.probes.values():
        known |= {each.code: each.words for each in type(probe).CAUSES}
        stages |= {each.id: each.words for each in type(probe).LADDER}
    code, stage, side = str(why["cause"]), why.get("stage"), why.get("side")
    return (
        stages.get(str(stage), Words.same(str(stage))) if stage else None,
        known.get(code, Words.same(code)),
        Side(side) if side in tuple(Side) else None,
    )
