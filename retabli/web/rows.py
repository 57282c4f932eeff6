"""What the pages say of a flow: everything worded and formatted, so that templates only place it."""

from collections.abc import Iterator
from dataclasses import dataclass

from retabli.model.causes import SIDE_WORDS
from retabli.model.facts import fact
from retabli.model.record import FlowPicture, UnitPicture
from retabli.model.result import Outcome, Result
from retabli.model.states import STATE_WORDS, Criticality, Intent, State
from retabli.view import View
from retabli.view.times import moment, span, took
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.marks import Paged, Silenced, deferred, paged, silenced
from retabli.web.words import CRITICALITIES, OUTCOMES, text


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
    counts = picture.counts()
    if picture.state is State.UNKNOWN and standing.state not in (State.UNKNOWN, State.DOWN):  # down proves nothing
        notes.append(
            f"{text('last_standing', language)}{text('colon', language)} {STATE_WORDS[standing.state][language]}"
        )
    if counts["of"] > 1:
        key = "targets_ok" if all(unit.name.target is not None for unit in picture.units) else "probes_ok"
        notes.append(text(key, language, **counts, s="s" if counts["ok"] > 1 else ""))
    if standing.because:
        parent = view.pictures.get(standing.because)
        title = inert(parent.flow.title[language]) if parent else standing.because
        notes.append(f"{text('because', language)}{text('colon', language)} {title}")
    if standing.drops:
        notes.append(text("drops_once" if standing.drops == 1 else "drops", language, n=standing.drops))
    if standing.breaches:
        notes.append(text("breaches", language, n=standing.breaches))
    if flow.declared_since is not None and flow.declared_since <= view.now:
        # What people said is in their own time: it is not mapped.
        said = moment(flow.declared_since, view.now, view.site.zone, language)
        notes.append(f"{text('declared', language)} {said}")
    return notes


def latest(picture: FlowPicture) -> float | None:
    """When the flow was last looked at as a whole: the oldest of its counted units' latest runs. A wall time."""
    runs = [unit.result.at for unit in picture.units if unit.probe.counts and unit.result is not None]
    return min(runs, default=None)


# a flow's own page ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RungRow:
    word: str
    standing: str  # held | fell | open
    took: str
    share: int  # of the longest rung, in percent
    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    name: str
    kind: str
    target: str
    outcome: str  # ok | failed | unknown | answers
    word: str
    fresh: bool
    counts: bool
    every: str
    seen: When | None
    took: str
    rungs: tuple[RungRow, ...]
    facts: tuple[tuple[str, str], ...]
    deciding: bool


def unit_rows(picture: FlowPicture, view: View, language: str) -> list[UnitRow]:
    deciding = picture.deciding.name if picture.deciding else None
    rows = [_unit_row(unit, picture, view, language, deciding=unit.name == deciding) for unit in picture.units]
    return sorted(rows, key=lambda each: (not each.deciding, each.outcome == "ok"))


def _unit_row(unit: UnitPicture, picture: FlowPicture, view: View, language: str, *, deciding: bool) -> UnitRow:
    result, outcome = unit.result, unit.outcome or Outcome.UNKNOWN
    kind, word = outcome.value, OUTCOMES[outcome][language]
    if result is None:
        word = text("never_run", language)
    elif picture.flow.intent is Intent.CLOSED and outcome is (
        Outcome.FAILED if unit.probe.PROVES_CLOSURE else Outcome.OK
    ):
        kind, word = "failed", {"fr": "répond", "en": "answers"}[language]  # an answer where there must be none
    return UnitRow(
        name=unit.name.probe,
        kind=unit.probe.kind,
        target=unit.name.target or "",
        outcome=kind,
        word=word,
        # A run that could not judge is no evidence, which its word says; it is not old for that.
        fresh=unit.fresh or result is None or result.outcome is Outcome.UNKNOWN,
        counts=unit.probe.counts,
        every=span(unit.probe.every, language),
        seen=when(result.at, view, language) if result is not None and not view.replaying else None,
        took=took(result.seconds, language) if result is not None else "",
        rungs=tuple(_rungs(unit, result, language)),
        facts=tuple(_facts(result, language)) if result else (),
        deciding=deciding,
    )


def _facts(result: Result, language: str) -> Iterator[tuple[str, str]]:
    for key, value in result.properties.items():
        name, found = fact(key, value, language)
        yield inert(name), inert(found)


def _rungs(unit: UnitPicture, result: Result | None, language: str) -> list[RungRow]:
    climbed = {rung.stage.id: rung for rung in result.rungs} if result is not None else {}
    longest = max((rung.seconds for rung in climbed.values()), default=0.0)
    # The stages of the run itself come first: a climb may take another way than the settings foresee.
    ladder = [rung.stage for rung in climbed.values()]
    ladder += [stage for stage in unit.probe.climbs() if stage.id not in climbed]
    rows = []
    for stage in ladder:
        rung = climbed.get(stage.id)
        if rung is None:
            rows.append(RungRow(stage.words[language], "open", "", 0, "", ""))
            continue
        share = round(100 * rung.seconds / longest) if longest > 0 else 0
        rows.append(
            RungRow(
                word=stage.words[language],
                standing="held" if rung.cause is None else "fell",
                took=took(rung.seconds, language),
                share=max(1, share),
                cause=rung.cause.words[language] if rung.cause else "",
                detail=inert(rung.detail),
            )
        )
    return rows
