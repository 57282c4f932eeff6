"""Finds a partner's newest study in an archive by few questions, and is not deceived by one that caps its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from retabli.model.ladder import Fall, Ladder
from retabli.model.profile import DAY, Profile
from retabli.model.stages import stage
from retabli.model.words import Words
from retabli.net.dicom.receive_causes import MATCH_IGNORED, NEVER_RECEIVED, NO_NEW_STUDY
from retabli.net.dicom.received import Account, Seen, first_day, judge_age, none_since, unnamed

NEWEST = stage("newest", fr="examen le plus récent", en="newest study")
RECENT = stage("recent", fr="âge du dernier examen", en="age of the newest study")

ROUNDS = 5  # questions for something newer still, of an archive that seems to give only a part


@dataclass(frozen=True, slots=True)
class Page:
    """What an archive gave. `partial`: it says that it has more, or gave as many as were allowed."""

    studies: Sequence[Seen]
    partial: bool


class Source(Protocol):
    """The archive as this module needs it; either road leads to one."""

    async def studies(self, first: date, last: date, after: str | None = None) -> Page:
        """Studies of the partner made on these days, both included; `after` is the time (HHMMSS) they begin at."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of whom, how old at most, and over which time it is looked for. Durations in seconds."""

    partner: str
    max_age: float
    look_back: float
    profile: Profile


async def climb_to_newest(ladder: Ladder, source: Source, wanted: Wanted) -> None:
    """Climb NEWEST and RECENT over what the source answers; its questions climb their own rungs.

    First only the days are asked for whose studies could be recent enough: that answer decides. The days before are
    looked at to tell since when nothing came.

    Raises:
        Fall: the causes of `judge_age`; `never_received`.
    """
    account = await _count(ladder, source, wanted)
    known = ladder.memory.get("newest") if ladder.memory.get("partner") == wanted.partner else None
    older = None
    if not account.moments and not account.is_doubtful:
        older = await _look_back(source, wanted, account)
    with ladder.rung(NEWEST):
        if older is not None and not older:
            _judge_nothing(account, known, wanted, ladder.language)
    if account.moments:
        newest = datetime.fromtimestamp(account.earliest, account.zone).isoformat(" ", "minutes")
        ladder.describe("newest", newest)
        ladder.memory.update(partner=wanted.partner, newest=newest)
    with ladder.rung(RECENT):
        judge_age(account, wanted.profile, wanted.max_age, ladder.language)


async def _count(ladder: Ladder, source: Source, wanted: Wanted) -> Account:
    """What those days hold, as far as it must be known: a fresh study is enough."""
    profile, now = wanted.profile, ladder.wall()
    account = Account(wanted.partner, profile.zone, now)
    account.since = first_day(now, profile, wanted.max_age, wanted.look_back)
    tomorrow = datetime.fromtimestamp(now, profile.zone).date() + DAY
    page = await source.studies(account.since, tomorrow)
    account.add(page.studies)
    account.capped = page.partial
    for _ in range(ROUNDS):
        if not account.moments or account.is_fresh(profile, wanted.max_age):
            return account
        before = account.latest
        page = await _newer(source, account, tomorrow)
        account.add(page.studies)
        account.capped = page.partial
        if account.latest <= before:
            return account
    account.capped = True
    return account


async def _newer(source: Source, account: Account, tomorrow: date) -> Page:
    """Whether it has anything newer than all that it gave: an archive may cap its answers and say nothing of it."""
    newest = datetime.fromtimestamp(account.latest, account.zone)
    pages = []
    if newest.date() < tomorrow:
        pages.append(await source.studies(newest.date() + DAY, tomorrow))
    after = datetime.fromtimestamp(account.latest + 1, account.zone)
    if after.date() == newest.date():
        pages.append(await source.studies(newest.date(), newest.date(), f"{after:%H%M%S}"))
    return Page([study for page in pages for study in page.studies], any(page.partial for page in pages))


async def _look_back(source: Source, wanted: Wanted, account: Account) -> bool:
    """Whether there is any study of the partner before; the newest of them is added where all of them were given."""
    assert account.since is not None  # noqa: S101 - it was just asked for
    first = datetime.fromtimestamp(account.now - wanted.look_back, account.zone).date()
    if first >= account.since:
        return False
    page = await source.studies(first, account.since - DAY)
    found = Account(account.partner, account.zone, account.now)
    found.add(page.studies)
    if not found.moments:
        account.unnamed += found.unnamed
    elif not page.partial:
        account.moments += found.moments
    return bool(found.moments)


def _judge_nothing(account: Account, known: object, wanted: Wanted, language: str) -> None:
    """There is none at all of this partner in the time that was looked at."""
    if account.unnamed:
        raise Fall(MATCH_IGNORED, unnamed(account)[language])
    none = none_since(datetime.fromtimestamp(account.now - wanted.look_back, account.zone).date())
    if known is not None:
        last = Words(f"le dernier vu est du {known}", f"the last one that was seen is of {known}")
        raise Fall(NO_NEW_STUDY, Words(f"{none.fr} ; {last.fr}", f"{none.en}; {last.en}")[language])
    raise Fall(NEVER_RECEIVED, none[language])
