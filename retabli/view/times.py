"""Instants and durations as people read them, in the site's time zone and the reader's language."""

from datetime import datetime, tzinfo

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
_NBSP = "\u00a0"


def span(seconds: float, language: str) -> str:
    """`20 s`, `12 min`, `3 h 05`, `2 j 4 h`, `12 j`: two units at most. The page's script writes the same."""
    whole = max(0, int(seconds))
    day = "j" if language == "fr" else "d"
    if whole < 60:
        return f"{whole}{_NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{_NBSP}min"
    if whole < 86_400:
        return f"{whole // 3600}{_NBSP}h{_NBSP}{whole % 3600 // 60:02d}"
    days, hours = whole // 86_400, whole % 86_400 // 3600
    return f"{days}{_NBSP}{day}{_NBSP}{hours}{_NBSP}h" if days < 10 and hours else f"{days}{_NBSP}{day}"


def moment(instant: float, now: float, zone: tzinfo, language: str) -> str:
    """The date (its year, if another one) and the hour: `3 juil. à 9 h 12`, `3 July, 09:12`."""
    then, today = datetime.fromtimestamp(instant, zone), datetime.fromtimestamp(now, zone)
    hour = clock(instant, zone, language)
    date = f"{then.day}{'er' if language == 'fr' and then.day == 1 else ''}{_NBSP}{_MONTHS[language][then.month - 1]}"
    if then.year != today.year:
        date += f"{_NBSP}{then.year}"
    return f"{date} à {hour}" if language == "fr" else f"{date}, {hour}"


def clock(instant: float, zone: tzinfo, language: str, *, seconds: bool = False) -> str:
    """The hour of the day: `9 h 12`, `09:12`; with seconds `09:12:07` in both."""
    then = datetime.fromtimestamp(instant, zone)
    if seconds:
        return f"{then:%H:%M:%S}"
    return f"{then.hour}{_NBSP}h{_NBSP}{then:%M}" if language == "fr" else f"{then:%H:%M}"


def took(seconds: float, language: str) -> str:
    """How long a rung took: `3 ms`, `1,2 s`, `2 min`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}{_NBSP}ms" if seconds >= 0.0005 else f"<{_NBSP}1{_NBSP}ms"
    if seconds < 60:
        text = f"{seconds:.1f}"
        return f"{text.replace('.', ',') if language == 'fr' else text}{_NBSP}s"
    return span(seconds, language)


def spoken(at: float, zone: tzinfo, language: str) -> str:
    """In full, for a sentence: `le 3 juillet 2023 à 10 h 00`, `3 July 2023 at 10:00`."""
    local = datetime.fromtimestamp(at, zone)
    said = f"{_date(local, language)} {_hour(local, language)}"
    return f"le {said}" if language == "fr" else said


def heading(at: float, zone: tzinfo, language: str) -> str:
    """In full, for a title: `lundi 3 juillet 2023 à 10 h 00`, `Monday 3 July 2023 at 10:00`."""
    local = datetime.fromtimestamp(at, zone)
    return f"{_WEEKDAYS[language][local.weekday()]} {_date(local, language)} {_hour(local, language)}"


def day(at: float, zone: tzinfo, language: str) -> str:
    """In full, for a title: `lundi 3 juillet 2023`, `Monday 3 July 2023`."""
    local = datetime.fromtimestamp(at, zone)
    return f"{_WEEKDAYS[language][local.weekday()]} {_date(local, language)}"


def _date(local: datetime, language: str) -> str:
    day = "1er" if language == "fr" and local.day == 1 else str(local.day)
    return f"{day} {_WHOLE[language][local.month - 1]} {local.year}"


def _hour(local: datetime, language: str) -> str:
    return f"à {local.hour} h {local.minute:02}" if language == "fr" else f"at {local.hour:02}:{local.minute:02}"
