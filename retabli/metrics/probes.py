"""The series of a unit: its runs, its rungs, its failures, its mail, and blackbox_exporter's names over them."""

from retabli.metrics import blackbox
from retabli.metrics.exposition import Family, counter, gauge, info, labels
from retabli.metrics.histogram import Buckets
from retabli.model.flow import UnitName
from retabli.model.probe import Probe
from retabli.model.record import UnitPicture
from retabli.model.result import Mail, Measure, Outcome, Result
from retabli.model.states import Intent

MAILS = tuple(Mail)
_OWN: tuple[Family, ...] = (
    counter("retabli_probe_runs_total", "Runs of the unit by outcome; skipped beats are those that gave no run."),
    gauge("retabli_probe_rung", "How many rungs of its ladder held in the latest run."),
    gauge("retabli_probe_rungs", "How many rungs the unit's ladder has."),
    gauge("retabli_probe_last_run_timestamp_seconds", "When the latest run ended; 0 until the first."),
    gauge("retabli_probe_last_success_timestamp_seconds", "When the latest ok run ended; 0 until the first."),
    gauge("retabli_probe_interval_seconds", "The rhythm of the unit's beats."),
    counter("retabli_probe_failures_total", "Failed runs of the unit, by the rung they fell on and the cause."),
    info("retabli_probe_failure_info", "Why the unit fails, while it fails."),
    gauge("retabli_probe_stage_duration_seconds", "Time spent on each rung in the latest run."),
    gauge("retabli_probe_clock_offset_seconds", "How far the clock asked is ahead of ours."),
    *(counter(f"retabli_mail_{mail}_total", f"Mail tokens of the unit: {mail}.") for mail in MAILS),
    gauge("retabli_mail_in_flight", "Mail tokens that were sent and whose end is not known yet."),
    Family("retabli_mail_roundtrip_seconds", "histogram", "From a token's sending to its arrival."),
)
FAMILIES: tuple[Family, ...] = _OWN + blackbox.FAMILIES
_BLACK = ("",) * len(blackbox.FAMILIES)
_NO_MAIL = ("",) * (len(MAILS) + 2)
ROUNDTRIPS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0, 3600.0)


