"""One look at the beacons: our mailbox and the witness's, read together, and what they say of the way in."""

import asyncio
import contextlib
from dataclasses import dataclass

from retabli.model import stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Mail
from retabli.model.words import Words
from retabli.net.mail import mail_causes, mail_in_causes, mail_messages
from retabli.net.mail.beacons import Beacon, BeaconBook, Finding, Picture, Rhythm, Spot, in_flight
from retabli.net.mail.mailbox_reader import MailboxReader
from retabli.net.mail.moments import Moment
from retabli.net.mail.round_trip import TIDYING
from retabli.net.mail.sightings import Kind, Place, Sighting
from retabli.net.mail.tokens import Purpose

_NO_WITNESS = Words(
    "il n'y a pas de témoin : un flux fermé a la même apparence", "there is no witness: a closed flow looks the same"
)


@dataclass(frozen=True, slots=True)
class BeaconWatch:
    """`here` is read for every beacon and its attachment, `there`, the witness, for the numbers only."""

    ladder: Ladder
    here: MailboxReader
    there: MailboxReader | None
    rhythm: Rhythm

    async def look(self) -> None:
        """Read, judge, clear away. Climbs MAILBOX, DELIVERED, CLEAN, CONTENT, ON_TIME.

        Raises:
            Fall: the verdict; unknown while our mailbox cannot be read, or nobody sends.
        """
        book = BeaconBook(self.ladder.memory, self.rhythm)
        readers = (self.here,) if self.there is None else (self.here, self.there)
        try:
            with self.ladder.rung(stages.MAILBOX):
                await asyncio.gather(*(reader.sweep(self._handler(reader, book)) for reader in readers))
                if self.here.fault is not None:
                    raise self.here.fault
            now = Moment.now(self.ladder)
            try:
                self._judge(book.judge(now), now)
            finally:
                await self._tidy(book, readers, now)
        except asyncio.CancelledError:
            await asyncio.gather(*(reader.close(abort=True) for reader in readers))
            raise
        finally:
            await asyncio.gather(*(reader.close() for reader in readers))

    def _handler(self, reader: MailboxReader, book: BeaconBook) -> "_Take":
        return _Take(self.ladder, reader, book, main=reader is self.here)

    async def _tidy(self, book: BeaconBook, readers: tuple[MailboxReader, ...], now: Moment) -> None:
        """What is told and done with is removed. Nothing is lost while our mailbox, which may hold it, is unreadable:
        this is called only after it was read."""
        events, spots = book.expire(now, witnessed=self.there is not None)
        for event in events:
            self.ladder.count(event)
        self.ladder.describe("in_flight", str(in_flight(self.ladder.memory)))
        await asyncio.gather(*(_remove(reader, spots) for reader in readers))
        await asyncio.gather(*(reader.clear(TIDYING) for reader in readers))
        passed_over = sum(reader.passed_over for reader in readers)
        if passed_over:
            self.ladder.describe("passed_over", str(passed_over))

    # Judging -------------------------------------------------------------------------------------------------------

    def _judge(self, picture: Picture, now: Moment) -> None:
        beacon = picture.beacon
        if beacon is not None:
            self._describe(beacon)
        if picture.finding is Finding.HELD and beacon is not None:
            number, transit = beacon.number, f"{beacon.transit:.0f} s"
            said = Words(f"balise n° {number}, arrivée après {transit}", f"number {number} came after {transit}")
            self.ladder.impair(mail_causes.RELAY_HOLDING, said[self.ladder.language])
            return
        with self.ladder.rung(stages.DELIVERED):
            if picture.finding is not Finding.ARRIVES or beacon is None:
                raise self._absence(picture, now)
        with self.ladder.rung(stages.CLEAN):
            if beacon.junk:
                raise Fall(mail_causes.IN_SPAM, beacon.label())
        with self.ladder.rung(stages.CONTENT):
            if beacon.intact is False:
                raise Fall(mail_causes.ATTACHMENT_STRIPPED, beacon.label())
        with self.ladder.rung(stages.ON_TIME):
            self._impair(picture, beacon)

    def _absence(self, picture: Picture, now: Moment) -> Fall:
        beacon = picture.beacon
        if picture.finding is Finding.NOT_DELIVERED and beacon is not None and beacon.there is not None:
            since = beacon.there.elapsed(now)
            number, missing = beacon.number, picture.missing
            said = Words(
                f"balise n° {number}, depuis {since:.0f} s ; {missing} manquent ici",
                f"number {number} for {since:.0f} s; {missing} missing here",
            )
            return Fall(mail_in_causes.NOT_DELIVERED, said[self.ladder.language])
        if picture.finding is Finding.ON_ITS_WAY and beacon is not None:
            said = Words(
                f"la balise n° {beacon.number} est chez le témoin, et peut-être encore en route vers ici",
                f"{beacon.label()} is at the witness, and may still be on its way here",
            )
            return Fall(mail_in_causes.NO_BEACON, said[self.ladder.language])
        if self.there is None:
            return Fall(mail_in_causes.NO_BEACON, _NO_WITNESS[self.ladder.language])
        if self.there.fault is not None:
            return _unwitnessed(self.there.fault)
        return Fall(mail_in_causes.NO_BEACON)

    def _impair(self, picture: Picture, beacon: Beacon) -> None:
        if picture.missing:
            missing = picture.missing
            said = Words(f"{missing} sont chez le témoin et pas ici", f"{missing} are at the witness and not here")
            self.ladder.impair(mail_in_causes.BEACONS_MISSING, said[self.ladder.language])
        if picture.clocks_disagree and self.there is None:
            said = Words(
                f"{beacon.transit:.0f} s entre l'horloge de l'émetteur et la nôtre",
                f"{beacon.transit:.0f} s between the sender's clock and ours",
            )
            self.ladder.impair(mail_in_causes.CLOCKS_DISAGREE, said[self.ladder.language])

    def _describe(self, beacon: Beacon) -> None:
        self.ladder.describe("beacon", str(beacon.number))
        if beacon.here is not None:
            self.ladder.describe("transit", f"{beacon.transit:.1f} s")
        if self.there is not None and self.there.fault is not None:
            self.ladder.describe("witness", self.there.fault.detail)


