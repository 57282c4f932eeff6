"""A POP3 server's status lines, and what a refusal among them means (RFC 1939, section 3; RFC 2449; RFC 3206)."""

import re
from dataclasses import dataclass

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.model.result import clean
from retabli.net.mail import pop_causes


@dataclass(frozen=True, slots=True)
class Reply:
    """A status line: `-ERR [IN-USE] try again later`. `code` is the response code (RFC 2449, section 8)."""

    ok: bool
    code: str
    text: str

    def __str__(self) -> str:
        return self.text


_CODE = re.compile(r"\[([A-Za-z][A-Za-z/_-]{0,40})(?:\s[^\]]{0,80})?\]")
# Servers without response codes say so in words only, as RFC 1939 itself does in its example of PASS.
_LOCKED = re.compile(
    r"\b(mail ?drop|mail ?box)\b.{0,40}\b(locked|in use|busy)|\b(already|is) (locked|in use)\b", re.IGNORECASE
)
_ACCOUNT = re.compile(r"\b(account|user|password|log ?ins?)\b", re.IGNORECASE)


def reply_of(line: bytes) -> Reply:
    """A status line taken apart.

    Raises:
        Fall: `not_pop`.
    """
    match = re.fullmatch(rb"(\+OK|-ERR)(?: (.*)|\s*)", line.rstrip(b"\r\n"), re.DOTALL)
    if match is None:
        raise Fall(pop_causes.NOT_POP, line[:200])
    text = clean(match[2] or b"")
    code = _CODE.match(text)
    return Reply(match[1] == b"+OK", code[1].upper() if code else "", text)


def cause_of(reply: Reply, otherwise: Cause) -> Cause:
    """What a refusal's response code says, or `otherwise` when there is none that we know."""
    return pop_causes.RESPONSE_CODES.get(reply.code, otherwise)


def of_login(reply: Reply) -> Cause:
    """What a refused login means. Without a code or words that say otherwise, the credentials."""
    found = cause_of(reply, causes.AUTH_REFUSED)
    if found is causes.AUTH_REFUSED and not reply.code and _LOCKED.search(reply.text):
        return causes.AUTH_REFUSED if _ACCOUNT.search(reply.text) else pop_causes.MAILDROP_LOCKED
    return found
