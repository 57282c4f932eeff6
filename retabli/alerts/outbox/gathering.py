"""Several pages as one message: the fields that programs read, and the text that whoever is on call reads. Pure."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retabli.alerts.message import SIDES, SUMMARY, Letterhead, cut, parent_words, short
from retabli.alerts.own_page import placed
from retabli.model.causes import Side
from retabli.model.record import Message
from retabli.model.stamps import iso
from retabli.model.words import Words

NAMED = 10  # flows that a text names; the others are counted, and all of them are in `pages`

Page = Mapping[str, Any]  # the body of a message
CauseWords = Callable[[str], Words]  # a cause in plain words, by its code


@dataclass(frozen=True, slots=True)
class Sort:
    """What is told of one flow, and of `{}` flows."""

    one: Words
    many: Words


SORTS = {  # by status and reason, the worst first; reminders are of what fired
    ("firing", "breached"): Sort(
        Words("1 isolement rompu", "1 isolation breached"), Words("{} isolements rompus", "{} isolations breached")
    ),
    ("firing", "dropped"): Sort(
        Words("1 flux retombé", "1 flow dropped"), Words("{} flux retombés", "{} flows dropped")
    ),
    ("firing", "unknown"): Sort(
        Words("1 flux dont plus rien n'est su", "1 flow of which nothing is known"),
        Words("{} flux dont plus rien n'est su", "{} flows of which nothing is known"),
    ),
    ("firing", "degraded"): Sort(
        Words("1 flux dégradé", "1 flow degraded"), Words("{} flux dégradés", "{} flows degraded")
    ),
    ("resolved", "breached"): Sort(
        Words("1 flux de nouveau isolé", "1 flow contained again"),
        Words("{} flux de nouveau isolés", "{} flows contained again"),
    ),
    ("resolved", "dropped"): Sort(
        Words("1 flux rétabli", "1 flow restored"), Words("{} flux rétablis", "{} flows restored")
    ),
    ("resolved", "in_part"): Sort(
        Words("1 flux rétabli en partie", "1 flow restored in part"),
        Words("{} flux rétablis en partie", "{} flows restored in part"),
    ),
    ("resolved", "unknown"): Sort(
        Words("1 flux de nouveau suivi", "1 flow known again"),
        Words("{} flux de nouveau suivis", "{} flows known again"),
    ),
    ("resolved", "degraded"): Sort(
        Words("1 flux qui n'est plus dégradé", "1 flow no longer degraded"),
        Words("{} flux qui ne sont plus dégradés", "{} flows no longer degraded"),
    ),
    ("resolved", "superseded"): Sort(
        Words("1 avertissement dépassé, le flux va plus mal", "1 warning superseded by worse"),
        Words("{} avertissements dépassés, les flux vont plus mal", "{} warnings superseded by worse"),
    ),
    ("resolved", "removed"): Sort(
        Words("1 flux retiré de la surveillance", "1 flow no longer watched"),
        Words("{} flux retirés de la surveillance", "{} flows no longer watched"),
    ),
    ("resolved", "intent_changed"): Sort(
        Words("1 flux dont la décision a changé", "1 flow whose decision changed"),
        Words("{} flux dont la décision a changé", "{} flows whose decision changed"),
    ),
}
OTHER = Sort(Words("1 autre message", "1 other message"), Words("{} autres messages", "{} other messages"))
REMINDER = Words("Rappel – ", "Reminder – ")
ESCALATION = Words("Personne n'a répondu – ", "Nobody has answered – ")


@dataclass(frozen=True, slots=True)
class Gathering:
    """Writes groups in the site's language. `cause_words`: how a cause is called, by its code."""

    letterhead: Letterhead
    cause_words: CauseWords = Words.same

    def __call__(self, messages: Sequence[Message], now: float) -> Message:
        """One message to the same channel in the place of these, which have one status; `now` in wall seconds.

        Its key is made of theirs alone: the same for every attempt, after a restart, and on every channel.
        """
        pages = [message.body for message in messages]
        key = group_key([message.key for message in messages])
        letterhead, status = self.letterhead, str(pages[0]["status"])
        body = {
            "key": key,
            "status": status,
            "site": letterhead.site,
            "standpoint": letterhead.standpoint,
            "flow": None,
            "pages": pages,
            "text": "\n".join(self._lines(pages, status)),
            "summary": self._summary(pages, status),
            "url": f"{letterhead.url.rstrip('/')}/" if letterhead.url else "",
            "sent_at": iso(now),
        }
        return Message(key, messages[0].channel, f"*{key}", body)  # a lane of its own: no flow has such a name

    # in words -------------------------------------------------------------------------------------------------

    def _lines(self, pages: Sequence[Page], status: str) -> list[str]:
        """What, where, the first of them with their causes, how many more, what explains them all, and a link."""
        letterhead, language = self.letterhead, self.letterhead.language
        colon = _colon(language)
        lines = [f"{_heading(pages, status, language)}{colon}"]
        lines += [f"- {self._flow(page, status)}" for page in pages[:NAMED]]
        if len(pages) > NAMED:
            lines.append(_others(len(pages) - NAMED, language))
        parents = {page.get("because") for page in pages}
        if status != "resolved" and len(parents) == 1 and (parent := parents.pop()):
            lines.append(f"{Words('À cause de', 'Because of')[language]}{colon} {parent_words(parent, language)}")
        lines.append(placed(letterhead))
        if letterhead.url:
            lines.append(f"{Words('Voir', 'See')[language]}{colon} {letterhead.url.rstrip('/')}/")
        return lines

    def _flow(self, page: Page, status: str) -> str:
        """One flow: its name, that it is vital, and why it fell."""
        language = self.letterhead.language
        said = str(page.get("title") or page.get("flow"))
        if page.get("criticality") == "vital":
            said += " (vital)"
        if status == "resolved" or not page.get("cause"):
            return said
        side = page.get("side")
        whose = f" ({SIDES[Side(side)][language]})" if side in tuple(Side) else ""
        return f"{said} – {self.cause_words(str(page['cause']))[language]}{whose}"

    def _summary(self, pages: Sequence[Page], status: str) -> str:
        """One line of at most SUMMARY characters: what, as many names as it holds, and how many more."""
        language, site = self.letterhead.language, self.letterhead.site
        heading, titles = _heading(pages, status, language), [str(page.get("title") or page["flow"]) for page in pages]
        for named in range(min(NAMED, len(titles)), 0, -1):
            left = len(titles) - named
            listed = ", ".join([*titles[:named], *([_others(left, language)] if left else [])])
            said = short(f"{heading}{_colon(language)} {listed} – {site}")
            if len(said) <= SUMMARY:
                return said
        return cut(short(f"{heading} – {site}"))


