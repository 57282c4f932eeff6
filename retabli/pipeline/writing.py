"""What one step of the pipeline has to have remembered, and then shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retabli.model.flow import UnitName
from retabli.model.record import Entry, Message, Standing
from retabli.pipeline.live import LiveFlow


@dataclass(slots=True)
class Writing:
    """`looked` are the flows that the step looked at, as it left them; None forgets a flow or a unit."""

    looked: list[tuple[LiveFlow, Standing]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    standings: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    units: dict[UnitName, Mapping[str, Any] | None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.standings or self.units or self.entries or self.messages)
