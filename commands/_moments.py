"""Moments as they are written on the command line."""

from datetime import datetime, tzinfo

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
