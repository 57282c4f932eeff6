"""What a watcher knows of another's beacons: each number seen here and at the witness, and what that says of the way.

A beacon's age is taken on our own clock, from when it was first seen. The sender's clock, which is signed into each
token, only bounds what we could not see ourselves (a first look, a gap), and is said to be another's where it counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from retabli.model.result import Mail
from retabli.net.mail.moments import Moment
from retabli.net.mail.tokens import Token

MOST = 4000  # beacons that are remembered
WIDEST_GAP = 500  # missing numbers that are believed; a wider gap is another counting
STEADY = 2.5  # times the rhythm: mailboxes that were read more recently tell when a message came
_KEY = "beacons"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds: between two beacons, for an arrival, until one is lost."""

    every: float
    within: float
    lost_after: float


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a message lies: a mailbox's folder, its UIDVALIDITY, and the UID."""

    mailbox: str
    folder: str
    validity: int
    uid: int


class Finding(StrEnum):
    """What the beacons say together."""

    ARRIVES = "arrives"
    HELD = "held"  # they arrive, but late: something on the way holds them
    NOT_DELIVERED = "not_delivered"  # there, but not here
    ON_ITS_WAY = "on_its_way"  # there, and not here yet
    SILENCE = "silence"  # neither there nor here


@dataclass(frozen=True, slots=True)
class Beacon:
    """One beacon. `sent` by the sender's clock, Unix seconds; `here` and `there`: when we first saw it, if we did.

    `transit`: our clock at the first sight here, less the sender's at the sending.
    """

    name: str
    number: int
    sent: float
    here: Moment | None = None
    there: Moment | None = None
    transit: float = 0.0
    junk: bool = False
    intact: bool | None = None

    def label(self) -> str:
        return f"number {self.number}"


@dataclass(frozen=True, slots=True)
class Picture:
    """The finding, the beacon it stands on, how many older ones are missing, and whether the clocks disagree."""

    finding: Finding
    beacon: Beacon | None = None
    missing: int = 0
    clocks_disagree: bool = False