def group_key(keys: Sequence[str]) -> str:
    """The same whatever the order, and whatever the channel."""
    return f"group-{hashlib.sha256(chr(10).join(sorted(keys)).encode()).hexdigest()[:20]}"


def _heading(pages: Sequence[Page], status: str, language: str) -> str:
    """How many of what, the worst first: `1 isolement rompu, 36 flux retombés`."""
    kind = "firing" if status == "reminder" else status
    sorts = Counter((kind, _reason(page, kind)) for page in pages)
    said = [
        _count(SORTS[sort], number, language)
        for sort, number in sorted(sorts.items(), key=lambda each: [*SORTS, each[0]].index(each[0]))
        if sort in SORTS
    ]
    if unknown := sum(number for sort, number in sorts.items() if sort not in SORTS):
        said.append(_count(OTHER, unknown, language))
    before = ""
    if status == "reminder":
        before = REMINDER[language]
    elif status == "firing" and all(page.get("escalated") for page in pages):
        before = ESCALATION[language]
    return before + ", ".join(said)


def _reason(page: Page, kind: str) -> str:
    reason = str(page.get("reason"))
    half = (kind, reason) == ("resolved", "dropped") and page.get("state") != "restored"
    return "in_part" if half else reason


def _count(sort: Sort, number: int, language: str) -> str:
    return sort.one[language] if number == 1 else sort.many[language].format(number)


def _others(number: int, language: str) -> str:
    if language == "fr":
        return f"+{number} autre" if number == 1 else f"+{number} autres"
    return f"+{number} other" if number == 1 else f"+{number} others"


def _colon(language: str) -> str:
    return "\u00a0:" if language == "fr" else ":"
