"""What a flow's page says of runs that are over: the last failure, and the latest in a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from retabli.model.causes import LOOK, SIDE_WORDS, Side
from retabli.model.probe import Probe
from retabli.model.record import UnitPicture
from retabli.model.result import Outcome
from retabli.model.run import Run
from retabli.model.states import Intent
from retabli.view import View
from retabli.view.times import clock, moment, took
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.pages.charts import kind_of
from retabli.web.past import UnitPast
from retabli.web.words import text

TABLED = 20  # runs


@dataclass(frozen=True, slots=True)
class RunRow:
    """`at` is for people, to the second; `kind` one of the charts'."""

    iso: str
    at: str
    kind: str
    word: str
    where: str
    what: str
    detail: str
    took: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The last failed run of a unit: when, on which rung, why, whose side it was, and what was said."""

    unit: str
    when: When
    where: str
    what: str
    side: str
    detail: str
    took: str
    held: str  # the rungs that held before it, in words


def run_rows(runs: Sequence[Run], probe: Probe, intent: Intent, view: View, language: str) -> list[RunRow]:
    return [_row(run, probe, intent, view, language) for run in reversed(runs[-TABLED:])]


def _row(run: Run, probe: Probe, intent: Intent, view: View, language: str) -> RunRow:
    kind = kind_of(run.outcome, probe, intent, whole=run.whole)
    return RunRow(
        iso=when(run.at, view, language).iso,
        at=_to_the_second(run.at, view, language),
        kind=kind,
        word=outcome_word(run.outcome, probe, intent, language, whole=run.whole),
        where=_stage(run.stage, view, language) if run.outcome is not Outcome.OK else "",
        what=inert(view.cause_words(run.cause)[language]) if run.cause else "",
        detail=inert(run.detail),
        took=took(run.seconds, language),
    )


def outcome_word(outcome: Outcome, probe: Probe, intent: Intent, language: str, *, whole: bool = True) -> str:
    """What a run found, for its flow: of one that must stay shut, whether it answers."""
    if intent is Intent.CLOSED:
        if probe.PROVES_CLOSURE:
            key = {Outcome.OK: "proves", Outcome.FAILED: "answers"}.get(outcome, "outcome_unknown")
        else:
            key = "answers" if outcome is Outcome.OK else "silent"
        return text(key, language)
    return text("outcome_partial" if outcome is Outcome.OK and not whole else f"outcome_{outcome.value}", language)


def _stage(code: str | None, view: View, language: str) -> str:
    """In words; a rung that no probe climbs any more is told by its code, as it is kept."""
    return inert(view.stage_words(code)[language]) if code else ""


def _to_the_second(at: float, view: View, language: str) -> str:
    shown, now, zone = view.stamp(at), view.now, view.site.zone
    today = datetime.fromtimestamp(shown, zone).date() == datetime.fromtimestamp(now, zone).date()
    if today and not view.replaying:
        return clock(shown, zone, language, seconds=True)
    return moment(shown, now, zone, language)


def evidence(unit: UnitPicture, past: UnitPast, view: View, language: str) -> Evidence | None:
    run = past.failed
    if run is None:
        return None
    side = Side(run.side) if run.side in tuple(Side) else None
    return Evidence(
        unit=inert(unit_name(unit)),
        when=when(run.at, view, language),
        where=capital(_stage(run.stage, view, language)),
        what=inert(view.cause_words(run.cause)[language]) if run.cause else "",
        side=SIDE_WORDS[side][language] if side else "",
        detail=inert(run.detail),
        took=took(run.seconds, language),
        held=", ".join(_stage(stage, view, language) for stage, _, cause in run.rungs if cause is None),
    )


def checks(side: Side, advice: str, language: str) -> Iterator[Markup]:
    """What to look at first: the cause's own advice, then its side's. Of a partner that is down the side says that
    nothing answers: not so where the cause has more to say, as of a host key that changed."""
    yield _coded(advice)
    general = LOOK[side][language]
    if general != advice and side is not Side.PARTNER_DOWN:
        yield _coded(general)


def _coded(advice: str) -> Markup:
    """With the settings' keys, which stand in backticks, as code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(advice.split("`"))
    )


def unit_name(unit: UnitPicture) -> str:
    return unit.name.probe + (f" · {unit.name.target}" if unit.name.target else "")


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]
