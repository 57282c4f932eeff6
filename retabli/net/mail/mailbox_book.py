"""What a unit remembers of its mailboxes: how far each folder was read, and which logins were refused."""

from dataclasses import dataclass
from typing import Any

from retabli.model.settings import Mailbox
from retabli.net.mail.login_book import LoginBook, section
from retabli.net.mail.moments import Moment
from retabli.net.mail.sightings import Place

CLEARING = 21_600.0  # seconds from one search for what was left behind to the next


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which UID a folder was read, under which UIDVALIDITY, and when."""

    validity: int = 0
    seen: int = 0
    since: Moment | None = None


def label(mailbox: Mailbox) -> str:
    return mailbox.name or f"{mailbox.user}@{mailbox.imap}"


def mailboxes_of(mailbox: Mailbox, bounces: Mailbox | None) -> tuple[Mailbox, ...]:
    """That of arrivals, and that of notifications; one mailbox is read once."""
    if bounces is None or (bounces.imap, bounces.port, bounces.user) == (mailbox.imap, mailbox.port, mailbox.user):
        return (mailbox,)
    return mailbox, bounces


class MailboxBook:
    """In the unit's memory, which its runs share: nothing in here awaits anything."""

    def __init__(self, memory: dict[str, Any]) -> None:
        self._memory = memory
        self._marks = section(memory, "marks")
        self._cleared = section(memory, "cleared")

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
        """How many logins in a row were refused, if the account is to be left alone now; as `LoginBook.refused`."""
        return self._logins(mailbox).refused(now, every)

    def note_refusal(self, mailbox: Mailbox, now: Moment) -> None:
        self._logins(mailbox).note_refusal(now)

    def note_login(self, mailbox: Mailbox) -> None:
        self._logins(mailbox).note_login()

    def _logins(self, mailbox: Mailbox) -> LoginBook:
        return LoginBook(self._memory, label(mailbox), mailbox.password)