class BeaconBook:
    """In the unit's memory; kept across restarts. Nothing in here awaits anything."""

    def __init__(self, memory: dict[str, Any], rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        book = memory.get(_KEY)
        if not isinstance(book, dict) or not all(
            isinstance(book.get(part), dict) for part in ("known", "high", "gaps")
        ):
            book = memory[_KEY] = {"known": {}, "high": {}, "gaps": {}}
        self._known: dict[str, Any] = book["known"]
        self._high: dict[str, Any] = book["high"]
        self._gaps: dict[str, Any] = book["gaps"]

    # Seeing --------------------------------------------------------------------------------------------------------

    def saw_here(
        self,
        token: Token,
        now: Moment,
        since: Moment | None,
        *,
        junk: bool = False,
        intact: bool | None = None,
        spot: Spot | None = None,
    ) -> list[Mail]:
        """A beacon lies in our mailbox; what that is to be counted as. `since`: when the folder was read before."""
        entry, events = self._entry(token, now)
        _keep_spot(entry, spot)
        if "here" in entry:
            return [*events, Mail.DUPLICATE]
        age = self._age(token, now, since)
        entry["here"] = now.before(age).as_json()
        entry |= {"transit": round(now.wall - age - token.sent / 1000, 3), "junk": junk, "intact": intact}
        self._trim()
        beacon = self._beacon(_name(token), entry)
        return [*events, Mail.LATE if beacon is not None and self._late(beacon, now) else Mail.RECEIVED]

    def saw_there(self, token: Token, now: Moment, since: Moment | None, *, spot: Spot | None = None) -> list[Mail]:
        """A beacon's copy lies in the witness mailbox."""
        entry, events = self._entry(token, now)
        _keep_spot(entry, spot)
        if "there" not in entry:
            entry["there"] = now.before(self._age(token, now, since)).as_json()
        self._trim()
        return events

    def worth_knowing(self, token: Token, now: Moment, since: Moment | None) -> bool:
        """Whether it is young enough to say anything; what is older is only cleared away. A new number in a folder
        that is read steadily is new, whatever the sender's clock says."""
        if _name(token) in self._known or now.wall - token.sent / 1000 <= self._rhythm.lost_after:
            return True
        high = self._high.get(token.series)
        return self._steady(now, since) and (high is None or token.number > high)

    def expire(self, now: Moment, *, witnessed: bool) -> tuple[list[Mail], list[Spot]]:
        """Forget what is past `lost_after`: what of it is to be counted as lost, and which messages can be removed.

        `witnessed`: there is a witness, without whom a missing number is the only trace of a loss.
        """
        events: list[Mail] = []
        spots: list[Spot] = []
        for name, entry in list(self._known.items()):
            beacon = self._beacon(name, entry)
            first = _earliest(beacon) if beacon is not None else None
            if beacon is None or first is None or first.elapsed(now) > self._rhythm.lost_after:
                del self._known[name]
                spots += _spots(entry)
                if beacon is not None and beacon.here is None:
                    events.append(Mail.LOST)
        for name, stamp in list(self._gaps.items()):
            moment = Moment.from_json(stamp)
            if moment is None or moment.elapsed(now) > self._rhythm.lost_after:
                del self._gaps[name]
                if not witnessed:
                    events += [Mail.SENT, Mail.LOST]
        return events, spots

    def _entry(self, token: Token, now: Moment) -> tuple[dict[str, Any], list[Mail]]:
        name = _name(token)
        entry = self._known.get(name)
        if isinstance(entry, dict):
            return entry, []
        entry = self._known[name] = {}
        self._gaps.pop(f"{token.series}.{token.number}", None)
        high = self._high.get(token.series)
        if isinstance(high, int) and high < token.number - 1 <= high + WIDEST_GAP:
            for number in range(high + 1, token.number):
                self._gaps[f"{token.series}.{number}"] = now.as_json()
        self._high.pop(token.series, None)  # the latest series stand last
        self._high[token.series] = max(token.number, high if isinstance(high, int) else 0)
        for series in list(self._high)[:-10]:
            del self._high[series]
        return entry, [Mail.SENT]

    def _age(self, token: Token, now: Moment, since: Moment | None) -> float:
        """Seconds since it came, as far as is known: just now when the folder is read steadily. Else not before it was
        sent, by the sender's clock, and not before the folder was last read."""
        if self._steady(now, since):
            return 0.0
        sent_ago = max(0.0, now.wall - token.sent / 1000)
        return sent_ago if since is None else min(sent_ago, since.elapsed(now))

    def _steady(self, now: Moment, since: Moment | None) -> bool:
        return since is not None and since.elapsed(now) <= self._rhythm.every * STEADY

    # Judging -------------------------------------------------------------------------------------------------------

    def judge(self, now: Moment) -> Picture:
        """What the beacons known by now say of the way here."""
        beacons = self._beacons()
        here = [beacon for beacon in beacons if beacon.here is not None]
        newest = max(here, key=lambda beacon: beacon.sent, default=None)
        newer = [beacon for beacon in beacons if beacon.here is None and (not newest or beacon.sent > newest.sent)]
        overdue = [beacon for beacon in newer if _elapsed(beacon.there, now) > self._rhythm.within]
        fresh = newest is not None and _elapsed(newest.here, now) <= self._rhythm.every + self._rhythm.within
        if newest is not None and fresh and self._late(newest, now):
            return Picture(Finding.HELD, newest)
        if overdue:
            return Picture(Finding.NOT_DELIVERED, max(overdue, key=lambda beacon: beacon.sent), len(overdue))
        if newest is not None and fresh:
            older = [beacon for beacon in beacons if beacon.here is None and beacon.sent < newest.sent]
            missing = sum(_elapsed(beacon.there, now) > self._rhythm.within for beacon in older)
            return Picture(Finding.ARRIVES, newest, missing, abs(newest.transit) > self._rhythm.within)
        if newer:
            return Picture(Finding.ON_ITS_WAY, max(newer, key=lambda beacon: beacon.sent))
        return Picture(Finding.SILENCE, newest)

    def _late(self, beacon: Beacon, now: Moment) -> bool:
        """Whether it came later than it may. With a copy at the witness one clock says so: ours.

        Without one, the sender's clock and ours are subtracted: then it must also have taken that much longer than
        the quickest of the remembered beacons, in whose time the difference of the clocks is contained too.
        """
        if beacon.there is not None and beacon.here is not None:
            return beacon.there.elapsed(now) - beacon.here.elapsed(now) > self._rhythm.within
        quickest = min((one.transit for one in self._beacons() if one.here is not None), default=beacon.transit)
        return beacon.transit > self._rhythm.within and beacon.transit - quickest > self._rhythm.within

    def _beacons(self) -> list[Beacon]:
        found = (self._beacon(name, entry) for name, entry in self._known.items())
        return [beacon for beacon in found if beacon is not None]

    def _beacon(self, name: str, entry: object) -> Beacon | None:
        match (name.split("."), entry):
            case ([_, number, sent], dict()) if number.isdigit() and sent.isdigit():
                return Beacon(
                    name,
                    int(number),
                    int(sent) / 1000,
                    Moment.from_json(entry.get("here")),
                    Moment.from_json(entry.get("there")),
                    float(entry.get("transit", 0.0)),
                    bool(entry.get("junk", False)),
                    entry.get("intact"),
                )
        return None

    def _trim(self) -> None:
        for name in list(self._known)[:-MOST]:
            del self._known[name]


def in_flight(memory: dict[str, Any]) -> int:
    """How many beacons were seen at the witness and not here yet, by a unit's memory."""
    book = memory.get(_KEY)
    known: Iterable[Any] = book["known"].values() if isinstance(book, dict) and "known" in book else ()
    return sum(isinstance(entry, dict) and "here" not in entry for entry in known)


def _keep_spot(entry: dict[str, Any], spot: Spot | None) -> None:
    if spot is not None:
        entry.setdefault("spots", []).append([spot.mailbox, spot.folder, spot.validity, spot.uid])


def _spots(entry: object) -> list[Spot]:
    found: list[Spot] = []
    for spot in entry.get("spots", ()) if isinstance(entry, dict) else ():
        match spot:
            case [str() as mailbox, str() as folder, int() as validity, int() as uid]:
                found.append(Spot(mailbox, folder, validity, uid))
    return found


def _name(token: Token) -> str:
    return f"{token.series}.{token.name}"


def _earliest(beacon: Beacon) -> Moment | None:
    return beacon.there or beacon.here


def _elapsed(moment: Moment | None, now: Moment) -> float:
    return moment.elapsed(now) if moment is not None else 0.0
