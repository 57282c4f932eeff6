"""What the pages say of a flow: everything worded and formatted, so that templates only place it."""

from dataclasses import dataclass

from retabli.model.causes import SIDE_WORDS
from retabli.model.record import FlowPicture
from retabli.model.states import STATE_WORDS, Criticality, Intent, State
from retabli.view import View
from retabli.view.times import moment
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.marks import Paged, Silenced, deferred, paged, silenced
from retabli.web.words import CRITICALITIES, text


@dataclass(frozen=True, slots=True)
class CauseRow:
    what: str
    where: str
    side: str
    advice: str
    detail: str
    probe: str


@dataclass(frozen=True, slots=True)
class Row:
    """A flow on the restoration view."""

    id: str
    title: str
    state: str
    well: bool  # restored or contained
    word: str
    closed: bool
    critical: str
    since: When
    rungs: tuple[bool, ...]
    held: int
    verified: str
    rung: str
    controls: tuple[tuple[str, str], ...]
    cause: CauseRow | None
    notes: tuple[str, ...]
    counted: str  # how many of its probes or targets are in order; one of the notes
    notice: str
    paged: Paged | None
    silenced: Silenced | None
    deferred: str  # why a page that is due has not gone out, in words
    seen: When | None  # None also in a replay: days pass between two looks


def row(picture: FlowPicture, view: View, language: str) -> Row:
    flow, state = picture.flow, picture.state
    stage, rung, of = picture.verified
    seen = latest(picture)
    good = state in (State.RESTORED, State.CONTAINED)
    return Row(
        id=flow.id,
        title=inert(flow.title[language]),
        state=state.value,
        well=good,
        word=STATE_WORDS[state][language],
        closed=flow.intent is Intent.CLOSED,
        critical="" if flow.criticality is Criticality.NORMAL else CRITICALITIES[flow.criticality][language],
        since=when(picture.since, view, language),
        rungs=tuple(place < rung for place in range(of)),
        held=rung,
        verified=view.stage_words(stage)[language] if stage else "",
        rung=text("rung_of", language, n=rung, m=of),
        controls=controls(picture),
        cause=cause_row(picture, view, language),
        notes=tuple(_notes(picture, view, language)),
        counted=counted(picture, language),
        notice=inert(flow.notice[language], 600) if flow.notice and not good else "",
        paged=paged(picture, view, language),
        silenced=silenced(picture, view, language),
        deferred=deferred(picture, view, language),
        seen=when(seen, view, language) if seen is not None and not view.replaying else None,
    )


def controls(picture: FlowPicture) -> tuple[tuple[str, str], ...]:
    """What gives a denial its meaning, and whether it holds: keys of the pages' words."""
    if picture.closure is None:
        return ()
    said = {True: "passes", False: "fails", None: "not_evaluated"}
    alive = "control_declared" if picture.closure.declared else "control_alive"
    return ("control_path", said[picture.closure.path]), (alive, said[picture.closure.alive])


def cause_row(picture: FlowPicture, view: View, language: str) -> CauseRow | None:
    if picture.deciding is None or picture.deciding.result.cause is None:
        return None
    name, result = picture.deciding.name, picture.deciding.result
    assert result.cause is not None  # noqa: S101 - just looked at
    return CauseRow(
        what=result.cause.words[language],
        where=_capital(result.stage.words[language]) if result.stage else "",
        side=SIDE_WORDS[result.cause.side][language],
        advice=result.cause.advice(language),
        detail=inert(result.detail),
        probe=name.probe + (f" · {name.target}" if name.target else ""),
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _notes(picture: FlowPicture, view: View, language: str) -> list[str]:
    flow, standing, notes = picture.flow, picture.standing, []
    if picture.state is State.UNKNOWN and standing.state not in (State.UNKNOWN, State.DOWN):  # down proves nothing
        notes.append(
            f"{text('last_standing', language)}{text('colon', language)} {STATE_WORDS[standing.state][language]}"
        )
    if said := counted(picture, language):
        notes.append(said)
    if standing.because:
        parent = view.pictures.get(standing.because)
        title = inert(parent.flow.title[language]) if parent else standing.because
        notes.append(f"{text('because', language)}{text('colon', language)} {title}")
    notes += fallen(picture, language)
    if flow.declared_since is not None and flow.declared_since <= view.now:
        # What people said is in their own time: it is not mapped.
        said = moment(flow.declared_since, view.now, view.site.zone, language)
        notes.append(f"{text('declared', language)} {said}")
    return notes


def counted(picture: FlowPicture, language: str) -> str:
    counts = picture.counts()
    if counts["of"] <= 1:
        return ""
    key = "targets_ok" if all(unit.name.target is not None for unit in picture.units) else "probes_ok"
    return text(key, language, **counts, s="s" if counts["ok"] > 1 else "")


def fallen(picture: FlowPicture, language: str) -> list[str]:
    """How often it dropped and was breached, in words."""
    standing, said = picture.standing, []
    for key, number in (("drops", standing.drops), ("breaches", standing.breaches)):
        if number:
            said.append(text(f"{key}_once" if number == 1 else key, language, n=number))
    return said


def latest(picture: FlowPicture) -> float | None:
    """When the flow was last looked at as a whole: the oldest of its counted units' latest runs. A wall time."""
    runs = [unit.result.at for unit in picture.units if unit.probe.counts and unit.result is not None]
    return min(runs, default=None)
