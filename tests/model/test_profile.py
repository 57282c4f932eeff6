"""A profile of times in which silence is normal, and the age that is left of a silence."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError

from retabli.model.profile import Profile, ProfileRef

PARIS = ZoneInfo("Europe/Paris")
HOUR = 3600.0


class Holder(BaseModel):
    profile: ProfileRef = Profile()


def profile(*entries: str) -> Profile:
    return Holder.model_validate({"profile": list(entries)}, context={"timezone": PARIS}).profile


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp()


def test_without_a_profile_every_second_counts() -> None:
    assert Profile().expected(100.0, 160.0) == 60.0
    assert Profile().expected(160.0, 100.0) == 0.0


def test_a_weekend_and_its_nights_do_not_count() -> None:
    office = profile("mon-fri 20:00-07:00", "sat-sun")
    friday, monday = at("2023-06-30T19:30"), at("2023-07-03T07:10")
    assert office.expected(friday, monday) == 40 * 60.0


def test_hours_round_midnight_are_the_mornings_and_evenings_of_the_named_days_alone() -> None:
    friday = profile("fri 20:00-07:00")
    assert friday.expected(at("2023-06-30T06:00"), at("2023-06-30T08:00")) == 1 * HOUR
    assert friday.expected(at("2023-06-30T19:00"), at("2023-07-01T08:00")) == 9 * HOUR


def test_times_that_overlap_count_once() -> None:
    assert profile("sat 08:00-12:00", "sat 10:00-14:00", "sat 10:00-11:00").expected(
        at("2023-07-01T07:00"), at("2023-07-01T15:00")
    ) == (2 * HOUR)


def test_the_clocks_of_the_site_are_meant_when_they_change() -> None:
    sunday = profile("sun 00:00-06:00")
    assert sunday.expected(at("2023-03-26T00:00"), at("2023-03-26T07:00")) == 1 * HOUR  # a night of five hours
    assert sunday.expected(at("2023-10-29T00:00"), at("2023-10-29T07:00")) == 1 * HOUR  # and one of seven


def test_weekdays_may_go_round_the_week() -> None:
    assert profile("sat-mon").expected(at("2023-06-30T23:00"), at("2023-07-04T01:00")) == 2 * HOUR


def test_a_silence_of_years_is_measured_in_bounded_time() -> None:
    assert profile("sun").expected(0.0, at("2023-07-03T00:00")) > 300 * 24 * HOUR


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("someday", "is no time of the week"),
        ("mon-xyz", "is no weekday"),
        ("mon 25:00-26:00", "is no time of day"),
        ("mon 07:00-07:00", "begins and ends at the same minute"),
        ("mon-sun", "nothing could ever be late"),
        ("mon-sun 07:00-06:59", None),
    ],
)
def test_what_is_no_profile_is_refused_with_a_sentence(entry: str, said: str | None) -> None:
    if said is None:
        assert profile(entry).expected(at("2023-07-01T06:58"), at("2023-07-01T07:02")) == 60.0, "one minute is left"
        return
    with pytest.raises(ValidationError, match=said):
        profile(entry)
