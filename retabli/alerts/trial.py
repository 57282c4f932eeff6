"""A page that tells of nothing: whether a channel takes one, before it matters."""

import secrets
from datetime import UTC, datetime
from typing import Any

from retabli.alerts.channels.placeholders import FIELDS
from retabli.alerts.message import Letterhead
from retabli.model.record import Message
from retabli.model.stamps import iso
from retabli.model.words import Words
from retabli.view.site import seen_from

TEST = Words("Essai, rien n'est arrivé", "Test, nothing has happened")
ASKED = Words(
    "Quelqu'un vérifie que les alertes arrivent ici, par le canal « {channel} ». Il n'y a rien à faire.",
    "Somebody verifies that pages arrive here, by the channel “{channel}”. There is nothing to do.",
)


def trial_message(letterhead: Letterhead, channel: str, at: float) -> Message:
    """A message of status `test`, marked as one from its first words on. `at` in wall seconds.

    Its key is never the same again: no receiver drops it as a repeat.
    """
    language, site = letterhead.language, letterhead.site
    colon = " :" if language == "fr" else ":"
    heading = f"{TEST[language]}{colon} {site}"
    place = f" ({seen_from(letterhead.standpoint, language)})" if letterhead.standpoint else ""
    moment = datetime.fromtimestamp(at, letterhead.zone)
    stamp = f"{moment:%d/%m/%Y %H:%M:%S}" if language == "fr" else f"{moment:%Y-%m-%d %H:%M:%S}"
    lines = [f"{heading}{place}", ASKED[language].format(channel=channel), f"{stamp} {moment.tzname() or UTC}"]
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
        "text": "\n".join(lines),
        "summary": heading,
        "sent_at": iso(at),
    }
    return Message(body["key"], channel, "", body)
