"""The part of a notification that is meant for machines (RFC 6522): its fields, in groups."""

import email
import email.message
import re

Fields = dict[str, str]

MOST = 21  # groups: of the message, and one for each of twenty recipients


def field_groups(parsed: email.message.Message, kind: str) -> list[Fields] | None:
    """The groups of fields in the part of that media type, names in lower case; None without such a part.

    Of a delivery status the first is the message's, then comes one a recipient (RFC 3464, section 2.1).
    """
    for part in parsed.walk():
        if part.get_content_type() != kind:
            continue
        blocks = part.get_payload()
        if isinstance(blocks, list):  # the parser makes each group of fields a message of its own
            groups = [_lowered(block) for block in blocks if isinstance(block, email.message.Message)]
        else:
            payload = part.get_payload(decode=True)
            text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
            groups = [_lowered(email.message_from_string(block)) for block in re.split(r"\r?\n\s*\r?\n", text.lstrip())]
        return [group for group in groups if group][:MOST]
    return None


def _lowered(block: email.message.Message) -> Fields:
    return {str(name).lower(): str(value) for name, value in block.items()}