def _unwitnessed(fault: Fall) -> Fall:
    """What kept the witness from being read: its own door, or what we lacked, for which nobody is to look there."""
    if fault.cause in (mail_causes.MAILBOX_UNREADABLE, mail_causes.MAILBOX_AUTH_REFUSED):
        return Fall(mail_in_causes.WITNESS_UNREADABLE, fault.detail)
    return fault


@dataclass(frozen=True, slots=True)
class _Take:
    """Notes one message of a mailbox; whether it is ours and too old to say anything."""

    ladder: Ladder
    reader: MailboxReader
    book: BeaconBook
    main: bool

    def __call__(self, sighting: Sighting) -> bool:
        token = sighting.token
        if sighting.kind is Kind.FORGED and self.main:
            self.ladder.count(Mail.FORGED)
        if sighting.kind is not Kind.TOKEN or token is None or token.purpose is not Purpose.BEACON:
            return False
        now = Moment.now(self.ladder)
        if not self.book.worth_knowing(token, now, sighting.since):
            return True
        place = sighting.place
        spot = Spot(place.mailbox, place.folder, self.reader.validity(place), sighting.uid)
        if self.main:
            content = sighting.content
            intact = None if content is None else mail_messages.attachment_intact(content, token)
            events = self.book.saw_here(token, now, sighting.since, junk=sighting.junk, intact=intact, spot=spot)
        else:
            events = self.book.saw_there(token, now, sighting.since, spot=spot)
        for event in events:
            self.ladder.count(event)
        return False


async def _remove(reader: MailboxReader, spots: list[Spot]) -> None:
    """Bounded: a verdict that is already given must not be lost to the run's deadline."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TIDYING):
            await _remove_each(reader, spots)


async def _remove_each(reader: MailboxReader, spots: list[Spot]) -> None:
    for place in reader.places:
        lie = [spot for spot in spots if (spot.mailbox, spot.folder) == (place.mailbox, place.folder)]
        for validity in {spot.validity for spot in lie}:
            await reader.remove(
                Place(place.mailbox, place.folder), validity, [spot.uid for spot in lie if spot.validity == validity]
            )
