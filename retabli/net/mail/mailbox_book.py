"""What a unit remembers of its mailboxes: how far each folder was read, and which logins were refused."""

from dataclasses import dataclass
from typing import Any

from retabli.model.settings import Mailbox
from retabli.net.mail.moments import Moment
from retabli.net.mail.sightings import Place

REFUSALS = 3  # logins refused in a row, after which the account is left alone for
PAUSE = 900.0  # seconds: accounts lock
CLEARING = 21_600.0  # seconds from one search for what was left behind to the next


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which UID a folder was read, under which UIDVALIDITY, and when."""

    validity: int = 0
    seen: int = 0
    since: Moment | None = None


def label(mailbox: Mailbox) -> str:
    return mailbox.name or f"{mailbox.user}@{mailbox.imap}"


class MailboxBook:
    """In the unit's memory, which its runs share: nothing in here awaits anything."""

    def __init__(self, memory: dict[str, Any]) -> None:
        self._marks = _section(memory, "marks")
        self._logins = _section(memory, "logins")
        self._cleared = _section(memory, "cleared")

    def mark(self, place: Place) -> Mark:
        match self._marks.get(place.name):
            case [int() as validity, int() as seen, stamp]:
                return Mark(validity, seen, Moment.from_json(stamp))
        return Mark()

    def set_mark(self, place: Place, mark: Mark) -> None:
        self._marks[place.name] = [mark.validity, mark.seen, mark.since.as_json() if mark.since else None]

    def is_time_to_clear(self, mailbox: Mailbox, now: Moment) -> bool:
        """Whether what was left behind was last looked for long ago. Asking is taking the turn."""
        last = Moment.from_json(self._cleared.get(label(mailbox)))
        if last is not None and last.elapsed(now) < CLEARING:
            return False
        self._cleared[label(mailbox)] = now.as_json()
        return True

    # Logins --------------------------------------------------------------------------------------------------------

    def refused(self, mailbox: Mailbox, now: Moment, every: float) -> int:
        """How many logins in a row were refused, if the account is therefore to be left alone now; else 0.

        After a refusal one login per rhythm (`every`, seconds), after three one per quarter of an hour, until the
        password changes.
        """
        match self._logins.get(label(mailbox)):
            case [int() as count, stamp, int() as changed]:
                at = Moment.from_json(stamp)
            case _:
                return 0
        if at is None or changed != _changed_at(mailbox):
            return 0
        # A little early is late enough: beats lie on a grid.
        pause = (PAUSE if count >= REFUSALS else every) * 0.95
        return count if at.elapsed(now) < pause else 0

    def note_refusal(self, mailbox: Mailbox, now: Moment) -> None:
        match self._logins.get(label(mailbox)):
            case [int() as before, _, _]:
                count = before + 1
            case _:
                count = 1
        self._logins[label(mailbox)] = [count, now.as_json(), _changed_at(mailbox)]

    def note_login(self, mailbox: Mailbox) -> None:
        self._logins.pop(label(mailbox), None)


def _section(memory: dict[str, Any], name: str) -> dict[str, Any]:
    section = memory.get(name)
    if isinstance(section, dict):
        return section
    memory[name] = made = dict[str, Any]()
    return made


def _changed_at(mailbox: Mailbox) -> int:
    """When the password's file last changed: the only thing about it that is remembered."""
    path = mailbox.password.path
    try:
        return path.stat().st_mtime_ns if path is not None else 0
    except OSError:
        return 0
