"""What a unit remembers of its mailboxes: how far each folder was read, and which logins were refused."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from retabli.model.settings import Mailbox
from retabli.net.mail.login_book import LoginBook, section
from retabli.net.mail.moments import Moment
from retabli.net.mail.sightings import Place

CLEARING = 21_600.0  # seconds from one search for what was left behind to the next


MOST_UNREAD = 200  # messages of a folder that wait to be read whole


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that may be ours, whose whole is still to be read; `tries`: how often that was begun.

    `listed`: when it was first found in its folder; `since`: when that had been looked at before.
    """

    uid: int
    listed: Moment
    since: Moment | None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which UID a folder was looked at, under which UIDVALIDITY, and when.

    `unread` are those among them that wait to be read whole, ascending; `given_up` is the highest UID of those that
    will not be read, though they may have been ours.
    """

    validity: int = 0
    seen: int = 0
    since: Moment | None = None
    unread: tuple[Unread, ...] = ()
    given_up: int = 0

    def under(self, validity: int) -> "Mark":
        """What holds of it under that UIDVALIDITY: all or nothing."""
        return self if self.validity == validity else Mark(validity)

    def adding(self, more: Collection[Unread]) -> "Mark":
        """With these to be read too; the newest only, where there are too many."""
        unread = sorted((*self.unread, *more), key=lambda one: one.uid)
        return replace(self, unread=tuple(unread)).giving_up(*(one.uid for one in unread[:-MOST_UNREAD]))

    def without(self, *uids: int) -> "Mark":
        return replace(self, unread=tuple(one for one in self.unread if one.uid not in uids))

    def giving_up(self, *uids: int) -> "Mark":
        return replace(self.without(*uids), given_up=max(self.given_up, *uids, 0))

    def has(self, uid: int) -> bool:
        return any(one.uid == uid for one in self.unread)

    def tried(self, uid: int, times: int) -> "Mark":
        """With so many tries more for that message, if it still waits."""
        changed = (replace(one, tries=one.tries + times) if one.uid == uid else one for one in self.unread)
        return replace(self, unread=tuple(changed))

    def has_read_all_since(self, before: "Mark") -> bool:
        """Whether everything that has come since that mark, and may be ours, was read."""
        seen = before.under(self.validity).seen
        return self.given_up <= seen and all(one.uid <= seen for one in self.unread)


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
        self._unread = section(memory, "unread")  # beside the marks: an older version reads those as it always did
        self._cleared = section(memory, "cleared")

    def mark(self, place: Place) -> Mark:
        match self._marks.get(place.name):
            case [int() as validity, int() as seen, stamp]:
                return self._with_unread(place, Mark(validity, seen, Moment.from_json(stamp)))
        return Mark()

    def _with_unread(self, place: Place, mark: Mark) -> Mark:
        match self._unread.get(place.name):
            case [int() as validity, int() as given_up, list() as listed] if validity == mark.validity:
                unread = [one for one in map(_unread, listed) if one is not None]
                return replace(mark, given_up=given_up).adding(unread)
        return mark

    def set_mark(self, place: Place, mark: Mark) -> None:
        self._marks[place.name] = [mark.validity, mark.seen, _json(mark.since)]
        self._unread.pop(place.name, None)
        if mark.unread or mark.given_up:
            listed = [[one.uid, one.tries, _json(one.listed), _json(one.since)] for one in mark.unread]
            self._unread[place.name] = [mark.validity, mark.given_up, listed]

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


def _json(moment: Moment | None) -> list[float | str] | None:
    return moment.as_json() if moment else None


def _unread(value: object) -> Unread | None:
    match value:
        case [int() as uid, int() as tries, stamp, before]:
            listed = Moment.from_json(stamp)
            return Unread(uid, listed, Moment.from_json(before), tries) if listed is not None else None
    return None
