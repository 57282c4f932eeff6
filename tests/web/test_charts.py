"""The small charts of a unit's runs: what is drawn, what its figures mean, and what they are compared with."""

import re
from dataclasses import replace

import pytest

from retabli.model.result import Outcome
from retabli.model.run import run_of
from retabli.model.states import Intent, State
from retabli.store import Past
from retabli.view import View
from retabli.web.pages.charts import kind_of, percentile, plot, strip
from retabli.web.pages.units import units_of, usual_times
from tests.view.pictures import NOW, Containment, Http, Smtp, flow, name, picture, result
from tests.web.hospital import SITE
from tests.web.runs import runs_of


def test_a_tick_stands_for_each_run_and_differs_by_shape() -> None:
    drawn = strip(runs_of(Http(), "..~x?"), Http(), Intent.OPEN, "en")
    assert drawn is not None
    paths = dict(drawn.paths)
    assert paths["ok"] == "M0 9v6M1 9v6"
    assert paths["failed"] == "M3 1v14"
    assert paths["unknown"] == "M4 9h0"
    assert len({re.sub(r"M\d+ ", "", path) for path in paths.values()}) == 4
    assert drawn.said == "Latest 5 runs: 2 ok, 1 not wholly, 1 failed, 1 unknown"


def test_an_hour_in_which_nobody_looked_is_a_gap_in_ticks_and_line() -> None:
    probe = Http(every=30.0)
    runs = runs_of(probe, "....")
    runs = [replace(run, at=run.at - 3600) if place < 2 else run for place, run in enumerate(runs)]
    drawn, line = strip(runs, probe, Intent.OPEN, "fr"), plot(runs, probe, "fr")
    assert drawn is not None
    assert dict(drawn.paths)["gap"] == "M1.5 0v16"
    assert line is not None
    assert line.line.count("M") == 2


def test_the_line_breaks_where_a_run_failed_and_only_runs_that_held_have_a_length() -> None:
    drawn = plot(runs_of(Http(), "..x..", seconds=0.1), Http(), "en")
    assert drawn is not None
    assert re.findall(r"M(\d+)", drawn.line) == ["0", "3"]
    alone = plot(runs_of(Http(), "x.x.."), Http(), "en")
    assert alone is not None
    assert re.findall(r"M(\d+) [\d.]+h0", alone.dots) == ["1"], "a run by itself is a dot"
    assert re.findall(r"M(\d+)", alone.line) == ["3"]
    assert drawn.labels == ("1\u00a0s", "100\u00a0ms") or drawn.labels == ("100\u00a0ms", "10\u00a0ms")
    assert plot(runs_of(Http(), "xx?"), Http(), "en") is None


def test_the_bound_of_slow_is_drawn_where_the_probe_has_one() -> None:
    slow = plot(runs_of(Http(), "....."), Http(slow=2.0), "en")
    assert slow is not None
    assert slow.slow.startswith("M-1000 ")
    assert ("slow beyond", "2.0\u00a0s") in slow.figures
    plain = plot(runs_of(Http(), "....."), Http(), "en")
    assert plain is not None
    assert plain.slow == ""


def test_figures_are_given_where_there_are_runs_enough_to_mean_them() -> None:
    few, many = plot(runs_of(Http(), "..."), Http(), "en"), plot(runs_of(Http(), "." * 20), Http(), "en")
    assert few is not None
    assert [key for key, _ in few.figures] == ["longest"]
    assert many is not None
    assert [key for key, _ in many.figures] == ["median", "95% under", "longest"]
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile(list(map(float, range(1, 101))), 0.95) == 95.0


def test_an_answer_where_there_must_be_none_is_no_good_run_and_its_absence_proves_nothing() -> None:
    assert kind_of(Outcome.OK, Smtp(), Intent.CLOSED) == "failed"
    assert kind_of(Outcome.FAILED, Smtp(), Intent.CLOSED) == "unknown"
    assert kind_of(Outcome.OK, Containment(), Intent.CLOSED) == "ok"
    assert kind_of(Outcome.OK, Smtp(), Intent.OPEN, whole=False) == "partial"


def test_a_rung_is_compared_with_what_is_usual_for_it_and_never_with_itself() -> None:
    runs = runs_of(Http(), "." * 6, seconds=0.5)
    assert usual_times(runs[:5]) == {}, "four runs before it are too few"
    slow = result(Http(), seconds=5.0, at=NOW + 1)
    assert usual_times([*runs, run_of(slow)]) == {stage.id: pytest.approx(0.1) for stage in Http().climbs()}
    of = flow("one", probes={"p": Http()})
    shown = picture(of, State.RESTORED, [slow])
    [unit] = units_of(shown, Past({name(of): list(reversed(runs))}, {}), View(SITE, wall=lambda: NOW), "en").blocks
    assert {rung.usual for rung in unit.rungs} == {"100\u00a0ms"}
    assert all(rung.unusual for rung in unit.rungs)
    assert {rung.share for rung in unit.rungs} == {"20\u00a0%"}
