"""How old the newest study of a partner is: what an archive's answers say for certain, and what they leave open.

A study's date is when it was made, not when it was received: what arrives late looks old. Its time has no zone (DICOM
PS3.5, 6.2: TM); the site's is taken. Where something is left open, the answer is that nothing can be judged.
"""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo

from retabli.model.ladder import Fall
from retabli.model.profile import DAY, Profile
from retabli.model.settings import format_duration
from retabli.model.words import Words
from retabli.net.dicom.dicom_settings import MARK
from retabli.net.dicom.receive_causes import (
    ANSWER_CAPPED,
    ARCHIVE_GARBAGE,
    MATCH_IGNORED,
    NO_NEW_STUDY,
    ONLY_A_DATE,
    STUDY_IN_FUTURE,
)

AHEAD = 300.0  # seconds by which a machine's clock may be ahead of ours without a word
# PS3.5, 6.2: TM; with colons as ACR-NEMA wrote it
TIME = re.compile(r"([01][0-9]|2[0-3]):?([0-5][0-9])?:?([0-6][0-9])?(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Seen:
    """One study, by what is asked of it: its date and time as the archive writes them, and whose it says it is."""

    day: str | None
    time: str | None
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a study was made, in Unix seconds: not before `earliest`, not after `latest`."""

    earliest: float
    latest: float


def moment_of(day: str | None, clock: str | None, zone: tzinfo) -> Moment | None:
    """From DA and TM values; None where there is no date in them. What a time leaves out could be anything."""
    digits = (day or "").strip().replace(".", "")
    match = TIME.fullmatch((clock or "").strip())
    try:
        on = datetime.strptime(digits, "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone
        hours, minutes, seconds, _ = match.groups() if match is not None else (None, None, None, None)
        first = datetime.combine(on, _time(hours, minutes, seconds, "00"), zone)
        last = datetime.combine(on, _time(hours or "23", minutes, seconds, "59"), zone)
        return Moment(first.timestamp(), last.replace(fold=1).timestamp())  # an hour that comes twice is either
    except (ValueError, OverflowError):
        return None


def _time(hours: str | None, minutes: str | None, seconds: str | None, otherwise: str) -> time:
    read = min(int(seconds or otherwise), 59)  # 60 is a leap second
    return time(int(hours or 0), int(minutes or otherwise), read)


def is_of(partner: str, values: Iterable[str]) -> bool:
    """Whether a study says that it is the partner's: case and blanks aside, `*` and `?` as in PS3.4, C.2.2.2.4."""
    wanted = " ".join(partner.split()).casefold().replace("[", "[[]")
    return any(fnmatch.fnmatchcase(" ".join(value.split()).casefold(), wanted) for value in values)


@dataclass(slots=True)
class Account:
    """What the answers so far say of a partner. `capped`: there may be more of them than we were given."""

    partner: str
    zone: tzinfo
    now: float
    moments: list[Moment] = field(default_factory=list)
    ahead: int = 0  # dated in the future
    strangers: int = 0  # another partner's, though this one's were asked for
    unnamed: int = 0  # that do not say whose they are
    undated: int = 0
    capped: bool = False
    since: date | None = None  # the first day that was asked for

    def add(self, studies: Sequence[Seen]) -> None:
        for study in studies:
            moment = moment_of(study.day, study.time, self.zone)
            if any(MARK in value.upper() for value in study.of):
                continue  # a synthetic image that a probe of ours has just stored: no partner's, whoever is asked for
            if not study.of:
                self.unnamed += 1
            elif not is_of(self.partner, study.of):
                self.strangers += 1
            elif moment is None:
                self.undated += 1
            elif moment.earliest > self.now + AHEAD:
                self.ahead += 1
            else:
                self.moments.append(moment)

    @property
    def earliest(self) -> float:
        """The newest study was made at this time, or after it."""
        return min(self.now, max(moment.earliest for moment in self.moments))

    @property
    def latest(self) -> float:
        """None of the studies was made after this."""
        return min(self.now, max(moment.latest for moment in self.moments))

    @property
    def is_doubtful(self) -> bool:
        """Whether there may be studies of the partner that are not among its moments."""
        return bool(self.ahead or self.unnamed or self.undated or self.capped)

    def is_fresh(self, profile: Profile, max_age: float) -> bool:
        """For certain. More answers could only make it fresher."""
        return bool(self.moments) and profile.expected(self.earliest, self.now) <= max_age


def judge_age(account: Account, profile: Profile, max_age: float, language: str = "en") -> None:
    """Whether the newest study is young enough; only the seconds in which something was expected count.

    Raises:
        Fall: `no_new_study` when that is certain; when it is not, `study_in_future`, `answer_capped`, `match_ignored`,
            `archive_garbage`, `only_a_date`.
    """
    if account.is_fresh(profile, max_age):
        return
    if account.ahead:
        raise Fall(STUDY_IN_FUTURE, str(account.ahead))
    if account.capped:
        given = len(account.moments)
        said = Words(
            f"le plus récent des {given} qui ont été donnés est trop ancien",
            f"the newest of the {given} that were given is too old",
        )
        raise Fall(ANSWER_CAPPED, said[language])
    if account.unnamed:
        raise Fall(MATCH_IGNORED, unnamed(account)[language])
    if account.undated:
        said = Words(
            f"{account.undated} examens sans date lisible", f"{account.undated} studies without a date that can be read"
        )
        raise Fall(ARCHIVE_GARBAGE, said[language])
    if not account.moments:
        raise Fall(NO_NEW_STUDY, none_since(account.since)[language])
    counted = profile.expected(account.latest, account.now)
    when = datetime.fromtimestamp(account.earliest, account.zone)
    if counted <= max_age:
        raise Fall(ONLY_A_DATE, when.date().isoformat())
    age, counts, shown = told(account.now - account.latest), told(counted), when.isoformat(" ", "minutes")
    most = format_duration(max_age)
    said = Words(
        f"{shown}, il y a {age.fr} : {counts.fr} comptent, {most} au plus",
        f"{shown}, {age.en} ago: {counts.en} count, of {most} at most",
    )
    raise Fall(NO_NEW_STUDY, said[language])


def none_since(day: date | None) -> Words:
    return Words(f"aucun depuis le {day}", f"none since {day}")


def unnamed(account: Account) -> Words:
    number = account.unnamed
    return Words(f"{number} examens ne disent pas de qui ils sont", f"{number} studies do not say whose they are")


def told(seconds: float) -> Words:
    """A time as people read it: to the minute."""
    if seconds < 60:
        return Words("moins de 1m", "less than 1m")
    return Words.same(format_duration(60 * (seconds // 60)))


def first_day(now: float, profile: Profile, max_age: float, look_back: float) -> date:
    """The first day of whose studies one could still be young enough: none before it need be asked for."""
    day = datetime.fromtimestamp(now, profile.zone).date()
    until = datetime.fromtimestamp(now - look_back, profile.zone).date()
    while day > until:
        ends = datetime.combine(day, time(), profile.zone).timestamp()  # the day before ends as this one begins
        if profile.expected(ends, now) > max_age:
            break
        day -= DAY
    return day
