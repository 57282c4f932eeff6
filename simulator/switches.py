"""The switches: how each flow of the simulated world is cut and healed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from retabli.model.words import Words


@dataclass(slots=True)
class Switch:
    """One flow's switch. `positions` are what it can be set to, the healthy one first."""

    flow: str
    positions: Mapping[str, Words]
    position: str = ""
    _told: list[Callable[[str], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.position = self.position or next(iter(self.positions))

    @property
    def healthy(self) -> bool:
        return self.position == next(iter(self.positions))

    def set(self, position: str) -> None:
        """Raises KeyError when the switch has no such position."""
        if position not in self.positions:
            raise KeyError(position)
        self.position = position
        for tell in self._told:
            tell(position)

    def heal(self) -> None:
        self.set(next(iter(self.positions)))

    def on_change(self, tell: Callable[[str], None]) -> None:
        self._told.append(tell)
