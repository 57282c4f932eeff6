"""Which copies of the state stay, and in which order they are looked at: pure."""

from pathlib import Path

from retabli.store.generations import DAY, HOUR, Generation, generations, let_go, name

BEGAN = 1_688_378_400.0  # 3 July 2023, 10:00 UTC


def each_of(*moments: float, broken: tuple[int, ...] = ()) -> list[Generation]:
    """Copies of these moments, counted from BEGAN, in the order in which they were taken; the newest comes first."""
    made = [
        Generation(Path(str(number)), number, BEGAN + at, "0" * 16, number in broken)
        for number, at in enumerate(moments, 1)
    ]
    return made[::-1]


def kept(found: list[Generation], *, hourly: int = 1, daily: int = 0) -> list[int]:
    gone = {each.number for each in let_go(found, hourly=hourly, daily=daily)}
    return [each.number for each in found if each.number not in gone]


def test_the_newest_of_each_of_the_latest_hours_stays_and_the_one_before_the_very_newest() -> None:
    found = each_of(0, 60, HOUR, 2 * HOUR, 2 * HOUR + 60, 2 * HOUR + 120)
    assert kept(found, hourly=3) == [6, 5, 3, 2]
    assert kept(found, hourly=2) == [6, 5, 3]
    assert kept(found, hourly=1) == [6, 5]


def test_starts_one_after_another_do_not_push_out_the_hours_before() -> None:
    found = each_of(0, HOUR, 2 * HOUR, *(2 * HOUR + 31 * number for number in range(1, 20)))
    assert kept(found, hourly=3) == [22, 21, 2, 1]


def test_the_newest_of_each_of_the_latest_days_stays() -> None:
    found = each_of(*(number * DAY / 2 for number in range(10)))
    assert kept(found, hourly=1, daily=3) == [10, 9, 8, 6]


def test_a_gap_of_weeks_lets_none_of_those_before_go() -> None:
    assert kept(each_of(0, DAY, 40 * DAY), hourly=1, daily=3) == [3, 2, 1]


def test_those_that_go_are_named_the_oldest_first() -> None:
    assert [each.number for each in let_go(each_of(0, 1, 2, 3), hourly=1, daily=1)] == [1, 2]


def test_a_clock_that_was_set_back_makes_no_older_copy_the_newest() -> None:
    found = each_of(0, 900 * DAY, HOUR)
    assert [each.number for each in found] == [3, 2, 1]
    assert kept(found)[0] == 3


def test_the_newest_whose_log_holds_stays_however_many_broken_ones_follow() -> None:
    found = each_of(*(number * HOUR for number in range(30)), broken=tuple(range(2, 31)))
    assert kept(found, hourly=3) == [30, 29, 28, 1]


def test_what_is_not_called_like_a_copy_is_none(tmp_path: Path) -> None:
    called = name(7, BEGAN, "0123456789abcdef", broken=False)
    broken = name(1_000_008, BEGAN + 1, "f" * 16, broken=True)
    for each in (called, broken, "copy.part", f"{called}-wal", f"{called}.old", "000001-20230703T100000Z-00.db"):
        (tmp_path / each).touch()
    assert called == "000007-20230703T100000Z-0123456789abcdef.db"
    assert generations(tmp_path) == [
        Generation(tmp_path / broken, 1_000_008, BEGAN + 1, "f" * 16, broken=True),
        Generation(tmp_path / called, 7, BEGAN, "0123456789abcdef"),
    ]
    assert generations(tmp_path / "none") == []
