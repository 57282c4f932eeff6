"""The daemon's own way out: the built-in parent of every flow, which has not failed while anything gets out."""

from dataclasses import replace

from retabli.model.flow import UnitName
from retabli.model.probe import Probe
from retabli.model.result import Outcome, Result
from retabli.own_link import ID as OWN_LINK


class WayOut:
    """Sees every result, so that it knows what has got out of our machine and back, and when."""

    def __init__(self) -> None:
        self._failing_since: float | None = None
        self._last_success = float("-inf")

    def judge(self, name: UnitName, probe: Probe, result: Result) -> Result:
        """The result as it counts: only the way out's own failures may be excused."""
        if name.flow == OWN_LINK:
            return self._excuse(result)
        if _reached(probe, result):
            self._last_success = max(self._last_success, result.ended)
        return result

    def _excuse(self, result: Result) -> Result:
        """Our own link has failed only if nothing at all that is probed has succeeded since."""
        if result.outcome is not Outcome.FAILED:
            self._failing_since = None
            return result
        if self._failing_since is None:
            self._failing_since = result.started
        if self._last_success < self._failing_since:
            return result
        self._failing_since = None
        return replace(result, outcome=Outcome.OK, cause=None, detail="")


def _reached(probe: Probe, result: Result) -> bool:
    """Whether this run has got out of our machine and back: closure proven by silences has not, an answer has."""
    if probe.PROVES_CLOSURE:
        return result.outcome is Outcome.FAILED or result.properties.get("control_path") == "passes"
    return result.outcome is Outcome.OK
