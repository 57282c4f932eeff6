"""A probe's maildrop, entered again and again during one run: each new message is seen once, and stays there."""

import asyncio
from dataclasses import replace

from retabli.model import causes, stages
from retabli.model.causes import Cause, Verdict
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.result import Rung
from retabli.model.settings import Resolver
from retabli.net.mail import dsn, mail_causes, pop_causes
from retabli.net.mail.imap_messages import Fetched
from retabli.net.mail.login_book import LoginBook
from retabli.net.mail.mailbox_reader import Handle
from retabli.net.mail.maildrop_book import MaildropBook, digest
from retabli.net.mail.moments import Moment
from retabli.net.mail.pop import MOST, Maildrop, PopSession, maildrop_stages, open_maildrop
from retabli.net.mail.sightings import Kind, Place, Sighting, sight

NEWEST = 500  # messages that are looked at in one session, the newest first; the others wait for the next
REPORTS = 20  # of them, those of which more than the header is read
REPORT_LINES = 1000  # of a notification, beyond its header
AGAIN = 0.05  # seconds between two looks whether another run has left


class MaildropReader:
    """One maildrop during one run. What went wrong last is `fault`; the run decides what that means.

    A POP3 session sees the maildrop as it was when it began, so every look is a session of its own, one at a time.
    A refused login is not tried again in the same run. `rungs` are those of the last session; `holds` is how many
    messages there were, `unseen` how many of them are still to be looked at, `skipped` how many cannot be.
    """

    def __init__(
        self,
        maildrop: Maildrop,
        ladder: Ladder,
        key: bytes,
        *,
        timeout: float,
        every: float,
        resolver: Resolver | None = None,
    ) -> None:
        self.fault: Fall | None = None
        self.passed_over = 0
        self.rungs: tuple[Rung, ...] = ()
        self.holds: int | None = None
        self.unseen = 0
        self.skipped = 0
        self._maildrop = maildrop
        self._ladder = ladder
        self._key = key
        self._timeout = timeout
        self._every = every
        self._resolver = resolver
        self._book = MaildropBook(ladder.memory, maildrop.label)
        self._logins = LoginBook(ladder.memory, maildrop.label, maildrop.password)
        self._aside: Ladder | None = None

    @property
    def may_try_again(self) -> bool:
        return self.fault is None or self.fault.cause is not mail_causes.MAILBOX_AUTH_REFUSED

    @property
    def blind(self) -> Fall | None:
        """Why it could not be read; what is still `unseen` or was `skipped` is judged by who knows of maildrops."""
        return self.fault

    # A run's steps -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Nothing: a session that began before the message was sent would not see it arrive."""

    async def sweep(self, handle: Handle) -> bool:
        """Show every new message to `handle`, newest first. False: the maildrop could not be read, see `fault`, or not
        to its end, see `unseen`."""
        self._aside = None
        error: BaseException | None = None
        try:
            async with asyncio.timeout(self._timeout):
                await self._enter(handle)
        except (Fall, OSError) as left:
            error = left
        self.fault = self._unreadable(error) if error is not None else None
        self.rungs = self._aside.finish(beat=0.0, started=0.0, error=error).rungs if self._aside is not None else ()
        return error is None and not self.unseen

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def clear(self, seconds: float) -> None:
        """Nothing: what is in a maildrop is left there."""

    async def close(self, *, abort: bool = False) -> None:
        """Nothing: no session outlasts a look."""

    # Reading -------------------------------------------------------------------------------------------------------

    async def _enter(self, handle: Handle) -> None:
        await self._take_turn()
        try:
            await self._wait_for_login()
            began = Moment.now(self._ladder)
            aside = self._aside = Ladder(
                (*maildrop_stages(self._maildrop), stages.MAILBOX, stages.DELIVERED),
                clock=self._ladder.clock,
                wall=self._ladder.wall,
            )
            session = await self._open(aside)
            async with session:
                with aside.rung(stages.MAILBOX):
                    fresh, present = await self._list(session)
                with aside.rung(stages.DELIVERED):
                    await self._look(session, fresh, present, handle, began)
        finally:
            self._book.leave()

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(self._timeout / 2):
                while not self._book.take_turn():  # noqa: ASYNC110 - a memory of JSON holds no Event
                    await asyncio.sleep(AGAIN)
        except TimeoutError:
            raise Fall(pop_causes.MAILDROP_LOCKED, "another run of this probe is in it") from None

    async def _wait_for_login(self) -> None:
        now = Moment.now(self._ladder)
        if refused := self._logins.refused(now, self._every):
            detail = f"refused {refused} times in a row, not tried again yet"
            raise Fall(mail_causes.MAILBOX_AUTH_REFUSED, detail)
        wait = self._book.must_wait(now)
        if wait > self._timeout / 2:
            raise Fall(pop_causes.POP_LOGIN_DELAYED, f"the next login is welcome in {wait:.0f} s")
        await asyncio.sleep(wait)

    async def _open(self, aside: Ladder) -> PopSession:
        now = Moment.now(self._ladder)
        try:
            session = await open_maildrop(self._maildrop, aside, resolver=self._resolver)
        except Fall as fall:
            if fall.cause is causes.AUTH_REFUSED:
                self._logins.note_refusal(now)
            raise
        self._logins.note_login()
        self._book.note_login(now, session.login_delay)
        return session

    async def _list(self, session: PopSession) -> tuple[list[tuple[int, bytes]], frozenset[bytes]]:
        """The messages that were not looked at yet, newest first (number and digest), and the digests of all."""
        held = self.holds = await session.count()
        if held > MOST:
            raise Fall(pop_causes.MAILDROP_OVERFULL, f"{held} messages; more than {MOST} are not looked through")
        listed = [(number, digest(uid)) for number, uid in await session.list_uids()] if held else []
        seen = self._book.seen
        # By their ids: copies of one message may share theirs (RFC 1939, section 7, UIDL).
        fresh = {uid: number for number, uid in sorted(listed) if uid not in seen}
        newest_first = sorted(((number, uid) for uid, number in fresh.items()), reverse=True)
        return newest_first, frozenset(uid for _, uid in listed)

    async def _look(
        self,
        session: PopSession,
        fresh: list[tuple[int, bytes]],
        present: frozenset[bytes],
        handle: Handle,
        began: Moment,
    ) -> None:
        looked, reports = set[bytes](), REPORTS
        self.unseen = len(fresh)
        until = self._ladder.clock() + self._timeout / 4
        try:
            for number, uid in fresh[:NEWEST]:
                if self._ladder.clock() > until:
                    break
                try:
                    sighting = await self._sight(session, number, reports=reports)
                except Fall as fall:
                    if fall.cause is causes.TOO_LONG:  # it would break every other session too
                        self.skipped += 1
                        looked.add(uid)
                    raise
                # Nothing is awaited between these: what was shown is marked, and what is marked was shown.
                looked.add(uid)
                if sighting is None:
                    self.skipped += 1
                else:
                    reports -= sighting.kind is Kind.REPORT
                    handle(sighting)
        finally:  # however far a slow line came
            self.unseen -= len(looked)
            self._book.note_seen((self._book.seen & present) | looked, None if self.unseen else began)

    async def _sight(self, session: PopSession, number: int, *, reports: int) -> Sighting | None:
        content = await session.read(number)
        if content is None:
            return None
        place = Place(self._maildrop.label, "maildrop")
        fetched = Fetched(number, frozenset(), len(content), 0.0, content)
        sighting = sight(fetched, self._key, place, self._book.since)
        if sighting.kind is not Kind.REPORT or reports <= 0:
            return sighting
        whole = await session.read(number, REPORT_LINES, dsn.LENGTH)
        report = dsn.parse(whole, self._key) if whole is not None else None
        return replace(sighting, report=report, token=report.token if report else None)

    # Faults --------------------------------------------------------------------------------------------------------

    def _unreadable(self, error: BaseException) -> Fall:
        """What keeps a maildrop from being read says nothing of the mail: whatever it is, it is unknown."""
        found = cause_of(error)
        if found is None:
            raise error
        told = f"{self._maildrop.label}: {self._told(found, detail_of(error))}"
        if found is causes.AUTH_REFUSED:
            return Fall(mail_causes.MAILBOX_AUTH_REFUSED, told)
        return Fall(found if found.verdict is Verdict.UNKNOWN else mail_causes.MAILBOX_UNREADABLE, told)

    def _told(self, found: Cause, detail: str) -> str:
        if found.verdict is Verdict.UNKNOWN:
            return detail or found.code
        fallen = self._aside.fallen if self._aside is not None else None
        if found is causes.TIMEOUT and fallen is not None and fallen.stage is stages.AUTH:
            return f"{found.code}: another session may hold the maildrop; some servers wait ten seconds to say so"
        return f"{found.code}: {detail}" if detail else found.code
