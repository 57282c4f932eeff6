"""Which channels a page goes to, when they are reminded, and who is called when nobody answers. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from retabli.model.causes import Side
from retabli.model.hours import HoursRef
from retabli.model.settings import Duration, Settings
from retabli.model.states import Criticality

PAGES = ("dropped", "breached", "unknown")  # what on-call is woken for
SHORTEST = 60.0  # seconds between two reminders, at least


def _rhythm(value: float) -> float:
    if value < SHORTEST:
        raise ValueError("at least 1m: whoever is on call must have the time to do something")
    return value


Rhythm: TypeAlias = Annotated[Duration, AfterValidator(_rhythm)]


@dataclass(frozen=True, slots=True)
class About:
    """What a page is about, as far as a route asks. `at` in wall seconds; None is outside all hours."""

    reason: str
    criticality: Criticality = Criticality.NORMAL
    owner: str = ""
    side: Side | None = None
    at: float | None = None


class Escalation(Settings):
    """Whom else to call when a page is open for `after` and nobody has acknowledged it."""

    after: Duration
    to: tuple[str, ...] = Field(min_length=1, strict=False)


class Route(Settings):
    """`to` is told when a flow comes into one of `states`; reminded every `remind`, if given, while that lasts.

    What a route does not say, it does not ask: without `side` it takes causes of every side. All routes that match
    are used, not only the first.
    """

    states: tuple[Literal["dropped", "breached", "unknown", "degraded"], ...] = Field(min_length=1, strict=False)
    to: tuple[str, ...] = Field(min_length=1, strict=False)
    criticality: tuple[Literal["vital", "high", "normal"], ...] = Field(default=(), strict=False)
    side: tuple[Literal["ours", "network", "partner_down", "partner_refuses", "content", "probe"], ...] = Field(
        default=(), strict=False
    )
    owner: tuple[str, ...] = Field(default=(), strict=False)
    hours: HoursRef | None = None
    remind: Rhythm | None = None
    escalate: Escalation | None = None

    def takes(self, about: About) -> bool:
        """Whether a page about this goes this way now."""
        return (
            about.reason in self.states
            and (not self.criticality or about.criticality.value in self.criticality)
            and (not self.side or (about.side is not None and about.side.value in self.side))
            and (not self.owner or about.owner in self.owner)
            and (self.hours is None or (about.at is not None and self.hours.cover(about.at)))
        )

    def channels(self) -> tuple[str, ...]:
        """Every channel that it names, the further ones last."""
        return self.to + (self.escalate.to if self.escalate else ())


def taken(routes: Iterable[Route], about: About) -> tuple[Route, ...]:
    return tuple(route for route in routes if route.takes(about))


def to_whom(routes: Iterable[Route], channels: Collection[str], about: About) -> tuple[str, ...]:
    """The channels that get a message about this, in the order of the configuration, each once.

    A page for which no route names a channel that exists goes to every channel: rather all than nobody.
    """
    named = {channel for route in taken(routes, about) for channel in route.to}
    found = tuple(channel for channel in channels if channel in named)
    return found if found or about.reason not in PAGES else tuple(channels)


def fewest(routes: Sequence[Route], channels: Collection[str], about: About) -> Iterator[tuple[str, ...]]:
    """The sets of channels that may be all that is told of this, whatever the cause's side and the hour will be.

    More routes only add channels: it is enough to look at those of all hours alone, and with each of the others.
    """
    always = [route for route in routes if route.hours is None]
    at_times = [route.model_copy(update={"hours": None}) for route in routes if route.hours is not None]
    for side in (None, *Side):
        asked = About(about.reason, about.criticality, about.owner, side)
        yield to_whom(always, channels, asked)
        yield from (to_whom((*always, route), channels, asked) for route in at_times)
