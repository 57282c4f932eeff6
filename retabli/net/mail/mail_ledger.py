"""What became of each token that a unit sent: a ledger in its memory, shared by its runs and kept across restarts.

A token is written in before it is sent. One that was accepted ends in exactly one of received, late, lost and bounced.
"""

from dataclasses import asdict, dataclass
from typing import Any

from retabli.model.result import Mail
from retabli.net.mail import tokens
from retabli.net.mail.dsn import Notification
from retabli.net.mail.mdn import Answer, Disposition
from retabli.net.mail.moments import Moment
from retabli.net.mail.tokens import Purpose, Token

MOST_OPEN = 4000  # tokens whose end is awaited; beyond them the oldest count as lost
MOST_ENDED = 100  # names of ended tokens that are remembered, to know a duplicate
_KEY = "mail"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where and how a token was found. `seconds` from its sending, our clock at both ends.

    `finding` is what the kind that awaits it found wrong with what it carries, in that kind's own words.
    """

    seconds: float
    junk: bool
    authentication: str = ""
    intact: bool | None = None
    finding: str = ""


class Ledger:
    """The tokens of one unit and one purpose. No method awaits anything: runs that overlap see one truth."""

    def __init__(self, memory: dict[str, Any], key: bytes, purpose: Purpose) -> None:
        self._key = key
        self._purpose = purpose
        if not _sound(memory.get(_KEY)):
            memory[_KEY] = {"series": tokens.new_series(), "next": 1, "open": {}, "ended": []}
        self._book: dict[str, Any] = memory[_KEY]
        book = self._book
        self._open: dict[str, dict[str, Any]] = book["open"]

    @property
    def series(self) -> str:
        return str(self._book["series"])

    # The run that sends --------------------------------------------------------------------------------------------

    def issue(self, now: Moment) -> Token:
        """A new token, awaited from now on."""
        number = int(self._book["next"])
        self._book["next"] = number + 1
        token = tokens.sign(self._key, self._purpose, self.series, number, int(now.wall * 1000))
        self._open[token.name] = {"at": now.as_json(), "awaited": True, "accepted": False}
        return token

    def withdraw(self, token: Token, *, unsent: bool) -> None:
        """It was not accepted: it was never sent. `unsent`: surely so, and its number can be given again."""
        self._open.pop(token.name, None)
        if unsent and self._book["next"] == token.number + 1:
            self._book["next"] = token.number

    def accepted(self, token: Token) -> None:
        self._open[token.name]["accepted"] = True

    def arrival(self, token: Token) -> Arrival | None:
        """How the token arrived, if any run has seen it."""
        found = self._open.get(token.name, {}).get("arrival")
        return Arrival(**found) if found else None

    def bounce(self, token: Token) -> tuple[str, str] | None:
        """The status and diagnostic with which the token was returned, if it was."""
        found = self._open.get(token.name, {}).get("bounce")
        return (found[0], found[1]) if found else None

    def answer(self, token: Token) -> Answer | None:
        """What the recipient's side has said that it did with the message, if it said so (RFC 8098)."""
        match self._book.get("answers", {}).get(token.name):
            case [str() as kind, bool() as read]:
                return Answer(kind, read)
        return None

    def delay(self, token: Token) -> str:
        """What a server told of the token's delay, or nothing."""
        return str(self._open.get(token.name, {}).get("delay", ""))

    def end(self, token: Token) -> None:
        """Its run has told what became of it."""
        self._close(token.name)

    def forget(self, token: Token) -> None:
        """Nobody here awaits it: another daemon watches it arrive. Its number stays given."""
        self._open.pop(token.name, None)

    def ended(self, token: Token) -> bool:
        return token.name not in self._open

    def leave(self, token: Token) -> None:
        """Its run awaits it no longer; what still comes of it is another run's to tell."""
        entry = self._open.get(token.name)
        if entry is not None:
            entry["awaited"] = False

    # Any run that reads the mailbox --------------------------------------------------------------------------------

    def is_ours(self, token: Token) -> bool:
        return token.series == self.series and token.purpose is self._purpose

    def saw(
        self,
        token: Token,
        now: Moment,
        *,
        within: float,
        since: Moment | None,
        listed: Moment | None = None,
        junk: bool = False,
        authentication: str = "",
        intact: bool | None = None,
        finding: str = "",
    ) -> tuple[Mail | None, float]:
        """One of our tokens lies in the mailbox: what that is to be counted as, and its age in seconds.

        `since`: when the mailbox was read before; `listed`: when the token was found there, if that was not just now:
        it is of that age, however long it took to read. A token counts as late only when it was still missing after
        `within`; one whose run was cut off, and which may have been in time, is received. None: the awaiting run
        tells it, or the token was never sent as far as we know.
        """
        entry = self._open.get(token.name)
        if entry is None:
            return self._after_its_end(token.name), 0.0
        sent = _sent(entry, now)
        age = sent.elapsed(listed or now)
        if self._awaited(entry, sent, now):
            if "arrival" in entry:
                return Mail.DUPLICATE, age
            entry["arrival"] = asdict(Arrival(age, junk, authentication, intact, finding))
            return None, age
        self._close(token.name)
        if since is None or sent.elapsed(since) <= within:
            return Mail.RECEIVED, age
        late = Moment.from_json(self._book.get("late"))
        if late is None or since.elapsed(now) < late.elapsed(now):  # what was read with delay may be the older one
            self._book["late"] = since.as_json()
        return Mail.LATE, age

    def _after_its_end(self, name: str) -> Mail | None:
        """A second copy is a duplicate. The first of one that was given up is none: it has ended as lost, once."""
        given_up = self._book.get("given_up", [])
        if name in given_up:
            self._book["given_up"] = [each for each in given_up if each != name]
            self._book["ended"] = [*self._book["ended"], name][-MOST_ENDED:]
            return None
        return Mail.DUPLICATE if name in self._book["ended"] else None

    def returned(self, notification: Notification, now: Moment) -> Mail | None:
        """A notification about one of our tokens: what it is to be counted as. None as in `saw`."""
        token = notification.token
        if token is not None and notification.disposition is not None:
            self._answered(token, notification.disposition)
            return None
        entry = self._open.get(token.name) if token is not None else None
        if token is None or entry is None:
            return None
        if not notification.bounced:
            if notification.status.startswith("4"):
                entry["delay"] = f"{notification.status} {notification.diagnostic}".strip()
            return None
        if self._awaited(entry, _sent(entry, now), now):
            entry.setdefault("bounce", [notification.status, notification.diagnostic])
            return None
        self._close(token.name)
        return Mail.BOUNCED

    def expire(self, now: Moment, lost_after: float) -> int:
        """How many tokens are lost by now. To be asked only after the mailbox was read: what was not looked for is
        not lost."""
        lost = 0
        for name, entry in list(self._open.items()):
            sent = _sent(entry, now)
            if self._awaited(entry, sent, now):
                continue
            if sent.elapsed(now) > lost_after or len(self._open) > MOST_OPEN:
                self._close(name, "given_up")
                lost += bool(entry.get("accepted"))
        return lost

    def held_since(self, token: Token, now: Moment) -> bool:
        """Whether an older token came late while this one was awaited, surely after this one was sent."""
        entry = self._open.get(token.name)
        late = Moment.from_json(self._book.get("late"))
        if entry is None or late is None:
            return False
        return late.elapsed(now) <= _sent(entry, now).elapsed(now)

    def _awaited(self, entry: dict[str, Any], sent: Moment, now: Moment) -> bool:
        return bool(entry.get("awaited")) and sent.life == now.life

    def _answered(self, token: Token, disposition: Disposition) -> None:
        answers = {**self._book.get("answers", {}), token.name: [disposition.kind, disposition.read]}
        self._book["answers"] = dict(list(answers.items())[-MOST_ENDED:])

    def _close(self, name: str, end: str = "ended") -> None:
        if self._open.pop(name, None) is not None:
            self._book[end] = [*self._book.get(end, []), name][-MOST_ENDED:]


def in_flight(memory: dict[str, Any]) -> int:
    """How many tokens were sent whose end is not known yet, by a unit's memory."""
    if not _sound(memory.get(_KEY)):
        return 0
    return sum(bool(entry.get("accepted")) for entry in memory[_KEY]["open"].values())


def _sound(book: object) -> bool:
    match book:
        case {"series": str(), "next": int(), "open": dict() as entries, "ended": list(), **others}:
            given_up = isinstance(others.get("given_up", []), list)  # an older version wrote none
            return given_up and all(isinstance(entry, dict) for entry in entries.values())
    return False


def _sent(entry: dict[str, Any], now: Moment) -> Moment:
    return Moment.from_json(entry.get("at")) or now
