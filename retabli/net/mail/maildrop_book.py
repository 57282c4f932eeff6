"""What a unit remembers of its maildrop: which messages were seen, when it was entered, and which run is in it."""

import base64
import binascii
import hashlib
from typing import Any

from retabli.net.mail.moments import LIFE, Moment

DIGEST = 5  # bytes: one new message in 10^8 would be taken for one of 5000 seen ones
_KEY = "maildrop"


def digest(uid: bytes) -> bytes:
    return hashlib.sha256(uid).digest()[:DIGEST]


class MaildropBook:
    """In the unit's memory, which its runs share: nothing in here awaits anything.

    Nothing is ever removed from a maildrop, so what was seen there is remembered as long as it is there: some 7 bytes
    a message, for at most as many as are listed.
    """

    def __init__(self, memory: dict[str, Any], label: str) -> None:
        book = memory.get(_KEY)
        if not isinstance(book, dict) or book.get("label") != label:
            book = memory[_KEY] = {"label": label}
        self._book: dict[str, Any] = book

    @property
    def seen(self) -> frozenset[bytes]:
        """The digests of the messages that were looked at."""
        try:
            packed = base64.b64decode(self._book.get("seen", ""), validate=True)
        except (binascii.Error, ValueError, TypeError):
            return frozenset()
        return frozenset(packed[place : place + DIGEST] for place in range(0, len(packed), DIGEST))

    @property
    def since(self) -> Moment | None:
        """When everything in the maildrop had been looked at, last."""
        return Moment.from_json(self._book.get("since"))

    def note_seen(self, digests: frozenset[bytes], whole: Moment | None) -> None:
        """These were looked at, and are still there; `whole` is when the look began, if nothing was left out."""
        self._book["seen"] = base64.b64encode(b"".join(sorted(digests))).decode()
        if whole is not None:
            self._book["since"] = whole.as_json()

    # Entering ------------------------------------------------------------------------------------------------------

    def take_turn(self) -> bool:
        """Whether this run may enter: one session at a time, or runs that overlap would lock each other out."""
        if self._book.get("turn") == LIFE:
            return False
        self._book["turn"] = LIFE
        return True

    def leave(self) -> None:
        self._book.pop("turn", None)

    def note_login(self, now: Moment, delay: float) -> None:
        """`delay`: seconds that the server wants until the next."""
        self._book["login"] = [now.as_json(), delay]

    def must_wait(self, now: Moment) -> float:
        """Seconds until another login is welcome."""
        match self._book.get("login"):
            case [stamp, int() | float() as delay]:
                at = Moment.from_json(stamp)
                return max(0.0, delay - at.elapsed(now)) if at is not None else 0.0
        return 0.0
