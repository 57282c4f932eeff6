"""A page of the daemon itself: its state is a copy, put in the place of one that was damaged or lost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retabli.alerts.message import Letterhead
from retabli.alerts.own_page import STATE_LANE, compose
from retabli.model.record import Entry, Event, Message
from retabli.model.stamps import iso, stamp
from retabli.model.words import Words
from retabli.store import Restored
from retabli.view.times import spoken

REASON = "state_restored"

HEADING = Words("Retabli repart d'une copie de son état", "Retabli goes on from a copy of its state")
LOST = Words(
    "Les alertes ouvertes depuis ne lui sont pas connues\u00a0: leur fin ne sera pas annoncée. Celles qui ont été "
    "closes depuis sont rouvertes jusqu'à une preuve fraîche. Prises en charge et silences posés depuis sont oubliés.",
    "Pages opened since then are not known to it: their end will not be told. Those that ended since are open again, "
    "until fresh evidence. What was acknowledged or silenced since is forgotten.",
)
UNKNOWN = Words(
    "Tout flux est inconnu jusqu'à sa première preuve fraîche.", "Every flow is unknown until its first fresh evidence."
)
ADVICE = Words(
    "À faire d'abord\u00a0: comparer avec les alertes reçues, puis examiner le disque qui porte l'état.",
    "Do first: compare with the pages that you have, then look at the disk that holds the state.",
)


@dataclass(frozen=True, slots=True)
class Telling:
    """What is written of it, in one transaction: a row of the log, and a message to every channel."""

    entry: Entry
    messages: Sequence[Message]


def telling(restored: Restored, letterhead: Letterhead, channels: Sequence[str], at: float) -> Telling:
    """`at` in wall seconds."""
    body = words(restored, letterhead, at)
    data = {
        "why": restored.why,
        "until": iso(restored.until),
        "copy": restored.copy,
        "aside": restored.aside,
        "incident": body["incident"],
        "channels": list(channels),
    }
    messages = [Message(str(body["key"]), channel, STATE_LANE, body) for channel in channels]
    return Telling(Entry(at, Event.COPY, None, data), messages)


def words(restored: Restored, letterhead: Letterhead, at: float) -> dict[str, Any]:
    """The message as a webhook receives it."""
    language = letterhead.language
    until = spoken(restored.until, letterhead.zone, language)
    since = Words(
        f"L'état était abîmé ou perdu ({restored.why})\u00a0; la copie va jusqu'à {until}.",
        f"The state was damaged or lost ({restored.why}); the copy goes up to {until}.",
    )
    kept = Words(f"Le fichier abîmé est gardé\u00a0: {restored.aside}", f"The damaged file is kept: {restored.aside}")
    lines = (since, LOST, UNKNOWN, ADVICE, *((kept,) if restored.aside else ()))
    return compose(
        letterhead,
        incident=f"restored-{stamp(restored.at)}",
        status="firing",
        reason=REASON,
        title="Retabli",
        since=restored.at,
        now=at,
        criticality="vital",
        detail=restored.why,
        heading=HEADING[language],
        lines=tuple(line[language] for line in lines),
    )
