"""What the pipeline needs of others: a memory, and outlets that show. `announcing.py` has the teller."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from retabli.model.flow import UnitName
from retabli.model.record import Entry, FlowPicture, Message
from retabli.model.result import Result


class Store(Protocol):
    """What the pipeline asks of the memory."""

    async def commit(
        self,
        *,
        standings: Mapping[str, Mapping[str, Any] | None],
        units: Mapping[UnitName, Mapping[str, Any] | None],
        entries: Sequence[Entry],
        messages: Sequence[Message],
    ) -> None:
        """One durable transaction; None forgets the flow or the unit.

        Raises:
            Fatal: it was taken, or would have been, but nothing can be written any more.
            Exception: nothing of it was taken, and nothing was waited for.
        """

    def keep(self, name: UnitName, record: Mapping[str, Any], memory: Mapping[str, Any], result: Result | None) -> None:
        """Batched; never waits."""

    def note(self, flow: str, standing: Mapping[str, Any]) -> None:
        """Batched: a standing that moved within its state (its rounds). Never waits."""


class Outlet(Protocol):
    """Something that shows. In memory: it may not wait. What it falls over is told to it again."""

    def show(self, picture: FlowPicture, changed: UnitName | None, result: Result | None) -> None:
        """After each result (with its unit), or when the flow moved without one."""

    def skipped(self, picture: FlowPicture, name: UnitName) -> None:
        """A beat of this unit was skipped."""

    def forget(self, flow: str) -> None:
        """The flow left the configuration."""

    def logged(self, entry: Entry) -> None:
        """An entry is in the log."""
