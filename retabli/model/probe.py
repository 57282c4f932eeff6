"""A probe *is* its settings: a frozen model with a kind, a ladder, and `run`. One file in probes/ is one kind."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from pydantic import BaseModel

from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.settings import Duration, Resolver, Secret, Settings
from retabli.model.stages import Stage


class Probe(Settings):
    """What every kind has. A kind adds `kind: Literal["its file's name"]`, its settings, its ladder and its causes.

    `LADDER` is all it can climb, in order; `climbs` is what these settings climb of it.
    `CAUSES` are the causes that only this kind can meet; the common ones need no naming.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = ()
    CAUSES: ClassVar[tuple[Cause, ...]] = ()
    SUMMARY: ClassVar[tuple[str, str]] = ("", "")  # one sentence, French and English, for `kinds`
    EVERY: ClassVar[str | None] = None  # the kind's own rhythm, where the site's default would be wrong
    PROVES_CLOSURE: ClassVar[bool] = False  # ok means "closed, and proven so"; for all other kinds ok is an answer

    kind: str
    every: Duration = 30.0
    timeout: Duration = 10.0
    slow: Duration | None = None
    temporary: Duration = 900.0
    counts: bool = True
    resolver: Resolver | None = None

    def climbs(self) -> tuple[Stage, ...]:
        """The rungs that these settings climb, in order."""
        return self.LADDER

    def targets_of(self) -> tuple[str | None, ...]:
        """One unit each. None is the probe itself; a kind with `targets` gives them."""
        return (None,)

    @property
    def patience(self) -> float:
        """Seconds that a run may await an arrival beyond `timeout` (mail's `within`); 0 for most."""
        return 0.0

    @property
    def deadline(self) -> float:
        """Seconds after which a run is ended, wherever it is."""
        return self.timeout + self.patience

    @property
    def brief(self) -> bool:
        """Whether a run takes us well under a millisecond: no TLS, no SSH, nothing large. Such runs share instants."""
        return False

    @property
    def in_flight(self) -> int:
        """How many runs of one unit may be under way at once: 1, but for mail, whose arrivals are awaited."""
        return 1

    def faults(self) -> Iterator[str]:
        """What these settings have wrong together, as sentences for `check`."""
        if self.timeout > self.every:
            yield f"timeout ({self.timeout:g}s) is longer than every ({self.every:g}s)"

    def warnings(self) -> Iterator[str]:
        """What is allowed and unwise."""
        yield from ()

    def openings(self) -> Iterator[tuple[str, int, str]]:
        """The firewall openings this probe needs: (destination, port, protocol)."""
        yield from ()

    def secrets(self) -> Iterator[Secret]:
        """Every secret in these settings, however deep."""
        yield from _secrets(self)

    @abstractmethod
    async def run(self, ladder: Ladder) -> None:
        """Climb. Whatever leaves this is judged by the ladder; the deadline comes as a cancellation."""


def _secrets(value: object) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _secrets(each)
    elif isinstance(value, dict):
        yield from _secrets(tuple(value.values()))
