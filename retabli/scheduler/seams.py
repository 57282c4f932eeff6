"""What the scheduler needs of others: a judge of results, and a meter for its own figures."""

from typing import Any, Protocol

from retabli.model.flow import UnitName
from retabli.model.probe import Probe
from retabli.model.result import Result


class Judge(Protocol):
    """Who the results are for. Runs of one unit may overlap, so `accept` may be called while another is awaited."""

    async def accept(self, name: UnitName, probe: Probe, result: Result) -> None:
        """A run has ended. Returns once it is judged, so that `wanted` then knows of it."""

    def skipped(self, name: UnitName) -> None:
        """A beat gave no run: an earlier one is still under way, or a refused credential is left alone."""

    async def stands(self, name: UnitName) -> None:
        """A refused credential is left alone at this beat: its verdict stands, as fresh as if it had been given now."""

    def unwatched(self, seconds: float, *, asleep: bool) -> None:
        """Nobody looked for so long, and the loop's clock stood still: all that was found out is so much older.

        `asleep`: the machine slept; else it was paused, or its wall clock was set forward.
        """

    def wanted(self, name: UnitName) -> int:
        """How many more failures in a row would move the flow's standing; 0 when none is to be confirmed."""

    def memory(self, name: UnitName) -> dict[str, Any]:
        """The unit's own memory: the object itself, which its runs share and change."""


class Meter(Protocol):
    """Where the daemon's own figures go. All in seconds; none may fail or wait."""

    def lateness(self, seconds: float) -> None:
        """From a beat's due time to the start of its run, of every run."""

    def waited(self, seconds: float) -> None:
        """How long a run waited for a place, of those that did."""

    def stall(self, seconds: float) -> None:
        """How late the loop woke, ten times a second."""

    def stalled_by(self, kind: str, seconds: float) -> None:
        """How long the loop stood still, and by which kind of probe or part (`machine`: by nobody in this process)."""
