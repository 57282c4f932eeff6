"""Message disposition notifications: the recipient's software says what became of a message (RFC 8098)."""

import email
import email.message
import email.policy
import re
from dataclasses import dataclass

LENGTH = 131_072  # bytes of a message that are read for a notification
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


def parse(message: bytes) -> Disposition | None:
    """The notification that this message is, or None. Never raises, whatever is in it."""
    try:
        parsed = email.message_from_bytes(message[:LENGTH], policy=email.policy.compat32)
        fields = _fields(parsed)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return None
    if fields is None:
        return None
    match = _FIELD.match(fields.get("disposition", "").strip())
    if match is None:
        return None
    modifiers = (match["more"] or "").lower().replace(" ", "").split(",")
    failed = "error" in modifiers or "failure" in fields or "error" in fields
    return Disposition(match["kind"].lower(), failed, fields.get("original-message-id", "").strip()[:300])


def _fields(parsed: email.message.Message) -> dict[str, str] | None:
    for part in parsed.walk():
        if part.get_content_type() != "message/disposition-notification":
            continue
        payload = part.get_payload()
        if isinstance(payload, list):  # the parser makes the fields a message of its own
            blocks = [block for block in payload if isinstance(block, email.message.Message)]
            return {str(name).lower(): str(value) for block in blocks for name, value in block.items()}
        decoded = part.get_payload(decode=True)
        text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else ""
        return {str(name).lower(): str(value) for name, value in email.message_from_string(text.lstrip()).items()}
    return None
