"""What one step of the pipeline has to have remembered, and then shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retabli.model.flow import UnitName
from retabli.model.record import Entry, Message, Standing
from retabli.pipeline.live import Before, LiveFlow


@dataclass(slots=True)
class Writing:
    """`looked` are the flows that the step looked at, as it left them; None forgets a flow or a unit.

    What the step makes of the live flows holds once the store has taken all of this; until then it can be undone.
    """

    looked: list[tuple[LiveFlow, Standing]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    notes: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # standings that need no transaction of their own
    standings: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    units: dict[UnitName, Mapping[str, Any] | None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    touched: list[tuple[LiveFlow, Before]] = field(default_factory=list)  # each as it was before this

    def __bool__(self) -> bool:
        """Whether it needs a transaction."""
        return bool(self.standings or self.units or self.entries or self.messages)

    def touch(self, live: LiveFlow) -> None:
        """To be said before anything of this flow is changed."""
        self.touched.append((live, live.before()))

    def undo(self) -> None:
        """Put every flow that was touched back as it was."""
        for live, before in reversed(self.touched):
            live.put_back(before)

    def take(self, part: "Writing") -> None:
        """What was judged apart, and whole, goes with this; what it touched must be known here already."""
        self.looked += part.looked
        for flow, values in part.notes.items():
            # A note is written before what stands here, which is older.
            (self.standings if flow in self.standings else self.notes)[flow] = values
        self.standings |= part.standings
        self.units |= part.units
        self.entries += part.entries
        self.messages += part.messages
