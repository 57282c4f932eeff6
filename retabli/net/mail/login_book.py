"""Which logins were refused, in a unit's memory: accounts lock, so that a refused door is left alone for a while."""

from typing import Any

from retabli.model.settings import Secret
from retabli.net.mail.moments import Moment

REFUSALS = 3  # logins refused in a row, after which the account is left alone for
PAUSE = 900.0  # seconds: accounts lock


class LoginBook:
    """One account's refusals, by its label. Runs share it: nothing in here awaits anything."""

    def __init__(self, memory: dict[str, Any], label: str, password: Secret) -> None:
        self._logins = section(memory, "logins")
        self._label = label
        self._password = password

    def refused(self, now: Moment, every: float) -> int:
        """How many logins in a row were refused, if the account is therefore to be left alone now; else 0.

        After a refusal one login per rhythm (`every`, seconds), after three one per quarter of an hour, until the
        password changes.
        """
        match self._logins.get(self._label):
            case [int() as count, stamp, int() as changed]:
                at = Moment.from_json(stamp)
            case _:
                return 0
        if at is None or changed != self._changed_at:
            return 0
        # A little early is late enough: beats lie on a grid.
        pause = (PAUSE if count >= REFUSALS else every) * 0.95
        return count if at.elapsed(now) < pause else 0

    def note_refusal(self, now: Moment) -> None:
        match self._logins.get(self._label):
            case [int() as before, _, _]:
                count = before + 1
            case _:
                count = 1
        self._logins[self._label] = [count, now.as_json(), self._changed_at]

    def note_login(self) -> None:
        self._logins.pop(self._label, None)

    @property
    def _changed_at(self) -> int:
        """When the password's file last changed: the only thing about it that is remembered."""
        path = self._password.path
        try:
            return path.stat().st_mtime_ns if path is not None else 0
        except OSError:
            return 0


def section(memory: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of a unit's memory, made when it is not there."""
    found = memory.get(name)
    if isinstance(found, dict):
        return found
    memory[name] = made = dict[str, Any]()
    return made
