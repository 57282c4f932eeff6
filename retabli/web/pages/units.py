"""What a flow's page says of its units: each ladder, rung by rung, what its latest run proved, and its runs."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from retabli.model.flow import UnitName
from retabli.model.record import FlowPicture, UnitPicture
from retabli.model.result import Outcome
from retabli.model.run import Run
from retabli.model.states import Intent
from retabli.store import Past
from retabli.view import View
from retabli.view.noted import UnitNotes
from retabli.view.times import exactly, took
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.pages.charts import Plot, Strip, kind_of, plot, strip
from retabli.web.pages.proofs import Certificate, Door, MailCounts, certificates, doors, facts, mail_counts
from retabli.web.pages.runs import Evidence, RunRow, capital, evidence, outcome_word, run_rows, unit_name
from retabli.web.past import UnitPast, unit_past
from retabli.web.words import text

WHOLE = 4  # units up to which each is shown whole; of more, so many that need a look
URGENCY = ("failed", "unknown", "partial", "ok")
SHORT = 40  # runs of a unit in a line
ALIKE = 3  # causes, or certificates, that are told of besides the first
USUAL = 5  # runs from which a rung has a usual time
CLOSE = 0.02  # seconds by which a rung may differ from what is usual, without a word


@dataclass(frozen=True, slots=True)
class RungRow:
    """`share`: of the run's time, in percent. `length` and `mark` are of the bar: now, and what is usual."""

    word: str
    standing: str  # held | fell | open
    took: str
    share: str
    length: float
    mark: float | None
    usual: str
    unusual: bool
    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit in a line. `key` is the same as long as the configuration is."""

    key: str
    name: str
    kind: str
    target: str
    outcome: str  # one of the charts' kinds
    word: str
    fresh: bool
    counts: bool
    every: str
    seen: When | None
    took: str
    where: str
    why: str
    strip: Strip | None  # of its newest runs


@dataclass(frozen=True, slots=True)
class UnitBlock:
    """A unit with all that is known of it. `answers`: its rungs held where none may hold."""

    row: UnitRow
    answers: bool
    rungs: tuple[RungRow, ...]
    certificates: tuple[Certificate, ...]
    mail: MailCounts | None
    doors: tuple[Door, ...]
    facts: tuple[tuple[str, str], ...]
    failed: Evidence | None  # of the last failure, where the latest run is none
    ok: When | None  # of the last success, where the latest run is none
    plot: Plot | None
    strip: Strip | None
    runs: tuple[RunRow, ...]


@dataclass(frozen=True, slots=True)
class Units:
    """Those that are shown whole, what needs a look first; and the others, in a table. `many`: there is more than one.

    `failed` is the flow's last failure, whichever unit it was of; `alike` what else fails now, in words.
    """

    many: bool
    blocks: tuple[UnitBlock, ...]
    others: tuple[UnitRow, ...]
    summed: str  # the others, in words
    opened: bool  # whether their table is open from the start
    failed: Evidence | None
    alike: tuple[str, ...]
    warnings: tuple[tuple[str, Certificate], ...]  # the certificates that end soon, and whose unit saw them


def units_of(picture: FlowPicture, past: Past | None, view: View, language: str, wanted: str = "") -> Units:
    """`wanted`: the key of a unit that is to be shown whole, whatever it found."""
    intent, noted = picture.flow.intent, view.noted.of(picture.flow.id)
    deciding = picture.deciding.name if picture.deciding else None
    pasts = {unit.name: unit_past(unit, noted.get(unit.name), past) for unit in picture.units}
    rows = {
        unit.name: _row(f"u{place}", unit, pasts[unit.name], picture, view, language)
        for place, unit in enumerate(picture.units)
    }
    few = len(picture.units) <= WHOLE

    def urgency(unit: UnitPicture) -> tuple[bool, bool, int]:
        row = rows[unit.name]
        return row.key != wanted, unit.name != deciding, URGENCY.index(row.outcome)

    ordered = list(picture.units) if few else sorted(picture.units, key=urgency)
    whole = ordered if few else _telling(ordered, rows, wanted)
    blocks = [
        _block(unit, rows[unit.name], pasts[unit.name], noted.get(unit.name), intent, view, language) for unit in whole
    ]
    shown = {unit.name for unit in whole}
    others = [rows[unit.name] for unit in ordered if unit.name not in shown]
    return Units(
        len(picture.units) > 1,
        tuple(blocks),
        tuple(others),
        _summed(others, language),
        opened=not blocks or any(each.outcome != "ok" for each in others),
        failed=_last_failure(picture, pasts, view, language),
        alike=tuple(_alike(picture, language)),
        warnings=tuple(_warnings(picture, view, language)),
    )


def _last_failure(
    picture: FlowPicture, pasts: Mapping[UnitName, UnitPast], view: View, language: str
) -> Evidence | None:
    found = [(past.failed.at, name) for name, past in pasts.items() if past.failed is not None]
    if not found:
        return None
    _, name = max(found, key=lambda each: each[0])
    return next(evidence(unit, pasts[name], view, language) for unit in picture.units if unit.name == name)


def _alike(picture: FlowPicture, language: str) -> Iterator[str]:
    """What the units fail of that do not decide the flow's cause, the most frequent first."""
    if picture.deciding is None:
        return
    why = Counter(
        (unit.result.stage, unit.result.cause)
        for unit in picture.units
        if unit.name != picture.deciding.name and unit.outcome is Outcome.FAILED and unit.result is not None
    )
    for (stage, cause), number in why.most_common(ALIKE):
        others = text("others_fail", language, n=number, s="s" if number > 1 else "")
        if (stage, cause) == (picture.deciding.result.stage, picture.deciding.result.cause):
            yield f"{others} {text('same_reason', language)}"
        elif cause is not None:
            where = f"{capital(stage.words[language])}{text('colon', language)} " if stage else ""
            yield f"{others} — {where}{cause.words[language]}"


