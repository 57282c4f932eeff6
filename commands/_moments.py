"""Moments as they are written on the command line."""

import re
from datetime import datetime, timedelta, tzinfo

from commands import Refused


def parse_moment(option: str, text: str, now: float, zone: tzinfo | None) -> float:
    """Unix time of an instant, a day (in `zone`, the machine's own if None), or a duration before `now`.

    Raises:
        Refused: it is none of these; `option` is named.
    """
    from retabli.model.settings import parse_duration

    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise Refused(f"{option} {text}: write 2023-07-03, 2023-07-03T08:00:00+02:00, or how long ago, as 2h") from None


def parse_until(option: str, text: str, now: datetime, zone: tzinfo | None) -> str:
    """An end that lies ahead, as the API takes it: a duration from now stays one, the rest becomes an instant.

    `18:30` is its next occurrence after `now` in `zone` (the machine's own if None), in which an instant without an
    offset is meant too.

    Raises:
        Refused: it is none of these; `option` is named.
    """
    from retabli.model.settings import parse_duration

    try:
        parse_duration(text)
    except ValueError:
        pass
    else:
        return text
    try:
        if re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", text, re.ASCII):
            moment = _next(text, now.astimezone(zone))
        else:
            moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
        return moment.isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise Refused(f"{option} {text}: write 2h, 18:30, or 2023-07-03T08:00:00+02:00") from None


def _next(clock: str, now: datetime) -> datetime:
    """Without its offset, which another day may not share."""
    hour, minute = map(int, clock.split(":"))
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (today if today > now else today + timedelta(days=1)).replace(tzinfo=None, fold=0)
