"""Message disposition notifications: the recipient's software says what became of a message (RFC 8098)."""

import email.message
import re
from dataclasses import dataclass

from retabli.net.mail.report_parts import field_groups

_FIELD = re.compile(
    r"[^;]{0,100};\s*(?P<kind>displayed|deleted|dispatched|processed|denied|failed)\b\s*(/(?P<more>[^;]{0,100}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Disposition:
    """What became of a message. `kind` as in section 3.2.6.2 (and RFC 2298's denied and failed), in lower case."""

    kind: str
    error: bool
    message_id: str  # the Message-ID of the message that it is about, with its angle brackets, or empty

    @property
    def read(self) -> bool:
        """The recipient's side has taken the message in."""
        return self.kind in ("displayed", "dispatched", "processed") and not self.error


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message of ours: a disposition's kind, and whether the recipient's side has taken it in."""

    kind: str
    read: bool


def disposition_in(parsed: email.message.Message) -> Disposition | None:
    """What the notification says that this message is, or None when it is none."""
    groups = field_groups(parsed, "message/disposition-notification")
    if groups is None:
        return None
    fields = {name: value for group in groups for name, value in group.items()}
    match = _FIELD.match(fields.get("disposition", "").strip())
    if match is None:
        return None
    modifiers = (match["more"] or "").lower().replace(" ", "").split(",")
    failed = "error" in modifiers or "failure" in fields or "error" in fields
    return Disposition(match["kind"].lower(), failed, fields.get("original-message-id", "").strip()[:300])