def _warnings(picture: FlowPicture, view: View, language: str) -> Iterator[tuple[str, Certificate]]:
    """One line for each date: many units may be shown the same certificate."""
    said: set[tuple[str, str]] = set()
    for unit in picture.units:
        for each in certificates(unit.result, view, language) if unit.result is not None else ():
            if each.standing != "good" and (each.subject, each.said) not in said and len(said) < ALIKE:
                said.add((each.subject, each.said))
                yield inert(unit_name(unit)), each


def _block(
    unit: UnitPicture, row: UnitRow, past: UnitPast, notes: UnitNotes | None, intent: Intent, view: View, language: str
) -> UnitBlock:
    return UnitBlock(
        row=row,
        answers=row.outcome == "failed" and unit.outcome is Outcome.OK,
        rungs=tuple(_rungs(unit, past.runs, language)),
        certificates=tuple(certificates(unit.result, view, language)) if unit.result else (),
        mail=mail_counts(notes, view, language),
        doors=tuple(doors(unit, language)),
        facts=tuple(facts(unit, language)),
        failed=None if unit.outcome is Outcome.FAILED else evidence(unit, past, view, language),
        ok=_last_ok(past, view, language),
        plot=plot(past.runs, unit.probe, language),
        strip=strip(past.runs, unit.probe, intent, language),
        runs=tuple(run_rows(past.runs, unit.probe, intent, view, language)),
    )


def _telling(ordered: Sequence[UnitPicture], rows: Mapping[UnitName, UnitRow], wanted: str) -> list[UnitPicture]:
    """Of many units one for each thing that is wrong, and the one that is wanted: those alike stand in the table."""
    told: set[tuple[str, str, str]] = set()
    found: list[UnitPicture] = []
    for unit in ordered:
        row = rows[unit.name]
        why = (row.outcome, row.where, row.why)
        if row.key == wanted or (row.outcome != "ok" and why not in told and len(found) < WHOLE):
            told.add(why)
            found.append(unit)
    return found


