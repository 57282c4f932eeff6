"""A daemon that has ended again and again without being told to does not say of itself that it works."""

from retabli.alerts.relapses import OFTEN, WITHIN, Relapses
from retabli.model.record import Entry, Event

NOW = 1_688_371_200.0


def gap(ago: float, *, clean: bool = False) -> Entry:
    return Entry(NOW - ago, Event.GAP, None, {"clean_stop": clean})


def why_not(*rows: Entry, later: float = 0.0) -> str | None:
    relapses = Relapses(lambda: NOW + later)
    relapses.take_up(rows)
    return relapses.why_not()


def test_one_or_two_ends_are_no_habit() -> None:
    assert why_not() is None
    assert why_not(gap(0), gap(60)) is None


def test_a_third_within_a_quarter_of_an_hour_is_until_it_has_lived_that_long() -> None:
    ends = [gap(seconds) for seconds in (0, 100, 200)]
    assert len(ends) == OFTEN
    assert why_not(*ends) == "it has ended 3 times within 15 minutes without being told to"
    assert why_not(*ends, later=WITHIN - 201) is not None
    assert why_not(*ends, later=WITHIN - 200) is None


def test_ends_that_were_wanted_and_other_rows_do_not_count() -> None:
    assert why_not(*[gap(seconds, clean=True) for seconds in range(9)]) is None
    assert why_not(gap(0), gap(1), Entry(NOW, Event.START, None, {"version": "1"})) is None


def test_ends_of_a_time_that_has_not_come_do_not_count() -> None:
    assert why_not(gap(-10), gap(-20), gap(-30)) is None
