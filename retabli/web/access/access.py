"""Who comes in: finds out who asks, by a proxy's word, a password or a session, for as long as that holds."""

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from retabli.web.access import hashes
from retabli.web.access.checking import Busy, Checking
from retabli.web.access.logins import Logins
from retabli.web.access.peers import Peer, introduced
from retabli.web.access.policy import Account, Policy, Role
from retabli.web.access.sessions import Sessions
from retabli.web.access.throttle import Throttle, place
from retabli.web.access.visitor import Visitor, Way

LONGEST = 1024  # bytes of a password that is compared at all
RECHECK = 15.0  # seconds between two looks at whether a stream's reader may still read
OUTCOMES = ("accepted", "refused", "delayed", "busy")
PATIENCE = 5.0  # seconds that a log-in or log-out waits for the disk
SAID_EVERY = 60.0  # seconds between two lines of the log about refusals at one address
SAID_MOST = 500

log = logging.getLogger("retabli.access")


class NotIn(Exception):
    """A log-in that was not taken: `refused`, `delayed` (for `wait` seconds) or `busy`."""

    def __init__(self, outcome: str, wait: float = 0.0) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.wait = wait


class Access:
    """Over a policy that a reload replaces. `counted` is told the outcome of each password that somebody gave."""

    def __init__(
        self,
        policy: Policy | None = None,
        sessions: Sessions | None = None,
        *,
        counted: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._policy = policy or Policy()
        self.sessions = sessions if sessions is not None else Sessions(wall=wall)
        self._counted = counted
        self._clock = clock
        self._wall = wall
        self._checking = Checking(clock=clock)
        self.throttle = Throttle()
        self._nobody = self._stranger()
        self._changed = asyncio.Event()
        self._said: dict[str, tuple[float, int]] = {}
        self.logins = Logins(clock=clock, wall=wall)
        self._writing = asyncio.Lock()

    @property
    def policy(self) -> Policy:
        return self._policy

    def adopt(self, policy: Policy) -> None:
        """From now on. Whoever is not in it any more is out, open streams included."""
        before, self._policy = self._policy, policy
        if before.accounts != policy.accounts:
            self._checking.forget()
            self._nobody = self._stranger()
        self.sessions.adopt(policy.accounts)
        self._wake()

    async def begin(self) -> None:
        """The sessions that were written before this start; for those of a policy that has none of them they end."""
        await asyncio.to_thread(self.sessions.load)
        self.sessions.adopt(self._policy.accounts)

    async def keep(self) -> None:
        """Writes the sessions, if any have changed."""
        async with self._writing:
            write = self.sessions.written()
            if write is None:
                return
            try:
                await asyncio.to_thread(write)
            except (OSError, RuntimeError) as error:  # or no thread can be started for it
                self.sessions.changed = True
                log.warning(
                    "the sessions cannot be written, and end with this process: %s",
                    getattr(error, "strerror", None) or error,
                )

    def close(self) -> None:
        self._checking.close()

    # who asks -------------------------------------------------------------------------------------------------

    async def visitor(self, headers: Headers, peer: Peer, token: str, *, by_password: bool, person: bool) -> Visitor:
        """Who asks. `token` is what the browser's cookie holds; `by_password`: a password is looked at, too.

        Raises:
            HTTPException: 400, 403, what a proxy is said to say; 401, 429, 503, a password that was not taken.
        """
        policy = self._policy
        if not policy.guarded:
            return Visitor(Role.ADMIN if peer.direct else Role.VIEW, Way.UNASKED, address=peer.address)
        form = bool(policy.accounts)
        if policy.proxy is not None:
            said = introduced(headers, policy.proxy, trusted=peer.trusted)
            if said is not None:
                role = policy.proxy.role_of(said.user, said.role, said.groups)
                return Visitor(role, Way.PROXY, said.user, role, address=peer.address)
        given = headers.get("authorization")
        if by_password and given is not None and form:
            account = await self._by_password(given, peer.address)
            return Visitor(
                account.role, Way.PASSWORD, account.name, account.role, mark=account.mark, address=peer.address
            )
        return self._by_session(token, peer, form=form, person=person)

    def _by_session(self, token: str, peer: Peer, *, form: bool, person: bool) -> Visitor:
        session = self.sessions.of(token) if token and form else None
        account = self._policy.accounts.get(session.user) if session is not None else None
        if session is None or account is None:
            return Visitor(address=peer.address, form=form)
        role = session.role(account, self._wall())
        if role is None:
            return Visitor(address=peer.address, form=form)
        self.sessions.use(session, by_person=person)
        return Visitor(
            role, Way.SESSION, account.name, account.role, session.digest, account.mark, peer.address, form=form
        )

    async def _by_password(self, given: str, address: str) -> Account:
        try:
            name, password = _basic(given)
        except ValueError:
            raise _unauthorised("the Authorization header is none of HTTP Basic (RFC 7617)") from None
        account = self._policy.accounts.get(name)
        waits = self.throttle.wait_of_pair(name, address, self._clock())
        if account is not None and not waits and self._checking.remembers(account, password, address):
            return account
        try:
            account = await self.verified(name, password, address)
        except NotIn as why:
            if why.outcome == "refused":
                raise _unauthorised("this user and this password do not belong together") from None
            raise delayed(why) from None
        self._checking.remember(account, password, address)
        return account

    # log-ins --------------------------------------------------------------------------------------------------

    async def verified(self, name: str, password: str, address: str) -> Account:
        """The account whose password this is.

        Raises:
            NotIn: it is not, or nobody looked at it; which of the two was wrong is told to nobody.
        """
        try:
            account = await self._verified(name, password, address)
        except NotIn as why:
            self._counted(why.outcome)
            self._tell(why.outcome, name, address)
            if why.outcome != "busy":
                self.logins.failed(self._policy.accounts.get(name), place(address))
            raise
        self._counted("accepted")
        self._tell("accepted", name, address)
        return account

    async def _verified(self, name: str, password: str, address: str) -> Account:
        policy, now = self._policy, self._clock()
        wait = self.throttle.wait(name, address, now)
        if wait:
            raise NotIn("delayed", wait)
        self.throttle.charge(name, address, now)
        if "\0" in password or len(password.encode(errors="replace")) > LONGEST:
            raise NotIn("refused")
        account = policy.accounts.get(name)
        try:
            right = await self._checking.matches(account.hash if account else self._nobody, password, address)
        except (Busy, RuntimeError):  # or no thread can be started for it: nobody has looked
            self.throttle.refund(name, address)
            raise NotIn("busy", 1.0) from None
        now_known = self._policy.accounts.get(name)  # a reload may have come in between
        if account is None or not right or now_known is None or now_known.mark != account.mark:
            raise NotIn("refused")
        self.throttle.succeeded(name, address)
        return account

    async def log_in(self, name: str, password: str, address: str, before: str) -> str:
        """A session's token. `before` is what the browser showed until now, which ends.

        Raises:
            NotIn: as `verified`.
        """
        account = await self.verified(name, password, address)
        old = self.sessions.of(before) if before else None
        if old is not None:
            self.sessions.end(old)
        token = self.sessions.begin(account)
        self.logins.came_in(account)
        await self._soon_kept()
        return token

    async def log_out(self, token: str) -> None:
        """The session ends, here and for whoever else has its token; its open streams end, too."""
        session = self.sessions.of(token)
        if session is not None:
            self.sessions.end(session)
            self._wake()
            await self._soon_kept()

    async def _soon_kept(self) -> None:
        keeping = asyncio.create_task(self.keep(), name="sessions")
        await asyncio.wait({keeping}, timeout=PATIENCE)  # a disk that hangs keeps nobody out

    # streams --------------------------------------------------------------------------------------------------

    async def until_out(self, visitor: Visitor) -> None:
        """Until this visitor may not see any more."""
        while self.holds(visitor):
            with suppress(TimeoutError):
                async with asyncio.timeout(RECHECK):
                    await self._changed.wait()

    def holds(self, visitor: Visitor) -> bool:
        policy = self._policy
        if visitor.way is Way.UNASKED:
            return not policy.guarded
        if visitor.way is Way.PROXY:
            proxy = policy.proxy
            return proxy is not None and bool(proxy.user_header) and (visitor.role is not None)
        account = policy.accounts.get(visitor.name)
        if account is None or account.mark != visitor.mark:
            return False
        if visitor.way is Way.PASSWORD:
            return True
        session = self.sessions.by_digest(visitor.session)
        if session is None or session.role(account, self._wall()) is None:
            return False
        self.sessions.use(session, by_person=False)  # a wall display asks nothing for hours: it listens
        return True

    # bits -----------------------------------------------------------------------------------------------------

    def _stranger(self) -> hashes.Hash:
        return hashes.nobody(next((each.hash for each in self._policy.accounts.values()), None))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _tell(self, outcome: str, name: str, address: str) -> None:
        """In the daemon's own log: each log-in, and of refusals at one address a line a minute."""
        known = name if name in self._policy.accounts else "no account of ours"  # it may be a password, mistyped
        if outcome == "accepted":
            log.info("logged in: %s from %s", known, address)
            return
        where, now = place(address), self._clock()
        since, number = self._said.pop(where, (-SAID_EVERY, 0))
        if now - since < SAID_EVERY:
            self._said[where] = (since, number + 1)
            return
        more = f", and {number} more before" if number else ""
        log.warning("log-in %s: %s from %s%s", outcome, known, address, more)
        self._said[where] = (now, 0)
        if len(self._said) > SAID_MOST:
            del self._said[next(iter(self._said))]


def delayed(why: NotIn) -> HTTPException:
    seconds = str(max(1, round(why.wait + 0.5)))
    if why.outcome == "busy":
        return HTTPException(503, "too many log in at this moment: try again in a second", {"retry-after": seconds})
    said = f"too many failed log-ins from here: the next one is looked at in {seconds} s"
    return HTTPException(429, said, {"retry-after": seconds})


def _unauthorised(said: str) -> HTTPException:
    return HTTPException(401, said, {"www-authenticate": BASIC})


BASIC = 'Basic realm="Retabli", charset="UTF-8"'


def _basic(given: str) -> tuple[str, str]:
    """User and password (RFC 7617, section 2).

    Raises:
        ValueError: it is something else.
    """
    scheme, _, coded = given.partition(" ")
    if scheme.lower() != "basic" or len(coded) > 4 * LONGEST:
        raise ValueError("not Basic")
    try:
        said = base64.b64decode(coded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not Basic") from None
    name, colon, password = said.partition(":")
    if not colon or not name:
        raise ValueError("not Basic")
    return name, password