class UnitLines:
    """Counters and lines of one unit. `blocks` has one text a family, as of the latest `render`, and is replaced, never
    changed."""

    def __init__(self, name: UnitName, probe: Probe) -> None:
        self.kind = probe.kind
        self._runs = dict.fromkeys(("ok", "failed", "unknown", "skipped"), 0)
        self._failures: dict[tuple[str, str], int] = {}
        self._mails: dict[Mail, int] | None = dict.fromkeys(MAILS, 0) if _is_mail(probe) else None
        self._in_flight: str | None = None  # absent for a kind that sees no ends: a beacon's sender
        self._roundtrips = Buckets(ROUNDTRIPS)
        self._last_success = 0.0
        self._skipped = False
        self._result: Result | None = None  # the latest of which the lines were written
        self._rendered: tuple[object, ...] = ()
        self.describe(name, probe)
        self.blocks: tuple[str, ...] = (*self._first(), *self._mail(), *_BLACK)

    def describe(self, name: UnitName, probe: Probe) -> None:
        """Take up the unit's labels, from its settings."""
        target = {} if name.target is None else {"target": blackbox.without_credentials(name.target)}
        self._base = labels(flow=name.flow, probe=name.probe, **target)
        self._kind = labels(kind=probe.kind)
        self._blackbox = blackbox.Lines(blackbox.base_labels(name, probe))
        self._interval = f"retabli_probe_interval_seconds{{{self._base}}} {probe.every!r}\n"
        self._length = len(probe.climbs())
        self._rendered = ()

    def ran(self, unit: UnitPicture, result: Result) -> None:
        """A run has ended: it is counted."""
        outcome = unit.outcome or result.outcome
        self._runs[outcome.value] += 1
        self._skipped = False
        if outcome is Outcome.OK:
            self._last_success = result.at
        elif outcome is Outcome.FAILED and result.cause is not None:
            fall = (result.stage.id if result.stage else "", result.cause.code)
            self._failures[fall] = self._failures.get(fall, 0) + 1
        if result.mail or result.roundtrips:
            self._count_mail(result)

    def skipped(self) -> None:
        self._runs["skipped"] += 1
        self._skipped = True

    def stood(self) -> None:
        """The latest verdict stands without a new run: it is an outcome again."""
        self._skipped = False

    # lines ----------------------------------------------------------------------------------------------------

    def render(self, unit: UnitPicture, intent: Intent) -> None:
        """Bring the lines to what is known now: of its latest run, if it is still evidence."""
        result, known, outcome = unit.result, unit.fresh and not self._skipped, unit.record.outcome
        rendered = (known, unit.fresh, outcome, intent, *self._runs.values())
        if result is not self._result or rendered != self._rendered:
            self._write(result, outcome, known=known, fresh=unit.fresh, intent=intent)
            self._result, self._rendered = result, rendered  # last: what could not be written is written the next time

    def _write(
        self, result: Result | None, outcome: Outcome | None, *, known: bool, fresh: bool, intent: Intent
    ) -> None:
        if result is None:
            self.blocks = (*self._first(), *self._mail(), *_BLACK)
            return
        base = self._base
        shows = known and intent is Intent.OPEN and outcome in (Outcome.OK, Outcome.FAILED)
        failing = fresh and outcome is Outcome.FAILED
        offset = result.measures.get(Measure.CLOCK_OFFSET)
        self.blocks = (
            self._counted(),
            f"retabli_probe_rung{{{base}}} {result.rung}\n",
            f"retabli_probe_rungs{{{base}}} {result.of}\n",
            f"retabli_probe_last_run_timestamp_seconds{{{base}}} {result.at:.3f}\n",
            f"retabli_probe_last_success_timestamp_seconds{{{base}}} {self._last_success:.3f}\n",
            self._interval,
            self._fallen() if self._failures else "",
            self._failing(result) if failing else "",
            "" if self.kind in blackbox.TIMED else self._stages(result),
            "" if offset is None else f"retabli_probe_clock_offset_seconds{{{base}}} {offset!r}\n",
            *(_NO_MAIL if self._mails is None else self._mail()),
            *(self._blackbox.blocks(result, outcome) if shows and outcome is not None else _BLACK),
        )

    def _first(self) -> tuple[str, ...]:
        """Before the first run: what is preset, and nothing else."""
        base = self._base
        return (
            self._counted(),
            f"retabli_probe_rung{{{base}}} 0\n",
            f"retabli_probe_rungs{{{base}}} {self._length}\n",
            f"retabli_probe_last_run_timestamp_seconds{{{base}}} 0\n",
            f"retabli_probe_last_success_timestamp_seconds{{{base}}} 0\n",
            self._interval,
            *("",) * 4,
        )

    def _counted(self) -> str:
        base, kind, runs = self._base, self._kind, self._runs
        return (
            f'retabli_probe_runs_total{{{base},{kind},outcome="ok"}} {runs["ok"]}\n'
            f'retabli_probe_runs_total{{{base},{kind},outcome="failed"}} {runs["failed"]}\n'
            f'retabli_probe_runs_total{{{base},{kind},outcome="unknown"}} {runs["unknown"]}\n'
            f'retabli_probe_runs_total{{{base},{kind},outcome="skipped"}} {runs["skipped"]}\n'
        )

    def _fallen(self) -> str:
        return "".join(
            f'retabli_probe_failures_total{{{self._base},stage="{stage}",cause="{cause}"}} {number}\n'
            for (stage, cause), number in self._failures.items()
        )

    def _failing(self, result: Result) -> str:
        """Empty for an answer where there must be none: it has no cause of its own, and `breached` says it."""
        if result.cause is None or result.outcome is Outcome.OK:
            return ""
        stage = result.stage.id if result.stage else ""
        side = result.cause.side.value
        why = f'stage="{stage}",cause="{result.cause.code}",side="{side}"'
        return f"retabli_probe_failure_info{{{self._base},{why}}} 1\n"

    def _stages(self, result: Result) -> str:
        base = self._base
        return "".join(
            f'retabli_probe_stage_duration_seconds{{{base},stage="{rung.stage.id}"}} {rung.seconds:.6f}\n'
            for rung in result.rungs
        )

    # mail -----------------------------------------------------------------------------------------------------

    def _count_mail(self, result: Result) -> None:
        if self._mails is None:
            self._mails = dict.fromkeys(MAILS, 0)
        for mail, number in result.mail.items():
            self._mails[mail] += number
        self._in_flight = result.properties.get("in_flight", self._in_flight)
        for seconds in result.roundtrips:
            self._roundtrips.observe(seconds)

    def _mail(self) -> tuple[str, ...]:
        if self._mails is None:
            return _NO_MAIL
        base = self._base
        return (
            *(f"retabli_mail_{mail}_total{{{base}}} {number}\n" for mail, number in self._mails.items()),
            "" if self._in_flight is None else f"retabli_mail_in_flight{{{base}}} {self._in_flight}\n",
            self._roundtrips.lines("retabli_mail_roundtrip_seconds", base),
        )


def _is_mail(probe: Probe) -> bool:
    """Whether the unit sends or awaits tokens: its mail counters then stand at 0 from the start."""
    return probe.kind.startswith("mail_") or hasattr(probe, "within")
