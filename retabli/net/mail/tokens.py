"""The token that a probe's mail carries: signed, unguessable and numbered, so that messages are told apart.

    v1.<series>.<number>.<sent, Unix milliseconds>.<signature>

It stands in the header, the subject and the Message-ID, in characters that survive a change of case.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

HEADER = "X-Retabli-Token"
SIGNATURE_LENGTH = 32  # hexadecimal digits: 128 bits
MOST = 16  # candidates looked at in one text: a text full of tokens costs no more than this many signatures

# Bounded on every field, so that a hostile text is searched in linear time and no number grows without end.
_TOKEN = re.compile(r"(?<![0-9a-z])v1\.[0-9a-f]{12}\.[0-9]{1,10}\.[0-9]{13}\.[0-9a-f]{32}(?![0-9a-z])", re.IGNORECASE)


class Purpose(StrEnum):
    """What a token was sent for; it is signed too, so that one kind's token never counts as another's."""

    LOOP = "loop"
    APICRYPT = "apicrypt"
    BEACON = "beacon"
    REFLECTOR = "reflector"
    ACCOUNT = "account"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature is right. `sent` is the sender's wall clock, in Unix milliseconds."""

    purpose: Purpose
    series: str
    number: int
    sent: int
    text: str

    @property
    def name(self) -> str:
        """Number and time of sending: tells it from every other of its series, also from one of a restored memory."""
        return f"{self.number}.{self.sent}"


def new_series() -> str:
    return secrets.token_hex(6)


def sign(key: bytes, purpose: Purpose, series: str, number: int, sent: int) -> Token:
    body = f"v1.{series}.{number}.{sent}"
    return Token(purpose, series, number, sent, f"{body}.{_signature(key, purpose, body)}")


def verify(key: bytes, text: str) -> Token | None:
    """The token that this text is, or None when we did not sign it. Compared in constant time."""
    text = text.strip().lower()
    if not _TOKEN.fullmatch(text):
        return None
    body, _, signature = text.rpartition(".")
    _, series, number, sent = body.split(".")
    for purpose in Purpose:
        if hmac.compare_digest(_signature(key, purpose, body), signature):
            return Token(purpose, series, int(number), int(sent), text)
    return None


def find(key: bytes, text: str) -> Token | None:
    """The first token of ours that stands anywhere in a text: a subject, a Message-ID, a returned message."""
    for count, match in enumerate(_TOKEN.finditer(text)):
        if count == MOST:
            break
        token = verify(key, match.group())
        if token is not None:
            return token
    return None


def _signature(key: bytes, purpose: Purpose, body: str) -> str:
    message = f"retabli mail token\0{purpose}\0{body}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:SIGNATURE_LENGTH]
