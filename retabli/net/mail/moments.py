"""Moments remembered across restarts: the monotonic clock within one process, wall time from one to the next."""

import secrets
from dataclasses import dataclass

from retabli.model.ladder import Ladder

LIFE = secrets.token_hex(4)  # this process; readings of another's monotonic clock mean nothing here


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on both clocks, in seconds, and the process that read them."""

    clock: float
    wall: float
    life: str = LIFE

    @classmethod
    def now(cls, ladder: Ladder) -> "Moment":
        return cls(ladder.clock(), ladder.wall())

    @classmethod
    def from_json(cls, value: object) -> "Moment | None":
        """What `as_json` gave; None for anything else that a memory may hold."""
        match value:
            case [int() | float() as clock, int() | float() as wall, str() as life]:
                return cls(float(clock), float(wall), life)
        return None

    def as_json(self) -> list[float | str]:
        return [round(self.clock, 3), round(self.wall, 3), self.life]

    def elapsed(self, now: "Moment") -> float:
        """Seconds from this moment to `now`, never negative. Within a process the wall clock may jump."""
        if self.life == now.life:
            return max(0.0, now.clock - self.clock)
        return max(0.0, now.wall - self.wall)

    def before(self, seconds: float) -> "Moment":
        return Moment(self.clock - seconds, self.wall - seconds, self.life)
