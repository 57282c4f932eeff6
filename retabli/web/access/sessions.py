"""Who is logged in by a browser: kept beside the state, so that a restart logs no wall display out.

A browser has 256 random bits. What is kept is their digest: whoever reads the file can log in by none of it. A session
ends when its account's password or role changes, and a role in it lapses before the session does: an open page goes on
showing, and asks for the password again before it changes anything.
"""

import hashlib
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from retabli.web.access.policy import Account, Role

DAY = 86_400.0
# Seconds that a role lasts: without use, and in all. Those of `view` are those of the session.
IDLE = {Role.VIEW: 30 * DAY, Role.ACT: 2 * 3600.0, Role.ADMIN: 1800.0}
WHOLE = {Role.VIEW: 180 * DAY, Role.ACT: 12 * 3600.0, Role.ADMIN: 12 * 3600.0}
EACH = 50  # sessions of one account: the one that was not used the longest ends
LARGEST = 8 * 1024 * 1024  # bytes of the file
PRECISION = 60.0  # seconds within which a further use is not noted

log = logging.getLogger("retabli.access")


@dataclass(frozen=True, slots=True)
class Session:
    """`mark` is the account's at the log-in. Wall times: `since` the log-in, `seen` any request, `used` a person's."""

    digest: str
    user: str
    mark: str
    since: float
    seen: float
    used: float

    def role(self, account: Account, now: float) -> Role | None:
        """The highest role of the account that has not lapsed; None: the session is over."""
        if self.mark != account.mark or not self._lasts(Role.VIEW, self.seen, now):
            return None
        for role in reversed(Role):
            if account.role.covers(role) and (role is Role.VIEW or self._lasts(role, self.used, now)):
                return role
        return None

    def _lasts(self, role: Role, last: float, now: float) -> bool:
        # A clock that was set back prolongs nothing by much: it is as if the log-in had been just now.
        return max(0.0, now - last) < IDLE[role] and max(0.0, now - self.since) < WHOLE[role]


class Sessions:
    """At most EACH of an account. `path` None: they end with this process."""

    def __init__(self, path: Path | None = None, *, wall: Callable[[], float] = time.time) -> None:
        self._path = path
        self._wall = wall
        self._kept: dict[str, Session] = {}
        self.changed = False  # since they were last written

    def __len__(self) -> int:
        return len(self._kept)

    def begin(self, account: Account) -> str:
        """A new session; what the browser has to show from now on."""
        token, now = secrets.token_urlsafe(32), self._wall()
        session = Session(_digest(token), account.name, account.mark, now, now, now)
        own = sorted((each for each in self._kept.values() if each.user == account.name), key=lambda each: each.seen)
        for each in own[: max(0, len(own) - EACH + 1)]:
            del self._kept[each.digest]
        self._kept[session.digest] = session
        self.changed = True
        return token

    def of(self, token: str) -> Session | None:
        return self._kept.get(_digest(token)) if 0 < len(token) <= 128 else None

    def by_digest(self, digest: str) -> Session | None:
        return self._kept.get(digest)

    def use(self, session: Session, *, by_person: bool) -> None:
        """It was shown just now; `by_person`: because somebody did something, and not by an open page on its own."""
        now = self._wall()
        if abs(now - session.seen) < PRECISION and not (by_person and abs(now - session.used) >= PRECISION):
            return
        self._kept[session.digest] = replace(session, seen=now, used=now if by_person else session.used)
        self.changed = True

    def end(self, session: Session) -> None:
        if self._kept.pop(session.digest, None) is not None:
            self.changed = True

    def adopt(self, accounts: Mapping[str, Account]) -> None:
        """Those of accounts that are gone or are others now end, and those that are over."""
        now = self._wall()
        for each in list(self._kept.values()):
            account = accounts.get(each.user)
            if account is None or each.role(account, now) is None:
                self.end(each)

    def load(self) -> None:
        """What was written before; a file that cannot be read is said, and everybody logs in again."""
        if self._path is None:
            return
        try:
            with self._path.open("rb") as file:
                rows = json.loads(file.read(LARGEST))
            self._kept = {each.digest: each for each in _sessions(rows)}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            log.warning("%s cannot be read, so everybody logs in again: %s", self._path, type(error).__name__)

    def written(self) -> Callable[[], None] | None:
        """The way to write them as they are now, for a thread; None where there is nothing to write."""
        if self._path is None or not self.changed:
            return None
        self.changed = False
        rows, path = [asdict(each) for each in self._kept.values()], self._path
        return lambda: _write(path, rows)


def _sessions(rows: object) -> Iterable[Session]:
    if not isinstance(rows, list):
        raise TypeError("no list of sessions")
    for row in rows:
        found = Session(**row)
        texts, times = (found.digest, found.user, found.mark), (found.since, found.seen, found.used)
        if not all(isinstance(each, str) for each in texts) or not all(isinstance(each, int | float) for each in times):
            raise TypeError("no session")
        yield found


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    """Whole, or not at all; for nobody else to read.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        json.dump(rows, file)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
