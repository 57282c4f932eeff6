"""Instants as the pages show them, and back: what people write is in shown time, what the pipeline is told in wall."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from retabli.model.settings import parse_duration
from retabli.view import View, iso
from retabli.view.times import moment, span

_LAST = datetime.max.replace(tzinfo=UTC).timestamp() - 86_400


@dataclass(frozen=True, slots=True)
class When:
    """An instant for people: for the machine, how long ago, and in full."""

    iso: str
    ago: str
    full: str


def when(instant: float, view: View, language: str) -> When:
    """`instant` is a wall time as it was measured; what is shown is mapped."""
    shown, now = view.stamp(instant), view.now
    return When(iso(shown) or "", span(now - shown, language), moment(shown, now, view.site.zone, language))


def written(text: str, view: View) -> float:
    """The wall time of what a person or a program wrote: an instant with its offset, or how long from now (`2h`).

    Raises:
        ValueError: it is neither, or no calendar has it.
    """
    wall = view.unstamped_now
    try:
        instant = wall + parse_duration(text)
    except ValueError:
        # A `+` that was not escaped in a form arrives as a space.
        moment_ = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if moment_.tzinfo is None:
            raise ValueError("an instant without its offset is two different ones in autumn") from None
        instant = unstamped(moment_.timestamp(), view)
    if not 0 <= instant <= _LAST:
        raise ValueError("out of any calendar")
    return instant


def unstamped(shown: float, view: View) -> float:
    """The wall time that is shown as that: the same one, but in a world whose stamps are mapped."""
    wall = view.unstamped_now
    if view.stamp(wall) == wall:
        return shown
    early, late = _around(shown, view, wall)
    for _ in range(80):  # the mapping only rises, and has a bend where a replay ends
        middle = (early + late) / 2
        early, late = (middle, late) if view.stamp(middle) < shown else (early, middle)
    return late


def _around(shown: float, view: View, wall: float) -> tuple[float, float]:
    """Two wall times between which that is shown."""
    reach = 1.0
    while reach < _LAST and not view.stamp(wall - reach) < shown <= view.stamp(wall + reach):
        reach *= 2
    return wall - reach, wall + reach


def local(text: str, zone: tzinfo) -> datetime:
    """What a browser gives of an instant, in the site's time; one that has its offset keeps it.

    Raises:
        ValueError: it is no instant.
    """
    # A `+` that was not escaped in an address arrives as a space.
    instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)


def local_instant(text: str, view: View, *, last: bool = False) -> float:
    """The wall time of what a form's date and hour say (`2023-07-03T10:00`), in the site's zone and in shown time.

    Of an hour that autumn has twice it is the first, or the `last`.

    Raises:
        ValueError: no calendar has it.
    """
    try:
        shown = local(text, view.site.zone).replace(fold=int(last)).timestamp()
    except OverflowError as error:
        raise ValueError(str(error)) from error
    if not 0 <= shown <= _LAST:
        raise ValueError("out of any calendar")
    return unstamped(shown, view)


def field_value(shown: float, view: View) -> str:
    """A shown time as a form's date and hour, in the site's zone."""
    return datetime.fromtimestamp(shown, view.site.zone).strftime("%Y-%m-%dT%H:%M")
