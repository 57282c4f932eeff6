"""Instants, durations and numbers as people read them: one way each, and never a crash."""

import math
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retabli.model.numbers import decimal, number, percent
from retabli.model.stamps import row_stamp
from retabli.view.times import clock, heading, moment, span, spoken, took
from retabli.view.typography import typeset

PARIS = ZoneInfo("Europe/Paris")
LANGUAGES = ("fr", "en")
SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "j": 86_400, "d": 86_400}
durations = st.floats(min_value=-1e6, max_value=1e9)
languages = st.sampled_from(LANGUAGES)


def at(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


def read(said: str) -> float:
    """The seconds that a duration says; what stands after hours alone is minutes."""
    found = said.replace("<", "").replace(",", ".").replace("\u00a0", " ").strip()
    total = sum(float(value) * SECONDS[unit] for value, unit in re.findall(r"([\d.]+) (ms|min|s|h|j|d)\b", found))
    if minutes := re.search(r" h (\d\d)$", found):
        total += 60 * int(minutes[1])
    return total


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.99, "59 s"),
        (60, "1 min"),
        (3599.9, "59 min"),
        (3600, "1 h 00"),
        (11_100, "3 h 05"),
        (86_399, "23 h 59"),
        (86_400, "1 j"),
        (187_200, "2 j 4 h"),
        (863_999, "9 j 23 h"),
        (900_000, "10 j"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_a_span_has_two_units_at_most_and_promises_no_more_than_has_passed(seconds: float, said: str) -> None:
    assert span(seconds, "fr").replace("\u00a0", " ") == said
    assert span(seconds, "en").replace("\u00a0", " ") == said.replace(" j", " d")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "< 1 ms"),
        (0, "< 1 ms"),
        (0.0005, "< 1 ms"),
        (0.00051, "1 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1,0 s"),
        (1.25, "1,2 s"),
        (59.94, "59,9 s"),
        (59.96, "60 s"),
        (92.4, "92 s"),
        (599.4, "599 s"),
        (599.6, "10 min"),
        (4000, "1 h 06"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_what_something_took_is_as_exact_as_limits_are_set(seconds: float, said: str) -> None:
    assert took(seconds, "fr").replace("\u00a0", " ") == said
    assert took(seconds, "en").replace("\u00a0", " ") == said.replace(",", ".")


@given(durations, durations, languages)
def test_a_longer_time_is_never_said_to_be_shorter(one: float, other: float, language: str) -> None:
    shorter, longer = sorted((one, other))
    for say in (span, took):
        assert 0 <= read(say(shorter, language)) <= read(say(longer, language))


@given(st.floats(min_value=0, max_value=1e9), languages)
def test_what_is_said_is_near_what_it_is(seconds: float, language: str) -> None:
    assert read(span(seconds, language)) <= seconds < read(span(seconds, language)) * 1.1 + 60
    assert abs(read(took(seconds, language)) - seconds) <= max(0.001, seconds * 0.1)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True), languages)
def test_no_instant_is_a_crash(instant: float, now: float, language: str) -> None:
    for said in (
        moment(instant, now, PARIS, language),
        clock(instant, PARIS, language),
        clock(instant, PARIS, language, seconds=True),
        spoken(instant, PARIS, language),
        heading(instant, PARIS, language),
        row_stamp(instant, PARIS),
        row_stamp(instant, None),
        span(now - instant, language),
        took(now - instant, language),
    ):
        assert said


def test_instants_before_1970_and_far_ahead_are_dates_too() -> None:
    assert moment(-1e9, 0.0, UTC, "en") == "24\u00a0Apr\u00a01938, 22:13"
    assert spoken(at("2400-02-29T12:00:00Z"), UTC, "fr") == "le 29 février 2400 à 12 h 00"


def test_the_first_of_a_month_is_an_ordinal_in_french_alone() -> None:
    first = at("2023-07-01T07:12:00Z")
    assert moment(first, first, PARIS, "fr") == "1er\u00a0juil. à 9\u00a0h\u00a012"
    assert moment(first, first, PARIS, "en") == "1\u00a0July, 09:12"
    assert spoken(first, PARIS, "fr") == "le 1er juillet 2023 à 9 h 12"
    assert heading(first, PARIS, "fr") == "samedi 1er juillet 2023 à 9 h 12"
    assert clock(first, PARIS, "fr", seconds=True) == "09:12:00"


def test_another_year_is_said() -> None:
    assert moment(at("2023-07-03T08:00:00Z"), at("2026-01-01T00:00:00Z"), PARIS, "fr").startswith(
        "3\u00a0juil.\u00a02023"
    )


def test_the_hour_that_autumn_repeats_is_told_apart_and_no_other_one() -> None:
    summer, winter = at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")
    assert moment(summer, summer, PARIS, "fr") == "25\u00a0oct. à 2\u00a0h\u00a030\u00a0(UTC+2)"
    assert moment(winter, summer, PARIS, "fr") == "25\u00a0oct. à 2\u00a0h\u00a030\u00a0(UTC+1)"
    assert spoken(winter, PARIS, "en") == "25 October 2026 at 02:30 (UTC+1)"
    assert row_stamp(summer, PARIS) == "2026-10-25 02:30:00 (UTC+2)"
    assert row_stamp(winter, PARIS, seconds=False) == "2026-10-25 02:30 (UTC+1)"
    for ordinary in ("2026-10-24T23:59:59Z", "2026-10-25T02:00:00Z", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"):
        assert "UTC" not in moment(at(ordinary), summer, PARIS, "fr") + row_stamp(at(ordinary), PARIS), ordinary


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_two_instants_never_have_the_same_row_stamp(seconds: int) -> None:
    assert row_stamp(seconds, PARIS) != row_stamp(seconds + 3600, PARIS)


def test_offsets_that_are_no_whole_hours_are_said_whole() -> None:
    # Lord Howe goes back by half an hour, at 15:00 UTC.
    island = ZoneInfo("Australia/Lord_Howe")
    assert row_stamp(at("2026-04-04T14:45:00Z"), island) == "2026-04-05 01:45:00 (UTC+11)"
    assert row_stamp(at("2026-04-04T15:15:00Z"), island) == "2026-04-05 01:45:00 (UTC+10:30)"


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert [number(each, "fr") for each in (0, 999, 1250, 1_234_567)] == [
        "0",
        "999",
        "1\u202f250",
        "1\u202f234\u202f567",
    ]
    assert number(1250, "en") == "1,250"
    assert (decimal(1250.25, 1, "fr"), decimal(1250.25, 1, "en")) == ("1\u202f250,2", "1,250.2")


def test_a_percentage_says_all_and_nothing_only_of_all_and_nothing() -> None:
    assert [percent(each, "en") for each in (0, 0.001, 0.5, 0.999, 1)] == ["0%", "1%", "50%", "99%", "100%"]
    assert percent(0.97, "fr") == "97\u00a0%"


def test_french_is_not_broken_before_its_marks_nor_within_an_hour() -> None:
    said = typeset("Cause : « refusé » ; le 3 juillet à 9 h 05, 97 % !", "fr")
    assert said.replace("\u00a0", "_") == "Cause_: «_refusé_»_; le 3_juillet à_9_h_05, 97_%_!"
    assert typeset("Cause : x", "en") == "Cause : x"
    assert typeset("http://a.example:80 et :x", "fr") == "http://a.example:80 et :x"
