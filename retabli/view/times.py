"""Instants and durations as people read them, in the site's time zone and the reader's language.

In the hour that autumn repeats, the offset is said too: `2 h 30 (UTC+2)`, then `2 h 30 (UTC+1)`. What no calendar has
is `?`.
"""

from datetime import datetime, tzinfo

from retabli.model.durations import NO_TIME, exactly, span, took
from retabli.model.numbers import NBSP as _NBSP
from retabli.model.stamps import local, offset, twice

_MONTHS = {
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_WHOLE = {
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_WEEKDAYS = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
__all__ = ["clock", "date", "day", "exactly", "heading", "moment", "short_day", "span", "spoken", "took"]


def moment(instant: float, now: float, zone: tzinfo, language: str) -> str:
    """The date (its year, if another one) and the hour: `3 juil. à 9 h 12`, `3 July, 09:12`."""
    then, today = local(instant, zone), local(now, zone)
    if then is None:
        return NO_TIME
    date = f"{_day(then, language)}{_NBSP}{_MONTHS[language][then.month - 1]}"
    if today is None or then.year != today.year:
        date += f"{_NBSP}{then.year}"
    return f"{date} à {_clock(then, language)}" if language == "fr" else f"{date}, {_clock(then, language)}"


def clock(instant: float, zone: tzinfo, language: str, *, seconds: bool = False) -> str:
    """The hour of the day: `9 h 12`, `09:12`; with seconds `09:12:07` in both."""
    then = local(instant, zone)
    if then is None:
        return NO_TIME
    return f"{then:%H:%M:%S}{_which(then)}" if seconds else _clock(then, language)


def date(at: float, zone: tzinfo, language: str) -> str:
    """The day alone: `3 juillet 2023`, `3 July 2023`."""
    then = local(at, zone)
    return NO_TIME if then is None else _date(then, language)


def spoken(at: float, zone: tzinfo, language: str) -> str:
    """In full, for a sentence: `le 3 juillet 2023 à 10 h 00`, `3 July 2023 at 10:00`."""
    then = local(at, zone)
    if then is None:
        return NO_TIME
    said = f"{_date(then, language)} {_hour(then, language)}"
    return f"le {said}" if language == "fr" else said


def heading(at: float, zone: tzinfo, language: str) -> str:
    """In full, for a title: `lundi 3 juillet 2023 à 10 h 00`, `Monday 3 July 2023 at 10:00`."""
    then = local(at, zone)
    if then is None:
        return NO_TIME
    return f"{_WEEKDAYS[language][then.weekday()]} {_date(then, language)} {_hour(then, language)}"


def day(at: float, zone: tzinfo, language: str) -> str:
    """In full, for a title: `lundi 3 juillet 2023`, `Monday 3 July 2023`."""
    then = local(at, zone)
    return NO_TIME if then is None else f"{_WEEKDAYS[language][then.weekday()]} {_date(then, language)}"


def short_day(at: float, zone: tzinfo, language: str) -> str:
    """The day alone, where there is little room: `3 juil.`, `3 July`."""
    then = local(at, zone)
    return NO_TIME if then is None else f"{_day(then, language)}{_NBSP}{_MONTHS[language][then.month - 1]}"


def _day(then: datetime, language: str) -> str:
    return "1er" if language == "fr" and then.day == 1 else str(then.day)


def _date(then: datetime, language: str) -> str:
    return f"{_day(then, language)} {_WHOLE[language][then.month - 1]} {then.year}"


def _hour(then: datetime, language: str) -> str:
    said = f"à {then.hour} h {then.minute:02}" if language == "fr" else f"at {then.hour:02}:{then.minute:02}"
    return said + _which(then).replace(_NBSP, " ")


def _clock(then: datetime, language: str) -> str:
    said = f"{then.hour}{_NBSP}h{_NBSP}{then:%M}" if language == "fr" else f"{then:%H:%M}"
    return said + _which(then)


def _which(then: datetime) -> str:
    """Which of two it is, of an hour that a day has twice."""
    return f"{_NBSP}(UTC{offset(then)})" if twice(then) else ""
