"""A probe's mailbox, looked at again and again during one run: each new message is seen once, own ones are removed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from retabli.model import causes
from retabli.model.causes import Cause, Side
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.settings import Mailbox, Resolver
from retabli.net.mail import dsn, mail_causes
from retabli.net.mail.imap import ImapSession, open_mailbox
from retabli.net.mail.imap_causes import IMAP_REFUSED, IMAP_UNAVAILABLE, MAILBOX_DENIED, MAILBOX_MISSING
from retabli.net.mail.mailbox_book import MailboxBook, Mark, label
from retabli.net.mail.moments import Moment
from retabli.net.mail.sightings import Kind, Place, Sighting, sight
from retabli.net.mail.tokens import HEADER

NEWEST = 200  # messages of a folder that are looked at in one sweep
DEEPEST = 2000  # among which ours are searched for by the server when there are more
BODIES = 20  # of them, those of which more than the headers is read
CONTENT_LENGTH = 65_536  # bytes of a message of ours that are read
LEFT_BEHIND = 2 * 86_400.0  # seconds
SETTLE = 0.02  # seconds: a mailbox that never rests is not read without end

Handle = Callable[[Sighting], bool]  # called once for each new message; True: it is ours, and to be removed


class Reading(Protocol):
    """How the whole of a message is read, where its headers do not tell whether it is ours; `length` in bytes."""

    @property
    def length(self) -> int: ...

    def wants(self, sighting: Sighting) -> bool: ...

    async def __call__(self, sighting: Sighting, content: bytes) -> Sighting: ...


class MailboxReader:
    """One mailbox during one run. What went wrong last is `fault`; the run decides what that means.

    What was seen is marked in the unit's memory by UID, so that runs that overlap, and those after a restart, look at
    a message once. `every` is the least time between two logins while the account refuses them.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        ladder: Ladder,
        key: bytes,
        *,
        timeout: float,
        every: float,
        resolver: Resolver | None = None,
        bodies: bool = False,
        reading: Reading | None = None,
    ) -> None:
        self.mailbox = mailbox
        self.fault: Fall | None = None
        self.passed_over = 0  # messages that were too many to look at
        self._ladder = ladder
        self._key = key
        self._timeout = timeout
        self._every = every
        self._resolver = resolver
        self._bodies = bodies
        self._reading = reading
        self._session: ImapSession | None = None
        self._book = MailboxBook(ladder.memory)

    @property
    def label(self) -> str:
        return label(self.mailbox)

    @property
    def places(self) -> tuple[Place, ...]:
        """The junk folder first: the other stays selected, and is the one that is waited on."""
        main = Place(self.label, self.mailbox.folder)
        junk = self.mailbox.junk
        return (main,) if junk is None or junk == main.folder else (Place(self.label, junk, junk=True), main)

    @property
    def may_try_again(self) -> bool:
        """Whether another login during this run may help: not when the account was refused."""
        return self.fault is None or self.fault.cause is not mail_causes.MAILBOX_AUTH_REFUSED

    # A run's steps -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Log in, unless the account is to be left alone; `fault` tells why it could not be."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._open()
        except (Fall, OSError) as error:
            self._drop(error)

    async def sweep(self, handle: Handle) -> bool:
        """Show every new message to `handle`, oldest first. False: the mailbox could not be read, see `fault`."""
        try:
            async with asyncio.timeout(self._timeout):
                session = await self._open()
                for place in self.places:
                    await self._sweep_folder(session, place, handle)
        except (Fall, OSError) as error:
            self._drop(error)
            return False
        self.fault = None
        return True

    async def clear(self, seconds: float) -> None:
        """Now and then, for so long at most: remove messages of ours, by their signature, that nobody awaits."""
        now = Moment.now(self._ladder)
        if self._session is None:
            return
        if not self._book.is_time_to_clear(self.mailbox, now):
            return
        try:
            async with asyncio.timeout(seconds):
                for place in self.places:
                    await self._clear_folder(self._session, place, now.wall - LEFT_BEHIND)
        except (Fall, OSError) as error:
            self._drop(error)

    async def pause(self, seconds: float) -> None:
        """Wait for something new, for that long at most. A server that refuses to tell lets us wait to the end."""
        end = self._ladder.clock() + seconds
        changed = False
        if self._session is not None:
            try:
                async with asyncio.timeout(seconds + self._timeout):
                    changed = await self._session.idle(seconds)
            except (Fall, OSError) as error:
                self._drop(error)
        await asyncio.sleep(SETTLE if changed else max(0.0, end - self._ladder.clock()))

    async def remove(self, place: Place, validity: int, uids: list[int]) -> None:
        """Remove messages that an earlier sweep showed; nothing when the folder is no longer the same."""
        if self._session is None or not uids:
            return
        try:
            async with asyncio.timeout(self._timeout):
                selected = await self._session.select(place.folder)
                if selected.uid_validity == validity:
                    await self._session.delete(uids)
        except (Fall, OSError) as error:
            self._drop(error)

    def validity(self, place: Place) -> int:
        """The UIDVALIDITY under which the folder was last read; 0 when it never was."""
        return self._book.mark(place).validity

    async def close(self, *, abort: bool = False) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        if abort:
            session.connection.abort()
        else:
            await session.logout()

    # Reading -------------------------------------------------------------------------------------------------------

    async def _open(self) -> ImapSession:
        if self._session is None:
            now = Moment.now(self._ladder)
            refused = self._book.refused(self.mailbox, now, self._every)
            if refused:
                detail = f"{self.label}: refused {refused} times in a row, not tried again yet"
                raise Fall(mail_causes.MAILBOX_AUTH_REFUSED, detail)
            try:
                self._session = await open_mailbox(self.mailbox, resolver=self._resolver)
            except Fall as fall:
                if fall.cause is causes.AUTH_REFUSED:
                    self._book.note_refusal(self.mailbox, now)
                raise
            self._book.note_login(self.mailbox)
            self.fault = None
        return self._session

    async def _sweep_folder(self, session: ImapSession, place: Place, handle: Handle) -> None:
        began = Moment.now(self._ladder)
        try:
            selected = await session.select(place.folder)
        except Fall as fall:
            if place.junk and fall.cause in (MAILBOX_MISSING, MAILBOX_DENIED):
                return  # no junk folder: then nothing is delivered to it
            raise
        mark = self._book.mark(place)
        same = mark.validity == selected.uid_validity
        seen, since = (mark.seen, mark.since) if same else (0, None)
        sightings: list[Sighting] = []
        if not seen or not selected.uid_next or selected.uid_next > seen + 1:
            uids = await self._new(session, selected.exists, seen)
            sightings = [sight(one, self._key, place, since) for one in await session.fetch(uids)]
            sightings = await self._read_more(session, sightings)
            seen = max([seen, *uids])
        own = self._take(place, selected.uid_validity, seen, sightings, handle, began)
        await self._delete(session, own)

    async def _new(self, session: ImapSession, exists: int, seen: int) -> list[int]:
        if not exists:
            return []
        if seen:
            found = [uid for uid in await session.search(["UID", f"{seen + 1}:*"]) if uid > seen]
        else:
            found = await session.search([f"{max(1, exists - DEEPEST + 1)}:*"])
        many = (len(found) if seen else exists) - NEWEST
        if many <= 0 or not found:
            return found
        # A flood of others' messages must not hide ours: the server is asked for those, as far back as it is cheap.
        self.passed_over += many
        marked = await session.search(["UID", f"{found[-DEEPEST:][0]}:*", "HEADER", HEADER, "v1."])
        return sorted({*found[-NEWEST:], *(uid for uid in marked[-NEWEST:] if uid > seen)})

    async def _read_more(self, session: ImapSession, sightings: list[Sighting]) -> list[Sighting]:
        """Notifications, and the content of our own messages where it is wanted: the newest only."""
        if self._reading is not None:
            return await self._read_whole(session, sightings, self._reading)
        wanted = {Kind.REPORT: dsn.LENGTH} | ({Kind.TOKEN: CONTENT_LENGTH} if self._bodies else {})
        more: dict[int, bytes] = {}
        for kind, length in wanted.items():
            uids = [sighting.uid for sighting in sightings if sighting.kind is kind]
            self.passed_over += max(0, len(uids) - BODIES)
            for one in await session.fetch(uids[-BODIES:], body_limit=length):
                more[one.uid] = one.content
        return [self._with_content(sighting, more.get(sighting.uid)) for sighting in sightings]

    async def _read_whole(self, session: ImapSession, sightings: list[Sighting], reading: Reading) -> list[Sighting]:
        """The newest messages that may be ours, one after the other: never more than one lies in memory.

        The newest first, and for half of a sweep's time: a sweep that never ended would be begun again for ever.
        """
        wanted = [place for place, sighting in enumerate(sightings) if reading.wants(sighting)]
        newest = wanted[-BODIES:]
        self.passed_over += len(wanted) - len(newest)
        found = list(sightings)
        end = self._ladder.clock() + self._timeout / 2
        for place in reversed(newest):
            if self._ladder.clock() > end:
                self.passed_over += 1
                continue
            for one in await session.fetch([sightings[place].uid], body_limit=reading.length):
                found[place] = await reading(sightings[place], one.content)
        return found

    def _with_content(self, sighting: Sighting, content: bytes | None) -> Sighting:
        if content is None:
            return sighting
        if sighting.kind is Kind.REPORT:
            report = dsn.parse(content, self._key)
            return replace(sighting, report=report, token=report.token if report else None)
        return replace(sighting, content=content)

    def _take(
        self, place: Place, validity: int, seen: int, sightings: list[Sighting], handle: Handle, began: Moment
    ) -> list[int]:
        """Hand over what nobody has taken meanwhile. Nothing is awaited in here: no other run can come between."""
        mark = self._book.mark(place)
        taken = mark.seen if mark.validity == validity else 0
        self._book.set_mark(place, Mark(validity, max(taken, seen), began))
        fresh = sorted((one for one in sightings if one.uid > taken), key=lambda one: one.uid)
        return [one.uid for one in fresh if handle(one)]

    async def _delete(self, session: ImapSession, own: list[int]) -> None:
        if not own:
            return
        try:
            await session.delete(own)
        except Fall as fall:
            if fall.cause not in (IMAP_REFUSED, IMAP_UNAVAILABLE):
                raise
            # A mailbox that may not be changed: what was read of it counts nevertheless.
            self._ladder.describe("not_removed", f"{len(own)} messages in {self.label}: {fall.detail}")

    async def _clear_folder(self, session: ImapSession, place: Place, before: float) -> None:
        try:
            await session.select(place.folder)
        except Fall as fall:
            if place.junk and fall.cause in (MAILBOX_MISSING, MAILBOX_DENIED):
                return
            raise
        day = datetime.fromtimestamp(before, UTC).date()
        uids = await session.search(["BEFORE", day, "HEADER", HEADER, "v1."])
        old = [one for one in await session.fetch(uids[:NEWEST]) if 0 < one.arrived < before]
        left = [sight(one, self._key, place, None) for one in old]
        await self._delete(session, [one.uid for one in left if one.kind is Kind.TOKEN])

    # Faults --------------------------------------------------------------------------------------------------------

    def _drop(self, error: BaseException) -> None:
        """The conversation is broken: whatever it says next is not to be believed."""
        found = cause_of(error)
        if found is None:
            raise error
        self.fault = self._unreadable(found, detail_of(error))
        session, self._session = self._session, None
        if session is not None:
            session.connection.abort()

    def _unreadable(self, found: Cause, detail: str) -> Fall:
        if found is mail_causes.MAILBOX_AUTH_REFUSED:
            return Fall(found, detail)
        if found.side is Side.PROBE:  # what we lacked ourselves is nothing to look for at the mailbox's server
            return Fall(found, f"{self.label}: {detail or found.code}")
        refused = found is causes.AUTH_REFUSED
        cause = mail_causes.MAILBOX_AUTH_REFUSED if refused else mail_causes.MAILBOX_UNREADABLE
        return Fall(cause, f"{self.label}: {found.code}" + (f": {detail}" if detail else ""))
