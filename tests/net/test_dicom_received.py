"""The age of a partner's newest study, to the second, at times that are chosen."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.profile import Profile, parse
from retabli.net.dicom.receive_causes import (
    ANSWER_CAPPED,
    ARCHIVE_GARBAGE,
    MATCH_IGNORED,
    NO_NEW_STUDY,
    ONLY_A_DATE,
    STUDY_IN_FUTURE,
)
from retabli.net.dicom.received import Account, Moment, Seen, first_day, is_of, judge_age, moment_of

PARIS = ZoneInfo("Europe/Paris")
ALWAYS = Profile(zone=PARIS)
OFFICE = Profile((), (*parse("mon-fri 20:00-07:00"), *parse("sat-sun")), PARIS)
HOUR, DAY = 3600.0, 86_400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp()


MONDAY = at("2023-07-03T09:00:00")


def account(*studies: tuple[str, str], now: float = MONDAY) -> Account:
    found = Account("CHU", PARIS, now)
    found.add([Seen(day, time, ("CHU",)) for day, time in studies])
    return found


@pytest.mark.parametrize(
    ("day", "clock", "earliest", "latest"),
    [
        ("20230703", "081530", "2023-07-03T08:15:30", "2023-07-03T08:15:30"),
        ("20230703", "081530.123456", "2023-07-03T08:15:30", "2023-07-03T08:15:30"),
        ("20230703", "0815", "2023-07-03T08:15:00", "2023-07-03T08:15:59"),
        ("20230703", "08", "2023-07-03T08:00:00", "2023-07-03T08:59:59"),
        ("20230703", "", "2023-07-03T00:00:00", "2023-07-03T23:59:59"),
        ("20230703", None, "2023-07-03T00:00:00", "2023-07-03T23:59:59"),
        ("20230703", "noon", "2023-07-03T00:00:00", "2023-07-03T23:59:59"),
        ("20230703", "996199", "2023-07-03T00:00:00", "2023-07-03T23:59:59"),
        ("2023.07.03", "08:15:30", "2023-07-03T08:15:30", "2023-07-03T08:15:30"),
        ("20230703 ", " 235960 ", "2023-07-03T23:59:59", "2023-07-03T23:59:59"),
    ],
)
def test_dates_and_times_are_read_as_widely_as_they_were_written(
    day: str, clock: str | None, earliest: str, latest: str
) -> None:
    assert moment_of(day, clock, PARIS) == Moment(at(earliest), at(latest))


@pytest.mark.parametrize("day", [None, "", "yesterday", "20231399", "00000000", "2023070", "٢٠٢٣٠٧٠٣"])
def test_what_is_no_date_is_none(day: str | None) -> None:
    assert moment_of(day, "081530", PARIS) is None


def test_an_hour_that_comes_twice_is_either() -> None:
    moment = moment_of("20231029", "0230", PARIS)
    assert moment is not None
    assert moment.latest - moment.earliest == HOUR + 59


def verdict(found: Account, profile: Profile, max_age: float) -> Cause | None:
    try:
        judge_age(found, profile, max_age)
    except Fall as fall:
        return fall.cause
    return None


def test_the_limit_itself_is_fresh_and_a_second_more_is_not() -> None:
    found = account(("20230703", "080000"))
    assert verdict(found, ALWAYS, HOUR) is None
    assert verdict(found, ALWAYS, HOUR - 1) is NO_NEW_STUDY


def test_a_weekend_does_not_age_a_study() -> None:
    friday = account(("20230630", "193000"))
    assert verdict(friday, OFFICE, 2.5 * HOUR) is None  # half an hour on Friday, two on Monday
    assert verdict(friday, OFFICE, 2.4 * HOUR) is NO_NEW_STUDY
    assert verdict(friday, ALWAYS, 24 * HOUR) is NO_NEW_STUDY


def test_a_date_alone_is_fresh_late_or_neither() -> None:
    sunday = account(("20230702", ""))  # between 9 and 33 hours old
    assert verdict(sunday, ALWAYS, 33 * HOUR) is None
    assert verdict(sunday, ALWAYS, 20 * HOUR) is ONLY_A_DATE
    assert verdict(sunday, ALWAYS, 9 * HOUR) is NO_NEW_STUDY


def test_one_of_yesterday_with_a_time_outdoes_one_of_today_without() -> None:
    found = account(("20230703", ""), ("20230703", "083000"))
    assert verdict(found, ALWAYS, HOUR) is None


def test_doubts_outweigh_a_silence_and_not_a_life() -> None:
    for change, cause in (
        ({"capped": True}, ANSWER_CAPPED),
        ({"ahead": 1}, STUDY_IN_FUTURE),
        ({"unnamed": 1}, MATCH_IGNORED),
        ({"undated": 1}, ARCHIVE_GARBAGE),
        ({"strangers": 1}, NO_NEW_STUDY),
    ):
        for day, wanted in (("20230630", cause), ("20230703", None)):
            found = account((day, "080000"))
            for name, value in change.items():
                setattr(found, name, value)
            assert verdict(found, ALWAYS, 2 * HOUR) is wanted


def test_studies_are_counted_for_what_they_are() -> None:
    found = Account("CHU", PARIS, MONDAY)
    found.add(
        [
            Seen("20230703", "080000", ("chu",)),
            Seen("20230703", "080000", ("ANOTHER", "CHU")),
            Seen("20230703", "080000", ("CHU NORD",)),
            Seen("20230703", "080000", ()),
            Seen("garbage", "080000", ("CHU",)),
            Seen("20230703", "090400", ("CHU",)),
            Seen("20230703", "090600", ("CHU",)),
        ]
    )
    assert (len(found.moments), found.strangers, found.unnamed, found.undated, found.ahead) == (3, 1, 1, 1, 1)
    assert found.earliest == found.latest == MONDAY  # five minutes ahead are no age


@pytest.mark.parametrize(
    ("partner", "value", "is_its"),
    [
        ("CHU", "chu ", True),
        ("CHU*", "CHU NORD", True),
        ("CH?", "CHU", True),
        ("CHU", "CHU NORD", False),
        ("CHU [NORD]", "CHU [NORD]", True),
        ("CHU [NORD]", "CHU N", False),
        ("*", "", True),
    ],
)
def test_a_partner_is_matched_as_an_archive_matches_it(partner: str, value: str, is_its: bool) -> None:
    assert is_of(partner, [value]) is is_its


def test_only_days_that_could_be_fresh_are_asked_for() -> None:
    assert first_day(MONDAY, ALWAYS, 2 * HOUR, 30 * DAY) == date(2023, 7, 3)
    assert first_day(MONDAY, ALWAYS, 10 * HOUR, 30 * DAY) == date(2023, 7, 2)
    assert first_day(MONDAY, OFFICE, 2 * HOUR, 30 * DAY) == date(2023, 6, 30)  # nothing has aged since Friday evening
    assert first_day(MONDAY, ALWAYS, 90 * DAY, 30 * DAY) == date(2023, 6, 3)
