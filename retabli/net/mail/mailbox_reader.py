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
from retabli.model.words import Words
from retabli.net.mail import dsn, mail_causes
from retabli.net.mail.imap import ImapSession, open_mailbox
from retabli.net.mail.imap_causes import IMAP_REFUSED, IMAP_UNAVAILABLE, MAILBOX_DENIED, MAILBOX_MISSING
from retabli.net.mail.imap_messages import HEADER_LIMIT, Fetched
from retabli.net.mail.mailbox_book import MailboxBook, Mark, Unread, label
from retabli.net.mail.moments import Moment
from retabli.net.mail.sightings import Kind, Place, Sighting, sight
from retabli.net.mail.tokens import HEADER

NEWEST = 200  # messages of a folder that are looked at in one sweep
DEEPEST = 2000  # among which ours are searched for by the server when there are more
BODIES = 20  # of them, those of which more than the headers is read
TRIES = 5  # readings of one message that were begun and not ended, after which it is left unread
CONTENT_LENGTH = 65_536  # bytes of a message of ours that are read
LEFT_BEHIND = 2 * 86_400.0  # seconds
SETTLE = 0.02  # seconds: a mailbox that never rests is not read without end
_UNREAD = Words("des messages arrivés entre-temps ne sont pas lus", "messages that came meanwhile are not read")

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
    a message once. With a `reading`, those that it wants are noted there until they were read, by whatever run.
    `every` is the least time between two logins while the account refuses them.
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
        self.passed_over = 0  # messages that were too many to look at, or on which reading broke again and again
        self._ladder = ladder
        self._key = key
        self._timeout = timeout
        self._every = every
        self._resolver = resolver
        self._bodies = bodies
        self._reading = reading
        self._session: ImapSession | None = None
        self._book = MailboxBook(ladder.memory)
        self._before = {place: self._book.mark(place) for place in self.places}

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

    @property
    def blind(self) -> Fall | None:
        """Why what was not found may be there nevertheless: it could not be read, or some of what came since this
        reader was made was not."""
        if self.fault is not None:
            return self.fault
        if all(self._book.mark(place).has_read_all_since(before) for place, before in self._before.items()):
            return None
        return Fall(mail_causes.MAILBOX_UNREADABLE, f"{self.label}: {_UNREAD[self._ladder.language]}")

    # A run's steps -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Log in, unless the account is to be left alone; `fault` tells why it could not be."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._open()
        except (Fall, OSError) as error:
            self._drop(error)

    async def sweep(self, handle: Handle) -> bool:
        """Show every new message to `handle`, oldest first; those that are read whole follow, the newest first.

        False: the mailbox could not be read, see `fault`, or there was no time to read all that is wanted.
        """
        half = self._ladder.clock() + self._timeout / 2
        try:
            async with asyncio.timeout(self._timeout):
                session = await self._open()
                read_all = [await self._sweep_folder(session, place, handle, half) for place in self.places]
        except (Fall, OSError) as error:
            self._drop(error)
            return False
        self.fault = None
        return all(read_all)

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

    async def _sweep_folder(self, session: ImapSession, place: Place, handle: Handle, half: float) -> bool:
        """Whether all that is wanted was read."""
        began = Moment.now(self._ladder)
        try:
            selected = await session.select(place.folder)
        except Fall as fall:
            if place.junk and fall.cause in (MAILBOX_MISSING, MAILBOX_DENIED):
                return True  # no junk folder: then nothing is delivered to it
            raise
        mark = self._book.mark(place).under(selected.uid_validity)
        seen, left_out, listed = mark.seen, 0, began
        sightings: list[Sighting] = []
        if not seen or not selected.uid_next or selected.uid_next > seen + 1:
            uids, left_out = await self._new(session, selected.exists, seen)
            listed = Moment.now(self._ladder)
            sightings = [sight(one, self._key, place, mark.since) for one in await session.fetch(uids)]
            if self._reading is None:
                sightings = await self._read_more(session, sightings)
            seen = max([seen, *uids])
        looked_at = Mark(selected.uid_validity, seen, began, given_up=left_out)
        await self._delete(session, self._take(place, looked_at, sightings, handle, listed))
        if self._reading is None:
            return True
        return await self._read_unread(session, place, selected.uid_validity, self._reading, handle, half)

    async def _new(self, session: ImapSession, exists: int, seen: int) -> tuple[list[int], int]:
        """The UIDs that are looked at, and the highest of those that are too many."""
        if not exists:
            return [], 0
        if seen:
            found = [uid for uid in await session.search(["UID", f"{seen + 1}:*"]) if uid > seen]
        else:
            found = await session.search([f"{max(1, exists - DEEPEST + 1)}:*"])
        many = (len(found) if seen else exists) - NEWEST
        if many <= 0 or not found:
            return found, 0
        # A flood of others' messages must not hide ours: the server is asked for those, as far back as it is cheap.
        self.passed_over += many
        marked = await session.search(["UID", f"{found[-DEEPEST:][0]}:*", "HEADER", HEADER, "v1."])
        chosen = sorted({*found[-NEWEST:], *(uid for uid in marked[-NEWEST:] if uid > seen)})
        return chosen, max(found[:-NEWEST], default=0)

    async def _read_more(self, session: ImapSession, sightings: list[Sighting]) -> list[Sighting]:
        """Notifications, and the content of our own messages where it is wanted: the newest only."""
        wanted = {Kind.REPORT: dsn.LENGTH} | ({Kind.TOKEN: CONTENT_LENGTH} if self._bodies else {})
        more: dict[int, bytes] = {}
        for kind, length in wanted.items():
            uids = [sighting.uid for sighting in sightings if sighting.kind is kind]
            self.passed_over += max(0, len(uids) - BODIES)
            for one in await session.fetch(uids[-BODIES:], body_limit=length):
                more[one.uid] = one.content
        return [self._with_content(sighting, more.get(sighting.uid)) for sighting in sightings]

    async def _read_unread(
        self, session: ImapSession, place: Place, validity: int, reading: Reading, handle: Handle, half: float
    ) -> bool:
        """The messages that may be ours, one after the other: never more than one lies in memory. Whether none is left.

        The newest of the least tried first, one at least, and no other once half of the sweep's time is over. What is
        begun counts as tried before it is read: a message on which every sweep breaks must not keep all others unread.
        """
        for count, one in enumerate(self._next_unread(place, validity)):
            if count and self._ladder.clock() > half:
                break
            if not self._tries(place, validity, one.uid, 1):
                continue  # another run has read it meanwhile
            try:
                sighting = await self._read_whole(session, place, one, reading)
            except (Fall, OSError) as error:
                if cause_of(error) is causes.LOCAL_RESOURCES:  # which is not the message's doing
                    self._tries(place, validity, one.uid, -1)
                raise
            await self._delete(session, self._take_read(place, validity, one.uid, sighting, handle))
        return not self._book.mark(place).under(validity).unread

    def _tries(self, place: Place, validity: int, uid: int, times: int) -> bool:
        """Whether it is still unread; then so many tries more are noted."""
        mark = self._book.mark(place).under(validity)
        if mark.has(uid):
            self._book.set_mark(place, mark.tried(uid, times))
        return mark.has(uid)

    def _next_unread(self, place: Place, validity: int) -> list[Unread]:
        mark = self._book.mark(place).under(validity)
        spent = [one.uid for one in mark.unread if one.tries >= TRIES]
        if spent:
            self.passed_over += len(spent)
            mark = mark.giving_up(*spent)
            self._book.set_mark(place, mark)
        return sorted(mark.unread, key=lambda one: (one.tries, -one.uid))[:BODIES]

    async def _read_whole(self, session: ImapSession, place: Place, one: Unread, reading: Reading) -> Sighting | None:
        """None: it is gone."""
        for fetched in await session.fetch([one.uid], body_limit=reading.length):
            sighting = sight(_header_of(fetched), self._key, place, one.since)
            return await reading(replace(sighting, listed=one.listed), fetched.content)
        return None

    def _with_content(self, sighting: Sighting, content: bytes | None) -> Sighting:
        if content is None:
            return sighting
        if sighting.kind is Kind.REPORT:
            report = dsn.parse(content, self._key)
            return replace(sighting, report=report, token=report.token if report else None)
        return replace(sighting, content=content)

    def _take(
        self, place: Place, looked_at: Mark, sightings: list[Sighting], handle: Handle, listed: Moment
    ) -> list[int]:
        """Hand over what nobody has taken meanwhile, and note what is to be read whole first.

        Nothing is awaited in here: no other run can come between.
        """
        known = self._book.mark(place).under(looked_at.validity)
        fresh = sorted((one for one in sightings if one.uid > known.seen), key=lambda one: one.uid)
        wanted = [one for one in fresh if self._reading is not None and self._reading.wants(one)]
        given_up = known.given_up
        if known.since is None:  # what lay there before anything was sent: a few are enough
            self.passed_over += max(0, len(wanted) - BODIES)
            wanted = wanted[-BODIES:]
        elif self._reading is not None:
            given_up = max(given_up, looked_at.given_up)
        mark = replace(looked_at, seen=max(known.seen, looked_at.seen), unread=known.unread, given_up=given_up)
        mark = mark.adding([Unread(one.uid, listed, one.since) for one in wanted])
        self.passed_over += len(known.unread) + len(wanted) - len(mark.unread)
        self._book.set_mark(place, mark)
        later = {one.uid for one in wanted}
        return [one.uid for one in fresh if one.uid not in later and handle(one)]

    def _take_read(self, place: Place, validity: int, uid: int, sighting: Sighting | None, handle: Handle) -> list[int]:
        """Hand over what was read whole, unless another run has meanwhile. As in `_take`, nothing is awaited."""
        mark = self._book.mark(place).under(validity)
        if not mark.has(uid):
            return []
        self._book.set_mark(place, mark.without(uid))
        return [uid] if sighting is not None and handle(sighting) else []

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


def _header_of(whole: Fetched) -> Fetched:
    """What `fetch` would have given without a body."""
    header, end, _ = whole.content[:HEADER_LIMIT].partition(b"\r\n\r\n")
    return replace(whole, content=header + end)
