"""How `probe` shows ladders: rung by rung, one unit after the other however they run, ticking on a terminal."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, tzinfo
from typing import Protocol

from rich.live import Live
from rich.text import Text

from commands._paper import Paper
from retabli.model.causes import Cause, Verdict
from retabli.model.facts import fact
from retabli.model.flow import Flow, UnitName
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.result import Measure, Outcome, Result, Rung
from retabli.model.stages import Stage
from retabli.model.states import Intent
from retabli.model.words import COLON, Words
from retabli.view.times import date, exactly, span, took

MANY = 6  # more units than these, and those that are well take one line each
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

FELL = Words(
    "échec à {stage} (échelon {rung} sur {of}) après {time}", "failed at {stage} (rung {rung} of {of}) after {time}"
)
DOUBT = Words(
    "indéterminé à {stage} (échelon {rung} sur {of}) après {time} : cela ne dit rien du flux",
    "unknown at {stage} (rung {rung} of {of}) after {time}: this says nothing of the flow",
)
LATER = Words(
    "réponse temporaire à {stage} (échelon {rung} sur {of}) après {time} : à juger plus tard",
    "a temporary answer at {stage} (rung {rung} of {of}) after {time}: to be judged later",
)
PROVEN = Words("fermé, et la preuve en est faite", "closed, and proven so")
HELD = Words("tout tient : {rung} échelons sur {of} en {time}", "ok: {rung} of {of} rungs in {time}")
PARTLY = Words("passe, mais pas entièrement : {why}", "it works, but not wholly: {why}")
SLOWLY = Words("plus lent que la limite ({limit})", "slower than its limit ({limit})")
CLOSED = Words("ce flux doit rester fermé, et il répond", "this flow is meant to stay closed, and it answers")
EXPIRED = Words("certificat expiré le {day} (il y a {left})", "certificate expired on {day} ({left} ago)")
EXPIRY = Words("certificat valable jusqu'au {day} ({left})", "certificate good until {day} ({left})")
SAME = Words("comme plus haut", "as above")
AGAIN = Words("de nouveau dans {pause} ; Ctrl-C pour finir", "again in {pause}; Ctrl-C ends")


class Shown(Protocol):
    """What is known of a climb while it goes on."""

    @property
    def name(self) -> UnitName: ...
    @property
    def probe(self) -> Probe: ...
    @property
    def flow(self) -> Flow: ...
    @property
    def ladder(self) -> Ladder | None: ...
    @property
    def result(self) -> Result | None: ...


class Printed:
    """Tells a round's units in their order. The first that has not ended is printed as it climbs; others wait."""

    def __init__(self, paper: Paper, language: str, zone: tzinfo = UTC) -> None:
        self._paper = paper
        self._zone = zone
        self._language = language
        self._climbs: Sequence[Shown] = ()
        self._rungs: dict[int, list[Rung]] = {}
        self._front = 0
        self._printed = 0  # rungs of the one in front
        self._told: dict[tuple[Stage | None, Cause | None], str] = {}  # this round's falls, and what was said
        self._headed = False
        self._rung_began = 0.0

    @contextmanager
    def round(self, climbs: Sequence[Shown]) -> Iterator[None]:
        self._climbs, self._rungs = climbs, {id(each): [] for each in climbs}
        self._front, self._printed, self._headed, self._told = 0, 0, False, {}
        self._rung_began = time.monotonic()
        if not self._paper.live:
            self._forward()
            yield
            return
        with Live(get_renderable=self._ticking, console=self._paper.console, transient=True, refresh_per_second=10):
            self._forward()
            yield

    def rung(self, climb: Shown, rung: Rung) -> None:
        self._rungs[id(climb)].append(rung)
        self._forward()

    def ended(self, climb: Shown) -> None:
        self._forward()

    def waiting(self, pause: float) -> None:
        """`pause` in seconds."""
        self._paper.line((AGAIN[self._language].format(pause=exactly(pause, self._language)), "dim"))
        self._paper.line()

    # one after the other ------------------------------------------------------------------------------------------

    @property
    def _many(self) -> bool:
        return len(self._climbs) > MANY

    def _forward(self) -> None:
        while self._front < len(self._climbs):
            front = self._climbs[self._front]
            if self._many and front.result is None:
                return
            if self._many and front.result is not None and self._short(front.result):
                self._one_line(front, front.result)
            else:
                self._print(front)
            if front.result is None:
                return
            self._front, self._printed, self._headed = self._front + 1, 0, False
            self._rung_began = time.monotonic()

    def _short(self, result: Result) -> bool:
        """Whether one line is enough: all is well, or it fell just as another one that was told at length."""
        if result.outcome is Outcome.OK and result.whole:
            return True
        fall = (result.stage, result.cause)
        told = fall in self._told
        if not told:
            self._told[fall] = result.detail
        return told

    def _one_line(self, climb: Shown, result: Result) -> None:
        stages = f"{result.rung}/{result.of}"
        well = result.outcome is Outcome.OK
        mark, style = ("✓", "green") if well else ("✗", "red") if result.outcome is Outcome.FAILED else ("?", "yellow")
        same = f"  {result.cause.code}, {SAME[self._language]}" if result.cause is not None else ""
        if result.detail and result.detail != self._told.get((result.stage, result.cause)):
            same += f": {result.detail}"
        self._paper.line(
            (f"{mark} ", style),
            str(climb.name),
            f"  {stages}  ",
            (took(result.seconds, self._language), "dim"),
            (same, style),
        )

    def _print(self, climb: Shown) -> None:
        if not self._headed:
            self._headed = True
            where = aim(climb.name, climb.probe)
            self._paper.line((str(climb.name), "bold"), f"  {climb.probe.kind}", f"  → {where}" if where else "")
        rungs = self._rungs[id(climb)]
        width = max(len(stage.id) for stage in climb.probe.climbs())
        for number in range(self._printed, len(rungs)):
            if not _goes_on(rungs, number):
                self._rung(rungs[number], width)
        if len(rungs) > self._printed:
            self._printed = len(rungs)
            self._rung_began = time.monotonic()
        if climb.result is not None:
            told = {(rung.stage.id, rung.cause) for rung in rungs}
            for rung in climb.result.rungs:  # one that was never begun, or that the runner judged anew
                if rung.cause is not None and (rung.stage.id, rung.cause) not in told:
                    self._rung(rung, width)
            self._end(climb, climb.result)

    def _rung(self, rung: Rung, width: int) -> None:
        lasted = f"{took(rung.seconds, self._language):>9}"
        if rung.cause is None:
            self._paper.line(("  ✓ ", "green"), f"{rung.stage.id:<{width}} ", (lasted, "dim"))
            return
        failed = rung.cause.verdict is Verdict.FAILED
        mark, style = ("✗", "red") if failed else ("?", "yellow")
        self._paper.line(
            (f"  {mark} ", style),
            f"{rung.stage.id:<{width}} ",
            (lasted, "dim"),
            "   ",
            (rung.cause.code, f"bold {style}"),
            f"  ({rung.cause.side.value})",
        )
        self._why(rung.cause, rung.detail)

    def _why(self, cause: Cause, detail: str) -> None:
        self._paper.line(f"      {cause.words[self._language]}")
        if detail:
            self._paper.line((f"      « {detail} »" if self._language == "fr" else f"      “{detail}”", "dim"))
        self._paper.line("      → ", (cause.advice(self._language), "bold"))

    def _end(self, climb: Shown, result: Result) -> None:
        words, style = verdict(result)
        said = words[self._language].format(
            stage=result.stage.id if result.stage else "?",
            rung=result.rung + (result.outcome is not Outcome.OK),
            of=result.of,
            time=took(result.seconds, self._language),
        )
        for line in self._facts(result):
            self._paper.line((f"      {line}", "dim"))
        self._paper.line((said, style))
        if result.outcome is Outcome.OK:
            self._remarks(climb, result)
        if climb.flow.intent is Intent.CLOSED:
            self._closure(climb.probe, result)
        self._paper.line()

    def _remarks(self, climb: Shown, result: Result) -> None:
        if not result.whole:
            limit = exactly(climb.probe.slow or 0.0, self._language)
            slow = SLOWLY[self._language].format(limit=limit)
            why = result.cause.words[self._language] if result.cause is not None else slow
            self._paper.line((PARTLY[self._language].format(why=why), "yellow"))
            if result.detail:
                self._paper.line((f"      {result.detail}", "dim"))

    def _closure(self, probe: Probe, result: Result) -> None:
        """Of a flow that must stay closed: whether it answers, or is proven not to."""
        if result.outcome is (Outcome.FAILED if probe.PROVES_CLOSURE else Outcome.OK):
            self._paper.line((CLOSED[self._language], "bold red"))
        elif probe.PROVES_CLOSURE and result.outcome is Outcome.OK:
            self._paper.line((PROVEN[self._language], "bold green"))

    def _facts(self, result: Result) -> Iterator[str]:
        expiry = result.measures.get(Measure.CERT_EARLIEST_EXPIRY)
        for name, value in result.properties.items():
            if name == "not_after" and expiry is not None:
                continue  # it is told below, in days
            what, found = fact(name, value, self._language)
            yield f"{what}{COLON[self._language]}{found}"
        if expiry is not None:
            left = span(abs(expiry - result.at), self._language)
            words = EXPIRY if expiry > result.at else EXPIRED
            yield words[self._language].format(day=date(expiry, self._zone, self._language), left=left)

    # ticking ------------------------------------------------------------------------------------------------------

    def _ticking(self) -> Text:
        """The rung that is being climbed in front, and how long already; redrawn ten times a second."""
        if self._front >= len(self._climbs):
            return Text("")
        front = self._climbs[self._front]
        now = time.monotonic()
        frame = SPINNER[int(now * 10) % len(SPINNER)]
        current = front.ladder.current if front.ladder is not None else None
        stage = current.id if current is not None else "…"
        done = sum(each.result is not None for each in self._climbs)
        rest = f"   {done}/{len(self._climbs)}" if len(self._climbs) > 1 else ""
        lasted = took(now - self._rung_began, self._language)
        return Text.assemble((f"  {frame} ", "cyan"), f"{stage}  ", (lasted, "dim"), (rest, "dim"))


def _goes_on(rungs: Sequence[Rung], number: int) -> bool:
    """Whether it only holds on: a rung that was climbed in parts, or asked of again, is shown once."""
    rung = rungs[number]
    return number > 0 and rung.cause is None and rungs[number - 1].stage is rung.stage


def verdict(result: Result) -> tuple[Words, str]:
    if result.outcome is Outcome.OK:
        return HELD, "bold green"
    if result.outcome is Outcome.FAILED:
        return FELL, "bold red"
    temporary = result.cause is not None and result.cause.verdict is Verdict.TEMPORARY
    return (LATER if temporary else DOUBT), "bold yellow"


def aim(name: UnitName, probe: Probe) -> str:
    """Where the climb leads to: its target, or the first host that its settings name."""
    if name.target is not None or probe.PROVES_CLOSURE:
        return ""  # it stands in the name; or it leads to many places, and is to arrive at none
    return next((f"{host}:{port}" if port else host for host, port, _ in probe.openings()), "")
