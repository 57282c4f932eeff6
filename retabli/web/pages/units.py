"""What a flow's page says of its units: each ladder, rung by rung, and what its latest run found."""

from collections.abc import Iterator
from dataclasses import dataclass

from retabli.model.facts import fact
from retabli.model.record import FlowPicture, UnitPicture
from retabli.model.result import Outcome, Result
from retabli.model.states import Intent
from retabli.view import View
from retabli.view.times import span, took
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.words import OUTCOMES, text


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