def _row(key: str, unit: UnitPicture, past: UnitPast, picture: FlowPicture, view: View, language: str) -> UnitRow:
    result, outcome, intent = unit.result, unit.outcome or Outcome.UNKNOWN, picture.flow.intent
    whole = result is None or result.whole
    return UnitRow(
        key=key,
        name=inert(unit.name.probe),
        kind=unit.probe.kind,
        target=inert(unit.name.target or ""),
        outcome=kind_of(outcome, unit.probe, intent, whole=whole),
        word=text("never_run", language)
        if result is None
        else outcome_word(outcome, unit.probe, intent, language, whole=whole),
        # A run that could not judge is no evidence, which its word says; it is not old for that.
        fresh=unit.fresh or result is None or result.outcome is Outcome.UNKNOWN,
        counts=unit.probe.counts,
        every=exactly(unit.probe.every, language),
        seen=when(result.at, view, language) if result is not None and not view.replaying else None,
        took=took(result.seconds, language) if result is not None else "",
        where=result.stage.words[language] if result and result.stage and result.outcome is not Outcome.OK else "",
        why=result.cause.words[language] if result and result.cause else "",
        strip=strip(past.runs[-SHORT:], unit.probe, intent, language),
    )


def _last_ok(past: UnitPast, view: View, language: str) -> When | None:
    latest = past.runs[-1] if past.runs else None
    if past.ok is None or latest is None or latest.outcome is Outcome.OK:
        return None
    return when(past.ok.at, view, language)


def _summed(rows: Sequence[UnitRow], language: str) -> str:
    """`8 en ordre, 3 en échec`."""
    counts: dict[str, int] = defaultdict(int)
    for each in rows:
        counts[each.word] += 1
    return ", ".join(f"{number} {word}" for word, number in counts.items())


def _rungs(unit: UnitPicture, runs: Sequence[Run], language: str) -> list[RungRow]:
    result = unit.result
    climbed = {rung.stage.id: rung for rung in result.rungs} if result is not None else {}
    usual = usual_times(runs)
    total = sum(rung.seconds for rung in climbed.values())
    longest = max([0.0, *(rung.seconds for rung in climbed.values()), *(usual.get(each, 0.0) for each in climbed)])
    # The stages of the run itself come first: a climb may take another way than the settings foresee.
    ladder = [rung.stage for rung in climbed.values()]
    ladder += [stage for stage in unit.probe.climbs() if stage.id not in climbed]
    rows = []
    for stage in ladder:
        rung, common = climbed.get(stage.id), usual.get(stage.id)
        if rung is None:
            rows.append(RungRow(stage.words[language], "open", "", "", 0, None, "", False, "", ""))
            continue
        rows.append(
            RungRow(
                word=stage.words[language],
                standing="held" if rung.cause is None else "fell",
                took=took(rung.seconds, language),
                share=_percent(rung.seconds, total),
                length=max(0.6, _part(rung.seconds, longest)),
                mark=_part(common, longest) if common is not None else None,
                usual=took(common, language) if common is not None else "",
                unusual=common is not None and rung.cause is None and rung.seconds > max(2 * common, common + CLOSE),
                cause=rung.cause.words[language] if rung.cause else "",
                detail=inert(rung.detail),
            )
        )
    return rows


def usual_times(runs: Sequence[Run]) -> Mapping[str, float]:
    """The median time of each rung in the runs that held whole, in seconds; nothing of rungs with too few of them."""
    times: dict[str, list[float]] = defaultdict(list)
    for run in runs[:-1]:  # the latest is what is compared
        if run.outcome is Outcome.OK:
            for stage, seconds, _ in run.rungs:
                times[stage].append(seconds)
    return {stage: median(each) for stage, each in times.items() if len(each) >= USUAL}


def _part(seconds: float, longest: float) -> float:
    return round(100 * seconds / longest, 1) if longest > 0 else 0.0


def _percent(seconds: float, total: float) -> str:
    share = round(100 * seconds / total) if total > 0 else 0
    return f"{share}\u00a0%" if share else "<\u00a01\u00a0%"
