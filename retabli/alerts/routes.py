"""Which channels a page goes to. Pure."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from pydantic import Field

from retabli.model.settings import Duration, Settings, did_you_mean

PAGES = ("dropped", "breached", "unknown")  # what on-call is woken for


class Route(Settings):
    """`to` is told when a flow comes into one of `states`; reminded every `remind`, if given, while that lasts."""

    states: tuple[Literal["dropped", "breached", "unknown", "degraded"], ...] = Field(min_length=1, strict=False)
    to: tuple[str, ...] = Field(min_length=1, strict=False)
    remind: Duration | None = None


def to_whom(routes: Sequence[Route], channels: Collection[str], reason: str) -> tuple[str, ...]:
    """The channels that get a message with this reason, in the order of the configuration, each once.

    A page for which no route names a channel that exists goes to every channel: rather all than nobody.
    """
    named = {channel for route in routes if reason in route.states for channel in route.to}
    found = tuple(channel for channel in channels if channel in named)
    if not found and reason in PAGES:
        return tuple(channels)
    return found


def faults(routes: Sequence[Route], channels: Collection[str]) -> Iterator[tuple[int, str]]:
    """The routes that name a channel which is not there: (the route's place, a sentence)."""
    for place, route in enumerate(routes):
        for channel in route.to:
            if channel not in channels:
                yield place, f'no channel is called "{channel}"{did_you_mean(channel, channels)}'
