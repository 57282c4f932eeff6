"""What a token's fate says of the flow: the rungs from delivered to on time, for every kind that awaits a mail."""

from collections.abc import Callable, Collection
from typing import Literal, NoReturn

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.numbers import decimal
from retabli.model.result import Rung
from retabli.model.stages import Stage
from retabli.model.words import Words
from retabli.net.mail import dsn, mail_causes
from retabli.net.mail.fates import End, Fate
from retabli.net.mail.mail_ledger import Arrival
from retabli.net.mail.mdn import Answer
from retabli.net.mail.round_trip import Reader, RoundTrip, unread

Method = Literal["spf", "dkim", "dmarc"]
_SAYS_NOTHING = Words("le serveur de réception n'en dit rien", "the receiving server says nothing")


def hold(ladder: Ladder, stage: Stage, seconds: float) -> None:
    """A rung that held, whose time was measured elsewhere."""
    ladder.begin(stage)
    ladder.hold(Rung(stage, seconds))


def fall_from(ladder: Ladder, stage: Stage, seconds: float, fall: Fall) -> NoReturn:
    """A rung that did not hold, whose time was measured elsewhere."""
    ladder.begin(stage)
    ladder.drop(stage, seconds, fall)
    raise fall


def judge_delivered(ladder: Ladder, fate: Fate, within: float, *, spam_counts: bool = True) -> Arrival | None:
    """DELIVERED: how the token arrived. None when no rung of its own holds: the relay holds, and a late old token is
    no proof of the present. `spam_counts`: what lies in spam has arrived, and is judged later.

    Raises:
        Fall: `bounced`, `late`, `in_spam`, or why the mailbox could not be read.
    """
    if fate.end is End.HELD:
        ladder.impair(mail_causes.RELAY_HOLDING, silence_detail(within, fate, ladder.language))
        return None
    if fate.arrival is None:
        fall_from(ladder, stages.DELIVERED, fate.seconds, not_arrived(fate, within, ladder.language))
    if fate.arrival.junk and not spam_counts:
        fall_from(ladder, stages.DELIVERED, fate.seconds, Fall(mail_causes.IN_SPAM))
    hold(ladder, stages.DELIVERED, fate.seconds)
    return fate.arrival


def not_arrived(fate: Fate, within: float, language: str) -> Fall:
    """Why: the mailbox could not be read, the token came back, or nothing is known of it."""
    if fate.fault is not None:
        return fate.fault
    if fate.end is End.BOUNCED:
        return Fall(mail_causes.BOUNCED, bounce_detail(fate, language))
    return Fall(mail_causes.LATE, silence_detail(within, fate, language))


def bounce_detail(fate: Fate, language: str) -> str:
    """`5.1.1 unknown recipient: 550 5.1.1 …`: the code, what it means, and the partner's own words."""
    words = dsn.status_words(fate.status)
    meaning = " ".join(part for part in (fate.status, words[language] if words else "") if part)
    return f"{meaning}: {fate.detail}" if meaning and fate.detail else meaning or fate.detail


def silence_detail(seconds: float, fate: Fate, language: str) -> str:
    silent = Words(f"toujours pas là après {seconds:.0f} s", f"not there after {seconds:.0f} s")[language]
    delay = Words(f" ; un serveur annonce un retard : {fate.detail}", f"; a server reports a delay: {fate.detail}")
    return silent + (delay[language] if fate.detail else "")


def judge_clean(ladder: Ladder, *, junk: bool, authentication: str, expect: Collection[str] = ()) -> None:
    """CLEAN: not in spam, and authenticated as the receiving server found it.

    A DMARC failure is one: it is what partners reject by. SPF or DKIM alone may fail on a way that others are content
    with: where DMARC does not pass for it, the flow is not whole. A server that says nothing is not judged, but for
    what is expected of it.
    """
    with ladder.rung(stages.CLEAN):
        ladder.describe("authentication", authentication or _SAYS_NOTHING[ladder.language])
        if junk:
            raise Fall(mail_causes.IN_SPAM, authentication)
        results = dict(word.split("=", 1) for word in authentication.split())
        if results.get("dmarc") == "fail":
            raise Fall(mail_causes.DMARC_FAIL, authentication)
        missing = [method for method in expect if results.get(method) != "pass"]
        if missing:
            found = authentication or "nothing"
            raise Fall(mail_causes.NOT_AUTHENTICATED, f"{' '.join(missing)} expected; found: {found}")
        impaired = _impairment(results)
        if impaired is not None:
            ladder.impair(impaired, authentication)


def _impairment(results: dict[str, str]) -> Cause | None:
    if results.get("dmarc") == "pass":
        return None
    if results.get("spf") in ("fail", "softfail", "hardfail"):
        return mail_causes.SPF_FAIL
    return mail_causes.DKIM_FAIL if results.get("dkim") in ("fail", "hardfail") else None


async def judge_answer(
    ladder: Ladder, trip: RoundTrip, answer: Callable[[], Answer | None], notices: Reader, within: float
) -> None:
    """ANSWERED: the recipient's side says, where `notices` arrive, that it has taken the message in (RFC 8098).

    Raises:
        Fall: `no_mdn`, `mdn_refused`, or why that mailbox could not be read.
    """
    with ladder.told_as(unread), ladder.rung(stages.ANSWERED):
        await trip.until(lambda: answer() is not None)
        said = answer()
        if said is None:
            none = Words(f"aucun après {within:.0f} s", f"none after {within:.0f} s")
            raise notices.blind or Fall(mail_causes.NO_MDN, none[ladder.language])
        ladder.describe("disposition", said.kind)
        if not said.read:
            raise Fall(mail_causes.MDN_REFUSED, said.kind)


def judge_on_time(ladder: Ladder, seconds: float, within: float) -> None:
    """ON_TIME: it arrived, and not too late."""
    with ladder.rung(stages.ON_TIME):
        if seconds > within:
            took = f"{decimal(seconds, 1, ladder.language)} s"
            said = Words(f"arrivé après {took}", f"arrived after {took}")
            raise Fall(mail_causes.LATE, said[ladder.language])
