"""A page that tells of nothing: whether a channel takes one, before it matters."""

import secrets
from typing import Any

from retabli.alerts.channels.placeholders import FIELDS
from retabli.alerts.message import Letterhead, cut, text_of
from retabli.alerts.own_page import placed
from retabli.model.record import Message
from retabli.model.stamps import iso
from retabli.model.words import COLON, Words
from retabli.view.times import spoken

TEST = Words("Essai, rien n'est arrivé", "Test, nothing has happened")
ASKED = Words(
    "Quelqu'un vérifie que les alertes arrivent ici, par le canal « {channel} ». Il n'y a rien à faire.",
    "Somebody verifies that pages arrive here, by the channel “{channel}”. There is nothing to do.",
)
SENT = Words("Envoyé {when}.", "Sent on {when}.")


def trial_message(letterhead: Letterhead, channel: str, at: float) -> Message:
    """A message of status `test`, marked as one from its first words on. `at` in wall seconds.

    Its key is never the same again: no receiver drops it as a repeat.
    """
    language, site = letterhead.language, letterhead.site
    heading = f"{TEST[language]}{COLON[language]}{site}"
    sent = SENT[language].format(when=spoken(at, letterhead.zone, language))
    lines = [heading, placed(letterhead), ASKED[language].format(channel=channel), sent]
    if letterhead.url:
        lines.append(letterhead.url)
    body: dict[str, Any] = dict.fromkeys(name for name in FIELDS if name != "pages") | {
        "key": f"test-{secrets.token_hex(8)}",
        "status": "test",
        "reason": "test",
        "site": site,
        "standpoint": letterhead.standpoint,
        "title": TEST[language],
        "detail": "",
        "owner": "",
        "runbook": "",
        "escalated": False,
        "acknowledge_url": "",
        "url": letterhead.url,
        "text": text_of(lines, letterhead),
        "summary": cut(heading),
        "sent_at": iso(at),
    }
    return Message(body["key"], channel, "", body)
