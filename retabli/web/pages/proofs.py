"""What the latest run proved beside its rungs: how long certificates hold, what became of mails, how doors are shut."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from retabli.model.facts import FACTS, fact
from retabli.model.record import UnitPicture
from retabli.model.result import Mail, Measure, Outcome, Result
from retabli.model.words import Words
from retabli.net.containment.ways import EXPECTED, NOT_APPLICABLE, NOT_EXPECTED, Sign
from retabli.view import View
from retabli.view.noted import IN_FLIGHT, UnitNotes
from retabli.view.times import span, spoken
from retabli.web.inert import inert
from retabli.web.instants import When, when
from retabli.web.words import text

DAY = 86_400.0
SOON = 14 * DAY  # before a certificate expires, from when on its page warns
OWN, NOT_AFTER = "own_certificate", "not_after"
_TOLD = ("subject", "issuer", NOT_AFTER, OWN, IN_FLIGHT)  # facts that are shown as more than a fact
_WRITTEN = "%Y-%m-%d %H:%M:%SZ"
_LAST = datetime.max.replace(tzinfo=UTC).timestamp() - 2 * DAY  # that any calendar of ours can write


@dataclass(frozen=True, slots=True)
class Certificate:
    """`standing`: good, soon or expired."""

    whose: str
    subject: str
    issuer: str
    said: str
    standing: str


@dataclass(frozen=True, slots=True)
class MailCount:
    word: str
    number: int
    bad: bool


@dataclass(frozen=True, slots=True)
class MailCounts:
    since: When
    counts: tuple[MailCount, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """One attempt to get out. `standing`: shut, denied (which proves nothing), odd (not as expected), open, or none
    (not applicable)."""

    way: str
    said: str
    detail: str
    standing: str


def certificates(result: Result, view: View, language: str) -> Iterator[Certificate]:
    """The ones that the run was shown, and our own where it looked at that."""
    facts = result.properties
    expiry = result.measures.get(Measure.CERT_EARLIEST_EXPIRY)
    if expiry is not None:
        own = _instant(facts.get(NOT_AFTER, ""))
        above = own is not None and own - expiry > DAY  # something that signed it ends before it does
        whose = text("chain" if above else "certificate", language)
        yield _certificate(
            whose, expiry, inert(facts.get("subject", "")), inert(facts.get("issuer", "")), view, language
        )
    ours = _instant(facts.get(OWN, ""))
    if ours is not None:
        yield _certificate(text("our_certificate", language), ours, "", "", view, language)


def _certificate(whose: str, expiry: float, subject: str, issuer: str, view: View, language: str) -> Certificate:
    left = expiry - view.unstamped_now
    # Where stamps are mapped, so is this one; but as far from now as it really is, whatever the pace of a replay.
    day = spoken(min(max(view.now + left, 0.0), _LAST), view.site.zone, language)
    days = span(abs(left) // DAY * DAY if abs(left) >= DAY else abs(left), language)
    standing = "expired" if left <= 0 else "soon" if left < SOON else "good"
    said = text("expired_on" if left <= 0 else "expires_on", language, day=_kept(day), left=days)
    return Certificate(whose, subject, issuer, said, standing)


def _kept(said: str) -> str:
    """An hour is not torn at the end of a line: `3 h 57`."""
    return said.replace(" h ", "\u00a0h\u00a0")


def _instant(written: str) -> float | None:
    try:
        return datetime.strptime(written, _WRITTEN).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def mail_counts(notes: UnitNotes | None, view: View, language: str) -> MailCounts | None:
    """What became of the unit's mails since this daemon started; None for a unit that has none."""
    if notes is None or notes.mail is None:
        return None
    bad = (Mail.LATE, Mail.LOST, Mail.BOUNCED, Mail.DUPLICATE, Mail.FORGED)
    counts = [
        MailCount(text(f"mail_{event.value}", language), number, event in bad and number > 0)
        for event, number in notes.mail.items()
    ]
    if notes.in_flight is not None:
        counts.append(MailCount(text("mail_in_flight", language), notes.in_flight, bad=False))
    return MailCounts(when(notes.since, view, language), tuple(counts))


def doors(unit: UnitPicture, language: str) -> list[Door]:
    """The attempts of a round that is to prove a flow closed, as its facts tell them. Where it did not prove that, a
    denial is but a denial: nothing of it is shown like what is proven."""
    if unit.result is None or not unit.probe.PROVES_CLOSURE:
        return []
    causes = {cause.code: cause.words for cause in unit.probe.CAUSES}
    found = [_door(way, told, causes, language) for way, told in _attempts(unit.result.properties)]
    if unit.outcome is Outcome.OK:
        return found
    return [replace(door, standing="denied") if door.standing == "shut" else door for door in found]


def _attempts(facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in facts.items() if name not in FACTS)


def _door(way: str, told: str, causes: Mapping[str, Words], language: str) -> Door:
    word, _, detail = (part.strip() for part in told.partition(":"))
    standing = "odd"  # what is not recognised is neither a denial nor an answer
    if (found := re.fullmatch(r"(\w+) \((.+)\)", word)) and found[1] in tuple(Sign):
        expected = found[2] in (EXPECTED.fr, EXPECTED.en)
        standing = "shut" if expected else "odd"
        word = text(f"sign_{found[1]}", language) + ("" if expected else f" ({NOT_EXPECTED[language]})")
    elif word in (NOT_APPLICABLE.fr, NOT_APPLICABLE.en):
        standing, word = "none", NOT_APPLICABLE[language]
    elif word and word == word.upper():  # the way in which an answer is told
        standing, word = "open", text("answers", language)
    elif word in causes:
        word = causes[word][language]
    return Door(inert(way), inert(word), inert(detail), standing)


def facts(unit: UnitPicture, language: str) -> Iterator[tuple[str, str]]:
    """All other facts of the latest run, as people read them."""
    if unit.result is None:
        return
    told = {name for name, _ in _attempts(unit.result.properties)} if unit.probe.PROVES_CLOSURE else set()
    for key, value in unit.result.properties.items():
        if key not in _TOLD and key not in told:
            name, found = fact(key, value, language)
            yield inert(name), inert(found)
